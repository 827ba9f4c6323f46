"""Concentrations as pIC50, logarithms, and tables with a row for each compound and assay."""

import math

import numpy as np
import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.data.duplicates import merge_duplicates
from jaxmrl.data.log_scale import LogScale
from jaxmrl.data.long_format import LongFormat
from jaxmrl.data.parsing import prepare
from jaxmrl.data.table import read_table
from jaxmrl.errors import ConfigError, DataError

LONG = LongFormat("assay", "value")


@pytest.fixture
def table(tmp_path):
    def read(text, **settings):
        (tmp_path / "t.csv").write_text(text, encoding="utf-8")
        return read_table(tmp_path / "t.csv", **settings)

    return read


@pytest.mark.parametrize(
    ("unit", "cell", "value"), [("nM", "10", 8), ("uM", "10", 5), ("mM", "10", 2), ("M", "1e-9", 9), ("pM", "10", 11)]
)
def test_concentrations_become_pic50(table, unit, cell, value):
    found = table(f"smiles,IC50\nC,{cell}\nCC,1\n", scale=LogScale(unit))
    assert (found.tasks, found.task) == (("pIC50",), "regression")
    np.testing.assert_allclose(found.labels[0], [value], atol=1e-12)


def test_zeros_and_negatives_are_missing_and_reported(table):
    found = table("smiles,IC50 (nM)\nC,1000\nCC,0\nCCC,-5\nCCCC,\nCCCCC,>10\n", scale=LogScale("nM"))
    np.testing.assert_array_equal(found.labels[:, 0], [6, np.nan])
    assert found.smiles == ["C", "CCCC"]
    assert "IC50 (nM): labels are pIC50 = 9 - log10(nM) of its numbers, 6 to 6" in found.notes
    assert "IC50 (nM): 2 labels of 0 or less, which has no logarithm; treated as missing" in found.notes
    reasons = [row.reason for row in found.rejected]
    assert reasons[0] == "no label: IC50 (nM) '0' has no logarithm"
    assert reasons[2] == "no label: IC50 (nM) '>10' is censored"


@pytest.mark.parametrize(
    ("name", "task"), [("Ki_uM", "pKi"), ("EC50", "pEC50"), ("Standard Value", "pIC50 of Standard Value")]
)
def test_names_of_tasks(table, name, task):
    assert table(f"smiles,{name}\nC,1.5\nCC,2.5\n", scale=LogScale("uM")).tasks == (task,)


@pytest.mark.parametrize(
    "name", ["ic50_um", "IC50 [umol/L]", "IC50 (micromolar)", "IC50 µmol/l", "IC50 UM", "IC50 (M)", "IC50 mol.L-1"]
)
def test_another_unit_in_a_name_is_refused(table, name):
    with pytest.raises(DataError, match=r"the unit of its numbers is .*, and --pic50 says nM"):
        table(f"smiles,{name}\nC,1.5\nCC,2.5\n", scale=LogScale("nM"))


@pytest.mark.parametrize("name", ["ic50_nm", "IC50 [nmol/L]", "IC50 (nanomolar)", "PC3 IC50", "IC50 PLM", "random"])
def test_the_same_unit_and_other_words_are_taken(table, name):
    found = table(f"smiles,{name}\nC,10\nCC,1\n", scale=LogScale("nM"))
    np.testing.assert_allclose(found.labels[:, 0], [8, 9])


@pytest.mark.parametrize("name", ["pIC50", "PIC50", "pKi", "pKd (hERG)", "-log10 Ki", "logEC50", "pChEMBL Value"])
def test_logarithms_have_no_other_logarithm(table, name):
    with pytest.raises(DataError, match="so its numbers are logarithms already; omit --pic50"):
        table(f"smiles,{name}\nC,5.5\nCC,6.5\n", scale=LogScale("nM"))


def test_units_in_cells_have_many_spellings(table):
    units = ["nm", "nmol/L", "umol/l", "µmol/L", "micromolar", "mol/L", "ug/mL"]
    rows = "".join(f"{'C' * k},10,{unit}\n" for k, unit in enumerate(units, 1))
    found = table(f"smiles,Value,Units\n{rows}", scale=LogScale("nM"), target_columns=("Value",))
    np.testing.assert_allclose(found.labels[:, 0], [8, 8, 5, 5, 5, -1])
    assert [row.reason for row in found.rejected] == ["no label: Value '10' is in no unit of concentration"]


def test_the_unit_of_a_label_counts(table):
    text = "smiles,Standard Value,Standard Units\nC,10,nM\nCC,10,µM\nCCC,10,ug.mL-1\nCCCC,1,\n"
    found = table(text, scale=LogScale("nM"), target_columns=("Standard Value",))
    np.testing.assert_allclose(found.labels[:, 0], [8, 5, 9])
    assert "Standard Value: labels with another unit converted from uM 1" in found.notes
    assert "Standard Value: labels with another unit treated as missing: ug.mL-1 1" in found.notes
    assert not any("used as they are" in note for note in found.notes)


def test_another_unit_in_the_name_or_the_cells_is_refused(table):
    for text in ("smiles,IC50 (uM)\nC,10\nCC,1\n", "smiles,IC50\nC,10 uM\nCC,1 uM\n"):
        with pytest.raises(DataError, match="the unit of its numbers is 'uM', and --pic50 says nM"):
            table(text, scale=LogScale("nM"))


def test_decimal_logarithms(table):
    found = table("smiles,clearance\nC,100\nCC,0.1\nCCC,1\n", scale=LogScale())
    assert (found.tasks, found.labels[:, 0].tolist()) == (("log10 clearance",), [2, -1, 0])
    two = table("smiles,y\nC,1\nCC,10\n" + "CCC,1\n" * 30, scale=LogScale())
    assert (two.task, two.labels[1, 0]) == ("regression", 1)
    with pytest.raises(DataError, match="regression needs numbers"):
        table("smiles,y\nC,active\nCC,inactive\n", scale=LogScale())


LONG_TEXT = """\
smiles,assay,value,relation
CCO,hERG,5.5,=
OCC,logD,1.5,=
CCO,hERG,6.5,=
CCN,hERG,7.5,>
CCN,logD,ND,=
CCC,logD,2.5,=
CCC,,9.5,=
CCCC,one,1,=
"""


def test_a_row_for_each_assay_becomes_a_column_for_each(table):
    found = table(LONG_TEXT, assays=LONG, task="regression")
    assert found.tasks == ("hERG", "logD")
    np.testing.assert_array_equal(found.labels[:3], [[5.5, np.nan], [np.nan, 1.5], [6.5, np.nan]])
    assert [(row.line, row.reason) for row in found.rejected] == [
        (5, "no label: hERG '7.5' is censored"),
        (6, "no label: logD 'ND' is not a number"),
    ]
    assert "2 assays of column assay with values of column value: hERG, logD" in found.notes
    assert "assays left out: one (one value only)" in found.notes
    merged = merge_duplicates(prepare(found), "mean").prepared.table
    assert merged.smiles == ["CCO", "CCC"]
    np.testing.assert_array_equal(merged.labels, [[6, 1.5], [np.nan, 2.5]])
    assert len(merged) + len(merged.rejected) + 2 == merged.rows


def test_assays_by_name_and_as_classes(table):
    assert table(LONG_TEXT, assays=LONG, target_columns=("logD",), task="regression").tasks == ("logD",)
    with pytest.raises(DataError, match="has no assay 'IC50' in column assay; it has hERG, logD, one"):
        table(LONG_TEXT, assays=LONG, target_columns=("IC50",))
    words = table("smiles,assay,value\nC,a,Active\nCC,a,Inactive\nC,b,Inactive\nCC,b,Active\n", assays=LONG)
    assert (words.task, words.tasks) == ("classification", ("a", "b"))
    np.testing.assert_array_equal(words.labels[:2], [[1, np.nan], [0, np.nan]])


def test_assays_of_different_scale_are_asked_about(table):
    rows = [
        f"{'C' * (k + 1)},{name},{value}\n" for k in range(20) for name, value in (("a", k / 7), ("b", 100 * k + 0.5))
    ]
    text = "smiles,assay,value\n" + "".join(rows)
    with pytest.raises(DataError, match=r"several columns to predict, of different scale: a .*, b .*--target-columns"):
        table(text, assays=LONG)
    logs = table(text.replace(",0.0\n", ",\n"), assays=LONG, target_columns=("a", "b"), scale=LogScale("nM"))
    assert logs.tasks == ("pIC50 of a", "pIC50 of b")
    assert math.isclose(logs.labels[2, 0], 9 - math.log10(1 / 7))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"value_column": "a"}, "--value-column needs --assay-column too"),
        ({"pic50": "nM", "log10": True}, "give --pic50 or --log10, not both"),
        ({"pic50": "nM", "task": "classification"}, "are for numbers"),
        ({"pic50": "ng"}, "pic50"),
        ({"csv": None, "log10": True}, "--log10 describes a table of your own: give --csv too"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(ConfigError, match=message):
        SweepConfig(**{"csv": "t.csv", **settings})


def test_long_tables_are_merged_by_default():
    both = {"csv": "t.csv", "assay_column": "a", "value_column": "v"}
    assert SweepConfig(**both).deduplicate == "mean"
    assert SweepConfig(**both, deduplicate="median").deduplicate == "median"
