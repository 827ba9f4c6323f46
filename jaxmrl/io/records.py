"""The header and the rows of a table as texts, with each row that is damaged kept apart."""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from jaxmrl.errors import DataError
from jaxmrl.io.cells import INVISIBLE
from jaxmrl.io.files import write_whole
from jaxmrl.progress import ProgressReporter

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
    separator of the fields in the text of a damaged row
    remarks   how the file is written, where that is unusual, in words
    empty     fields of the rows between a header and its first molecule, such as one of units
    """

    header: list[str]
    rows: list[tuple[int, int, list[str]]] = field(repr=False)
    rejected: list[Rejected] = field(repr=False)
    separator: str = ","
    remarks: tuple[str, ...] = ()
    empty: tuple[list[str], ...] = ()


def plain_names(names: Iterable[str]) -> list[str]:
    """Return the names of columns without invisible characters and repeated blanks; of several columns of one name,
    the others become name.1, name.2, ...
    """
    return _unique([" ".join(name.translate(INVISIBLE).split()) for name in names])


def _unique(names: list[str]) -> list[str]:
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
        widths = {len(row.text.split(records.separator)) for row in records.rejected}
        commas = records.separator == "," and len(widths) == 1 and min(widths) > len(records.header)
        hint = ", and if its numbers have decimal commas, separate the columns by semicolons" if commas else ""
        error = DataError(
            f"{path} has {len(records.rejected):,} rows, none like its header {', '.join(records.header)[:60]!r}; line "
            f"{first.line}: {first.reason}. If the header comes later, remove the lines before it{hint}"
        )
        error.rejected = tuple(records.rejected)
        raise error


def one_column(path: Path, header: list[str]) -> DataError:
    """Return the error for a table whose columns may be separated by blanks."""
    return DataError(
        f"{path} has one column, {header[0][:60]!r}: columns separated by blanks are not supported; use commas"
    )


def column_index(path: Path, header: list[str], name: str) -> int:
    """Return the column's place in the header. Raise DataError if it has none.

    A name that is spelled with other blanks or another form of a character, such as either µ, is found if it fits one.
    """
    if name not in header:
        alike = [k for k, one in enumerate(header) if _spelling(one) == _spelling(name)]
        if len(alike) == 1:
            return alike[0]
        raise DataError(f"{path} has no column {name!r}; its columns are {column_names(header)}")
    return header.index(name)


def is_header(header: list[str], fields: list[str]) -> bool:
    """Return whether the fields of a row repeat the header, in any case and spelling of blanks."""
    return _plain_header(header) == _plain_header(fields)


def is_permuted_header(header: list[str], fields: list[str]) -> bool:
    """Return whether the fields of a row are the names of the header in another order."""
    names, others = _plain_header(header), _plain_header(fields)
    return names != others and sorted(names) == sorted(others)


def _plain_header(names: list[str]) -> list[str]:
    return [_spelling(name).lower() for name in names]


def _spelling(name: str) -> str:
    """Return a name in one spelling: either µ is the same, and so are all blanks."""
    return " ".join(unicodedata.normalize("NFKC", name.translate(INVISIBLE)).split())


def rejected_text(rejected: Iterable[Rejected]) -> str:
    """Return the content of rejected.csv: line, text, reason."""
    return "line,text,reason\n" + rejected_lines(rejected)


def write_rejected(path: Path, rejected: tuple[Rejected, ...], reporter: ProgressReporter) -> None:
    """Write the rows that cannot be used, if there are any, and report where they are."""
    if rejected:
        write_whole(path, rejected_text(rejected).encode())
        reporter.say(f"the rejected rows are in {path}")


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
