import numpy as np
import pytest

from jaxmrl.scaling.analysis import analyze
from jaxmrl.scaling.points import points_of
from jaxmrl.scaling.target import Measured, Target, checked, measured_at, target_text, turning_point, without_forecast

N = [100, 200, 400, 800]


def points(*metric):
    return points_of(N[: len(metric)], metric, higher_is_better=True)


@pytest.mark.parametrize(
    ("metric", "found"),
    [
        ([0.6, 0.7, 0.8, 0.9], Measured(400.0, 200.0, None)),
        ([0.8, 0.7, 0.8, 0.9], Measured(400.0, 200.0, None)),
        ([0.8, 0.8, 0.8, 0.9], Measured(100.0, None, None)),
        ([0.6, 0.7, 0.8, 0.7], Measured(None, 800.0, 400.0)),
        ([0.6, 0.7, 0.7, 0.7], Measured(None, 800.0, None)),
    ],
)
def test_where_the_measured_means_reach_a_metric(metric, found):
    assert measured_at(points(*metric), 0.75) == found


def test_a_forecast_does_not_contradict_the_measured_means():
    curve = points(0.6, 0.7, 0.8, 0.9)
    of_law = lambda molecules: checked(Target(0.75, molecules, None, None, 0.7), curve)
    assert of_law(300.0).molecules == 300
    assert of_law(5000.0).molecules == pytest.approx(400)
    assert of_law(150.0).molecules == pytest.approx(200)
    unreached = of_law(None)
    assert unreached.limit is None, "measured means reach it"
    assert target_text(unreached, curve) == "0.75 is reached between 200 and 400 molecules, based on the measured sizes"
    beyond = checked(Target(0.95, 600.0, 500.0, None, None), curve)
    assert beyond.molecules == 800, "the largest size does not reach it"
    assert target_text(beyond, curve) == "0.95 takes more than the largest size, 800 molecules [500 to no end known]"


def test_the_interval_contains_the_number_of_molecules():
    curve = points(0.6, 0.7, 0.8, 0.7)
    found = checked(Target(0.75, 300.0, 200.0, 400.0, None), curve)
    assert (found.molecules, found.low, found.high) == (800, 200, 800)
    assert "[8,320.1 to 8,320.4]" in target_text(Target(0.95, 8320.2, 8320.1, 8320.4, None), curve)


def test_a_forecast_that_falls_takes_no_molecules():
    n = np.repeat([100, 200, 400, 800, 1600, 3200], 3)
    metric = 0.9 - 0.006 * np.log(n / 100) + np.tile([-0.02, 0, 0.02], 6) * (-1) ** np.arange(18)
    forecast = analyze(points_of, n, metric, higher_is_better=True).forecast
    assert forecast.error(np.array([3200.0])) > forecast.error(np.array([100.0]))
    assert forecast.molecules_for(0.89).molecules is None


def test_the_smallest_size_may_be_enough():
    curve = points(0.6, 0.7)
    assert target_text(checked(Target(0.5, None, None, None, None), curve), curve).startswith(
        "0.5 takes no more than the smallest size, 100 molecules"
    )


def test_a_curve_that_gets_worse_has_a_turning_point():
    curve = points(0.9, 0.85, 0.8, 0.75)
    assert turning_point(curve, 0.82) == pytest.approx(100 * 2**1.6, rel=0.02)
    assert without_forecast(0.82, curve).startswith("0.82 is reached only below about ")
    assert turning_point(curve, 0.95) is None
    assert without_forecast(0.95, curve) == "0.95 is not reached at any measured size"
    assert np.isfinite(turning_point(curve, 0.76))
