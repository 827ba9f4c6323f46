"""The prepared data of a command: read, checked, split, and how it is judged."""

import hashlib
from dataclasses import dataclass

import numpy as np

from jaxmrl.config import CLASSIFICATION_METRICS, METRIC_NAMES, Settings
from jaxmrl.data import datasets, splits, tokens
from jaxmrl.data.fingerprints import Fingerprints, morgan_fingerprints
from jaxmrl.data.prepare import Prepared, prepare
from jaxmrl.data.stores import Features, arrays_of
from jaxmrl.data.table import Table, read_table
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.text import count


@dataclass(frozen=True)
class Problem:
    """A table with its graphs and split.

    features   {modality: its features}; graph is always there
    canonical [N] uint64   hash of each canonical SMILES
    metric     name of the metric it is judged by; `unit` of the labels, if any
    shared     validation and test molecules that also stand in another part
    unjudged   {part: tasks whose labels there leave the metric without a meaning}
    """

    table: Table
    features: dict[str, Features]
    canonical: np.ndarray
    split: splits.Split
    metric: str
    unit: str
    shared: int
    unjudged: dict[str, list[str]]

    def fingerprint(self) -> str:
        """A digest of all that a replica learns from or is judged by: molecules, features, labels, split."""
        digest = hashlib.blake2b("\n".join(self.table.smiles).encode(), digest_size=16)
        arrays = [self.table.labels, *self.split.parts().values()]
        for features in self.features.values():
            arrays += arrays_of(features)
        for array in arrays:
            digest.update(array.tobytes())
        return digest.hexdigest()

    def label_standard(self, molecules: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation [T] of these molecules' labels; 0 and 1 in classification or without spread."""
        tasks = self.table.labels.shape[1]
        mean, scale = np.zeros(tasks, np.float32), np.ones(tasks, np.float32)
        if self.table.task == "regression":
            for k, column in enumerate(self.table.labels[molecules].T.astype(np.float64)):
                present = column[~np.isnan(column)]
                mean[k] = present.mean() if len(present) else 0.0
                scale[k] = present.std() if len(present) and present.std() > 0 else 1.0
        return mean, scale


def load_problem(config: Settings, reporter) -> Problem:
    """Reads, prepares and splits the molecules, and tells `reporter` what was found.

    Raises UserError where the data cannot be read or no task can be judged.
    """
    dataset = None if config.csv else datasets.get_dataset(config.dataset)
    table = _read(config)
    metric = _metric(config, table, dataset)
    reporter.say(f"{config.name}: {len(table):,} rows, {count(len(table.tasks), 'task')}, {table.task}")
    for note in table.notes:
        reporter.say(note)
    with reporter.progress("parsing", len(table), "molecules") as progress:
        prepared = prepare(table, deduplicate=config.deduplicate, progress=progress.advance)
    if prepared.table.rejected:
        reporter.say(f"{count(len(prepared.table.rejected), 'row')} rejected: see rejected.csv for each one's reason")
    split = splits.random_split(prepared.table.ids, prepared.table.rows, config.split_seed)
    shared = splits.shared_molecules(prepared.canonical, split)
    parts = ", ".join(f"{part} {len(ids):,}" for part, ids in split.parts().items())
    reporter.say(f"random split: {parts}; {shared:,} validation or test molecules also stand in another part")
    unjudged = find_unjudged(prepared.table, split, metric)
    for part, names in unjudged.items():
        if names:
            reporter.say(f"left out of the {part} mean ({_lacking(metric)}): {', '.join(names)}")
    unit = dataset.unit if dataset else ""
    features = _features(config, prepared, split, reporter)
    return Problem(prepared.table, features, prepared.canonical, split, metric, unit, shared, unjudged)


def _features(config: Settings, prepared: Prepared, split: splits.Split, reporter) -> dict[str, Features]:
    """The features of each modality that is asked for, and the graphs."""
    smiles, features = prepared.table.smiles, {"graph": prepared.graphs}
    if "fingerprint" in config.modalities:
        kind = config.fingerprint_radius, config.fingerprint_bits, config.fingerprint_chirality
        with reporter.progress("fingerprints", len(smiles), "molecules") as progress:
            packed = morgan_fingerprints(smiles, *kind, progress.advance)
        features["fingerprint"] = Fingerprints(packed, config.fingerprint_tokens == "all")
    if "smiles" in config.modalities:
        vocabulary = tokens.build_vocabulary([smiles[k] for k in split.train])
        features["smiles"] = encoded = tokens.encode(smiles, vocabulary)
        cut = f"; {encoded.truncated:,} molecules cut off at {tokens.MOST_TOKENS}" if encoded.truncated else ""
        reporter.say(f"SMILES: {len(vocabulary) - 1} different tokens, {encoded.size.mean():.0f} a molecule{cut}")
    return features


def _read(config: Settings) -> Table:
    if config.csv is None:
        return datasets.load_dataset(config.dataset, config.target_columns)
    return read_table(
        config.csv, smiles_column=config.smiles_column, target_columns=config.target_columns, task=config.task
    )


def _metric(config: Settings, table: Table, dataset: datasets.Dataset | None) -> str:
    default = dataset.metric if dataset else {"classification": "roc_auc", "regression": "rmse"}[table.task]
    metric = config.metric or default
    if (metric in CLASSIFICATION_METRICS) != (table.task == "classification"):
        fitting = [m for m in METRIC_NAMES if (m in CLASSIFICATION_METRICS) == (table.task == "classification")]
        raise ConfigError(f"metric {metric} does not fit {table.task}; choose from {', '.join(fitting)}")
    return metric


def _lacking(metric: str) -> str:
    if metric in CLASSIFICATION_METRICS:
        return "one class only"
    return "one value only" if metric == "r2" else "no label"


def find_unjudged(table: Table, split: splits.Split, metric: str) -> dict[str, list[str]]:
    """The tasks that `metric` cannot judge on the validation and on the test molecules.

    Raises DataError where that is all of them, and where every target is constant over the whole table.
    """
    if all(_values(column) < 2 for column in table.labels.T):
        lacking = "one class" if table.task == "classification" else "one value"
        raise DataError(f"there is nothing to learn: the labels have {lacking} only in {', '.join(table.tasks)}")
    needed = 1 if metric in ("rmse", "mae") else 2
    unjudged = {}
    for part in ("valid", "test"):
        labels = table.labels[getattr(split, part)]
        unjudged[part] = [name for name, column in zip(table.tasks, labels.T, strict=True) if _values(column) < needed]
        if len(unjudged[part]) == len(table.tasks):
            raise DataError(f"no task can be judged: {_lacking(metric)} among the {part} labels of every task")
    return unjudged


def _values(column: np.ndarray) -> int:
    """How many different labels there are."""
    return len(np.unique(column[~np.isnan(column)]))
