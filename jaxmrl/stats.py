"""The functions of `scipy.stats` that are needed, without importing it in every command, which takes a second or two.

Quantiles and tail probabilities are SciPy's special functions. They have the names of `scipy.stats` (cdf, sf = 1 - cdf,
ppf = inverse of cdf, isf = inverse of sf) and its order of arguments, broadcast like its own, and need degrees of
freedom above 0. The functions of ranks import `scipy.stats` when they are called.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

normal_cdf = special.ndtr
normal_ppf = special.ndtri


def t_cdf(t: ArrayLike, dof: ArrayLike) -> Any:
    """Return the probability that Student's t with `dof` degrees of freedom is at most `t`."""
    return special.stdtr(dof, t)


def t_sf(t: ArrayLike, dof: ArrayLike) -> Any:
    """Return the probability that Student's t with `dof` degrees of freedom exceeds `t`."""
    return special.stdtr(dof, -np.asarray(t))


def t_ppf(q: ArrayLike, dof: ArrayLike) -> Any:
    """Return the quantile `q` in (0, 1) of Student's t with `dof` degrees of freedom."""
    return special.stdtrit(dof, q)


def t_isf(q: ArrayLike, dof: ArrayLike) -> Any:
    """Return what Student's t with `dof` degrees of freedom exceeds with probability `q` in (0, 1)."""
    return -special.stdtrit(dof, q)


def f_sf(f: ArrayLike, above: ArrayLike, below: ArrayLike) -> Any:
    """Return the probability that F with `above` and `below` degrees of freedom exceeds `f`."""
    return special.fdtrc(above, below, np.maximum(f, 0))


def f_ppf(q: ArrayLike, above: ArrayLike, below: ArrayLike) -> Any:
    """Return the quantile `q` in (0, 1) of F with `above` and `below` degrees of freedom."""
    return special.fdtri(above, below, q)


def f_isf(q: ArrayLike, above: ArrayLike, below: ArrayLike) -> Any:
    """Return what F with `above` and `below` degrees of freedom exceeds with probability `q` in (0, 1)."""
    return special.fdtri(above, below, 1 - np.asarray(q))


def chi2_sf(x: ArrayLike, dof: ArrayLike) -> Any:
    """Return the probability that chi squared with `dof` degrees of freedom exceeds `x`."""
    return special.chdtrc(dof, np.maximum(x, 0))


def chi2_ppf(q: ArrayLike, dof: ArrayLike) -> Any:
    """Return the quantile `q` in (0, 1) of chi squared with `dof` degrees of freedom."""
    return 2 * special.gammaincinv(np.asarray(dof) / 2, q)


def binomial_sf(k: int, n: int, p: float) -> float:
    """Return the probability of more than `k` successes in `n` trials, each with probability `p`."""
    return 1.0 if k < 0 else float(special.bdtrc(k, n, p))


def average_ranks(values: ArrayLike, axis: int | None = None) -> np.ndarray:
    """Return the rank of each value, from 1, ties sharing their mean rank. axis: along which; None: of all values."""
    from scipy.stats import rankdata

    return rankdata(values, axis=axis)


def rank_correlation(one: ArrayLike, other: ArrayLike) -> float:
    """Return Spearman's rank correlation of two vectors [n]; NaN if one of them is constant."""
    from scipy.stats import spearmanr

    return float(spearmanr(one, other).statistic)
