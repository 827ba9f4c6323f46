"""Paired differences of two curves: by seed and, where there are several, by split, whose training sets overlap."""

import math
from dataclasses import dataclass

import numpy as np

from jaxmrl.scaling.law_fit import LEVEL
from jaxmrl.stats import t_ppf, t_sf


@dataclass(frozen=True)
class PairedMean:
    """The mean of paired differences, with its interval, at LEVEL unless another one was asked for.

    Attributes:
        value: The mean; each split counts once.
        reach: Half of the interval; None for a single pair or a single split with one seed.
        p: The two-sided p-value of no difference; None where the interval is not known or differences do not vary.
        pairs: The number of pairs of runs.
        splits: The number of splits that they are of.
    """

    value: float
    reach: float | None
    p: float | None
    pairs: int
    splits: int

    @property
    def low(self) -> float | None:
        """The lower end of the interval; None where it is not known."""
        return None if self.reach is None else self.value - self.reach

    @property
    def high(self) -> float | None:
        """The upper end of the interval; None where it is not known."""
        return None if self.reach is None else self.value + self.reach


def paired_mean(differences: np.ndarray, split: np.ndarray, overlap: float, level: float = LEVEL) -> PairedMean:
    """Return the mean of paired differences, and how far it may be off.

    Of one split, this is Student's interval over its seeds. Of J splits, it is that of the splits' mean differences
    with a variance of s² (1/J + n_test / n_train) instead of s² / J (Nadeau & Bengio 2003): the training sets of two
    splits overlap, so that their differences are not independent. For subsets of the training molecules, which overlap
    less, n_train is still that of the whole training set.

    Args:
        differences: [R] differences between runs of the same split and seed.
        split: [R] the split of each pair.
        overlap: n_test / n_train of the splits.
        level: The probability that the interval contains the true mean.
    """
    values, errors, many = paired_errors(np.asarray(differences, float)[:, None], split, overlap)
    value, error, pairs, splits = float(values[0]), float(errors[0]), len(differences), len(np.unique(split))
    if many < 2 or not error > 0:
        return PairedMean(value, None, None, pairs, splits)
    reach = float(t_ppf((1 + level) / 2, many - 1)) * error
    return PairedMean(value, reach, float(2 * t_sf(abs(value) / error, many - 1)), pairs, splits)


def paired_errors(differences: np.ndarray, split: np.ndarray, overlap: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the mean of paired differences in each column, its standard error, and the number of units behind both.

    Units are splits or, of one split, pairs. Of a single unit, errors are NaN.

    Args:
        differences: [R, G] differences between runs of the same split and seed.
        split: [R] the split of each pair.
        overlap: As in `paired_mean`, which has the formula.
    """
    seeds, group = np.unique(split, return_inverse=True)
    units, shared = differences, 0.0
    if len(seeds) > 1:
        units, shared = np.stack([differences[group == k].mean(axis=0) for k in range(len(seeds))]), overlap
    many = len(units)
    spread = units.std(axis=0, ddof=1) if many > 1 else np.full(units.shape[1], np.nan)
    return units.mean(axis=0), spread * math.sqrt(1 / many + shared), many
