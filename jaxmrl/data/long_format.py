"""Tables with a row for each compound and assay: the cells of one column, by assay, as a column for each."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from jaxmrl.data.column_labels import style_remarks
from jaxmrl.data.relations import with_relations
from jaxmrl.data.targets import NEARLY, Column, check_alike, read_column
from jaxmrl.errors import DataError
from jaxmrl.io.cells import CENSORED, EXACTLY, MISSING, TEXT
from jaxmrl.io.missing import is_missing
from jaxmrl.io.records import Records, column_index, column_names
from jaxmrl.text import count

_MOST_CELLS = 100_000_000
"""Rows times assays that fit into memory as labels."""


@dataclass(frozen=True)
class LongFormat:
    """Which columns of a table in long format have the assay and the value of a row."""

    assay: str
    value: str

    def columns(
        self, path: Path, records: Records, wanted: tuple[str, ...], *, concentrations: bool = False
    ) -> tuple[list[Column], list[str]]:
        """Return a column for each assay, with the values of its rows, and remarks.

        Args:
            path: The file.
            records: Its rows.
            wanted: The assays to predict; none for all that have different values.
            concentrations: As of `read_numbers`.

        Raises:
            DataError: For columns or assays that are not there, and assays of different scale that nobody named.
        """
        assay_at = column_index(path, records.header, self.assay)
        at = column_index(path, records.header, self.value)
        value = read_column(records, at, concentrations=concentrations)
        (value,), remarks = with_relations(records, [value])
        assays = np.array([" ".join(fields[assay_at].split()) for *_, fields in records.rows], object)
        names = [name for name in dict.fromkeys(assays.tolist()) if not is_missing(name)]
        if unknown := [name for name in wanted if name not in names]:
            raise DataError(f"{path} has no assay {unknown[0]!r} in column {self.assay}; it has {column_names(names)}")
        if len(assays) * len(wanted or names) > _MOST_CELLS:
            raise DataError(
                f"{path} has {len(names):,} assays in {len(assays):,} rows, too many to predict at once; name some "
                "with --target-columns"
            )
        found = [
            _of_assay(_read_alone(records, value, assays == name, concentrations=concentrations), name, assays == name)
            for name in wanted or names
        ]
        left_out = {} if wanted else {column.name: reason for column in found if (reason := _why_not(column))}
        found = [column for column in found if column.name not in left_out]
        if not found:
            raise DataError(f"{path} has no assay to predict: {_shown(left_out)}")
        if not wanted:
            check_alike(path, records, found)
        said = f"{count(len(found), 'assay')} of column {self.assay} with values of column {self.value}"
        remarks = [f"{said}: {column_names([column.name for column in found])}", *remarks, *style_remarks([value])]
        if rest := len(names) - len(found) - len(left_out):
            remarks.append(f"{count(rest, 'other assay')} not used")
        return found, remarks + ([f"assays left out: {_shown(left_out)}"] if left_out else [])


def _read_alone(records: Records, value: Column, rows: np.ndarray, *, concentrations: bool) -> Column:
    """Return the column of values, read by the cells of some rows [N] if many of them are not numbers among all.

    Each assay may have a unit behind its numbers.
    """
    own = value.numbers.kinds[rows]
    if value.words or (own == TEXT).mean() <= 1 - NEARLY:
        return value
    some = iter(rows)
    blanked = [
        (row, line, fields if next(some) else [*fields[: value.at], "", *fields[value.at + 1 :]])
        for row, line, fields in records.rows
    ]
    (read,), _ = with_relations(
        records, [read_column(replace(records, rows=blanked), value.at, concentrations=concentrations)]
    )
    return read if read.words is None and read.numbers.share >= NEARLY else value


def _of_assay(value: Column, name: str, rows: np.ndarray) -> Column:
    """Return a column that has the cells of some rows [N] and is empty in the others."""
    numbers = value.numbers
    kinds = np.where(rows, numbers.kinds, MISSING)
    values = np.where(rows, numbers.values, np.nan)
    sides = None if numbers.sides is None else np.where(rows, numbers.sides, EXACTLY)
    distinct = frozenset(np.unique(values[kinds <= CENSORED]).tolist())
    own = replace(numbers, values=values, kinds=kinds, distinct=distinct, sides=sides, minus=0, errors=0, merged=None)
    words = value.words and replace(value.words, labels=np.where(rows, value.words.labels, np.nan))
    return replace(value, name=name, numbers=own, words=words)


def _why_not(column: Column) -> str:
    """Return why an assay cannot be predicted; empty if it can."""
    if column.words:
        labels = column.words.labels
        return "" if len(np.unique(labels[~np.isnan(labels)])) > 1 else "one class only"
    if column.numbers.share < NEARLY:
        return f"{column.numbers.share:.0%} numbers"
    return "" if len(column.numbers.distinct) > 1 else "one value only"


def _shown(left_out: dict[str, str]) -> str:
    return column_names([f"{name} ({reason})" for name, reason in left_out.items()])
