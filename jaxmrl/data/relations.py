"""Columns about the numbers of another, such as ChEMBL's: relations (> and <), units and types."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np

from jaxmrl.data.qualifiers import RELATIONS, UNITS, Qualifiers, named_qualifiers, says_relation
from jaxmrl.data.targets import Column, read_column
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

_NEARLY = 0.9
"""The share of relations, of the cells that are not empty, from which a column is one of relations."""

_SAMPLE, _SEVERAL, _ROUNDED = 1000, 5, 0.02
"""Rows by which a column is known as the logarithm of another, how many are enough, and how they may be rounded."""

_MOST_UNITS, _LONGEST = 4, 20
"""Units that a remark names, and the characters of a cell that has one."""


def with_relations(records: Records, columns: list[Column]) -> tuple[list[Column], list[str]]:
    """Return the columns with the numbers marked as censored that a column of relations says so of, and remarks.

    `Qualifiers` says which column of relations is about which numbers. Where a column is the logarithm of the numbers
    that the relations are about, they hold for it, too: turned round if it is a negative one, as pIC50 is.
    """
    found, remarks = {}, []
    for at, name in enumerate(records.header):
        sides, odd = _relations(records, at)
        if sides is not None:
            found[at] = sides
            remarks += [f"{name}: {odd}; labels of such rows are used as they are"] if odd else []
    others = frozenset(found) | named_qualifiers(records)[0].others
    relations = Qualifiers(records, RELATIONS, tuple(found), others)
    marked = []
    for column in columns:
        column, said = _marked(records, column, relations, found)
        marked.append(column)
        remarks += said
    return marked, remarks


def _marked(
    records: Records, column: Column, relations: Qualifiers, found: dict[int, np.ndarray]
) -> tuple[Column, list[str]]:
    """Return a column with its numbers marked as censored, and remarks. found: sides [N] by the place of relations."""
    own, remarks = relations.of(column.at), []
    named = any(relations.own_words(at) for at in own)
    for at, sides in found.items():
        hit = (sides != EXACTLY) & (column.numbers.kinds == NUMBER)
        if column.words or not hit.any():
            continue
        said = f"{column.name}: {count(int(hit.sum()), 'row')} with >, < or ~ in column {records.header[at]}"
        about = None if named else _about_one_scale(records, column, at, relations, sides)
        if about and about is not column:
            remarks.append(f"{said}, which are taken to be of {about.source} and turned round")
            turned = np.where(sides == ABOVE, BELOW, np.where(sides == BELOW, ABOVE, sides))
            column = _censored(column, hit, turned)
        elif at in own or about:
            column = _censored(column, hit, sides)
        elif not named and (relations.own_words(at) or not own):
            remarks.append(f"{said}, whose labels are used as they are")
    return column, remarks


def _censored(column: Column, hit: np.ndarray, sides: np.ndarray) -> Column:
    """Return a column with the numbers where `hit` [N] censored on `sides` [N]."""
    numbers = column.numbers
    kinds, sides = np.where(hit, CENSORED, numbers.kinds), np.where(hit, sides, numbers.all_sides)
    return replace(column, numbers=replace(numbers, kinds=kinds, sides=sides))


def unit_remarks(records: Records, columns: list[Column], *, converted: bool = False) -> list[str]:
    """Return a remark for each column of numbers that mixes units, or types such as IC50 and Ki, by another column.

    `Qualifiers` says which columns are about which.

    Args:
        records: The table.
        columns: Those to predict.
        converted: Whether units are converted, which then needs no remark.
    """
    remarks = []
    for qualifiers in named_qualifiers(records):
        for column in columns:
            if column.words is None and not (converted and qualifiers.kind == UNITS):
                remarks += [said for at in qualifiers.of(column.at) for said in _mixed(records, at, column, qualifiers)]
    return remarks


def units_of(records: Records, column: Column) -> list[str] | None:
    """Return the cells [N] of the column that has the units of another; None where there is none."""
    units, _ = named_qualifiers(records)
    found = units.of(column.at)
    return [fields[found[0]].strip() for *_, fields in records.rows] if found else None


def _mixed(records: Records, at: int, column: Column, qualifiers: Qualifiers) -> list[str]:
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
    more = ", or convert the others" if qualifiers.kind == UNITS else ""
    return [
        f"{column.name}: column {records.header[at]} has {len(units)} {qualifiers.kind} for its labels ({shown}), "
        f"which are used as they are; keep the rows of one{more}"
    ]


def _about_one_scale(
    records: Records, column: Column, at: int, relations: Qualifiers, sides: np.ndarray
) -> Column | None:
    """Return which of two columns the relations at `at` are about: this one, or one of the negative logarithms of its
    numbers or whose negative logarithms it has. None where there is no such column.
    """
    sample = replace(records, rows=records.rows[:_SAMPLE])
    for k in set(range(len(records.header))) - relations.others - {column.at}:
        other = read_column(sample, k)
        if other.words:
            continue
        for log, number in ((column, other), (other, column)):
            if _are_negative_logs(log.numbers.known[:_SAMPLE], number.numbers.known[:_SAMPLE]):
                return log if _about_logarithm(log, number, at, relations, sides) else number
    return None


def _about_logarithm(log: Column, number: Column, at: int, relations: Qualifiers, sides: np.ndarray) -> bool:
    """Return whether relations are about a logarithm and not about its number, as by default they are.

    They are where they stand beside the logarithm alone, and its values are large in rows with > and small in those
    with <.
    """
    if at in relations.of(number.at) or at not in relations.of(log.at):
        return False
    if relations.own_words(at):
        return True
    known = log.numbers.known
    signs = np.select([sides == ABOVE, sides == BELOW], [1.0, -1.0])[: len(known)]
    exact = known[(sides[: len(known)] == EXACTLY) & ~np.isnan(known)]
    return len(exact) > 0 and bool(np.nansum(signs * np.sign(known - np.median(exact))) > 0)


def _are_negative_logs(log: np.ndarray, number: np.ndarray) -> bool:
    """Return whether a column [N] is a whole number minus the decimal logarithm of the other."""
    both = ~np.isnan(log) & (np.nan_to_num(number) > 0)
    if both.sum() < _SEVERAL or np.ptp(log[both]) == 0:
        return False
    power = log[both] + np.log10(number[both])
    return bool((np.abs(power - np.round(np.median(power))) < _ROUNDED).mean() >= _NEARLY)


def _relations(records: Records, at: int) -> tuple[np.ndarray | None, str]:
    """Return the side of each row [N] by its relation, None where the column is not one of relations.

    The text says which cells of such a column are no relations; it is empty where all are.
    """
    texts = [_relation(fields[at]) for *_, fields in records.rows]
    found = Counter(texts)
    if not says_relation(records.header[at]) and any(text[:1].isalpha() for text in found if text in _SIDES):
        return None, ""  # words such as less and greater say more than relations
    odd = {text for text in found if text not in _EXACT and text not in _SIDES and not is_missing(text)}
    many = sum(found[text] for text in odd)
    filled = sum(cells for text, cells in found.items() if not is_missing(text))
    if not filled or filled - many < _NEARLY * filled:
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
