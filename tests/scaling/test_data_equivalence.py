import numpy as np
import pytest

from jaxmrl.scaling.analysis import analyze
from jaxmrl.scaling.data_equivalence import data_equivalence, exponent_difference
from jaxmrl.scaling.forecast import fit_all, make_forecast
from jaxmrl.scaling.laws import POWER, SHIFTED
from jaxmrl.scaling.points import points_of

N = np.geomspace(300, 30_000, 9).round()


def curve(error, seed=0, sd=0.02, n=N):
    noise = np.random.default_rng(seed).normal(0, sd, (5, len(n)))
    return analyze(points_of, np.tile(n, 5), (error * np.exp(noise)).ravel(), higher_is_better=False)


@pytest.fixture(scope="module")
def plain():
    return curve(2 * N**-0.3, seed=1)


@pytest.fixture(scope="module")
def better():
    """What the plain one does with 2.7 times the molecules."""
    return curve(2 * (2.7 * N) ** -0.3, seed=2)


def test_what_molecules_are_worth(plain, better):
    for one in data_equivalence(better.forecast, plain.forecast, np.array([1000.0, 5000.0])):
        assert one.molecules / one.n == pytest.approx(2.7, rel=0.2)
        assert one.low < 2.7 * one.n < one.high
        assert one.high / one.low < 3
    (back,) = data_equivalence(plain.forecast, better.forecast, np.array([2700.0]))
    assert back.molecules == pytest.approx(1000, rel=0.2)


@pytest.mark.nightly
def test_the_interval_of_a_worth_holds_it_as_often_as_it_says():
    rng, held = np.random.default_rng(0), []
    for _ in range(40):
        forecasts = []
        for times in (2.7, 1.0):
            error = 2 * (times * N) ** -0.3 * np.exp(rng.normal(0, 0.02, (5, len(N))))
            points = points_of(np.tile(N, 5), error.ravel(), higher_is_better=False)
            forecasts.append(make_forecast(fit_all(points, (POWER, SHIFTED), intervals=False)))
        (found,) = data_equivalence(*forecasts, np.array([3000.0]))
        held.append(found.low <= 8100 <= found.high)
    assert np.mean(held) >= 0.75


def test_what_is_out_of_reach_is_not_told(plain):
    (found,) = data_equivalence(curve(np.full(len(N), 1e-6)).forecast, plain.forecast, N[:1])
    assert found.molecules is None
    assert found.high is None


def test_equal_exponents_do_not_differ_and_others_do(plain, better):
    same = exponent_difference(better, plain)
    assert same.low < 0 < same.high
    steeper = exponent_difference(curve(9 * N**-0.5, seed=3), plain)
    assert steeper.law == "power"
    assert steeper.exponent == "b"
    assert steeper.value == pytest.approx(-0.2, abs=0.04)
    assert steeper.low < -0.2 < steeper.high < 0


def test_curves_without_a_common_law_have_no_difference(plain):
    bent = curve(0.2 + 300 * N**-0.9, seed=4, sd=0.002)
    assert exponent_difference(bent, plain) is None
