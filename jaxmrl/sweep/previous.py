"""`--previous RUN`: a child run, on data that has grown since a run, with the same validation and test molecules."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxmrl.config import SweepConfig
from jaxmrl.data.bounds import Bounds
from jaxmrl.data.earlier_splits import HELD_OUT, NEW, NO_PART, EarlierSplits, find_same
from jaxmrl.data.splits import PARTS
from jaxmrl.data.table import Table
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.io.cache import load_arrays
from jaxmrl.io.files import read_table
from jaxmrl.rows import ResultRow
from jaxmrl.runs.artifacts import read_molecules
from jaxmrl.runs.labels import SPLITS, RunLabels, label_array, read_labels
from jaxmrl.runs.lineage import LineageRecord, lineage_of
from jaxmrl.runs.saved_settings import read_sweep
from jaxmrl.runs.tables import RESULTS
from jaxmrl.text import count

_SAME_SETTINGS = ("split_seed", "standardize", "target_columns")
"""Settings by which the molecules, parts and labels of two runs have the same meaning."""


@dataclass(frozen=True)
class PreviousRun:
    """A run whose data has changed since.

    Attributes:
        path: Its directory.
        splits: Its molecules and their parts.
        labels: Their labels.
        columns: Those of its results.csv.
        lineage: The digests of its data, and those of the runs before it.
        held_out_changed: How many validation and test molecules had changed when it began.
    """

    path: Path
    splits: EarlierSplits
    labels: RunLabels
    columns: tuple[str, ...]
    lineage: list[dict[str, str]]
    held_out_changed: int


@dataclass(frozen=True)
class DataChanges:
    """What has changed since the previous run.

    Attributes:
        record: What run.json says of it.
        rows: The rows of changes.csv.
        said: The changes in words.
    """

    record: LineageRecord
    rows: list[dict[str, str]]
    said: str


CHANGES, CHANGE_COLUMNS = "changes.csv", ("change", "smiles")
"""The file of the run directory that lists each change, and its columns."""


def read_previous(config: SweepConfig) -> PreviousRun | None:
    """Return the run of --previous; None without it.

    Raises ConfigError for a folder that is no run of a sweep, or one whose settings do not fit those of `config`.
    """
    if (path := config.previous) is None:
        return None
    metadata, saved = read_sweep(path)
    if saved.extra:
        raise ConfigError(
            f"--previous {path} was trained with --extra, which --previous does not support; omit --previous"
        )
    for name in (*_SAME_SETTINGS, *(["group_column"] if "group" in config.splits else [])):
        there, here = getattr(saved, name), getattr(config, name)
        if there != here:
            raise ConfigError(
                f"--previous {path} has {name} {_text(there)}, and this run {_text(here)}; expected the same. Give "
                f"--{name.replace('_', '-')} as in {path / 'config.toml'}"
            )
    known, labels = read_molecules(path), read_labels(path)
    if labels is None or labels.ids.tolist() != list(known):
        raise ConfigError(f"{path} has no labels.npz for its molecules; run its sweep again with another --out")
    places = {one: place for place, one in enumerate(known)}
    splits = EarlierSplits(str(path), list(known.values()), _parts(path, list(metadata["splits"]), places))
    columns, _ = read_table(path / RESULTS)
    return PreviousRun(path, splits, labels, columns, *lineage_of(metadata))


def _text(value: Any) -> str:
    """Return the value of a setting for an error."""
    return " ".join(map(str, value)) if isinstance(value, tuple) and value else str(value or "not set")


def _parts(path: Path, labels: list[str], places: dict[int, int]) -> dict[str, list[str]]:
    """Return the part of each molecule by the label of the split, from splits.npz."""
    arrays, found = load_arrays(path / SPLITS, set()), {}
    for label in labels:
        before = "" if label == "random" else f"{label.replace(' ', '_')}_"
        parts = [NO_PART] * len(places)
        for part in PARTS:
            if arrays is None or f"{before}{part}" not in arrays:
                raise ConfigError(f"{path / SPLITS} is missing or damaged; run that sweep again with another --out")
            for one in arrays[f"{before}{part}"].tolist():
                parts[places[one]] = part
        found[label] = parts
    return found


def changes_since(previous: PreviousRun, problems: list[TaskData]) -> DataChanges:
    """Return what has changed in the data since a run.

    Raises DataError for data with other tasks.
    """
    table, smiles = problems[0].table, problems[0].canonical_smiles
    if not ResultRow.fits(previous.columns, ResultRow.columns(table.tasks)):
        raise DataError(
            f"--previous {previous.path} has other tasks than this data ({', '.join(table.tasks)}); expected the same. "
            "Start a run without --previous"
        )
    rows, _ = find_same(smiles, previous.splits.smiles)
    kept = np.flatnonzero(rows != NEW)
    removed = np.setdiff1d(np.arange(len(previous.splits.smiles)), rows[kept])
    relabeled = rows[kept[~_same_labels(previous.labels, table, rows[kept], kept)]]
    reweighted = rows[kept[~_same_weights(previous.labels, table, rows[kept], kept)]]
    added = np.flatnonzero(rows == NEW)
    listed = [{"change": "added", "smiles": smiles[k]} for k in added.tolist()]
    for change, places in (("removed", removed), ("label", relabeled), ("weight", reweighted)):
        listed += [{"change": change, "smiles": previous.splits.smiles[k]} for k in places.tolist()]
    held_out = _held_out(previous.splits, problems)
    changed = sum(place in held_out for place in (*removed.tolist(), *relabeled.tolist()))
    record = LineageRecord(
        run=str(previous.path),
        data=previous.lineage,
        added=len(added),
        removed=len(removed),
        relabeled=len(relabeled),
        reweighted=len(reweighted),
        held_out_changed=previous.held_out_changed + changed,
    )
    weights = f", {len(reweighted):,} with another weight" if len(reweighted) else ""
    said = (
        f"since {previous.path}: {count(len(added), 'row')} added, {len(removed):,} removed, {len(relabeled):,} with "
        f"other labels{weights}; {count(len(held_out), 'molecule')} for validation and test stay in their parts"
    )
    return DataChanges(record, listed, f"{said}, {changed:,} of them removed or with other labels" if changed else said)


def _same_labels(earlier: RunLabels, table: Table, places: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return which rows of a table, [n], have the labels and bounds that they had at their earlier places, [n]."""
    before, now = earlier.labels[places], label_array(table)[rows].astype(np.float64)
    same = ((before == now) | (np.isnan(before) & np.isnan(now))).all(axis=1)
    had, has = (_bounds(*of, now.shape) for of in ((earlier.bounds, places), (table.bounds, rows)))
    alike = (had.values == has.values) | (np.isnan(had.values) & np.isnan(has.values))
    return same & (alike & (had.sides == has.sides)).all(axis=1)


def _bounds(bounds: Bounds | None, rows: np.ndarray, shape: tuple[int, ...]) -> Bounds:
    """Return the bounds of some rows, in arrays of a shape also where there are none."""
    if bounds is None:
        return Bounds(np.full(shape, np.nan), np.zeros(shape, np.int8))
    return Bounds(bounds.values[rows], bounds.sides[rows])


def _same_weights(earlier: RunLabels, table: Table, places: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return which rows of a table, [n], have the weight that they had at their earlier places, [n].

    Where one of the two has no weights at all, that is another setting and no change of the data.
    """
    if earlier.weights is None or table.side.weights is None:
        return np.ones(len(rows), bool)
    return earlier.weights[places] == table.side.weights[rows]


def _held_out(earlier: EarlierSplits, problems: list[TaskData]) -> set[int]:
    """Return the places of the earlier validation and test molecules of the splits that are in use."""
    used = [earlier.parts[problem.split_label] for problem in problems]
    return {place for parts in used for place, part in enumerate(parts) if part in HELD_OUT}
