"""Predictions of new molecules with the models of a sweep.

`python -m jaxmrl.predict RUN_DIR --csv new.csv`, or `predict_molecules(PredictConfig(...))`.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import compress

import numpy as np

from jaxmrl.baselines.saved import KeptModel
from jaxmrl.config import PredictConfig
from jaxmrl.data.novelty import find_unseen
from jaxmrl.data.similarity import FAR
from jaxmrl.ensemble import (
    choose_curve,
    models_by_curve,
    nearest_training,
    predict_values,
    read_and_prepare,
)
from jaxmrl.formats.input_rows import InputRows, read_input_rows
from jaxmrl.formats.parquet import import_parquet
from jaxmrl.formats.writing import table_bytes
from jaxmrl.io.files import label_columns, write_whole
from jaxmrl.io.records import Rejected, top_reasons
from jaxmrl.modalities.registry import get_modality
from jaxmrl.progress import ProgressReporter
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs import artifacts
from jaxmrl.text import count
from jaxmrl.training.numerics import own_numerics

_DIGITS, _MOST_DIGITS = 8, 17
"""Digits of a number in a .csv beyond those that all values share: as many as models in float32 resolve."""


_MOST_SHOWN = 5
"""The most traits that a line lists."""


@dataclass(frozen=True)
class Predictions:
    """Predictions by the models of one curve for the `n` usable molecules of a file, in the order of the file.

    Attributes:
        curve: The name of the curve.
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

    def columns(self, source: InputRows, keep: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
        """Return the columns of the predictions file, with a row for each row of `source`.

        The columns are molecule_id, the columns of `source`, <task> and <task>_sd for each task, nearest_training,
        unseen, and reason, which says why a row has no prediction. A task with the name of another of these columns
        becomes "label <name>", and a column of `source` "input <name>".

        Args:
            source: The rows of the file that was predicted.
            keep: The columns of `source` to copy; empty for all.

        Returns:
            The columns by their names, in order.
        """
        taken = {"molecule_id", "nearest_training", "unseen", "reason", *(f"{task}_sd" for task in self.tasks)}
        values: dict[str, np.ndarray] = {}
        texts, rows = np.full((2, len(source)), "", object), len(source)
        for k, name in enumerate(label_columns(self.tasks, taken)):
            values |= {name: self.mean[:, k], f"{name}_sd": self.sd[:, k]}
        values["nearest_training"] = self.nearest
        ours = {}
        for name, column in values.items():
            ours[name] = np.full(rows, np.nan)
            ours[name][self.ids] = column
        unseen, reasons = texts
        unseen[self.ids] = self.unseen
        reasons[np.searchsorted(source.lines, [row.line for row in self.rejected])] = [
            row.reason for row in self.rejected
        ]
        ours |= {"unseen": unseen, "reason": reasons}
        return {"molecule_id": np.arange(rows), **source.columns(keep, {"molecule_id", *ours}), **ours}


@own_numerics()
def predict_molecules(config: PredictConfig, *, quiet: bool = True) -> Predictions:
    """Predict the molecules of a file with the models of a sweep, and write a row for each row of the file.

    Args:
        config: The settings: the run directory of the sweep, the file of molecules, and the output.
        quiet: Whether to print nothing.

    Returns:
        The predictions.

    Raises:
        UserError: For a folder that has no models, and for molecules or settings that cannot be used.
    """
    reporter = Reporter(quiet=quiet)
    if config.out.suffix == ".parquet":
        import_parquet()
    curve, models = choose_curve(config, models_by_curve(config.run), reporter)
    source = read_input_rows(config.csv, config.keep_columns)
    prepared, known = read_and_prepare(config, models[0], reporter), artifacts.read_molecules(config.run)
    table, smiles = prepared.table, prepared.canonical_smiles
    values, trained_on = predict_values(config, models, known, prepared, reporter)
    mean, sd = mean_and_spread(values)
    similarity = nearest_training(known, trained_on, smiles, reporter)
    texts = seen_texts(known, trained_on, models[0], reporter)
    unseen = find_unseen(smiles, texts, models[0].modality, models[0].features)
    found = Predictions(curve, models[0].tasks, table.ids, table.smiles, mean, sd, similarity, unseen, table.rejected)
    columns = found.columns(source, config.keep_columns)
    write_whole(config.out, table_bytes(columns, config.out.suffix, digits_of(mean)))
    report(config, found, reporter)
    return found


def mean_and_spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation over the models of their predictions [K, n, T], [n, T] each."""
    sd = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1:], np.nan)
    return values.mean(axis=0), sd


def seen_texts(
    known: dict[int, str], trained_on: np.ndarray, model: KeptModel, reporter: ProgressReporter
) -> list[str]:
    """Return the SMILES that models like this one saw in training: canonical ones and random variants.

    known: {id: canonical SMILES} of the run's molecules; trained_on: ids of those that the models learned from.
    """
    seen = np.isin(list(known), trained_on)
    texts = list(compress(known.values(), seen))
    # For all molecules of the run, because the sweep stored these in the cache.
    others = get_modality(model.modality).spellings(list(known.values()), model.features, reporter)
    return texts + [text for several in compress(others, seen) for text in several]


def digits_of(values: np.ndarray) -> int:
    """Return the significant digits that values [n, T] need: more where they are far from zero for their spread."""
    largest, spread = np.abs(values).max(axis=0), np.ptp(values, axis=0)
    far = max((np.log10(one / other) for one, other in zip(largest, spread, strict=True) if other > 0), default=0.0)
    return int(np.clip(_DIGITS + np.ceil(far), _DIGITS, _MOST_DIGITS))


def report(config: PredictConfig, found: Predictions, reporter: ProgressReporter) -> None:
    """Print what was predicted and how far it can be relied on."""
    if found.rejected:
        reporter.say(f"no prediction, see column reason: {'; '.join(top_reasons(found.rejected))}")
    if any(found.unseen):
        traits = Counter(trait for text in found.unseen if text for trait in text.split("; "))
        reporter.say(
            f"{sum(map(bool, found.unseen)):,} of {count(len(found.ids), 'molecule')} with a feature that no training "
            f"molecule has, see column unseen: {_most_common(traits)}"
        )
    far = int((found.nearest < FAR).sum())
    reporter.say(f"nearest training molecule: median ECFP4 Tanimoto similarity {np.median(found.nearest):.2f}")
    if far:
        reporter.say(
            f"{far:,} of {count(len(found.ids), 'molecule')} below {FAR:g}: they are unlike all training molecules, "
            "and neither their predictions nor the spread over seeds are reliable"
        )
    reporter.say(f"{count(len(found.ids), 'molecule')} predicted: {config.out}")


def _most_common(counted: Counter[str]) -> str:
    """Return the most frequent of some texts, in words."""
    shown = ", ".join(f"{text} ({number:,})" for text, number in counted.most_common(_MOST_SHOWN))
    return shown if len(counted) <= _MOST_SHOWN else f"{shown} and {len(counted) - _MOST_SHOWN} more"
