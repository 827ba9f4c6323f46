"""Text tables, whose columns are separated by commas, semicolons, tabs, bars or blanks."""

import csv
import io
import itertools
import re
from collections.abc import Iterator

from jaxmrl.errors import DataError
from jaxmrl.formats.content import Content, too_large
from jaxmrl.formats.dialect import BLANK, FROM_WINDOWS, Dialect, TextStart, find_dialect
from jaxmrl.formats.source import FIELD_LIMIT, ROW_COST, Row, Source, fitted
from jaxmrl.io.records import Rejected, plain_names

_LINE_LIMIT = 10_000_000
_FIRST = 100
"""Rows that show whether all have an empty field at their end."""

_WHOLE, _DIGITS = re.compile(r"\s*[+-]?\d+"), re.compile(r"\d+\s*")
_ESCAPED = re.compile(r"[\udc80-\udcff]")
_PUBCHEM, _DESCRIPTION = "PUBCHEM_RESULT_TAG", "RESULT_"
"""The first column of PubChem's tables of results, and what it begins with in rows that describe the columns."""

_AS_TEXT = re.compile(r'="([^"]*)"|\'([<>=~+−-]*[\d.,]+(?:e[+-]?\d+)?)', re.IGNORECASE)
"""A cell that a spreadsheet keeps as text: ="0.10", or a number behind an apostrophe."""

_SPOTFIRE_ESCAPE = re.compile(r"\\(.)")
_SPOTFIRE_MEANING = {"s": ";", "n": "\n", "r": "\r", "?": ""}
"""What follows a backslash in a text of Spotfire, and what it stands for; other characters stand for themselves."""


def open_text(content: Content, start: TextStart) -> Source:
    """Return the table in a text. Raises DataError for a text that is no table."""
    dialect = find_dialect(content, start)
    records, remarks = _records(content, dialect), dialect.remarks
    header = [*dialect.names]
    if not header:
        first = next(records, None)
        if first is None or isinstance(first, Rejected):
            wrong = first.reason if first else "it is empty"
            raise DataError(f"{content.path} has no header: {wrong}; expected a table with a header line")
        header = _plain(first[1])
    header = plain_names(header)
    rows = _fitting(header, records, dialect)
    below: list[list[str]] = []
    if header[0] == _PUBCHEM:
        remarks = [*remarks, f"rows {_DESCRIPTION}..., which describe PubChem's columns, not read"]
        below, rows = _descriptions(rows)
    return Source(header, rows, dialect.separator, tuple(remarks), tuple(below))


def _descriptions(rows: Iterator[Row]) -> tuple[list[list[str]], Iterator[Row]]:
    """Return the fields of the first rows of PubChem's table, which describe its columns, and the other rows."""
    below, row = [], next(rows, None)
    while row is not None and not isinstance(row, Rejected) and row[1][0].startswith(_DESCRIPTION):
        below.append(row[1])
        row = next(rows, None)
    return below, itertools.chain([] if row is None else [row], rows)


def _fitting(header: list[str], records: Iterator[Row], dialect: Dialect) -> Iterator[Row]:
    """Yield (line, fields) of each row with as many fields as the header, and the others as Rejected.

    Empty fields at the end of a row that the header has no names for, as spreadsheets write them, are not counted,
    unless only some rows have one and it may come from a decimal comma. A table without a header need not have the same
    number of fields in each row.
    """
    width = len(header)
    first = list(itertools.islice(records, _FIRST))
    fields_of = [record[1] for record in first if not isinstance(record, Rejected)]
    exact = [fields for fields in fields_of if len(fields) == width]
    doubtful = dialect.separator == "," and len(exact) > 0 and not any(map(_has_decimal_comma, exact))
    for record in itertools.chain(first, records):
        if isinstance(record, Rejected):
            yield record
            continue
        line, fields = record
        if doubtful and len(fields) == width + 1 and not fields[-1].strip() and _has_decimal_comma(fields):
            yield Rejected(line, ",".join(fields), f"{len(fields)} fields, expected {width}")
            continue
        if dialect.row_names and len(fields) == width + 1:
            fields = fields[1:]
        if dialect.names and len(fields) < width:
            fields = [*fields, *[""] * (width - len(fields))]
        yield fitted(line, _plain(fields), width, dialect.separator)


def _has_decimal_comma(fields: list[str]) -> bool:
    """Return whether two fields may be one number with a decimal comma that separates columns, too."""
    return any(_WHOLE.fullmatch(one) and _DIGITS.fullmatch(other) for one, other in itertools.pairwise(fields))


def _plain(fields: list[str]) -> list[str]:
    """Return the fields of a row as a spreadsheet shows them, without what marks some as text."""
    if not any(field.startswith(("=", "'")) for field in fields):
        return fields
    found = [(field, _AS_TEXT.fullmatch(field.strip())) for field in fields]
    return [(match[1] or match[2] or "") if match else field for field, match in found]


def _records(content: Content, dialect: Dialect) -> Iterator[Row]:
    """Yield (line, fields) of each record that is not a blank line, and Rejected where its quotes are wrong."""
    lines: Iterator[str] = itertools.islice(text_lines(content, dialect.encoding), dialect.skipped, None)
    if dialect.warrior:
        lines = itertools.takewhile(lambda line: "\t" in line or not line.startswith("<"), lines)
    if dialect.separator == BLANK and not dialect.quoted:
        yield from _words(lines, dialect)
    else:
        records = _quoted(content, dialect, lines)
        yield from _of_spotfire(records) if dialect.spotfire else records


def _of_spotfire(records: Iterator[Row]) -> Iterator[Row]:
    """Yield the header and the rows of a Spotfire text, without the row of types and without escapes."""
    for place, record in enumerate(records):
        if isinstance(record, Rejected):
            yield record
        elif place != 1:
            line, fields = record
            fields = [
                _SPOTFIRE_ESCAPE.sub(lambda found: _SPOTFIRE_MEANING.get(found[1], found[1]), one) for one in fields
            ]
            yield line, fields[:-1] if not fields[-1] else fields  # each line ends with a separator


def _words(lines: Iterator[str], dialect: Dialect) -> Iterator[Row]:
    """Yield the words of each line; the last of a line's fields has all that follows, as names have blanks."""
    width = len(dialect.names)
    for number, line in enumerate(lines, dialect.skipped + 1):
        words = line.strip().split(None, width - 1) if line.strip() else []
        width = width or len(words)
        if words:
            yield number, words


def _quoted(content: Content, dialect: Dialect, lines: Iterator[str]) -> Iterator[Row]:
    csv.field_size_limit(FIELD_LIMIT)
    # strict: otherwise a quote that is never closed silently takes the rest of the file into one field
    reader = csv.reader(
        lines,
        strict=True,
        delimiter=dialect.separator,
        skipinitialspace=dialect.separator == BLANK,
        quoting=csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE,
    )
    started = 0
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            if "expected after" not in str(error):
                at = started + 1 + dialect.skipped
                raise DataError(f"{content.path}, record that begins in line {at}: {_why(error)}") from None
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


def text_lines(content: Content, encoding: str) -> Iterator[str]:
    """Yield the lines of a text, none longer than memory, and no more of a compressed one than a table can have."""
    path, most, read = content.path, content.most, 0
    errors = "surrogateescape" if encoding == "utf-8-sig" else "strict"
    with content.open() as binary:
        file = io.TextIOWrapper(binary, encoding=encoding, errors=errors, newline="")
        while line := file.readline(_LINE_LIMIT):
            read += len(line) + ROW_COST
            if len(line) == _LINE_LIMIT:
                raise DataError(f"{path} has a line of more than {_LINE_LIMIT:,} characters; expected a table")
            if read > most:
                raise too_large(path)
            yield line if line.isascii() or not _ESCAPED.search(line) else line.translate(FROM_WINDOWS)
