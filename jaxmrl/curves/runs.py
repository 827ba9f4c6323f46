"""Each run of a file of learning curves once: which rows are the same run, and which contradict each other."""

import shlex
from collections import defaultdict
from pathlib import Path

import numpy as np

from jaxmrl.curves.layout import Layout
from jaxmrl.curves.metric_names import plain_name
from jaxmrl.curves.observations import Observations
from jaxmrl.curves.settings import level_codes, may_be_setting
from jaxmrl.errors import DataError
from jaxmrl.text import size_text

STATUS = "status"
"""The column of results.csv that says how a run ended, which is no setting."""

_STATUSES = frozenset({STATUS, "state"})
"""Names of such columns in the files of other programs."""

FEWEST_DOUBLED = 3
"""Rows that must all stand equally often before a file is taken for one that was written several times."""


def once(
    path: Path, header: list[str], found: Observations, by_at: list[int], layout: Layout, pool: bool
) -> tuple[Observations, list[int]]:
    """Return each run once, and how many more times each repeated run occurs.

    Raises DataError where one has several values, unless they are pooled.
    """
    if found.run is None and found.sd is None:
        return found, []
    plain = _plain_keys(found, by_at)
    groups = _grouped(plain)
    several = [places for places in groups if len(places) > 1]
    if not (len(several) >= FEWEST_DOUBLED and all(_same(found, places) for places in several)):
        groups = _grouped(_keys(header, found, by_at, layout, plain))
        several = [places for places in groups if len(places) > 1]
    for places in several:
        finite = [k for k in places if np.isfinite(found.value[k])]
        if len({_value(found, k) for k in finite}) > 1 and not pool:
            apart = _apart(header, found, by_at, layout, several)
            raise DataError(_contradiction(path, found, finite, apart))
    first = {places[0] if _same(found, places) else k for places in groups for k in places}
    return found.take(np.array(sorted(first))), [len(places) - 1 for places in several if _same(found, places)]


def renumbered_note(found: Observations, by_at: list[int]) -> list[str]:
    """Return a remark on runs that have the values of other runs at all sizes, as a copy under other seeds has."""
    if found.run is None:
        return []
    values: dict[tuple, set[tuple]] = defaultdict(set)
    for (*curve, n, label), value in zip(_plain_keys(found, by_at), found.value.tolist(), strict=True):
        values[(*curve, label)].add((n, value))
    first: dict[frozenset, str] = {}
    copies = []
    for key, own in values.items():
        if len({value for _, value in own}) < FEWEST_DOUBLED:
            continue
        original = first.setdefault(frozenset((*key[:-1], *pair) for pair in own), key[-1])
        if original != key[-1]:
            copies.append(f"{key[-1]} has the values of {original}")
    if not copies:
        return []
    more = f", and {len(copies) - 1} more like it" if len(copies) > 1 else ""
    return [f"{copies[0]} at every size{more}; if it is a copy, remove it, or intervals are too narrow"]


def _value(found: Observations, k: int) -> str:
    return f"{found.value[k]!r}"


def _same(found: Observations, places: list[int]) -> bool:
    return len({_value(found, k) for k in places}) == 1


def _grouped(keys: list[tuple]) -> list[list[int]]:
    """Return the places of each key, in order of appearance."""
    groups = defaultdict(list)
    for k, key in enumerate(keys):
        groups[key].append(k)
    return list(groups.values())


def _plain_keys(found: Observations, by_at: list[int]) -> list[tuple]:
    """Return curve, size and label of each run."""
    columns = [level_codes(found.column(k)) for k in by_at]
    labels = [""] * len(found.n) if found.run is None else found.run.tolist()
    return list(zip(*(column.tolist() for column in columns), found.n.tolist(), labels, strict=True))


def _keys(header: list[str], found: Observations, by_at: list[int], layout: Layout, keys: list[tuple]) -> list[tuple]:
    """Return what identifies each run: its plain key, and a further column if that is what separates repeated runs.

    Such a column is another number of the run, as of a repeated fold, or a setting that changes nothing.
    """
    if len(set(keys)) == len(keys):
        return keys
    for k in settings_of(header, found, by_at, layout):
        longer = [(*key, code) for key, code in zip(keys, level_codes(found.column(k)).tolist(), strict=True)]
        if len(set(longer)) == len(longer):
            return longer
    return keys


def _apart(
    header: list[str], found: Observations, by_at: list[int], layout: Layout, several: list[list[int]]
) -> list[str]:
    """Return the columns that --by would need so that no run occurs twice; empty if no columns do that."""
    columns = {k: level_codes(found.column(k)) for k in settings_of(header, found, by_at, layout)}
    chosen: list[int] = []
    while several:
        pairs = {k: sum(len(places) ** 2 for places in _split(several, codes)) for k, codes in columns.items()}
        at = min(pairs, key=pairs.__getitem__, default=None)
        if at is None or pairs[at] == sum(len(places) ** 2 for places in several):
            return []
        several = _split(several, columns.pop(at))
        chosen.append(at)
    return [header[k] for k in (*by_at, *sorted(chosen))]


def _split(groups: list[list[int]], codes: np.ndarray) -> list[list[int]]:
    """Return the groups of rows, divided by a column, without rows that are then alone."""
    parts = defaultdict(list)
    for which, places in enumerate(groups):
        for k in places:
            parts[which, int(codes[k])].append(k)
    return [places for places in parts.values() if len(places) > 1]


def _contradiction(path: Path, found: Observations, places: list[int], apart: list[str]) -> str:
    """Return an error that says that one run has several values. apart: columns that distinguish the runs, if any."""
    first = places[0]
    other = next(k for k in places if _value(found, k) != _value(found, first))
    label = "the mean" if found.run is None else found.run[first]
    by = shlex.join(apart) or "with a column that distinguishes them"
    return (
        f"{path}, lines {found.lines[first]} and {found.lines[other]}: {label} at {size_text(found.n[first])} "
        f"molecules occurs twice, {found.value[first]:g} and {found.value[other]:g}: rows of two runs? "
        f"Keep those of one, give --by {by}, or --pool to count both"
    )


def settings_of(header: list[str], found: Observations, by_at: list[int], layout: Layout) -> list[int]:
    """Return the columns that may be settings of the runs, apart from those that are known."""
    others = (
        k
        for k in range(len(header))
        if k not in layout.used and k not in by_at and plain_name(header[k]) not in _STATUSES
    )
    return [k for k in others if may_be_setting(header[k], found.column(k))]
