"""What a replica of a classical model achieved, by the metrics that judge neural networks."""

import math

import jax
import numpy as np

from jaxmrl.data.task_data import TaskData, comparable
from jaxmrl.io.cells import ABOVE
from jaxmrl.rows import COUNTED
from jaxmrl.training.compiled import small_program
from jaxmrl.training.lanes import Replica
from jaxmrl.training.metrics import METRICS, mean_of_known
from jaxmrl.training.outcome import Outcome, Validation, status_of


def outcome_of(problem: TaskData, modality: str, replica: Replica, predicted: np.ndarray) -> Outcome:
    """Return the outcome of a replica by its predictions [v + t, T] of its validation and then its test molecules.

    It has no epoch and no step, and one validation.
    """
    divisors = np.ones(len(problem.table.tasks)) if replica.divisors is None else replica.divisors
    judged = len(replica.valid)
    exact = problem.table.labels[replica.test]
    parts = (_with_bounds(problem, replica.valid, predicted[:judged]), (predicted[judged:], exact))
    valid, test = (np.where(np.isnan(divisors), np.nan, _per_task(problem, modality, *part)) for part in parts)
    means = [mean_of_known(per_task / divisors) for per_task in (valid, test)]
    status = status_of(
        diverged=False,
        share=1.0,
        has_metrics=all(map(math.isfinite, means)),
        all_tasks=not np.isnan(divisors).any(),
    )
    ok = status in COUNTED
    return Outcome(
        name=replica.name,
        status=status,
        valid=means[0] if ok else math.nan,
        test=means[1] if ok else math.nan,
        test_tasks=test if ok else np.full_like(test, np.nan),
        best_epoch=0,
        epochs=0,
        steps=0,
        history=(Validation(0, 0, math.nan, means[0]),),
    )


def _with_bounds(problem: TaskData, molecules: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and labels [n, T] of validation molecules; where the metric is an error, bounds become labels.

    A score on the right side of a bound has no error, as for neural networks (`training.replica.judged_labels`).
    """
    labels, bounds = problem.table.labels[molecules], problem.table.bounds
    if bounds is None or not METRICS[problem.metric].in_label_unit:
        return scores, labels
    limits, sides = bounds.values[molecules], bounds.sides[molecules]
    missed = np.where(sides == ABOVE, np.minimum(scores, limits), np.maximum(scores, limits))
    return np.where(sides != 0, missed, scores), np.where(sides != 0, limits, labels)


def _per_task(problem: TaskData, modality: str, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the metric of each task for scores and labels [n, T], in the label's unit, [T] float64."""
    known = ~np.isnan(labels)
    scores, labels = comparable(problem, modality, scores, labels)
    return np.asarray(_evaluate(problem.metric, scores, np.where(known, labels, np.float32(0)), known), np.float64)


@small_program(static_argnums=0)
def _evaluate(metric: str, scores: jax.Array, labels: jax.Array, known: jax.Array) -> jax.Array:
    return METRICS[metric].evaluate(scores, labels, known)
