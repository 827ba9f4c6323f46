"""Distributions by special functions give what `scipy.stats` gives."""

import numpy as np
import pytest
import scipy.stats as theirs

from jaxmrl import stats

DOF = (0.5, 1, 2.0, 7.3, 100, 1e9)
Q = np.array([1e-6, 0.01, 0.05, 0.3, 0.5, 0.95, 0.999])
X = np.array([-np.inf, -5.0, -0.1, 0.0, 0.3, 1.0, 40.0, np.inf, np.nan])


@pytest.mark.parametrize("dof", DOF)
def test_tails_and_quantiles_are_scipys(dof):
    for name, ours in {"cdf": stats.t_cdf, "sf": stats.t_sf}.items():
        np.testing.assert_allclose(ours(X, dof), getattr(theirs.t, name)(X, dof), rtol=1e-13)
    for name, ours in {"ppf": stats.t_ppf, "isf": stats.t_isf}.items():
        np.testing.assert_allclose(ours(Q, dof), getattr(theirs.t, name)(Q, dof), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(stats.chi2_sf(X, dof), theirs.chi2.sf(X, dof), rtol=1e-13)
    np.testing.assert_allclose(stats.chi2_ppf(Q, dof), theirs.chi2.ppf(Q, dof), rtol=1e-12)
    for below in (1, 5.5, 40):
        np.testing.assert_allclose(stats.f_sf(X, dof, below), theirs.f.sf(X, dof, below), rtol=1e-12)
        np.testing.assert_allclose(stats.f_ppf(Q, dof, below), theirs.f.ppf(Q, dof, below), rtol=1e-9)
        np.testing.assert_allclose(stats.f_isf(Q, dof, below), theirs.f.isf(Q, dof, below), rtol=1e-9)


def test_the_normal_distribution_is_scipys():
    np.testing.assert_array_equal(stats.normal_cdf(X), theirs.norm.cdf(X))
    np.testing.assert_array_equal(stats.normal_ppf(Q), theirs.norm.ppf(Q))


@pytest.mark.parametrize("n", [1, 5, 30])
def test_binomial_tails_are_scipys(n):
    for k in range(-1, n + 1):
        assert stats.binomial_sf(k, n, 0.1) == pytest.approx(theirs.binom.sf(k, n, 0.1), rel=1e-12)


def test_ranks_share_ties():
    np.testing.assert_array_equal(stats.average_ranks([3, 1, 1, 9]), [3, 1.5, 1.5, 4])
    np.testing.assert_array_equal(stats.average_ranks([[2, 1], [1, 1]], axis=0), [[2, 1.5], [1, 1.5]])
    assert stats.rank_correlation([1, 2, 4], [1, 8, 9]) == pytest.approx(1)
