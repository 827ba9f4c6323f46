"""Tables as files of each kind, read again by jaxmrl's own readers and by others."""

import math
import sys

import numpy as np
import pytest
from rdkit import Chem

from jaxmrl.errors import UserError
from jaxmrl.formats.input_rows import read_input_rows
from jaxmrl.formats.writing import check_writable, table_bytes

COLUMNS = {
    "name": np.array(["aspirin", "=1+1", "", "x\ny"], object),
    "code": np.array(["007", "1.50", "2.5", "12"], object),
    "logP <calc>": np.array([1.25, np.nan, -3e-9, 4.0]),
    "row": np.arange(4),
}
SMILES = ["CC(=O)Oc1ccccc1C(=O)O", "C[C@H](N)C(=O)O", "", "not one"]


def test_an_sd_file_has_a_record_for_each_row(tmp_path):
    path = tmp_path / "t.sdf"
    path.write_bytes(table_bytes(COLUMNS, ".sdf", 8, SMILES))
    text = path.read_text()
    assert text.count("$$$$\n") == 4
    found = list(Chem.SDMolSupplier(str(path)))
    assert [molecule.GetNumAtoms() for molecule in found] == [13, 6, 0, 0]
    assert Chem.MolToSmiles(found[1]) == Chem.CanonSmiles(SMILES[1])
    assert found[0].GetConformer().GetPositions().any()
    assert found[0].GetPropsAsDict() == {"name": "aspirin", "code": 7, "logP (calc)": 1.25, "row": 0}
    assert found[2].GetProp("logP (calc)") == "-3e-09"
    assert found[3].GetProp("name") == "x y"
    rows = read_input_rows(path)
    assert rows.header == ["smiles", "name", "code", "logP (calc)", "row"]
    assert [row[2] for row in rows.cells][:2] == ["007", "1.50"]


def test_a_sheet_has_numbers_as_numbers_and_never_a_formula(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "t.xlsx"
    path.write_bytes(table_bytes(COLUMNS | {"odd": np.array(["a\x00b", "b", "c", "1e400"], object)}, ".xlsx"))
    sheet = openpyxl.load_workbook(path).active
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["name", "code", "logP <calc>", "row", "odd"],
        ["aspirin", "007", 1.25, 0, "ab"],
        ["=1+1", "1.50", None, 1, "b"],
        [None, 2.5, -3e-9, 2, "c"],
        ["x\ny", 12, 4, 3, "1e400"],
    ]
    assert sheet["A3"].data_type == "s"
    assert sheet.freeze_panes == "A2"
    assert read_input_rows(path).cells[1] == ["=1+1", "1.50", "", "1", "b"]


def test_csv_and_parquet_have_the_same_columns(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "t.csv").write_bytes(table_bytes(COLUMNS, ".csv", 8))
    (tmp_path / "t.parquet").write_bytes(table_bytes(COLUMNS, ".parquet"))
    table = parquet.read_table(tmp_path / "t.parquet").to_pydict()
    assert list(table) == list(COLUMNS)
    assert table["code"] == ["007", "1.50", "2.5", "12"]
    assert math.isnan(table["logP <calc>"][1])
    assert read_input_rows(tmp_path / "t.csv").cells[3] == ["x\ny", "12", "4", "3"]


def test_what_cannot_be_written_is_said_before_it_is_computed(monkeypatch):
    check_writable(".csv", 10**9)
    check_writable(".xlsx", 1_048_575)
    with pytest.raises(UserError, match=r"at most 1,048,576 rows, and these are 1,048,577: use \.csv"):
        check_writable(".xlsx", 1_048_576)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(UserError, match=r"needs openpyxl: pip install 'jaxmrl\[excel\]'"):
        check_writable(".xlsx")
