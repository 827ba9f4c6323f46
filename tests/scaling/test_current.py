import numpy as np
import pytest

from jaxmrl.scaling.current import current_of
from jaxmrl.scaling.points import points_of

SIZES = np.array([100, 200, 400, 800, 1600])


def points_of_curve(rng, seeds, sd=0.05):
    """Points of a curve with a true error of 0.3 at its largest size."""
    n = np.repeat(SIZES, seeds)
    error = 0.3 * (n / 1600) ** -0.3 * np.exp(sd * rng.normal(size=len(n)))
    names = np.array([f"seed {seed}" for seed in np.tile(np.arange(seeds), len(SIZES))])  # as a sweep has them
    return points_of(n, 1 - error, higher_is_better=True, run=names)


def test_the_interval_contains_the_true_metric_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [current_of(points_of_curve(rng, 3)) for _ in range(300)]
    assert all(one.low < one.value < one.high for one in found)
    share = np.mean([one.low <= 0.7 <= one.high for one in found])
    assert share == pytest.approx(0.9, abs=0.05)


def test_it_says_of_how_many_runs_and_molecules_it_is():
    one = current_of(points_of_curve(np.random.default_rng(0), 4))
    assert (one.n, one.runs) == (1600, 4)


def test_without_repeated_runs_no_interval_is_known():
    one = current_of(points_of_curve(np.random.default_rng(0), 1))
    assert one.low is None
    assert one.high is None


def test_other_test_molecules_widen_it():
    points = points_of_curve(np.random.default_rng(0), 3)
    resamples = 0.2 * np.random.default_rng(1).normal(size=(200, len(SIZES)))
    wider = current_of(type(points)(**{**vars(points), "log_error_resamples": resamples}))
    plain = current_of(points)
    assert wider.high - wider.low > 2 * (plain.high - plain.low)
