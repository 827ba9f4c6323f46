"""Columns about the numbers of another, such as ChEMBL's: relations (> and <), units and types."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np

from jaxmrl.data.qualifiers import POTENCY, UNITS, FirstRows, Qualifiers, named_qualifiers, says_relation
from jaxmrl.data.targets import Column
from jaxmrl.io.cells import ABOUT, ABOVE, BELOW, CENSORED, EXACTLY, NUMBER, plain_signs, reversed_sides
from jaxmrl.io.missing import is_mark, is_missing
from jaxmrl.io.records import Records
from jaxmrl.io.units import unit_in
from jaxmrl.text import count

_EXACT = frozenset("= == eq equal equals exact exactly uncensored within gleich".split()) | {"equal to", "exact value"}
_SIGNS = {
    ABOVE: {"greater than", "greater", "more than", "at least", "greater than or equal to", "greater or equal"}
    | {"above", "right censored", "larger than", "größer", "größer als", "mehr als", "supérieur à"}
    | set("> >= => >> ≥ ≧ gt ge gte".split()),
    BELOW: {"less than", "less", "fewer than", "at most", "less than or equal to", "less or equal", "smaller than"}
    | {"below", "left censored", "lower than", "kleiner", "kleiner als", "weniger als", "inférieur à"}
    | set("< <= =< << ≤ ≦ lt le lte".split()),
    ABOUT: {"~="} | set("~ ≈ approx approximate approximately ca".split()),
}
_SIDES = {text: side for side, texts in _SIGNS.items() for text in texts}
"""Where the true value lies from the number, by the cell of a column of relations."""

_NEARLY = 0.9
"""The share of relations, of the cells that are not empty, from which a column is one of relations."""

_SEVERAL, _ROUNDED = 5, 0.051
"""Rows by which a column is known as the logarithm of another, and how it may be rounded: to a decimal."""

_FALLING = -0.5
"""The correlation of ranks below which a column falls where another rises."""

_WORD = re.compile(r"[a-z0-9]+")
_MOST_ODD = 10
"""Different cells that are no relations, in a column whose name says that it has relations, which a remark names."""

_LIMIT = re.compile(r"([<>]=?)\s?[a-z]{2,12}")
_MOST_UNITS, _LONGEST = 4, 20
"""Units that a remark names, and the characters of a cell that has one."""


def with_relations(records: Records, columns: list[Column]) -> tuple[list[Column], list[str]]:
    """Return the columns, with the numbers that a column of relations declares censored marked as such, and remarks.

    `Qualifiers` says which column of relations is about which numbers. For the negative logarithm of these numbers, as
    pIC50 is of IC50, the relations are reversed.
    """
    found, remarks = {}, []
    for at, name in enumerate(records.header):
        sides, odd = _relations(records, at)
        if sides is not None:
            found[at] = sides
        remarks += [f"{name}: {odd}; labels of such rows are used as they are"] if odd else []
    if not found:
        return columns, remarks
    relations, _, _ = named_qualifiers(FirstRows(records), columns, found)
    marked = []
    for column in columns:
        column, said = _marked(column, relations, found)
        marked.append(column)
        remarks += said
    return marked, remarks


def _marked(column: Column, relations: Qualifiers, found: dict[int, np.ndarray]) -> tuple[Column, list[str]]:
    """Return a column with its numbers marked as censored, and remarks. found: sides [N] by the place of relations."""
    hits = {at: (sides != EXACTLY) & (column.numbers.kinds == NUMBER) for at, sides in found.items()}
    hits = {at: hit for at, hit in hits.items() if hit.any()}
    if column.words or not hits:
        return column, []
    own, remarks = relations.of(column.at), []
    named = any(relations.own_words(at) for at in own)
    pair = _scales(relations.first, column, relations.others)
    for at, hit in hits.items():
        sides, name = found[at], relations.first.records.header[at]
        said = f"{column.name}: {count(int(hit.sum()), 'row')} with >, < or ~ in column {name}"
        about = _about(*pair, at, relations, sides) if pair else None
        if about and about.at != column.at:
            remarks.append(f"{said}, which is about {about.source}: > is read as < here, and < as >")
            column = _censored(column, hit, reversed_sides(sides))
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
    _, units, types = named_qualifiers(FirstRows(records), columns)
    for qualifiers in (types,) if converted else (units, types):
        for column in columns:
            own = qualifiers.of(column.at) if column.words is None else ()
            remarks += [said for at in own for said in _mixed(records, at, column, qualifiers)]
    return remarks


def units_of(records: Records, columns: list[Column]) -> list[list[str] | None]:
    """Return, for each of several columns, the cells [N] of the one that has its units; None where there is none."""
    _, units, _ = named_qualifiers(FirstRows(records), columns)
    found = [units.of(column.at) for column in columns]
    return [[fields[own[0]].strip() for *_, fields in records.rows] if own else None for own in found]


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


def _scales(first: FirstRows, column: Column, others: frozenset[int]) -> tuple[Column, Column] | None:
    """Return a column and one of the negative logarithms of its numbers, the logarithms first, where this column is one
    of the two; else None.
    """
    own, others = first.column(column.at), others | {column.at}
    values = first.leading
    logs = np.log10(np.where(values > 0, values, np.nan))
    powers = values[column.at] + logs, values + logs[column.at]
    for which, power in enumerate(powers):
        # Most columns are ruled out by their first rows.
        wrong = (np.abs(power - np.round(power)) >= _ROUNDED).sum(axis=1)
        for k in np.flatnonzero((wrong <= 1) & ~np.isnan(power).all(axis=1)).tolist():
            log, number = (first.column(k), own) if which else (own, first.column(k))
            if k not in others and _are_negative_logs(log.numbers.known, number.numbers.known):
                return log, number
    return _scales_by_names(first, own, others)


def _scales_by_names(first: FirstRows, own: Column, others: frozenset[int]) -> tuple[Column, Column] | None:
    """Return `_scales` of a column by the names of the two.

    Of concentrations in a unit of mass, as ug/mL, the factor to those in mol per liter differs by molecule.
    """
    for other in (first.column(k) for k in range(len(first.records.header)) if k not in others):
        for log, number in ((own, other), (other, own)):
            if _is_log_of(log.source, number.source) and _falls(log.numbers.known, number.numbers.known):
                return log, number
    return None


def _is_log_of(log_name: str, name: str) -> bool:
    """Return whether a name is that of the negative logarithms of another, as pIC50 hERG and IC50 hERG (ug/mL)."""
    plain = name.replace(unit_in(name) or "", " ").lower()
    own, words = set(_WORD.findall(log_name.lower())), set(_WORD.findall(plain))
    return any(own == words - {potency} | {f"p{potency}"} for potency in POTENCY.findall(plain))


def _falls(log: np.ndarray, number: np.ndarray) -> bool:
    """Return whether one column [N] falls where the other rises, by the correlation of their ranks."""
    both = ~np.isnan(log) & ~np.isnan(number)
    if both.sum() < _SEVERAL or not (np.ptp(log[both]) and np.ptp(number[both])):
        return False
    ranks = [np.unique(one[both], return_inverse=True)[1] for one in (log, number)]
    return bool(np.corrcoef(ranks[0], ranks[1])[0, 1] < _FALLING)


def _about(log: Column, number: Column, at: int, relations: Qualifiers, sides: np.ndarray) -> Column | None:
    """Return which of a logarithm and its number the relations at `at` are about; None where they are about neither.

    Where their place does not say it, they are about the number, unless the logarithm is large in nearly all rows with
    > and small in those with <: most were measured up to a highest concentration.
    """
    of_log, of_number = (at in relations.of(one.at) for one in (log, number))
    if not (of_log or of_number):
        return None
    if of_number and not of_log:
        return number
    if of_log and not of_number and relations.own_words(at):
        return log
    known = log.numbers.known
    signs = np.select([sides == ABOVE, sides == BELOW], [1.0, -1.0])[: len(known)]
    measured = ~np.isnan(known)
    exact = known[(signs == 0) & measured]
    agrees = (signs * (known - np.median(exact)) > 0)[(signs != 0) & measured] if len(exact) else np.zeros(0, bool)
    return log if len(agrees) and agrees.mean() >= _NEARLY else number


def _are_negative_logs(log: np.ndarray, number: np.ndarray) -> bool:
    """Return whether a column [N] is a whole number minus the decimal logarithm of the other."""
    both = ~np.isnan(log) & (np.nan_to_num(number) > 0)
    if both.sum() < _SEVERAL or np.ptp(log[both]) == 0:
        return False
    power = log[both] + np.log10(number[both])
    return bool((np.abs(power - np.round(np.median(power))) < _ROUNDED).mean() >= _NEARLY)


def _relations(records: Records, at: int) -> tuple[np.ndarray | None, str]:
    """Return the side of each row [N] by its relation, None where the column is not one of relations.

    The text says which cells of a column with relations, or with a name that says so, are none; it is empty where all
    are.
    """
    texts = [_relation(fields[at]) for *_, fields in records.rows]
    found = Counter(texts)
    says = says_relation(records.header[at])
    if not says and any(text[:1].isalpha() for text in found if text in _SIDES):
        return None, ""  # words such as less and greater say more than relations
    empty = {text for text in found if is_missing(text) or is_mark(text)}
    odd = {text for text in found if text not in _EXACT and text not in _SIDES} - empty
    many = sum(found[text] for text in odd)
    filled = sum(cells for text, cells in found.items() if text not in empty)
    related = filled - many >= _NEARLY * filled > 0
    codes = set(found) - empty <= {"1", "0", "-1"} or any(text in _SIDES for text in found)
    if not related and not (says and filled and codes and len(odd) <= _MOST_ODD):
        return None, ""
    said = ""
    if odd:
        k = next(k for k, text in enumerate(texts) if text in odd)
        _, line, fields = records.rows[k]
        said = f"{count(many, 'cell')} without a relation, such as {fields[at].strip()[:_LONGEST]!r} in line {line}"
    return np.array([_SIDES.get(text, EXACTLY) for text in texts], np.int8) if related else None, said


def _relation(text: str) -> str:
    """Return a cell in lower case, without quotes and with one blank between words; of >LOQ, the sign."""
    plain = " ".join(re.sub(r"(?<=[a-z])[ _-]+(?=[a-z])", " ", plain_signs(text).lower()).strip(" .'\"").split())
    limit = _LIMIT.fullmatch(plain)
    return limit[1] if limit else plain
