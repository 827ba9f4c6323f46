"""Fitted laws as formulas."""

from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.reports.law_tables import formula_text
from jaxmrl.scaling.law_fit import fit_law
from jaxmrl.scaling.laws import law_named
from jaxmrl.scaling.points import points_of

N = np.array([100.0, 200.0, 400.0, 800.0, 1600.0])


@pytest.fixture
def fit():
    """The law with a floor of an error of 2 n^-0.3."""
    return fit_law(law_named("irreducible"), points_of(N, 2 * N**-0.3, higher_is_better=False))


def with_floor(fit, floor):
    return replace(fit, values=fit.values | {"e_inf": floor, "beta": 2.0, "c": 0.3})


@pytest.mark.parametrize("floor", [1e-30, 1.77e-22, 1e-8])
def test_a_floor_that_no_measured_size_feels_is_written_as_0(fit, floor):
    assert formula_text(with_floor(fit, floor)) == formula_text(with_floor(fit, 1e-30))
    assert "e-" not in formula_text(with_floor(fit, floor))


@pytest.mark.parametrize(("floor", "said"), [(1e-3, "0.001"), (2e-6, "2e-06")])
def test_a_floor_that_counts_is_written(fit, floor, said):
    assert said in formula_text(with_floor(fit, floor))


def test_a_small_scale_is_no_zero(fit):
    assert "3e-08" in formula_text(replace(fit, values=fit.values | {"e_inf": 1e-30, "beta": 3e-8, "c": 0.3}))


@pytest.mark.parametrize("name", ["power", "logarithmic"])
def test_a_slope_that_no_measured_size_feels_is_written_as_0(name):
    level = fit_law(law_named(name), points_of(N, np.full(5, 0.5), higher_is_better=False))
    assert "e-" not in formula_text(level)
    assert "0.5" in formula_text(level)
    falling = fit_law(law_named(name), points_of(N, 0.5 * N**-1e-3, higher_is_better=False))
    assert "0.00" in formula_text(falling)
