"""Which columns have the molecules and the labels, where nobody says so."""

import csv
from pathlib import Path

import pytest

from jaxmrl.data.table import read_molecules, read_table, stream_smiles
from jaxmrl.errors import DataError

INPUTS = Path(__file__).parent / "inputs"
CARBONS = ["C" * (k + 1) for k in range(30)]
INCHI = "InChI=1S/CH4/h1H4"


def table_of(tmp_path, columns, **settings):
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
    return read_table(path, **settings)


def with_target(**columns):
    return {"smiles": CARBONS, "y": [k / 7 for k in range(30)], **columns}


def test_an_index_is_no_target():
    table = read_table(INPUTS / "index_column.csv")
    assert table.tasks == ("logS",)
    assert any("not taken as targets: (a column without a name)" in note for note in table.notes)


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("Unnamed: 0", range(30), "a column without a name"),
        ("num", range(1, 31), "ids, by its name"),
        ("compound_id", [7 * k % 90 for k in range(30)], "ids, by its name"),
        ("CompoundID", [1 + k // 2 for k in range(30)], "ids, by its name"),
        ("CAS", [50_000 + k % 9 for k in range(30)], "ids, by its name"),
        ("registry", [10_000 + 7 * k for k in range(30)], "whole numbers, all different"),
        ("date", [43_906 + k % 5 for k in range(30)], "dates"),
        ("Document Year", [2003 + k % 9 for k in range(30)], "dates"),
        ("published", [2003 + k % 9 for k in range(30)], "dates"),
        ("registered", [20200101 + k % 28 for k in range(30)], "dates"),
        ("temperature", [25] * 30, "one value only"),
        ("fold", [k % 5 for k in range(30)], "a split, by its name"),
        ("split", [k % 2 for k in range(30)], "a split, by its name"),
        ("is_train", [k % 5 > 0 for k in range(30)], "a split, by its name"),
        ("test", [int(k % 5 == 0) for k in range(30)], "a split, by its name"),
        ("ESOL predicted", [k / 8 for k in range(30)], "predictions, by its name"),
        ("notes", [""] * 30, "empty"),
    ],
)
def test_columns_that_are_no_targets(tmp_path, name, values, why):
    columns = with_target(**{name: list(values)})
    table = table_of(tmp_path, columns)
    assert table.tasks == ("y",)
    assert any(f"not taken as targets: {name} ({why})" in n for n in table.notes)
    if why != "empty" and name != "is_train":
        assert table_of(tmp_path, columns, target_columns=(name,), task="regression").tasks == (name,)
    del columns["y"]
    with pytest.raises(DataError, match=r"has no column to predict: not taken are .*; name one with --target-columns"):
        table_of(tmp_path, columns)


def test_names_that_only_look_like_ids_stay_targets(tmp_path):
    columns = {"smiles": CARBONS, "NR-AR": [k % 2 for k in range(30)], "ID-1": [k // 2 % 2 for k in range(30)]}
    assert table_of(tmp_path, columns).tasks == ("NR-AR", "ID-1")


@pytest.mark.parametrize("name", ["split", "Set", "fold", "data_split"])
def test_a_column_of_the_split_is_said_to_be_unused(tmp_path, name):
    parts = ["train", "valid", "test"] * 10
    for settings in ({}, {"target_columns": ("y",)}):
        table = table_of(tmp_path, with_target(**{name: parts}), **settings)
        rename = "" if name == "split" else "call it split and "
        said = f"column {name} (test, train, valid) splits the data only on request: {rename}give --split-file "
        said += str(tmp_path / "t.csv")
        assert said in table.notes
        assert table.tasks == ("y",)


def test_targets_of_different_scale_are_asked_about(tmp_path):
    different = {
        "MW": [100 + 17.5 * k for k in range(30)],
        "rings": [k % 4 for k in range(30)],
        "active": [k % 2 for k in range(30)],
        "bad": ["Yes", "No"] * 15,
        "bp": [150 + k / 3 for k in range(30)],
    }
    for name, values in different.items():
        with pytest.raises(
            DataError, match=rf"several columns to predict, of different scale: y \(0 to 4.1.*\), {name}"
        ):
            table_of(tmp_path, with_target(**{name: values}))
    both = with_target(z=[3 + k / 4 for k in range(30)])
    assert table_of(tmp_path, both).tasks == ("y", "z")
    panel = {"smiles": CARBONS, "a": [k % 2 for k in range(30)], "b": [1 - k % 2 for k in range(30)]}
    assert table_of(tmp_path, panel).tasks == ("a", "b")


def test_the_column_called_smiles_is_taken():
    table = read_table(INPUTS / "two_structure_columns.csv")
    assert (len(table), table.smiles[1]) == (60, "Cc1occc1C(=O)Nc2ccccc2")
    assert "molecules: column smiles; not used: canonical_smiles" in table.notes


def test_a_column_of_names_is_no_column_of_molecules(tmp_path):
    table = read_table(INPUTS / "mol_is_a_name.csv")
    assert table.column == "SMILES"
    assert "molecules: column SMILES; not used: Mol" in table.notes
    columns = with_target(Mol=[f"M-{k}" for k in range(30)])
    columns["Canonical SMILES"] = columns.pop("smiles")
    assert table_of(tmp_path, columns).column == "Canonical SMILES"
    columns["smiles"] = [f"M-{k}" for k in range(30)]
    assert table_of(tmp_path, columns).column == "Canonical SMILES"


def test_the_column_is_named_where_its_molecules_cannot_be_read(refused):
    words = ("--csv", INPUTS / "mol_is_a_name.csv", "--smiles-column", "Mol")
    said = refused("sweep", *words)
    assert "none of the 60 rows can be used; column Mol, line 2: not a valid SMILES" in said


MOL = "\n  RDKit\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n    0.0000    0.0000    0.0000 C   0  0\nM  END\n"


@pytest.mark.parametrize(("text", "kind"), [(INCHI, "InChI"), (MOL, "mol blocks"), (MOL.lstrip(), "mol blocks")])
def test_other_notations_become_smiles(tmp_path, text, kind):
    for name in ("smiles", "structure", "InChI"):
        columns = {name: [text, text, text.replace("C ", "Qx").replace("1S/CH4", "1S/Xx4")], "y": [1.5, 2.5, 3.5]}
        table = table_of(tmp_path, columns)
        assert f"molecules: column {name} has {kind}, converted to SMILES" in table.notes
        assert (table.smiles, table.labels.tolist()) == (["C", "C"], [[1.5], [2.5]])
        assert len(table.rejected) == 1
        assert [row[1] for row in stream_smiles(tmp_path / "t.csv", None) if isinstance(row, tuple)] == ["C", "C"]


def test_smiles_are_preferred_to_inchi(tmp_path):
    assert table_of(tmp_path, {"InChI": [INCHI] * 3, "smi": ["CC"] * 3, "y": [1.5, 2.5, 3.5]}).smiles == ["CC"] * 3


def test_inchikeys_are_refused(tmp_path):
    for name in ("smiles", "structure", "InChIKey"):
        columns = {name: ["LFQSCWFLJHTTHZ-UHFFFAOYSA-N"] * 3, "y": [1.5, 2.5, 3.5]}
        with pytest.raises(DataError, match=rf"column {name}, line 2: '.*' is an InChIKey, a hash that has no"):
            table_of(tmp_path, columns)


def test_a_column_that_looks_like_smiles_is_suggested(tmp_path):
    (tmp_path / "t.csv").write_text("drug,y\nc1ccccc1O,1\nCCOCC,2\n")
    with pytest.raises(
        DataError, match="no column named smiles; name it with --smiles-column: drug, y; drug looks like"
    ):
        read_molecules(tmp_path / "t.csv", None)


def test_several_targets_by_a_command(refused):
    said = refused("sweep", "--csv", INPUTS / "one_nd_cell.csv")
    assert "several columns to predict, of different scale: MW (143.8 to 486.9), pIC50" in said
    assert "name those that you want with --target-columns" in said


def test_a_column_that_looks_like_smiles_is_named(tmp_path):
    columns = {"mol": [f"cpd-{k}" for k in range(30)], "ligand": [f"{one}O" for one in CARBONS], "y": range(30)}
    table = table_of(tmp_path, columns, target_columns=("y",))
    assert "column ligand looks like SMILES; --smiles-column takes it" in table.notes


def test_smiles_comes_before_other_spellings_of_its_name(tmp_path):
    columns = {"SMILES": ["O"] * 30, "smiles": CARBONS, "y": [k / 7 for k in range(30)]}
    assert table_of(tmp_path, columns).smiles == CARBONS


@pytest.mark.parametrize("name", ["активность", "活性", "Löslichkeit", "η"])
def test_names_in_other_letters_are_no_ids(tmp_path, name):
    for values in ([k % 2 for k in range(30)], [k % 7 for k in range(30)]):
        assert table_of(tmp_path, {"smiles": CARBONS, name: values}).tasks == (name,)
