"""Which columns are about the numbers of others, such as relations (> and <), units and types, and about which."""

import itertools
import re
from dataclasses import dataclass, replace

from jaxmrl.data.targets import NEARLY, read_column, why_no_target
from jaxmrl.io.records import Records

RELATIONS, UNITS, TYPES = "relations", "units", "types"

UNIT_WORDS, TYPE_WORDS = frozenset({"unit", "units", "uom"}), frozenset({"type", "types"})
RELATION_WORDS = frozenset("relation relations operator qualifier modifier sign prefix".split())
_GENERAL = RELATION_WORDS | {"value", "values", "mean"}
"""Words of a name that do not say what is measured."""

_NUMBERED = re.compile(rf"(?<![a-z0-9])({'|'.join(_GENERAL | UNIT_WORDS | TYPE_WORDS)})(\d+)(?![a-z0-9])")
"""One of them with a number, as in Value1 and Unit1."""

_SAMPLE = 200
"""Rows that show whether a column is one of numbers."""


@dataclass(frozen=True)
class Qualifiers:
    """The columns of one kind of a table.

    kind    RELATIONS, UNITS or TYPES
    places  theirs
    others  the places of all columns of any kind, which stand between a number and what is about it
    """

    records: Records
    kind: str
    places: tuple[int, ...]
    others: frozenset[int]

    def of(self, at: int) -> tuple[int, ...]:
        """Return the places of the columns that are about the numbers of the one at `at`.

        A column is about those whose names have all the words of its own, but for words such as relation and value; of
        several, the one with the most such words. Columns without such words are told apart by where they stand: each
        is about the numbers before the next one, or after the one before it. One alone is about the numbers beside it,
        or about all where there are none.
        """
        words = stem(self.records.header[at])
        named = {one: own for one in self.places if (own := self.own_words(one)) and own <= words and one != at}
        if named:
            most = max(map(len, named.values()))
            best = tuple(one for one, own in named.items() if len(own) == most)
            return best if len(best) == 1 else self._beside(best, at)
        unnamed = tuple(one for one in self.places if one != at and not self.own_words(one))
        if self.kind == TYPES or not unnamed:
            return ()
        return self._alone(unnamed[0], at) if len(unnamed) == 1 else self._beside(unnamed, at)

    def own_words(self, one: int) -> frozenset[str]:
        """Return the words of a column's name that it shares with those it is about; none where it shares none."""
        name = _without_number(self.records.header, one)
        words = frozenset(stem(name) - UNIT_WORDS - TYPE_WORDS)
        stems = [stem(other) for k, other in enumerate(self.records.header) if k not in self.others]
        return words if any(words <= other for other in stems) else frozenset()

    def _alone(self, one: int, at: int) -> tuple[int, ...]:
        beside = [k for k in (self._next(one, -1), self._next(one, 1)) if k is not None and self._is_numbers(k)]
        return (one,) if not beside or at in beside else ()

    def _next(self, one: int, step: int) -> int | None:
        """Return the nearest column in a direction that is about no other."""
        place = one + step
        while place in self.others:
            place += step
        return place if 0 <= place < len(self.records.header) else None

    def _beside(self, several: tuple[int, ...], at: int) -> tuple[int, ...]:
        """Return which of several columns is about the one at `at`, by where they stand."""
        ends = (-1, *several, len(self.records.header))
        numbers = [
            [k for k in range(low + 1, high) if k == at or (k not in self.others and self._is_numbers(k))]
            for low, high in itertools.pairwise(ends)
        ]
        following, leading = numbers[1:], numbers[:-1]
        # A relation stands before its number, a unit behind it, where both are possible.
        orders = [following, leading] if self.kind == RELATIONS else [leading, following]
        complete = [order for order in orders if all(order)]
        complete.sort(key=lambda order: not any(at in group for group in order))
        found = zip(several, complete[0], strict=True) if complete else ()
        return tuple(one for one, group in found if at in group)

    def _is_numbers(self, at: int) -> bool:
        """Return whether a column is one of measured numbers, by its first rows."""
        column = read_column(replace(self.records, rows=self.records.rows[:_SAMPLE]), at)
        return not column.words and column.numbers.share >= NEARLY and not why_no_target(column)


def named_qualifiers(records: Records) -> tuple[Qualifiers, Qualifiers]:
    """Return the columns of units and those of types, by their names."""
    words = {at: stem(name) for at, name in enumerate(records.header)}
    units = tuple(at for at in words if words[at] & UNIT_WORDS)
    types = tuple(at for at in words if words[at] & TYPE_WORDS and at not in units)
    relations = {at for at, name in enumerate(records.header) if says_relation(name)}
    others = frozenset((*units, *types, *relations))
    return Qualifiers(records, UNITS, units, others), Qualifiers(records, TYPES, types, others)


def says_relation(name: str) -> bool:
    """Return whether the name of a column says that it has relations."""
    return bool(_words(name) & RELATION_WORDS)


def stem(name: str) -> set[str]:
    """Return the words of a column's name that say what is measured, in what unit or of what type."""
    return _words(name) - _GENERAL


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", _NUMBERED.sub(r"\1 \2", name.lower())))


def _without_number(header: list[str], at: int) -> str:
    """Return a column's name without the number that a reader gives the second column of a name, where no word is left
    beside it.
    """
    name, _, number = header[at].rpartition(".")
    return name if number.isdecimal() and name in header and not stem(name) - UNIT_WORDS - TYPE_WORDS else header[at]
