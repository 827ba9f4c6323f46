"""One replica of a classical model, fitted to its molecules task by task. No JAX: worker processes run this."""

from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from jaxmrl.baselines.assignment import Assignment
from jaxmrl.baselines.censored import TaskLabels, expected_labels
from jaxmrl.baselines.estimators import ESTIMATORS, FitTask, logits
from jaxmrl.baselines.views import Scaling
from jaxmrl.data.bounds import Bounds
from jaxmrl.modalities.descriptors.features import Descriptors


def fit_and_predict(
    assignment: Assignment, features: Descriptors, labels: np.ndarray, bounds: Bounds | None = None
) -> np.ndarray:
    """Return what a replica predicts of the molecules asked for, [m, T] float64: logits, or values in the label's unit.

    Each task has a model of its own, of the molecules that have its label. It uses one thread, so that a seed gives
    the same bits on every machine of a kind.

    Args:
        assignment: The replica.
        features: Of all molecules of the table.
        labels: [N, T] of all molecules of the table, NaN for missing.
        bounds: Censored labels of all molecules of the table, which `labels` lack; None where there are none.
    """
    with threadpool_limits(limits=1):
        scaling = Scaling.of(features.values[assignment.train])
        columns = []
        for task, column in enumerate(labels.T):
            exact = column.astype(np.float64)
            known = None if bounds is None else TaskLabels(exact, bounds.values[:, task], bounds.sides[:, task])
            columns.append(_fit_task(assignment, features, scaling, exact, known))
    return np.stack(columns, axis=1)


def _fit_task(
    assignment: Assignment, features: Descriptors, scaling: Scaling, labels: np.ndarray, censored: TaskLabels | None
) -> np.ndarray:
    """Return the predictions of one task, [m].

    labels [N]: exact ones; censored: the same with the bounds of others.
    """
    train, valid = _labeled(assignment, ~np.isnan(labels))
    fit = partial(_fit, assignment, features, scaling)
    # If all exact labels are the same, no distribution says what to expect beyond a bound.
    if censored is not None and censored.censored[assignment.train].any() and len(np.unique(labels[train])) > 1:
        train, valid = _labeled(assignment, ~np.isnan(labels) | censored.censored)
        some = lambda values, learned, asked: fit(values, learned, valid, asked)
        labels = expected_labels(censored, train, valid, assignment.seed, some)
    return fit(labels, train, valid, assignment.asked)


def _labeled(assignment: Assignment, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the training and the validation molecules that are `known` [N].

    They are in the order of the table, so that the order in which a seed has drawn them does not matter.
    """
    train, valid = (np.sort(part[known[part]]) for part in (assignment.train, assignment.valid))
    return train, valid


def _weights_of(assignment: Assignment, train: np.ndarray) -> np.ndarray | None:
    """Return the weights [n] of some training molecules; None where all count the same."""
    if assignment.weights is None:
        return None
    order = np.argsort(assignment.train)
    return assignment.weights[order[np.searchsorted(assignment.train, train, sorter=order)]]


def _fit(
    assignment: Assignment,
    features: Descriptors,
    scaling: Scaling,
    labels: np.ndarray,
    train: np.ndarray,
    valid: np.ndarray,
    asked: np.ndarray,
) -> np.ndarray:
    """Return the predictions of molecules `asked` by a model of `train` and `valid`, which have a label, [m]."""
    learned, many = labels[train], len(asked)
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
        valid_labels=(labels[valid] - mean) / spread,
        asked=scaling.view(features, asked),
        seed=assignment.seed,
        weights=_weights_of(assignment, train),
    )
    return ESTIMATORS[assignment.model](task) * spread + mean
