"""Profile intervals of a law's parameters: every value with which the others can still fit the points."""

from collections.abc import Callable

import numpy as np

from jaxmrl.scaling.law_search import Measured, residuals_of, starts_of
from jaxmrl.scaling.laws import Law
from jaxmrl.scaling.solve import least_squares

_POINTS, _WAVE = 20, 5
"""Steps from the best value to the bound of a parameter, and how many of them are fitted at a time."""

_TOLERANCE = 1e-6
"""Profiles only tell whether a fit is worse by a given amount, so they end sooner than the search for the best fit."""


def profile_intervals(
    law: Law, points: Measured, u: np.ndarray, chi2: float, reach: float, more: np.ndarray, names: tuple[str, ...] = ()
) -> dict[str, tuple[float | None, float | None]]:
    """Return (low, high) of each parameter: where the best fit with that parameter fixed is worse by `reach`.

    more [P]: how much farther each end is in unbounded values, by another source of error, which is added in squares.
    names: the parameters that are asked for; all by default.
    """
    profile = _Profile(law, points, u, chi2)
    asked = [k for k, name in enumerate(law.names) if not names or name in names]
    sides = [(k, end - u[k]) for k in asked for end in law.parameters[k].unbounded_ends]
    brackets = profile.crossings([(k, _offsets(to_end, profile.spread[k])) for k, to_end in sides], reach)
    finer = [
        (k, np.linspace(*bracket, _POINTS) if bracket else np.zeros(0))
        for (k, _), bracket in zip(sides, brackets, strict=True)
    ]
    ends = []
    for (k, _), bracket in zip(sides, profile.crossings(finer, reach), strict=True):
        ends.append(None if bracket is None else float(law.parameters[k].natural(u[k] + _widen(bracket, more[k]))))
    return {law.names[k]: (ends[2 * at], ends[2 * at + 1]) for at, k in enumerate(asked)}


def _widen(bracket: tuple[float, float], more: float) -> float:
    """Return the interval's end, as an offset, widened by `more`."""
    end = np.mean(bracket)
    return float(np.sign(end) * np.hypot(end, more))


class _Profile:
    """How much worse the best fit is where one parameter is held elsewhere."""

    def __init__(self, law: Law, points: Measured, u: np.ndarray, chi2: float):
        self.law, self.points, self.u, self.chi2 = law, points, u, chi2
        covariance = _covariance(law, points, u)
        variance = np.maximum(np.diag(covariance), 1e-12)
        self.spread, self._along = np.sqrt(variance), covariance / variance[None, :]
        self._others = starts_of(law, points)

    def crossings(self, sides: list[tuple[int, np.ndarray]], reach: float) -> list[tuple[float, float] | None]:
        """Return, for each (parameter, offsets, ever further out), the first two between which the fit gets worse by
        `reach`.

        Offsets are tried a few at a time: fits beyond the crossing take longest, and nothing depends on them.
        """
        found: list[tuple[float, float] | None] = [None] * len(sides)
        for first in range(0, _POINTS, _WAVE):
            open_sides = [place for place, one in enumerate(found) if one is None]
            tried = [
                (place, at) for place in open_sides for at in range(first, min(first + _WAVE, len(sides[place][1])))
            ]
            worse = self._is_worse([(sides[place][0], sides[place][1][at]) for place, at in tried], reach)
            for (place, at), beyond in zip(tried, worse, strict=True):
                if beyond and found[place] is None:
                    offsets = sides[place][1]
                    found[place] = (offsets[at - 1] if at else 0.0, offsets[at])
        return found

    def _is_worse(self, held: list[tuple[int, float]], reach: float) -> np.ndarray:
        """Return, for each (parameter, offset), whether the best fit is worse by `reach`.

        The others begin where they are, along the valley, and where the law would begin: one that is at its bound
        cannot leave it, because there the curve no longer depends on it.
        """
        if not held:
            return np.zeros(0, bool)
        start, free = [], []
        for k, offset in held:
            this = np.arange(len(self.u)) == k
            here = self.u + offset * this
            begins = [here, self.u + offset * self._along[:, k], *np.where(this, here, self._others)]
            start.extend(np.clip(begins, -700, 700))
            free.extend([~this] * len(begins))
        target = np.log(self.points.error)[None, :].repeat(len(start), axis=0)
        alike = len(start) // len(held)
        _, cost, _ = least_squares(
            residuals_of(self.law, self.points, target),
            np.array(start),
            np.array(free),
            tolerance=_TOLERANCE,
            alike=alike,
            enough=self.chi2 + reach,
        )
        return cost.reshape(len(held), alike).min(axis=1) - self.chi2 >= reach


def _offsets(to_end: float, spread: float) -> np.ndarray:
    """Return steps from the best value to its bound: fine where the interval should end, then ever wider."""
    first = min(0.3 * spread, abs(to_end) / 2)
    if not first > 0:
        return np.zeros(0)
    return np.sign(to_end) * np.geomspace(first, abs(to_end), _POINTS)


def _covariance(law: Law, points: Measured, u: np.ndarray) -> np.ndarray:
    """Return the covariance of the unbounded values [P, P], by the residuals' slopes, for unit variance."""
    residuals = residuals_of(law, points, np.log(points.error)[None, :])
    slopes = _slopes(lambda v: residuals(v, np.zeros(len(v), int)), u)
    return np.linalg.pinv(slopes.T @ slopes, rcond=1e-10)


def _slopes(function: Callable[[np.ndarray], np.ndarray], u: np.ndarray) -> np.ndarray:
    step = 1e-5
    moved = np.concatenate([u + step * np.eye(len(u)), u - step * np.eye(len(u))])
    with np.errstate(all="ignore"):
        values = function(moved)
    up, down = values[: len(u)], values[len(u) :]
    return np.nan_to_num((up - down) / (2 * step)).T
