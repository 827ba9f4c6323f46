import numpy as np
import pytest

from jaxmrl.scaling.points import points_of
from jaxmrl.scaling.shape import SATURATED, WORSE, shape_of

N = np.geomspace(100, 25_600, 9)


def noisy(error, runs=3, sd=0.03, seed=0):
    noise = np.random.default_rng(seed).normal(0, sd, (runs, len(N)))
    return points_of(np.tile(N, runs), (error * np.exp(noise)).ravel(), higher_is_better=False)


def test_a_rising_error_is_worse_with_repeated_runs_and_without():
    for runs in (1, 3):
        assert shape_of(noisy(0.1 * N**0.2, runs)).kind == WORSE


def test_a_curve_that_improves_at_first_and_then_gets_worse_says_from_where():
    found = shape_of(noisy(np.where(N < 2000, 1.0, (N / 1600) ** 0.3 * 1.0) * np.minimum(N, 1600) ** -0.2))
    assert found.kind == WORSE
    assert "than 1,600" in found.reason


@pytest.mark.parametrize("runs", [1, 3, 5])
def test_flat_and_falling_curves_seldom_get_worse(runs):
    kinds = [shape_of(noisy(np.full(9, 0.3), runs, 0.08, seed)) for seed in range(300)]
    assert np.mean([kind is not None for kind in kinds]) <= 0.02
    assert all(shape_of(noisy(0.2 + N**-0.4, runs, 0.08, seed)) is None for seed in range(100))


def test_a_small_rise_at_the_end_is_no_worsening():
    error = 2 * N**-0.3
    error[-1] = 1.05 * error[-2]
    assert shape_of(noisy(error, sd=0.001)) is None


def test_two_sizes_of_one_run_are_judged_by_their_order():
    two = lambda *error: points_of([100, 1000], error, higher_is_better=False)
    assert shape_of(two(0.3, 0.4)).kind == WORSE
    assert shape_of(two(0.4, 0.3)) is None


@pytest.mark.parametrize(
    "error",
    [
        [0.30, 0.24, 0.18, 0.14, 0.16, 0.20, 0.25],
        [1.0, 0.8, 0.65, 0.55, 0.45, 0.5, 0.62],
        [1.0, 0.8, 0.65, 0.55, 0.45, 0.4, 0.7],
        [0.8, 0.5, 0.7],
    ],
)
def test_a_peaked_curve_of_single_runs_gets_worse(error):
    found = shape_of(points_of(N[: len(error)], error, higher_is_better=False))
    assert found.kind == WORSE
    assert f"than {N[np.argmin(error)]:,.0f}, so no forecast is made" in found.reason
    assert ("cannot exclude chance" in found.reason) == (len(error) == 3)


def test_single_runs_that_level_off_or_dip_once_do_not_get_worse():
    for error in ([1.0, 0.8, 0.66, 0.60, 0.61, 0.59, 0.605], [1.0, 0.8, 0.6, 0.9, 0.7, 0.5, 0.4]):
        assert shape_of(points_of(N[:7], error, higher_is_better=False)) is None


def test_few_repeated_runs_are_judged_by_their_order_too():
    two = lambda *error: points_of([100, 100, 1000, 1000], error, higher_is_better=False, run=list("abab"))
    assert shape_of(two(0.1, 0.09, 0.2, 0.19)).kind == WORSE
    assert shape_of(two(0.2, 0.19, 0.1, 0.09)) is None
    overlapping = points_of([100, 100, 1000, 1000], [0.1, 0.2, 0.11, 0.21], higher_is_better=False)
    assert shape_of(overlapping) is None


def test_an_error_of_0_is_saturated():
    found = shape_of(points_of([10, 20, 40], [0.3, 0.0, 0.0], higher_is_better=False))
    assert found.kind == SATURATED
    assert found.reason.startswith("saturated from 20 molecules on")
    among = shape_of(points_of([10, 20, 40], [0.3, 0.0, 0.1], higher_is_better=False))
    assert among.reason.startswith("the error is 0 at 20 molecules")
