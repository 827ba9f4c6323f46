"""Molecules that a table has more than once: how far their labels disagree, and one row for each of them."""

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from jaxmrl.data.bounds import bounds_of, tightest
from jaxmrl.data.merging import merged_label, merged_weight
from jaxmrl.data.parsing import ParsedMolecules
from jaxmrl.data.replicates import Noise, find_assay_noise, find_noise, noise_lines
from jaxmrl.data.table import Table
from jaxmrl.io.records import Rejected
from jaxmrl.progress import ProgressReporter
from jaxmrl.text import count

_TASKS_NAMED = 3
_DIGITS, _VALUES_NAMED = 3, 3


@dataclass(frozen=True)
class Disagreement:
    """Repeated molecules whose labels of one task differ.

    median, maximum: of the difference between a molecule's largest and smallest label, in the label's unit
    """

    task: str
    molecules: int
    median: float
    maximum: float


@dataclass(frozen=True)
class Duplicates:
    """What a table has more than once, before anything is merged.

    molecules     those with several rows
    rows          how many rows these have in all
    disagreeing   molecules whose labels differ in at least one task
    tasks         the disagreement of each task that has any
    """

    molecules: int
    rows: int
    disagreeing: int
    tasks: tuple[Disagreement, ...]


def deduplicate(
    prepared: ParsedMolecules, how: str | None, reporter: ProgressReporter
) -> tuple[ParsedMolecules, dict[str, Any]]:
    """Report which molecules are repeated, and make one row of each where `how` says how.

    Returns:
        The molecules, with the noise of labels that replicates show, and what run.json says of the repeated ones.
    """
    table = prepared.table
    found = find_duplicates(prepared.canonical, table)
    if said := duplicates_text(found, table, how):
        reporter.say(said)
    noise: list[Noise] = []
    if table.task == "regression":
        noise = find_noise(prepared.canonical, table.labels, table.tasks, averaged=how in ("mean", "median"))
    for line in noise_lines(noise):
        reporter.say(line)
    prepared = replace(prepared, noise=tuple(noise))
    facts = asdict(found) | {"summary": said, "noise": [asdict(one) for one in noise]}
    if noise and table.side.assays is not None:
        by_assay = find_assay_noise(prepared.canonical, table.labels, table.tasks, table.side.assays)
        for one in by_assay:
            reporter.say(one.text)
        facts["noise_within_assays"] = [asdict(one) for one in by_assay]
    if how is None or not found.molecules:
        return prepared, facts
    before, merged = len(prepared), merge_duplicates(prepared, how)
    reporter.say(merged_text(merged, how, before - len(merged.prepared) - merged.merged))
    return merged.prepared, facts | {"merged": merged.merged, "labels_removed": merged.removed}


def find_duplicates(canonical: np.ndarray, table: Table) -> Duplicates:
    """Count the molecules with several rows, and measure how far their labels disagree.

    Args:
        canonical: A hash of each molecule, [N].
        table: The molecules and their labels [N, T].
    """
    _, group, size = np.unique(canonical, return_inverse=True, return_counts=True)
    repeated = size > 1
    apart = np.zeros((len(size), len(table.tasks)))
    for k, column in enumerate(table.labels.T.astype(np.float64)):
        known = ~np.isnan(column) & repeated[group]
        low, high = np.full(len(size), np.inf), np.full(len(size), -np.inf)
        np.minimum.at(low, group[known], column[known])
        np.maximum.at(high, group[known], column[known])
        apart[:, k] = np.maximum(high - low, 0)
    found = [
        Disagreement(task, len(some), float(np.median(some)), float(some.max()))
        for task, some in ((task, column[column > 0]) for task, column in zip(table.tasks, apart.T, strict=True))
        if len(some)
    ]
    in_all = int((apart > 0).any(axis=1).sum())
    return Duplicates(int(repeated.sum()), int(size[repeated].sum()), in_all, tuple(found))


def duplicates_text(found: Duplicates, table: Table, deduplicate: str | None) -> str | None:
    """Return what `find_duplicates` found in words; None where no molecule is repeated."""
    if not found.molecules:
        return None
    of = "are" if found.molecules > 1 else "is"
    said = f"{count(found.molecules, 'molecule')} {of} in the table more than once ({found.rows:,} rows)"
    if not found.disagreeing:
        said += "; their labels agree"
    elif table.task == "classification":
        worst = ", ".join(f"{one.task} {one.molecules:,}" for one in found.tasks[:_TASKS_NAMED])
        said += f"; contradicting classes in {found.disagreeing:,} of them ({_shortened(worst, found)})"
    else:
        worst = "; ".join(
            f"{one.task}: median difference {one.median:.{_DIGITS}g}, maximum {one.maximum:.{_DIGITS}g}"
            + (f", {count(one.molecules, 'molecule')}" if len(found.tasks) > 1 else "")
            for one in found.tasks[:_TASKS_NAMED]
        )
        said += f"; labels that disagree in {found.disagreeing:,} of them ({_shortened(worst, found)})"
    if found.disagreeing:
        said += ". Disagreement between labels limits how good any model can be"
    return said if deduplicate else f"{said}. --deduplicate makes one row of each molecule"


def _shortened(named: str, found: Duplicates) -> str:
    others = len(found.tasks) - _TASKS_NAMED
    return f"{named}, and {count(others, 'other task')}" if others > 0 else named


@dataclass(frozen=True)
class Merged:
    """A table with one row for each molecule.

    merged    rows that became part of an earlier one
    removed   labels that became missing because they disagree, of each task that has any
    """

    prepared: ParsedMolecules
    merged: int
    removed: dict[str, int]


def merge_duplicates(prepared: ParsedMolecules, how: str) -> Merged:
    """Make one row of each molecule, in the place and with the id of its first row.

    Labels fill each other's gaps, task by task. Where a molecule has several labels of a task, equal rows count once
    and `how` decides: mean or median of the rows' labels, by their weights if they have any, the first label, or drop,
    which makes labels that differ missing. Classes are not averaged: unless `how` is first, contradicting ones become
    missing. Molecules left without a label join the rejected rows, and so do, with first, rows with a label that is not
    used. A censored label counts only where a molecule has no exact one of the task; if it has several, the tightest on
    the side of the first one counts. Weights become those of `merged_weight`.
    """
    table = _with_bounds_merged(prepared.canonical, prepared.table)
    labels, keep = table.labels.astype(np.float64), np.ones(len(table), bool)
    rejected: list[Rejected] = []
    removed: Counter[str] = Counter()
    groups = _groups(prepared.canonical)
    side, weights = table.side.merged(groups), table.side.weights
    for rows in groups:
        found, own = labels[rows], None if weights is None else weights[rows]
        label = merged_label(found, own, how, table.task)
        keep[rows[1:]] = False
        if np.isnan(label).all() and not (table.bounds and table.bounds.sides[rows[0]].any()):
            keep[rows[0]] = False
            rejected += [_rejected(table, k, _contradiction(table, rows, found)) for k in rows]
            continue
        lost = np.isnan(label) & ~np.isnan(found).all(axis=0)
        removed.update(np.array(table.tasks)[lost].tolist())
        if how == "first":
            unused = (~np.isnan(found) & (found != label)).any(axis=1)
            reason = f"another label of a molecule that came before: 'line {table.lines[rows[0]]}'"
            rejected += [_rejected(table, k, reason) for k in rows[unused]]
        labels[rows[0]] = label
        if own is not None and side.weights is not None and how in ("mean", "median"):
            side.weights[rows[0]] = merged_weight(found, label, own)
    merged = int((~keep).sum()) - len(rejected)
    table = replace(table, labels=labels.astype(table.labels.dtype), side=side)
    return Merged(replace(prepared, table=table).take(keep, rejected), merged, dict(removed))


def _with_bounds_merged(canonical: np.ndarray, table: Table) -> Table:
    """Return the table with the bound that counts for each repeated molecule in its first row."""
    if table.bounds is None:
        return table
    values, sides = table.bounds.values.copy(), table.bounds.sides.copy()
    for rows in _groups(canonical):
        for k in range(len(table.tasks)):
            exact = not np.isnan(table.labels[rows, k]).all()
            merged = (np.nan, 0) if exact else tightest(values[rows, k], sides[rows, k])
            values[rows[0], k], sides[rows[0], k] = merged
    return replace(table, bounds=bounds_of(values, sides))


def _groups(canonical: np.ndarray) -> list[np.ndarray]:
    """Return the rows, in order, of each molecule that has several."""
    order = np.argsort(canonical, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(canonical[order])) + 1)
    return sorted((rows for rows in groups if len(rows) > 1), key=lambda rows: rows[0])


def _rejected(table: Table, row: int, reason: str) -> Rejected:
    return Rejected(int(table.lines[row]), table.smiles[row], reason)


def _contradiction(table: Table, rows: np.ndarray, found: np.ndarray) -> str:
    """Return the reason why a molecule has no label left: the first task in which its labels differ.

    Details of this molecule are quoted, because reasons that differ only inside quotes are counted together.
    """
    differ = np.array([len(np.unique(column[~np.isnan(column)])) > 1 for column in found.T])
    k = int(np.argmax(differ))
    known = ~np.isnan(found[:, k])
    lines = dict(zip(found[known, k].tolist(), table.lines[rows[known]].tolist(), strict=True))
    values = ", ".join(f"{value:g} in line {line}" for value, line in list(lines.items())[:_VALUES_NAMED])
    more = ", ..." if len(lines) > _VALUES_NAMED else ""
    what = "contradicting classes" if table.task == "classification" else "labels that disagree"
    return f"{what} of the same molecule in {table.tasks[k]}: '{values}{more}'"


def merged_text(found: Merged, how: str, dropped: int) -> str:
    """Return what `merge_duplicates` did in words; dropped: rows that it rejected."""
    said = f"--deduplicate {how}: {count(found.merged, 'row')} merged into an earlier row of the same molecule"
    if dropped:
        said += f", {dropped:,} rejected"
    if found.removed:
        tasks = ", ".join(f"{task} {times:,}" for task, times in list(found.removed.items())[:_TASKS_NAMED])
        total = sum(found.removed.values())
        said += f"; {count(total, 'label')} made missing because the rows disagree ({tasks})"
    return said
