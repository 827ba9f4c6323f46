"""Classical models with censored labels: each bound becomes the value that is expected beyond it. NumPy and SciPy only.

An estimator takes exact labels only. So a normal distribution around a prediction says what to expect of a true value
beyond its bound, and the estimator learns from that value (Buckley & James, Linear regression with censored data, 1979,
with a normal distribution as of Tobin 1958). The predictions come from cross-fitting: a model that has learned from a
value predicts nearly that value, and its residuals are too small.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import erfcx

FOLDS = 4
"""Parts of the training molecules; each is predicted by a model of the others."""

_ITERATIONS, _CONVERGED = 500, 1e-6
"""The most iterations of `fit_normal`, and the relative change at which it ends."""

Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""From labels [N], training molecules [n] and molecules to predict [m] to the predictions [m] of a model."""


@dataclass(frozen=True)
class TaskLabels:
    """The labels of one task of `N` molecules.

    exact [N]   NaN where a label is missing or censored
    limits [N]  the bounds of censored labels; NaN for others
    sides [N]   1 where the true value lies above the bound, -1 where it lies below, 0 where there is none
    """

    exact: np.ndarray
    limits: np.ndarray
    sides: np.ndarray

    @property
    def censored(self) -> np.ndarray:
        """Whether a label is censored, [N]."""
        return self.sides != 0

    def beyond(self, molecules: np.ndarray, center: np.ndarray | float, sd: float) -> np.ndarray:
        """Return what is expected of the censored labels among some molecules; others keep theirs, [n].

        Args:
            molecules: [n] places.
            center: [n] or a number: the mean of a normal distribution of the true value.
            sd: Its standard deviation.
        """
        expected, _ = beyond(self.limits[molecules] - center, self.sides[molecules], sd)
        return np.where(self.censored[molecules], center + expected, self.exact[molecules])


def beyond(limits: np.ndarray, sides: np.ndarray, sd: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance [n] of normal variables of mean 0 beyond `limits` [n], on the side of `sides` [n]."""
    start = sides * limits / sd
    # The density over the probability beyond. Their logarithms would differ by less than their rounding far out.
    hazard = math.sqrt(2 / math.pi) / erfcx(start / math.sqrt(2))
    # Far beyond 0, the difference loses its digits; the variance is above 0 all the same.
    return sides * sd * hazard, sd**2 * np.maximum(1 + start * hazard - hazard**2, 0.0)


def fit_normal(labels: TaskLabels, molecules: np.ndarray, center: np.ndarray | None = None) -> tuple[float, float]:
    """Return mean and standard deviation of the normal distribution that is likeliest for some labels.

    The method is expectation maximization (Dempster, Laird & Rubin 1977).

    Args:
        labels: Of the task; the exact ones among the molecules have at least two different values.
        molecules: [n] places.
        center: [n] predictions. If given, the distribution is that of the labels minus these, and its mean is 0.
    """
    shift = np.zeros(len(molecules)) if center is None else center
    exact, limits, sides = labels.exact[molecules] - shift, labels.limits[molecules] - shift, labels.sides[molecules]
    known, censored = exact[~np.isnan(exact)], sides != 0
    mean = 0.0 if center is not None else float(known.mean())
    sd = float(np.sqrt(np.mean((known - mean) ** 2)))
    for _ in range(_ITERATIONS):
        expected, variance = beyond(limits[censored] - mean, sides[censored], sd)
        values, before = np.concatenate([known, mean + expected]), (mean, sd)
        mean = 0.0 if center is not None else float(values.mean())
        sd = float(np.sqrt((np.sum((values - mean) ** 2) + variance.sum()) / len(values)))
        if abs(mean - before[0]) + abs(sd - before[1]) <= _CONVERGED * sd:
            break
    return mean, sd


def expected_labels(labels: TaskLabels, train: np.ndarray, valid: np.ndarray, seed: int, fit: Fit) -> np.ndarray:
    """Return labels [N] where expected values replace the censored labels of training and validation molecules.

    First, one normal distribution of all training labels gives what is expected beyond each bound. Then it is the
    distribution around the prediction of models that learned from these values. More rounds were not better
    (docs/concepts/labels.md).

    Args:
        labels: Of the task.
        train: [n] training molecules with an exact or a censored label.
        valid: [v] likewise for validation.
        seed: Of the folds.
        fit: Fits the model to other labels.
    """
    both, values = np.concatenate([train, valid]), labels.exact.copy()
    values[both] = labels.beyond(both, *fit_normal(labels, train))
    fold = np.random.default_rng(seed).permutation(len(train)) % FOLDS
    center = np.zeros(len(values))
    for k in range(FOLDS):
        own = train[fold == k]
        predicted = fit(values, train[fold != k], np.concatenate([own, valid]))
        center[own] = predicted[: len(own)]
        center[valid] += predicted[len(own) :] / FOLDS
    _, sd = fit_normal(labels, train, center[train])
    values[both] = labels.beyond(both, center[both], sd)
    return values
