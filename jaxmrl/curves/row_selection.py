"""Which rows of a file of learning curves are runs: no repeated headers, no summaries, no parts other than test."""

from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

from jaxmrl.config import CurvesConfig
from jaxmrl.curves.layout import Layout
from jaxmrl.curves.metric_names import TRAINING, VALIDATION, plain_name
from jaxmrl.curves.runs import FEWEST_DOUBLED
from jaxmrl.errors import DataError
from jaxmrl.io.cells import number_in
from jaxmrl.io.missing import SUMMARIES, is_missing
from jaxmrl.io.records import is_header, is_permuted_header
from jaxmrl.text import count

_MANY_EQUAL = 0.25

_TEST = frozenset({"test", "testing", "tst", "holdout", "hold-out", "external"})
"""Words for the test part of the data, in lower case."""

_PART_NAMES = frozenset("split set subset part partition phase run row".split())
"""Words in the names of columns that name such parts."""

_ROUNDED = 0.501
"""How far a mean may be from those of its runs, in units of its last digit."""


def select_rows(header: list[str], rows: list, layout: Layout, config: CurvesConfig) -> tuple[list, list[str]]:
    """Return the rows that are runs, or means of runs, on test molecules, and remarks on what was done.

    Cells without a size, below one that was merged with them, get its size. Rows of training scores are left out, and
    so are rows that sum up others.
    """
    kept = {header.index(name) for name in config.by if name in header}
    steps = [_with_sizes_below, _without_named_summaries, _without_means]
    steps += [] if config.pool else [partial(_of_test, kept)]
    remarks = []
    for step in steps:
        rows, said = step(header, rows, layout)
        remarks += said
    return rows, remarks


def _with_sizes_below(header: list[str], rows: list, layout: Layout) -> tuple[list, list[str]]:
    """Return the rows with the size of the row above where they have a value and no size, as below a merged cell.

    Each size then stands once, at the first of as many rows.
    """
    sizes = [fields[layout.size].strip() for *_, fields in rows]
    named = [size for size in sizes if size]
    block = len(sizes) // max(1, len(named))
    regular = len(sizes) == block * len(named) and all((k % block == 0) == bool(size) for k, size in enumerate(sizes))
    if block < 2 or not regular or len(set(named)) < len(named):
        return rows, []
    has_value = [any(_is_number(fields[k]) for k in layout.values) for *_, fields in rows]
    if not all(size or value for size, value in zip(sizes, has_value, strict=True)):
        return rows, []
    filled = [
        (row, line, [*fields[: layout.size], named[k // block], *fields[layout.size + 1 :]])
        for k, (row, line, fields) in enumerate(rows)
    ]
    said = f"{count(len(sizes) - len(named), 'row')} without a size in column {header[layout.size]}"
    return filled, [f"{said}: the size of the row above is used"]


def _is_number(text: str) -> bool:
    return number_in(text) is not None and not is_missing(text)


def _of_test(kept: set[int], header: list[str], rows: list, layout: Layout) -> tuple[list, list[str]]:
    """Return the rows whose metric is of test molecules, else of validation molecules, by a column that names parts.

    Each part then has one row of each size and run. kept: the columns that distinguish curves, whose rows all stay.
    """
    for k, name in enumerate(header):
        if k in kept or k in (layout.size, *layout.values) or not _PART_NAMES & set(plain_name(name).split("_")):
            continue
        words = [fields[k].strip().lower() for *_, fields in rows]
        found = set(words)
        if not found <= TRAINING | VALIDATION | _TEST or not _have_one_row_each(k, words, rows, layout):
            continue
        best = next(part for part in (_TEST, VALIDATION, TRAINING) if part & found)
        if others := [word for word in words if word not in best]:
            left_out = ", ".join(dict.fromkeys(others))
            said = f"{count(len(others), 'row')} of {left_out} left out, by column {name}"
            return [row for row, word in zip(rows, words, strict=True) if word in best], [said]
    return rows, []


def _have_one_row_each(at: int, words: list[str], rows: list, layout: Layout) -> bool:
    """Return whether each of several words, of the column at `at`, stands in one row of each size and run."""
    keys = [k for k in (layout.size, *layout.run) if k != at]
    sizes = [tuple(fields[k].strip() for k in keys) for *_, fields in rows]
    pairs = set(zip(words, sizes, strict=True))
    return len(set(words)) > 1 and len(pairs) == len(rows) == len(set(words)) * len(set(sizes))


def _without_named_summaries(header: list[str], rows: list, layout: Layout) -> tuple[list, list[str]]:
    """Return the rows that are not called the mean or the spread of others."""
    for k in layout.run:
        words = [fields[k].strip().lower() for *_, fields in rows]
        found = [word for word in words if word in SUMMARIES]
        if 0 < len(found) < len(rows):
            kept = [row for row, word in zip(rows, words, strict=True) if word not in SUMMARIES]
            named = ", ".join(dict.fromkeys(found))
            return kept, [
                f"{count(len(found), 'row')} skipped: by their {header[k] or 'names'} they are {named} of other rows"
            ]
    return rows, []


def _without_means(header: list[str], rows: list, layout: Layout) -> tuple[list, list[str]]:
    """Return the rows that are not the mean of the other rows of their size: rows that name no run, unlike the others.

    If one of these is no such mean, all remain.
    """
    if not layout.run or len(layout.values) != 1:
        return rows, []
    unnamed = [all(is_missing(fields[k]) for k in layout.run) for *_, fields in rows]
    if not any(unnamed) or all(unnamed):
        return rows, []
    runs: dict[str, list[float]] = {}
    for (*_, fields), mean in zip(rows, unnamed, strict=True):
        value = number_in(fields[layout.values[0]])
        if not mean and value is not None:
            runs.setdefault(fields[layout.size].strip(), []).append(value)
    if not any(np.ptp(values) > 0 for values in runs.values()):
        return rows, []
    for (*_, fields), mean in zip(rows, unnamed, strict=True):
        if mean and not _is_mean(fields[layout.values[0]].strip(), runs.get(fields[layout.size].strip(), [])):
            return rows, []
    said = f"{count(sum(unnamed), 'row')} skipped: they name no {header[layout.run[0]]} and are means of other rows"
    return [row for row, mean in zip(rows, unnamed, strict=True) if not mean], [said]


def _is_mean(text: str, values: list[float]) -> bool:
    """Return whether a number, as it is written, is the rounded mean of two or more others."""
    number = number_in(text)
    if number is None or len(values) < 2:
        return False
    decimals = len(text.partition(".")[2]) if text.replace(".", "", 1).lstrip("-").isdigit() else 12
    return bool(abs(number - np.mean(values)) <= _ROUNDED * 10.0**-decimals)


def without_headers(path: Path, header: list[str], rows: list) -> tuple[list, list[str]]:
    """Return the rows without repeated headers, as `cat a.csv b.csv` leaves them, and remarks on those."""
    repeated = [is_header(header, fields) for *_, fields in rows]
    for _, line, fields in rows:
        if is_permuted_header(header, fields):
            raise DataError(f"{path}, line {line}: a second header has the columns in another order; fit each file")
    kept = [row for row, one in zip(rows, repeated, strict=True) if not one]
    if not kept:
        raise DataError(f"{path} has a header but no rows")
    again = sum(repeated)
    return kept, [f"{count(again, 'repeated header line')} skipped"] if again else []


def without_equal(rows: list, layout: Layout) -> tuple[list, list[int], list[str]]:
    """Return the rows without those that equal another in every column, how often each is repeated, and remarks on
    those that stay.

    Runs without a label may have equal values by chance: where nothing labels them, only a file in which every row
    stands equally often is taken for one that was written several times.
    """
    times = Counter(tuple(fields) for *_, fields in rows)
    labeled = layout.run or len(layout.values) > 1 or layout.spread is not None
    doubled = len(set(times.values())) == 1 and len(times) >= FEWEST_DOUBLED
    if max(times.values()) == 1:
        return rows, [], []
    if not (labeled or doubled):
        equal = len(rows) - len(times)
        said = f"{count(equal, 'row')} equal to another in every column; with no column of seeds, they count as runs"
        return rows, [], [said] if equal >= _MANY_EQUAL * len(rows) else []
    kept: dict[tuple[str, ...], tuple] = {}
    for row in rows:
        kept.setdefault(tuple(row[2]), row)
    return list(kept.values()), [many - 1 for many in times.values() if many > 1], []


def equal_notes(extra: list[int]) -> list[str]:
    """Return a remark on rows that stand several times. extra: how often each is repeated."""
    if not extra:
        return []
    stands = "stands" if len(extra) == 1 else "stand"
    times = "twice" if max(extra) == 1 else f"up to {max(extra) + 1} times"
    return [f"{count(len(extra), 'row')} {stands} {times}; counted once"]
