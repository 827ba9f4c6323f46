"""Pruned against random subsets: intervals, p-values and their correction on simulated numbers."""

import numpy as np
import pytest

from jaxmrl.scaling.differences import Runs, difference, equivalent_size, holm

SUBSET, TRAINING = 0.0348, 0.0245
"""Standard deviations of ROC-AUC on bace at a tenth of the data: between subsets, and of trainings on one."""


def runs(values, n=100, one_subset=False):
    return Runs(n, float(np.mean(values)), float(np.std(values, ddof=1)), len(values), one_subset)


def drawn(rng, seeds, *, one_subset=False, mean=0.7):
    """The metrics of trainings on random subsets: one subset for all seeds, or one for each."""
    subset = rng.normal(0, SUBSET, 1 if one_subset else seeds)
    return runs(mean + subset + rng.normal(0, TRAINING, seeds), one_subset=one_subset)


@pytest.mark.parametrize(
    ("seeds", "one_subset", "lowest", "highest"),
    [(3, False, 0.06, 0.12), (5, False, 0.08, 0.12), (3, True, 0.05, 0.12), (5, True, 0.05, 0.12)],
)
def test_made_up_methods_are_starred_as_often_as_promised(seeds, one_subset, lowest, highest):
    """At nominal 10 %; without the spread between subsets, 27 % of methods with one subset would be."""
    rng = np.random.default_rng(0)
    found = [difference(drawn(rng, seeds, one_subset=one_subset), drawn(rng, seeds)) for _ in range(2000)]
    assert lowest < np.mean([one.excludes_zero for one in found]) < highest
    assert lowest < np.mean([one.p < 0.1 for one in found]) < highest
    assert all(one.excludes_zero == (one.p < 0.1) for one in found)


def test_unequal_noise_and_numbers_of_runs():
    rng = np.random.default_rng(1)
    found = [difference(runs(rng.normal(0.1, 3.0, 4)), runs(rng.normal(0.0, 1.0, 8))) for _ in range(2000)]
    assert 0.87 < np.mean([one.low <= 0.1 <= one.high for one in found]) < 0.93


def test_unknown_noise_stays_unknown():
    known, single = runs([0.7, 0.72, 0.74]), Runs(100, 0.8, np.nan, 1)
    for one, other in ((single, known), (known, single), (known, runs([0.7, 0.7])), (single, single)):
        if other is not known or one is single:
            found = difference(one, other)
            assert np.isnan([found.low, found.high, found.p]).all()
            assert found.value == pytest.approx(one.mean - other.mean)
            assert not found.excludes_zero
    assert np.isnan(equivalent_size(single, [known, runs([0.8, 0.82], 200)], True).low)


def test_holm_bounds_the_share_of_tables_with_a_false_star():
    assert holm(np.array([0.01, 0.04, 0.03, np.nan])).tolist() == pytest.approx([0.03, 0.06, 0.06, np.nan], nan_ok=True)
    rng = np.random.default_rng(2)
    false = 0
    for _ in range(400):
        random = drawn(rng, 5)
        p = [difference(drawn(rng, 5), random).p for _ in range(24)]
        false += holm(np.array(p)).min() <= 0.1
    assert false / 400 < 0.13


RANDOM = [runs([m - 0.01, m, m + 0.01], n) for n, m in ((100, 0.6), (200, 0.7), (400, 0.8), (800, 0.85))]


def test_worth_is_read_off_the_random_curve():
    found = equivalent_size(runs([0.74, 0.75, 0.76], 150), RANDOM, True)
    assert found.molecules == pytest.approx(np.sqrt(200 * 400))
    assert 100 < found.low < found.molecules < found.high < 800
    lower = [Runs(one.n, -one.mean, one.sd, one.count) for one in RANDOM]
    same = equivalent_size(runs([-0.74, -0.75, -0.76], 150), lower, False)
    assert (same.molecules, same.low, same.high) == pytest.approx((found.molecules, found.low, found.high))


def test_worth_is_never_extrapolated():
    best, poor = (
        equivalent_size(runs([0.94, 0.95, 0.96]), RANDOM, True),
        equivalent_size(runs([0.4, 0.41, 0.42]), RANDOM, True),
    )
    assert (best.molecules, best.low, best.high) == (np.inf, np.inf, np.inf)
    assert (poor.molecules, poor.low, poor.high) == (-np.inf, -np.inf, -np.inf)
    assert (best.smallest, best.largest) == (100, 800)
    near = equivalent_size(runs([0.83, 0.85, 0.87]), RANDOM, True)
    assert near.high == np.inf, "its better end is beyond the whole pool"
    assert near.low < 800


def test_worth_where_the_random_curve_goes_down_between():
    wavy = [runs([m - 0.01, m, m + 0.01], n) for n, m in ((100, 0.6), (200, 0.7), (400, 0.65), (800, 0.8))]
    found = equivalent_size(runs([0.74, 0.75, 0.76]), wavy, True)
    assert found.molecules == pytest.approx(400 * 2 ** (2 / 3))
    assert found.low < found.molecules < found.high


@pytest.mark.parametrize("one_subset", [False, True])
def test_coverage_of_worth(one_subset):
    """The random curve is known from five runs at each size, and its noise is in the interval."""
    rng = np.random.default_rng(3)
    truth, inside = 0.6 + 0.1 * np.log2(260 / 100), []
    for _ in range(300):
        sizes = (100, 200, 400, 800)
        curve = [
            Runs(n, one.mean, one.sd, one.count)
            for n in sizes
            for one in [drawn(rng, 5, mean=0.6 + 0.1 * np.log2(n / 100))]
        ]
        own = drawn(rng, 5, one_subset=one_subset, mean=truth)
        found = equivalent_size(Runs(200, own.mean, own.sd, own.count, one_subset), curve, True)
        inside.append(found.low <= 260 <= found.high)
    assert 0.86 < np.mean(inside) < (0.985 if one_subset else 0.95)
