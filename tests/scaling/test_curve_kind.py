import numpy as np
import pytest

from jaxmrl.scaling.analysis import analyze, content
from jaxmrl.scaling.curve_kind import kind_of
from jaxmrl.scaling.forecast import fit_all, make_forecast
from jaxmrl.scaling.kinds import Kind
from jaxmrl.scaling.points import points_of

N = 100 * 2.0 ** np.arange(9)
PLATEAU = 0.3 * np.maximum(N / 800, 1) ** -0.5


def points(error, runs=3, sd=0.04, seed=0, n=N):
    noise = np.random.default_rng(seed).normal(0, sd, (runs, len(n)))
    return points_of(np.tile(n, runs), (error * np.exp(noise)).ravel(), higher_is_better=False)


def peak(height):
    return 0.3 * (N / 100) ** -0.2 * np.exp(height * np.exp(-(np.log(N / 600) ** 2)))


@pytest.mark.parametrize(
    ("error", "sd", "kind"),
    [
        (N**-0.3, 0.04, Kind.FALLING),
        (0.1 * np.maximum(1600 / N, 1) ** 0.5, 0.02, Kind.LEVEL),
        (np.full(9, 0.3), 0.01, Kind.FLAT),
        (peak(0.8), 0.04, Kind.PEAKED),
        (PLATEAU, 0.04, Kind.DROP),
        (0.3 * N**-0.02, 0.2, Kind.NOISY),
        (N**0.2, 0.04, Kind.WORSE),
        (np.where(N > 3000, 0.0, 0.1), 0.04, Kind.SATURATED),
    ],
)
def test_a_planted_kind_is_recognized(error, sd, kind):
    assert kind_of(points(error, sd=sd)).kind == kind


def test_two_sizes_are_too_few():
    assert kind_of(points(N[:2] ** -0.3, n=N[:2])).kind == Kind.FEW


@pytest.mark.parametrize(("runs", "sd"), [(1, 0.03), (3, 0.08), (5, 0.08)])
def test_a_power_law_has_no_peak_and_no_plateau_in_95_of_100_cases(runs, sd):
    kinds = [kind_of(points(N**-0.1, runs, sd, seed)).kind for seed in range(100)]
    assert sum(kind in (Kind.PEAKED, Kind.DROP) for kind in kinds) <= 5


def test_the_forecast_after_a_plateau_uses_the_drop_alone():
    plateau = points(PLATEAU)
    found = analyze(lambda: plateau)
    assert found.known_forecast.points.n[0] == 800
    assert len(found.points.n) == 9
    said = content(found, target=0.1)
    assert said["kind"] == "plateau then drop"
    assert "the forecast is based on the sizes from 800 molecules up alone" in said["claim"]
    assert said["target"]["measured"]["before"] == 6400, "the sizes of the plateau were measured, too"


def test_the_interval_of_a_curve_that_leveled_off_includes_no_improvement():
    fits = fit_all(points(N**-0.3, sd=0.01), intervals=False)
    plain, leveled = (make_forecast(fits, kind=kind) for kind in (Kind.FALLING, Kind.LEVEL))
    ends = [np.log(forecast.error_interval(4 * N[-1:])[1][0]) for forecast in (plain, leveled)]
    assert ends[0] < plain.trend.start == ends[1]
