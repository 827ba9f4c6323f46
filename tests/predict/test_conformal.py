"""Intervals and calibrated probabilities on synthetic data whose truth is known."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom
from sklearn.isotonic import IsotonicRegression

from jaxmrl.predict.calibration import calibrated_probabilities, shift_of
from jaxmrl.predict.conformal import (
    BIN_STARTS,
    BLOCK_DRIFT,
    FOLDS,
    ErrorScale,
    bin_of,
    fewest_for,
    fewest_to_fit,
    fit_intervals,
    fit_scale,
    pooled_bins,
    upper_quantile,
)
from jaxmrl.predict.held_out import MOST_CALIBRATED, choose_molecules, hold_out
from jaxmrl.predict.sigmoid import fit_sigmoid
from jaxmrl.predict.venn_abers import combined, fit_venn_abers


def molecules(rng, n):
    """Absolute errors that grow with the spread and with the distance, with heavy tails."""
    spread, similarity = rng.gamma(2.0, 0.1, n), rng.beta(4, 4, n)
    return np.abs(rng.standard_t(4, n)) * (0.2 + 2 * spread + 2 * (1 - similarity) ** 2), spread, similarity


@pytest.mark.parametrize(("count", "coverage"), [(10, 0.5), (40, 0.9), (300, 0.9)])
def test_intervals_of_exchangeable_molecules_contain_the_label_as_often_as_promised(count, coverage):
    """Over many draws, each with one new molecule, the number inside is binomial."""
    rng, draws = np.random.default_rng(0), 200
    inside = 0
    for _ in range(draws):
        errors, spread, similarity = molecules(rng, count + 1)
        intervals = fit_intervals(errors[:-1], spread[:-1], similarity[:-1], coverage)
        inside += errors[-1] <= intervals.half_width(spread[-1:], similarity[-1:])[0]
    # Ranks are whole numbers: of few molecules, the promise is exceeded by up to 1 / (n + 1).
    low, high = binom.ppf([0.001, 0.999], draws, [coverage, min(1, coverage + 1 / 11)])
    assert low <= inside <= high


def test_bins_far_from_training_are_covered_too():
    rng = np.random.default_rng(1)
    errors, spread, similarity = molecules(rng, 6000)
    known, new = slice(0, 2000), slice(2000, None)
    half = fit_intervals(errors[known], spread[known], similarity[known], 0.9).half_width(spread[new], similarity[new])
    place, inside = bin_of(similarity[new], np.array(BIN_STARTS)), errors[new] <= half
    constant = errors[new] <= upper_quantile(errors[known], 0.9)
    for k in range(len(BIN_STARTS)):
        assert abs(inside[place == k].mean() - 0.9) < 0.04
    assert constant[place == 0].mean() < 0.8
    assert half[similarity[new] < 0.3].mean() > 1.5 * half[similarity[new] > 0.7].mean()


def test_the_size_of_an_error_grows_with_spread_and_distance():
    scale = ErrorScale(constant=1.0, of_spread=2.0, of_distance=3.0, usual_spread=0.5, smallest=1.9)
    sizes = scale.size(np.array([0.25, np.nan, 0.0]), np.array([0.4, 1.0, 1.0]))
    np.testing.assert_allclose(sizes, [1 + 2 * 0.25 + 3 * 0.6, 1 + 2 * 0.5, 1.9], err_msg="the last is the smallest")


def test_the_scale_is_found_exactly_where_errors_follow_it():
    rng = np.random.default_rng(3)
    spread, similarity = rng.uniform(0, 2, 50), rng.uniform(0, 1, 50)
    scale = fit_scale(0.2 + 0.5 * spread + 3 * (1 - similarity), spread, similarity)
    np.testing.assert_allclose([scale.constant, scale.of_spread, scale.of_distance], [0.2, 0.5, 3.0], rtol=1e-9)
    assert scale.usual_spread == pytest.approx(spread.mean())
    alone = fit_scale(np.full(50, 0.7), np.full(50, np.nan), similarity)
    np.testing.assert_allclose([alone.constant, alone.of_spread, alone.usual_spread], [0.7, 0, 0], atol=1e-9)


def test_errors_are_divided_by_sizes_that_were_fitted_without_them():
    errors, spread, similarity = molecules(np.random.default_rng(4), 12)
    found = fit_intervals(errors, spread, similarity, 0.8)
    fold, scores = np.random.default_rng(0).permutation(12) % FOLDS, []
    for k in range(12):
        others = fold != fold[k]
        scale = fit_scale(errors[others], spread[others], similarity[others])
        scores.append(errors[k] / scale.size(spread[k : k + 1], similarity[k : k + 1])[0])
    assert found.factors == pytest.approx([upper_quantile(np.array(scores), 0.8)])
    assert found.molecules.tolist() == [12]


def test_no_bin_has_a_smaller_quantile_than_all_where_molecules_are_shifted():
    errors, spread, similarity = molecules(np.random.default_rng(1), 300)
    usual, wide = (fit_intervals(errors, spread, similarity, 0.9, shifted=one).factors for one in (False, True))
    assert (wide >= usual).all()
    assert wide.min() > usual.min()
    assert wide.max() == usual.max()
    drifting = fit_intervals(errors, spread, similarity, 0.9, shifted=True, drift=0.25).factors
    assert (drifting > wide).all()


def test_the_split_decides_how_new_molecules_may_differ():
    assert shift_of({"random"}) == shift_of({"random", "stratified"}) == (False, 0.0)
    assert shift_of({"scaffold"}) == shift_of({"random", "cluster"}) == (True, 0.0)
    assert shift_of({"time"}) == shift_of({"rolling"}) == (True, BLOCK_DRIFT)


@pytest.mark.parametrize("drift", [0.0, 0.5])
def test_scores_that_are_multiplied_by_a_common_factor_stay_within_the_quantile(drift):
    rng = np.random.default_rng(0)
    limits = [upper_quantile(rng.exponential(size=50), 0.9, drift) for _ in range(400)]
    new = rng.exponential(size=(400, 50)) * np.exp(drift * rng.normal(size=(400, 1)))
    assert np.mean(new <= np.array(limits)[:, None]) == pytest.approx(0.9, abs=0.02)


def test_the_scale_finds_what_errors_depend_on():
    rng = np.random.default_rng(2)
    spread, similarity = rng.gamma(2.0, 0.1, 20_000), rng.uniform(0, 1, 20_000)
    scale = fit_scale(rng.exponential(0.3 + 2 * spread), spread, similarity)
    assert scale.of_spread == pytest.approx(2, abs=0.2)
    assert scale.of_distance < 0.1
    assert scale.size(np.array([np.nan]), np.ones(1))[0] == pytest.approx(0.3 + 2 * 0.2, abs=0.05)
    # What lessens errors is never used: the intervals would be narrow where models disagree.
    inverse = fit_scale(rng.exponential(1.1 - similarity), np.full(20_000, np.nan), 1 - similarity)
    assert inverse.of_distance == 0
    assert inverse.of_spread == 0


def test_an_interval_has_a_width_where_errors_were_zero_by_chance():
    errors, nothing = np.zeros(30), np.zeros(30)
    assert (fit_intervals(errors, nothing, np.ones(30), 0.9).half_width(nothing, np.ones(30)) >= 0).all()
    scale = fit_scale(np.linspace(0.1, 1, 30), np.linspace(0, 1, 30), np.ones(30))
    assert scale.size(np.zeros(1), np.ones(1))[0] >= 0.1


def test_few_molecules_promise_nothing():
    assert [fewest_for(coverage) for coverage in (0.5, 0.9, 0.95, 0.99)] == [1, 9, 19, 99]
    errors = np.arange(1.0, 100.0)
    assert upper_quantile(errors, 0.99) == 99
    assert upper_quantile(errors, 0.9) == 90
    assert upper_quantile(errors[:9], 0.9) == 9
    assert fit_intervals(errors[:18], errors[:18], np.ones(18), 0.95) is None
    assert fit_intervals(errors[:20], errors[:20], np.ones(20), 0.95) is not None


def test_bins_are_pooled_from_the_far_end():
    similarity = np.repeat([0.1, 0.35, 0.45, 0.55, 0.65, 0.9], [25, 10, 25, 40, 5, 12])
    assert pooled_bins(similarity).tolist() == [0.0, 0.3, 0.5]
    assert pooled_bins(similarity[:19]).tolist() == [0.0]
    assert pooled_bins(similarity, 99).tolist() == [0.0]
    assert bin_of(np.array([-0.1, 0.0, 0.3, 0.49, 0.5, 1.0]), np.array([0.0, 0.3, 0.5])).tolist() == [0, 0, 1, 1, 2, 2]


def test_a_molecule_is_predicted_by_the_models_that_have_not_seen_it():
    values = np.array([[1.0, 2.0, 3.0], [3.0, 10.0, 5.0], [50.0, 60.0, 7.0]])[..., None]
    learned = np.array([[False, True, False], [False, False, False], [True, True, False]])
    similarity = np.array([[0.2, 1.0, 0.1], [0.5, 0.3, 0.6], [1.0, 1.0, 0.4]])
    found = hold_out(values, learned, similarity, np.zeros((3, 1)))
    np.testing.assert_allclose(found.mean[:, 0], [2, 10, 5])
    np.testing.assert_allclose(found.spread[:, 0], [np.sqrt(2), np.nan, 2])
    np.testing.assert_allclose(found.similarity, [0.5, 0.3, 0.6])


def test_many_molecules_are_sampled():
    assert choose_molecules([np.array([5, 1]), np.array([1, 9])]).tolist() == [1, 5, 9]
    chosen = choose_molecules([np.arange(9000)])
    assert len(chosen) == MOST_CALIBRATED
    assert (np.diff(chosen) > 0).all()


def test_venn_abers_agrees_with_its_definition():
    """Two isotonic regressions of all molecules and the new one, by scikit-learn."""
    rng = np.random.default_rng(3)
    scores = np.round(rng.normal(size=80), 1)
    labels = (rng.uniform(size=80) < 1 / (1 + np.exp(-3 * scores))).astype(float)
    new = np.concatenate([scores[:5], [-9.0, 9.0, 0.123, 0.05]])
    found = fit_venn_abers(scores, labels).probabilities(new)
    for label in (0, 1):
        for k, score in enumerate(new):
            both = np.append(scores, score), np.append(labels, label)
            expected = IsotonicRegression().fit(*both).predict([score])[0]
            assert found[label][k] == pytest.approx(expected)
    assert (found[0] < found[1]).all()


def test_calibrated_probabilities_are_those_of_the_labels():
    rng = np.random.default_rng(4)
    truth = rng.beta(0.5, 0.5, 20_000)
    labels, raw = (rng.uniform(size=20_000) < truth).astype(float), truth**3
    calibration = fit_venn_abers(raw[:2000], labels[:2000])
    lower, upper = calibration.probabilities(raw[2000:])
    probability = combined(lower, upper)
    assert ((lower <= probability) & (probability <= upper)).all()
    assert np.abs(probability - truth[2000:]).mean() < 0.03 < np.abs(raw - truth).mean()
    assert lower.mean() <= labels[2000:].mean() <= upper.mean()


def test_a_sigmoid_finds_the_line_of_the_logits():
    rng = np.random.default_rng(5)
    truth = rng.normal(size=20_000)
    labels = (rng.uniform(size=20_000) < expit(truth)).astype(float)
    found = fit_sigmoid(expit(2 * truth + 1), labels)
    assert (found.slope, found.intercept) == pytest.approx((0.5, -0.5), abs=0.05)
    assert fit_sigmoid(expit(-truth), labels).slope == 0


@pytest.mark.slow
def test_the_calibrated_probability_is_between_its_bounds_and_keeps_the_order():
    rng = np.random.default_rng(6)
    errors = []
    for _ in range(30):
        logits = rng.normal(size=2200)
        labels, raw = (rng.uniform(size=2200) < expit(logits)).astype(float), expit(3 * logits)
        mean, lower, upper = calibrated_probabilities(raw[:200], labels[:200], raw[200:])
        assert ((lower <= mean) & (mean <= upper)).all()
        assert (np.diff(mean[np.argsort(raw[200:])]) >= 0).all()
        alone = combined(*fit_venn_abers(raw[:200], labels[:200]).probabilities(raw[200:]))
        errors.append([np.mean((one - expit(logits[200:])) ** 2) for one in (raw[200:], alone, mean)])
    before, alone, mean = np.mean(errors, axis=0)
    assert mean < 0.8 * alone < 0.5 * before
    assert calibrated_probabilities(raw[:4], labels[:4], raw) is None


def test_few_of_a_class_are_no_calibration():
    labels = np.repeat([0.0, 1.0], [50, 4])
    assert fit_venn_abers(np.arange(54.0), labels) is None
    assert fit_venn_abers(np.arange(54.0), np.append(labels[1:], 1.0)) is not None


@pytest.mark.parametrize(
    ("counts", "starts"),
    [
        ((20, 30, 0, 0, 0, 30), [0, 0.3, 0.4]),
        ((19, 30, 0, 0, 0, 30), [0, 0.4]),
        ((20, 29, 0, 0, 0, 0), [0]),
        ((20, 29, 1, 29, 0, 1), [0, 0.3, 0.5]),
        ((49, 0, 0, 0, 0, 0), [0]),
    ],
)
def test_a_bin_with_exactly_as_many_molecules_as_it_needs_stands_alone(counts, starts):
    similarity = np.repeat(np.array(BIN_STARTS) + 0.05, counts)
    assert pooled_bins(similarity).tolist() == starts


def test_the_fewest_molecules_of_an_interval_and_of_a_calibration():
    assert [fewest_to_fit(coverage) for coverage in (0.5, 0.9, 0.95, 0.99)] == [10, 10, 19, 99]
    errors, similarity = np.linspace(0, 1, 197), np.repeat([0.1, 0.35], [98, 99])
    assert fit_intervals(errors, np.full(197, np.nan), similarity, 0.99).starts.tolist() == [0]
    scores = np.arange(20.0)
    for few in (scores < 4, scores >= 4):
        assert fit_venn_abers(scores, few.astype(int)) is None, "four of a class"
    assert fit_venn_abers(scores, (scores < 5).astype(int)) is not None
