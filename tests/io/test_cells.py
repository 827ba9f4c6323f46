"""Cells of one column as numbers."""

import numpy as np
import pytest

from jaxmrl.io.cells import NUMBER, TEXT, read_numbers


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("6.55 E-6", 6.55e-6),
        ("6.5x10^-6", 6.5e-6),
        ("1.5 × 10⁻⁶", 1.5e-6),
        ("2*10**-7", 2e-7),
        ("3·10^(4)", 3e4),
    ],
)
def test_powers_of_ten(cell, value):
    found = read_numbers([cell, "7", "0.5"])
    assert found.kinds.tolist() == [NUMBER] * 3
    np.testing.assert_allclose(found.values, [value, 7, 0.5])
    assert not found.style.remarks


@pytest.mark.parametrize("cell", ["1.5 ± 0.2 x 10^-6", "(1.5 ± 0.2) × 10⁻⁶"])
def test_a_power_of_ten_is_that_of_a_number_and_its_error(cell):
    found = read_numbers([cell, "2.5e-7"])
    np.testing.assert_allclose(found.values, [1.5e-6, 2.5e-7])
    assert found.errors == 1


@pytest.mark.parametrize("cell", ["2x100", "1x1024", "3x106", "5 x 10 5"])
def test_products_are_no_powers(cell):
    assert read_numbers([cell, "7"]).kinds.tolist() == [TEXT, NUMBER]


@pytest.mark.parametrize(("mark", "said"), [(" ", "blanks"), ("\u202f", "blanks"), ("'", "apostrophes")])
def test_what_stands_between_thousands_is_named(mark, said):
    found = read_numbers([f"1{mark}234.5", "17", f"12{mark}000"])
    assert found.values.tolist() == [1234.5, 17, 12000]
    assert found.style.remarks == [f"{said} between thousands"]


@pytest.mark.parametrize(
    "cells",
    [
        ["65", "45 55", "93 103", "103"],
        ["589 592", "640 643", "683 686", "687 690", "512 520", "333 331"],
    ],
)
def test_two_numbers_in_a_cell_are_not_one(cells):
    kinds = read_numbers(cells).kinds
    assert kinds.tolist() == [TEXT if " " in cell else NUMBER for cell in cells]


def test_numbers_of_six_digits_are_no_pairs():
    cells = ["117 489", "811 340", "583 000", "387 812", "640 105"]
    assert read_numbers(cells).values.tolist() == [float(cell.replace(" ", "")) for cell in cells]
