"""Sizes that are shares of the data."""

import pytest

from jaxmrl.config import FitConfig
from jaxmrl.curves.table import read_curves

SHARES = (5, 10, 25, 50, 100)


@pytest.mark.parametrize(
    ("name", "cells", "is_share"),
    [
        ("n_train (%)", SHARES, True),
        ("n_train_pct", SHARES, True),
        ("n_train", [f"{one}%" for one in SHARES], True),
        ("fraction", [one / 100 for one in SHARES], True),
        ("n_train", SHARES, False),
    ],
)
def test_sizes_in_percent_or_as_fractions(tmp_path, name, cells, is_share):
    rows = [f"{cell},{one**-0.3:.4f}" for one, cell in zip(SHARES, cells, strict=True)]
    (tmp_path / "c.csv").write_text("\n".join([f"{name},rmse", *rows]) + "\n")
    found = read_curves(FitConfig((tmp_path / "c.csv",), n_column=name))
    assert found.of_shares == is_share
    assert any("sizes" in note and ("percent" in note or "fractions" in note) for note in found.notes) == is_share
