"""The predictions of a file's molecules, and their table: a row for each row of the file."""

from dataclasses import dataclass, field

import numpy as np

from jaxmrl.ensemble.domain import Neighbors
from jaxmrl.formats.input_rows import InputRows
from jaxmrl.io.files import label_columns
from jaxmrl.io.records import Rejected
from jaxmrl.predict.calibration import Calibrated

_DIGITS, _MOST_DIGITS = 8, 17
"""Digits of a number in a .csv beyond those that all values share: as many as models in float32 resolve."""

_ENDS = ("", "_sd", "_calibrated", "_lower", "_upper")
"""What the names of a task's columns end in."""


@dataclass(frozen=True)
class Predictions:
    """Predictions by models of a sweep for the `n` usable molecules of a file, in the order of the file.

    Attributes:
        curve: The name of the curve whose models predict; of several curves, their names with " + " between them.
        tasks: The names of the `T` tasks.
        ids: [n] row of each molecule in the file, counted from 0.
        smiles: [n] SMILES as the file has them.
        mean: [n, T] mean over the models, of probabilities in classification and of values in the labels' unit in
            regression.
        sd: [n, T] standard deviation over the models; NaN for a single model.
        nearest: [n] ECFP4 Tanimoto similarity to the nearest training molecule of any of the models.
        unseen: [n] features of each molecule that no training molecule has, in words (see `data.novelty`); empty for
            none.
        rejected: The rows of the file that have no prediction, with the reasons.
        calibrated: Intervals in regression and calibrated probabilities in classification; None for a run of an older
            version, which has no labels.
        neighbors: The nearest training molecules, if asked for.
        leverage: [n] in the embedding, mean over the networks (see `ensemble.leverage`); None for classical models.
    """

    curve: str
    tasks: tuple[str, ...]
    ids: np.ndarray
    smiles: list[str] = field(repr=False)
    mean: np.ndarray
    sd: np.ndarray
    nearest: np.ndarray
    unseen: list[str] = field(repr=False)
    rejected: tuple[Rejected, ...] = field(repr=False, default=())
    calibrated: Calibrated | None = field(repr=False, default=None)
    neighbors: Neighbors | None = field(repr=False, default=None)
    leverage: np.ndarray | None = field(repr=False, default=None)

    def columns(self, source: InputRows, keep: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
        """Return the columns of the predictions file, with a row for each row of `source`.

        The columns are molecule_id, the columns of `source`, those of each task (<task>, <task>_sd and, where there is
        a calibration, <task>_calibrated in classification, <task>_lower and <task>_upper), nearest_training, leverage
        where networks predict, those of `neighbors`, unseen, curve, and reason, which says why a row has no prediction.
        A task whose columns have the name of others of these becomes "label <name>", and a column of `source`
        "input <name>".

        Args:
            source: The rows of the file that was predicted.
            keep: The columns of `source` to copy; empty for all.

        Returns:
            The columns by their names, in order.
        """
        taken = {"molecule_id", "nearest_training", "leverage", "unseen", "curve", "reason"}
        taken |= {f"{task}{end}" for task in self.tasks for end in _ENDS[1:]}
        values: dict[str, np.ndarray] = {}
        for k, name in enumerate(label_columns(self.tasks, taken)):
            values |= {f"{name}{end}": array[:, k] for end, array in self._of_tasks().items()}
        values["nearest_training"] = self.nearest
        if self.leverage is not None:
            values["leverage"] = self.leverage
        values |= self._of_neighbors()
        values |= {"unseen": np.array(self.unseen, object), "curve": np.full(len(self.ids), self.curve, object)}
        ours = {name: self._spread_out(column, len(source)) for name, column in values.items()}
        reasons = np.full(len(source), "", object)
        reasons[np.searchsorted(source.lines, [row.line for row in self.rejected])] = [
            row.reason for row in self.rejected
        ]
        ours["reason"] = reasons
        return {"molecule_id": np.arange(len(source)), **source.columns(keep, {"molecule_id", *ours}), **ours}

    def _of_tasks(self) -> dict[str, np.ndarray]:
        """Return the arrays [n, T] of columns that every task has, by what their names end in."""
        found = {"": self.mean, "_sd": self.sd}
        if self.calibrated is not None:
            if self.calibrated.probability is not None:
                found["_calibrated"] = self.calibrated.probability
            found |= {"_lower": self.calibrated.lower, "_upper": self.calibrated.upper}
        return found

    def _of_neighbors(self) -> dict[str, np.ndarray]:
        """Return the columns of the nearest training molecules: SMILES, id in the sweep, similarity and labels."""
        columns: dict[str, np.ndarray] = {}
        if self.neighbors is None:
            return columns
        for k in range(self.neighbors.ids.shape[1]):
            start = f"neighbor_{k + 1}"
            columns[start] = np.array([several[k] for several in self.neighbors.smiles], object)
            columns[f"{start}_id"] = self.neighbors.ids[:, k]
            columns[f"{start}_similarity"] = self.neighbors.similarity[:, k]
            columns |= {f"{start}_{task}": self.neighbors.labels[:, k, t] for t, task in enumerate(self.tasks)}
        return columns

    def _spread_out(self, column: np.ndarray, rows: int) -> np.ndarray:
        """Return a column of the file's rows from one of the predicted molecules: empty where there is none."""
        number = column.dtype.kind == "f"
        whole = np.full(rows, np.nan if number else "", float if number else object)
        whole[self.ids] = [str(value) for value in column] if column.dtype.kind == "i" else column
        return whole


def mean_and_spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation over the models of their predictions [K, n, T], [n, T] each."""
    sd = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1:], np.nan)
    return values.mean(axis=0), sd


def digits_of(values: np.ndarray) -> int:
    """Return the significant digits that values [n, T] need: more where they are far from zero for their spread."""
    largest, spread = np.abs(values).max(axis=0), np.ptp(values, axis=0)
    far = max((np.log10(one / other) for one, other in zip(largest, spread, strict=True) if other > 0), default=0.0)
    return int(np.clip(_DIGITS + np.ceil(far), _DIGITS, _MOST_DIGITS))
