import numpy as np
import pytest

from jaxmrl.errors import DataError
from jaxmrl.scaling.points import points_of, points_of_means

ERROR = {"higher_is_better": False}


def test_runs_of_one_size_are_one_point():
    points = points_of([20, 10, 10, 20], [0.7, 0.5, 0.6, 0.9], higher_is_better=True)
    assert points.n.tolist() == [10, 20]
    np.testing.assert_allclose(points.error, [0.45, 0.2])
    np.testing.assert_allclose(points.metric, [0.55, 0.8])
    assert points.runs.tolist() == [2, 2]
    assert points.dof == 2


def test_means_with_their_spread_give_the_same_points():
    rng = np.random.default_rng(0)
    n = np.array([10, 50, 200, 1000])
    runs = 0.5 * n**-0.2 + rng.normal(0, 0.01, (5, 4))
    by_runs = points_of(np.tile(n, 5), runs.ravel(), higher_is_better=False)
    by_means = points_of_means(n, runs.mean(0), runs.std(0, ddof=1), np.full(4, 5), higher_is_better=False)
    for name in ("n", "error", "runs", "sd"):
        np.testing.assert_allclose(getattr(by_runs, name), getattr(by_means, name), rtol=1e-12)
    assert by_runs.dof == by_means.dof == 16


def test_the_spread_is_that_of_the_runs():
    rng = np.random.default_rng(1)
    n = np.tile([100, 200, 400, 800, 1600], 400)
    true = 0.04
    points = points_of(n, n**-0.3 * np.exp(rng.normal(0, true, len(n))), higher_is_better=False)
    np.testing.assert_allclose(points.sd, true, rtol=0.1)


def test_a_spread_that_grows_with_n_is_seen_and_chance_is_not():
    rng = np.random.default_rng(2)
    sizes = np.geomspace(100, 1e5, 9)
    n = np.tile(sizes, 40)
    grows = n**-0.3 * np.exp(rng.normal(size=len(n)) * 0.01 * (n / 100) ** 0.3)
    points = points_of(n, grows, higher_is_better=False)
    assert points.sd[-1] / points.sd[0] == pytest.approx(1000**0.3, rel=0.3)
    few = np.tile(sizes, 2)
    ratios = []
    for _ in range(200):
        found = points_of(few, few**-0.3 * np.exp(rng.normal(0, 0.02, len(few))), higher_is_better=False)
        ratios.append(abs(np.log(found.sd[-1] / found.sd[0])))
    assert np.mean(np.array(ratios) < 1e-9) > 0.5, "most trends of two runs each are drawn to none"


def test_without_repetition_nothing_is_known_of_the_noise():
    points = points_of([10, 20, 40], [0.5, 0.6, 0.7], higher_is_better=True)
    assert points.dof == 0
    assert points.weights.tolist() == [1, 1, 1]


def test_what_cannot_be_used_is_left_out_and_said():
    points = points_of([10, 20, 40, 80, 0], [0.5, 0.6, np.nan, 1.0, 0.5], higher_is_better=True, guess=0.45)
    assert points.n.tolist() == [10, 20, 80]
    assert points.perfect.tolist() == [False, False, True]
    assert points.guess is None
    said = "; ".join(points.notes)
    assert "2 runs left out: not finite, or no molecules" in said
    assert "not below that of guessing" in said


def test_one_size_is_no_curve():
    with pytest.raises(DataError, match="two sizes; got 1"):
        points_of([10, 10], [0.5, 0.6], higher_is_better=True)
    with pytest.raises(DataError, match="a size twice"):
        points_of_means([10, 10], [0.5, 0.6], [0.1, 0.1], [3, 3], higher_is_better=True)


def test_the_first_sizes_keep_what_all_tell_of_the_spread():
    points = points_of([10, 10, 20, 20, 40, 40], [0.5, 0.52, 0.6, 0.7, 0.7, 0.72], higher_is_better=True)
    first = points.first(2)
    assert first.n.tolist() == [10, 20]
    assert first.sd.tolist() == points.sd[:2].tolist()
    assert first.dof == points.dof


def test_other_test_molecules_shift_the_log_errors():
    metric = np.array([0.5, 0.6, 0.7, 0.8])
    resampled = np.stack([metric, metric + 0.1, np.full(4, np.nan), *[metric] * 9])
    points = points_of([10, 10, 20, 20], metric, higher_is_better=True, resampled=resampled)
    assert points.log_error_resamples.shape == (11, 2)
    np.testing.assert_allclose(
        points.log_error_resamples[1] - points.log_error_resamples[0], np.log([0.35 / 0.45, 0.15 / 0.25])
    )
    np.testing.assert_allclose(points.log_error_resamples.mean(axis=0), 0, atol=1e-12)
    assert points.first(1).log_error_resamples.shape == (11, 1)
    few = points_of([10, 20], [0.5, 0.6], higher_is_better=True, resampled=np.array([[0.5, 0.6]] * 5))
    assert few.log_error_resamples is None


def test_a_mean_without_a_standard_deviation_counts_as_many_runs_as_it_has():
    nan = float("nan")
    points = points_of_means([10, 20, 40, 80], [0.4, 0.3, 0.2, 0.1], [0.04, nan, 0.02, nan], [4, 16, 4, nan], **ERROR)
    np.testing.assert_allclose(points.sd, 0.1)
    assert points.dof == 6
    np.testing.assert_allclose(points.weights, [20, 40, 20, 10])


def test_standard_deviations_of_an_unknown_number_of_runs_weigh_the_sizes():
    nan = float("nan")
    sizes, error = np.array([10, 20, 40, 80, 160, 320]), np.full(6, 0.5)
    rising = points_of_means(sizes, error, 0.01 * np.sqrt(sizes), np.full(6, nan), **ERROR)
    assert rising.dof == 0, "the noise of a mean is not known"
    assert np.all(np.diff(rising.weights) < 0)
    np.testing.assert_allclose(np.log(rising.sd).mean(), 0, atol=1e-12)
    failed = points_of_means(sizes, error, [0.01, 0.01, 0.01, 0.01, 0.4, 0.01], np.full(6, nan), **ERROR)
    assert failed.weights[4] < 0.1 * failed.weights[5]
    (note,) = failed.notes
    assert "n 160: a standard deviation of 0.4 is far above that of the other sizes" in note


def test_a_large_spread_beside_a_nearly_perfect_mean_is_no_failed_training():
    n, runs = np.array([100.0, 200, 400, 800, 1600]), np.full(5, 5)
    mean, sd = np.array([0.7, 0.8, 0.9, 0.95, 0.999]), np.array([0.02, 0.02, 0.02, 0.02, 0.002])
    (note,) = points_of_means(n, mean, sd, runs, higher_is_better=True).notes
    assert note.endswith(
        "a standard deviation of 0.002 over 5 runs is large beside the error, 0.001: this mean counts less"
    )
    mean[-1], sd[-1] = 0.9, 0.2
    (note,) = points_of_means(n, mean, sd, runs, higher_is_better=True).notes
    assert "as after a failed training" in note
