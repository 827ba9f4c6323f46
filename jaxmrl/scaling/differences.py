"""Compare pruned with random subsets inside the measured range: the metric at equal size, and what the size is worth.

Nothing is extrapolated and no law is fitted: a pruned subset of a fixed pool is not a random sample. The same holds for
a curve with an extra source, whose training sets are not samples of the main source alone.
"""

import math
from dataclasses import dataclass

import numpy as np

from jaxmrl.scaling.paired import paired_errors
from jaxmrl.stats import t_ppf, t_sf

LEVEL = 0.9
_GRID, _PAIRED_GRID = 400, 200


@dataclass(frozen=True)
class Runs:
    """The runs at one size of a curve.

    n           number of training molecules
    mean, sd    of the test metric over the runs; sd is NaN where it is not known
    count       number of runs
    one_subset  all runs learned from the same molecules, so that sd lacks the spread between subsets
    """

    n: float
    mean: float
    sd: float
    count: int
    one_subset: bool = False

    @property
    def variance(self) -> float:
        """Variance of the mean; NaN if it is not known.

        Runs that agree to the last bit say nothing about their noise.
        """
        return self.sd**2 / self.count if self.count > 1 and self.sd > 0 else math.nan


@dataclass(frozen=True)
class Difference:
    """A mean metric less that of random subsets of the same size: interval at LEVEL, two-sided p-value.

    NaN where the noise is not known.
    """

    value: float
    low: float
    high: float
    p: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class EquivalentSize:
    """How many random molecules reach the metric of `n` pruned ones, with its interval at LEVEL.

    -inf is fewer than `smallest`, inf more than `largest`: the sizes of the random curve, beyond which it is not
    known. low and high are NaN where the noise is not known.
    """

    n: float
    molecules: float
    low: float
    high: float
    smallest: float
    largest: float


def difference(pruned: Runs, random: Runs) -> Difference:
    """Return Welch's interval and p-value for the difference of the means.

    The runs count as independent: each seed has its own subset, and what two methods share by their seed, the initial
    weights, makes the interval too wide if anything. Where all pruned runs have one subset, its luck is common to
    them. The spread between a method's subsets is then taken to be that of random ones: is the subset unlike a single
    draw of the random runs? By that Student's prediction interval is exact if training adds no noise, else too wide.
    """
    value, variance, dof = pruned.mean - random.mean, pruned.variance + random.variance, math.nan
    if pruned.one_subset and random.count > 1:
        variance, dof = random.variance * (random.count + 1), random.count - 1
    elif variance > 0:
        dof = _satterthwaite(np.array([[pruned.variance, random.variance]]), np.array([pruned.count, random.count]))[0]
    if not variance > 0:
        return Difference(value, math.nan, math.nan, math.nan)
    error = math.sqrt(variance)
    reach = t_ppf((1 + LEVEL) / 2, dof) * error
    return Difference(value, value - reach, value + reach, float(2 * t_sf(abs(value) / error, dof)))


def _satterthwaite(variances: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the degrees of freedom [G] of sums over K of variances [G, K], each known from counts [K] runs."""
    return variances.sum(axis=1) ** 2 / (variances**2 / (counts - 1)).sum(axis=1)


def holm(p: np.ndarray) -> np.ndarray:
    """Return p-values [K] adjusted for their number by Holm (1979).

    Of tables in which no method differs from random, at most a share a has any adjusted value at or below a, however
    the comparisons depend on each other. NaN stays NaN and does not count.
    """
    p = np.asarray(p, float)
    order = np.argsort(p)  # NaN last
    many = np.isfinite(p).sum()
    steps = p[order] * np.maximum(many - np.arange(len(p)), 1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def equivalent_size(pruned: Runs, random: list[Runs], higher_is_better: bool) -> EquivalentSize:
    """Return how many random molecules reach the metric of the pruned ones, inside the random curve's sizes alone.

    The random curve's means are joined by straight lines over log n; the answer is where they first reach the pruned
    mean. The interval has every size at which the two means do not differ (Welch), so both curves' noise counts.

    Args:
        pruned: the runs of one pruned size.
        random: the runs of the random curve, at two sizes or more.
        higher_is_better: the direction of the metric.
    """
    curve = sorted(random, key=lambda runs: runs.n)
    sign = 1 if higher_is_better else -1
    x = np.log([runs.n for runs in curve])
    center = _first_reached(x, np.array([sign * runs.mean for runs in curve]), sign * pruned.mean)
    low, high = _not_different(pruned, curve, x, center)
    ends = float(curve[0].n), float(curve[-1].n)
    molecules, fewest, most = (_size(at, x, ends) for at in (center, low, high))
    return EquivalentSize(float(pruned.n), molecules, fewest, most, *ends)


def equivalent_size_by_pairs(
    n: float,
    values: np.ndarray,
    curve: np.ndarray,
    sizes: np.ndarray,
    split: np.ndarray,
    overlap: float,
    higher_is_better: bool,
) -> EquivalentSize:
    """Return how many molecules of a curve reach the metric of another one's runs, inside the curve's sizes alone.

    Each run is paired with the run of the curve of the same split and seed, whose metrics are joined by straight lines
    over log n. The answer is where the mean of the curve first reaches that of the runs. The interval has every size at
    which the mean of the paired differences is consistent with 0 (`scaling.paired`). So it excludes `n` exactly if the
    interval of the difference at equal size excludes 0. It is NaN where that is not known: of one pair, and of runs
    whose differences are all equal, as those of deterministic models on the whole of one split are.

    Args:
        n: The size of the runs.
        values: [R] their metrics.
        curve: [R, K] the metrics of the curve's runs of the same splits and seeds at each size.
        sizes: [K] the sizes of the curve, ascending, at least two.
        split: [R] the split of each pair.
        overlap: n_test / n_train of the splits.
        higher_is_better: The direction of the metric.
    """
    x, sign = np.log(sizes), 1 if higher_is_better else -1
    means, _, many = paired_errors(sign * np.column_stack([values, curve]), split, overlap)
    center = _first_reached(x, means[1:], means[0])
    inside = [center] if math.isfinite(center) else []
    grid = np.unique([*np.linspace(x[0], x[-1], _PAIRED_GRID), *x, *inside, np.clip(math.log(n), x[0], x[-1])])
    joined = np.stack([np.interp(grid, x, one) for one in curve])
    apart, errors, _ = paired_errors(values[:, None] - joined, split, overlap)
    at_n = np.searchsorted(grid, np.clip(math.log(n), x[0], x[-1]))
    if many < 2 or not errors[at_n] > 0:
        low = high = math.nan
    else:
        alike = np.flatnonzero(np.abs(apart) <= t_ppf((1 + LEVEL) / 2, many - 1) * errors)
        low, high = _range_of(grid, alike) if len(alike) else (center, center)
    ends = float(sizes[0]), float(sizes[-1])
    molecules, fewest, most = (_size(at, x, ends) for at in (center, low, high))
    return EquivalentSize(float(n), molecules, fewest, most, *ends)


def _first_reached(x: np.ndarray, values: np.ndarray, target: float) -> float:
    """Return where the lines through values [K] over x [K] first come up to the target; -inf or inf beyond their
    ends.
    """
    reached = np.flatnonzero(values >= target)
    if len(reached) == 0:
        return math.inf
    after = reached[0]
    if after == 0:
        return float(x[0]) if values[0] == target else -math.inf
    share = (target - values[after - 1]) / (values[after] - values[after - 1])
    return float(x[after - 1] + share * (x[after] - x[after - 1]))


def _not_different(pruned: Runs, curve: list[Runs], x: np.ndarray, center: float) -> tuple[float, float]:
    """Return the ends, in log n, of the sizes where the random curve does not differ from the pruned mean."""
    variances, counts = np.array([runs.variance for runs in curve]), np.array([runs.count for runs in curve])
    own, dof = pruned.variance, pruned.count
    if pruned.one_subset:
        own, dof = np.interp(math.log(pruned.n), x, variances * counts), counts.min()
    if not np.isfinite([own, *variances]).all():
        return math.nan, math.nan
    inside = [center] if math.isfinite(center) else []
    at = np.sort([*np.linspace(x[0], x[-1], _GRID), *inside])
    shares = np.stack([np.interp(at, x, one) for one in np.eye(len(x))], axis=1)
    parts = np.column_stack([shares**2 * variances, np.full(len(at), own)])
    reach = t_ppf((1 + LEVEL) / 2, _satterthwaite(parts, np.append(counts, dof))) * np.sqrt(parts.sum(axis=1))
    means = shares @ np.array([runs.mean for runs in curve])
    alike = np.flatnonzero(np.abs(means - pruned.mean) <= reach)
    if len(alike) == 0:
        return center, center
    return _range_of(at, alike)


def _range_of(at: np.ndarray, alike: np.ndarray) -> tuple[float, float]:
    """Return the first and the last place `alike` of the sizes `at` [G], infinite at an end of these."""
    first, last = alike[0], alike[-1]
    return (-math.inf if first == 0 else float(at[first])), (math.inf if last == len(at) - 1 else float(at[last]))


def _size(at: float, x: np.ndarray, ends: tuple[float, float]) -> float:
    """Return a number of molecules from its log; the ends themselves without rounding."""
    if not math.isfinite(at):
        return at
    return float(np.clip(math.exp(at), *ends))
