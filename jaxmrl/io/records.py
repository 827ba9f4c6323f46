"""The header and the rows of a table in a file, one after the other, with each row that is damaged kept apart."""

import csv
import gzip
import io
import itertools
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from jaxmrl.errors import DataError
from jaxmrl.io.cache import max_expanded
from jaxmrl.io.dialect import FROM_WINDOWS, INVISIBLE, Dialect, find_dialect
from jaxmrl.text import count

_FIELD_LIMIT, _LINE_LIMIT = 1_000_000, 10_000_000
"""Characters. What is longer is no table of molecules, and may not fit into memory."""

_LINE_COST = 200
"""Bytes of memory that a line takes beside its characters."""

_ESCAPED = re.compile(r"[\udc80-\udcff]")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be used. line: 1-based line of the file where the row ends; text: what stands there."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class Records:
    """A table as texts.

    rows      (row, line, fields) of the well-formed rows; row counts from 0, damaged ones included
    rejected  the damaged rows
    """

    header: list[str]
    rows: list[tuple[int, int, list[str]]] = field(repr=False)
    rejected: list[Rejected] = field(repr=False)
    dialect: Dialect


def read_records(path: Path) -> Records:
    """Return all rows of the table in the file `path`. Raises DataError for what is no table, or has no rows."""
    with reading(path):
        dialect = find_dialect(path)
        header, following = _rows(path, dialect)
        found = list(following)
    if not found:
        raise DataError(f"{path} has a header but no rows")
    rejected = [row for row in found if isinstance(row, Rejected)]
    rows = [(k, *row) for k, row in enumerate(found) if not isinstance(row, Rejected)]
    return Records(header, rows, rejected, dialect)


def read_header(path: Path) -> list[str]:
    """Return the names of the columns of a table. Raises DataError where there are none."""
    with reading(path):
        return _rows(path, find_dialect(path))[0]


def stream_records(path: Path, ahead: int) -> tuple[Records, Iterator[tuple[int, list[str]] | Rejected]]:
    """Return the first `ahead` rows of a table as Records, and all its rows one after the other.

    The file may be larger than memory. Raises DataError as `read_records` does, then or in the iteration.
    """
    with reading(path):
        dialect = find_dialect(path)
        header, rows = _rows(path, dialect)
        first = list(itertools.islice(rows, ahead))
    sound = [(k, *row) for k, row in enumerate(first) if not isinstance(row, Rejected)]
    damaged = [row for row in first if isinstance(row, Rejected)]
    return Records(header, sound, damaged, dialect), _guarded(path, itertools.chain(first, rows))


def _guarded(path: Path, rows: Iterator) -> Iterator:
    with reading(path):
        yield from rows


def _rows(path: Path, dialect: Dialect) -> tuple[list[str], Iterator[tuple[int, list[str]] | Rejected]]:
    """Return the header, and the rows as `_fitting` yields them."""
    records = _records(path, dialect)
    first = next(records, None)
    if first is None or isinstance(first, Rejected):
        wrong = first.reason if first else "it is empty"
        raise DataError(f"{path} has no header: {wrong}; expected a CSV file with a header line")
    header = _unique([" ".join(name.translate(INVISIBLE).split()) for name in first[1]])
    return header, _fitting(header, records, dialect)


def _fitting(
    header: list[str], records: Iterator[tuple[int, list[str]] | Rejected], dialect: Dialect
) -> Iterator[tuple[int, list[str]] | Rejected]:
    """Yield (line, fields) of each row with as many fields as the header, and the others as Rejected.

    Empty fields at the end of a row that the header has no names for, as spreadsheets write them, are not counted.
    """
    for record in records:
        if isinstance(record, Rejected) or len(record[1]) == len(header):
            yield record
        else:
            line, fields = record
            if len(fields) > len(header) and not any(map(str.strip, fields[len(header) :])):
                yield line, fields[: len(header)]
                continue
            reason = f"{count(len(fields), 'field')}, expected {len(header)}"
            yield Rejected(line, dialect.separator.join(fields), reason)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what goes wrong in reading a table into DataError."""
    try:
        yield
    except UnicodeDecodeError as error:
        encoding = error.encoding.upper()
        raise DataError(f"{path} is not a text file in {encoding} ({error.reason}); expected CSV") from None
    except (csv.Error, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


def _records(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]] | Rejected]:
    """Yield (line, fields) of each record that is not a blank line, and Rejected where its quotes are wrong."""
    csv.field_size_limit(_FIELD_LIMIT)
    opener = gzip.open if dialect.compressed else open
    errors = "surrogateescape" if dialect.encoding == "utf-8-sig" else "strict"
    with opener(path, "rt", encoding=dialect.encoding, errors=errors, newline="") as file:
        lines = itertools.islice(_lines(path, file, dialect), dialect.skipped, None)
        # strict: otherwise a quote that is never closed silently takes the rest of the file into one field
        reader, started = csv.reader(lines, strict=True, delimiter=dialect.separator), 0
        while True:
            try:
                fields = next(reader, None)
            except csv.Error as error:
                if "expected after" not in str(error):
                    at = started + 1 + dialect.skipped
                    raise DataError(f"{path}, record that begins in line {at}: {_why(error)}") from None
                yield Rejected(reader.line_num + dialect.skipped, "", "a quoted field goes on after its closing quote")
                fields = []
            if fields is None:
                return
            started = reader.line_num
            if fields:
                yield reader.line_num + dialect.skipped, fields


def _why(error: csv.Error) -> str:
    if "unexpected end" in str(error):
        return "a quote is opened and never closed"
    return f"{error}; is a quote opened and never closed?"


def _lines(path: Path, file: TextIO, dialect: Dialect) -> Iterator[str]:
    """Yield the lines of an open table, none longer than memory, and no more of a compressed one than a table can
    have.
    """
    most = max_expanded(path.stat().st_size) if dialect.compressed else math.inf
    read = 0
    while line := file.readline(_LINE_LIMIT):
        read += len(line) + _LINE_COST
        if len(line) == _LINE_LIMIT:
            raise DataError(f"{path} has a line of more than {_LINE_LIMIT:,} characters; expected CSV")
        if read > most:
            raise DataError(f"{path} decompresses to far more than a table of molecules would; expected CSV.gz")
        yield line if line.isascii() or not _ESCAPED.search(line) else line.translate(FROM_WINDOWS)


def _unique(names: list[str]) -> list[str]:
    """Return the names; repeated ones become name.1, name.2, ..."""
    unique: dict[str, None] = {}
    last: Counter[str] = Counter()
    for name in names:
        candidate = name
        while candidate in unique:
            last[name] += 1
            candidate = f"{name}.{last[name]}"
        unique[candidate] = None
    return list(unique)


def column_names(names: list[str], most: int = 12) -> str:
    """Return the names in a row, the first `most` of them."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown}, ... ({len(names)} in all)"


def check_rows(path: Path, records: Records) -> None:
    """Raise DataError if no row of a table is well-formed, as with a title above the header."""
    if not records.rows:
        first = records.rejected[0]
        error = DataError(
            f"{path} has {len(records.rejected):,} rows, none like its header {', '.join(records.header)[:60]!r}; line "
            f"{first.line}: {first.reason}. If the header comes later, remove the lines before it"
        )
        error.rejected = tuple(records.rejected)
        raise error


def one_column(path: Path, header: list[str]) -> DataError:
    """Return the error for a table whose columns may be separated by blanks."""
    return DataError(
        f"{path} has one column, {header[0][:60]!r}: columns separated by blanks are not supported; use commas"
    )


def column_index(path: Path, header: list[str], name: str) -> int:
    """Return the column's place in the header. Raise DataError if it has none."""
    if name not in header:
        raise DataError(f"{path} has no column {name!r}; its columns are {column_names(header)}")
    return header.index(name)


def rejected_text(rejected: Iterable[Rejected]) -> str:
    """Return the content of rejected.csv: line, text, reason."""
    return "line,text,reason\n" + rejected_lines(rejected)


def rejected_lines(rejected: Iterable[Rejected]) -> str:
    """Return the lines of a rejected.csv. A carriage return, which would end a line for most readers, is escaped."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows((row.line, row.text.replace("\r", "\\r"), row.reason) for row in rejected)
    return file.getvalue()


def reason_groups(rejected: Iterable[Rejected]) -> list[list[Rejected]]:
    """Return the rows by their reasons, the most frequent first. Reasons that differ in a quoted text alone are one."""
    groups: dict[str, list[Rejected]] = {}
    for row in rejected:
        groups.setdefault(_QUOTED.sub("'...'", row.reason), []).append(row)
    return sorted(groups.values(), key=len, reverse=True)


def top_reasons(rejected: Iterable[Rejected], most: int = 3) -> list[str]:
    """Return the most frequent reasons with their counts and the first row of each as an example, in words."""
    largest = reason_groups(rejected)
    said = [f"{len(rows):,}: {rows[0].reason} (line {rows[0].line:,})" for rows in largest[:most]]
    if rest := sum(len(rows) for rows in largest[most:]):
        said.append(f"{rest:,}: other reasons")
    return said
