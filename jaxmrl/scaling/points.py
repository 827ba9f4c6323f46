"""Runs -> the points of a curve: mean errors, and how far one run is from them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from jaxmrl.errors import DataError
from jaxmrl.scaling.blocks import block_note, blocks_of
from jaxmrl.scaling.outliers import LeftOut, far_runs, suspect_size, wide_sizes
from jaxmrl.scaling.spread import spread_of
from jaxmrl.text import count, size_text

_FEWEST_DRAWS, _MOST_RUNS = 10, 1e6
_LEAST, _LARGEST = 1e-12, 1e15
MOLECULES = " molecules"
"""What stands behind a size that is a number of molecules."""

_CERTAIN = 2.0
"""Standard deviations of a mean by which a metric is certainly above 0."""

_ASSUMED_RUNS = 3
"""The number of runs assumed behind a standard deviation if it is not known."""
GUESSES = {"roc_auc": 0.5, "average_precision": 1.0, "r2": 1.0}
"""The error of guessing, by metric; of average precision where next to no molecule is active."""


@dataclass(frozen=True)
class Points:
    """The `N` sizes of a curve, ascending, and what its runs gave there.

    n, error [N]    number of training molecules; mean error over the runs, 0 where the metric is perfect
    runs [N]        how many they are
    sd [N]          of one run's log error, apart from what seeds or folds share; 1, or relative to the other sizes,
                    where `dof` is 0
    dof             degrees of freedom that `sd` comes from; 0 where nothing is known
    sign            -1 where a higher metric is better, else 1
    guess           the error of guessing; None where it is not known
    notes           what to know of the points
    best            the perfect metric: the error is |best - metric|
    log_error_resamples [S, N]  by how much log errors differ with other test molecules; None where that is not known
    left_out        runs that are far from the others of their size
    level           standard deviation of the level that the seeds give to all sizes alike, in log error
    level_dof       degrees of freedom that `level` comes from
    splits          number of splits of the data that the runs are of; each counts as one run
    unit            what stands behind a size in a text
    """

    n: np.ndarray
    error: np.ndarray
    runs: np.ndarray
    sd: np.ndarray
    dof: int
    sign: int
    guess: float | None
    notes: tuple[str, ...] = ()
    best: float = 0.0
    log_error_resamples: np.ndarray | None = None
    left_out: tuple[LeftOut, ...] = ()
    level: float = 0.0
    level_dof: int = 0
    splits: int = 1
    unit: str = MOLECULES

    @property
    def metric(self) -> np.ndarray:
        """Mean metric, [N]."""
        return self.metric_of(self.error)

    def metric_of(self, error: np.ndarray) -> np.ndarray:
        """Return the metric that is this error."""
        return self.best + self.sign * error

    def error_of(self, metric: float) -> float:
        """Return the error of a metric."""
        return self.sign * (metric - self.best)

    @property
    def top(self) -> float:
        """The perfect metric for laws of the metric (`laws.py`); 0 where these are laws of the error."""
        return self.best if self.sign < 0 and self.best > 0 else 0.0

    @property
    def perfect(self) -> np.ndarray:
        """Whether the error of a size is 0, below what the metric resolves, [N]."""
        return self.error == 0

    @property
    def above_zero(self) -> bool:
        """Whether the metric, if a higher one is better, is above 0 at all sizes by more than its noise."""
        noise = _CERTAIN * self.error / self.weights if self.dof > 0 else 0.0
        return bool(self.top == 0 or (self.top - self.error > noise).all())

    @property
    def weights(self) -> np.ndarray:
        """One over the standard deviation of a mean's log error, [N]."""
        return np.sqrt(self.runs) / self.sd

    @property
    def inputs(self) -> np.ndarray:
        """What laws are functions of: the sizes [N]."""
        return self.n

    def whitened(self, residuals: np.ndarray) -> np.ndarray:
        """Return residuals of log error [..., N] in standard deviations."""
        return residuals * self.weights

    def amount(self, n: float) -> str:
        """Return a size in words."""
        return f"{size_text(n)}{self.unit}"

    def first(self, count: int) -> "Points":
        """Return the `count` smallest sizes, with what all of them tell about the spread."""
        return self._part(slice(count))

    def last(self, count: int) -> "Points":
        """Return the `count` largest sizes, as `first`."""
        return self._part(slice(len(self.n) - count, None))

    def _part(self, part: slice) -> "Points":
        cut = {name: getattr(self, name)[part] for name in ("n", "error", "runs", "sd")}
        resamples = None if self.log_error_resamples is None else self.log_error_resamples[:, part]
        return replace(self, **cut, notes=(), log_error_resamples=resamples)


def points_of(
    n: np.ndarray,
    metric: np.ndarray,
    *,
    higher_is_better: bool,
    best: float | None = None,
    guess: float | None = None,
    resampled: np.ndarray | None = None,
    run: np.ndarray | None = None,
    split: np.ndarray | None = None,
    overlap: float = 0.0,
) -> Points:
    """Return the points of runs; the same size again is another run.

    Runs that are no finite number, and those that are far from the others of their size, are left out, and the notes
    say so.

    Args:
        n: [R] molecules.
        metric: [R].
        best: the perfect metric; by default 1 where a higher metric is better, else 0.
        guess: the error of guessing.
        resampled: [S, R] the metric with other test molecules, S times drawn.
        run: [R] labels of seeds or folds, such as "seed 0". Where these are present at all sizes, what the runs of a
            label share is a level, and not noise between sizes.
        split: [R] labels of the splits of the data that the runs are of. The runs of one split share its molecules, so
            where there are several splits, the mean of a split's runs at a size counts as one run, and `resampled` does
            not count: other splits have other test molecules.
        overlap: n_test / n_train of these splits, by which their mean level is less certain than that of independent
            ones (`paired.paired_mean`).

    Raises:
        DataError: fewer than two sizes remain.
    """
    n, metric = np.asarray(n, float), np.asarray(metric, float)
    usable = np.isfinite(n) & np.isfinite(metric) & (n > _LEAST) & (np.abs(metric) < _LARGEST) & (n < _LARGEST)
    notes = [] if usable.all() else [f"{count((~usable).sum(), 'run')} left out: not finite, or no molecules"]
    if not usable.any():
        raise DataError("a curve needs two sizes; got 0" + "".join(f" ({note})" for note in notes))
    sign, best = _direction(higher_is_better, best)
    sizes, place = np.unique(n[usable], return_inverse=True)
    error = sign * (metric[usable] - best)
    run, split = (None if one is None else np.asarray(one)[usable] for one in (run, split))
    far = runs_apart(sizes, place, error, run)
    left_out = _left_out(sizes, place, metric[usable], far)
    notes += [one.text for one in left_out]
    kept = np.delete(np.arange(len(error)), far)
    place, error = place[kept], error[kept]
    run, splits = None if run is None else run[kept], 1 if split is None else len(set(split[kept].tolist()))
    if splits > 1 and split is not None:
        place, error, run = split_means(place, error, split[kept])
    made = partial(_points, sign=sign, best=best, guess=guess, left_out=left_out)
    points = _with_levels(made, sizes, place, error, run, splits, notes)
    if splits > 1:
        points = replace(points, splits=splits, level=points.level * float(np.sqrt(1 + splits * overlap)))
    if resampled is None or splits > 1:
        return points
    drawn = sign * (np.asarray(resampled)[:, usable][:, kept] - best)
    means = np.stack([_moments(len(sizes), place, one)[0] for one in drawn])
    plain, inside = _moments(len(sizes), place, error)[0], np.isin(sizes, points.n)
    return replace(points, log_error_resamples=_log_error_resamples(plain[inside], means[:, inside]))


_FOLDS = re.compile("fold|split(?!_seed)", re.IGNORECASE)
"""Words in the labels of runs that have test molecules of their own: together they are the whole set."""


def runs_apart(sizes: np.ndarray, place: np.ndarray, error: np.ndarray, run: np.ndarray | None) -> np.ndarray:
    """Return the indices of outliers among the runs, apart from the levels of seeds or folds where these matter."""
    if run is None:
        return far_runs(sizes, place, error, None)
    block = np.unique(run, return_inverse=True)[1]
    blocks = blocks_of(len(sizes), place, error, block)
    return far_runs(sizes, place, error, block if blocks and blocks.matter else None)


def split_means(place: np.ndarray, error: np.ndarray, split: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the size, mean error and label of each split at each size."""
    labels, code = np.unique(split, return_inverse=True)
    cells, inverse = np.unique(place * len(labels) + code, return_inverse=True)
    means = np.bincount(inverse, error) / np.bincount(inverse)
    return cells // len(labels), means, np.array([f"split {label}" for label in labels])[cells % len(labels)]


def _with_levels(
    made: Callable[..., Points],
    sizes: np.ndarray,
    place: np.ndarray,
    error: np.ndarray,
    run: np.ndarray | None,
    splits: int,
    notes: list[str],
) -> Points:
    """Return the points of runs, whose common levels do not count as noise between sizes.

    made: makes the points of sizes, mean errors, sums of squares, numbers of runs, degrees of freedom and notes.
    """
    mean, squares, runs = _moments(len(sizes), place, error)
    notes += _apart_notes(sizes, squares, runs - 1)
    labels, block = np.unique(np.zeros(0, str) if run is None else run, return_inverse=True)
    blocks = None if run is None else blocks_of(len(sizes), place, error, block)
    if run is None or blocks is None:
        return made(sizes, mean, squares, runs, runs - 1, notes)
    kind = "splits" if splits > 1 else "folds" if _FOLDS.search(str(run[0])) else "runs"
    notes += block_note(blocks, sizes, labels, kind)
    points = made(sizes, blocks.mean, blocks.squares, runs, blocks.dof, notes)
    return points if kind == "folds" else replace(points, level=blocks.level, level_dof=blocks.count - 1)


def _apart_notes(sizes: np.ndarray, squares: np.ndarray, dof: np.ndarray) -> list[str]:
    """Return notes on sizes whose runs are too far apart, though none of them is alone far from the others."""
    return [
        f"the runs of {size_text(n)} molecules are much farther apart than those of other sizes, as where several of "
        "them failed: check them"
        for n in sizes[wide_sizes(squares, np.maximum(dof, 0))]
    ]


def _moments(sizes: int, place: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean error of each size, the sum of squared deviations relative to it, and the number of runs, [S]
    each.
    """
    runs = np.bincount(place, minlength=sizes)
    mean = np.bincount(place, error, sizes) / np.maximum(runs, 1)
    within = np.bincount(place, (error - mean[place]) ** 2, sizes)
    with np.errstate(divide="ignore", invalid="ignore"):
        return mean, np.where(within > 0, within / mean**2, 0.0), runs


def _left_out(sizes: np.ndarray, place: np.ndarray, metric: np.ndarray, far: np.ndarray) -> tuple[LeftOut, ...]:
    """Return what is left out, and the mean metric of what is not."""
    kept = np.delete(np.arange(len(metric)), far)
    found = []
    for run in sorted(far, key=lambda run: (place[run], metric[run])):
        others = metric[kept][place[kept] == place[run]]
        found.append(LeftOut(float(sizes[place[run]]), float(metric[run]), float(others.mean()), len(others)))
    return tuple(found)


def _log_error_resamples(own: np.ndarray, drawn: np.ndarray) -> np.ndarray | None:
    """Log of drawn mean errors [S, N] about their mean over the draws; draws without a metric are left out.

    own [N]: the runs' own errors. A metric of drawn molecules may be biased, and these say how far a point may be
    from itself, not that it is.
    """
    sound = np.isfinite(drawn).all(axis=1) & (drawn > _LEAST).all(axis=1)
    if sound.sum() < _FEWEST_DRAWS or not (own > 0).all():
        return None
    logs = np.log(drawn[sound] / own)
    return logs - logs.mean(axis=0)


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
    """Return the points of means: as `points_of`, of each size's mean metric, standard deviation and number of runs.

    A mean without a standard deviation (NaN) weighs by its runs, and says nothing of the noise. A size whose standard
    deviation is far above that of the others weighs by its own, and a note says so. Where no number of runs is known
    (NaN), standard deviations weigh the sizes against each other, and the noise is unknown.
    """
    n, mean, sd, runs = (np.asarray(values, float) for values in (n, mean, sd, runs))
    usable = np.isfinite(n) & np.isfinite(mean) & (n > _LEAST) & (np.abs(mean) < _LARGEST) & (n < _LARGEST)
    if len(np.unique(n[usable])) < usable.sum():
        raise DataError("a curve of means has each size once; got a size twice: are there several curves?")
    notes = [] if usable.all() else [f"{count((~usable).sum(), 'size')} left out: not finite, or no molecules"]
    order = np.flatnonzero(usable)[np.argsort(n[usable])]
    n, mean, sd, runs = (values[order] for values in (n, mean, sd, runs))
    counted = (runs >= 1) & (runs < _MOST_RUNS)
    runs = np.where(counted, runs, 1).astype(int)
    dof = np.where((sd >= 0) & (sd < _LARGEST), runs - 1 if counted.any() else _ASSUMED_RUNS - 1, 0)
    sign, best = _direction(higher_is_better, best)
    error = sign * (mean - best)
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = np.where((dof > 0) & (sd > 0), (sd / error) ** 2 * dof, 0.0)
    wide = wide_sizes(squares, dof)
    notes += [
        _wide_note(n[k], sd[k], runs[k] if counted[k] else None, error[k], sd[~wide]) for k in np.flatnonzero(wide)
    ]
    noise = np.where(wide, 0, squares), runs, np.where(wide, 0, dof)
    points = _points(n, error, *noise, notes, sign=sign, best=best, guess=guess)
    if wide.any() and len(points.n) == len(n):
        own = np.sqrt(squares / np.maximum(dof, 1))
        points = replace(points, sd=np.where(wide, own, points.sd))
    return points if counted.any() else replace(points, sd=points.sd / np.exp(np.log(points.sd).mean()), dof=0)


def _wide_note(n: float, sd: float, runs: int | None, error: float, others: np.ndarray) -> str:
    """Return why a mean counts less: its standard deviation is above those of the others, or large beside a small
    error.
    """
    said = f"n {size_text(n)}: a standard deviation of {sd:.3g}{f' over {runs:,} runs' if runs else ''} is"
    if sd > np.nanmax(others, initial=0.0):
        return f"{said} far above that of the other sizes, as after a failed training: this mean counts less"
    return f"{said} large beside the error, {error:.3g}: this mean counts less"


def _suspect_note(n: np.ndarray, metric: np.ndarray, at: int, expected: float) -> str:
    """Return a note that the metric [N] of one size is out of line, with nothing to tell whether its training
    failed.
    """
    return (
        f"n {size_text(n[at])}: {metric[at]:.4g}, where the neighboring sizes suggest about {expected:.3g}; "
        "without repeated runs it is kept: run it again, or remove its row if the training failed"
    )


def _direction(higher_is_better: bool, best: float | None) -> tuple[int, float]:
    """Return the sign of `metric - best` where that is an error, and the perfect metric."""
    sign = -1 if higher_is_better else 1
    return sign, float(higher_is_better) if best is None else best


def _points(
    n: np.ndarray,
    error: np.ndarray,
    squares: np.ndarray,
    runs: np.ndarray,
    dof: np.ndarray,
    notes: list[str],
    *,
    sign: int,
    best: float,
    guess: float | None,
    left_out: tuple[LeftOut, ...] = (),
) -> Points:
    """Return the points. squares, dof [N]: as in `spread_of`; error: 0 or (next to) nothing where the metric is
    perfect.
    """
    least = _LEAST * np.max(np.abs(error), initial=0.0)
    sound = error >= -least
    if not sound.all():
        notes.append(f"{count((~sound).sum(), 'size')} left out: the mean is better than the perfect value, {best:g}")
    if sound.sum() < 2:
        raise DataError(f"a curve needs two sizes; got {sound.sum()}" + "".join(f" ({note})" for note in notes))
    n, error, squares, runs, dof = (values[sound] for values in (n, error, squares, runs, dof))
    error = np.where(error > least, error, 0.0)
    above = error > 0
    sd, known = np.ones(len(n)), 0
    if above.any():
        sd[above], known = spread_of(n[above], squares[above], dof[above])
    if known == 0 and above.all() and (found := suspect_size(n, error)):
        notes.append(_suspect_note(n, best + sign * error, found[0], best + sign * found[1]))
    if guess is not None and error.max() >= guess:
        guess = None
        notes.append("an error is not below that of guessing: laws that begin from it are left out")
    return Points(n, error, runs, sd, known, sign, guess, tuple(notes), best, left_out=left_out)
