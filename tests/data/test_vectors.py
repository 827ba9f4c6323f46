"""Files of vectors of molecules: their layouts, what is left out, and files that say nothing."""

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from jaxmrl.data.vectors import read_vectors
from jaxmrl.errors import DataError

SMILES = ["CCO", "CC", "CN"]
MATRIX = np.arange(12, dtype=np.float32).reshape(3, 4) ** 2


@pytest.fixture
def npz(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "v.npz", **arrays)
        return tmp_path / "v.npz"

    return write


@pytest.fixture
def table(tmp_path):
    def write(columns):
        parquet.write_table(pyarrow.table(columns), tmp_path / "v.parquet")
        return tmp_path / "v.parquet"

    return write


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int64])
def test_a_matrix_beside_smiles(npz, kind):
    found = read_vectors(npz(smiles=np.array(SMILES), anything=MATRIX.astype(kind)), ())
    assert found.vectors.values.dtype == np.float32
    np.testing.assert_array_equal(found.vectors.values, MATRIX)
    assert found.vectors.columns is None
    assert found.side.columns == {"smiles": SMILES}
    assert found.said.endswith("v.npz: 3 vectors of 4 numbers, array anything")


def test_bytes_are_smiles_too(npz):
    assert read_vectors(npz(smiles=np.array(SMILES, "S"), x=MATRIX), ()).side.columns == {"smiles": SMILES}


def test_the_usual_name_decides_between_matrices(npz):
    np.testing.assert_array_equal(read_vectors(npz(tokens=MATRIX + 1, Embeddings=MATRIX), ()).vectors.values, MATRIX)


def test_a_column_of_lists(table):
    found = read_vectors(
        table({"smiles": SMILES, "y": [1.0, 2.0, 3.0], "e": [list(MATRIX[0]), None, list(MATRIX[2])]}), ()
    )
    np.testing.assert_array_equal(found.vectors.values[[0, 2]], MATRIX[[0, 2]])
    assert np.isnan(found.vectors.values[1]).all()
    assert found.side.columns["smiles"] == SMILES


COLUMNS = "CID,smiles,number,a,b,logp\n5,CCO,1,0.5,1,7\n9,CC,2,,2,8\n8,CN,3,1.5,,9.5\n"


def test_columns_of_numbers_without_ids_row_numbers_and_labels(tmp_path):
    (tmp_path / "v.csv").write_text(COLUMNS)
    found = read_vectors(tmp_path / "v.csv", ("logp",))
    assert found.vectors.columns == ("a", "b")
    np.testing.assert_array_equal(found.vectors.values, np.array([[0.5, 1], [np.nan, 2], [1.5, np.nan]], np.float32))
    assert found.said.endswith("2 numbers, columns a to b; left out: CID, number, logp")
    assert found.side.place(1) == "line 3"
    assert read_vectors(tmp_path / "v.csv", (), ("b", "a")).vectors.values[0].tolist() == [1, 0.5]


def test_decimal_commas(tmp_path):
    (tmp_path / "v.csv").write_text("smiles;a;b\nCCO;0,5;1,25\nCC;2,5;3,75\n")
    assert read_vectors(tmp_path / "v.csv", ()).vectors.values.tolist() == [[0.5, 1.25], [2.5, 3.75]]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"smiles": np.array(SMILES)}, r"no column of numbers that could be a vector; expected a matrix"),
        ({"smiles": np.array(SMILES), "x": MATRIX.astype(str)}, r"x is of type <U\d+ and shape \[3, 4\]; expected"),
        ({"x": MATRIX * 1j}, r"x is of type complex64"),
        ({"x": MATRIX.reshape(3, 2, 2)}, r"x is of type float32 and shape \[3, 2, 2\]"),
        ({"x": MATRIX, "y": MATRIX}, r"several matrices: x, y; call the one to use embeddings"),
        ({"smiles": np.array(SMILES[:2]), "x": MATRIX}, r"x has 3 rows, but smiles has 2"),
        (
            {"smiles": np.array(SMILES, object), "x": MATRIX},
            r"Object arrays .*; save SMILES as np.array\(smiles, dtype=str\)",
        ),
        ({"x": MATRIX[:0]}, r"has no rows"),
        ({"x": MATRIX[:, :0]}, r"has vectors of 0 numbers; expected 1 to 65,536"),
        ({}, r"columns of different lengths"),
    ],
)
def test_arrays_that_are_no_vectors(npz, arrays, message):
    with pytest.raises(DataError, match=message):
        read_vectors(npz(**arrays), ())


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"e": [[1.0, 2.0], [1.0], [1.0, 2.0]]}, r"row 1, column e: the vector has 1 number, and that of row 0 has 2"),
        ({"e": [["a"], ["b"], ["c"]]}, r"column e: expected lists of numbers; got list<"),
        ({"e": [[1.0]], "f": [[1.0]]}, r"several columns of lists: e, f; call the one"),
        ({"smiles": SMILES}, r"no column of numbers"),
    ],
)
def test_columns_that_are_no_vectors(table, columns, message):
    with pytest.raises(DataError, match=message):
        read_vectors(table(columns), ())


@pytest.mark.parametrize("name", ["v.npz", "v.parquet", "v.csv"])
@pytest.mark.parametrize("content", [None, b"", b"junk\x00\xff"])
def test_broken_files(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        read_vectors(tmp_path / name, ())


def test_columns_that_the_run_has_and_the_file_lacks(tmp_path):
    (tmp_path / "v.csv").write_text(COLUMNS)
    with pytest.raises(
        DataError, match=r"no column of numbers 'c', which the vectors of the run have; expected the 2 col"
    ):
        read_vectors(tmp_path / "v.csv", (), ("a", "c"))
