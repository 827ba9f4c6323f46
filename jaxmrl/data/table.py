"""CSV -> table: ids, SMILES and labels, with every row that cannot be used kept apart with its reason."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxmrl.chem.notations import MOL_BLOCK, SMILES, convert
from jaxmrl.data.classes import FEW_VALUES, are_classes, ask_about_minus_one, number_classes, refuse_words, values_of
from jaxmrl.data.relations import unit_remarks, with_relations
from jaxmrl.data.smiles_column import SAMPLE, StructureColumn, find_structures
from jaxmrl.data.targets import Column, default_targets, first_odd, read_column, split_remarks
from jaxmrl.errors import DataError
from jaxmrl.formats.reading import read_records, stream_records
from jaxmrl.io.cells import CENSORED, MISSING, dotted_thousands, nines
from jaxmrl.io.records import Records, Rejected, check_rows, column_index, column_names
from jaxmrl.text import count

NO_LABEL = "no label"
"""Beginning of the reasons of rows that have none."""

_SHOWN = 60
"""Characters of a field that a reason repeats."""

_MOST_REMARKS = 5
"""Columns with cells that are no numbers that have a remark of their own."""

_AT_ONCE = 20_000
"""Molecules of a stream that are converted to SMILES together."""

_FEW_ROWS = 20
"""Rows from which few different values are remarked on."""


@dataclass(frozen=True)
class Table:
    """`N` molecules with `T` labels.

    ids [N] int64     0-based row in the source file
    lines [N] int64   line in the source file
    labels [N, T] float64, NaN for missing
    rows              of the source file, those that cannot be used included
    column            name of the column of SMILES, where the source is a file of columns
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

    def __len__(self) -> int:
        return len(self.smiles)

    def take(self, keep: np.ndarray, rejected: list[Rejected]) -> "Table":
        """Return the rows where `keep` [N]; `rejected` joins the rejected rows, in order of lines."""
        everything = tuple(sorted((*self.rejected, *rejected), key=lambda row: row.line))
        smiles = [text for text, kept in zip(self.smiles, keep, strict=True) if kept]
        arrays = {name: getattr(self, name)[keep] for name in ("ids", "lines", "labels")}
        return replace(self, **arrays, smiles=smiles, rejected=everything)


def read_table(
    path: Path,
    *,
    smiles_column: str | None = None,
    target_columns: tuple[str, ...] = (),
    task: str | None = None,
    censored: str = "drop",
) -> Table:
    """Return the table in the file `path`, of any format and maybe compressed.

    Without `smiles_column`, the column whose name and content fit best; without `target_columns`, the columns of
    numbers of like scale or of two classes, without ids, dates and splits; without `task`, classification where all
    targets have two classes. A cell that is no number is a missing label; so is, with `censored` "drop", one such as
    >30, whose number "bound" takes. `notes` say what was chosen and what is missing. Rows with a wrong number of
    fields, and those whose only labels could not be read, are rejected.

    Raises DataError for a file that is no such table, and for target columns that are neither numbers nor two classes.
    """
    records = read_records(path)
    check_rows(path, records)
    molecules = find_structures(path, records, smiles_column)
    notes = list(molecules.remarks)
    if target_columns:
        check_distinct(target_columns)
        columns = [read_column(records, column_index(path, records.header, name)) for name in target_columns]
    else:
        columns, remarks = default_targets(path, records, molecules.at, task)
        notes += remarks
    columns, remarks = with_relations(records, columns)
    notes += split_remarks(path, records) + remarks + unit_remarks(records, columns)
    notes += _repeated_names(records, [records.header[molecules.at], *(column.name for column in columns)])
    styles = {column.name: ", ".join(column.numbers.style.remarks) for column in columns if not column.words}
    formats = [*records.remarks, *_of_columns(styles)]
    if formats:
        notes.insert(0, f"{path.name}: {'; '.join(formats)}")
    kind = task or _task(path, columns)
    if kind == "classification":
        labels, remarks = _class_labels(path, records, columns)
    else:
        labels, remarks = _number_labels(path, records, columns, censored, task)
    notes += remarks
    if task is None:
        notes.append(f"task: {kind}, by the values of the labels")
    keep, unlabeled = _without_label(records, columns, labels)
    rows = [row for row, kept in zip(records.rows, keep, strict=True) if kept]
    return _table(
        records,
        rows,
        molecules,
        labels=labels[keep],
        tasks=tuple(column.name for column in columns),
        task=kind,
        rejected=tuple(sorted((*records.rejected, *unlabeled), key=lambda row: row.line)),
        notes=tuple(notes),
    )


def read_molecules(path: Path, smiles_column: str | None) -> Table:
    """Return the molecules in a file, whatever else it says of them: a table without tasks.

    Rows with a wrong number of fields are rejected. Raises DataError as `read_table` does.
    """
    records = read_records(path)
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


def stream_smiles(path: Path, smiles_column: str | None) -> Iterator[tuple[int, str] | Rejected]:
    """Yield (line, SMILES) of each row of a table, one after the other: the file may be larger than memory.

    A row whose quotes or number of fields are wrong comes as Rejected. Raises DataError as `read_table` does.
    """
    first, rows = stream_records(path, SAMPLE)
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


def molecule_remarks(path: Path, smiles_column: str | None) -> list[str]:
    """Return what there is to say about how a table is written and which column has its molecules."""
    first, _ = stream_records(path, SAMPLE)
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


def _task(path: Path, columns: list[Column]) -> str:
    """Return classification if all columns have two classes, else regression."""
    numbers = [column.numbers for column in columns if column.words is None]
    ask_about_minus_one(f"{path}, {column_names([column.name for column in columns])}", numbers)
    return "classification" if are_classes(numbers) else "regression"


def _class_labels(path: Path, records: Records, columns: list[Column]) -> tuple[np.ndarray, list[str]]:
    """Return labels [N, T] of 0 and 1, and remarks."""
    numbers = [column.numbers for column in columns if column.words is None]
    everything = values_of(numbers)
    labels, said = [], {}
    for column in columns:
        where = f"{path}, column {column.name}"
        if column.words is None and column.numbers.share == 0:
            refuse_words(where, _texts(records, column), regression=False)
        classes = column.words or number_classes(where, column.numbers, everything)
        labels.append(classes.labels)
        said[column.name] = classes.said
    return np.stack(labels, axis=1), _of_columns(said) + _odd(records, columns) + _censored(columns, None)


def _number_labels(
    path: Path, records: Records, columns: list[Column], censored: str, task: str | None
) -> tuple[np.ndarray, list[str]]:
    """Return labels [N, T] of numbers, and remarks. task: as it was asked for."""
    remarks = []
    for column in columns:
        where = f"{path}, column {column.name}"
        if column.words and task is None:
            raise DataError(f"{where} has classes ({column.words.said}), and others numbers: sweep them one by one")
        if column.words or column.numbers.share == 0:
            refuse_words(where, _texts(records, column), regression=task == "regression")
        found = column.numbers.distinct
        if 1 < len(found) < FEW_VALUES and all(value.is_integer() for value in found) and len(records.rows) > _FEW_ROWS:
            shown = ", ".join(f"{value:g}" for value in sorted(found))
            remarks.append(
                f"{column.name}: regression on whole numbers of {len(found)} values ({shown}); if they are classes, "
                "give a column of 1 and 0 for each class"
            )
        remarks += _suspect(column, _texts(records, column))
    labels = [column.numbers.values if censored == "bound" else column.numbers.known for column in columns]
    return np.stack(labels, axis=1), remarks + _odd(records, columns) + _censored(columns, censored)


def _suspect(column: Column, texts: list[str]) -> list[str]:
    """Return remarks on numbers that may not be what they seem."""
    remarks, name = [], column.name
    if mark := nines(column.numbers):
        remarks.append(
            f"{name}: {count(mark[1], 'label')} of {mark[0]:g}, unlike all others; if this marks missing labels, leave "
            "those cells empty"
        )
    if column.numbers.style.decimal == "." and (shown := dotted_thousands(texts)):
        remarks.append(
            f"{name}: every number with a point has three digits after it, such as {shown}, read as {float(shown):g}; "
            "if the points stand between thousands, remove them"
        )
    if merged := column.numbers.merged:
        remarks.append(
            f"{name}: {merged[0][:_SHOWN]} and {merged[1][:_SHOWN]} are one number in double precision (float64); "
            "subtract a constant from all labels to keep such differences"
        )
    return remarks


def _repeated_names(records: Records, used: list[str]) -> list[str]:
    """Return remarks on used columns that share their name with others, which `read_records` numbers."""
    header = set(records.header)
    return [
        f"several columns are called {name}: the first is used, and the second is called {name}.1 here"
        for name in used
        if f"{name}.1" in header and f"{name}.1" not in used
    ]


def _texts(records: Records, column: Column) -> list[str]:
    at = records.header.index(column.name)
    return [fields[at] for *_, fields in records.rows]


def _of_columns(said: dict[str, str]) -> list[str]:
    """Return remarks on columns; columns with the same remark share one."""
    names: dict[str, list[str]] = {}
    for name, text in said.items():
        names.setdefault(text, []).append(name)
    return [f"{column_names(some)}: {text}" for text, some in names.items() if text]


def _odd(records: Records, columns: list[Column]) -> list[str]:
    """Return remarks on cells that are not numbers, and on unusual minus signs."""
    remarks = [
        f"{column.name}: {column.numbers.minus:,} cells have a typographic minus sign, read as -"
        for column in columns
        if column.numbers.minus
    ]
    remarks += [
        f"{column.name}: {count(column.numbers.errors, 'cell')} with an error after ±, which is left out"
        for column in columns
        if column.numbers.errors
    ]
    some = [column for column in columns if column.odd.any()]
    for column in some[:_MOST_REMARKS]:
        line, text = first_odd(records, column)
        one, several = ("a class", "classes") if column.words else ("a number", "numbers")
        many = int(column.odd.sum())
        cells = f"1 cell is not {one}," if many == 1 else f"{many:,} cells are not {several}, such as"
        remarks.append(f"{column.name}: {cells} {text[:_SHOWN]!r} in line {line}; treated as missing")
    if rest := some[_MOST_REMARKS:]:
        many = sum(int(column.odd.sum()) for column in rest)
        remarks.append(f"{len(rest):,} more columns: {many:,} cells are not numbers; treated as missing")
    return remarks


def _censored(columns: list[Column], censored: str | None) -> list[str]:
    """Return a remark on labels with < or >. censored: what to do with them; None for classes, which have no bound."""
    many = {column.name: int((column.numbers.kinds == CENSORED).sum()) for column in columns}
    if not sum(many.values()):
        return []
    names = column_names([f"{name} {some:,}" for name, some in many.items() if some])
    done = (
        "their numbers are used without the sign (--censored bound), so errors at the limit are understated"
        if censored == "bound"
        else "left out, so that curves use measured values only; --censored bound would use their numbers"
    )
    if censored is None:
        done = "left out, because they are not classes"
    labels = "1 label has" if sum(many.values()) == 1 else f"{sum(many.values()):,} labels have"
    return [f"{labels} >, < or ~, such as beyond the assay's limit ({names}): {done}"]


def _without_label(records: Records, columns: list[Column], labels: np.ndarray) -> tuple[np.ndarray, list[Rejected]]:
    """Return which rows remain [N], and those whose only labels could not be read.

    Rows with only empty cells remain.
    """
    kinds = np.stack([column.numbers.kinds for column in columns], axis=1)
    unread = np.isnan(labels) & (kinds != MISSING)
    lost = np.isnan(labels).all(axis=1) & unread.any(axis=1)
    rejected = []
    for k in np.flatnonzero(lost):
        _, line, fields = records.rows[k]
        column = columns[int(np.argmax(unread[k]))]
        text = fields[records.header.index(column.name)].strip()[:_SHOWN]
        why = "is not a class" if column.words else "is not a number"
        why = "is censored" if column.numbers.kinds[k] == CENSORED else why
        reason = f"{NO_LABEL}: {column.name} {text!r} {why}"
        rejected.append(Rejected(line, records.separator.join(fields), reason))
    return ~lost, rejected


def check_distinct(target_columns: tuple[str, ...]) -> None:
    """Raise DataError if a column is named twice."""
    if len(set(target_columns)) < len(target_columns):
        raise DataError(f"a target column is named twice: {column_names(list(target_columns))}")


def without_unlabeled(table: Table) -> tuple[Table, np.ndarray]:
    """Return the rows with at least one label, and which those are [N]; all rows of a table without tasks."""
    keep = ~np.isnan(table.labels).all(axis=1) | (not table.tasks)
    unlabeled = np.flatnonzero(~keep)
    rejected = [Rejected(int(table.lines[k]), table.smiles[k], f"{NO_LABEL} in any target column") for k in unlabeled]
    return table.take(keep, rejected), keep
