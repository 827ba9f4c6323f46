"""What an estimator sees of molecules: counts, scaled real numbers, and how similar two molecules are. No JAX."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from jaxmrl.modalities.descriptors.features import Descriptors

_FARTHEST = 10.0
"""Standard deviations at which real numbers are cut off: descriptors have far outliers."""

_BLOCK = 1024
"""Rows of a kernel that are computed at a time."""


@dataclass(frozen=True)
class View:
    """The features of `n` molecules for one replica.

    counts [n, C] uint8     how often each substructure occurs
    values [n, D] float64   real numbers, standardized by the replica's training molecules
    """

    counts: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.counts)

    def matrix(self) -> np.ndarray:
        """Return all columns side by side, [n, C + D] float32, for trees."""
        return np.concatenate([self.counts, self.values], axis=1, dtype=np.float32, casting="unsafe")

    def select(self, rows: np.ndarray) -> "View":
        """Return some of the molecules."""
        return View(self.counts[rows], self.values[rows])


@dataclass(frozen=True)
class Scaling:
    """How a replica standardizes real numbers: what its training molecules say of each column, [D] all."""

    median: np.ndarray
    mean: np.ndarray
    sd: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "Scaling":
        """Return the scaling by training molecules [n, D]; NaN counts as the median of its column."""
        known = np.isfinite(values).any(axis=0)
        median = np.zeros(values.shape[1])
        median[known] = np.nanmedian(values[:, known].astype(np.float64), axis=0)
        filled = np.where(np.isnan(values), median, values.astype(np.float64))
        sd = filled.std(axis=0)
        return cls(median, filled.mean(axis=0), np.where(sd > 0, sd, 1.0))

    def view(self, features: Descriptors, rows: np.ndarray) -> View:
        """Return the view of some molecules."""
        values = features.values[rows].astype(np.float64)
        values = (np.where(np.isnan(values), self.median, values) - self.mean) / self.sd
        return View(np.asarray(features.counts[rows]), np.clip(values, -_FARTHEST, _FARTHEST))


def similarity(one: View, other: View) -> np.ndarray:
    """Return the kernel between the molecules of two views, [n, m] float64 in [0, 1].

    Tanimoto on counts, a Gaussian on real numbers, and the mean of the two where molecules have both.
    """
    parts = []
    if one.counts.shape[1]:
        parts.append(tanimoto(one.counts, other.counts))
    if one.values.shape[1]:
        parts.append(gaussian(one.values, other.values))
    return parts[0] if len(parts) == 1 else (parts[0] + parts[1]) / 2


def tanimoto(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the Tanimoto (min/max) kernel of counts [n, C] and [m, C], [n, m] (Ralaivola et al. 2005).

    It is the sum over columns of the smaller count by that of the larger one; 1 where both molecules have no count.
    """
    shared = np.empty((len(one), len(other)))
    left, right = _unary(one), _unary(other).T.tocsc()
    for start in range(0, len(one), _BLOCK):
        shared[start : start + _BLOCK] = (left[start : start + _BLOCK] @ right).toarray()
    either = one.sum(axis=1, dtype=np.float64)[:, None] + other.sum(axis=1, dtype=np.float64)[None, :] - shared
    return np.divide(shared, either, out=np.ones_like(shared), where=either > 0)


def _unary(counts: np.ndarray) -> sparse.csr_array:
    """Return counts as a sparse matrix of ones with a column for each level of a count: products sum up minima."""
    row, column = np.nonzero(counts)
    times = counts[row, column].astype(np.int64)
    level = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    places = np.repeat(row, times), np.repeat(column, times) * 256 + level
    return sparse.csr_array((np.ones(len(level)), places), shape=(len(counts), counts.shape[1] * 256))


def gaussian(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return exp(-d^2 / D) of standardized rows [n, D] and [m, D] at distance d, [n, m]."""
    square = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :] - 2 * one @ other.T
    return np.exp(-np.maximum(square, 0) / max(one.shape[1], 1))
