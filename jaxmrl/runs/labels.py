"""labels.npz of a run directory, and the validation molecules in its splits.npz: what calibrates later predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxmrl.data.bounds import Bounds
from jaxmrl.data.table import Table
from jaxmrl.errors import ConfigError
from jaxmrl.io.cache import load_arrays
from jaxmrl.rows import ResultRow
from jaxmrl.runs.directory import RunDirectory

LABELS, SPLITS = "labels.npz", "splits.npz"


@dataclass(frozen=True)
class RunLabels:
    """The labels of the usable molecules of a run.

    Attributes:
        ids: [N] ids of the molecules, ascending.
        labels: [N, T] their labels; NaN where there is none, and for censored labels.
        bounds: Their censored labels, from which a one-sided loss learns; None where there are none.
        weights: [N] their weights in the training loss; None where all count the same.
    """

    ids: np.ndarray
    labels: np.ndarray
    bounds: Bounds | None = None
    weights: np.ndarray | None = None

    def of(self, ids: np.ndarray) -> np.ndarray:
        """Return the labels [n, T] of molecules by their ids [n]."""
        return self.labels[np.searchsorted(self.ids, ids)]


def write_labels(run: RunDirectory, table: Table) -> None:
    """Write labels.npz: the id of each usable molecule and its labels, which are 0 and 1 in float32 for classes.

    Where there are censored labels, `bounds` and `sides` have them; where there are weights, so does `weights`.
    """
    arrays = {"molecule_id": table.ids, "labels": label_array(table)}
    if table.bounds is not None:
        arrays |= {"bounds": table.bounds.values, "sides": table.bounds.sides}
    if table.side.weights is not None:
        arrays["weights"] = table.side.weights
    run.write_arrays(LABELS, arrays)


def label_array(table: Table) -> np.ndarray:
    """Return the labels of a table as labels.npz has them, [N, T]."""
    return table.labels.astype(np.float32) if table.task == "classification" else table.labels


def read_labels(folder: Path) -> RunLabels | None:
    """Return what `write_labels` wrote; None for a run of an older version, which has no such file.

    Raises ConfigError where the file is damaged.
    """
    if not (folder / LABELS).exists():
        return None
    arrays = load_arrays(folder / LABELS, {"molecule_id", "labels"})
    if arrays is None:
        raise ConfigError(f"{folder / LABELS} is damaged; run the sweep again with another --out")
    bounds = Bounds(arrays["bounds"], arrays["sides"]) if {"bounds", "sides"} <= arrays.keys() else None
    return RunLabels(arrays["molecule_id"], arrays["labels"].astype(np.float64), bounds, arrays.get("weights"))


def read_validation(folder: Path, rows: Sequence[ResultRow]) -> list[np.ndarray]:
    """Return the ids of the validation molecules of each split that the replicas of `rows` have.

    Raises ConfigError where splits.npz is missing or damaged.
    """
    arrays = load_arrays(folder / SPLITS, set())
    found = []
    for kind, seed in dict.fromkeys((row.curve.split, row.split_seed) for row in rows):
        # The first split of a kind has no seed in its names, and the first random one not even its kind.
        names = (f"{kind}_{seed}_valid", f"{kind}_valid", *(("valid",) if kind == "random" else ()))
        name = next((one for one in names if arrays and one in arrays), None)
        if arrays is None or name is None:
            raise ConfigError(f"{folder / SPLITS} is missing or damaged; run the sweep again with another --out")
        found.append(arrays[name])
    return found
