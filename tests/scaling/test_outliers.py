import numpy as np
import pytest

from jaxmrl.scaling.outliers import far_runs, suspect_size, wide_sizes

N = np.geomspace(100, 6400, 7)


def runs_of(rng, runs=5, sd=0.03, sizes=7):
    n = N[:sizes]
    error = (0.15 + 2 * n**-0.5) * np.exp(sd * rng.normal(size=(runs, sizes)))
    return n, np.tile(np.arange(sizes), runs), error.ravel()


@pytest.mark.parametrize(("runs", "factor"), [(5, 8), (5, 2), (5, 1 / 8), (3, 4), (2, 4)])
def test_a_failed_run_is_found_and_no_other(runs, factor):
    found = 0
    for seed in range(20):
        n, place, error = runs_of(np.random.default_rng(seed), runs)
        failed = seed % len(error)
        error[failed] *= factor
        far = far_runs(n, place, error, None).tolist()
        assert far in ([], [failed])
        found += far == [failed]
    assert found == 20 or (runs == 2 and found >= 19)


def test_several_failed_runs_do_not_hide_each_other():
    n, place, error = runs_of(np.random.default_rng(0))
    failed = [3, 11, 12, 20, 29]
    error[failed] *= 8
    assert sorted(far_runs(n, place, error, None)) == failed


def test_an_error_of_0_among_others_is_found():
    n, place, error = runs_of(np.random.default_rng(0))
    error[4] = 0.0
    assert far_runs(n, place, error, None).tolist() == [4]


def test_a_failed_run_is_found_where_folds_differ():
    n, place, error = runs_of(np.random.default_rng(0), sd=0.01)
    fold = np.repeat(np.arange(5), 7)
    error = error * np.array([0.7, 0.85, 1.0, 1.15, 1.3])[fold]
    error[3] *= 1.6
    assert far_runs(n, place, error, None).tolist() == []
    assert far_runs(n, place, error, fold).tolist() == [3]


@pytest.mark.parametrize(("runs", "sizes", "sd"), [(5, 7, 0.083), (5, 7, 0.3), (3, 5, 0.3), (2, 7, 0.3), (10, 7, 0.3)])
def test_ordinary_noise_seldom_gives_a_failed_run(runs, sizes, sd):
    """The rate of false alarms: below 1 % of curves with the noise of the published HIV runs, 3 % with 30 % noise."""
    alarms = [len(far_runs(*runs_of(np.random.default_rng(seed), runs, sd, sizes), None)) > 0 for seed in range(200)]
    assert np.mean(alarms) <= (0.01 if sd < 0.1 else 0.04)


def test_noise_that_grows_with_size_is_no_failed_run():
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        sd = np.geomspace(0.02, 0.2, 7)
        error = 2 * N**-0.4 * np.exp(sd * rng.normal(size=(5, 7)))
        alarms += len(far_runs(N, np.tile(np.arange(7), 5), error.ravel(), None)) > 0
    assert alarms <= 5


def test_a_run_beside_nearly_perfect_ones_is_no_failed_run():
    """Its error is many times that of the others, and no farther from them than runs of other sizes are."""
    auc = np.array([[0.70, 0.74, 0.72], [0.8, 0.84, 0.79], [0.90, 0.94, 0.91], [0.9990, 0.9995, 0.97]])
    error, place = (1 - auc).ravel(), np.repeat(np.arange(4), 3)
    assert far_runs(N[:4], place, error, None).tolist() == []
    error[-1] = 0.4
    assert far_runs(N[:4], place, error, None).tolist() == [11]


def test_a_size_that_scatters_too_widely_is_found():
    dof = np.full(7, 4)
    squares = 0.03**2 * np.random.default_rng(0).chisquare(4, 7)
    assert not wide_sizes(squares, dof).any()
    squares[5] = 1.3**2 * 4
    assert wide_sizes(squares, dof).tolist() == [False] * 5 + [True, False]
    assert not wide_sizes(np.zeros(3), np.zeros(3)).any()


def test_a_single_run_that_is_out_of_line_is_a_suspect():
    found = 0
    for seed in range(50):
        error = (0.15 + 2 * N**-0.5) * np.exp(0.05 * np.random.default_rng(seed).normal(size=7))
        assert suspect_size(N, error) is None
        at = 1 + seed % 5
        failed = np.where(np.arange(7) == at, 6 * error, error)
        suspect = suspect_size(N, failed)
        found += suspect is not None and suspect[0] == at and suspect[1] == pytest.approx(error[at], rel=0.5)
    assert found >= 49
    assert suspect_size(N[:4], np.array([0.5, 3.0, 0.3, 0.2])) is None, "too few sizes"
