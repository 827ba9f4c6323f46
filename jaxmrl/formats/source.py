"""An open table: its header and its rows one after the other, whatever the format of the file."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jaxmrl.errors import DataError
from jaxmrl.formats.content import too_large
from jaxmrl.io.cache import max_expanded
from jaxmrl.io.records import Rejected
from jaxmrl.text import count

Row = tuple[int, list[str]] | Rejected
"""(line, fields) of a row, or one that cannot be used."""

FIELD_LIMIT = 1_000_000
"""Characters of a cell. What is longer is no table of molecules, and may not fit into memory."""

ROW_COST = 200
"""Bytes of memory that a row takes beside its characters."""


@dataclass(frozen=True)
class Source:
    """A table that is being read.

    header     names of the columns, all different
    rows       each row as (line, fields), with as many fields as the header, or as Rejected
    separator  of the fields in the text of a rejected row
    remarks    how the file is written, where that is unusual, in words
    below      fields of the rows between the header and the data, which describe the columns
    """

    header: list[str]
    rows: Iterator[Row]
    separator: str = "\t"
    remarks: tuple[str, ...] = ()
    below: tuple[list[str], ...] = ()


def fitted(line: int, fields: list[str], width: int, separator: str) -> Row:
    """Return a row of `width` fields, or Rejected. Empty fields that the header has no names for are not counted."""
    if len(fields) > width and not any(map(str.strip, fields[width:])):
        fields = fields[:width]
    if len(fields) == width:
        return line, fields
    return Rejected(line, separator.join(fields), f"{count(len(fields), 'field')}, expected {width}")


def cell_text(value: object) -> str:
    """Return the value of a typed cell as the text that a CSV file would have."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def within_limits(path: Path, rows: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a compressed format. Raises DataError for more than a table of molecules can have."""
    most, read = max_expanded(path.stat().st_size), 0
    for line, fields in rows:
        longest = max(map(len, fields), default=0)
        if longest > FIELD_LIMIT:
            raise DataError(f"{path}, row {line} has a cell of {longest:,} characters; expected a table")
        read += sum(map(len, fields)) + 8 * len(fields) + ROW_COST
        if read > most:
            raise too_large(path)
        yield line, fields
