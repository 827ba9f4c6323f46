"""The chance to reach a metric, by the interval of a forecast."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from jaxmrl.scaling.points import points_of_means
from jaxmrl.scaling.reaching import chance_of_reaching, error_quantiles

N = np.array([100.0, 200, 400, 800])


@dataclass(frozen=True)
class Falling:
    """A forecast of errors n^-0.5 whose interval has this factor to each side of them."""

    points: object
    below: float = 0.8
    above: float = 1.25

    def error(self, n):
        return np.asarray(n, float) ** -0.5

    def error_interval(self, n):
        return self.error(n) * self.below, self.error(n) * self.above


@pytest.fixture(scope="module")
def forecast():
    spread, runs = np.full(4, 0.001), np.full(4, 5)
    return Falling(points_of_means(N, N**-0.5, spread, runs, higher_is_better=False))


def test_the_interval_contains_ninety_percent(forecast):
    n = np.array([800.0, 3200.0])
    low, middle, high = error_quantiles(forecast, n, np.array([0.05, 0.5, 0.95]))
    np.testing.assert_allclose([low, middle, high], [0.8 * n**-0.5, n**-0.5, 1.25 * n**-0.5])


def test_the_chance_is_that_of_the_distribution(forecast):
    n = np.array([1600.0])
    targets = error_quantiles(forecast, n, np.array([0.05, 0.3, 0.5, 0.95]))[:, 0]
    chances = [chance_of_reaching(forecast, target, n)[0] for target in targets]
    np.testing.assert_allclose(chances, [0.05, 0.3, 0.5, 0.95], rtol=1e-6)


def test_more_molecules_never_lower_the_chance(forecast):
    @dataclass(frozen=True)
    class Rising(Falling):
        def error(self, n):
            return np.where(np.asarray(n) < 1600, np.asarray(n, float) ** -0.5, 0.03)

    chances = chance_of_reaching(Rising(forecast.points), 0.026, np.geomspace(800, 8000, 30))
    assert (np.diff(chances) >= 0).all()
    assert chances[-1] > 0.2, "fewer molecules were likely to reach it"


def test_a_perfect_metric_is_not_reached_and_a_law_that_ends_in_one_is_not_believed(forecast):
    n = np.array([1600.0])
    assert chance_of_reaching(forecast, 0.0, n)[0] == 0
    perfect = replace(forecast, below=0.0)
    assert chance_of_reaching(perfect, 0.3 * 1600**-0.5, n)[0] < 0.2


def test_without_noise_nothing_is_known(forecast):
    unknown = replace(forecast, below=np.nan, above=np.nan)
    assert np.isnan(chance_of_reaching(unknown, 0.02, np.array([1600.0]))[0])
