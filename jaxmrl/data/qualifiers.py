"""Columns that qualify the numbers of others: relations (> and <), units and types; and which numbers each is about."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from jaxmrl.data.targets import ALL_DIFFERENT, NEARLY, Column, read_column, why_no_target
from jaxmrl.io.missing import is_mark, is_missing
from jaxmrl.io.records import Records
from jaxmrl.io.units import is_unit, unit_in

RELATIONS, UNITS, TYPES = "relations", "units", "types"

_UNIT_WORDS = frozenset("unit units uom einheit einheiten unite unites unidad unidades".split())
_TYPE_WORDS = frozenset({"type", "types"})
_RELATION_WORDS = frozenset(
    "relation relations operator op qualifier qual modifier mod sign prefix comparator inequality censoring".split()
)
_GENERAL = _RELATION_WORDS | {"value", "values", "mean"}
"""Words of a name that do not say what is measured."""

_NUMBERED = re.compile(rf"(?<![a-z0-9])({'|'.join(_GENERAL | _UNIT_WORDS | _TYPE_WORDS)})(\d+)(?![a-z0-9])")
"""One of them with a number, as in Value1 and Unit1."""

_BESIDE = frozenset(
    "sd std stdev stddev se sem error err cv n count replicates hill slope r2 mw molwt weight mass logp clogp alogp "
    "xlogp tpsa psa hba hbd rotb qed".split()
)
"""Words in the name of a column that stands beside measured values and is never beyond a limit."""

_OF_OTHERS = frozenset(
    "dose amount max maximum top highest min minimum lowest stock time volume temperature weight mass".split()
)
"""Words in the name of a column of units that are of another quantity than the measured one."""

_CAMEL = re.compile(r"(?<=[a-z]{2})(?=[A-Z][a-z]{2})|(?<=[a-z]{2})(?=[uU]nits?(?![a-z]))")
"""Where a word of a name begins without a blank, as in MaxConcUnits."""

POTENCY = re.compile(r"(?<![a-z0-9])(?:(?:ic|ec|ac|cc|ed|gi|lc|ld|xc)\d{2}|k[a-z])(?![a-z0-9])")
"""What is measured, in the name of a column in lower case: ic50, ki, ..."""

_SAMPLE, _FEW = 1000, 8
"""Rows that show what a column has, and that rule out most columns as the logarithm of another."""

_SOME = 0.5
"""The share of numbers from which a column has no units, whatever its name is."""

_MOST_UNITS = 20
"""Different units in a column of units at most."""


@dataclass(frozen=True)
class FirstRows:
    """The columns of the first rows of a table, each read once."""

    records: Records
    _read: dict[int, Column] = field(default_factory=dict, repr=False)

    def column(self, at: int) -> Column:
        if at not in self._read:
            self._read[at] = read_column(replace(self.records, rows=self.records.rows[:_SAMPLE]), at)
        return self._read[at]

    @cached_property
    def leading(self) -> np.ndarray:
        """The numbers in the first rows of all columns, [columns, rows]; NaN for words and what is no exact number."""
        columns = [self.column(k) for k in range(len(self.records.header))]
        return np.array([np.full(_FEW, np.nan) if one.words else _first(one.numbers.known) for one in columns])

    def has_numbers(self, at: int) -> bool:
        """Return whether a column is one of measured numbers. Whole ones that all differ are, if their name says so."""
        column = self.column(at)
        why = why_no_target(column)
        measured = not why or (why == ALL_DIFFERENT and POTENCY.search(column.name.lower()) is not None)
        return not column.words and column.numbers.share >= NEARLY and measured

    def has_units(self, at: int) -> bool:
        """Return whether nearly all cells of a column that are not empty are units, and some are."""
        texts = Counter(fields[at].strip() for *_, fields in self.records.rows[:_SAMPLE])
        filled = Counter({text: cells for text, cells in texts.items() if not (is_missing(text) or is_mark(text))})
        units = sum(cells for text, cells in filled.items() if is_unit(text)) if len(filled) <= _MOST_UNITS else 0
        return units > 0 and units >= NEARLY * filled.total()


def _first(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values[:_FEW], np.full(max(0, _FEW - len(values)), np.nan)])


@dataclass(frozen=True)
class Qualifiers:
    """The columns of one kind of a table.

    kind     RELATIONS, UNITS or TYPES
    places   theirs
    others   the places of all columns of any kind, which stand between a number and what is about it
    targets  the places of columns of numbers that are predicted
    """

    first: FirstRows
    kind: str
    places: tuple[int, ...]
    others: frozenset[int]
    targets: frozenset[int] = frozenset()
    _orders: dict[tuple[int, ...], dict[int, int]] = field(default_factory=dict, repr=False)

    def of(self, at: int) -> tuple[int, ...]:
        """Return the places of the columns that are about the numbers of the one at `at`.

        A column is about those whose names have all the words of its own, but for words such as relation and value; if
        a name has no others, about these alone. Of several columns without such words, each is about the numbers that
        follow it, or all are about those before them. A single column of relations is about the numbers that follow
        it, if none stand before it; else it is about all.
        """
        words = self._stems[at]
        named = {one: own for one in self.places if (own := self.own_words(one)) and own <= words and one != at}
        named = {one: own for one, own in named.items() if own == words or own not in self._exact}
        if named:
            most = max(map(len, named.values()))
            best = tuple(one for one, own in named.items() if len(own) == most)
            return best if len(best) == 1 else self._beside(best, at)
        unnamed = tuple(
            one for one in self.places if one != at and not self.own_words(one) and not self._of_another(one, at)
        )
        if self.kind == TYPES or not unnamed:
            return ()
        return self._alone(unnamed[0], at) if len(unnamed) == 1 else self._beside(unnamed, at)

    def _of_another(self, one: int, at: int) -> bool:
        """Return whether a column of units is not about the one at `at`, but about another quantity, such as a dose.

        A column that only its cells show to have units is about the numbers before it, if their name states no unit.
        """
        if self.kind != UNITS:
            return False
        if self._stems[one] & _OF_OTHERS:
            return True
        header = self.first.records.header
        named = bool(_words(header[one]) & _UNIT_WORDS)
        return not named and (self._next(one, -1) != at or unit_in(header[at]) is not None)

    def own_words(self, one: int) -> frozenset[str]:
        """Return the words of a column's name that it shares with those it is about; none where it shares none."""
        return self._own[one]

    @cached_property
    def _stems(self) -> list[frozenset[str]]:
        header = self.first.records.header
        return [frozenset(_stem(_without_number(name, header))) for name in header]

    @cached_property
    def _exact(self) -> frozenset[frozenset[str]]:
        """The words of columns that are about no other."""
        return frozenset(words for k, words in enumerate(self._stems) if k not in self.others)

    @cached_property
    def _own(self) -> dict[int, frozenset[str]]:
        known = frozenset().union(*self._exact)
        own = {one: (self._stems[one] - _UNIT_WORDS - _TYPE_WORDS) & known for one in self.places}
        return {
            one: words if any(words <= other for other in self._exact) else frozenset() for one, words in own.items()
        }

    def _alone(self, one: int, at: int) -> tuple[int, ...]:
        before, after = (self._next(one, step) for step in (-1, 1))
        states_unit = self.kind == UNITS and unit_in(self.first.records.header[at]) is not None
        if states_unit and at != before >= 0 and self._stems[before] & (_OF_OTHERS | {"conc", "concentration"}):
            return ()  # these are units of the column before them
        follows = self.kind == RELATIONS and self._has_values(after) and not self._has_numbers(before)
        return (one,) if not follows or at == after else ()

    def _next(self, one: int, step: int) -> int:
        """Return the nearest column in a direction that is about no other; -1 where there is none."""
        place = one + step
        while place in self.others:
            place += step
        return place if 0 <= place < len(self._stems) else -1

    def _beside(self, several: tuple[int, ...], at: int) -> tuple[int, ...]:
        """Return which of several columns is about the one at `at`, by where they stand."""
        if several not in self._orders:
            self._orders[several] = self._order(several)
        found = self._orders[several].get(at)
        return () if found is None else (found,)

    def _order(self, several: tuple[int, ...]) -> dict[int, int]:
        """Return the one of several columns that is about each column of numbers, by its place."""
        ends = (-1, *several, len(self._stems))
        for has_numbers in (self._has_values, self._has_numbers):
            found = [[k for k in range(low + 1, high) if has_numbers(k)] for low, high in itertools.pairwise(ends)]
            # A relation stands before its number, a unit behind it, where both are possible.
            orders = [found[1:], found[:-1]] if self.kind == RELATIONS else [found[:-1], found[1:]]
            complete = [order for order in orders if all(order)]
            predicted = lambda order: len(self.targets & set(itertools.chain(*order)))
            complete.sort(key=lambda order: (not self._are_alike(order), -predicted(order)))
            if complete:
                return {at: one for one, group in zip(several, complete[0], strict=True) for at in group}
        return {}

    def _are_alike(self, order: list[list[int]]) -> bool:
        """Return whether the first column of each group has the same name, but for a number, as IC50 and IC50.1."""
        return len({self._stems[group[0]] for group in order}) == 1

    def _has_numbers(self, at: int) -> bool:
        return at in self.targets or (at >= 0 and at not in self.others and self.first.has_numbers(at))

    def _has_values(self, at: int) -> bool:
        """Return whether a column has numbers that may be beyond a limit, by its name."""
        return self._has_numbers(at) and not _BESIDE & _words(self.first.records.header[at])


def named_qualifiers(
    first: FirstRows, targets: Iterable[Column], relations: Iterable[int] = ()
) -> tuple[Qualifiers, Qualifiers, Qualifiers]:
    """Return the columns of relations, those of units and those of types.

    Columns of types are known by their names, and those of units by their names or their cells.

    Args:
        first: The table.
        targets: The columns that are predicted.
        relations: The places of the columns of relations.
    """
    words = {at: _stem(name) for at, name in enumerate(first.records.header)}
    of_units = {at for at in words if words[at] & _UNIT_WORDS or first.has_units(at)}
    named = [at for at in words if at in of_units or words[at] & _TYPE_WORDS]
    named = [at for at in named if first.column(at).numbers.share < _SOME]
    units = tuple(at for at in named if at in of_units)
    types = tuple(at for at in named if at not in units)
    others = frozenset((*named, *relations, *(at for at, name in enumerate(first.records.header) if _says(first, at))))
    places = frozenset(column.at for column in targets if column.words is None)
    kinds = (RELATIONS, tuple(relations)), (UNITS, units), (TYPES, types)
    found = [Qualifiers(first, kind, those, others, places) for kind, those in kinds]
    return found[0], found[1], found[2]


def _says(first: FirstRows, at: int) -> bool:
    """Return whether a column has relations by its name, and no numbers."""
    return says_relation(first.records.header[at]) and first.column(at).numbers.share < _SOME


def says_relation(name: str) -> bool:
    """Return whether the name of a column says that it has relations."""
    return bool(_words(name) & _RELATION_WORDS)


def _stem(name: str) -> set[str]:
    """Return the words of a column's name that say what is measured, in what unit or of what type."""
    return _words(name) - _GENERAL


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", _NUMBERED.sub(r"\1 \2", _CAMEL.sub(" ", name).lower())))


def _without_number(name: str, header: list[str]) -> str:
    """Return a column's name without the number that a reader gives the second column of a name."""
    first, _, number = name.rpartition(".")
    return first if number.isdecimal() and first in header else name
