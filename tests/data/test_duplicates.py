"""Molecules with several rows."""

from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.data.duplicates import duplicates_text, find_duplicates, merge_duplicates
from jaxmrl.data.merging import weighted_median
from jaxmrl.data.parsing import prepare
from jaxmrl.data.side_columns import SideColumns
from jaxmrl.data.table import Table
from jaxmrl.errors import DataError

NAN = float("nan")


@pytest.fixture
def merged(cache):
    def merged(how, smiles, labels, task="regression"):
        return merge_duplicates(prepare(table_of(smiles, labels, task)), how)

    return merged


def table_of(smiles, labels, task="regression"):
    rows = np.arange(len(smiles))
    labels = np.array(labels, np.float64)
    tasks = tuple("ab"[: labels.shape[1]])
    return Table(10 * rows, rows + 2, list(smiles), labels, tasks, task, 10 * len(smiles))


def test_the_first_row_stays_and_gaps_are_filled(merged):
    found = merged("mean", ["CCO", "CC", "OCC", "C(O)C"], [[1, NAN], [5, 6], [NAN, 3], [2, NAN]])
    table = found.prepared.table
    assert (table.smiles, table.ids.tolist(), table.lines.tolist()) == (["CCO", "CC"], [0, 10], [2, 3])
    assert table.labels.tolist() == [[1.5, 3], [5, 6]]
    assert (found.merged, found.removed, table.rejected) == (2, {}, ())
    assert found.prepared.graphs.size.tolist() == [3, 2]


@pytest.mark.parametrize(("how", "label"), [("mean", 4), ("median", 2), ("first", 1)])
def test_equal_rows_count_once(merged, how, label):
    found = merged(how, ["C", "C", "C", "C", "CC"], [[1], [1], [2], [9], [0]])
    assert found.prepared.table.labels[0, 0] == label


def test_first_rejects_rows_with_another_label(merged):
    found = merged("first", ["C", "C", "C", "C", "CC"], [[1, NAN], [1, NAN], [2, NAN], [NAN, 7], [0, 0]])
    assert found.prepared.table.labels.tolist() == [[1, 7], [0, 0]]
    assert found.merged == 2
    (row,) = found.prepared.table.rejected
    assert (row.line, row.reason) == (4, "another label of a molecule that came before: 'line 2'")


def test_drop_keeps_what_agrees(merged):
    found = merged("drop", ["C", "C", "CC", "CC", "CCC"], [[1, 2], [1, 3], [4, NAN], [5, NAN], [0, 0]])
    np.testing.assert_array_equal(found.prepared.table.labels, [[1, NAN], [0, 0]])
    assert found.removed == {"b": 1}
    assert found.merged == 1
    assert {row.reason for row in found.prepared.table.rejected} == {
        "labels that disagree of the same molecule in a: '4 in line 4, 5 in line 5'"
    }


@pytest.mark.parametrize("how", ["mean", "median", "drop"])
def test_classes_are_never_averaged(merged, how):
    labels = [[0, 1], [1, 1], [1, NAN], [1, 0]]
    found = merged(how, ["C", "C", "CC", "CC"], labels, "classification")
    np.testing.assert_array_equal(found.prepared.table.labels, [[NAN, 1], [1, 0]])
    assert (found.merged, found.removed) == (2, {"a": 1})


def test_a_molecule_of_many_rows_names_three_lines(merged):
    found = merged("drop", ["C"] * 5 + ["CC"], [[k] for k in range(6)])
    assert found.prepared.table.rejected[0].reason.endswith("in a: '0 in line 2, 1 in line 3, 2 in line 4, ...'")


@pytest.mark.parametrize(
    ("how", "expected", "weights"),
    [
        ("mean", [[(1 + 3 * 5) / 4, 8], [6, NAN]], [(4 + 3) / 2, 2]),
        ("median", [[5, 8], [6, NAN]], [(4 + 3) / 2, 2]),
        ("first", [[1, 8], [6, NAN]], [5 / 3, 2]),
        ("drop", [[NAN, 8], [6, NAN]], [5 / 3, 2]),
    ],
)
def test_weights_decide_means_and_medians_and_add_up(cache, how, expected, weights):
    table = table_of(["C", "C", "C", "CC"], [[1, NAN], [5, 8], [1, NAN], [6, NAN]])
    table = replace(table, side=SideColumns(weights=np.array([1.0, 3, 1, 2])))
    found = merge_duplicates(prepare(table), how).prepared.table
    np.testing.assert_allclose(found.labels, expected)
    np.testing.assert_allclose(found.side.weights, weights)


def test_rows_with_equal_labels_and_other_weights_are_two_measurements(cache):
    table = table_of(["C", "C", "C", "CC"], [[1], [1], [4], [0]])
    table = replace(table, side=SideColumns(weights=np.array([1.0, 2, 3, 1])))
    found = merge_duplicates(prepare(table), "mean").prepared.table
    assert (found.labels[:, 0].tolist(), found.side.weights.tolist()) == ([2.5, 0], [6, 1])


def test_weighted_medians_by_hand():
    assert weighted_median(np.array([9.0, 1, 2]), np.array([1.0, 1, 1])) == 2
    assert weighted_median(np.array([9.0, 1, 2, 4]), np.ones(4)) == 3
    assert weighted_median(np.array([1.0, 2, 9]), np.array([0.1, 0.2, 0.3])) == 5.5, "sums of weights are rounded"
    assert weighted_median(np.array([1.0, 2, 9]), np.array([5.0, 2, 2])) == 1


def test_nothing_left_is_an_error(merged):
    with pytest.raises(DataError, match="none of the 2 rows can be used; line 2: labels that disagree"):
        merged("drop", ["C", "C"], [[1], [2]])


def test_what_is_said(cache):
    table = table_of(["C", "C", "CC", "CC", "CCC"], [[1, 2], [1, 3], [4, NAN], [9, NAN], [0, 0]])
    found = find_duplicates(prepare(table).canonical, table)
    assert (found.molecules, found.rows, found.disagreeing) == (2, 4, 2)
    said = duplicates_text(found, table, None)
    assert (
        "labels that disagree in 2 of them (a: median difference 5, maximum 5, 1 molecule; b: median difference 1"
        in said
    )
    assert duplicates_text(find_duplicates(np.arange(5), table), table, None) is None
