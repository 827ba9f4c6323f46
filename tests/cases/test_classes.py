"""Two different texts or numbers are two classes, and what became 1 is said; three are refused by name."""

from pathlib import Path

import numpy as np
import pytest

from jaxmrl.data.table import read_table
from jaxmrl.errors import DataError

INPUTS = Path(__file__).parent / "inputs"


def column(tmp_path, cells, **settings):
    path = tmp_path / "t.csv"
    path.write_text("smiles,y\n" + "".join(f"{'C' * (k + 1)},{cell}\n" for k, cell in enumerate(cells)))
    return read_table(path, **settings)


@pytest.mark.parametrize("settings", [{}, {"target_columns": ("outcome",)}, {"task": "classification"}])
def test_active_and_inactive(settings):
    table = read_table(INPUTS / "active_inactive.csv", **settings)
    assert (table.task, table.tasks, len(table)) == ("classification", ("outcome",), 120)
    assert table.labels[:3, 0].tolist() == [0, 1, 0]
    assert "outcome: Active is 1, Inactive is 0" in table.notes


@pytest.mark.parametrize(
    ("one", "zero"),
    [
        ("True", "False"),
        ("TRUE", "FALSE"),
        ("yes", "no"),
        ("Y", "N"),
        ("positive", "negative"),
        ("Pos", "Neg"),
        ("toxic", "nontoxic"),
        ("Toxic", "Non-toxic"),
        ("binder", "not binder"),
        ("+", "-"),
        ("Active", "0"),
    ],
)
def test_pairs_that_are_understood(tmp_path, one, zero):
    for settings in ({}, {"target_columns": ("y",), "task": "classification"}):
        table = column(tmp_path, [zero, one, "", one], **settings)
        assert table.task == "classification"
        np.testing.assert_array_equal(table.labels[:, 0], [0, 1, np.nan, 1])
        assert f"y: {one} is 1, {zero} is 0" in table.notes


def test_spellings_of_a_class_are_one_class(tmp_path):
    table = column(tmp_path, ["Active", "active ", "ACTIVE", "Inactive", " in-active", "ND"])
    np.testing.assert_array_equal(table.labels[:, 0], [1, 1, 1, 0, 0])
    assert "y: Active, active, ACTIVE is 1, Inactive, in-active is 0" in table.notes
    assert "y: 1 cell is not a class, 'ND' in line 7; treated as missing" in table.notes


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["high", "low", "High"], "has the classes high, low: write 1 for the one to predict, and 0 for the other"),
        (["low", "mid", "high"], "has the classes low, mid, high; two are supported: give a column of 1 and 0"),
        (["active", "inactive", "moderate"], "has the classes active, inactive, moderate; two are supported"),
        (["+", "-", "++"], r"has the classes \+, -, \+\+; two are supported"),
        (["high", "high", "high"], "has the one class high: there is nothing to learn"),
        (["", "ND", "n.d."], "is empty: it has no label"),
        (
            [f"text {k}" for k in range(30)],
            "has no numbers, but 30 different texts such as 'text 0'",
        ),
    ],
)
def test_other_texts_are_named(tmp_path, cells, message):
    for task in (None, "classification"):
        with pytest.raises(DataError, match=f"column y {message}"):
            column(tmp_path, cells, target_columns=("y",), task=task)


@pytest.mark.parametrize("word", ["maybe", "Inconclusive", "UNSPECIFIED", "unclear", "not tested"])
@pytest.mark.parametrize(("one", "zero"), [("active", "inactive"), ("1", "0")])
def test_an_open_outcome_is_no_class(tmp_path, word, one, zero):
    table = column(tmp_path, [one, zero, word, one, word, zero])
    assert (table.task, table.labels[:, 0].tolist()) == ("classification", [1, 0, 1, 0])
    (said,) = [note for note in table.notes if "treated as missing" in note]
    assert said.startswith("y: 2 cells are not ")
    assert f"such as {word!r} in line 4" in said


@pytest.mark.parametrize(
    ("word", "negation"),
    [("toxic", "non-toxic"), ("Hit", "no hit"), ("soluble", "insoluble"), ("stable", "Unstable"), ("aktiv", "inaktiv")],
)
def test_a_word_and_its_negation_are_classes(tmp_path, word, negation):
    table = column(tmp_path, [negation, word, word, negation])
    assert table.labels[:, 0].tolist() == [0, 1, 1, 0]
    assert f"y: {word} is 1, {negation} is 0" in table.notes


def test_a_sign_is_no_class(tmp_path):
    table = column(tmp_path, ["1", "0", ">1", "1"])
    assert (table.task, table.labels[:, 0].tolist()) == ("classification", [1, 0, 1])
    assert any(
        "1 label has >, < or ~" in note and "left out, because they are not classes" in note for note in table.notes
    )
    assert not any("--censored" in note for note in table.notes)


def test_words_under_regression(tmp_path):
    with pytest.raises(DataError, match="regression needs numbers: give --task classification"):
        column(tmp_path, ["yes", "no"], target_columns=("y",), task="regression")


@pytest.mark.parametrize("settings", [{}, {"task": "classification"}])
def test_minus_one_and_one(settings):
    table = read_table(INPUTS / "minus_one_one.csv", target_columns=("outcome",), **settings)
    assert (table.task, len(table)) == ("classification", 120)
    assert table.labels[:3, 0].tolist() == [0, 1, 0]
    assert "outcome: 1 is 1, -1 is 0" in table.notes


def test_one_and_two(tmp_path):
    for settings in ({}, {"task": "classification"}):
        table = column(tmp_path, ["1", "2", "2.0"], target_columns=("y",), **settings)
        assert (table.task, table.labels[:, 0].tolist()) == ("classification", [0, 1, 1])
        assert "y: 2 is 1, 1 is 0" in table.notes
    assert column(tmp_path, ["1", "2"], target_columns=("y",), task="regression").labels[:, 0].tolist() == [1, 2]
    five = column(tmp_path, ["0", "5"], target_columns=("y",), task="classification")
    assert "y: 5 is 1, 0 is 0" in five.notes


def test_minus_one_beside_zero_and_one_is_asked_about(tmp_path):
    for task in (None, "classification"):
        with pytest.raises(
            DataError, match=r"has the values -1, 0 and 1, so the meaning of -1 is unclear.*leave those cells empty"
        ):
            column(tmp_path, ["0", "1", "-1"], target_columns=("y",), task=task)
    table = column(tmp_path, ["0", "1", "-1"], target_columns=("y",), task="regression")
    assert table.labels[:, 0].tolist() == [0, 1, -1]


def test_a_panel_with_minus_one_for_missing_is_asked_about(tmp_path):
    rows = [f"{'C' * (k + 1)},{k % 2},{-(k % 2)}\n" for k in range(8)]
    (tmp_path / "t.csv").write_text("smiles,a,b\n" + "".join(rows))
    with pytest.raises(DataError, match="a, b has the values -1, 0 and 1"):
        read_table(tmp_path / "t.csv", target_columns=("a", "b"))


def test_a_panel_is_asked_about_without_naming_its_columns(tmp_path):
    rows = [f"{'C' * (k + 1)},{k % 2},{k % 3 - 1}\n" for k in range(30)]
    (tmp_path / "t.csv").write_text("smiles,a,b\n" + "".join(rows))
    with pytest.raises(DataError, match="a, b has the values -1, 0 and 1"):
        read_table(tmp_path / "t.csv")


def test_words_of_three_classes_are_named_without_naming_their_column(tmp_path):
    with pytest.raises(DataError, match=r"no numeric column to predict, and texts in y \(low, mid, high\)"):
        column(tmp_path, ["low", "mid", "high"] * 5)
    with pytest.raises(DataError, match=r"no numeric column to predict, and texts in y \('1 nM'\)"):
        column(tmp_path, [f"{k} {'nM' if k % 3 else 'uM'}" for k in range(1, 30)])


def test_three_classes():
    for columns in ((), ("toxicity_class",)):
        with pytest.raises(DataError, match="toxicity_class has the classes 0, 1, 2; two are supported: give a column"):
            read_table(INPUTS / "three_classes.csv", target_columns=columns, task="classification")
    table = read_table(INPUTS / "three_classes.csv")
    assert (table.task, table.rejected) == ("regression", ())
    assert any("regression on whole numbers of 3 values (0, 1, 2); if they are classes" in one for one in table.notes)


def test_a_command_ends_with_one_line(refused):
    words = ("--csv", INPUTS / "three_classes.csv", "--task", "classification")
    assert "toxicity_class has the classes 0, 1, 2; two are supported" in refused("sweep", *words)


@pytest.mark.parametrize("cells", [["Active", "Inactive", "-"], ["Y", "N", "–"]])
def test_a_dash_beside_words_is_a_missing_label(tmp_path, cells):
    table = column(tmp_path, cells * 3)
    assert table.labels[:, 0].tolist() == [1, 0] * 3
    assert table.rejected[0].reason == f"no label: y '{cells[-1]}' is not a class"


@pytest.mark.parametrize("minus", ["-", "−", "–"])
def test_signs_are_classes_beside_marks(tmp_path, minus):
    for settings in ({}, {"target_columns": ("y",), "task": "classification"}):
        table = column(tmp_path, ["+", minus, "NT", "+", minus, "n.d."], **settings)
        assert table.labels[:, 0].tolist() == [1, 0, 1, 0]
        assert f"y: + is 1, {minus} is 0" in table.notes
