"""Censored labels as bounds, from cells to the labels on the device."""

import numpy as np
import pytest

from jaxmrl.config import ScoreConfig, SweepConfig
from jaxmrl.data.bounds import bounds_of
from jaxmrl.data.duplicates import merge_duplicates
from jaxmrl.data.log_scale import LogScale
from jaxmrl.data.long_format import LongFormat
from jaxmrl.data.parsing import prepare
from jaxmrl.data.table import read_table
from jaxmrl.errors import ConfigError
from tests.cases.test_cells import INPUTS

NAN = np.nan
SIGNS = "smiles,y\nC,>30\nCC,1\nCCC,<= 2\nCCCC,~7\nCCCCC,=4\nCCCCCC,≥5\n"


@pytest.fixture
def read(tmp_path):
    def read(text, **settings):
        (tmp_path / "t.csv").write_text(text, encoding="utf-8")
        return read_table(tmp_path / "t.csv", censored="loss", **settings)

    return read


def test_signs_become_bounds_and_nothing_is_rejected(read):
    table = read(SIGNS)
    np.testing.assert_array_equal(table.labels[:, 0], [NAN, 1, NAN, 7, 4, NAN])
    np.testing.assert_array_equal(table.bounds.values[:, 0], [30, NAN, 2, NAN, NAN, 5])
    assert table.bounds.sides[:, 0].tolist() == [1, 0, -1, 0, 0, 1]
    assert (len(table), table.rejected, table.labeled.all()) == (6, (), True)
    said = "models learn from them as bounds (--censored loss)"
    assert any(said in note and note.endswith("1 with ~ are used as exact") for note in table.notes)


def test_other_ways_have_no_bounds(tmp_path):
    (tmp_path / "t.csv").write_text(SIGNS)
    drop, bound = (read_table(tmp_path / "t.csv", censored=how) for how in ("drop", "bound"))
    assert drop.bounds is bound.bounds is None
    assert (drop.labels[:, 0].tolist(), bound.labels[:, 0].tolist()) == ([1, 4], [30, 1, 2, 7, 4, 5])


def test_a_table_without_signs_has_none(read):
    assert read("smiles,y\nC,1\nCC,2\n").bounds is None


def test_pic50_turns_bounds_around_and_log10_does_not(read):
    text = "smiles,IC50\nC,>10\nCC,1\nCCC,<0.1\n"
    pic50, log10 = read(text, scale=LogScale("uM")), read(text, scale=LogScale())
    assert pic50.bounds.sides[:, 0].tolist() == [-1, 0, 1]
    np.testing.assert_allclose(pic50.bounds.values[[0, 2], 0], [5, 7], atol=1e-12)
    assert pic50.labels[1, 0] == 6
    assert log10.bounds.sides[:, 0].tolist() == [1, 0, -1]
    np.testing.assert_allclose(log10.bounds.values[[0, 2], 0], [1, -1], atol=1e-12)


def test_a_column_of_relations_gives_sides():
    table = read_table(INPUTS / "chembl_web_export.csv", target_columns=("Standard Value",), censored="loss")
    assert (len(table), table.bounds.count()) == (60, 12)
    assert set(table.bounds.sides[table.bounds.sides != 0].tolist()) == {1}


def test_words_and_rows_of_assays(read):
    text = "smiles,assay,relation,value\nC,a,greater than,5\nC,b,=,1\nCC,a,=,3\nCC,b,lt,2\nCCC,a,approx,4\nCCC,b,=,7\n"
    table = read(text, assays=LongFormat("assay", "value"))
    assert table.tasks == ("a", "b")
    assert table.bounds.sides.tolist() == [[1, 0], [0, 0], [0, 0], [0, -1], [0, 0], [0, 0]]
    np.testing.assert_array_equal(table.labels[:, 0], [NAN, NAN, 3, NAN, 4, NAN])


def test_a_merged_molecule_has_its_exact_label_or_else_the_tightest_bound(read, cache):
    table = read("smiles,y\nCCO,>5\nC,1\nOCC,3\nCC,>4\nCC,>6\nCC,<9\nC,2\nCN,<8\nNC,<2\n")
    found = merge_duplicates(prepare(table), "mean").prepared.table
    assert found.smiles == ["CCO", "C", "CC", "CN"]
    np.testing.assert_array_equal(found.labels[:, 0], [3, 1.5, NAN, NAN])
    np.testing.assert_array_equal(found.bounds.values[:, 0], [NAN, NAN, 6, 2])
    assert found.bounds.sides[:, 0].tolist() == [0, 0, 1, -1]
    assert found.rejected == ()


def test_rows_are_taken_with_their_bounds():
    bounds = bounds_of(np.array([[1.0], [2.0], [NAN]]), np.array([[1], [0], [-1]]))
    assert bounds.count() == 1
    np.testing.assert_array_equal(bounds.values[:, 0], [1, NAN, NAN])
    assert bounds.take(np.array([False, True, True])) is None
    assert bounds.take(np.array([True, False, True])).sides.tolist() == [[1], [0]]


def test_settings_that_bounds_do_not_go_with(tmp_path):
    csv = tmp_path / "t.csv"
    assert SweepConfig(csv=csv, censored="loss").save_predictions
    with pytest.raises(
        ConfigError, match="--censored loss needs numeric labels; it cannot be used with --task classification"
    ):
        SweepConfig(csv=csv, censored="loss", task="classification")
    with pytest.raises(ConfigError, match="pruning methods score molecules by exact labels"):
        SweepConfig(csv=csv, censored="loss", pruning=("random", "el2n"))
    with pytest.raises(ConfigError, match="give --censored drop or bound instead of loss"):
        ScoreConfig(csv=csv, censored="loss")
