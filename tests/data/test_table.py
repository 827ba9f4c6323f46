import gzip

import numpy as np
import pytest

from jaxmrl.data.side_columns import SideColumnNames
from jaxmrl.data.table import read_molecules, read_table, without_unlabeled
from jaxmrl.errors import DataError
from jaxmrl.io.records import rejected_text


@pytest.fixture
def file(tmp_path):
    def write(content, name="table.csv"):
        path = tmp_path / name
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


def test_reads_what_is_there(file):
    table = read_table(file("id,smiles,a,b\nx,CC,1,0\ny,CCC,,1\n"), target_columns=("a", "b"))
    assert table.smiles == ["CC", "CCC"]
    assert table.tasks == ("a", "b")
    assert table.task == "classification"
    np.testing.assert_array_equal(table.ids, [0, 1])
    np.testing.assert_array_equal(table.lines, [2, 3])
    np.testing.assert_array_equal(table.labels, [[1, 0], [np.nan, 1]])


def test_gzip_and_byte_order_mark(file):
    content = b"\xef\xbb\xbfSMILES,y\nCC,1.5\n"
    for name in ("t.csv", "t.csv.gz"):
        table = read_table(file(content, name))
        assert (table.smiles, table.task) == (["CC"], "regression")


def test_default_targets_are_the_numeric_columns_and_are_named(file):
    table = read_table(file("name,smiles,y,z,empty\nab,CC,1.5,2,\ncd,CC,,3,\n"))
    assert table.tasks == ("y", "z")
    assert any("y, z" in note for note in table.notes)
    assert any("regression" in note for note in table.notes)


def test_repeated_columns_get_numbers(file):
    assert read_table(file("smiles,y,y\nCC,1.5,2\n")).tasks == ("y", "y.1")


@pytest.mark.parametrize("text", ["", "nan", "NA", "None", " "])
def test_missing_labels(file, text):
    table = read_table(file(f"smiles,y\nCC,{text}\nCC,2.5\n"), target_columns=("y",))
    assert np.isnan(table.labels[0, 0])
    assert not table.rejected


def test_unusable_rows_are_kept_apart_with_line_text_and_reason(file):
    table = read_table(
        file('smiles,y\nCC,1\nCC,much\nCC\n"C\nC",3\nCC,inf\nCC,4\n'), task="regression", target_columns=("y",)
    )
    assert table.smiles == ["CC", "C\nC", "CC"]
    assert [(r.line, r.text) for r in table.rejected] == [(3, "CC,much"), (4, "CC"), (7, "CC,inf")]
    reasons = " ".join(r.reason for r in table.rejected)
    assert "1 field, expected 2" in reasons
    assert "no label: y 'much' is not a number" in reasons
    assert rejected_text(table.rejected).splitlines()[0] == "line,text,reason"
    np.testing.assert_array_equal(table.ids, [0, 3, 5])


def test_a_third_class_is_refused(file):
    with pytest.raises(DataError, match="column y has the classes 0, 1, 2; two are supported"):
        read_table(file("smiles,y\nCC,1\nCCC,2\nCCCC,0\n"), task="classification")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty"),
        ("smiles,y\n", "no rows"),
        ("a,b\n1,2\n", "no column named smiles.*a, b"),
        ("smiles,name\nCC,x\n", r"no numeric column to predict; its columns begin with smiles \('CC'\), name \('x'\)"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "is an image; expected a table"),
        (b"\x01\x02\x00\xff", "not a text file"),
        (b"smiles,y\nCC,1\x00\n", "no numeric column"),
    ],
)
def test_what_is_no_table_is_said_so(file, content, message):
    with pytest.raises(DataError, match=message):
        read_table(file(content))


def test_missing_column_names_those_present(file):
    with pytest.raises(DataError, match=r"no column 'z'.*smiles, y"):
        read_table(file("smiles,y\nCC,1\n"), target_columns=("z",))


def test_missing_file_and_bad_gzip(tmp_path, file):
    with pytest.raises(DataError, match="No such file"):
        read_table(tmp_path / "nothing.csv")
    damaged = bytearray(gzip.compress(b"smiles,y\nCC,1\n"))
    damaged[12] ^= 255
    (tmp_path / "bad.csv.gz").write_bytes(damaged)
    with pytest.raises(DataError, match="cannot be read as a table"):
        read_table(tmp_path / "bad.csv.gz")
    whole = gzip.compress(b"smiles,y\n" + b"CC,1\n" * 1000)
    (tmp_path / "torn.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot be read as a table"):
        read_table(tmp_path / "torn.csv.gz")


def test_molecules_alone(file):
    table = read_molecules(file("mol,y,z\n CC ,much,\nCCC,1,2,3\n\n,,\n", "t.csv.gz"), None)
    assert (table.smiles, table.ids.tolist(), table.lines.tolist(), table.rows) == (["CC", ""], [0, 2], [2, 5], 3)
    assert (table.tasks, table.labels.shape) == ((), (2, 0))
    assert rejected_text(table.rejected) == 'line,text,reason\n3,"CCC,1,2,3","4 fields, expected 3"\n'
    assert len(without_unlabeled(table)[0]) == 2, "there is nothing to lack"
    with pytest.raises(DataError, match="no column 'smiles'; its columns are mol"):
        read_molecules(file("mol\nCC\n"), "smiles")


def test_a_label_beyond_float32_is_no_number(file):
    largest = float(np.finfo(np.float32).max)
    table = read_table(file(f"smiles,a\nC,{largest!r}\nCC,{-largest!r}\nCCC,3.5e38\n"), target_columns=("a",))
    np.testing.assert_array_equal(table.labels[:, 0], [largest, -largest])
    assert [row.reason for row in table.rejected] == ["no label: a '3.5e38' is not a number"]


def test_weights_of_rows(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('smiles,y,w\nCC,1.5,"0,5"\nCCC,2.5,"1,5"\nCCO,3.5,\nCCN,4.5,0\n')
    table = read_table(path, target_columns=("y",), side=SideColumnNames(weight="w"))
    assert table.loss_weights.tolist() == [0.5, 1.5]
    assert [(row.line, row.reason) for row in table.rejected] == [(4, "no weight in w"), (5, "weight 0 in w")]
    assert "weights in column w: 0.5 to 1.5" in table.notes
    assert table.side.merged([np.array([0, 1])]).weights.tolist() == [1.0, 1.5]
    for cell in ("-1", "high", ">3"):
        path.write_text(f"smiles,y,w\nCC,1.5,1\nCCC,2.5,{cell}\n")
        with pytest.raises(DataError, match=f"line 3, column w: expected a weight of 0 or more; got '{cell}'"):
            read_table(path, target_columns=("y",), side=SideColumnNames(weight="w"))
