"""Files about the molecules of a table, matched by molecule."""

import csv

import numpy as np
import pytest

from jaxmrl.chem.parents import canonical_hashes, find_parents
from jaxmrl.data.matching import Data, match
from jaxmrl.data.parts import read_parts
from jaxmrl.data.side_files import read_numbers, read_side_file
from jaxmrl.data.table import Table
from jaxmrl.errors import DataError

SMILES = ["CCO", "c1ccccc1", "CC", "CN", "CCl"]
IDS = [0, 1, 3, 4, 5]


@pytest.fixture
def write(tmp_path):
    def write(*rows):
        with (tmp_path / "side.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        return tmp_path / "side.csv"

    return write


def data_of(smiles=SMILES, ids=IDS, **more):
    ids = np.array(ids)
    table = Table(ids, ids + 2, list(smiles), np.zeros((len(ids), 1)), ("y",), "regression", int(ids.max()) + 1)
    return Data(table, canonical_hashes(list(smiles))[0], **more)


def places(path, data=None, **options):
    data = data or data_of()
    return match(read_side_file(path), data, np.arange(len(data.table)), **options)


def test_smiles_decide_in_any_spelling_and_order(write, cache):
    path = write(["name", "SMILES"], ["e", "ClC"], ["d", "NC"], ["x", "rubbish"], ["y", "CBr"], ["c", "CC"], *BOTH)
    found = places(path)
    assert found.rows.tolist() == [6, 5, 4, 1, 0]
    assert "matched by SMILES; 1 row about molecules that the data lacks; 1 row with SMILES that" in found.how


BOTH = ["b", "C1=CC=CC=C1"], ["a", "OCC"]


def test_copies_of_a_molecule_share_a_row(write, cache):
    data = data_of(["CCO", "CC", "OCC"], [0, 1, 2])
    assert places(write(["smiles", "x"], ["C(O)C", 1], ["CC", 2]), data).rows.tolist() == [0, 1, 0]


@pytest.mark.parametrize("again", ["valid", "test"])
def test_a_molecule_twice_must_not_contradict_itself(write, cache, again):
    rows = [["CCO", "valid"], ["c1ccccc1", "test"], ["CC", "train"], ["CN", "train"], ["CCl", "train"], ["OCC", again]]
    path = write(["smiles", "split"], *rows)
    if again == "valid":
        assert read_parts(path, data_of())[0] == ["valid", "test", "train", "train", "train"]
    else:
        with pytest.raises(DataError, match=r"line 7: OCC has split test, but valid in line 2"):
            read_parts(path, data_of())


def test_molecule_id_beside_smiles_is_checked(write, cache):
    rows = [[one, text] for one, text in zip(IDS, SMILES, strict=True)]
    found = places(write(["molecule_id", "smiles"], *reversed(rows)))
    assert found.rows.tolist() == [4, 3, 2, 1, 0]
    assert "matched by SMILES and molecule_id" in found.how
    rows[2][1] = "CF"
    with pytest.raises(DataError, match=r"line 4: molecule_id 3 has SMILES CF, but in the data it is CC\."):
        places(write(["molecule_id", "smiles"], *rows))


def test_copies_of_a_molecule_may_differ_where_molecule_id_says_which(write, cache):
    data = data_of(["CCO", "CC", "OCC"], [0, 1, 2])
    path = write(["molecule_id", "smiles", "score"], [2, "CCO", 7], [1, "CC", 8], [0, "CCO", 9])
    assert places(path, data, by_id=True).rows.tolist() == [2, 1, 0]
    assert places(path, data, by_id=True).take("score", [7, 8, 9]) == [9, 8, 7]


def test_ids_of_another_kind_beside_smiles_are_no_ids(write, cache):
    path = write(["molecule_id", "smiles"], *([f"CHEMBL{k}", text] for k, text in enumerate(SMILES)))
    assert places(path).how.endswith("matched by SMILES")


@pytest.mark.parametrize("spelled", ["{}", "{}.0", " {} "])
def test_molecule_id_alone(write, spelled):
    found = places(write(["Molecule_ID"], *([spelled.format(one)] for one in reversed(IDS))))
    assert found.rows.tolist() == [4, 3, 2, 1, 0]
    assert "matched by molecule_id; it has no SMILES to check this with" in found.how


def test_order_alone(write):
    found = places(write(["split"], *(["train"] for _ in range(6))))
    assert found.rows.tolist() == IDS
    assert "matched by row order" in found.how


def test_smiles_that_are_names_decide_nothing(write, cache):
    found = places(write(["mol", "molecule_id"], *([f"compound {k}", one] for k, one in enumerate(IDS))))
    assert "matched by molecule_id" in found.how


def test_digests_check_molecules_without_smiles(write):
    data = Data(Table(*(np.arange(2), np.arange(2), ["", ""], np.zeros((2, 1)), ("y",), "", 2)), np.arange(2) + 10)
    rows = [["molecule_id", "molecule_digest"], [1, f"{11:016x}"], [0, f"{10:016x}"]]
    assert places(write(*rows), data).rows.tolist() == [1, 0]
    rows[1][0], rows[2][0] = rows[2][0], rows[1][0]
    with pytest.raises(DataError, match=r"line 2: molecule_id 0 has digest 000000000000000b, but in the data it is"):
        places(write(*rows), data)


def test_parents_match_salts(write, cache):
    data = data_of(find_parents(["CN.Cl", "CC(=O)[O-].[Na+]", "CC"]).smiles, [0, 1, 2], standardize="parent")
    path = write(["smiles"], ["C[NH3+].[Br-]"], ["CC"], ["CC(=O)O"])
    assert places(path, data).rows.tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["group"], ["train"]], r"has no column 'split'; its columns are group"),
        ([["split"], *([part] for part in "train holdout test test test test".split())], r"line 3: .* got 'holdout'"),
        ([["split"], ["train"]], r"has 1 rows, the data 6, and no SMILES or molecule_id: give"),
        (
            [["molecule_id", "split"], [0, "train"]],
            r"lacks 4 of the 5 molecules, the first with molecule_id 1 c1ccccc1",
        ),
        ([["smiles", "split"], *([s, "train"] for s in SMILES[:4])], r"lacks 1 of .* first with molecule_id 5 CCl$"),
        ([["molecule_id", "split"], [0, "train"], [0, "test"]], r"has a molecule_id twice: 0, in line 2 and line 3"),
        ([["molecule_id", "split"], ["a", "train"]], r"expected a row of the data, from 0, in molecule_id; got 'a'"),
        ([["split", "x"], [0, 1], [0]], r"line 3: 1 field, expected 2"),
        (
            [["smiles", "split"], *([s, "test" if s == "CC" else "train"] for s in SMILES)],
            r"puts 4 train and 1 test molecules of the data into parts, and none into valid; expected some in each",
        ),
    ],
)
def test_files_that_do_not_say(write, cache, rows, message):
    with pytest.raises(DataError, match=message):
        read_parts(write(*rows), data_of())


def test_other_words_for_the_parts(write):
    words = ["Train", "training", "holdout", "val", "Validation", "TESTING "]  # the third of a row that is no molecule
    path = write(["Split"], *([word] for word in words))
    assert read_parts(path, data_of())[0] == ["train", "train", "valid", "valid", "test"]


def test_the_data_may_give_its_parts_itself(write, cache):
    """Its own broken rows do not matter, nor does another name of the column."""
    parts = ["trn", "tst", "dev", "train", "train"]
    rows = [["smiles", "y", "Set_1"], *([text, 1.0, part] for text, part in zip(SMILES, parts, strict=True))]
    given, how = read_parts(write(*rows, ["rubbish", 1, ""], ["CCO"]), data_of())
    assert given == ["train", "test", "valid", "train", "train"]
    assert "1 row with a wrong number of fields left out; 1 row with SMILES that cannot be read" in how


def test_numbers_as_the_file_writes_them(tmp_path):
    (tmp_path / "s.csv").write_text("molecule_id;a;b\n0;1,5;x\n1;;2\n2;-0,25;3\n", encoding="utf-8")
    side = read_side_file(tmp_path / "s.csv")
    assert read_numbers(side, "a") == pytest.approx([1.5, float("nan"), -0.25], nan_ok=True)
    with pytest.raises(DataError, match=r"line 2, column b: expected numbers; got 'x'"):
        read_numbers(side, "b")


NAMED = ["A1", "A2", "B1", "B2", "C9"]


def named_data(path):
    """Return data of a file whose third row cannot be used."""
    rows = [["Compound", "smiles"], ["A1", "CCO"], ["A2", "c1ccccc1"], ["X", "?"], ["B1", "CC"], ["B2", "CN"]]
    with (path / "data.csv").open("w", newline="") as file:
        csv.writer(file).writerows([*rows, ["C9", "CCl"]])
    return data_of(source=path / "data.csv")


@pytest.mark.parametrize("name", ["Compound", "compound", "id"])
def test_ids_that_the_data_has_decide(write, tmp_path, name):
    order = ["B2", "C9", "A1", "X", "B1", "A2"]
    found = places(write([name, "part"], *([one, k] for k, one in enumerate(order))), named_data(tmp_path))
    assert found.rows.tolist() == [order.index(one) for one in NAMED]
    assert f"matched by column {name}" in found.how


@pytest.mark.parametrize(("name", "first"), [("", 0), ("index", 0), ("Unnamed: 0", 1)])
def test_numbers_of_rows_decide(write, tmp_path, name, first):
    order = [5, 3, 1, 0, 2, 4]
    path = write([name, "part"], *([row + first, "train"] for row in order))
    found = places(path, named_data(tmp_path))
    assert found.rows.tolist() == [order.index(row) for row in IDS]
    assert f"as the row of the data from {first}" in found.how


def test_ids_of_other_molecules_are_refused(write, tmp_path):
    path = write(["compound", "part"], *([f"Z{k}", "train"] for k in range(6)))
    with pytest.raises(DataError, match="the data have a column compound, but the file lacks 'A1' there"):
        places(path, named_data(tmp_path))


def test_ranks_are_no_ids(write, tmp_path):
    data = named_data(tmp_path)
    text = data.source.read_text().splitlines()
    data.source.write_text("\n".join([f"no,{text[0]}", *(f"{k},{line}" for k, line in enumerate(text[1:]))]) + "\n")
    found = places(write(["rank"], *([5 - k] for k in range(6))), data)
    assert "matched by row order" in found.how


def data_with(path, name, values):
    """Return data of a file with another column."""
    rows = [[name, "smiles"], *zip(values, ["CCO", "c1ccccc1", "?", "CC", "CN", "CCl"], strict=True)]
    with (path / "data.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return data_of(source=path / "data.csv")


def test_whole_numbers_are_ids_by_both_names(write, tmp_path):
    data = data_with(tmp_path, "compound_id", [6, 4, 2, 1, 3, 5])
    found = places(write(["id", "part"], *([k, "train"] for k in (1, 2, 3, 4, 5, 6))), data)
    assert found.rows.tolist() == [5, 3, 0, 2, 4]


@pytest.mark.parametrize(
    ("name", "values", "own"),
    [
        ("id", [1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5]),
        ("", [0, 1, 2, 5, 7, 9], [0, 1, 2, 3, 4, 5]),
        ("y", ["1.00", "1.37", "2.50", "3.00", "4.00", "5.00"], [1.0, 1.37, 2.5, 3.0, 4.0, 5.0]),
    ],
)
def test_numbers_that_do_not_match_leave_the_order_of_the_rows(write, tmp_path, name, values, own):
    found = places(write([name, "part"], *([one, "train"] for one in own)), data_with(tmp_path, name, values))
    assert found.rows.tolist() == IDS


def test_ids_match_in_any_case_and_as_floats(write, tmp_path):
    data = data_with(tmp_path, "sid", [1012, 1014, 1015, 1016, 1017, 1019])
    found = places(write(["sid"], *([f"{one}.0"] for one in (1019, 1017, 1016, 1015, 1014, 1012))), data)
    assert found.rows.tolist() == [5, 4, 2, 1, 0]
    found = places(write(["COMPOUND"], *([one.lower()] for one in [*NAMED, "X"])), named_data(tmp_path))
    assert found.rows.tolist() == [0, 1, 2, 3, 4]
