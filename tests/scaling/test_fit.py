import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmrl.scaling.fit import fit_law
from jaxmrl.scaling.laws import IRREDUCIBLE, LAWS, POWER

N = np.array([329, 1645, 3290, 6580, 9870, 13160, 19740, 26320, 32901])


@settings(max_examples=40, deadline=None)
@given(a=st.floats(0.05, 5), b=st.floats(-0.6, 0.4))
def test_power_law_is_recovered(a, b):
    fit = fit_law(POWER, N, a * N**b, higher_is_better=True)
    assert fit.values["a"] == pytest.approx(a, rel=1e-4)
    assert fit.values["b"] == pytest.approx(b, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(floor=st.floats(0.02, 0.3), beta=st.floats(0.5, 5), c=st.floats(0.15, 0.9))
def test_irreducible_error_is_recovered(floor, beta, c):
    fit = fit_law(IRREDUCIBLE, N, floor + beta * N**-c, higher_is_better=False)
    assert fit.values["c"] == pytest.approx(c, rel=1e-2)
    assert fit.values["e_inf"] == pytest.approx(floor, rel=1e-2, abs=1e-3)


def test_error_of_a_score_is_one_minus_it():
    error = 0.1 + 2 * N**-0.4
    as_error = fit_law(IRREDUCIBLE, N, error, higher_is_better=False)
    as_score = fit_law(IRREDUCIBLE, N, 1 - error, higher_is_better=True)
    assert as_score.values["c"] == pytest.approx(as_error.values["c"], rel=1e-6)


def test_standard_error_is_that_of_repeated_experiments():
    rng = np.random.default_rng(0)
    fits = [fit_law(POWER, N, 0.4 * N**0.07 + rng.normal(0, 0.01, len(N)), higher_is_better=True) for _ in range(300)]
    exponents = np.array([fit.values["b"] for fit in fits])
    errors = np.array([fit.errors["b"] for fit in fits])
    assert exponents.mean() == pytest.approx(0.07, abs=0.001)
    assert np.sqrt((errors**2).mean()) == pytest.approx(exponents.std(), rel=0.15)
    # With 7 degrees of freedom, one standard error covers 65 %.
    assert np.mean(np.abs(exponents - 0.07) < errors) == pytest.approx(0.65, abs=0.08)


def test_published_hiv_curve():
    """The law fitted to the published means (arXiv 2309.15123, public notebook) has a small positive exponent."""
    means = [0.6338, 0.6982, 0.7497, 0.7849, 0.7897, 0.7901, 0.8147, 0.8377, 0.8496]
    fit = fit_law(POWER, N, np.array(means), higher_is_better=True)
    assert fit.values["b"] == pytest.approx(0.0619, abs=0.003)
    assert 0 < fit.errors["b"] < 0.01


def test_too_few_points_and_impossible_values():
    assert fit_law(IRREDUCIBLE, N[:2], np.array([0.5, 0.4]), higher_is_better=False) is None
    assert fit_law(POWER, N[:1], np.array([0.5]), higher_is_better=True) is None
    assert fit_law(POWER, N, np.linspace(-0.1, 0.5, len(N)), higher_is_better=True) is None
    assert fit_law(POWER, np.array([5, 5, 5]), np.array([0.1, 0.2, 0.3]), higher_is_better=True) is None


def test_flags():
    exact = fit_law(POWER, N[:2], np.array([0.5, 0.6]), higher_is_better=True)
    assert any("as many parameters" in flag for flag in exact.flags)
    assert np.isnan(exact.errors["b"])
    bumpy = fit_law(POWER, N[:4], np.array([0.5, 0.6, 0.55, 0.7]), higher_is_better=True)
    assert any("improve" in flag for flag in bumpy.flags)
    without_floor = fit_law(IRREDUCIBLE, N, 2 * N**-0.3, higher_is_better=False)
    assert any("not told apart" in flag for flag in without_floor.flags)


def test_every_law_names_its_parameters_and_source():
    for law in LAWS:
        assert law.exponent in law.parameters
        assert len(law.parameters) == len(law.lower) == len(law.upper)
        assert law.source
        assert np.isfinite(law.function(N.astype(float), *(0.3 for _ in law.parameters))).all()
