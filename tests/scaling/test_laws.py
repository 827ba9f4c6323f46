import pickle

import numpy as np
import pytest

from jaxmrl.scaling.laws import ERROR_POWER, LAWS, M4, ODDS

N = np.geomspace(100, 1e5, 7)
VALUES = {
    "power": (0.3, 0.05),
    "error_power": (2.0, 0.3),
    "logarithmic": (0.2, 0.05),
    "odds": (20.0, 0.4),
    "irreducible": (0.1, 3.0, 0.4),
    "saturating": (2.0, 0.3, 1e-4),
    "shifted": (2.0, 0.25, 500.0),
    "m4": (0.2, 50.0, 0.6, 1.3),
    "broken": (1.5, 0.1, 0.4, 5000.0, 0.4),
}


def error(law, n, *values, guess=0.5):
    return law.function(np.asarray(n, float), *(np.array([[value]]) for value in values), guess, 1.0)[0]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_every_law_falls_and_says_where_it_comes_from(law):
    values = VALUES[law.name]
    assert len(values) == len(law.parameters)
    errors = error(law, N, *values)
    assert (np.diff(errors) < 0).all()
    assert (errors > 0).all()
    assert law.source
    assert law.exponent in (None, *law.names)
    law.text.format(**dict(zip(law.names, values, strict=True)))
    for parameter, value in zip(law.parameters, values, strict=True):
        assert parameter.lowest < value < parameter.highest
        assert parameter.meaning


@pytest.mark.parametrize("law", [law for law in LAWS if law.floor], ids=lambda law: law.name)
def test_a_floor_is_what_remains(law):
    values = VALUES[law.name]
    assert error(law, [1e16], *values)[0] == pytest.approx(law.floor(*values, 0.5), rel=1e-2)


def test_a_law_without_a_floor_goes_to_nothing():
    for law in LAWS:
        if law.on == "error" and law.floor is None:
            assert error(law, [1e60], *VALUES[law.name])[0] < 1e-3


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0, 8.0])
@pytest.mark.parametrize("share", [1e-6, 0.3, 0.9])
def test_m4_solves_its_equation(alpha, share):
    beta, c, guess = 50.0, 0.6, 0.5
    found = error(M4, N, share, beta, c, alpha)
    floor = share * guess
    np.testing.assert_allclose((found - floor) / (guess - found) ** alpha, beta * N**-c, rtol=1e-4)


def test_odds_is_m4_without_a_floor():
    np.testing.assert_allclose(error(ODDS, N, 20.0, 0.4), error(M4, N, 1e-12, 20.0, 0.4, 1.0), rtol=1e-6)


def test_a_broken_law_has_two_slopes():
    broken = LAWS[-1]
    slope = lambda n: np.diff(np.log(error(broken, n, 1.5, 0.1, 0.4, 1e6, 0.3)))[0] / np.diff(np.log(n))[0]
    assert slope([10, 20]) == pytest.approx(-0.1, abs=1e-4)
    assert slope([1e11, 2e11]) == pytest.approx(-0.4, abs=1e-4)
    assert error(broken, [10.0], 1.5, 0.1, 0.4, 1e6, 0.3) == pytest.approx(
        error(ERROR_POWER, [10.0], 1.5, 0.1), rel=1e-3
    )


def test_another_process_finds_the_same_law():
    for law in LAWS:
        assert pickle.loads(pickle.dumps(law)) is law
