"""Commas between thousands in files whose columns are not separated by commas."""

import numpy as np
import pytest

from jaxmrl.config import FitConfig
from jaxmrl.curves.table import read_curves
from jaxmrl.data.table import read_table

CELLS = ["3", "67", "1,234", "27,765", "731"]
VALUES = [3, 67, 1234, 27765, 731]


def table(tmp_path, separator, others):
    rows = [
        f"{'C' * k}{separator}{cell}{separator}{other}"
        for k, (cell, other) in enumerate(zip(CELLS, others, strict=True), 1)
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join([separator.join(("smiles", "IC50", "MW")), *rows]) + "\n")
    return read_table(path, target_columns=("IC50",))


@pytest.mark.parametrize("separator", ["\t", ";", "|"])
def test_decimal_points_beside_say_that_commas_are_none(tmp_path, separator):
    found = table(tmp_path, separator, [300.25, 301.5, 302.75, 303.25, 304.5])
    np.testing.assert_array_equal(found.labels[:, 0], VALUES)
    assert any("IC50: commas between thousands" in note for note in found.notes)


@pytest.mark.parametrize("others", [["300,25", "301,5", "302,75", "303,2", "304"], [300, 301, 302, 303, 304]])
def test_otherwise_they_are_decimal_commas_and_that_is_said(tmp_path, others):
    found = table(tmp_path, "\t", others)
    np.testing.assert_array_equal(found.labels[:, 0], [3, 67, 1.234, 27.765, 731])
    assert any("such as 1,234, read as 1.234; if the commas stand between thousands" in note for note in found.notes)


def test_sizes_are_whole_numbers(tmp_path):
    path = tmp_path / "c.tsv"
    path.write_text("n\trmse\n" + "".join(f"{n:,}\t{2 * n**-0.3:.4f}\n" for n in (500, 1000, 2000, 4000, 16000)))
    (curve,) = read_curves(FitConfig((path,))).curves
    assert curve.n.tolist() == [500, 1000, 2000, 4000, 16000]
    path.write_text("fraction\trmse\n0,125\t0,9\n0,25\t0,7\n0,5\t0,5\n1,000\t0,4\n")
    (curve,) = read_curves(FitConfig((path,))).curves
    assert curve.n.tolist() == [0.125, 0.25, 0.5, 1.0]
