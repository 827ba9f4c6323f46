"""CSV -> table: ids, SMILES and labels, with every row that cannot be used kept apart with its reason."""

import csv
import gzip
import io
import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

import numpy as np

from jaxmrl.data.cache import max_expanded
from jaxmrl.errors import DataError

MISSING = frozenset({"", "nan", "na", "n/a", "null", "none"})
_SMILES_NAMES = ("smiles", "canonical_smiles", "mol")
_FIELD_LIMIT, _LINE_LIMIT = 1_000_000, 10_000_000
"""Characters. What is longer is no table of molecules, and may not fit into memory."""

_LINE_COST = 200
"""Bytes of memory that a line takes beside its characters."""

_LARGEST = float(np.finfo(np.float32).max)
"""Of a label."""

_SHOWN = 60
"""Characters of a field that a reason repeats."""


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be used. line: 1-based line of the file where the row ends; text: what stands there."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class Table:
    """`N` molecules with `T` labels.

    ids [N] int64     0-based row in the source file
    lines [N] int64   line in the source file
    labels [N, T] float32, NaN for missing
    rows              of the source file, those that cannot be used included
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

    def __len__(self) -> int:
        return len(self.smiles)

    def take(self, keep: np.ndarray, rejected: list[Rejected]) -> "Table":
        """The rows where `keep` [N]; `rejected` joins the rejected rows, in order of lines."""
        everything = tuple(sorted((*self.rejected, *rejected), key=lambda row: row.line))
        smiles = [text for text, kept in zip(self.smiles, keep, strict=True) if kept]
        arrays = {name: getattr(self, name)[keep] for name in ("ids", "lines", "labels")}
        return replace(self, **arrays, smiles=smiles, rejected=everything)


def read_table(
    path: Path,
    *,
    smiles_column: str | None = None,
    target_columns: tuple[str, ...] = (),
    ignored_columns: tuple[str, ...] = (),
    task: str | None = None,
) -> Table:
    """The table in the CSV or CSV.gz file `path`.

    Without `smiles_column`, a column named like "smiles"; without `target_columns`, every numeric column but that
    one and `ignored_columns`; without `task`, classification where all labels are 0 or 1. `notes` say what was
    chosen so. Rows with a wrong number of fields or a label that is no finite number (no 0 or 1, in
    classification) are rejected. Raises DataError for a file that is no such table.
    """
    header, rows, rejected = read_fields(path)
    smiles_at = smiles_index(path, header, smiles_column)
    notes = []
    if target_columns:
        targets = [column_index(path, header, name) for name in target_columns]
        check_distinct(target_columns)
    else:
        ignored = {smiles_at, *(header.index(name) for name in ignored_columns if name in header)}
        targets = _numeric_columns(header, rows, ignored)
        if not targets:
            raise DataError(f"{path} has no numeric column to predict; its columns are {column_names(header)}")
        notes.append(f"target columns, all numeric ones: {column_names([header[k] for k in targets])}")
    ragged = len(rejected)
    usable = _parse_labels(rows, targets, rejected)
    labels = np.array([label for *_, label in usable], np.float32).reshape(len(usable), len(targets))
    if task is None:
        present = labels[~np.isnan(labels)]
        task = "classification" if np.isin(present, (0.0, 1.0)).all() else "regression"
        notes.append(f"task: {task}, by the values of the labels")
    table = Table(
        ids=np.array([row for row, *_ in usable], np.int64),
        lines=np.array([line for _, line, *_ in usable], np.int64),
        smiles=[fields[smiles_at].strip() for _, _, fields, _ in usable],
        labels=labels,
        tasks=tuple(header[k] for k in targets),
        task=task,
        rows=len(rows) + ragged,
        rejected=tuple(rejected),
        notes=tuple(notes),
    )
    return only_binary(table)[0] if task == "classification" else table


def read_molecules(path: Path, smiles_column: str | None) -> Table:
    """The molecules in the CSV or CSV.gz file `path`, whatever else it says of them: a table without tasks.

    Rows with a wrong number of fields are rejected. Raises DataError as `read_table` does.
    """
    header, rows, rejected = read_fields(path)
    smiles_at = smiles_index(path, header, smiles_column)
    return Table(
        ids=np.array([row for row, *_ in rows], np.int64),
        lines=np.array([line for _, line, _ in rows], np.int64),
        smiles=[fields[smiles_at].strip() for *_, fields in rows],
        labels=np.zeros((len(rows), 0), np.float32),
        tasks=(),
        task="",
        rows=len(rows) + len(rejected),
        rejected=tuple(rejected),
    )


def rejected_text(rejected: tuple[Rejected, ...]) -> str:
    """The content of rejected.csv: line, text, reason."""
    return "line,text,reason\n" + rejected_lines(rejected)


def rejected_lines(rejected: Iterable[Rejected]) -> str:
    """The lines of a rejected.csv. A carriage return, which would end one for most readers, is written out."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows((row.line, row.text.replace("\r", "\\r"), row.reason) for row in rejected)
    return file.getvalue()


def read_header(path: Path) -> list[str]:
    """The names of the columns of a CSV or CSV.gz file. Raises DataError where there are none."""
    with _reading(path):
        return next(_rows(path))


def read_fields(path: Path) -> tuple[list[str], list[tuple[int, int, list[str]]], list[Rejected]]:
    """Header, (row, line, fields) of the well-formed rows, and the others, of a CSV or CSV.gz file.

    Raises DataError for what cannot be read, and for a file without rows.
    """
    with _reading(path):
        header, *found = _rows(path)
    rejected = [row for row in found if isinstance(row, Rejected)]
    rows = [(k, *row) for k, row in enumerate(found) if not isinstance(row, Rejected)]
    if not found:
        raise DataError(f"{path} has a header but no rows")
    return header, rows, rejected


def stream_smiles(path: Path, smiles_column: str | None) -> Iterator[tuple[int, str] | Rejected]:
    """(line, SMILES) of each row of a CSV or CSV.gz file, one after the other: the file may be larger than memory.

    A row whose quotes or number of fields are wrong comes as Rejected. Raises DataError as `read_table` does.
    """
    with _reading(path):
        rows = _rows(path)
        at = smiles_index(path, next(rows), smiles_column)
        for row in rows:
            yield row if isinstance(row, Rejected) else (row[0], row[1][at].strip())


def _rows(path: Path) -> Iterator[list[str] | tuple[int, list[str]] | Rejected]:
    """The header, then (line, fields) of each row with as many fields; the others as Rejected."""
    records = _records(path)
    first = next(records, None)
    if first is None or isinstance(first, Rejected):
        wrong = first.reason if first else "it is empty"
        raise DataError(f"{path} has no header, for {wrong}; expected a CSV file with a header line")
    header = _unique([" ".join(name.split()) for name in first[1]])
    yield header
    for record in records:
        whole = isinstance(record, Rejected) or len(record[1]) == len(header)
        yield record if whole else _ragged(*record, header)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns what goes wrong in reading a CSV file into DataError."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file in UTF-8 ({error.reason}); expected CSV") from None
    except (csv.Error, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


def _ragged(line: int, fields: list[str], header: list[str]) -> Rejected:
    return Rejected(line, ",".join(fields), f"{len(fields)} fields, expected {len(header)}")


def _records(path: Path) -> Iterator[tuple[int, list[str]] | Rejected]:
    """(line, fields) of each record that is not a blank line; Rejected where its quotes are wrong."""
    csv.field_size_limit(_FIELD_LIMIT)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        # strict: else a quote that is never closed takes the rest of the file into one field, without a word
        reader, started = csv.reader(_lines(path, file), strict=True), 0
        while True:
            try:
                fields = next(reader, None)
            except csv.Error as error:
                if "expected after" not in str(error):
                    raise DataError(f"{path}, record that begins in line {started + 1}: {_why(error)}") from None
                yield Rejected(reader.line_num, "", "a quoted field goes on after its closing quote")
                fields = []
            if fields is None:
                return
            started = reader.line_num
            if fields:
                yield reader.line_num, fields


def _why(error: csv.Error) -> str:
    if "unexpected end" in str(error):
        return "a quote is opened and never closed"
    return f"{error}; is a quote opened and never closed?"


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    """The lines of an open CSV file, none longer than memory; not more of a compressed one than a table can have."""
    most = max_expanded(path.stat().st_size) if path.suffix == ".gz" else math.inf
    read = 0
    while line := file.readline(_LINE_LIMIT):
        read += len(line) + _LINE_COST
        if len(line) == _LINE_LIMIT:
            raise DataError(f"{path} has a line of more than {_LINE_LIMIT:,} characters; expected CSV")
        if read > most:
            raise DataError(f"{path} decompresses to far more than a table of molecules would; expected CSV.gz")
        yield line


def _unique(names: list[str]) -> list[str]:
    """Repeated names become name.1, name.2, ..."""
    unique: dict[str, None] = {}
    last: Counter[str] = Counter()
    for name in names:
        candidate = name
        while candidate in unique:
            last[name] += 1
            candidate = f"{name}.{last[name]}"
        unique[candidate] = None
    return list(unique)


def check_distinct(target_columns: tuple[str, ...]) -> None:
    """Raises DataError where one is named twice."""
    if len(set(target_columns)) < len(target_columns):
        raise DataError(f"a target column is named twice: {column_names(list(target_columns))}")


def column_names(names: list[str], most: int = 12) -> str:
    """The names in a row, the first `most` of them."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown}, ... ({len(names)} in all)"


def column_index(path: Path, header: list[str], name: str) -> int:
    """Where the column stands. Raises DataError where it does not."""
    if name not in header:
        raise DataError(f"{path} has no column {name!r}; its columns are {column_names(header)}")
    return header.index(name)


def smiles_index(path: Path, header: list[str], name: str | None) -> int:
    if name is not None:
        return column_index(path, header, name)
    for k, column in enumerate(header):
        if column.lower() in _SMILES_NAMES:
            return k
    raise DataError(f"{path} has no column named smiles; name it with --smiles-column: {column_names(header)}")


def number_in(text: str) -> float | None:
    """The number that a field holds: NaN for missing, None for what is no finite number."""
    text = text.strip()
    if text.lower() in MISSING:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        return None
    if "_" in text:  # Python's way to write a number, and nobody else's
        return None
    return value if abs(value) <= _LARGEST else None


def _numeric_columns(header: list[str], rows: list, ignored: set[int]) -> list[int]:
    def numeric(k):
        values = (number_in(fields[k]) for _, _, fields in rows)
        known = [value for value in values if value is None or not math.isnan(value)]
        return bool(known) and None not in known

    return [k for k in range(len(header)) if k not in ignored and numeric(k)]


def _parse_labels(rows: list, targets: list[int], rejected: list[Rejected]) -> list[tuple]:
    """(row, line, fields, labels) of the rows whose labels are numbers or missing."""
    usable = []
    for row, line, fields in rows:
        labels = [number_in(fields[k]) for k in targets]
        if None in labels:
            bad = fields[targets[labels.index(None)]]
            rejected.append(Rejected(line, ",".join(fields), f"label {bad[:_SHOWN]!r} is not a finite number"))
        else:
            usable.append((row, line, fields, labels))
    return usable


def only_binary(table: Table) -> tuple[Table, np.ndarray]:
    """The rows whose labels are all 0, 1 or missing, and which those are [N]."""
    binary = np.isin(table.labels, (0.0, 1.0)) | np.isnan(table.labels)
    keep = binary.all(axis=1)
    rejected = [
        Rejected(int(table.lines[k]), table.smiles[k], f"label {table.labels[k][~binary[k]][0]:g} is not 0 or 1")
        for k in np.flatnonzero(~keep)
    ]
    return table.take(keep, rejected), keep


def without_unlabelled(table: Table) -> tuple[Table, np.ndarray]:
    """The rows with at least one label, and which those are [N]; all rows of a table without tasks."""
    keep = ~np.isnan(table.labels).all(axis=1) | (not table.tasks)
    unlabelled = np.flatnonzero(~keep)
    rejected = [Rejected(int(table.lines[k]), table.smiles[k], "no label in any target column") for k in unlabelled]
    return table.take(keep, rejected), keep
