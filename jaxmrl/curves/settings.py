"""Which column of a file of learning curves is a setting, that splits the runs of each size into different groups."""

import itertools
import re
from collections import Counter, defaultdict

import numpy as np

from jaxmrl.curves.layout import is_measured
from jaxmrl.io.cells import number_in
from jaxmrl.stats import f_sf

MOST_LEVELS = 20
"""Values that a setting takes in one file; a column with more is taken for a measurement."""

CERTAIN = 1e-3
"""Probability that runs without a setting would be so different; many columns are tried."""

POSSIBLE = 0.05
"""Probability below which a column is remarked on."""

_MOMENT = re.compile(r"\s*(\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{4}|\d{1,2}:\d{2}:\d{2})")
_LEAST_SIZES = 2
_MOSTLY = 0.75
_LEAST_STEPPED = 4


def level_codes(texts: list[str]) -> np.ndarray:
    """Return a whole number for each text [R]; those that are the same number, as 0.1 and 1e-1, share it."""
    known: dict = {}
    codes = {text: known.setdefault(_level(text), len(known)) for text in dict.fromkeys(texts)}
    return np.array([codes[text] for text in texts])


def _level(text: str) -> str | float:
    number = number_in(text)
    return text.strip() if number is None or np.isnan(number) else number


def may_be_setting(name: str, texts: list[str], *, words_too: bool = True) -> bool:
    """Return whether a column with a few different values, in rows enough, may be a setting of the runs."""
    values = {_level(text) for text in dict.fromkeys(texts)}
    if not 1 < len(values) <= min(MOST_LEVELS, len(texts) // 2):
        return False
    words = any(isinstance(value, str) and value for value in values)
    return words_too if words else not is_measured(name)


def are_moments(texts: list[str]) -> bool:
    """Return whether a column has dates or times of runs, which are no setting even where there are few of them."""
    return all(_MOMENT.match(text) for text in dict.fromkeys(texts) if text.strip())


def separation(size: np.ndarray, value: np.ndarray, level: np.ndarray, run: np.ndarray | None) -> float:
    """Return the probability that runs [R] of one size differ as much between the levels of a column by chance.

    size: codes of identity and size, [R]; level: codes of the column; run: labels of seed or fold. 1 where the column
    is no setting by its design: constant at each size, or measured of each run. Two F-tests, of cell means against the
    spread within cells and of levels against all that sizes and levels leave, with Bonferroni's correction.
    """
    finite = np.isfinite(value)
    size, value, level = size[finite], value[finite], level[finite]
    run = None if run is None else run[finite]
    mixed = [code for code in np.unique(size) if len(np.unique(level[size == code])) > 1]
    if len(mixed) < _LEAST_SIZES or not _by_design(size, level, run):
        return 1.0
    inside = np.isin(size, mixed)
    size, level = (np.unique(codes[inside], return_inverse=True)[1] for codes in (size, level))
    value = value[inside]
    value = np.log(value) if (value > 0).all() else value
    return min(1.0, 2 * min(_p_of_cells(size, value, level), _p_of_levels(size, value, level)))


def alternates(size: np.ndarray, level: np.ndarray) -> bool:
    """Return whether a column that is the same for all runs [R] of a size goes back and forth over the sizes.

    Runs of two settings look so where they were made at different sizes; a number of steps or of tokens rises or falls.
    """
    pairs = sorted(set(zip(size.tolist(), level.tolist(), strict=True)))
    if len(pairs) > len(set(size.tolist())):
        return False
    levels = [one for _, one in pairs]
    changes = sum(a != b for a, b in itertools.pairwise(levels))
    return changes > len(set(levels)) - 1


def steps_once(size: np.ndarray, level: np.ndarray) -> bool:
    """Return whether a column that is the same for all runs [R] of a size has few values, each at several sizes.

    So is a setting that was changed between sizes. What follows from the size has another value at most sizes.
    """
    pairs = set(zip(size.tolist(), level.tolist(), strict=True))
    sizes, levels = len({one for one, _ in pairs}), len({one for _, one in pairs})
    return len(pairs) == sizes >= _LEAST_STEPPED and 1 < levels <= max(2, sizes // 3)


def _by_design(size: np.ndarray, level: np.ndarray, run: np.ndarray | None) -> bool:
    """Return whether levels were set before the runs: crossed with seeds, one for each seed, or equally often at each
    size.

    What is measured of a run, as its best epoch, varies otherwise.
    """
    if run is None or len(set(run)) == len(run):  # a number of its own for each run says nothing
        return _balanced(size, level)
    levels_of_run, crossed = defaultdict(set), defaultdict(list)
    for one_size, one_level, label in zip(size, level, run, strict=True):
        levels_of_run[label].add(one_level)
        crossed[one_size, label].append(one_level)
    if all(len(levels) == 1 for levels in levels_of_run.values()):
        return len(set(level)) < len(levels_of_run)
    several = [levels for levels in crossed.values() if len(levels) > 1]
    if len(several) < _LEAST_SIZES:
        return False
    return all(len(set(levels)) == len(levels) for levels in several) or _mostly_alike(several)


def _mostly_alike(groups: list[list[int]]) -> bool:
    """Return whether most groups have the same levels equally often, as where a second setting is crossed with the
    first.
    """
    most = Counter(tuple(sorted(levels)) for levels in groups).most_common(1)[0]
    return len(set(most[0])) > 1 and most[1] >= _MOSTLY * len(groups)


def _balanced(size: np.ndarray, level: np.ndarray) -> bool:
    """Return whether each level has the same number of runs at nearly every size, from its first to its last."""
    cells = Counter(zip(size, level, strict=True))
    equal = total = 0
    for one in np.unique(level):
        counts = np.array([cells[code, one] for code in np.unique(size)])
        filled = np.flatnonzero(counts)
        if len(filled) < _LEAST_SIZES:
            return False
        counts = counts[filled[0] : filled[-1] + 1]
        equal, total = equal + int((counts == np.median(counts)).sum()), total + len(counts)
    return equal >= _MOSTLY * total


def _p_of_cells(size: np.ndarray, value: np.ndarray, level: np.ndarray) -> float:
    """Return p for the levels' means at each size, against the spread of the runs of one size and level."""
    cell = np.unique(size * (level.max() + 1) + level, return_inverse=True)[1]
    within, cells = _left(cell, value), cell.max() + 1
    return _p(_left(size, value) - within, cells - len(np.unique(size)), within, len(value) - cells)


def _p_of_levels(size: np.ndarray, value: np.ndarray, level: np.ndarray) -> float:
    """Return p for an effect of the levels that is the same at all sizes, against what sizes and levels leave."""
    design = np.concatenate([np.eye(size.max() + 1)[size], np.eye(level.max() + 1)[level]], axis=1)
    coefficients, _, rank, _ = np.linalg.lstsq(design, value, rcond=None)
    left = float(((value - design @ coefficients) ** 2).sum())
    return _p(_left(size, value) - left, int(rank) - len(np.unique(size)), left, len(value) - int(rank))


def _left(group: np.ndarray, value: np.ndarray) -> float:
    """Return the sum of squared deviations from the groups' means."""
    mean = np.bincount(group, value) / np.maximum(np.bincount(group), 1)
    return float(((value - mean[group]) ** 2).sum())


def _p(explained: float, by: int, left: float, dof: int) -> float:
    """Return p of the F-test; 1 if there is nothing to compare with."""
    if by < 1 or dof < 1 or explained <= 1e-12 * (explained + left):
        return 1.0
    return float(f_sf(explained / by / max(left / dof, 1e-300), by, dof))
