"""Ensembles over seeds: the test metric of the mean prediction of models that share a curve, a size and a split."""

import numpy as np
from scipy.special import log_expit, logsumexp

from jaxmrl.config.names import REFERENCE_MODEL
from jaxmrl.data.task_data import TaskData
from jaxmrl.reports.resampling import judged_scores, metric_of_draws, read_test_scores, test_molecules
from jaxmrl.rows import CurveIdentity, ResultRow
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.runs.ensembles import EnsembleRow


def ensemble_rows(run: RunDirectory, rows: list[ResultRow], problems: list[TaskData]) -> list[EnsembleRow]:
    """Return the ensembles of a run, in the order of `rows`: of two models or more whose predictions were kept.

    Models of one ensemble have the same settings, training size and test molecules, so those of other splits never mix.
    The training mean has none.
    """
    groups: dict[tuple[CurveIdentity, float, int, str], list[ResultRow]] = {}
    for row in rows:
        if row.counts and row.curve.model != REFERENCE_MODEL:
            groups.setdefault((row.curve.of_all_sizes, row.fraction, row.n_train, row.metric), []).append(row)
    found = []
    for key, members in groups.items():
        for problem in (one for one in problems if one.split_name == key[0].split):
            read = [(row, read_test_scores(run, row, problem)) for row in members]
            kept = [(row, scores) for row, scores in read if scores is not None]
            if len(kept) > 1:
                single = float(np.mean([row.test for row, _ in kept if row.test is not None]))
                metric = _metric_of_mean(problem, [row for row, _ in kept], np.stack([scores for _, scores in kept]))
                found.append(EnsembleRow(key[0], problem.repeat.seed, *key[1:], metric, single, len(kept)))
    return found


def _metric_of_mean(problem: TaskData, rows: list[ResultRow], scores: np.ndarray) -> float:
    """Return the test metric, a mean over tasks, of the mean of what the models of `rows` predict, [S, M, T].

    Models that have not learned a task have no part in its prediction.
    """
    learned = np.array([[row.tests[task] is not None for task in problem.table.tasks] for row in rows])
    mean = mean_prediction(scores, learned, classes=problem.table.task == "classification")
    judged = judged_scores(problem, rows[0].curve.modality, mean, np.asarray(learned.any(axis=0)))
    return float(metric_of_draws(problem.metric, *judged, np.arange(len(test_molecules(problem)))[None])[0])


def mean_prediction(scores: np.ndarray, learned: np.ndarray, *, classes: bool) -> np.ndarray:
    """Return the mean over models of what they predict, [M, T]; 0 for a task that no model has learned.

    Of classes it is the logit of the mean probability, because probabilities near 1 lose their order.

    Args:
        scores: Logits, or values in the label's unit, of each model, [S, M, T].
        learned: [S, T] whether a model has learned a task.
        classes: Whether the scores are logits.
    """
    weights = np.broadcast_to(learned[:, None, :].astype(float), scores.shape)
    with np.errstate(divide="ignore", invalid="ignore"):  # of tasks that no model has learned
        if classes:
            active, inactive = (logsumexp(log_expit(sign * scores), axis=0, b=weights) for sign in (1, -1))
            mean = active - inactive
        else:
            mean = np.where(weights > 0, scores, 0.0).sum(axis=0) / weights.sum(axis=0)
    return np.where(learned.any(axis=0), mean, 0.0)
