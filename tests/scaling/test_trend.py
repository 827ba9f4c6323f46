"""How curves continue beyond their largest size."""

import numpy as np
import pytest

from jaxmrl.scaling.forecast import fit_all, make_forecast
from jaxmrl.scaling.kinds import Kind
from jaxmrl.scaling.points import points_of
from jaxmrl.scaling.trend import recent

N = np.array([50.0, 100, 200, 400, 800, 1600, 3200, 6400, 12800])


def forecast_of(error, sd=0.005, runs=5, seed=0, n=N, **settings):
    noise = np.random.default_rng(seed).normal(0, sd, (runs, len(n)))
    metric = (error * np.exp(noise)).ravel()
    points = points_of(np.tile(n, runs), metric, higher_is_better=False, **settings)
    return make_forecast(fit_all(points, intervals=False))


def test_recent_sizes_are_those_near_the_largest_and_six_at_least():
    points = forecast_of(2 * N**-0.3).points
    assert recent(points).n.tolist() == [400, 800, 1600, 3200, 6400, 12800]
    assert recent(points.first(4)).n.tolist() == [50, 100, 200, 400]
    assert len(recent(points.first(7)).n) == 6
    dense = np.geomspace(1000, 12800, 20)
    assert len(recent(forecast_of(2 * dense**-0.3, n=dense).points).n) == 20


def test_the_forecast_starts_at_the_last_mean():
    """A curve that stays above every law at the end goes on from where it is."""
    error = 2 * N**-0.3 * np.where(N > 3000, 1.25, 1.0)
    forecast = forecast_of(error)
    just_beyond = forecast.error(N[-1:] * 1.001)[0]
    assert just_beyond == pytest.approx(forecast.points.error[-1], rel=0.01)


def test_a_curve_that_has_leveled_off_stays_there():
    error = np.maximum(2 * N**-0.5, 0.0999)
    forecast = forecast_of(error)
    assert forecast.error(8 * N[-1:])[0] == pytest.approx(0.0999, rel=0.05)


@pytest.mark.slow
def test_more_molecules_are_never_forecast_to_be_worse():
    rng = np.random.default_rng(1)
    for seed in range(6):
        error = 2 * N**-0.3 * np.exp(0.05 * np.cumsum(rng.normal(size=len(N))))
        forecast = forecast_of(error, seed=seed)
        far = np.geomspace(N[-1] * 1.01, 1000 * N[-1], 50)
        assert (np.diff(forecast.error(far)) <= 1e-12).all()
        low, high = forecast.error_interval(far)
        assert (low < forecast.error(far)).all()
        assert (high > forecast.error(far)).all()
        assert (high <= np.exp(forecast.trend.ceiling) * (1 + 1e-9)).all()


def test_an_interval_grows_with_the_distance_and_with_what_the_laws_leave():
    smooth, rough = forecast_of(2 * N**-0.3), forecast_of(2 * N**-0.3 * np.resize([1.04, 0.96], len(N)))
    width = lambda forecast, times: np.ptp(np.log(np.concatenate(forecast.error_interval(times * N[-1:]))))
    assert width(smooth, 8) > 2 * width(smooth, 2)
    assert width(rough, 2) > 1.5 * width(smooth, 2)


def test_many_runs_do_not_make_a_forecast_certain():
    few, many = (forecast_of(2 * N**-0.3, sd=0.02, runs=runs) for runs in (5, 200))
    width = lambda forecast: np.ptp(np.log(np.concatenate(forecast.error_interval(4 * N[-1:]))))
    assert width(many) > 0.5 * width(few)


def test_errors_are_no_worse_than_guessing():
    metric = np.tile([0.52, 0.51, 0.53, 0.52, 0.54, 0.53], 3) + np.random.default_rng(0).normal(0, 0.01, 18)
    n = np.tile(N[:6], 3)
    forecast = make_forecast(fit_all(points_of(n, metric, higher_is_better=True, guess=0.5), intervals=False))
    low, high = forecast.interval(np.array([3000.0, 30_000.0]))
    assert (low >= 0.5 - 1e-9).all()
    assert (high <= 1).all()


def test_several_simple_laws_within_the_noise_decide_the_trend():
    """With noise that hides every departure from a law of two parameters, the whole curve counts."""
    n = np.array([329.0, 1645, 3290, 6580, 9870, 13160])
    noise = np.random.default_rng(3).normal(0, 0.08, (5, 6))
    metric = (1 - 1.15 * n**-0.188 * np.exp(noise)).ravel()
    forecast = make_forecast(fit_all(points_of(np.tile(n, 5), metric, higher_is_better=True, guess=0.5)))
    assert len(forecast.fits) >= 3
    assert forecast.trend.simple
    assert forecast.error(2 * n[-1:])[0] == pytest.approx(1.15 * 26_320**-0.188, rel=0.1)


def test_simple_laws_decide_the_trend_only_where_a_curve_certainly_improves():
    n, rng = N[:5], np.random.default_rng(3)
    accuracy = 1 - 0.3 * n**-0.1 * np.exp(rng.normal(0, 0.15, (5, len(n))))
    points = points_of(np.tile(n, 5), accuracy.ravel(), higher_is_better=True)
    fits = fit_all(points, intervals=False)
    improving, noisy, flat = (make_forecast(fits, kind=kind).trend for kind in (Kind.FALLING, Kind.NOISY, Kind.FLAT))
    assert improving.simple
    assert not noisy.simple
    assert flat.slope == pytest.approx(noisy.slope + 0.1)
    assert (flat.margin(4 * n[-1:]) > noisy.margin(4 * n[-1:])).all()


def test_an_interval_allows_for_the_noise_of_the_mean_that_the_forecast_starts_at():
    trend = forecast_of(0.2 + 300 * N**-0.9, sd=0.02, runs=3).trend
    assert not trend.simple
    assert trend.noise == pytest.approx(0.02 / 3**0.5, rel=0.4)
    near = trend.margin(N[-1:] * 1.0001)[0]
    assert near >= 1.64 * trend.noise
    assert trend.ceiling - trend.start == pytest.approx(np.hypot(near, 1.645 * trend.noise), rel=1e-3)
