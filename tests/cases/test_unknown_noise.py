"""Where the noise is not known, no interval is, and no difference is claimed."""

import json

import numpy as np
import pytest

from jaxmrl.config import FitConfig
from jaxmrl.fit import fit_curves
from jaxmrl.reports.curve_comparison import compare, comparison_line
from jaxmrl.scaling.analysis import analyze, content
from jaxmrl.scaling.data_equivalence import data_equivalence, exponent_difference
from jaxmrl.scaling.forecast import fit_all, make_forecast
from jaxmrl.scaling.points import points_of, points_of_means


def analyzed(n, error):
    return analyze(points_of, n, error, higher_is_better=False)


def law_of(rng, n, sd=0.05):
    return 2 * n**-0.3 * np.exp(sd * rng.normal(size=len(n)))


def test_two_curves_of_the_same_law_are_never_said_to_differ():
    """The audit: 2 sizes x 1 run, and "exponents differ" was claimed in all of 200 trials."""
    rng, n = np.random.default_rng(0), np.array([100.0, 1000.0])
    for _ in range(10):
        one, other = (analyzed(n, law_of(rng, n)) for _ in range(2))
        found = exponent_difference(one, other)
        assert (found.low, found.high) == (None, None)
        assert all((size.low, size.high) == (None, None) for size in data_equivalence(one.forecast, other.forecast, n))
    line = comparison_line(compare("a", "b", "init", one, other))
    assert "[not known], so whether the exponents differ is not known" in line
    assert "molecules are equivalent to" in line


@pytest.mark.parametrize("sizes", [2, 3, 4])
def test_few_sizes_of_one_run_have_no_interval(sizes):
    n = np.array([100.0, 400.0, 1600.0, 6400.0])[:sizes]
    found = content(analyzed(n, law_of(np.random.default_rng(1), n)), target=0.05)
    json.dumps(found, allow_nan=False)
    assert all(one["low"] is None and one["high"] is None for one in found["predictions"])
    assert all(ends == [None, None] for law in found["laws"] for ends in law["intervals"].values())
    assert found["target"]["low"] is None
    assert "[not known]" in found["target"]["said"]
    assert any("the noise is not known" in flag for flag in found["flags"])


def test_enough_residuals_estimate_the_noise_and_say_so():
    n = np.geomspace(100, 6400, 7)
    found = content(analyzed(n, law_of(np.random.default_rng(1), n)))
    assert any("the noise is estimated from the residuals of the laws" in flag for flag in found["flags"])
    assert all(one["low"] < one["value"] < one["high"] for one in found["predictions"])


def test_points_that_a_law_passes_through_say_nothing_of_the_noise():
    n = np.geomspace(100, 6400, 7)
    for runs in (1, 3):
        found = content(analyzed(np.repeat(n, runs), np.repeat(2 * n**-0.3, runs)))
        assert all(one["low"] is None and one["high"] is None for one in found["predictions"])


def test_runs_without_a_standard_deviation_weigh_by_their_number():
    n, mean = np.array([100.0, 1000.0]), np.array([0.5, 0.3])
    points = points_of_means(n, mean, np.full(2, np.nan), np.array([5, 20]), higher_is_better=False)
    assert points.dof == 0
    assert points.weights[1] == pytest.approx(2 * points.weights[0])
    assert np.isnan(make_forecast(fit_all(points)).interval(n)).all()
    mixed = points_of_means(n, mean, np.array([0.02, np.nan]), np.array([5, 20]), higher_is_better=False)
    assert mixed.runs.tolist() == [5, 20]
    assert mixed.dof == 4


def test_comparisons_of_a_file_hold_null(tmp_path, capsys):
    rows = ["kind,n,rmse", "a,100,0.5", "a,1000,0.3", "b,100,0.52", "b,1000,0.28"]
    path = tmp_path / "c.csv"
    path.write_text("\n".join(rows) + "\n")
    found = fit_curves(FitConfig(path, by=("kind",)), quiet=False)
    (compared,) = found["comparisons"]
    assert compared["exponent"]["low"] is None
    assert "differ is not known" in capsys.readouterr().out
