"""A column of dates, read strictly: one format for the whole column, and no ambiguous dates."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from jaxmrl.errors import DataError
from jaxmrl.io.missing import is_mark, is_missing

EXPECTED = "dates such as 2021-03-31, 2021-03, 2021, 31.03.2021, 31/03/2021 or 31 Mar 2021"
"""The date formats that error messages list."""

_MONTHS = {name: k for k, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_LONG = "january february march april may june july august september october november december".split()
_YEARS = range(1900, 2101)
_SERIAL = re.compile(r"[234]\d{4}(\.\d+)?")
_SHORT_YEAR = re.compile(r"\d{1,2}([/.-])(\d{1,2}|[A-Za-z]{3,9})\1\d{2}")
_CLOCK = r"(?:(?:T|,? )\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:\s?[AP]M)?(?: (?:UTC|GMT))?)?"

Parts = tuple[int, int, int]


@dataclass(frozen=True)
class _Form:
    """A date format: its name, its pattern, and a function from a match to year, month and day."""

    name: str
    pattern: re.Pattern[str]
    parts: Callable[[re.Match[str]], Parts]


def _form(name: str, pattern: str, parts: Callable[[re.Match[str]], Parts]) -> _Form:
    return _Form(name, re.compile(pattern, re.IGNORECASE), parts)


def _month(name: str) -> int:
    """Return the number of an English month, by its name or the first three letters; 0 for another word."""
    lower = name.lower()
    return _MONTHS.get(lower[:3], 0) if len(lower) == 3 or lower in _LONG else 0


def _year_first(m: re.Match[str]) -> Parts:
    return int(m[1]), int(m[2]), int(m[3])


def _day_first(m: re.Match[str]) -> Parts:
    return int(m[3]), int(m[2]), int(m[1])


def _month_first(m: re.Match[str]) -> Parts:
    return int(m[3]), int(m[1]), int(m[2])


_WORD, _GAP = r"([a-z]{3,9})", r"[- /]?"
_FORMS = (
    _form("YYYY-MM-DD", rf"(\d{{4}})[-/.](\d\d?)[-/.](\d\d?){_CLOCK}", _year_first),
    _form("YYYYMMDD", r"((?:19|20)\d{2})(\d\d)(\d\d)", _year_first),
    _form("YYYY-MM", r"(\d{4})[-/](\d\d?)", lambda m: (int(m[1]), int(m[2]), 1)),
    _form("YYYY", r"(\d{4})(?:\.0)?", lambda m: (int(m[1]), 1, 1)),
    _form("DD.MM.YYYY", rf"(\d\d?)\.(\d\d?)\.(\d{{4}}){_CLOCK}", _day_first),
    _form(
        "DD Month YYYY",
        rf"(\d\d?){_GAP}{_WORD}[- /,]*(\d{{4}}){_CLOCK}",
        lambda m: (int(m[3]), _month(m[2]), int(m[1])),
    ),
    _form(
        "Month DD, YYYY",
        rf"{_WORD}{_GAP}(\d\d?),?[- /]*(\d{{4}}){_CLOCK}",
        lambda m: (int(m[3]), _month(m[1]), int(m[2])),
    ),
    _form("Month YYYY", rf"{_WORD}[- /,]*(\d{{4}})", lambda m: (int(m[2]), _month(m[1]), 1)),
)

_ZONED = "a time with its zone"
_SLASHED = rf"(\d\d?)[/-](\d\d?)[/-](\d{{4}}){_CLOCK}"
_DAY_FIRST = _form("DD/MM/YYYY", _SLASHED, _day_first)
_MONTH_FIRST = _form("MM/DD/YYYY", _SLASHED, _month_first)


def read_dates(path: Path, column: str, texts: list[str], lines: list[int]) -> tuple[np.ndarray, str]:
    """Return the dates [N] datetime64[s] of the cells of a column, NaT for missing ones, and the name of their format.

    All cells must have the same format. A year or a month stands for its first day. The order of day and month in
    03/04/2021 is taken from the column if it has a number above 12.

    Args:
        path: The file, for messages.
        column: The name of the column.
        texts: Its N cells.
        lines: The line of each cell.

    Raises:
        DataError: For a cell that is not a date, for dates in several formats, for an unknown order of day and month,
            for two-digit years, and for a column without dates.
    """
    known = [k for k, text in enumerate(texts) if not (is_missing(text) or is_mark(text))]
    if not known:
        raise DataError(f"{path}, column {column}: no cell has a date; expected {EXPECTED}")
    slashed = _slash_form(path, column, [texts[k].strip() for k in known], [lines[k] for k in known])
    forms = (*_FORMS, slashed) if slashed else _FORMS
    dates, first = np.full(len(texts), np.datetime64("NaT"), "datetime64[s]"), ("", 0)
    for k in known:
        text, where = texts[k].strip(), f"{path}, line {lines[k]}, column {column}"
        name, dates[k] = _read(text, where, forms)
        if first[0] and name != first[0]:
            raise DataError(
                f"{where}: {text[:40]!r} is written as {name}, and line {lines[first[1]]} "
                f"({texts[first[1]].strip()[:40]!r}) as {first[0]}; write all dates of the column in the same format"
            )
        first = first if first[0] else (name, k)
    return dates, first[0]


def _slash_form(path: Path, column: str, texts: list[str], lines: list[int]) -> _Form | None:
    """Return the format of dates such as 31/03/2021; None if there are no such dates."""
    found = [(k, match) for k, text in enumerate(texts) if (match := _DAY_FIRST.pattern.fullmatch(text))]
    if not found:
        return None
    day_first = [k for k, match in found if int(match[1]) > 12]
    month_first = [k for k, match in found if int(match[2]) > 12]
    if day_first and month_first:
        raise DataError(
            f"{path}, column {column}: line {lines[day_first[0]]} ({texts[day_first[0]]!r}) has the day first, and "
            f"line {lines[month_first[0]]} ({texts[month_first[0]]!r}) the month; write all dates as YYYY-MM-DD"
        )
    if not day_first and not month_first:
        k = found[0][0]
        raise DataError(
            f"{path}, line {lines[k]}, column {column}: {texts[k]!r} may be DD/MM/YYYY or MM/DD/YYYY, and no date "
            "of the column has a number above 12 that would decide; write the dates as YYYY-MM-DD"
        )
    return _DAY_FIRST if day_first else _MONTH_FIRST


def _read(text: str, where: str, forms: tuple[_Form, ...]) -> tuple[str, np.datetime64]:
    """Return the name of a date's format, and the date."""
    if re.search(r"\d(Z|[+-]\d\d:?\d\d)$", text) and ":" in text:
        return _ZONED, _zoned(text, where)
    for form in forms:
        if match := form.pattern.fullmatch(text):
            year, month, day = form.parts(match)
            try:
                if year not in _YEARS:
                    raise ValueError
                return form.name, np.datetime64(datetime(year, month, day), "s") + _clock(text)
            except ValueError:
                raise DataError(f"{where}: {text[:40]!r} is not a valid date between 1900 and 2100") from None
    if _SERIAL.fullmatch(text):
        raise DataError(
            f"{where}: {text!r} may be an Excel serial number of a date; format the column as dates (YYYY-MM-DD) and "
            "save the file again"
        )
    if _SHORT_YEAR.fullmatch(text):
        raise DataError(f"{where}: {text!r} has a two-digit year; write the dates as YYYY-MM-DD")
    raise DataError(f"{where}: {text[:40]!r} is not a date; expected {EXPECTED}")


def _clock(text: str) -> np.timedelta64:
    """Return the time of day in a date's text; 0 if it has none."""
    match = re.search(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:\s?([AP]M))?(?: (?:UTC|GMT))?$", text, re.IGNORECASE)
    if match is None:
        return np.timedelta64(0, "s")
    hour = int(match[1])
    if match[4]:
        hour = hour % 12 + (12 if match[4].upper() == "PM" else 0)
    return np.timedelta64(datetime(2000, 1, 1, hour, int(match[2]), int(match[3] or 0)) - datetime(2000, 1, 1), "s")


def _zoned(text: str, where: str) -> np.datetime64:
    """Convert a time with a time zone to UTC."""
    try:
        found = datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
    except ValueError:
        raise DataError(f"{where}: {text[:40]!r} is not a date; expected {EXPECTED}") from None
    return np.datetime64(found, "s")
