"""Datamodels: planted weights are found, with errors that are right, and predict unseen subsets."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from jaxmrl.valuation.datamodels import fit_datamodels, linear_score
from jaxmrl.valuation.estimates import half_subsets
from jaxmrl.valuation.valuing import unseen_scores


def planted(seed, noise=0.5, count=400, molecules=60, outputs=5):
    rng = np.random.default_rng(seed)
    weights = np.random.default_rng(0).normal(size=(molecules, outputs))
    members = half_subsets(molecules, count, rng)
    return members, members @ weights + noise * rng.normal(size=(count, outputs)), weights


def test_planted_weights_are_found_with_their_errors():
    members, outputs, weights = planted(1)
    fitted = fit_datamodels(members, outputs)
    assert fitted.weights.shape == (60, 6), "the mean output is one more"
    np.testing.assert_allclose(fitted.weights[:, :5], weights, atol=0.3)
    np.testing.assert_allclose(fitted.weights[:, 5], fitted.weights[:, :5].mean(axis=1), atol=1e-8)
    errors = np.concatenate(
        [fit_datamodels(*planted(seed)[:2]).means.value - weights.mean(axis=1) for seed in range(5)]
    )
    assert errors.std() == pytest.approx(fitted.means.error.mean(), rel=0.2)


def test_the_linear_score_is_the_mean_rank_correlation_over_subsets():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(30, 4)), rng.integers(5, size=(30, 4)).astype(float)
    expected = [spearmanr(one[:, k], other[:, k]).statistic for k in range(4)]
    np.testing.assert_allclose(linear_score(one, other), expected)
    assert np.isnan(linear_score(np.ones((30, 1)), one[:, :1]))


def test_datamodels_predict_models_on_unseen_subsets():
    members, outputs, _ = planted(2)
    scores = unseen_scores(members, outputs.mean(axis=1), outputs)
    assert min(scores.values()) > 0.8
    noise = np.random.default_rng(3).normal(size=outputs.shape)
    assert abs(unseen_scores(members, noise.mean(axis=1), noise)["outputs"]) < 0.15
