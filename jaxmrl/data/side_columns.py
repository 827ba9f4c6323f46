"""Columns of a table beside molecules and labels: the group and the date of each row."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

import numpy as np

from jaxmrl.data.dates import read_dates
from jaxmrl.io.cells import is_missing
from jaxmrl.io.records import Records, column_index
from jaxmrl.text import count


@dataclass(frozen=True)
class SideColumnNames:
    """The columns of a table that have the group and the date of a row; None for none."""

    group: str | None = None
    date: str | None = None

    def places(self, path: Path, header: list[str]) -> frozenset[int]:
        """Return where these columns are in the header. Raise DataError for one that is not there."""
        return frozenset(column_index(path, header, name) for name in (self.group, self.date) if name)


@dataclass(frozen=True)
class SideColumns:
    """The group and date of `N` rows; None where there is no such column.

    Attributes:
        groups: The text of each row, [N] object; empty where the cell is.
        dates: The date of each row, [N] datetime64[s]; NaT where the cell is empty.
    """

    groups: np.ndarray | None = None
    dates: np.ndarray | None = None

    def take(self, keep: np.ndarray) -> Self:
        """Return those of the rows where `keep` [N]."""
        arrays = {one.name: getattr(self, one.name) for one in fields(self)}
        return replace(self, **{name: None if array is None else array[keep] for name, array in arrays.items()})

    def merged(self, groups: list[np.ndarray]) -> Self:
        """Return these columns, with the merged values of each molecule in its first row.

        A merged molecule has its earliest date and the group of its first row.

        Args:
            groups: The rows of each molecule, in order.
        """
        if self.dates is None:
            return self
        dates = self.dates.copy()
        for rows in groups:
            dates[rows[0]] = np.fmin.reduce(dates[rows])  # ignores NaT
        return replace(self, dates=dates)


def read_side_columns(path: Path, records: Records, names: SideColumnNames) -> tuple[SideColumns, list[str]]:
    """Return the side columns of a table, and remarks on them.

    Raises DataError for a column that is not there, and for a cell that is not a date.
    """
    texts = {
        name: [fields[column_index(path, records.header, name)] for *_, fields in records.rows]
        for name in (names.group, names.date)
        if name
    }
    groups, dates, remarks = None, None, []
    if names.group:
        groups = np.array(["" if is_missing(text) else " ".join(text.split()) for text in texts[names.group]], object)
        without = int((groups == "").sum())
        said = f"{count(len(set(groups.tolist()) - {''}), 'group')} in column {names.group}"
        remarks.append(said + (f"; {count(without, 'row')} without a group, each its own group" if without else ""))
    if names.date:
        lines = [line for _, line, _ in records.rows]
        dates, form = read_dates(path, names.date, texts[names.date], lines)
        known = dates[~np.isnat(dates)]
        remarks.append(f"dates in column {names.date} ({form}): {_day(known.min())} to {_day(known.max())}")
    return SideColumns(groups, dates), remarks


def _day(date: np.datetime64) -> str:
    return str(date.astype("datetime64[D]"))
