"""The labeled molecules of a simulation: a table or a data set, one task of it, each molecule once."""

import numpy as np

from jaxmrl.acquisition.simulation import Labeled
from jaxmrl.baselines.views import tanimoto
from jaxmrl.config import SelectConfig
from jaxmrl.data.datasets import get_dataset, load_dataset
from jaxmrl.data.duplicates import deduplicate
from jaxmrl.data.featurization import parse_smiles
from jaxmrl.data.loading import say_rejected
from jaxmrl.data.table import Table, read_table
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.io.records import write_rejected
from jaxmrl.modalities.descriptors.features import ecfp_counts
from jaxmrl.progress import ProgressReporter
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs import directory
from jaxmrl.text import count

MOST_MOLECULES = 5_000
"""The most molecules of a simulation: the matrix of their similarities must fit in memory."""

_FEWEST = 50


def read_labeled(config: SelectConfig, reporter: ProgressReporter, most: int = MOST_MOLECULES) -> Labeled:
    """Return the labeled molecules of a simulation, each once, or `most` of them at random.

    Raises UserError for a table that cannot be read or that has too few labels.
    """
    table = _read(config)
    for note in table.notes:
        reporter.say(note)
    parsed = parse_smiles(table, reporter, standardize=config.standardize)
    prepared, _ = deduplicate(parsed, "mean", Reporter(quiet=True))
    if merged := len(parsed) - len(prepared):
        reporter.say(f"{count(merged, 'row')} merged into an earlier row of the same molecule, with the mean label")
    say_rejected(prepared.table.rejected, reporter)
    if config.csv and prepared.table.rejected:
        write_rejected(config.output / directory.REJECTED, prepared.table.rejected, reporter)
    task = _task(config, prepared.table)
    labels = prepared.table.labels[:, task]
    rows = np.flatnonzero(~np.isnan(labels))
    rows = rows[np.argsort(prepared.canonical[rows], kind="stable")]
    if len(rows) > most:
        reporter.say(f"{prepared.table.tasks[task]}: {len(rows):,} labels; {most:,} of them are drawn at random")
        rows = np.sort(np.random.default_rng([config.seed, len(rows)]).choice(rows, most, replace=False))
    smiles = [prepared.canonical_smiles[row] for row in rows]
    counts = ecfp_counts(smiles).counts
    classes = prepared.table.task == "classification"
    labeled = Labeled(
        similarity=tanimoto(counts, counts).astype(np.float32),
        counts=counts,
        labels=oriented(labels[rows], classes, config.minimize),
        identity=prepared.canonical[rows],
        classes=classes,
    )
    check_labels(config, labeled)
    return labeled


def _read(config: SelectConfig) -> Table:
    if config.csv is None:
        if get_dataset(config.dataset).is_npz:
            raise ConfigError(
                f"{config.dataset} has positions, but a simulation needs SMILES: choose another --dataset"
            )
        return load_dataset(config.dataset)
    targets = (config.target_column,) if config.target_column else ()
    try:
        return read_table(config.csv, smiles_column=config.smiles_column, target_columns=targets, sheet=config.sheet)
    except DataError as error:  # a simulation takes one target, and its option is named so
        raise DataError(str(error).replace("--target-columns", "--target-column")) from None


def _task(config: SelectConfig, table: Table) -> int:
    """Return the index of the task; for a data set, that of the first one unless another is requested."""
    if config.target_column is not None:
        if config.target_column not in table.tasks:
            raise ConfigError(
                f"{config.name} has no task {config.target_column!r}; choose from {', '.join(table.tasks)}"
            )
        return table.tasks.index(config.target_column)
    if config.csv and len(table.tasks) > 1:
        raise ConfigError(
            f"{config.csv} has {len(table.tasks)} columns of labels; choose one of them with "
            f"--target-column: {', '.join(table.tasks)}"
        )
    return 0


def oriented(labels: np.ndarray, classes: bool, minimize: bool) -> np.ndarray:
    """Return labels [n], where higher is better."""
    if not minimize:
        return labels.astype(np.float64)
    return (1.0 - labels) if classes else -labels.astype(np.float64)


def check_labels(config: SelectConfig, table: Labeled) -> None:
    """Raise DataError for labels that no campaign can learn from."""
    if len(table.labels) < _FEWEST:
        raise DataError(f"{config.name} has {count(len(table.labels), 'label')}; a simulation needs at least {_FEWEST}")
    pool, test = table.parts(config.seed)
    if any(np.ptp(table.labels[part]) == 0 for part in (pool, test)):
        raise DataError(
            f"{config.name}: all labels of the test set, or of the molecules that can be bought, are equal; give "
            "another --seed or more labels"
        )
