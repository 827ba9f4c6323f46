"""Excel workbooks (.xlsx), read by openpyxl."""

import itertools
import re
import zipfile
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from jaxmrl.errors import DataError, UserError
from jaxmrl.formats.content import Content, too_large
from jaxmrl.formats.source import Source, cell_text, fitted, within_limits
from jaxmrl.formats.titles import names_smiles
from jaxmrl.io.cache import max_expanded
from jaxmrl.io.records import column_names, plain_names
from jaxmrl.io.units import unit_of
from jaxmrl.text import count

_AHEAD = 20
"""Rows of a sheet among which its header is."""

_SIGNS = frozenset({"<", ">", "<=", ">=", "≤", "≥", "~", "≈"})
_FORMAT = re.compile(
    r'(?:\[[^]]*\])*(?P<before>(?:"[^"]*"|\\.|[<>=≤≥~≈ ])*)(?:General|[#0?,.Ee+]+)(?P<after>(?:"[^"]*"|\\.| )*)'
)
"""A number format with text before and after the digits."""

_CONDITION = re.compile(r"\[[<>=]")

_BLOCK = 2**20
_DOCTYPE = b"<!DOCTYPE"
_MERGED = re.compile(rb'mergeCell\s+ref="([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})"')
_LONGEST_RANGE = 100
"""Bytes that a merged range takes at most."""


def open_workbook(content: Content, sheet: str | None = None) -> Source:
    """Return the table in a sheet of a workbook.

    The lines of its rows are those of the sheet. Raises DataError for a workbook without a table or this sheet, or one
    that is damaged or malicious, and UserError without openpyxl.

    Args:
        content: The workbook.
        sheet: The name of the sheet; None for the first one whose header names SMILES, else the first with rows.
            Hidden sheets come last.
    """
    stream = _stream(content, sheet)
    header, remarks = next(stream)
    return Source(header, stream, "\t", remarks)


def _stream(content: Content, name: str | None) -> Iterator[Any]:
    """Yield the header and the remarks on a workbook, then its rows."""
    try:
        import openpyxl
    except ImportError:
        raise UserError(
            f"{content.path} is an Excel workbook, which needs openpyxl: pip install 'jaxmrl[excel]', or save it as CSV"
        ) from None
    try:
        _check(content)
        with content.seekable() as file:
            workbook = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            sheet, rows, at, others = _choose(content, _named(content, workbook.worksheets, name))
            header = plain_names(rows[at][1])
            _refuse_formulas(content, sheet.title, header, rows[at + 1 :])
            merged = _merged(content, sheet, rows[at][0])
            said = f"{count(len(merged), 'merged cell')}, whose value is that of each of its rows"
            yield header, (*_remarks(sheet, at, others), *([said] if merged else []))
            for line, fields in _unmerged(_filled(content, sheet), merged):
                if line > rows[at][0]:
                    yield fitted(line, fields + [""] * (len(header) - len(fields)), len(header), "\t")
    except UserError:
        raise
    except Exception as error:  # openpyxl raises many kinds for a damaged file
        said = " ".join(str(error).split())[:100] or type(error).__name__
        raise DataError(f"{content.path} is an Excel workbook that cannot be read ({said}); save it again") from None


def _remarks(sheet: Any, before: int, others: int) -> tuple[str, ...]:
    """Return what is said of a workbook. before: rows above the header; others: sheets with rows."""
    said = [f"an Excel workbook, sheet {sheet.title[:40]!r}"]
    said += [f"{count(others, 'other sheet')} not read (--sheet chooses one)"] if others else []
    return (*said, f"{count(before, 'row')} before the header, not read") if before else tuple(said)


def _named(content: Content, sheets: list[Any], name: str | None) -> list[Any]:
    """Return the sheet of this name, or all sheets if there is no name. Raises DataError if there is no such sheet."""
    found = [sheet for sheet in sheets if name is None or sheet.title == name]
    if not found:
        titles = column_names([sheet.title for sheet in sheets])
        raise DataError(f"{content.path} has no sheet {name!r}; its sheets are {titles}")
    return found


def _choose(content: Content, sheets: list[Any]) -> tuple[Any, list[tuple[int, list[str]]], int, int]:
    """Return a sheet, its first rows that are not empty, which of them is the header, and how many others have rows."""
    found = [(sheet, list(itertools.islice(_filled(content, sheet), _AHEAD))) for sheet in sheets]
    found = [(sheet, rows) for sheet, rows in found if rows]
    if not found:
        raise DataError(f"{content.path} is an Excel workbook without any row; expected a table")
    found.sort(key=lambda one: one[0].sheet_state != "visible")
    for sheet, rows in found:
        at = next((k for k, (_, fields) in enumerate(rows) if names_smiles(fields)), None)
        if at is not None:
            return sheet, rows, at, len(found) - 1
    return *found[0], 0, len(found) - 1


def _refuse_formulas(content: Content, title: str, header: list[str], rows: list[tuple[int, list[str]]]) -> None:
    """Raise DataError if a column without a value in the first rows of a sheet has formulas there.

    A program other than a spreadsheet program writes formulas without their values.
    """
    import openpyxl

    empty = [k for k in range(len(header)) if not any(fields[k].strip() for _, fields in rows if k < len(fields))]
    if not rows or not empty:
        return
    with content.seekable() as file:
        sheet = openpyxl.load_workbook(file, read_only=True, keep_links=False)[title]
        sheet.reset_dimensions()
        last = min(rows[-1][0], rows[0][0] + _AHEAD)
        cells = list(sheet.iter_rows(min_row=rows[0][0], max_row=last, values_only=True))
    found = [header[k] for k in empty if any(str(row[k]).startswith("=") for row in cells if k < len(row))]
    if found:
        raise DataError(
            f"{content.path}, sheet {title[:40]!r}: {column_names(found)} has formulas without values, which a "
            "spreadsheet program would compute: open the workbook in one and save it"
        )


def _merged(content: Content, sheet: Any, header: int) -> list[tuple[int, int, int]]:
    """Return (first row, last row, column from 0) of each cell below the header that was merged with those below it."""
    from openpyxl.utils import column_index_from_string

    path = getattr(sheet, "_worksheet_path", None)  # openpyxl does not read what is merged without the whole sheet
    if path is None:
        return []
    found, end = set(), b""
    with content.seekable() as file, zipfile.ZipFile(file) as archive, archive.open(path) as xml:
        while block := xml.read(_BLOCK):
            found.update(_MERGED.findall(end + block))
            end = block[-_LONGEST_RANGE:]
    ranges = [(int(first), int(last), column_index_from_string(letters.decode()) - 1) for letters, first, last in found]
    return [(first, last, column) for first, last, column in ranges if header < first < last]


def _unmerged(
    rows: Iterator[tuple[int, list[str]]], merged: list[tuple[int, int, int]]
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a sheet with the value of a merged cell in each of its rows that has others."""
    starting: dict[int, list[tuple[int, int]]] = {}
    for first, last, column in merged:
        starting.setdefault(first, []).append((last, column))
    held: dict[int, tuple[int, str]] = {}
    for line, fields in rows:
        for column, (last, text) in list(held.items()):
            if line > last:
                del held[column]
            elif column < len(fields):
                fields[column] = text
            else:
                fields += [""] * (column - len(fields)) + [text]
        for last, column in starting.get(line, ()):
            if column < len(fields):
                held[column] = last, fields[column]
        yield line, fields


def _filled(content: Content, sheet: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield (row of the sheet, cells as texts) of each row that is not empty, without empty cells at its end."""
    sheet.reset_dimensions()  # what a workbook says of its size may be wrong
    beside = [_beside(one) for one in getattr(sheet.parent, "_number_formats", ())]
    several_units = len({unit_of(unit) for _, unit in beside if unit}) > 1
    shown = several_units or any(sign for sign, _ in beside)
    rows = enumerate(sheet.iter_rows(values_only=not shown), 1)
    texts = partial(_shown, several_units) if shown else cell_text
    for line, fields in within_limits(content.path, ((line, _texts(map(texts, cells))) for line, cells in rows)):
        if fields:
            yield line, fields


def _beside(number_format: str, value: float = 1.0) -> tuple[str, str]:
    """Return the sign and the unit that a format shows beside a number, as > for >30 of 30; empty for none.

    A format has sections for numbers above 0, below 0 and for 0. One with conditions shows nothing here.
    """
    sections = number_format.split(";")
    section = sections[1 if value < 0 and len(sections) > 1 else 2 if value == 0 and len(sections) > 2 else 0]
    found = None if _CONDITION.search(number_format) else _FORMAT.fullmatch(section)
    sign, unit = (_literal(found["before"]), _literal(found["after"])) if found else ("", "")
    return sign if sign in _SIGNS else "", unit if unit_of(unit) else ""


def _shown(several_units: bool, cell: Any) -> str:
    """Return the text of a cell, with the sign that its format shows before the number.

    several_units: whether formats show different units; the text then has that unit, too.
    """
    text = cell_text(cell.value)
    if not isinstance(cell.value, int | float) or isinstance(cell.value, bool):
        return text
    sign, unit = _beside(cell.number_format, cell.value)
    return f"{sign}{text} {unit if several_units else ''}".strip()


def _literal(part: str) -> str:
    """Return what a part of a number format shows as it is."""
    return re.sub(r'[\\"]', "", part).strip()


def _texts(cells: Iterable[str]) -> list[str]:
    fields = list(cells)
    while fields and not fields[-1].strip():
        fields.pop()
    return fields


def _check(content: Content) -> None:
    """Raise DataError for a workbook that would fill the memory: by its size, or by entities that name each other."""
    with content.seekable() as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > max_expanded(content.path.stat().st_size):
            raise too_large(content.path)
        for member in members:
            if member.filename.endswith((".xml", ".rels")) and _has_doctype(archive, member):
                raise DataError(f"{content.path} is no workbook of Excel: {member.filename[:60]!r} defines entities")


def _has_doctype(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    end = b""
    with archive.open(member) as file:
        while block := file.read(_BLOCK):
            both = end + block.replace(b"\0", b"")  # of UTF-16
            if _DOCTYPE in both.upper():
                return True
            end = both[-len(_DOCTYPE) :]
    return False
