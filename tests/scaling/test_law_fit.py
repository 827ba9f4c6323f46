import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jaxmrl.scaling.law_fit import fit_law
from jaxmrl.scaling.law_search import error_of
from jaxmrl.scaling.laws import ERROR_POWER, IRREDUCIBLE, LAWS, LOGARITHMIC, M4, ODDS, POWER, SHIFTED
from jaxmrl.scaling.points import Points, points_of

N = np.array([329, 1645, 3290, 6580, 9870, 13160, 19740, 26320, 32901])
PUBLISHED_HIV = [0.6338, 0.6982, 0.7497, 0.7849, 0.7897, 0.7901, 0.8147, 0.8377, 0.8496]
"""Means of arXiv 2309.15123's public notebook."""


def points(metric, *, higher_is_better=False, guess=None, n=N) -> Points:
    return points_of(n, metric, higher_is_better=higher_is_better, guess=guess)


def noisy(error, runs, sd, seed, guess=None) -> Points:
    """Runs of a score with this error."""
    noise = np.random.default_rng(seed).normal(0, sd, (runs, len(N)))
    return points((1 - error * np.exp(noise)).ravel(), higher_is_better=True, guess=guess, n=np.tile(N, runs))


@settings(max_examples=30, deadline=None)
@given(a=st.floats(0.05, 5), b=st.floats(-0.6, 0.4))
def test_power_law_is_recovered(a, b):
    fit = fit_law(POWER, points(a * N**b), intervals=False)
    assert fit.values["a"] == pytest.approx(a, rel=1e-4)
    assert fit.values["b"] == pytest.approx(b, abs=1e-5)
    assert fit.converged


@settings(max_examples=30, deadline=None)
@example(floor=0.28125, beta=0.5, c=0.875)
@given(floor=st.floats(0.02, 0.3), beta=st.floats(0.5, 5), c=st.floats(0.15, 0.9))
def test_irreducible_error_is_recovered(floor, beta, c):
    fit = fit_law(IRREDUCIBLE, points(floor + beta * N**-c), intervals=False)
    assert fit.values["c"] == pytest.approx(c, rel=1e-2)
    assert fit.values["e_inf"] == pytest.approx(floor, rel=1e-2, abs=1e-3)
    assert fit.floor == fit.values["e_inf"]


@pytest.mark.parametrize(
    ("law", "values"),
    [(SHIFTED, (2.0, 0.25, 800.0)), (ODDS, (20.0, 0.4)), (M4, (0.2, 77.0, 0.6, 1.3)), (LOGARITHMIC, (0.4, 0.045))],
    ids=lambda value: getattr(value, "name", ""),
)
def test_other_laws_are_recovered(law, values):
    known = points(np.full(len(N), 0.7), higher_is_better=True, guess=0.5)
    error = error_of(law, known, N, np.array([values]))[0]
    fit = fit_law(law, points(1 - error, higher_is_better=True, guess=0.5), intervals=False)
    np.testing.assert_allclose(fit.error(N), error, rtol=1e-4)
    np.testing.assert_allclose(list(fit.values.values()), values, rtol=0.05)


def test_error_of_a_score_is_one_minus_it():
    error = 0.1 + 2 * N**-0.4
    as_error = fit_law(IRREDUCIBLE, points(error))
    as_score = fit_law(IRREDUCIBLE, points(1 - error, higher_is_better=True))
    assert as_score.values["c"] == pytest.approx(as_error.values["c"], rel=1e-6)
    np.testing.assert_allclose(as_score(N), 1 - as_error(N))


@pytest.mark.parametrize(("law", "true"), [(ERROR_POWER, 0.188), (ODDS, 0.384)], ids=lambda v: getattr(v, "name", ""))
def test_intervals_hold_the_true_exponent_as_often_as_they_say(law, true):
    known = points(np.full(len(N), 0.7), higher_is_better=True, guess=0.5)
    values = {"error_power": (1.15, 0.188), "odds": (24.5, 0.384)}[law.name]
    error = error_of(law, known, N, np.array([values]))[0]
    held = []
    for seed in range(80):
        fit = fit_law(law, noisy(error, 5, 0.08, seed, guess=0.5))
        low, high = fit.intervals["c"]
        held.append(low <= true <= high)
    assert 0.83 < np.mean(held) < 0.97


def test_the_interval_of_a_law_without_repeated_runs_comes_from_its_residuals():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(80):
        fit = fit_law(
            ERROR_POWER, points(1 - 1.15 * N**-0.188 * np.exp(rng.normal(0, 0.05, len(N))), higher_is_better=True)
        )
        low, high = fit.intervals["c"]
        held.append(low <= 0.188 <= high)
        assert fit.goodness_of_fit_p is None
    assert 0.82 < np.mean(held) < 0.97


def test_published_hiv_curve():
    """The study's law fitted to the published means has a small positive exponent."""
    fit = fit_law(POWER, points(PUBLISHED_HIV, higher_is_better=True))
    assert fit.values["b"] == pytest.approx(0.0602, abs=0.003)
    low, high = fit.intervals["b"]
    assert 0.05 < low < fit.values["b"] < high < 0.07


def test_a_floor_that_the_curve_does_not_tell_is_flagged():
    fit = fit_law(IRREDUCIBLE, noisy(2 * N**-0.3, 5, 0.02, 0))
    assert fit.intervals["e_inf"][0] is None
    assert any("not distinguishable from 0" in flag for flag in fit.flags)
    told = fit_law(IRREDUCIBLE, noisy(0.1 + 30 * N**-0.8, 5, 0.005, 0))
    low, high = told.intervals["e_inf"]
    assert low < 0.1 < high
    assert not any("not distinguishable from 0" in flag for flag in told.flags)


def test_an_exponent_that_the_curve_does_not_tell_is_flagged():
    fit = fit_law(IRREDUCIBLE, noisy(np.full(len(N), 0.3), 5, 0.05, 0))
    assert None in fit.intervals["c"]
    assert any("not identifiable" in flag for flag in fit.flags)


def test_an_exponent_that_the_curve_hardly_tells_is_flagged():
    fit = fit_law(M4, noisy(1.15 * N**-0.188, 5, 0.1, 1, guess=0.5))
    low, high = fit.intervals["c"]
    assert high > 5 * low
    assert any("exponent known only to within a factor of " in flag for flag in fit.flags)
    straight = fit_law(ERROR_POWER, noisy(1.15 * N**-0.188, 5, 0.1, 1, guess=0.5))
    assert not any("exponent" in flag for flag in straight.flags)


def test_a_law_that_misses_by_more_than_noise_says_so():
    bent = noisy(0.1 + 30 * N**-0.8, 5, 0.002, 0)
    fit = fit_law(ERROR_POWER, bent)
    assert fit.goodness_of_fit_p < 1e-6
    assert any("rejected: residuals exceed" in flag for flag in fit.flags)
    sound = fit_law(IRREDUCIBLE, bent)
    assert sound.goodness_of_fit_p > 0.01


def test_a_steeper_spread_moves_the_fit_to_the_sure_points():
    n = np.repeat(N, 4)
    error = 1.0 * n**-0.2
    wild = error * np.where(n < 1000, np.resize([2.0, 0.25, 2.0, 0.6], len(n)), np.resize([1.001, 0.999], len(n)))
    fit = fit_law(ERROR_POWER, points(1 - wild / 3, higher_is_better=True, n=n))
    assert fit.values["c"] == pytest.approx(0.2, abs=0.03)


def test_laws_that_cannot_be_fitted():
    two = points([0.5, 0.4], n=N[:2])
    assert fit_law(IRREDUCIBLE, two) is None, "more parameters than points"
    assert fit_law(ODDS, points([0.5, 0.4, 0.3], n=N[:3])) is None, "no guess"
    assert fit_law(ERROR_POWER, points([0.5, 0.4, 0.3], n=N[:3])) is None, "for errors it is `power`"


def test_two_points_fit_exactly_and_tell_nothing_of_the_noise():
    exact = fit_law(POWER, points([0.5, 0.6], higher_is_better=True, n=N[:2]))
    assert exact.rmse < 1e-6
    assert exact.intervals == {}
    assert any("as many parameters" in flag for flag in exact.flags)


def test_a_bumpy_curve_is_flagged():
    bumpy = fit_law(POWER, points([0.5, 0.6, 0.55, 0.7], higher_is_better=True, n=N[:4]))
    assert any("gets worse between 1,645 and 3,290 molecules" in flag for flag in bumpy.flags)


def test_every_law_fits_every_falling_curve():
    falling = noisy(1.15 * N**-0.188, 3, 0.05, 1, guess=0.5)
    for law in LAWS:
        fit = fit_law(law, falling, intervals=False)
        assert np.isfinite(fit.error(np.array([1, 1e3, 1e9]))).all()
        assert fit.rmse < 0.03
