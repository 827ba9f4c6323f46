"""Which columns of a table are predicted where nobody names them: numbers or classes, and no ids, dates or splits."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from jaxmrl.data.classes import Classes, are_classes, ask_about_minus_one, few_classes, may_have_minus_one, word_classes
from jaxmrl.errors import DataError
from jaxmrl.io.cells import (
    CENSORED,
    INVISIBLE,
    MARK,
    MISSING,
    TEXT,
    Numbers,
    Style,
    grouped_by_commas,
    read_numbers,
    without_points,
)
from jaxmrl.io.missing import is_missing
from jaxmrl.io.records import Records, column_names, one_column

NEARLY = 0.9
"""The share of numbers, of the cells that are not missing, from which a column is one of numbers."""

_SOME = 0.5
"""The share from which a column that is none is mentioned, and asked about where it may be a target."""

_ENOUGH = 10
"""Numbers of a column from which their pattern, and not their column's name alone, says that they are ids."""

ALL_DIFFERENT = "whole numbers, all different"
"""Why a column that may have ids is no target by default."""

_LIKE = 5.0
"""Columns are of like scale while the largest standard deviation is at most so many times the smallest."""

_FAR = 10.0
"""Columns are of like scale while their means are at most so many of the largest standard deviations apart."""

_ZERO_COMMA = re.compile(r"\s*[-+−]?0,\d+\s*")
_UNNAMED = re.compile(r"unnamed: ?\d+(\.\d+|_level_\d+)*|(\.\.)?\.\d+|column ?\d+", re.IGNORECASE)
_IDS = frozenset("id ids idx index cas casrn casno cid sid uid uuid rowid".split())
_ALONE = frozenset("num nr no number row rank key n".split())
_DATES = frozenset("date dates year years timestamp datetime".split())
_PREDICTIONS = frozenset("predicted prediction predictions pred".split())
_SPLITS = frozenset("split splits set fold folds cv subset partition dataset part".split())
_ID = re.compile(r"(chembl|compound|cmpd|cpd|entry|mol|molecule|pubchem|row|sample|substance)id")
"""Words of a column's name; those of _ALONE are all of it."""

_PARTS = frozenset(
    "train training tr trn valid validation val dev test testing tst te holdout external calibration".split()
)


@dataclass(frozen=True)
class Column:
    """One column of a table, or the cells of one column that are of one assay.

    at       where its cells stand in a row
    source   the name of the column at that place
    numbers  its N cells as numbers
    words    its cells as classes, where they are words
    """

    name: str
    at: int
    source: str
    numbers: Numbers = field(repr=False)
    words: Classes | None = field(repr=False, default=None)

    @property
    def classes(self) -> bool:
        """Whether it has two classes."""
        return self.words is not None or are_classes([self.numbers])

    @property
    def odd(self) -> np.ndarray:
        """Which cells [N] are neither empty nor a number or a class."""
        if self.words is None:
            return self.numbers.kinds >= MARK
        return np.isnan(self.words.labels) & (self.numbers.kinds != MISSING)


def part_word(text: str) -> str:
    """Return the name of a part in lower case, without invisible characters, hyphens and a "set" at its end."""
    return re.sub(r"(?<=[a-z])[\W_]*set$|[\W_]", "", text.translate(INVISIBLE).strip().lower())


def read_column(records: Records, at: int, *, concentrations: bool = False) -> Column:
    """Return a column of a table as numbers or classes. concentrations: as of `read_numbers`."""
    texts = [fields[at] for *_, fields in records.rows]
    read = partial(read_numbers, concentrations=concentrations)
    numbers = read(texts, records.separator)
    if records.separator != "," and (plain := without_points(texts)) and _has_decimal_commas(records):
        numbers = replace(read(plain, records.separator), style=Style(",", "."))
    if numbers.style == Style(".", ",") and _has_decimal_commas(records, certain=True):
        numbers = read(texts, ";")
    if numbers.style.decimal == "," and grouped_by_commas(texts) and _has_decimal_points(records):
        numbers = read(texts, ",")
    words = word_classes(texts) if (numbers.kinds == TEXT).any() or _is_signs(numbers) else None
    return Column(records.header[at], at, records.header[at], numbers, words)


def _has_decimal_commas(records: Records, *, certain: bool = False) -> bool:
    """Return whether a column of the table is of numbers with decimal commas, so that a point is no decimal point.

    Substitution patterns, such as 1,2 and 2,4,6, are no numbers. certain: whether a number must begin with 0, as 0,25
    does, because others may be lists.
    """
    for texts in zip(*(fields for *_, fields in records.rows), strict=True):
        if certain and not any("0," in text and _ZERO_COMMA.fullmatch(text) for text in texts):
            continue
        numbers = read_numbers(list(texts), records.separator)
        if numbers.style.decimal == "," and numbers.share >= NEARLY and not _are_patterns(texts):
            return True
    return False


def _are_patterns(texts: Iterable[str]) -> bool:
    """Return whether all cells with a comma have single digits from 1 that rise from one to the next."""
    cells = [text.strip().split(",") for text in texts if "," in text]
    return all(set(map(len, cell)) == {1} and sorted(set(cell)) == cell and cell[0] > "0" for cell in cells)


def _has_decimal_points(records: Records) -> bool:
    """Return whether a column of the table is of numbers with decimal points, so that a comma is no decimal comma."""
    for texts in zip(*(fields for *_, fields in records.rows), strict=True):
        if any("." in text for text in texts) and not grouped_by_commas(texts) and without_points(list(texts)) is None:
            numbers = read_numbers(list(texts), records.separator)
            if numbers.style.decimal == "." and numbers.share >= NEARLY:
                return True
    return False


def _is_signs(numbers: Numbers) -> bool:
    """Return whether no cell is a number, as in a column of + and -."""
    return not (numbers.kinds <= CENSORED).any()


def default_targets(
    path: Path, records: Records, taken: frozenset[int], task: str | None, *, concentrations: bool = False
) -> tuple[list[Column], list[str]]:
    """Return the columns to predict, and remarks on the choice.

    They are those of numbers or of two classes, without ids, dates, constants, predictions and the split, and without
    the places `taken`, which have molecules, groups, dates or weights. concentrations: as of `read_numbers`. Raises
    DataError where there is none, where several are of different scale, and where others are numbers in part.
    """
    found, partly, left_out, remarks = [], [], [], []
    for at, name in enumerate(records.header):
        if at in taken or _split_values(records, at):
            continue
        column = read_column(records, at, concentrations=concentrations)
        if (column.numbers.kinds == MISSING).all():
            left_out.append(f"{name} (empty)".lstrip())
        elif column.words is None and column.numbers.share < NEARLY:
            some = [_partly(records, column)] if column.numbers.share >= _SOME else []
            left_out += some
            partly += [] if why_no_target(column) else some
        elif reason := why_no_target(column):
            left_out.append(f"{name} ({reason})".lstrip())
        else:
            found.append(column)
    if left_out:
        remarks.append(f"not taken as targets: {column_names(left_out)}; name such a column with --target-columns")
    if not found:
        raise _nothing_to_predict(path, records, taken, left_out)
    if partly:
        raise DataError(
            f"{path} has columns in which only some cells are numbers: {column_names(partly)}; correct the other "
            "cells, or name the columns to predict with --target-columns, which treats those cells as missing labels"
        )
    if task != "regression":
        small = [column for column in found if column.words is None and may_have_minus_one(column.numbers)]
        names = column_names([column.name for column in small])
        ask_about_minus_one(f"{path}, {names}", [column.numbers for column in small])
    check_alike(path, records, found)
    remarks.append(f"target columns, by their values: {column_names([column.name for column in found])}")
    return found, remarks


def split_remarks(path: Path, records: Records) -> list[str]:
    """Return remarks on columns that assign rows to the parts of a split, which are not used."""
    found = ((name, _split_values(records, at)) for at, name in enumerate(records.header))
    return [
        f"column {name} ({parts}) splits the data only on request: "
        f"{'' if name.lower() == 'split' else 'call it split and '}give --split-file {path}"
        for name, parts in found
        if parts
    ]


def why_no_target(column: Column) -> str:
    """Return why a column of numbers or classes is not a target by default; empty if it is one."""
    words = set(re.findall(r"[^\W_]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", column.name).lower()))
    known = column.numbers.known
    known = known[~np.isnan(known)]
    whole = bool(len(known)) and bool((known == np.round(known)).all())
    if not column.name or _UNNAMED.fullmatch(column.name):
        return "a column without a name"
    is_part = bool(words - {"is"}) and words - {"is"} <= _PARTS
    if (whole or column.words) and (words & _SPLITS or is_part) and not words & _IDS:
        return "a split, by its name"
    if words & _PREDICTIONS:
        return "predictions, by its name"
    if column.words:
        labels = column.words.labels
        return "one class only" if len(np.unique(labels[~np.isnan(labels)])) < 2 else ""
    if not len(known):
        return "no measured value, only <, > or ~"
    if len(known) > 1 and len(column.numbers.distinct) == 1:
        one = " and ".join(column.numbers.merged or ())
        return f"one value only{': ' if one else ''}{one}{' are one number in double precision' if one else ''}"
    if column.classes:
        return ""
    if whole and (words & _IDS or words <= _ALONE or any(map(_ID.fullmatch, words))):
        return "ids, by its name"
    if words & _DATES or (whole and len(known) >= _ENOUGH and _are_years(known)):
        return "dates"
    if whole and len(known) >= _ENOUGH and len(set(known.tolist())) == len(known):
        return ALL_DIFFERENT
    return ""


def _are_years(known: np.ndarray) -> bool:
    """Return whether whole numbers are years, or days such as 20240131."""
    low, high, month, day = known.min(), known.max(), known // 100 % 100, known % 100
    days = low >= 19000101 and high <= 21001231 and (month >= 1).all() and (month <= 12).all()
    return bool((low >= 1900 and high <= 2100) or (days and (day >= 1).all() and (day <= 31).all()))


def _split_values(records: Records, at: int) -> str:
    """Return, in words, the parts that a column assigns rows to; empty if it is not a column of a split."""
    if not _SPLITS & set(re.findall(r"[a-z]+", records.header[at].lower())):
        return ""
    values = {part_word(fields[at]) for *_, fields in records.rows if not is_missing(fields[at])}
    return ", ".join(sorted(values)) if values and values <= _PARTS else ""


def first_odd(records: Records, column: Column, kinds: tuple[int, ...] = (MARK, TEXT)) -> tuple[int, str]:
    """Return (line, text) of the first cell that is `odd` and of such a kind."""
    _, line, fields = records.rows[int(np.flatnonzero(column.odd & np.isin(column.numbers.kinds, kinds))[0])]
    return line, fields[column.at].strip()


def _partly(records: Records, column: Column) -> str:
    line, text = first_odd(records, column, (TEXT,))
    return f"{column.name} ({column.numbers.share:.0%} numbers; line {line} has {text[:30]!r})"


def check_alike(path: Path, records: Records, columns: list[Column]) -> None:
    """Raise DataError where several columns that nobody named are of different scale."""
    if len(columns) > 1 and not _alike(columns):
        shown = column_names([_described(records, column) for column in columns], 6)
        raise DataError(
            f"{path} has several columns to predict, of different scale: {shown}; name those that you want with "
            "--target-columns"
        )


def _alike(columns: list[Column]) -> bool:
    """Return whether columns are all classes, or all numbers of like scale, whole or with decimals."""
    if any(column.classes for column in columns):
        return all(column.classes for column in columns)
    known = [values[~np.isnan(values)] for values in (column.numbers.known for column in columns)]
    known = [values for values in known if len(values) >= _ENOUGH]
    if len(known) < 2:
        return True
    if len({bool((values == np.round(values)).all()) for values in known}) > 1:
        return False
    means, spreads = np.array([(values.mean(), values.std()) for values in known]).T
    return bool(spreads.max() <= _LIKE * spreads.min() and np.ptp(means) <= _FAR * spreads.max())


def _described(records: Records, column: Column) -> str:
    if column.classes:
        return f"{column.name} (two classes)"
    found = sorted(column.numbers.distinct)
    odd = ""
    if column.odd.any():
        line, text = first_odd(records, column)
        odd = f"; line {line} has {text[:30]!r}"
    return f"{column.name} ({found[0]:g} to {found[-1]:g}{odd})"


def _nothing_to_predict(path: Path, records: Records, taken: frozenset[int], left_out: list[str]) -> DataError:
    if len(records.header) == 1 and len(records.header[0].split()) > 1:
        return one_column(path, records.header)
    if left_out:
        return DataError(
            f"{path} has no column to predict: not taken are {column_names(left_out)}; name one with --target-columns"
        )
    words = [_words(records, k) for k in range(len(records.header)) if k not in taken]
    if any(words):
        return DataError(
            f"{path} has no numeric column to predict, and texts in {column_names(list(filter(None, words)))}: write "
            "two classes as 1 and 0, and give a column for each of more; write numbers without units"
        )
    first = records.rows[0][2] if records.rows else []
    shown = [f"{name} ({text[:30]!r})" if text else name for name, text in zip(records.header, first, strict=False)]
    return DataError(f"{path} has no numeric column to predict; its columns begin with {column_names(shown)}")


def _words(records: Records, at: int) -> str:
    """Return a column with its classes, or with the first of its texts that begin with a digit; empty for other
    columns.
    """
    texts = [fields[at].strip() for *_, fields in records.rows]
    shown = few_classes(texts) or next((repr(text[:30]) for text in texts if re.match(r"[<>~+-]?\s?\d", text)), "")
    return f"{records.header[at]} ({shown})" if shown else ""
