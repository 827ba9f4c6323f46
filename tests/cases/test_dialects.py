"""Tables as spreadsheets and web sites write them: separators, decimal commas, encodings, other formats."""

import bz2
import gzip
import io
import lzma
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jaxmrl.data.table import read_molecules, read_table, stream_smiles
from jaxmrl.errors import DataError

INPUTS = Path(__file__).parent / "inputs"
ROWS = [("name", "smiles", "logS"), ("a, b", "CCO", "-0.77"), ("c", "c1ccccc1", "3.5"), ("d", "CCN", "2")]


def written(rows, separator=",", end="\n", quote=False):
    cell = lambda text: f'"{text}"' if quote or separator in text else text
    return "".join(separator.join(map(cell, row)) + end for row in rows)


def labels_of(path, **settings):
    return read_table(path, **settings).labels[:, 0].tolist()


def test_a_download_of_chembl():
    path = INPUTS / "chembl_web_export.csv"
    table = read_table(path, smiles_column="Smiles", target_columns=("pChEMBL Value",))
    assert "chembl_web_export.csv: columns separated by semicolons" in table.notes
    assert (table.smiles[1], table.labels[1, 0]) == ("Cc1occc1C(=O)Nc2ccccc2", 6.1)


def test_what_a_european_excel_saves():
    table = read_table(INPUTS / "excel_european.csv")
    assert table.notes[0] == "excel_european.csv: columns separated by semicolons; logS: decimal commas"
    assert table.tasks == ("logS",)
    assert table.labels[:3, 0].tolist() == [-0.77, -3.3, -2.06]
    assert not table.rejected


def test_a_micro_sign_of_excel():
    table = read_table(INPUTS / "excel_ansi_micro.csv")
    assert table.tasks == ("IC50 (µM)",)
    assert table.notes[0] == "excel_ansi_micro.csv: text in Windows-1252 (cp1252), because it is not UTF-8"


def test_typographic_minus_signs():
    table = read_table(INPUTS / "unicode_minus.csv", target_columns=("logS",))
    assert len(table) == 300
    assert table.labels[:2, 0].tolist() == [-0.77, -3.3]
    assert "logS: 280 cells have a typographic minus sign, read as -" in table.notes


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.smi", "t.txt", "t.csv.gz", "t"])
def test_every_separator_under_every_name(tmp_path, separator, name):
    path = tmp_path / name
    path.write_text(written(ROWS, separator))
    assert (read_table(path).smiles, labels_of(path)) == (["CCO", "c1ccccc1", "CCN"], [-0.77, 3.5, 2])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("quote", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_encoding(tmp_path, encoding, quote, end):
    path = tmp_path / "t.csv"
    rows = [("smiles", "IC50 (µM)"), *[row[1:] for row in ROWS[1:]]]
    path.write_bytes(written(rows, ";", end, quote).encode(encoding))
    table = read_table(path)
    assert (table.tasks, table.lines.tolist()) == (("IC50 (µM)",), [2, 3, 4])


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"'])
def test_excels_line_that_names_the_separator(tmp_path, first):
    (tmp_path / "t.csv").write_text(f"{first}\r\n{written(ROWS, ';')}")
    assert read_table(tmp_path / "t.csv").lines.tolist() == [3, 4, 5]
    assert [line for line, _ in stream_smiles(tmp_path / "t.csv", None)] == [3, 4, 5]
    (tmp_path / "t.csv").write_text(f"sep=#\n{written(ROWS, '#')}")
    with pytest.raises(DataError, match="its first line names '#' as the separator; expected one of , ; tab"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_other_separators_within_the_header_and_the_cells_are_text(tmp_path, separator):
    rows = [("smiles", "IC50; n=3 | nM, mean"), ("CCO", "1.5"), ("CCN", "2.5")]
    (tmp_path / "t.csv").write_text(written(rows, separator))
    assert read_table(tmp_path / "t.csv").tasks == ("IC50; n=3 | nM, mean",)


@pytest.mark.parametrize(
    ("separator", "cells", "values"),
    [
        (";", ["0,5", "-1,25", "12"], [0.5, -1.25, 12]),
        (";", ["1.234,5", "1.234", "0,5"], [1234.5, 1234, 0.5]),
        ("\t", ["1,5", "−2,5", "3,0E-2"], [1.5, -2.5, 0.03]),
        (",", ["1,234", "12,500", "7"], [1234, 12500, 7]),
        (",", ["1,234.5", "0.5", "1,234,567"], [1234.5, 0.5, 1234567]),
        (";", ["1,234.5", "0.5", "7"], [1234.5, 0.5, 7]),
        (",", ["0,5", "1,25", "7"], [0.5, 1.25, 7]),
        (";", ["1 234,5", "12\u00a0000,25", "1"], [1234.5, 12000.25, 1]),
        (",", ["1 234.5", "1'500", "2"], [1234.5, 1500, 2]),
        (";", ["0,5", "1.5", "2"], [np.nan, 1.5, 2]),
        (",", ["1.5 nM", "2.5 nM", "30nM"], [1.5, 2.5, 30]),
        (",", ["1.5 nM", "2.5", "30 uM"], [np.nan, 2.5, np.nan]),
        (",", ["45%", "50 %", "5%"], [45, 50, 5]),
        (",", ["1e-5", "1.5E+03", "–2e−3"], [1e-5, 1500, -2e-3]),
        (",", ["=1.5", "0x1p3", "1_0"], [1.5, np.nan, np.nan]),
    ],
)
def test_numbers_as_people_write_them(tmp_path, separator, cells, values):
    rows = [("smiles", "y"), ("C", cells[0]), ("CC", cells[1]), ("CCC", cells[2])]
    (tmp_path / "t.csv").write_text(written(rows, separator))
    table = read_table(tmp_path / "t.csv", target_columns=("y",), task="regression")
    found = dict(zip(table.lines.tolist(), table.labels[:, 0].tolist(), strict=True))
    np.testing.assert_array_equal([found.get(line, np.nan) for line in (2, 3, 4)], values)


def archive(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        for name in names:
            members.writestr(name, written(ROWS))
    return file.getvalue()


TEXT = written(ROWS).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive("xl/workbook.xml"), "an Excel workbook that cannot be read"),
        (archive("xl/workbook.bin"), r"a binary Excel workbook \(.xlsb\); .*save it as .xlsx"),
        (archive("content.xml"), "an OpenDocument file; .*save it as .xlsx or CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), r"an old Excel workbook \(.xls\); .*save it as .xlsx"),
        (archive("a.csv", "b.csv"), r"a zip archive of 2 files \(a.csv, b.csv\); expected one table: unpack it"),
        (archive(), "an empty zip archive"),
        (archive("table.csv")[:-30], "cannot be read as a table|not a zip file"),
        (b"PAR1\x15\x04" + bytes(20) + b"PAR1", "a Parquet file that cannot be read"),
        (gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0), "a gzip file within a gzip file"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "a pointer of Git LFS",
        ),
        (b"$RXN\n\n\n\n  1  1\n", "a file of reactions"),
        (b"", "is empty; expected a table"),
        (bytes(5000), "only zero bytes"),
        (b'[{"smiles": "CCO", "y": 1}]', "JSON; .*write the table as CSV"),
        (b'{"smiles": ["CCO"]}', "JSON"),
        (b'\xef\xbb\xbf {\n "smiles": ["CCO"]}', "JSON"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", r"a web page \(HTML\); .*download the file itself"),
        (b"<?xml version='1.0'?><Workbook/>", "an XML file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(8), "an HDF5 file"),
        (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", "a PDF"),
    ],
    ids=lambda value: None if isinstance(value, str) else "content",  # compressed content has the time in it
)
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_other_formats_are_named(tmp_path, content, message, name):
    path = tmp_path / name
    path.write_bytes(content)
    for read in (read_table, lambda path: read_molecules(path, None), lambda path: list(stream_smiles(path, None))):
        with pytest.raises(DataError, match=message) as raised:
            read(path)
        assert "\n" not in str(raised.value)


def zstd(data):
    return pytest.importorskip("pyarrow").compress(data, codec="zstd", asbytes=True)


PACKED = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd}


@pytest.mark.parametrize("packing", PACKED)
def test_compression_is_known_by_its_content(tmp_path, packing):
    (tmp_path / "t.csv").write_bytes(PACKED[packing](TEXT))
    (tmp_path / "plain.csv.gz").write_bytes(TEXT)
    assert labels_of(tmp_path / "t.csv") == labels_of(tmp_path / "plain.csv.gz") == [-0.77, 3.5, 2]
    (tmp_path / "t.csv").write_bytes(PACKED[packing](TEXT)[:-12])
    with pytest.raises(DataError, match="cannot be read as a table"):
        read_table(tmp_path / "t.csv")


def test_a_zip_archive_of_one_table(tmp_path):
    (tmp_path / "t.csv").write_bytes(archive("folder/table.csv", "__MACOSX/folder/._table.csv", "folder/.DS_Store"))
    assert labels_of(tmp_path / "t.csv") == [-0.77, 3.5, 2]


def test_zstd_without_a_library_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_bytes(zstd(TEXT))
    for name in ("compression", "compression.zstd", "pyarrow"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DataError, match=r"a zstd file, which needs .*pip install 'jaxmrl\[parquet\]'"):
        read_table(tmp_path / "t.csv")


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "t.csv")
    with pytest.raises(DataError, match="is a pipe; expected a file"):
        read_table(tmp_path / "t.csv")


def test_blanks_between_columns(tmp_path):
    (tmp_path / "t.smi").write_text("smiles logS\nCCO  -0.77\n\nCCN 1.5\n")
    table = read_table(tmp_path / "t.smi")
    assert (table.smiles, table.labels[:, 0].tolist()) == (["CCO", "CCN"], [-0.77, 1.5])
    assert table.lines.tolist() == [2, 4]


def test_rows_that_are_none_like_the_header_say_so(tmp_path):
    (tmp_path / "t.csv").write_text("Solubility\nstructure,logS\nCCO,-0.77\n")
    with pytest.raises(
        DataError, match=r"none like its header 'Solubility'; line 2: 2 fields, expected 1\. If the header"
    ):
        read_table(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("Solubility,2020\n,\nsmiles,logS\nCCO,-0.77\n")
    with pytest.raises(DataError, match=r"line 3 looks like the header \(smiles, logS\): remove the lines before it"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("start", ["# exported in 2020\n", "#\n# by me, in 2020\n", "sep=,\n# x\n", "\ufeff# x\n"])
def test_comments_before_the_header_are_skipped(tmp_path, start):
    (tmp_path / "t.csv").write_text(start + "smiles,logS\nCCO,-0.77\nCCC\n", encoding="utf-8")
    table = read_table(tmp_path / "t.csv")
    assert (table.smiles, table.labels.tolist()) == (["CCO"], [[-0.77]])
    assert (table.lines[0], table.rejected[0].line) == (start.count("\n") + 2, start.count("\n") + 3)
    assert any("before the header, not read" in note for note in table.notes)


@pytest.mark.parametrize("header", ["#smiles,logS", "# smiles,logS", "# logS,SMILES"])
def test_a_header_may_begin_with_a_hash(tmp_path, header):
    cells = ("CCO", "-0.77") if header.endswith("S") and "smiles" in header else ("-0.77", "CCO")
    (tmp_path / "t.csv").write_text(f"{header}\n{','.join(cells)}\n")
    table = read_table(tmp_path / "t.csv")
    assert (table.smiles, table.labels.tolist()) == (["CCO"], [[-0.77]])


def test_empty_fields_at_the_end_of_a_row_are_no_data(tmp_path):
    (tmp_path / "t.csv").write_text("smiles,logS\nCCO,-0.77,,\nCCC,1.5\nCCCC,2.5, ,x\n")
    table = read_table(tmp_path / "t.csv")
    assert table.labels[:, 0].tolist() == [-0.77, 1.5]
    assert [(row.line, row.reason) for row in table.rejected] == [(4, "4 fields, expected 2")]


def test_two_columns_of_one_name_are_remarked_on(tmp_path):
    (tmp_path / "t.csv").write_text("smiles,IC50,IC50\nCCO,1.5,1\nCCC,2.5,0\n")
    said = "several columns are called IC50: the first is used, and the second is called IC50.1 here"
    assert said in read_table(tmp_path / "t.csv", target_columns=("IC50",)).notes
    assert said not in read_table(tmp_path / "t.csv", target_columns=("IC50.1",)).notes


def test_points_are_no_decimal_points_beside_decimal_commas(tmp_path):
    rows = "C;180,5;590\nCC;1,25;1.590\nCCC;2,5;12.300\nCCCC;0,1;n.d.\n"
    (tmp_path / "t.csv").write_text("smiles;logP;IC50\n" + rows)
    table = read_table(tmp_path / "t.csv", target_columns=("IC50",))
    assert table.labels[:, 0].tolist() == [590, 1590, 12300]
    assert any("IC50: decimal commas, points between thousands" in note for note in table.notes)
    for old, new in (("12.300", "12.30"), (";590", ";0.590"), ("0,1", "0.1")):
        (tmp_path / "t.csv").write_text("smiles;logP;IC50\n" + rows.replace(old, new))
        assert read_table(tmp_path / "t.csv", target_columns=("IC50",)).labels[1, 0] == 1.59


def test_names_of_columns_have_no_invisible_characters(tmp_path):
    (tmp_path / "t.csv").write_text("\ufeffsmiles\u00a0,\u200blogS\u200b\nCCO,-0.77\nCCC\n", encoding="utf-8")
    table = read_table(tmp_path / "t.csv", target_columns=("logS",))
    assert (table.column, table.tasks) == ("smiles", ("logS",))
    assert table.rejected[0].reason == "1 field, expected 2"
