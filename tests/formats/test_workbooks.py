"""Excel workbooks and Parquet files: cells as text, and what is damaged, malicious or not installed."""

import datetime
import io
import sys
import zipfile

import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.data.table import read_molecules, read_table
from jaxmrl.errors import ConfigError, DataError, UserError
from jaxmrl.formats.reading import read_header, read_records
from jaxmrl.io import cache as cache_module

openpyxl = pytest.importorskip("openpyxl")
pyarrow = pytest.importorskip("pyarrow")
ROWS = [
    ["smiles", "logS", "ok", "day", "text", "n"],
    ["CCO", -0.77, True, datetime.datetime(2024, 2, 1), "1,5", 7],
    ["CCN", None, False, datetime.datetime(2024, 2, 1, 12, 30), None, None],
    ["CCC", 1e-7, None, None, "x\ny", 2.0],
]
TEXTS = [
    ["CCO", "-0.77", "TRUE", "2024-02-01", "1,5", "7"],
    ["CCN", "", "FALSE", "2024-02-01T12:30:00", "", ""],
    ["CCC", "1e-07", "", "", "x\ny", "2"],
]


def workbook(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def fields_of(path):
    return [fields for *_, fields in read_records(path).rows]


def test_cells_of_a_workbook(tmp_path):
    path = workbook(tmp_path / "t.csv", Data=[*ROWS, [], ["CC", 1, None, None, None, None, "more"]])
    found = read_records(path)
    assert (found.header, [fields for *_, fields in found.rows]) == (ROWS[0], TEXTS)
    assert [line for _, line, _ in found.rows] == [2, 3, 4]
    assert [(row.line, row.reason) for row in found.rejected] == [(6, "7 fields, expected 6")]
    assert found.remarks == ("an Excel workbook, sheet 'Data'",)


def test_a_sheet_is_chosen_by_name(tmp_path):
    path = workbook(tmp_path / "t.xlsx", First=[["smiles", "y"], ["C", 1]], Second=[["smiles", "y"], ["CCO", 2]])
    assert fields_of(path) == [["C", "1"]]
    assert read_table(path, target_columns=("y",), task="regression", sheet="Second").smiles == ["CCO"]
    assert read_molecules(path, None, "Second").smiles == ["CCO"]
    with pytest.raises(DataError, match="has no sheet 'Third'; its sheets are First, Second"):
        read_records(path, "Third")
    (tmp_path / "t.csv").write_text("smiles,y\nC,1\n")
    with pytest.raises(DataError, match=r"--sheet Second: .*t.csv is not an Excel workbook"):
        read_records(tmp_path / "t.csv", "Second")
    with pytest.raises(ConfigError, match="--sheet names a sheet of your own workbook"):
        SweepConfig(sheet="Second")


def test_the_sheet_and_the_header_with_smiles_are_found(tmp_path):
    rows = [["Solubility"], [], [None, "2024"], *ROWS]
    path = workbook(tmp_path / "t.xlsx", Notes=[["read me"]], Empty=[], Data=rows)
    assert fields_of(path) == TEXTS
    said = (
        "an Excel workbook, sheet 'Data'",
        "1 other sheet not read (--sheet chooses one)",
        "2 rows before the header, not read",
    )
    assert read_records(path).remarks == said
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("t.xlsx", path.read_bytes())
    (tmp_path / "t.zip").write_bytes(archive.getvalue())
    assert fields_of(tmp_path / "t.zip") == TEXTS


def test_formulas_that_nobody_computed_are_no_empty_column(tmp_path):
    rows = [["smiles", "Ki", "pKi", "remark"], *(["C" * k, k, f"=9-LOG10(B{k + 1})", None] for k in range(1, 6))]
    path = workbook(tmp_path / "t.xlsx", Data=rows)
    with pytest.raises(DataError, match=r"sheet 'Data': pKi has formulas without values, .* in one and save it"):
        read_records(path)
    empty = [["smiles", "y", "remark"], ["CCO", 1.5, None], ["CCN", 2.5, None]]
    assert fields_of(workbook(tmp_path / "e.xlsx", Data=empty)) == [["CCO", "1.5", ""], ["CCN", "2.5", ""]]


def with_member(path, name, change):
    """Change a member of a zip archive."""
    with zipfile.ZipFile(path) as old:
        members = {one: old.read(one) for one in old.namelist()}
    members[name] = change(members[name])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for one, content in members.items():
            new.writestr(one, content)
    return path


def test_entities_and_bombs_in_workbooks_are_refused(tmp_path, monkeypatch):
    path = workbook(tmp_path / "t.xlsx", Data=ROWS)
    entities = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    with_member(path, "xl/worksheets/sheet1.xml", lambda old: old.replace(b"<worksheet", entities + b"<worksheet", 1))
    with pytest.raises(DataError, match=r"is no workbook of Excel: 'xl/worksheets/sheet1.xml' defines entities"):
        read_table(path)
    monkeypatch.setattr(cache_module, "SMALL", 10_000)
    with_member(workbook(path, Data=ROWS), "xl/styles.xml", lambda old: old + b" " * 10**7)
    with pytest.raises(DataError, match="decompresses to far more"):
        read_table(path)


@pytest.mark.slow
def test_rows_far_below_the_others_take_no_time(tmp_path):
    path = workbook(tmp_path / "t.xlsx", Data=ROWS)
    with_member(path, "xl/worksheets/sheet1.xml", lambda old: old.replace(b'<row r="4"', b'<row r="99999999999"'))
    with pytest.raises(DataError, match=r"decompresses to far more|cannot be read"):
        read_table(path)


def test_a_workbook_without_rows_or_openpyxl(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="without any row"):
        read_header(workbook(tmp_path / "t.xlsx", Data=[]))
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(UserError, match=r"pip install 'jaxmrl\[excel\]', or save it as CSV"):
        read_header(tmp_path / "t.xlsx")


def test_cells_of_a_parquet_file(tmp_path):
    from pyarrow import parquet

    table = pyarrow.table({name: [row[k] for row in ROWS[1:]] for k, name in enumerate(ROWS[0])})
    parquet.write_table(table, tmp_path / "t.csv")
    found = read_records(tmp_path / "t.csv")
    assert (found.header, [fields for *_, fields in found.rows]) == (ROWS[0], TEXTS)
    assert [line for _, line, _ in found.rows] == [1, 2, 3]
    assert read_table(tmp_path / "t.csv", target_columns=("logS",)).notes[0] == "t.csv: a Parquet file"
    words = pyarrow.table({"smiles": pyarrow.array(["CCO"] * 9).dictionary_encode(), "y": [b"1.5"] * 9, "z": [[1]] * 9})
    parquet.write_table(words, tmp_path / "t.parquet")
    assert fields_of(tmp_path / "t.parquet")[0] == ["CCO", "1.5", "[1]"]


def test_a_parquet_file_of_far_too_many_rows(tmp_path, monkeypatch):
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"smiles": ["CCO"] * 100_000}), tmp_path / "t.parquet")
    monkeypatch.setattr(cache_module, "SMALL", 10_000)
    with pytest.raises(DataError, match="decompresses to far more"):
        read_records(tmp_path / "t.parquet")


def test_the_value_of_a_merged_cell_is_that_of_each_of_its_rows(tmp_path):
    """A title above the header may be merged, too, and cells beside each other."""
    rows = [["My assay"], ["smiles", "replicate", "y", "note"], ["CCO", 1, 5, "a"], [None, 2, 6], ["CC", 1, 7, "b"]]
    path = workbook(tmp_path / "t.xlsx", Data=[*rows, [None, 2], [None, 3, 9]])
    book = openpyxl.load_workbook(path)
    for cells in ("A1:D1", "A3:A4", "A5:A7", "D5:D6", "C5:C6"):
        book["Data"].merge_cells(cells)
    book.save(path)
    assert fields_of(path) == [
        *(["CCO", "1", "5", "a"], ["CCO", "2", "6", ""]),
        *(["CC", "1", "7", "b"], ["CC", "2", "7", "b"], ["CC", "3", "9", ""]),
    ]
    assert "4 merged cells, whose value is that of each of its rows" in read_records(path).remarks
