"""Prediction intervals of one task by split-conformal prediction: pure functions of arrays, NumPy and SciPy only.

The interval of a molecule is its prediction plus and minus a quantile of the errors of molecules that the models have
not learned from, after each error is divided by the size that is expected of it (Papadopoulos et al. 2002; Lei et al.
2018). If the new molecules are exchangeable with those molecules, it contains the label with at least the probability
that is asked for, whatever the models and the expected sizes are. Quantiles are of molecules that are about as similar
to training as the one that is predicted (Mondrian conformal prediction, Vovk et al. 2005), so that the probability
holds for molecules far from training, too, and not only on average.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from jaxmrl.stats import normal_ppf

BIN_STARTS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Lowest similarity to the nearest training molecule in each bin, before bins of few molecules are pooled."""

FEWEST_FAR, FEWEST_IN_BIN = 20, 30
"""Molecules of the bin that is farthest from training, and of each other bin. The coverage of 90% intervals from n
molecules has a standard deviation of about 0.3 / sqrt(n)."""

FOLDS = 5
"""Parts of the calibration molecules. The errors of each are divided by sizes that the other parts expect."""

SMALLEST_SIZE = 0.75
"""The smallest size that is expected of an error, in medians of those of the calibration molecules. The spread of a few
models may be zero by chance; and with less, intervals of molecules near training were too narrow in splits by clusters,
where few of them calibrate."""

BLOCK_DRIFT = 0.25
"""The standard deviation of the log ratio of the errors of two successive blocks of a project. It was 0.26 over 13
assays and one project, each in seven blocks (`benchmarks.rolling_origin`)."""

_DRIFTS = normal_ppf((np.arange(21) + 0.5) / 21)
"""Equally likely values of a standard normal variable: quantiles of its distribution."""


@dataclass(frozen=True)
class ErrorScale:
    """The size that is expected of the absolute error of a prediction.

    size = constant + of_spread * spread + of_distance * (1 - similarity), at least `smallest`. No coefficient is
    negative: models that disagree, or a molecule far from training, never make an interval narrower.

    Attributes:
        constant: In the unit of the label, as the next two.
        of_spread: Per standard deviation between the models.
        of_distance: For a molecule that shares nothing with training.
        usual_spread: The spread of a molecule whose own is not known, as with a single model.
        smallest: The smallest size.
    """

    constant: float
    of_spread: float
    of_distance: float
    usual_spread: float
    smallest: float

    def size(self, spread: np.ndarray, similarity: np.ndarray) -> np.ndarray:
        """Return the size [n] that is expected of the errors of molecules.

        Args:
            spread: [n] standard deviation between the models; NaN where it is not known.
            similarity: [n] Tanimoto similarity to the nearest training molecule.
        """
        spread = np.where(np.isnan(spread), self.usual_spread, spread)
        size = self.constant + self.of_spread * spread + self.of_distance * (1 - similarity)
        return np.maximum(size, self.smallest)


def fit_scale(errors: np.ndarray, spread: np.ndarray, similarity: np.ndarray) -> ErrorScale:
    """Return the scale that fits absolute errors [n] best in least squares, with coefficients of at least 0.

    Args:
        errors: [n] absolute errors of calibration molecules.
        spread, similarity: [n] as in `ErrorScale.size`.
    """
    known = ~np.isnan(spread)
    usual = float(spread[known].mean()) if known.any() else 0.0
    columns = np.stack([np.ones(len(errors)), np.where(known, spread, usual), 1 - similarity], axis=1)
    largest = np.abs(columns).max(axis=0)
    unit = np.where(largest > 0, largest, 1.0)
    coefficients = nnls(columns / unit, errors)[0] / unit
    sizes = columns @ coefficients
    smallest = SMALLEST_SIZE * float(np.median(sizes))
    constant, of_spread, of_distance = coefficients.tolist()
    return ErrorScale(constant, of_spread, of_distance, usual, max(smallest, float(np.finfo(float).tiny)))


@dataclass(frozen=True)
class Intervals:
    """How wide the prediction intervals of a task are.

    Attributes:
        scale: The expected size of an error.
        starts: [B] the lowest similarity of each bin, ascending; the first is 0.
        factors: [B] what the expected size is multiplied by in each bin.
        molecules: [B] the calibration molecules in each bin.
    """

    scale: ErrorScale
    starts: np.ndarray
    factors: np.ndarray
    molecules: np.ndarray

    def half_width(self, spread: np.ndarray, similarity: np.ndarray) -> np.ndarray:
        """Return half the width [n] of the intervals of molecules, in the unit of the label.

        Args:
            spread, similarity: [n] as in `ErrorScale.size`.
        """
        return self.factors[bin_of(similarity, self.starts)] * self.scale.size(spread, similarity)


def fit_intervals(
    errors: np.ndarray,
    spread: np.ndarray,
    similarity: np.ndarray,
    coverage: float,
    *,
    shifted: bool = False,
    drift: float = 0.0,
) -> Intervals | None:
    """Return the intervals that contain a label with probability `coverage`; None for too few molecules.

    The sizes that are expected of errors are fitted to the same molecules as the quantiles. To keep that from making
    intervals too narrow, the errors whose quantiles count are divided by sizes that were fitted without them.

    Args:
        errors: [n] absolute errors of calibration molecules, which no model has learned from.
        spread, similarity: [n] as in `ErrorScale.size`.
        coverage: Above 0 and below 1.
        shifted: Whether new molecules differ from the calibration molecules of their bin, as with splits by scaffold,
            cluster or date. No bin then has a smaller quantile than all molecules together.
        drift: As of `upper_quantile`, for molecules that come later.
    """
    count = len(errors)
    if count < fewest_to_fit(coverage):
        return None
    fold = np.random.default_rng(0).permutation(count) % FOLDS
    scores = np.empty(count)
    for k in range(FOLDS):
        own, others = fold == k, fold != k
        scale = fit_scale(errors[others], spread[others], similarity[others])
        scores[own] = errors[own] / scale.size(spread[own], similarity[own])
    starts = pooled_bins(similarity, fewest_for(coverage))
    place = bin_of(similarity, starts)
    factors = np.array([upper_quantile(scores[place == k], coverage, drift) for k in range(len(starts))])
    if shifted:
        factors = np.maximum(factors, upper_quantile(scores, coverage, drift))
    return Intervals(fit_scale(errors, spread, similarity), starts, factors, np.bincount(place, minlength=len(starts)))


def fewest_for(coverage: float) -> int:
    """Return the fewest calibration molecules that can promise a coverage: 9 for 90%, 99 for 99%."""
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def fewest_to_fit(coverage: float) -> int:
    """Return the fewest calibration molecules of a task that has intervals: each fold needs two of them."""
    return max(fewest_for(coverage), 2 * FOLDS)


def upper_quantile(scores: np.ndarray, coverage: float, drift: float = 0.0) -> float:
    """Return the value that one more score stays within with probability `coverage`.

    It is the ceil((n + 1) coverage)-th smallest of n scores, which counts the new one (Vovk et al. 2005).

    Args:
        scores: [n] nonnegative.
        coverage: Above 0 and below 1.
        drift: The standard deviation of the logarithm of a factor by which all new scores are larger or smaller.
    """
    rank = math.ceil((len(scores) + 1) * coverage - 1e-9)
    if drift == 0:
        return float(np.sort(scores)[rank - 1])
    multiplied = np.outer(scores, np.exp(drift * _DRIFTS)).ravel()
    return float(np.sort(multiplied)[rank * len(_DRIFTS) - 1])


def pooled_bins(similarity: np.ndarray, fewest: int = 1) -> np.ndarray:
    """Return the lowest similarity of each bin, ascending, so that each bin has molecules enough or is the only one.

    Bins are filled from the farthest molecules on. The first needs FEWEST_FAR molecules, the others FEWEST_IN_BIN:
    errors grow fastest far from training, where there are fewest molecules to learn it from.

    Args:
        similarity: [n] of the calibration molecules.
        fewest: The molecules that any bin needs at least.
    """
    sizes = np.bincount(bin_of(similarity, np.array(BIN_STARTS)), minlength=len(BIN_STARTS))
    starts, filled = [BIN_STARTS[0]], 0
    for start, size in zip(BIN_STARTS, sizes.tolist(), strict=True):
        if filled >= _needed(len(starts), fewest):
            starts.append(start)
            filled = 0
        filled += size
    if len(starts) > 1 and filled < _needed(len(starts), fewest):
        starts.pop()
    return np.array(starts)


def _needed(bins: int, fewest: int) -> int:
    """Return the molecules that the last of some bins needs."""
    return max(FEWEST_FAR if bins == 1 else FEWEST_IN_BIN, fewest)


def bin_of(similarity: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the bin [n] of each similarity; starts [B] as of `pooled_bins`."""
    return np.maximum(np.searchsorted(starts, similarity, side="right") - 1, 0)
