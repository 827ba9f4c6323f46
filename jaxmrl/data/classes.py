"""Columns of two classes as 0 and 1, and everything that looks like classes and is not two of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from jaxmrl.errors import DataError
from jaxmrl.io.cells import Numbers
from jaxmrl.io.missing import is_mark, is_missing

_POSITIVE = frozenset("active true yes y t positive pos + 1 1.0".split())
_NEGATIVE = frozenset("inactive notactive nonactive false no n f negative neg 0 0.0".split())
"""Texts, as `_normal` writes them, that are understood as class 1 and class 0."""

_MINUSES = frozenset({"-", "−", "–"})
"""Class 0 in a column with a +; else what people write for a missing value."""

_NEGATIONS = ("non", "not", "no", "in", "im", "un")
"""Beginnings of a word that make it the opposite of the rest."""

_BINARY = (frozenset({0.0, 1.0}), frozenset({0.0}), frozenset({1.0}))
_PAIRS = (frozenset({-1.0, 1.0}), frozenset({1.0, 2.0}))
"""Two numbers that are classes without --task."""

_WITH_MINUS = frozenset({-1.0, 0.0, 1.0})
FEW_VALUES, _MOST_SHOWN, _LONGEST = 10, 8, 30
"""Different whole numbers that may be classes; classes that a message names, and characters of each."""

_DIGIT = re.compile(r"[<>=~+-]*\s?\d")
_MOST_CLASSES, _MOST_SPELLINGS = 20, 100
"""Different texts that a message calls classes, and that two classes may be written as."""


@dataclass(frozen=True)
class Classes:
    """The labels [N] of a column of two classes: 0, 1, or NaN; and what became 1 and 0, where that is not plain.

    numbers: those of the file that are classes 0 and 1; None where words are.
    """

    labels: np.ndarray = field(repr=False)
    said: str = ""
    numbers: tuple[float, float] | None = None


def word_classes(texts: list[str]) -> Classes | None:
    """Return a column's texts [N] as two classes; None where they are no words that name two classes.

    active and inactive, true and false, yes and no, positive and negative, + and -, and a word and its negation (toxic
    and non-toxic, hit and no hit, soluble and insoluble) are understood, in any case.
    """
    distinct = [text for text in dict.fromkeys(texts) if not is_missing(text)]
    by_class = _classify(distinct) or _classify(_unmarked(distinct))
    if by_class is None:
        return None
    labels = np.fromiter((by_class.get(text, np.nan) for text in texts), np.float64, len(texts))
    said = [_shown(text for text in by_class if by_class[text] == one) for one in (1.0, 0.0)]
    parts = [f"{shown} is {one}" for shown, one in zip(said, (1, 0), strict=True) if shown]
    return Classes(labels, ", ".join(parts))


def _unmarked(texts: Iterable[str]) -> list[str]:
    """Return the different cells that are no missing values; a minus is none beside a plus."""
    distinct = list(dict.fromkeys(texts))
    signs = any(text.strip() == "+" for text in distinct)
    minuses = _MINUSES if signs else frozenset()
    return [text for text in distinct if not is_missing(text) and (not is_mark(text) or text.strip() in minuses)]


def _classify(texts: list[str]) -> dict[str, float] | None:
    """Return {text: its class} if all texts are understood and one of them is a word."""
    if len(texts) > _MOST_SPELLINGS:
        return None
    normal = {text: _normal(text) for text in texts}
    found = set(normal.values())
    positive, negative = _POSITIVE, _NEGATIVE | (_MINUSES if "+" in found else frozenset())
    if len(found) > 1:
        one = min(found, key=len)
        negations = frozenset(f"{no}{one}" for no in _NEGATIONS)
        if found <= {one} | negations:
            positive, negative = frozenset((one,)), negations
    if not found or not found <= positive | negative or all(_is_number(text) for text in found):
        return None
    return {text: float(word in positive) for text, word in normal.items()}


def _normal(text: str) -> str:
    """Return the text in lower case without blanks, hyphens and underscores, and with 1 for 1.00."""
    text = text.strip().lower()
    if _is_number(text):
        return f"{float(text):g}"
    return text if len(text) < 2 else "".join(character for character in text if character not in " -_")


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False


def refuse_words(where: str, texts: Iterable[str], regression: bool) -> None:
    """Raise DataError that says what is wrong with a target column of words. where: names file and column."""
    words: dict[str, str] = {}
    for text in _unmarked(texts):
        words.setdefault(_normal(text), text.strip())
    shown = _shown(words.values())
    if not words:
        raise DataError(f"{where} is empty: it has no label")
    begin_with_digits = len(words) > 2 and sum(bool(_DIGIT.match(word)) for word in words) > len(words) / 2
    if len(words) > _MOST_CLASSES or begin_with_digits:
        first = next(iter(words.values()))[:_LONGEST]
        many = f"{len(words):,} different texts" if len(words) > 1 else "texts"
        numbers = "plain numbers" if begin_with_digits else "numbers"
        raise DataError(f"{where} has no {numbers}, but {many} such as {first!r}; write plain numbers, all in one unit")
    if regression:
        raise DataError(f"{where} has the classes {shown}, and regression needs numbers: give --task classification")
    if len(words) == 2:
        raise DataError(f"{where} has the classes {shown}: write 1 for the one to predict, and 0 for the other")
    if len(words) == 1:
        raise DataError(f"{where} has the one class {shown}: there is nothing to learn")
    raise DataError(f"{where} has the classes {shown}; two are supported: give a column of 1 and 0 for each class")


def number_classes(where: str, numbers: Numbers, others: frozenset[float]) -> Classes:
    """Return a column of numbers [N] as two classes, the larger as 1.

    others: the numbers of all target columns, which decide where this one has one number alone. Raises DataError for
    three or more, and for one that is neither 0 nor 1.
    """
    found, labels = numbers.distinct, numbers.known
    if found in _BINARY or not found:
        return Classes(labels, numbers=(0.0, 1.0))
    _ask_about_minus_one(where, found | others if found < _WITH_MINUS else found)
    shown = _shown(f"{value:g}" for value in sorted(found))
    if len(found) > FEW_VALUES:
        raise DataError(f"{where} has {len(found):,} different values, such as {shown}: give --task regression")
    if len(found) > 2:
        raise DataError(f"{where} has the classes {shown}; two are supported: give a column of 1 and 0 for each class")
    pair = found if len(found) == 2 else others
    if len(pair) != 2:
        raise DataError(f"{where} has the one class {shown}: there is nothing to learn")
    low, high = sorted(pair)
    labels = np.where(np.isnan(labels), np.nan, (labels == high).astype(np.float64))
    return Classes(labels, f"{high:g} is 1, {low:g} is 0", (low, high))


def are_classes(columns: list[Numbers]) -> bool:
    """Return whether each column has two classes, although nobody said so: 0 and 1, -1 and 1, or 1 and 2."""
    everything = values_of(columns)
    return all(
        column.distinct in _BINARY
        or column.distinct in _PAIRS
        or (len(column.distinct) < 2 and (everything in _PAIRS or not column.distinct))
        for column in columns
    )


def values_of(columns: Iterable[Numbers]) -> frozenset[float]:
    """Return the different numbers of all columns."""
    return frozenset().union(*(column.distinct for column in columns))


def few_classes(texts: list[str]) -> str:
    """Return the classes that a column of words seems to have, in words; empty where they are too many, or one."""
    words = {_normal(text): text.strip() for text in _unmarked(texts)}
    repeated = len(words) <= len(texts) / 2
    return _shown(words.values()) if 1 < len(words) <= _MOST_CLASSES and repeated else ""


def may_have_minus_one(numbers: Numbers) -> bool:
    """Return whether a column has only -1, 0 and 1, or some of them."""
    return numbers.distinct <= _WITH_MINUS


def ask_about_minus_one(where: str, columns: list[Numbers]) -> None:
    """Raise DataError if the columns together have only the values -1, 0 and 1: -1 may be missing or inactive."""
    _ask_about_minus_one(where, values_of(columns))


def _ask_about_minus_one(where: str, found: frozenset[float]) -> None:
    if found == _WITH_MINUS:
        raise DataError(
            f"{where} has the values -1, 0 and 1, so the meaning of -1 is unclear. If it is a missing "
            "label, leave those cells empty; if it is inactive, write 0; if these are numbers, give --task regression"
        )


def _shown(texts: Iterable[str]) -> str:
    different = list(dict.fromkeys(" ".join(text.split())[:_LONGEST] for text in texts))
    return ", ".join(different[:_MOST_SHOWN]) + (", ..." if len(different) > _MOST_SHOWN else "")
