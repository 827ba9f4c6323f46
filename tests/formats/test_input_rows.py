import pytest

from jaxmrl.errors import DataError
from jaxmrl.formats.input_rows import read_input_rows


def test_every_row_is_there_in_order(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('id;smiles;note\n1;CC;"a;b"\n2;C\n\n3;C;x;more\n4;"C"C;y\n5;O;z\n')
    found = read_input_rows(path)
    assert found.header == ["id", "smiles", "note"]
    assert found.lines == [2, 3, 5, 6, 7]
    assert found.cells == [["1", "CC", "a;b"], ["2", "C", ""], ["3", "C", "x"], ["", "", ""], ["5", "O", "z"]]
    assert {name: column.tolist() for name, column in found.columns(("note", "id"), {"id", "input id"}).items()} == {
        "input input id": ["1", "2", "3", "", "5"],
        "note": ["a;b", "", "x", "", "z"],
    }


def test_a_column_that_is_not_there(tmp_path):
    (tmp_path / "t.csv").write_text("id,smiles\n1,CC\n")
    with pytest.raises(DataError, match="no column 'name'; its columns are id, smiles"):
        read_input_rows(tmp_path / "t.csv", ("id", "name"))
