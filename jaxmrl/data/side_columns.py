"""Columns of a table beside molecules and labels: the group, date, weight and assay of each row."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

import numpy as np

from jaxmrl.data.dates import read_dates
from jaxmrl.data.targets import read_column
from jaxmrl.errors import DataError
from jaxmrl.io.cells import MISSING, NUMBER
from jaxmrl.io.missing import is_missing
from jaxmrl.io.records import Records, column_index
from jaxmrl.text import count

_MARKS = frozenset("- -- --- – — ? ?? unknown n.d. n/d".split())
"""What people write for no group, in lower case; a column that has nothing else has such groups."""


@dataclass(frozen=True)
class SideColumnNames:
    """The columns of a table that have the group, date, weight and assay of a row; None for none."""

    group: str | None = None
    date: str | None = None
    weight: str | None = None
    assay: str | None = None

    def places(self, path: Path, header: list[str]) -> frozenset[int]:
        """Return where these columns are in the header. Raise DataError for one that is not there."""
        names = self.group, self.date, self.weight, self.assay
        return frozenset(column_index(path, header, name) for name in names if name)


@dataclass(frozen=True)
class SideColumns:
    """The group, date, weight and assay of `N` rows; None where there is no such column.

    Attributes:
        groups: The text of each row, [N] object; empty where the cell is.
        dates: The date of each row, [N] datetime64[s]; NaT where the cell is empty.
        weights: The weight of each row in the training loss, [N] float64 of 0 or more; NaN where the cell has none.
        assays: The assay that the labels of each row are of, [N] object; empty where the cell is.
    """

    groups: np.ndarray | None = None
    dates: np.ndarray | None = None
    weights: np.ndarray | None = None
    assays: np.ndarray | None = None

    def take(self, keep: np.ndarray) -> Self:
        """Return those of the rows where `keep` [N]."""
        arrays = {one.name: getattr(self, one.name) for one in fields(self)}
        return replace(self, **{name: None if array is None else array[keep] for name, array in arrays.items()})

    def merged(self, groups: list[np.ndarray]) -> Self:
        """Return these columns, with the merged values of each molecule in its first row.

        A merged molecule has its earliest date, the mean weight, and the group and assay of its first row. (For means
        and medians of labels, `merge_duplicates` adds the weights up.)

        Args:
            groups: The rows of each molecule, in order.
        """
        dates, weights = (None if one is None else one.copy() for one in (self.dates, self.weights))
        for rows in groups:
            if dates is not None:
                dates[rows[0]] = np.fmin.reduce(dates[rows])  # ignores NaT
            if weights is not None:
                weights[rows[0]] = weights[rows].mean()
        return replace(self, dates=dates, weights=weights)


def read_side_columns(path: Path, records: Records, names: SideColumnNames) -> tuple[SideColumns, list[str]]:
    """Return the side columns of a table, and remarks on them.

    Raises DataError for a column that is not there, for a cell that is not a date, and for weights that are negative or
    not numbers.
    """
    texts = {
        name: [fields[column_index(path, records.header, name)] for *_, fields in records.rows]
        for name in (names.group, names.date, names.weight, names.assay)
        if name
    }
    groups, dates, weights, assays = None, None, None, None
    remarks = []
    if names.group:
        groups = _names(texts[names.group])
        without = int((groups == "").sum())
        said = f"{count(len(set(groups.tolist()) - {''}), 'group')} in column {names.group}"
        remarks.append(
            said + (f"; {count(without, 'row')} without a group, each grouped by its molecule" if without else "")
        )
    if names.date:
        lines = [line for _, line, _ in records.rows]
        dates, form = read_dates(path, names.date, texts[names.date], lines)
        known = dates[~np.isnat(dates)]
        remarks.append(f"dates in column {names.date} ({form}): {_day(known.min())} to {_day(known.max())}")
    if names.weight:
        weights = _read_weights(path, records, names.weight)
        known = weights[weights > 0]
        remarks.append(f"weights in column {names.weight}: {known.min():.3g} to {known.max():.3g}")
    if names.assay:
        assays = _names(texts[names.assay])
        several = count(len(set(assays.tolist()) - {""}), "assay")
        remarks.append(f"{several} in column {names.assay}; with --value-column, each would be a task")
    return SideColumns(groups, dates, weights, assays), remarks


def _names(texts: list[str]) -> np.ndarray:
    """Return the texts of a column of names, [N] object; empty for a missing one, or a mark such as ? or unknown."""
    plain = ["" if is_missing(text) else " ".join(text.split()) for text in texts]
    marks = {text for text in plain if text.lower() in _MARKS}
    marks = marks if set(plain) - marks - {""} else set()
    return np.array(["" if text in marks else text for text in plain], object)


def _read_weights(path: Path, records: Records, name: str) -> np.ndarray:
    """Return the weight of each row [N]; NaN for an empty cell. Raises DataError if a cell is no weight."""
    at = column_index(path, records.header, name)
    numbers = read_column(records, at).numbers
    for (_, line, cells), kind, value in zip(records.rows, numbers.kinds, numbers.values, strict=True):
        if kind not in (NUMBER, MISSING) or value < 0:
            text = cells[at][:40]
            raise DataError(f"{path}, line {line}, column {name}: expected a weight of 0 or more; got {text!r}")
    if not (numbers.values > 0).any():
        raise DataError(f"{path}: column {name} has no weight above 0")
    return np.where(numbers.kinds == NUMBER, numbers.values, np.nan)


def _day(date: np.datetime64) -> str:
    return str(date.astype("datetime64[D]"))
