"""What other test molecules would have given: metrics of kept predictions, over test molecules drawn again."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.data.task_data import TaskData, comparable
from jaxmrl.io.cache import load_arrays
from jaxmrl.io.files import label_columns
from jaxmrl.rows import ResultRow
from jaxmrl.runs.artifacts import PREDICTION_COLUMNS, PREDICTIONS, kept_name
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.training.metrics import METRICS, mean_over_tasks

MOST_DRAWS, _CELLS = 200, 30_000_000
"""The number of draws of test molecules; fewer if molecules x tasks are many."""


def resampled_metrics(run: RunDirectory, rows: list[ResultRow], problem: TaskData) -> np.ndarray | None:
    """Return the test metric of each of `rows` (finished ones of one split) over drawn test molecules, [S, R].

    The same draws for all rows. None where predictions were not kept. NaN where a draw has no metric.
    """
    molecules = len(problem.split.test)
    draws = int(np.clip(_CELLS // max(molecules * len(problem.table.tasks), 1), 20, MOST_DRAWS))
    drawn = jnp.asarray(np.random.default_rng(0).integers(molecules, size=(draws, molecules)))
    read = [read_test_scores(run, row, problem) for row in rows]
    scored = [scores for scores in read if scores is not None]
    if not scored or len(scored) < len(rows):
        return None
    return np.stack(
        [
            np.asarray(metric_of_draws(problem.metric, *_judged(problem, row, scores), drawn))
            for row, scores in zip(rows, scored, strict=True)
        ],
        axis=1,
    )


def test_molecules(problem: TaskData) -> np.ndarray:
    """Return the places of the test molecules in the table, in order of their ids, [M]."""
    return problem.split.test[np.argsort(problem.table.ids[problem.split.test])]


def read_test_scores(run: RunDirectory, row: ResultRow, problem: TaskData) -> np.ndarray | None:
    """Return the predictions [M, T] of the `test_molecules`; None if they are missing, damaged or of others."""
    names = label_columns(problem.table.tasks, PREDICTION_COLUMNS)
    path = run.path / PREDICTIONS / f"{kept_name(row)}.npz"
    arrays = load_arrays(path, {*PREDICTION_COLUMNS, *names})
    if arrays is None:
        return None
    test = arrays["part"] == "test"
    if not np.array_equal(arrays["molecule_id"][test], problem.table.ids[test_molecules(problem)]):
        return None
    return np.stack([arrays[name][test] for name in names], axis=1)


def _judged(problem: TaskData, row: ResultRow, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `judged_scores` of a row's predictions."""
    included = np.array([row.tests[task] is not None for task in problem.table.tasks])
    return judged_scores(problem, row.curve.modality, scores, included)


def judged_scores(
    problem: TaskData, modality: str, scores: np.ndarray, included: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores and labels of the `test_molecules` in float32, and which of them a mean includes, [M, T] all.

    scores [M, T]: predictions; included [T]: whether the mean over tasks has a task.
    """
    labels = problem.table.labels[test_molecules(problem)]
    known = ~np.isnan(labels) & included
    divisors = problem.task_divisors if METRICS[problem.metric].in_label_unit else 1.0
    scores, labels = comparable(problem, modality, scores, labels, divisors)
    return scores, np.where(known, labels, np.float32(0)), known


@partial(jax.jit, static_argnums=0)
def metric_of_draws(metric: str, scores: jax.Array, labels: jax.Array, known: jax.Array, drawn: jax.Array) -> jax.Array:
    """Return the metric [S] of scores [M, T] against labels that are known [M, T], over each draw [S, M] of
    molecules.
    """

    def of_draw(places: jax.Array) -> jax.Array:
        return mean_over_tasks(METRICS[metric].evaluate(scores[places], labels[places], known[places]))

    return jax.lax.map(of_draw, drawn)
