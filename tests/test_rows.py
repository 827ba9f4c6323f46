"""Rows of results and their texts: what is written is read again, byte for byte and value for value."""

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxmrl.rows import CurveIdentity, HistoryRow, ResultRow
from tests.support.rows import IDENTITY, result_row

KEPT = Path(__file__).parents[1] / "benchmarks" / "results"
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=20)


def through_a_file(row):
    """The cells of a row, written to a CSV file and read again."""
    text = io.StringIO()
    writer = csv.DictWriter(text, row.cells(), lineterminator="\n")
    writer.writeheader()
    writer.writerow(row.cells())
    (cells,) = csv.DictReader(io.StringIO(text.getvalue(), newline=""))
    return cells


@given(NUMBERS, NUMBERS, st.floats(0, 1, exclude_min=True), st.floats(1e-9, 10), NAMES, NAMES)
def test_a_row_just_filled_is_the_row_read_from_its_file(test, of_task, fraction, rate, name, task):
    known = {"fraction": fraction, "learning_rate": rate, "dataset": name, "status": "diverged"}
    row = result_row(test, **known, tests={task: of_task, "other": None})
    cells = through_a_file(row)
    assert cells == row.cells()
    assert ResultRow.from_cells(cells) == row
    assert ResultRow.from_cells(cells).cells() == cells
    assert tuple(cells) == ResultRow.columns(tuple(row.tests))
    assert hash(ResultRow.from_cells(cells).key) == hash(row.key)


@given(NUMBERS, NUMBERS)
def test_a_validation_too(loss, valid):
    row = HistoryRow(IDENTITY, 42, 0.5, 10, 2, epoch=3, step=9, loss=loss, valid=valid)
    assert HistoryRow.from_cells(through_a_file(row)) == row


def test_numbers_have_the_digits_of_the_files():
    """Six where trainings differ in less; all of those that identify a replica."""
    row = result_row(0.123456789, fraction=0.09123451, tests={"y": math.nan})
    assert (row.test, row.tests["y"]) == (0.123457, None)
    cells = row.cells()
    assert (cells["test"], cells["test_y"], cells["fraction"], cells["learning_rate"]) == (
        "0.123457",
        "",
        "0.09123451",
        "0.001",
    )
    assert replace(row, fraction=1.0).cells()["fraction"] == "1"


def test_rows_of_a_run_that_is_kept_read_as_they_are_written():
    """It is of a version that tuned nothing and knew no extra source, and had no columns for these."""
    later = {"weight_decay": "", "positive_weight": "", "tuning": "none", "extra": "none"}
    with (KEPT / "pruning_wehi" / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [ResultRow.from_cells(cells).cells() for cells in rows] == [cells | later for cells in rows]


def test_a_file_may_lack_the_later_columns_and_no_others():
    columns = ResultRow.columns(("y",))
    assert ResultRow.later_columns() == ("weight_decay", "positive_weight", "tuning", "extra")
    earlier = tuple(name for name in columns if name not in ResultRow.later_columns())
    assert ResultRow.fits(columns, columns)
    assert ResultRow.fits(earlier, columns)
    assert ResultRow.fits(tuple(name for name in columns if name != "extra"), columns)
    assert not ResultRow.fits(earlier[1:], columns)
    assert not ResultRow.fits((*columns, "z"), columns)


def test_what_was_tuned_at_each_size_is_no_part_of_the_curve():
    once = result_row(learning_rate=0.01, weight_decay=0.1, tuning="8").curve
    each = replace(once, tuning="8 at each size")
    assert once.of_all_sizes == once
    shared = each.of_all_sizes
    assert (shared.learning_rate, shared.weight_decay, shared.width) == (None, None, 64)
    assert each.of_all_sizes.cells()["learning_rate"] == ""
    assert once.without_tuned == replace(each.of_all_sizes, tuning="8")
    assert IDENTITY.without_tuned == IDENTITY


def test_columns_follow_the_fields():
    assert CurveIdentity.columns()[:3] == ("dataset", "modality", "model")
    assert ResultRow.columns(("y",))[-5:] == ("test", "best_epoch", "epochs", "steps", "test_y")
    own = "split_seed fraction n_train seed epoch step loss valid".split()
    assert HistoryRow.columns() == (*CurveIdentity.columns(), *own)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": "6x"}, "column width: '6x' is not a whole number"),
        ({"fraction": ""}, "column fraction: '' is not a number"),
        ({"test_y": "much"}, "column test_y: 'much' is not a number"),
        ({"test": ""}, "column test: there is no number, and the status is finished"),
        ({"seed": None}, "there is no column seed"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(changes, message):
    cells = result_row(tests={"y": 0.5}).cells() | changes
    with pytest.raises(ValueError, match=message):
        ResultRow.from_cells({name: cell for name, cell in cells.items() if cell is not None})
