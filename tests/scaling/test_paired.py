"""Paired differences over several splits, and the points of a curve whose runs are of several splits."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from jaxmrl.scaling.current import current_of
from jaxmrl.scaling.paired import paired_mean
from jaxmrl.scaling.points import points_of


def test_one_split_has_students_interval_over_its_seeds():
    values = np.array([0.01, 0.03, -0.01, 0.02])
    found, expected = paired_mean(values, np.full(4, 42), 0.125), ttest_1samp(values, 0)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.9)))
    assert (found.pairs, found.splits) == (4, 1)


def test_equal_differences_have_no_known_interval():
    found = paired_mean(np.full(4, 0.1), np.zeros(4), 0.1)
    assert (found.value, found.reach, found.p) == (pytest.approx(0.1), None, None)


def test_the_mean_of_a_split_counts_once_and_overlap_widens():
    values, split = np.array([0.01, 0.03, 0.0, 0.02, 0.04]), np.array([1, 1, 2, 3, 3])
    plain, corrected = paired_mean(values, split, 0.0), paired_mean(values, split, 0.125)
    assert plain.value == corrected.value == pytest.approx(np.mean([0.02, 0.0, 0.03]))
    assert plain.p == pytest.approx(ttest_1samp([0.02, 0.0, 0.03], 0).pvalue)
    assert corrected.reach / plain.reach == pytest.approx(np.sqrt((1 / 3 + 1 / 8) / (1 / 3)))
    assert paired_mean(values[:1], split[:1], 0.125).reach is None


def test_tests_of_overlapping_splits_err_as_often_as_stated():
    """With the correlation that Nadeau and Bengio assume, n_test / (n_test + n_train), in place of independence."""
    rng, overlap = np.random.default_rng(0), 0.125
    rho = overlap / (1 + overlap)
    noise = np.sqrt(rho) * rng.normal(size=(2000, 1)) + np.sqrt(1 - rho) * rng.normal(size=(2000, 5))
    errs = {
        share: np.mean([paired_mean(one, np.arange(5), share).p < 0.1 for one in noise]) for share in (overlap, 0.0)
    }
    assert 0.085 < errs[overlap] < 0.115
    assert errs[0.0] > 0.14


def test_runs_of_one_split_do_not_count_as_independent():
    """Two splits whose levels differ by far more than their seeds do."""
    rng = np.random.default_rng(1)
    n, split, seed = (grid.ravel() for grid in np.meshgrid([100, 200, 400, 800], np.arange(3), np.arange(4)))
    level = np.array([0.8, 1.0, 1.25])
    error = 2 * n**-0.3 * level[split] * np.exp(rng.normal(0, 0.01, len(n)))
    settings = {
        "higher_is_better": False,
        "run": np.array([f"seed {3 * s + k}" for k, s in zip(split, seed, strict=True)]),
    }
    nested = points_of(n, error, **settings, split=split)
    assert (nested.splits, nested.level_dof, nested.runs.tolist()) == (3, 2, [3, 3, 3, 3])
    assert nested.level == pytest.approx(np.std(np.log(level), ddof=1) / np.sqrt(3), rel=0.1)
    assert "the same 3 splits at all sizes" in " ".join(nested.notes)
    flat = points_of(n, error, **settings)
    wide, narrow = (one.high - one.low for one in (current_of(nested), current_of(flat)))
    assert wide > 1.5 * narrow
    alone = points_of(n, error, **settings, split=np.zeros(len(n)))
    assert (alone.splits, alone.level) == (1, flat.level)
