"""Runs that are far from the others of their size, as a failed training leaves them."""

from dataclasses import dataclass

import numpy as np

from jaxmrl.scaling.spread import spread_of
from jaxmrl.stats import f_isf, t_isf
from jaxmrl.text import size_text

_CHANCE = 0.001
"""Probability that normal noise of one spread leaves a run out of a curve: small, for noise is seldom normal."""

_LEAST_ABOVE, _LEAST_BELOW = float(np.log(1.5)), 0.6
"""A run that is left out has an error of at least 1.5 times that of the others, as a failed run has, or at most 0.4."""

_LEAST_SPREADS = 2.0
"""Such a run is also this many standard deviations of a typical size away: any run is far from a near-perfect mean."""

_FEWEST_SIZES, _TIMES_OTHERS = 5, 5.0
_MOST_SHARE = 0.2
_TINY = 1e-300


@dataclass(frozen=True)
class LeftOut:
    """A run that is left out of the fits: its size, its metric, and the mean metric of the `runs` others there."""

    n: float
    value: float
    others: float
    runs: int

    @property
    def text(self) -> str:
        """One sentence, as it appears in the notes."""
        others = "the other run is" if self.runs == 1 else f"the {self.runs} other runs are about"
        said = f"n {size_text(self.n)}: {self.value:.4g}, where {others} {self.others:.3g}"
        return f"{said}: left out as an outlier, such as a failed run"


def far_runs(n: np.ndarray, place: np.ndarray, error: np.ndarray, block: np.ndarray | None) -> np.ndarray:
    """Return the indices of runs that are too far from the others of their size for noise.

    The generalized extreme Studentized deviate test (Rosner 1983) on log errors, with the noise pooled over all sizes:
    the farthest run is set aside again and again, and all runs up to the last one that noise does not explain are
    outliers. Each must also matter, and be farther from its nearest sibling than these are from each other. An error
    below its siblings counts by its relative distance, which is shorter than its log: small test sets may have a
    perfect run. Of two runs, the one farther from the other sizes is the suspect.

    Args:
        n: [S] sizes, ascending.
        place: [R] the index of each run's size.
        error: [R] errors.
        block: [R] the index of the seed or fold of each run, whose common level is removed; None where there is none.
    """
    if len(n) < 2:
        return np.zeros(0, int)
    distance = _distances(len(n), place, error, block)
    kept, suspects, outliers = np.ones(len(error), bool), [], 0
    for _ in range(max(1, int(_MOST_SHARE * (len(error) - len(n))))):
        worst = _farthest(n, place, distance, kept, error)
        if worst is None:
            break
        kept[worst] = False
        suspects.append(worst)
        if _is_far(n, place, distance, kept, worst):
            outliers = len(suspects)
    kept[suspects[outliers:]] = True
    apart = [run for run in suspects[:outliers] if _is_apart(place, distance, kept, run)]
    return np.array([run for run in apart if _stands_out(place, distance, kept, error, run)], int)


def suspect_size(n: np.ndarray, error: np.ndarray) -> tuple[int, float] | None:
    """Return the index of a size of single runs that is out of line, and the error that the sizes beside it lead to
    expect; None where no size is.

    Such a size is at least 1.5 times above or below a straight line between its neighbors in log error over log n, and
    five times as far as any other size is after it is removed. The first and the last size have no such line.

    Args:
        n: [N] sizes, ascending.
        error: [N] errors, above 0.
    """
    if len(n) < _FEWEST_SIZES:
        return None
    x, y = np.log(n), np.log(error)
    off = _off_neighbors(x, y)
    at = int(np.argmax(np.abs(off))) + 1
    others = np.abs(_off_neighbors(np.delete(x, at), np.delete(y, at))).max()
    away = off[at - 1]
    if abs(away) < max(_LEAST_ABOVE, _TIMES_OTHERS * others):
        return None
    return at, float(np.exp(y[at] - away))


def _off_neighbors(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how far each inner point is above the straight line between its neighbors, [N - 2]."""
    share = (x[1:-1] - x[:-2]) / (x[2:] - x[:-2])
    return y[1:-1] - (y[:-2] + share * (y[2:] - y[:-2]))


def _distances(sizes: int, place: np.ndarray, error: np.ndarray, block: np.ndarray | None) -> np.ndarray:
    """Return the distance of each run from the median of its size, [R]: log ratio above it, relative difference
    below.
    """
    ratio = _over_median(error, place, sizes)
    if block is not None:
        ratio = _over_median(_over_median(ratio, block, int(block.max()) + 1), place, sizes)
    return np.where(ratio > 1, np.log(np.maximum(ratio, 1)), ratio - 1)


def _over_median(values: np.ndarray, group: np.ndarray, count: int) -> np.ndarray:
    """Return values [R] over the median of their group; 1 if that is not above 0."""
    median = np.array([np.median(values[group == k]) for k in range(count)])[group]
    return np.where(median > 0, values / np.where(median > 0, median, 1), 1.0)


def _scaled(
    n: np.ndarray, place: np.ndarray, distance: np.ndarray, kept: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return the mean distance and number of the kept runs of each size, their standard deviation, and its degrees of
    freedom.
    """
    runs = np.bincount(place[kept], minlength=len(n))
    mean = np.bincount(place[kept], distance[kept], len(n)) / np.maximum(runs, 1)
    squares = np.bincount(place[kept], (distance - mean[place])[kept] ** 2, len(n))
    # Pairs of runs say too little of a trend over sizes.
    at = n if runs.max(initial=0) > 2 else np.ones(len(n))
    sd, dof = spread_of(at, squares, np.maximum(runs - 1, 0))
    return mean, runs, sd, dof


def _farthest(
    n: np.ndarray, place: np.ndarray, distance: np.ndarray, kept: np.ndarray, error: np.ndarray
) -> int | None:
    """Return the index of the kept run that is farthest from its siblings, in standard deviations."""
    mean, runs, sd, dof = _scaled(n, place, distance, kept)
    if dof == 0:
        return None
    free = kept & (runs[place] > 1)
    scale = sd[place] * np.sqrt(1 - 1 / np.maximum(runs[place], 2))
    worst = int(np.argmax(np.where(free, np.abs(distance - mean[place]) / scale, -1)))
    pair = np.flatnonzero(kept & (place == place[worst]))
    if len(pair) != 2:
        return worst
    return int(
        pair[np.argmax(np.abs(np.log(np.maximum(error[pair], _TINY)) - _by_others(n, place, error, kept, worst)))]
    )


def _by_others(n: np.ndarray, place: np.ndarray, error: np.ndarray, kept: np.ndarray, run: int) -> float:
    """Return the log error that the runs of other sizes lead to expect at a run's size: a line through their
    medians.
    """
    others = [k for k in np.unique(place[kept]) if k != place[run]]
    levels = np.array([np.log(max(np.median(error[kept & (place == k)]), _TINY)) for k in others])
    x = np.log(n[others])
    if len(others) < 2:
        return float(levels[0])
    i, j = np.triu_indices(len(others), 1)
    slope = np.median((levels[j] - levels[i]) / (x[j] - x[i]))
    return float(np.median(levels - slope * x) + slope * np.log(n[place[run]]))


def _is_far(n: np.ndarray, place: np.ndarray, distance: np.ndarray, kept: np.ndarray, run: int) -> bool:
    """Return whether a run that is set aside is farther from its siblings than normal noise explains."""
    mean, runs, sd, dof = _scaled(n, place, distance, kept)
    siblings = runs[place[run]]
    if siblings == 0 or dof == 0:
        return False
    away = distance[run] - mean[place[run]]
    limit = t_isf(_CHANCE / 2 / (kept.sum() + 1), dof)
    return _matters(away) and bool(abs(away) > limit * sd[place[run]] * np.sqrt(1 + 1 / siblings))


def _matters(away: float) -> bool:
    """Return whether a distance from the other runs is one of a failed run, or of one that is too good."""
    return bool(away > _LEAST_ABOVE or away < -_LEAST_BELOW)


def _is_apart(place: np.ndarray, distance: np.ndarray, kept: np.ndarray, run: int) -> bool:
    """Return whether a run is far enough from the kept runs of its size to matter, and these are most of it and
    close.
    """
    siblings, runs = distance[kept & (place == place[run])], (place == place[run]).sum()
    if len(siblings) == 0 or (len(siblings) <= runs / 2 and runs > 2):
        return False
    return _matters(distance[run] - siblings.mean()) and bool(np.abs(siblings - distance[run]).min() > np.ptp(siblings))


def _stands_out(place: np.ndarray, distance: np.ndarray, kept: np.ndarray, error: np.ndarray, run: int) -> bool:
    """Return whether a run is far from its siblings in the metric's own unit, too, by the spread of a typical size."""
    level = np.array([np.median(error[kept & (place == k)]) for k in range(place.max() + 1)])[place]
    value = level * np.where(distance > 0, np.expm1(distance), distance)
    groups = [value[kept & (place == k)] for k in range(place.max() + 1)]
    spreads = [np.std(group, ddof=1) for group in groups if len(group) > 1]
    return bool(abs(value[run] - groups[place[run]].mean()) > _LEAST_SPREADS * np.median(spreads or [0.0]))


def wide_sizes(squares: np.ndarray, dof: np.ndarray) -> np.ndarray:
    """Return which sizes [N] of a file of means scatter too widely for noise, as one failed run there leaves it.

    An F-test of each variance against that of the other sizes, corrected for the number of sizes.

    Args:
        squares: [N] sums of squared deviations, relative to the mean error.
        dof: [N] degrees of freedom of these sums.
    """
    wide = np.zeros(len(squares), bool)
    for k in np.argsort(-squares / np.maximum(dof, 1))[: len(squares) // 3]:
        others = (dof > 0) & ~wide
        others[k] = False
        rest, left = squares[others].sum(), int(dof[others].sum())
        if dof[k] == 0 or left == 0:
            break
        own, pooled = squares[k] / dof[k], max(rest / left, np.finfo(float).tiny)
        limit = f_isf(_CHANCE / len(squares), dof[k], left)
        if own < limit * pooled or own < _LEAST_ABOVE**2:
            break
        wide[k] = True
    return wide
