"""Columns of relations, such as ChEMBL's Standard Relation, whose > and < are about the numbers of another column."""

import re
from dataclasses import replace

import numpy as np

from jaxmrl.data.cells import CENSORED, NUMBER, is_missing, plain_signs
from jaxmrl.data.records import Records
from jaxmrl.data.targets import Column
from jaxmrl.text import count

_EXACT = frozenset({"=", "=="})
_SIGNS = frozenset("< > <= >= =< => << >> ~ ≤ ≥ ≈".split())
_WORDS = frozenset("relation relations operator qualifier modifier sign prefix value values mean".split())
"""Words of a name that do not say what is measured."""


def with_relations(records: Records, columns: list[Column]) -> tuple[list[Column], list[str]]:
    """Return the columns with the numbers marked as censored that a column of relations says so of, and remarks.

    Such a column is about those whose names have all the words of its own, but for words such as relation and value;
    where the table has none of that kind, about all.
    """
    remarks, relations = [], []
    for at, name in enumerate(records.header):
        censored = _censored(records, at)
        if censored is not None:
            about = _stem(name)
            if not any(about <= _stem(other) for k, other in enumerate(records.header) if k != at):
                about = set()
            relations.append((name, about, censored))
    # A column with relations of its own needs no remark on those of others.
    own = {column.name for column in columns if any(about and about <= _stem(column.name) for _, about, _ in relations)}
    for name, about, censored in relations:
        columns = [_applied(column, name, about, censored, [] if column.name in own else remarks) for column in columns]
    return columns, remarks


def _applied(column: Column, name: str, about: set[str], censored: np.ndarray, remarks: list[str]) -> Column:
    """A column after the relations of the column `name`, which is `about` columns with such words; or a remark."""
    numbers = column.numbers
    hit = censored & (numbers.kinds == NUMBER)
    if column.words or not hit.any():
        return column
    if about <= _stem(column.name):
        return replace(column, numbers=replace(numbers, kinds=np.where(hit, CENSORED, numbers.kinds)))
    rows = count(int(hit.sum()), "row")
    remarks.append(f"{column.name}: {rows} with >, < or ~ in column {name}, whose labels are used as they are")
    return column


def _censored(records: Records, at: int) -> np.ndarray | None:
    """Which rows [N] have another relation than =; None where the column is not one of relations."""
    texts = []
    for *_, fields in records.rows:
        text = plain_signs(fields[at]).strip(" '\"")
        if text not in _EXACT and text not in _SIGNS and not is_missing(text):
            return None
        texts.append(text)
    return np.array([text in _SIGNS for text in texts])


def _stem(name: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", name.lower())) - _WORDS
