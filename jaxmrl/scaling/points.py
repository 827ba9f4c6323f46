"""Runs -> the points of a curve: mean errors, and how far one run is from them."""

from dataclasses import dataclass, replace

import numpy as np

from jaxmrl.errors import DataError
from jaxmrl.text import count

_SMALLEST_SD = 1e-6
_FEWEST_DRAWS, _MOST_RUNS = 10, 1e6
_LEAST, _LARGEST = 1e-12, 1e15
GUESSES = {"roc_auc": 0.5, "average_precision": 1.0, "r2": 1.0}
"""The error of guessing, by metric; of average precision where next to no molecule is active."""


@dataclass(frozen=True)
class Points:
    """The `N` sizes of a curve, ascending, and what its runs gave there.

    n, error [N]    number of training molecules; mean error over the runs
    runs [N]        how many they are
    sd [N]          of one run's log error; 1 where no size was run twice, and nothing is known of it
    freedom         degrees of freedom that `sd` comes from; 0 where nothing is known
    sign            -1 where a higher metric is better, else 1
    guess           the error of guessing; None where it is not known
    notes           what to know of the points
    best            the perfect metric: the error is |best - metric|
    shifts [S, N]   by how much the log errors would be others with other test molecules; None where that is not known
    """

    n: np.ndarray
    error: np.ndarray
    runs: np.ndarray
    sd: np.ndarray
    freedom: int
    sign: int
    guess: float | None
    notes: tuple[str, ...] = ()
    best: float = 0.0
    shifts: np.ndarray | None = None

    @property
    def metric(self) -> np.ndarray:
        """Mean metric, [N]."""
        return self.metric_of(self.error)

    def metric_of(self, error: np.ndarray) -> np.ndarray:
        """The metric that is this error."""
        return self.best + self.sign * error

    def error_of(self, metric: float) -> float:
        """The error of a metric."""
        return self.sign * (metric - self.best)

    @property
    def top(self) -> float:
        """The perfect metric for laws of the metric (`laws.py`); 0 where these are laws of the error."""
        return self.best if self.sign < 0 and self.best > 0 else 0.0

    @property
    def weights(self) -> np.ndarray:
        """Of a mean's log error: one over its standard deviation, [N]."""
        return np.sqrt(self.runs) / self.sd

    def first(self, count: int) -> "Points":
        """The `count` smallest sizes, with what all of them tell of the spread."""
        cut = {name: getattr(self, name)[:count] for name in ("n", "error", "runs", "sd")}
        shifts = None if self.shifts is None else self.shifts[:, :count]
        return replace(self, **cut, notes=(), shifts=shifts)


def points_of(
    n: np.ndarray,
    metric: np.ndarray,
    *,
    higher_is_better: bool,
    best: float | None = None,
    guess: float | None = None,
    resampled: np.ndarray | None = None,
) -> Points:
    """The points of runs: n [R] molecules, metric [R]; the same n again is another run.

    best: the perfect metric; by default 1 where a higher metric is better, else 0. guess: the error of guessing.
    resampled [S, R]: the metric with other test molecules, S times drawn. Runs that are
    no finite number, and sizes whose mean error is (next to) 0 or below, are left out, and the notes say so. Raises
    DataError where fewer than two sizes remain.
    """
    n, metric = np.asarray(n, float), np.asarray(metric, float)
    usable = np.isfinite(n) & np.isfinite(metric) & (n > _LEAST) & (np.abs(metric) < _LARGEST) & (n < _LARGEST)
    notes = [] if usable.all() else [f"{count((~usable).sum(), 'run')} left out: not finite, or no molecules"]
    sizes, place = np.unique(n[usable], return_inverse=True)
    sign, best = _direction(higher_is_better, best)
    error = sign * (metric[usable] - best)
    runs = np.bincount(place, minlength=len(sizes))
    mean = np.bincount(place, error, len(sizes)) / np.maximum(runs, 1)
    within = np.bincount(place, (error - mean[place]) ** 2, len(sizes))
    points = _points(sizes, mean, within, runs, sign, best, guess, notes)
    if resampled is None:
        return points
    drawn = sign * (resampled[:, usable] - best)
    means = np.stack([np.bincount(place, one, len(sizes)) for one in drawn]) / runs
    return replace(points, shifts=_shifts(points, means[:, np.isin(sizes, points.n)]))


def _shifts(points: Points, drawn: np.ndarray) -> np.ndarray | None:
    """Log of drawn mean errors [S, N] over the points' own; draws without a metric are left out."""
    sound = np.isfinite(drawn).all(axis=1) & (drawn > _LEAST).all(axis=1)
    return np.log(drawn[sound] / points.error) if sound.sum() >= _FEWEST_DRAWS else None


def points_of_means(
    n: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray,
    runs: np.ndarray,
    *,
    higher_is_better: bool,
    best: float | None = None,
    guess: float | None = None,
) -> Points:
    """As `points_of`, of each size's mean metric, standard deviation over runs (NaN: not known) and number of runs."""
    n, mean, sd, runs = (np.asarray(values, float) for values in (n, mean, sd, runs))
    usable = np.isfinite(n) & np.isfinite(mean) & (n > _LEAST) & (np.abs(mean) < _LARGEST) & (n < _LARGEST)
    if len(np.unique(n[usable])) < usable.sum():
        raise DataError("a curve of means has each size once; got a size twice: are there several curves?")
    notes = [] if usable.all() else [f"{count((~usable).sum(), 'size')} left out: not finite, or no molecules"]
    order = np.flatnonzero(usable)[np.argsort(n[usable])]
    known = (sd >= 0) & (sd < _LARGEST) & (runs > 1) & (runs < _MOST_RUNS)
    runs = np.where(known, runs, 1).astype(int)[order]
    within = np.where(known, sd, 0.0)[order] ** 2 * (runs - 1)
    sign, best = _direction(higher_is_better, best)
    return _points(n[order], sign * (mean[order] - best), within, runs, sign, best, guess, notes)


def _direction(higher_is_better: bool, best: float | None) -> tuple[int, float]:
    """Return the sign of `metric - best` where that is an error, and the perfect metric."""
    sign = -1 if higher_is_better else 1
    return sign, float(higher_is_better) if best is None else best


def _points(sizes, mean, within, runs, sign: int, best: float, guess: float | None, notes: list[str]) -> Points:
    """within [N]: sums of squared deviations from `mean`."""
    good = mean > _LEAST * np.max(mean, initial=0.0)
    if not good.all():
        notes.append(f"{count((~good).sum(), 'size')} left out: no error above 0 there")
    if good.sum() < 2:
        raise DataError(
            f"a curve needs two sizes with an error above 0; got {good.sum()}" + "".join(f" ({note})" for note in notes)
        )
    sizes, mean, runs, within = (values[good] for values in (sizes, mean, runs, within))
    sd, freedom = _spread(sizes, within / mean**2, runs - 1)
    if guess is not None and mean.max() >= guess:
        guess = None
        notes.append("an error is not below that of guessing: laws that begin from it are left out")
    return Points(sizes, mean, runs, sd, freedom, sign, guess, tuple(notes), best)


def _spread(n: np.ndarray, squares: np.ndarray, freedom: np.ndarray) -> tuple[np.ndarray, int]:
    """Standard deviation of one run's log error at each n, pooled over all n, and its degrees of freedom.

    squares [N]: sums of squared deviations, relative to the mean error. Five runs tell their spread to a third, so
    sizes share it: a constant, times a power of n as far as that is told from noise (by the positive-part factor of
    James and Stein).
    """
    total = int(freedom.sum())
    if total == 0:
        return np.ones(len(n)), 0
    slope = _slope(np.log(n), squares, freedom)
    trend = np.exp(slope * (np.log(n) - np.average(np.log(n), weights=freedom)))
    pooled = (squares / trend).sum() / total
    return np.maximum(np.sqrt(pooled * trend), _SMALLEST_SD), total


def _slope(x: np.ndarray, squares: np.ndarray, freedom: np.ndarray) -> float:
    """Of log variance over x, drawn to 0; the log of a variance has one of about 2 / degrees of freedom itself."""
    known = (freedom > 0) & (squares > 0)
    if known.sum() < 3 or len(np.unique(x[known])) < 3:
        return 0.0
    x, y, weights = x[known], np.log(squares[known] / freedom[known]), freedom[known] / 2
    x = x - np.average(x, weights=weights)
    precision = (weights * x**2).sum()
    slope = (weights * x * y).sum() / precision
    return float(slope * max(0.0, 1 - 1 / (slope**2 * precision))) if slope else 0.0
