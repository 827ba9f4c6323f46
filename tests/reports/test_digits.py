"""Numbers with as many digits as their spread supports."""

import math

import pytest

from jaxmrl.reports.digits import mean_words, rounded, value_words


@pytest.mark.parametrize(
    ("value", "spread", "said"),
    [
        (0.86592, 0.0111, "0.866"),
        (1234.567, 30.0, "1,235"),
        (0.30781, None, "0.308"),
        (0.30781, 0.0, "0.308"),
        (None, 0.1, "not known"),
    ],
)
def test_digits_follow_the_spread(value, spread, said):
    assert rounded(value, spread) == said


@pytest.mark.parametrize(
    ("mean", "sd", "said"),
    [
        (0.86592, 0.01112, "0.866 ± 0.011"),
        (0.30781, 0.0, "0.308 ± 0"),
        (1.6933, 2.7e-16, "1.69 ± 0"),
        (-1.6933, 2.7e-16, "-1.69 ± 0"),
        (0.86592, math.nan, "0.866"),
    ],
)
def test_a_spread_of_rounding_alone_is_none(mean, sd, said):
    assert mean_words(mean, sd) == said


def test_an_interval_follows_its_value():
    assert value_words({"value": 0.834, "low": 0.8131, "high": 0.8662}) == "0.834 (0.813 to 0.866)"
    assert value_words({"value": 0.834, "low": None, "high": None}) == "0.834 (interval not known)"
