"""Intervals and calibrated probabilities beside those of crepes and venn-abers (`pip install -e '.[peers]'`)."""

import numpy as np
import pytest

from jaxmrl.predict.conformal import bin_of, fit_scale, upper_quantile
from jaxmrl.predict.venn_abers import fit_venn_abers

pytestmark = pytest.mark.slow

STARTS = np.array([0.0, 0.4, 0.6])


# At such levels (n + 1) coverage is no whole number, which crepes may round up by the last bit.
@pytest.mark.parametrize("coverage", [0.503, 0.807, 0.901])
@pytest.mark.parametrize("count", [60, 97, 400])
def test_normalized_intervals_in_bins_are_those_of_crepes(count, coverage):
    crepes = pytest.importorskip("crepes")
    rng = np.random.default_rng(count)
    error, spread, similarity = rng.standard_t(3, count), rng.gamma(2.0, 0.1, count), rng.uniform(0, 1, count)
    scale = fit_scale(np.abs(error), spread, similarity)
    size, place = scale.size(spread, similarity), bin_of(similarity, STARTS)
    theirs = crepes.ConformalRegressor().fit(error, sigmas=size, bins=place)
    new_place, new_size = np.arange(3), np.array([0.5, 1.0, 2.0])
    intervals = theirs.predict_int(np.full(3, 7.0), sigmas=new_size, bins=new_place, confidence=coverage)
    for k in range(3):
        half = upper_quantile(np.abs(error[place == k]) / size[place == k], coverage) * new_size[k]
        np.testing.assert_allclose(intervals[k], [7 - half, 7 + half], rtol=1e-12)


@pytest.mark.parametrize("decimals", [1, 2, 8])
def test_both_probabilities_are_those_of_venn_abers(decimals):
    """With few decimals, many molecules have the same score."""
    peer = pytest.importorskip("venn_abers")
    rng = np.random.default_rng(decimals)
    scores = np.round(rng.uniform(0, 1, 80), decimals)
    labels = (rng.uniform(0, 1, 80) < scores).astype(int)
    new = np.round(np.concatenate([[0.0, 1.0], scores[:5], rng.uniform(0, 1, 30)]), decimals)
    theirs = peer.VennAbers()
    theirs.fit(np.stack([1 - scores, scores], axis=1), labels)
    _, both = theirs.predict_proba(np.stack([1 - new, new], axis=1))
    np.testing.assert_allclose(np.stack(fit_venn_abers(scores, labels).probabilities(new), axis=1), both, atol=1e-12)
