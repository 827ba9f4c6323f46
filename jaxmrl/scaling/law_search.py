"""The search for the parameters of a law that come closest to a curve, for many curves at once."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from jaxmrl.scaling.laws import Law
from jaxmrl.scaling.solve import least_squares


class Measured(Protocol):
    """What laws are fitted to: the points of a curve, or the cells of a grid of data and model sizes."""

    @property
    def inputs(self) -> np.ndarray:
        """What laws are functions of: sizes [N], or several of them [K, N]."""

    @property
    def error(self) -> np.ndarray:
        """Mean errors [N]."""

    @property
    def guess(self) -> float | None:
        """The error of guessing; None where it is not known."""

    @property
    def top(self) -> float:
        """The perfect metric for laws of the metric; 0 where these are laws of the error."""

    @property
    def perfect(self) -> np.ndarray:
        """Whether each error is 0, [N]."""

    @property
    def above_zero(self) -> bool:
        """Whether the metric, if a higher one is better, is above 0 at all sizes by more than its noise."""

    def whitened(self, residuals: np.ndarray) -> np.ndarray:
        """Return residuals of log error [..., N] in standard deviations, independent of each other."""


def can_fit(law: Law, points: Measured) -> bool:
    """Return whether there are enough points, what the law begins from is known, it can describe the metric, and it
    does not repeat another law.
    """
    known = not (law.needs_guess and points.guess is None) and not (law.for_scores and points.top == 0)
    known = known and (points.above_zero or not law.above_zero)
    return known and not points.perfect.any() and len(points.error) >= len(law.parameters)


def fit_many(law: Law, points: Measured, errors: np.ndarray, start: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """Fit the law to many curves at once, errors [B, N] at the sizes of `points`.

    start [S, P]: unbounded values to begin from, in place of those that the law offers. Returns unbounded values
    [B, P], statistics [B], and which have converged [B].
    """
    starts = starts_of(law, points) if start is None else start
    many, of = len(errors), len(starts)
    target = np.repeat(np.log(errors), of, axis=0)
    u, cost, converged = least_squares(residuals_of(law, points, target), np.tile(starts, (many, 1)))
    cost = cost.reshape(many, of)
    best = cost.argmin(axis=1) + of * np.arange(many)
    return np.clip(u[best], *law.ends), cost.min(axis=1), converged[best]


def starts_of(law: Law, points: Measured) -> np.ndarray:
    """Return the unbounded values [S, P] that the law would begin from."""
    with np.errstate(all="ignore"):
        return law.unbounded(np.array(law.starts(points.inputs, points.error, points.guess, points.top)))


def error_of(law: Law, points: Measured, n: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the errors [B, K] of n [K] molecules, by values [B, P] of the law's parameters."""
    columns = [values[:, k : k + 1] for k in range(values.shape[1])]
    with np.errstate(all="ignore"):
        return law.function(np.asarray(n, float), *columns, points.guess, points.top)


def predict_many(law: Law, points: Measured, n: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return `error_of` by unbounded values u [B, P]."""
    return error_of(law, points, n, law.natural(u))


def residuals_of(law: Law, points: Measured, target: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return the residuals for unbounded values u, for problems with log errors target [B, N]."""
    n = np.asarray(points.inputs, float)

    def residuals(u: np.ndarray, rows: np.ndarray) -> np.ndarray:
        error = predict_many(law, points, n, u)
        return points.whitened(np.log(np.where(error > 0, error, np.nan)) - target[rows])

    return residuals
