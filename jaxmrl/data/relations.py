"""Columns about the numbers of another, such as ChEMBL's: relations (> and <), units and types."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np

from jaxmrl.data.targets import Column
from jaxmrl.io.cells import ABOUT, ABOVE, BELOW, CENSORED, EXACTLY, NUMBER, is_missing, plain_signs
from jaxmrl.io.records import Records
from jaxmrl.text import count

_EXACT = frozenset({"=", "==", "eq", "equal", "equals", "equal to", "exact", "exactly"})
_SIGNS = {
    ABOVE: {"greater than", "greater", "more than", "at least", "greater than or equal to", "greater or equal"}
    | set("> >= => >> ≥ ≧ gt ge gte".split()),
    BELOW: {"less than", "less", "fewer than", "at most", "less than or equal to", "less or equal", "smaller than"}
    | set("< <= =< << ≤ ≦ lt le lte".split()),
    ABOUT: set("~ ≈ approx approximate approximately ca".split()),
}
_SIDES = {text: side for side, texts in _SIGNS.items() for text in texts}
"""Where the true value lies from the number, by the cell of a column of relations."""

_WORDS = frozenset("relation relations operator qualifier modifier sign prefix value values mean".split())
"""Words of a name that do not say what is measured."""

_NEARLY = 0.9
"""The share of relations, of the cells that are not empty, from which a column is one of relations."""

_UNIT_WORDS = frozenset({"unit", "units", "uom"})
_TYPE_WORDS = frozenset({"type", "types"})
_MOST_UNITS, _LONGEST = 4, 20
"""Units that a remark names, and the characters of a cell that has one."""


def with_relations(records: Records, columns: list[Column]) -> tuple[list[Column], list[str]]:
    """Return the columns with the numbers marked as censored that a column of relations says so of, and remarks.

    Such a column is about those whose names have all the words of its own, but for words such as relation and value;
    where the table has none of that kind, about all.
    """
    remarks, relations, stems = [], [], _stems(records)
    for at, name in enumerate(records.header):
        sides, odd = _relations(records, at)
        if sides is not None:
            relations.append((name, _about(stems, _stem(name), _stem(name)), sides))
            remarks += [f"{name}: {odd}; labels of such rows are used as they are"] if odd else []
    # A column with relations of its own needs no remark on those of others.
    own = {
        column.name for column in columns if any(about and about <= _stem(column.source) for _, about, _ in relations)
    }
    for name, about, sides in relations:
        columns = [_applied(column, name, about, sides, [] if column.name in own else remarks) for column in columns]
    return columns, remarks


def unit_remarks(records: Records, columns: list[Column], *, converted: bool = False) -> list[str]:
    """Return a remark for each column of numbers that mixes units, or types such as IC50 and Ki, by another column.

    A column of units is about the same columns as one of relations; one of types only about those that share its name,
    as Standard Value does with Standard Type. converted: whether units are converted, which then needs no remark.
    """
    remarks = []
    for at, about, what in _qualifiers(records):
        for column in columns:
            is_mixed = column.words is None and column.at != at and about <= _stem(column.source)
            if is_mixed and not (converted and what == "units"):
                remarks += _mixed(records, at, column, what)
    return remarks


def units_of(records: Records, column: Column) -> list[str] | None:
    """Return the cells [N] of the column that has the units of another; None where there is none."""
    found = [at for at, about, what in _qualifiers(records) if what == "units" and about <= _stem(column.source)]
    return [fields[found[0]].strip() for *_, fields in records.rows] if found else None


def _qualifiers(records: Records) -> list[tuple[int, set[str], str]]:
    """Return (place, words of the names it is about, units or types) of columns of units and of types."""
    found, stems = [], _stems(records)
    for at, words in enumerate(map(_stem, records.header)):
        own = words & (_UNIT_WORDS | _TYPE_WORDS)
        about = _about(stems, words, words - own) if own else set()
        if own and (about or own & _UNIT_WORDS):
            found.append((at, about, "units" if own & _UNIT_WORDS else "types"))
    return found


def _mixed(records: Records, at: int, column: Column, what: str) -> list[str]:
    """Return a remark where the cells of the column at `at` differ among the labels of another column."""
    cells = [fields[at].strip() for *_, fields in records.rows]
    labeled = column.numbers.kinds <= CENSORED
    units = Counter(
        cell.replace("μ", "µ") for cell, some in zip(cells, labeled, strict=True) if some and not is_missing(cell)
    )
    if len(units) < 2:
        return []
    shown = ", ".join(f"{unit[:_LONGEST]} {many:,}" for unit, many in units.most_common(_MOST_UNITS))
    shown += ", ..." if len(units) > _MOST_UNITS else ""
    return [
        f"{column.name}: column {records.header[at]} has {len(units)} {what} for its labels ({shown}), which are used "
        f"as they are; keep the rows of one{', or convert the others' if what == 'units' else ''}"
    ]


def _stems(records: Records) -> Counter[frozenset[str]]:
    """Return the words of the columns' names, and how many columns have them."""
    return Counter(frozenset(_stem(name)) for name in records.header)


def _about(stems: Counter[frozenset[str]], own: set[str], stem: set[str]) -> set[str]:
    """Return the words `stem` of a column's name that it shares with those it is about; none where it is about all.

    own: all words of its name.
    """
    shared = any(stem <= other and (other != own or columns > 1) for other, columns in stems.items())
    return stem if shared else set()


def _applied(column: Column, name: str, about: set[str], sides: np.ndarray, remarks: list[str]) -> Column:
    """Return a column after the relations `sides` [N] in the column `name`, or a remark.

    about: how many columns have such words.
    """
    numbers = column.numbers
    hit = (sides != EXACTLY) & (numbers.kinds == NUMBER)
    if column.words or not hit.any():
        return column
    if about <= _stem(column.source):
        kinds, sides = np.where(hit, CENSORED, numbers.kinds), np.where(hit, sides, numbers.all_sides)
        return replace(column, numbers=replace(numbers, kinds=kinds, sides=sides))
    rows = count(int(hit.sum()), "row")
    remarks.append(f"{column.name}: {rows} with >, < or ~ in column {name}, whose labels are used as they are")
    return column


def _relations(records: Records, at: int) -> tuple[np.ndarray | None, str]:
    """Return the side of each row [N] by its relation, None where the column is not one of relations.

    The text says which cells of such a column are no relations; it is empty where all are.
    """
    texts = [_relation(fields[at]) for *_, fields in records.rows]
    found = Counter(texts)
    odd = {text for text in found if text not in _EXACT and text not in _SIDES and not is_missing(text)}
    many = sum(found[text] for text in odd)
    filled = sum(cells for text, cells in found.items() if not is_missing(text))
    if filled - many < _NEARLY * filled:
        return None, ""
    said = ""
    if odd:
        k = next(k for k, text in enumerate(texts) if text in odd)
        _, line, fields = records.rows[k]
        said = f"{count(many, 'cell')} without a relation, such as {fields[at].strip()[:_LONGEST]!r} in line {line}"
    return np.array([_SIDES.get(text, EXACTLY) for text in texts], np.int8), said


def _relation(text: str) -> str:
    """Return a cell in lower case, without quotes and with one blank between words."""
    return " ".join(re.sub(r"(?<=[a-z])[ _-]+(?=[a-z])", " ", plain_signs(text).lower()).strip(" .'\"").split())


def _stem(name: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", name.lower())) - _WORDS
