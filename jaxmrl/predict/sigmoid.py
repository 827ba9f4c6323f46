"""Calibrated probabilities of one task by a sigmoid (Platt 1999): pure functions of arrays, NumPy and SciPy only."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

_SUREST = 1e-3
"""The smallest distance of a raw probability from 0 and 1: beyond it, single molecules would decide the slope."""


@dataclass(frozen=True)
class Sigmoid:
    """The logit of the calibrated probability as a line of the raw logit; slope is at least 0."""

    slope: float
    intercept: float

    def probabilities(self, raw: np.ndarray) -> np.ndarray:
        """Return the calibrated probability of each raw one, [n]."""
        return expit(self.slope * _logits(raw) + self.intercept)


def fit_sigmoid(raw: np.ndarray, labels: np.ndarray) -> Sigmoid:
    """Return the sigmoid that is likeliest for labels.

    The targets are those of Platt (1999), (n1 + 1) / (n1 + 2) and 1 / (n0 + 2) instead of 1 and 0: with few molecules,
    the slope would be too large otherwise.

    Args:
        raw: [n] probabilities of molecules that no model has learned from.
        labels: [n] 0 or 1, some of each.
    """
    active = labels.sum()
    targets = np.where(labels == 1, (active + 1) / (active + 2), 1 / (len(labels) - active + 2))
    scores = _logits(raw)

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean log loss and its gradient."""
        logits = line[0] * scores + line[1]
        wrong = (expit(logits) - targets) / len(targets)
        gradient = np.array([wrong @ scores, wrong.sum()])
        return float(np.mean(np.logaddexp(0, logits) - targets * logits)), gradient

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0, None), (None, None)]).x
    return Sigmoid(*found.tolist())


def _logits(raw: np.ndarray) -> np.ndarray:
    return logit(np.clip(raw, _SUREST, 1 - _SUREST))
