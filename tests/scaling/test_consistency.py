"""What a forecast, a target and a plan say of one curve agrees with each other and with what was measured."""

import numpy as np
import pytest

from jaxmrl.scaling.analysis import analyze
from jaxmrl.scaling.points import points_of
from jaxmrl.scaling.purchase import chance_to_come
from jaxmrl.scaling.target import measured_at

SIZES = (100, 200, 400, 800, 1600)


def analysis_of(means, *, spread=0.01, higher=False, best=0.0, sizes=SIZES, seeds=(-1, 0, 1), run=True):
    n = np.repeat(sizes, len(seeds))
    values = np.array([mean + spread * seed for mean in means for seed in seeds])
    label = np.array([f"seed {seed}" for _ in means for seed in seeds]) if run else None
    return analyze(points_of, n, values, run=label, higher_is_better=higher, best=best, guess=None)


NOISY = ((0.713, 0.757, 0.797, 0.83, 0.83), {"spread": 0.015, "higher": True, "best": 1.0, "run": False})
CLEAN = ((0.7, 0.76, 0.8, 0.83, 0.85), {"spread": 0.003, "higher": True, "best": 1.0})


@pytest.mark.parametrize(("means", "settings"), [NOISY, CLEAN])
def test_the_chance_does_not_rise_with_a_stricter_target(means, settings):
    forecast = analysis_of(means, **settings).forecast
    targets = means[-1] + np.array([0.001, 0.003, 0.006, 0.01, 0.02, 0.04])
    chances = np.array([chance_to_come(forecast, target)(np.geomspace(1600, 16000, 9)) for target in targets])
    assert (np.diff(chances, axis=0) <= 1e-12).all()
    assert (np.diff(chances, axis=1) >= -1e-12).all()
    assert (chances[:, 0] == 0).all(), "it is known that the present molecules do not reach it"
    assert chances[0, -1] > 0.5


def test_a_law_that_passes_through_all_sizes_does_not_narrow_the_interval():
    """Only the law of five parameters follows this curve, whose fall accelerates."""
    analysis = analysis_of((1.0, 0.93, 0.85, 0.74, 0.56))
    assert [fit.law.name for fit in analysis.forecast.fits] == ["broken"]
    (one,) = analysis.predict(np.array([6400]))
    assert one["low"] < 0.1 < 0.2 < one["value"] < one["high"]


def test_the_worse_end_is_not_far_above_the_present_error():
    n = np.array([50, 100, 200])
    analysis = analysis_of(0.3 + 8 * n**-0.6, spread=0.004, sizes=tuple(n), seeds=(-2, -1, 0, 1, 2))
    ends = [one["high"] for one in analysis.predict(np.array([400, 2000, 10_000, 100_000]))]
    assert max(ends) < 1.05 * analysis.points.error[-1]


@pytest.mark.parametrize("means", [(-0.8, -0.6), (-0.8, -0.6, -0.45, -0.3, -0.2)])
def test_a_metric_below_zero_is_not_described_by_a_power_law_of_it(means):
    analysis = analysis_of(means, spread=0.02, higher=True, best=1.0, sizes=SIZES[: len(means)])
    assert "power" not in {fit.law.name for fit in analysis.fits}
    (one,) = analysis.predict(np.array([2 * SIZES[len(means) - 1]]))
    assert means[-1] < one["value"] < means[-1] + 0.25


def test_a_flat_metric_near_zero_is_not_forecast_to_be_perfect():
    means, sizes = (0.007, 0.006, 0.017, 0.013), (50, 100, 200, 400)
    analysis = analysis_of(means, spread=0.02, higher=True, best=1.0, sizes=sizes, run=False)
    assert all(one["high"] < 0.5 for one in analysis.predict(np.array([800, 1600])))


@pytest.mark.parametrize("mean", [0.69, 0.72, 0.76, 0.8])
def test_a_target_equal_to_the_mean_is_reached(mean):
    points = analysis_of((0.95, 0.9, 0.85, 0.82, mean)).points
    assert measured_at(points, mean).reached == 1600
    points = analysis_of((0.5, 0.55, 0.6, 0.65, mean), higher=True, best=1.0).points
    assert measured_at(points, mean).reached == 1600
    assert measured_at(points, mean + 1e-6).reached is None


def test_a_target_that_the_largest_size_misses_takes_more():
    """Noise makes the largest size worse than the one before it, and the forecast is above it."""
    analysis = analysis_of((0.25, 0.33, 0.42, 0.56, 0.519), spread=0.06, higher=True, best=1.0, run=False)
    said = analysis.target(0.521)["said"]
    assert said.startswith("0.521 takes more than the largest size, 1,600 molecules [") or "times the largest" in said
    assert "no more than" not in said


def test_a_forecast_does_not_depend_on_the_other_sizes_asked_for():
    forecast = analysis_of((0.7, 0.8, 0.9, 0.97), spread=0.01, higher=True, best=1.0, sizes=SIZES[:4]).forecast
    sizes = np.array([900.0, 2_000, 20_000, 80_000])
    together = forecast(sizes)
    np.testing.assert_allclose(together, [forecast(sizes[[k]])[0] for k in range(4)], rtol=1e-6)
    assert (np.diff(together) >= -1e-12).all()
