"""CSV -> table: ids, SMILES and labels, with every row that cannot be used kept apart with its reason."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxmrl.chem.notations import MOL_BLOCK, SMILES, convert
from jaxmrl.data.bounds import Bounds, bounds_of
from jaxmrl.data.column_labels import censored_remarks, class_labels, number_labels, of_columns, task_of
from jaxmrl.data.log_scale import LogScale
from jaxmrl.data.long_format import LongFormat
from jaxmrl.data.relations import unit_remarks, with_relations
from jaxmrl.data.side_columns import SideColumnNames, SideColumns, read_side_columns
from jaxmrl.data.smiles_column import SAMPLE, StructureColumn, find_structures, only_molecules
from jaxmrl.data.targets import Column, default_targets, read_column, split_remarks
from jaxmrl.errors import DataError
from jaxmrl.formats.reading import read_records, stream_records
from jaxmrl.io.cells import CENSORED, MISSING, NUMBER, Style
from jaxmrl.io.records import Records, Rejected, check_rows, column_index, column_names

NO_LABEL = "no label"
"""Beginning of the reasons of rows that have none."""

_SHOWN = 60
"""Characters of a field that a reason repeats."""

_AT_ONCE = 20_000
"""Molecules of a stream that are converted to SMILES together."""


@dataclass(frozen=True)
class Table:
    """`N` molecules with `T` labels.

    ids [N] int64     0-based row in the source file
    lines [N] int64   line in the source file
    labels [N, T] float64, NaN for missing and for censored labels that `bounds` has
    rows              of the source file, those that cannot be used included
    column            name of the column of SMILES, where the source is a file of columns
    side              group, date and weight of each row, where columns are named for them
    bounds            censored labels, from which a one-sided loss learns; None where there are none
    asked_for         names by which --target-columns asks for the tasks: columns, or assays in long format
    class_numbers     for each task, the numbers of the source that are classes 0 and 1, or None where words are; empty
                      for numbers that are no classes
    first_extra       place of the first molecule of --extra, which come last; None where there are none
    """

    ids: np.ndarray
    lines: np.ndarray
    smiles: list[str] = field(repr=False)
    labels: np.ndarray
    tasks: tuple[str, ...]
    task: str
    rows: int
    rejected: tuple[Rejected, ...] = field(repr=False, default=())
    notes: tuple[str, ...] = ()
    column: str = ""
    side: SideColumns = field(default_factory=SideColumns, repr=False)
    bounds: Bounds | None = field(repr=False, default=None)
    asked_for: tuple[str, ...] = ()
    class_numbers: tuple[tuple[float, float] | None, ...] = ()
    first_extra: int | None = None

    def __len__(self) -> int:
        return len(self.smiles)

    def take(self, keep: np.ndarray, rejected: list[Rejected]) -> "Table":
        """Return the rows where `keep` [N]; `rejected` joins the rejected rows, in order of lines."""
        everything = tuple(sorted((*self.rejected, *rejected), key=lambda row: row.line))
        smiles = [text for text, kept in zip(self.smiles, keep, strict=True) if kept]
        arrays = {name: getattr(self, name)[keep] for name in ("ids", "lines", "labels")}
        bounds = self.bounds and self.bounds.take(keep)
        side = self.side.take(keep)
        return replace(self, **arrays, smiles=smiles, rejected=everything, side=side, bounds=bounds)

    @property
    def loss_weights(self) -> np.ndarray | None:
        """The weight of each molecule in the training loss, [N] float64; None if all count the same.

        Their mean is 1 over the molecules of the main source.
        """
        weights = self.side.weights
        return None if weights is None else weights / weights[: self.first_extra].mean()

    @property
    def labeled(self) -> np.ndarray:
        """Which molecules [N] have a label of any task, exact or censored."""
        exact = ~np.isnan(self.labels).all(axis=1)
        return exact if self.bounds is None else exact | (self.bounds.sides != 0).any(axis=1)


def read_table(
    path: Path,
    *,
    smiles_column: str | None = None,
    sheet: str | None = None,
    target_columns: tuple[str, ...] = (),
    task: str | None = None,
    censored: str = "drop",
    scale: LogScale | None = None,
    assays: LongFormat | None = None,
    side: SideColumnNames | None = None,
) -> Table:
    """Return the table in the file `path`, of any format and maybe compressed.

    Of a workbook, the sheet called `sheet`, or the one that `read_records` chooses. Without `smiles_column`, the column
    whose name and content fit best; without `target_columns`, the columns of numbers of like scale or of two classes,
    without ids, dates and splits; without `task`, classification where all targets have two classes. A cell that is no
    number is a missing label; so is, with `censored` "drop", one such as >30, whose number "bound" takes as a label,
    and "loss" as one of `Table.bounds`. With `scale`, labels are logarithms of the numbers. With `assays`, each row has
    the value of one assay, and the targets are the assays. The columns of `side` are no targets unless they are named.
    `notes` say what was chosen and what is missing. Rows with a wrong number of fields, and those whose only labels
    could not be read, are rejected.

    Raises DataError for a file that is no such table, and for target columns that are neither numbers nor two classes.
    """
    records = read_records(path, sheet)
    check_rows(path, records)
    molecules = find_structures(path, records, smiles_column)
    records = only_molecules(records, molecules)
    side = side or SideColumnNames()
    own, side_remarks = read_side_columns(path, records, side)
    taken = side.places(path, records.header) | {molecules.at}
    concentrations = scale is not None and scale.unit is not None
    columns, notes = _columns(
        path, records, molecules, target_columns, task, assays, taken, concentrations=concentrations
    )
    notes += unit_remarks(records, columns, converted=concentrations)
    notes = [*_formats(path, records, columns), *molecules.remarks, *side_remarks, *notes]
    kind = task or ("regression" if scale else task_of(path, columns))
    if kind == "classification":
        classes, remarks = class_labels(path, records, columns)
        labels = np.stack([one.labels for one in classes], axis=1)
        sides, names = np.zeros(labels.shape, np.int8), tuple(column.name for column in columns)
    else:
        classes = []
        asked = kind if scale else task
        labels, sides, names, remarks = _number_labels(path, records, columns, censored, asked, scale)
    notes += remarks
    if task is None and not scale:
        notes.append(f"task: {kind}, by the values of the labels")
    keep, unlabeled = _without_label(records, columns, labels, bounded=kind != "classification" and censored != "drop")
    rows = [row for row, kept in zip(records.rows, keep, strict=True) if kept]
    rejected = tuple(sorted((*records.rejected, *unlabeled), key=lambda row: row.line))
    bounds = bounds_of(labels[keep], sides[keep])
    labels = labels[keep] if bounds is None else np.where(bounds.sides == 0, labels[keep], np.nan)
    more = {"labels": labels, "bounds": bounds, "tasks": names, "task": kind, "notes": tuple(notes)}
    more |= {"asked_for": tuple(column.name for column in columns)}
    more |= {"class_numbers": tuple(one.numbers for one in classes)}
    table = _table(records, rows, molecules, rejected=rejected, side=own.take(keep), **more)
    return _without_unusable(table, side)


def _formats(path: Path, records: Records, columns: list[Column]) -> list[str]:
    """Return in words how the file and its numbers are written, where that is unusual."""
    of_source: dict[str, set[Style]] = {}
    numbers = [column for column in columns if not column.words]
    for column in numbers:
        of_source.setdefault(column.source, set()).add(column.numbers.style)
    styles = {
        column.source if len(of_source[column.source]) == 1 else column.name: ", ".join(column.numbers.style.remarks)
        for column in numbers
    }
    formats = [*records.remarks, *of_columns(styles)]
    return [f"{path.name}: {'; '.join(formats)}"] if formats else []


def _number_labels(
    path: Path, records: Records, columns: list[Column], censored: str, task: str | None, scale: LogScale | None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...], list[str]]:
    """Return labels [N, T] of numbers and their sides, as of `number_labels`, the names of the tasks, and remarks."""
    labels, sides, remarks = number_labels(path, records, columns, censored, task)
    names = tuple(column.name for column in columns)
    if scale is not None:
        labels, names, more = scale.apply(path, records, columns, labels)
        sides, remarks = scale.sides(sides), [*remarks, *more]
    return labels, sides, names, [*remarks, *censored_remarks(columns, labels, censored)]


def _columns(
    path: Path,
    records: Records,
    molecules: StructureColumn,
    wanted: tuple[str, ...],
    task: str | None,
    assays: LongFormat | None,
    taken: frozenset[int],
    *,
    concentrations: bool,
) -> tuple[list[Column], list[str]]:
    """Return the columns to predict, and remarks on them. concentrations: as of `read_numbers`."""
    notes: list[str] = []
    check_distinct(wanted)
    if assays:
        columns, remarks = assays.columns(path, records, wanted, concentrations=concentrations)
    else:
        if wanted:
            places = [column_index(path, records.header, name) for name in wanted]
            columns = [read_column(records, at, concentrations=concentrations) for at in places]
        else:
            columns, notes = default_targets(path, records, taken, task, concentrations=concentrations)
        columns, remarks = with_relations(records, columns)
    notes += split_remarks(path, records) + remarks
    used = dict.fromkeys([records.header[molecules.at], *(column.source for column in columns)])
    return columns, notes + _repeated_names(records, list(used))


def read_molecules(path: Path, smiles_column: str | None, sheet: str | None = None) -> Table:
    """Return the molecules in a file, whatever else it says of them: a table without tasks.

    Rows with a wrong number of fields are rejected. Raises DataError as `read_table` does.
    """
    records = read_records(path, sheet)
    molecules = find_structures(path, records, smiles_column)
    return _table(
        records,
        records.rows,
        molecules,
        labels=np.zeros((len(records.rows), 0)),
        tasks=(),
        task="",
        rejected=tuple(records.rejected),
        notes=(*_written(path, records), *molecules.remarks),
    )


def stream_smiles(
    path: Path, smiles_column: str | None, sheet: str | None = None
) -> Iterator[tuple[int, str] | Rejected]:
    """Yield (line, SMILES) of each row of a table, one after the other: the file may be larger than memory.

    A row whose quotes or number of fields are wrong comes as Rejected. Raises DataError as `read_table` does.
    """
    first, rows = stream_records(path, SAMPLE, sheet)
    column = find_structures(path, first, smiles_column)
    found = (row if isinstance(row, Rejected) else (row[0], _molecule(row[1], column)) for row in rows)
    yield from found if column.notation == SMILES else _converted_stream(found, column.notation)


def _converted_stream(
    rows: Iterator[tuple[int, str] | Rejected], notation: str
) -> Iterator[tuple[int, str] | Rejected]:
    """Yield rows of another notation with SMILES, or as Rejected where it cannot be read."""
    while some := list(itertools.islice(rows, _AT_ONCE)):
        texts = [row[1] for row in some if not isinstance(row, Rejected)]
        found = iter(convert(texts, notation))
        for row in some:
            if isinstance(row, Rejected):
                yield row
                continue
            smiles, reason = next(found)
            yield Rejected(row[0], row[1], reason) if reason else (row[0], smiles)


def molecule_remarks(path: Path, smiles_column: str | None, sheet: str | None = None) -> list[str]:
    """Return what there is to say about how a table is written and which column has its molecules."""
    first, _ = stream_records(path, SAMPLE, sheet)
    return _written(path, first) + list(find_structures(path, first, smiles_column).remarks)


def _written(path: Path, records: Records) -> list[str]:
    return [f"{path.name}: {'; '.join(records.remarks)}"] if records.remarks else []


def _table(records: Records, rows: list, column: StructureColumn, **more: Any) -> Table:
    table = Table(
        ids=np.array([row for row, *_ in rows], np.int64),
        lines=np.array([line for _, line, _ in rows], np.int64),
        smiles=[_molecule(fields, column) for *_, fields in rows],
        rows=len(records.rows) + len(records.rejected),
        column=records.header[column.at],
        **more,
    )
    return table if column.notation == SMILES else _converted(table, column.notation)


def _molecule(fields: list[str], column: StructureColumn) -> str:
    """Return the molecule of a row. The first line of a mol block, a name, may be empty and counts."""
    return fields[column.at] if column.notation == MOL_BLOCK else fields[column.at].strip()


def _converted(table: Table, notation: str) -> Table:
    """Return the table with SMILES; rows whose molecule cannot be read join the rejected ones."""
    found = convert(table.smiles, notation)
    keep = np.array([not reason for _, reason in found], bool)
    rejected = [
        Rejected(int(line), text, reason)
        for line, text, (_, reason) in zip(table.lines, table.smiles, found, strict=True)
        if reason
    ]
    return replace(table.take(keep, rejected), smiles=[smiles for smiles, reason in found if not reason])


def _repeated_names(records: Records, used: list[str]) -> list[str]:
    """Return remarks on used columns that share their name with others, which `read_records` numbers."""
    header = set(records.header)
    return [
        f"several columns are called {name}: the first is used, and the second is called {name}.1 here"
        for name in used
        if f"{name}.1" in header and f"{name}.1" not in used
    ]


def _without_label(
    records: Records, columns: list[Column], labels: np.ndarray, *, bounded: bool
) -> tuple[np.ndarray, list[Rejected]]:
    """Return which rows remain [N], and those whose only labels could not be read.

    Rows with only empty cells remain. bounded: whether censored cells are labels.
    """
    kinds = np.stack([column.numbers.kinds for column in columns], axis=1)
    unread = np.isnan(labels) & (kinds != MISSING)
    lost = np.isnan(labels).all(axis=1) & unread.any(axis=1)
    rejected = []
    for k in np.flatnonzero(lost):
        _, line, fields = records.rows[k]
        column = columns[int(np.argmax(unread[k]))]
        text = fields[column.at].strip()[:_SHOWN]
        why = "is not a class" if column.words else "is not a number"
        no_log = "has no logarithm" if column.numbers.values[k] <= 0 else "is in no unit of concentration"
        why = {CENSORED: no_log if bounded else "is censored", NUMBER: no_log}.get(int(column.numbers.kinds[k]), why)
        reason = f"{NO_LABEL}: {column.name} {text!r} {why}"
        rejected.append(Rejected(line, records.separator.join(fields), reason))
    return ~lost, rejected


def _without_undated(table: Table, column: str | None) -> Table:
    """Return the rows with a date, if the table has dates; the others join the rejected ones."""
    if table.side.dates is None:
        return table
    undated = np.isnat(table.side.dates)
    reason = f"no date in column {column}"
    rejected = [Rejected(int(table.lines[k]), table.smiles[k], reason) for k in np.flatnonzero(undated)]
    return table.take(~undated, rejected)


def _without_unusable(table: Table, names: SideColumnNames) -> Table:
    """Return the rows that have a date and a weight, if the table has those; the others join the rejected ones."""
    return _without_weightless(_without_undated(table, names.date), names.weight)


def _without_weightless(table: Table, column: str | None) -> Table:
    """Return the rows with a weight above 0, if the table has weights; the others join the rejected ones."""
    weights = table.side.weights
    if weights is None:
        return table
    keep = weights > 0
    rejected = [
        Rejected(int(table.lines[k]), table.smiles[k], f"{'weight 0' if weights[k] == 0 else 'no weight'} in {column}")
        for k in np.flatnonzero(~keep)
    ]
    return table.take(keep, rejected)


def check_distinct(target_columns: tuple[str, ...]) -> None:
    """Raise DataError if a column is named twice."""
    if len(set(target_columns)) < len(target_columns):
        raise DataError(f"a target column is named twice: {column_names(list(target_columns))}")


def without_unlabeled(table: Table) -> tuple[Table, np.ndarray]:
    """Return the rows with at least one label, and which those are [N]; all rows of a table without tasks."""
    keep = table.labeled | (not table.tasks)
    unlabeled = np.flatnonzero(~keep)
    rejected = [Rejected(int(table.lines[k]), table.smiles[k], f"{NO_LABEL} in any target column") for k in unlabeled]
    return table.take(keep, rejected), keep
