"""One replica of a classical model, fitted to its molecules task by task. No JAX: worker processes run this."""

import numpy as np
from threadpoolctl import threadpool_limits

from jaxmrl.baselines.assignment import Assignment
from jaxmrl.baselines.estimators import ESTIMATORS, FitTask, logits
from jaxmrl.baselines.views import Scaling
from jaxmrl.modalities.descriptors.features import Descriptors


def fit_and_predict(assignment: Assignment, features: Descriptors, labels: np.ndarray) -> np.ndarray:
    """Return what a replica predicts of the molecules asked for, [m, T] float64: logits, or values in the label's unit.

    Each task has a model of its own, of the molecules that have its label. It uses one thread, so that a seed gives
    the same bits on every machine of a kind.

    Args:
        assignment: The replica.
        features: Of all molecules of the table.
        labels: [N, T] of all molecules of the table, NaN for missing.
    """
    with threadpool_limits(limits=1):
        scaling = Scaling.of(features.values[assignment.train])
        columns = [_fit_task(assignment, features, column, scaling) for column in labels.T]
    return np.stack(columns, axis=1)


def _fit_task(assignment: Assignment, features: Descriptors, labels: np.ndarray, scaling: Scaling) -> np.ndarray:
    """Return the predictions of one task, [m]."""
    # In order of the table: in which order a seed has drawn its molecules decides nothing.
    train, valid = (part[~np.isnan(labels[part])] for part in (assignment.train, assignment.valid))
    weights = assignment.weights
    if weights is not None:
        weights = weights[~np.isnan(labels[assignment.train])][np.argsort(train)]
    train, valid = np.sort(train), np.sort(valid)
    learned, many = labels[train].astype(np.float64), len(assignment.asked)
    if len(learned) == 0:
        return np.zeros(many)
    mean, spread = (0.0, 1.0) if assignment.classes else (float(learned.mean()), float(learned.std()))
    if np.ptp(learned) == 0:
        return np.full(many, logits(learned[:1])[0] if assignment.classes else learned[0])
    task = FitTask(
        classes=assignment.classes,
        train=scaling.view(features, train),
        labels=(learned - mean) / spread,
        valid=scaling.view(features, valid),
        valid_labels=(labels[valid].astype(np.float64) - mean) / spread,
        asked=scaling.view(features, assignment.asked),
        seed=assignment.seed,
        weights=weights,
    )
    return ESTIMATORS[assignment.model](task) * spread + mean
