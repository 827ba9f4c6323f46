"""Curves that no law of improvement describes: those that get worse with more molecules, and perfect ones."""

from dataclasses import dataclass

import numpy as np

from jaxmrl.scaling.points import Points
from jaxmrl.stats import t_sf
from jaxmrl.text import size_text

WORSE, SATURATED = "gets worse", "saturated"
_CHANCE = 0.01
_CHANCE_OF_FEW = 0.1
"""The chance that counts if too few runs are repeated for a test, and each size is worse than the one before."""

_LEAST_SHARE = 0.25
"""A rise after the best size counts from this share of the fall before it."""

_LARGE_SHARE = 0.5
"""A rise at the largest size alone counts from this share of the fall, where the noise is not known."""

_FEWEST_FREEDOM = 3
_UNTESTED = "; so few runs cannot exclude chance: run each size several times"


@dataclass(frozen=True)
class Shape:
    """Why no law is fitted: the kind of curve, WORSE or SATURATED, and a sentence."""

    kind: str
    reason: str


def shape_of(points: Points) -> Shape | None:
    """Return what kind of curve it is where that rules out a forecast; None for all others."""
    if points.perfect.any():
        return Shape(SATURATED, _saturated_text(points))
    best = int(np.argmin(points.error))
    certain = _gets_worse(points, best)
    if not certain and not (points.dof == 0 and _seems_worse(points, best)):
        return None
    where = "" if best == 0 else f" than {size_text(points.n[best])}"
    return Shape(WORSE, f"gets worse with more molecules{where}, so no forecast is made{'' if certain else _UNTESTED}")


def _saturated_text(points: Points) -> str:
    """Return from which size on, or at which sizes, the metric is perfect."""
    perfect = points.perfect
    after = len(perfect) - np.argmin(perfect[::-1]) if not perfect.all() else 0
    if perfect[after:].all() and perfect.sum() == len(perfect) - after:
        where = f"saturated from {size_text(points.n[after])} molecules on: the error is 0 there"
    else:
        where = f"the error is 0 at {', '.join(map(size_text, points.n[perfect]))} molecules"
    return f"{where}, below what the metric can resolve, so no law is fitted and no forecast is made"


def _gets_worse(points: Points, best: int) -> bool:
    """Return whether the error rises from its lowest size `best` to the largest by more than noise, and by a good
    part.
    """
    if _share_of_rise(points, best) <= _LEAST_SHARE:
        return False
    y = np.log(points.error)
    x, y, weights = np.log(points.n[best:]), y[best:], points.weights[best:] ** 2
    x = x - np.average(x, weights=weights)
    precision = (weights * x**2).sum()
    slope = (weights * x * y).sum() / precision
    if points.dof == 0 and len(x) >= 2 + _FEWEST_FREEDOM:
        return _rises(x, y, weights, slope, precision)
    if points.dof == 0:
        return _rises_from_line(points, best)
    chance = t_sf(slope * np.sqrt(precision), points.dof)
    if points.dof < _FEWEST_FREEDOM and _never_improves(points):
        return bool(chance < _CHANCE_OF_FEW)
    # The lowest of several sizes is low by chance, too: the test is corrected for the number of sizes.
    return bool(chance < _CHANCE / len(points.n))


def _share_of_rise(points: Points, best: int) -> float:
    """Return the rise of the log error after its lowest size, as a share of the fall before it; 0 where it does not
    rise.
    """
    y = np.log(points.error)
    fall, rise = y[0] - y[best], y[-1] - y[best]
    return float(rise / fall) if fall > 0 else np.inf if rise > 0 else 0.0


def _seems_worse(points: Points, best: int) -> bool:
    """Return whether the sizes are better and better up to `best`, and from there worse and worse, by a good part.

    That is the order of the sizes and no test: all that is known where no size has repeated runs.
    """
    steps = np.diff(points.error)
    peaked = bool((steps[:best] < 0).all() and (steps[best:] > 0).all())
    least = _LEAST_SHARE if len(steps[best:]) > 1 else _LARGE_SHARE
    return peaked and _share_of_rise(points, best) > least


def _rises_from_line(points: Points, best: int) -> bool:
    """Return whether the error rises after `best` by more than the sizes up to there scatter about a line over log
    n.
    """
    left = best - 1
    if left < 2:
        return False
    x, y = np.log(points.n), np.log(points.error)
    residual = y[: best + 1] - np.polyval(np.polyfit(x[: best + 1], y[: best + 1], 1), x[: best + 1])
    scale = np.sqrt(2 * (residual**2).sum() / left)
    return bool(t_sf((y[-1] - y[best]) / max(scale, 1e-12), left) < _CHANCE)


def _never_improves(points: Points) -> bool:
    """Return whether each size is worse than the one before: all that can be said of few runs."""
    return bool((np.diff(points.error) > 0).all())


def _rises(x: np.ndarray, y: np.ndarray, weights: np.ndarray, slope: float, precision: float) -> bool:
    """Return whether a line through the points rises by more than these scatter about it."""
    left = len(x) - 2
    residual = y - np.average(y, weights=weights) - slope * x
    scale = np.sqrt((weights * residual**2).sum() / left)
    return bool(t_sf(slope * np.sqrt(precision) / max(scale, 1e-12), left) < _CHANCE / len(x))
