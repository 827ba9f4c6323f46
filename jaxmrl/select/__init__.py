"""Select the molecules of a file to label next, with the models of a sweep.

`python -m jaxmrl.select RUN_DIR --csv pool.csv`, or `select_molecules(SelectConfig(...))`. `jaxmrl.select.simulate`
compares the methods on a table with known labels.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from jaxmrl.acquisition.methods import NEED_BEST, NEED_SPREAD, Candidates, choose_batch, shares_of
from jaxmrl.acquisition.reasons import reasons
from jaxmrl.acquisition.spaces import Fingerprints
from jaxmrl.baselines.saved import KeptModel
from jaxmrl.config import SelectConfig
from jaxmrl.config.select import DEFAULT_COUNT, DEFAULT_METHOD
from jaxmrl.data.parsing import ParsedMolecules
from jaxmrl.data.similarity import similarity_prints
from jaxmrl.ensemble import choose_curve, models_by_curve, nearest_training, predict_values, read_and_prepare
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.formats.input_rows import InputRows, read_input_rows
from jaxmrl.formats.writing import check_writable, table_bytes
from jaxmrl.io.files import label_columns, write_whole
from jaxmrl.io.records import Rejected, write_rejected
from jaxmrl.progress import ProgressReporter
from jaxmrl.reports.terminal import Reporter
from jaxmrl.rows import NO_EXTRA
from jaxmrl.runs import artifacts, directory
from jaxmrl.runs.labels import read_labels
from jaxmrl.text import count
from jaxmrl.training.numerics import own_numerics

_DIGITS = 10
"""Significant digits of predictions in a .csv."""


@dataclass(frozen=True)
class Selection:
    """The `m` molecules of a file to label next, in order of preference.

    Attributes:
        curve: The name of the curve whose models predicted.
        task: The name of the task.
        ids: [m] row of each molecule in the file, counted from 0.
        smiles: [m] SMILES as the file has them.
        method: [m] the method that chose each molecule.
        mean: [m] mean prediction of the models: a probability, or a value in the unit of the labels.
        sd: [m] standard deviation over the models; NaN for a single model.
        nearest: [m] ECFP4 Tanimoto similarity to the nearest training molecule of any of the models.
        reason: [m] why each was chosen, in words.
        candidates: The number of molecules to choose from.
        known: The number of rows left out because their molecule is in the run.
        repeated: The number of rows left out because an earlier row has their molecule.
        rejected: The rows that cannot be read, with the reasons.
    """

    curve: str
    task: str
    ids: np.ndarray
    smiles: list[str] = field(repr=False)
    method: list[str] = field(repr=False)
    mean: np.ndarray
    sd: np.ndarray
    nearest: np.ndarray
    reason: list[str] = field(repr=False)
    candidates: int
    known: int
    repeated: int
    rejected: tuple[Rejected, ...] = field(repr=False, default=())

    def columns(self, source: InputRows) -> dict[str, np.ndarray]:
        """Return the columns of the selection file: rank, those of `source`, and what is known of each molecule.

        The columns are rank, molecule_id, the columns of `source`, method, <task>, <task>_sd, nearest_training and
        reason. A column of `source` with the name of another one becomes "input <name>".

        Args:
            source: The rows of the file.
        """
        taken = {"rank", "molecule_id", "method", "nearest_training", "reason", f"{self.task}_sd"}
        (label,) = label_columns((self.task,), taken)
        ours = {
            "method": np.array(self.method, object),
            label: self.mean,
            f"{self.task}_sd": self.sd,
            "nearest_training": self.nearest,
            "reason": np.array(self.reason, object),
        }
        beside = {name: column[self.ids] for name, column in source.columns((), {*taken, label}).items()}
        return {"rank": 1 + np.arange(len(self.ids)), "molecule_id": self.ids, **beside, **ours}


@own_numerics()
def select_molecules(config: SelectConfig, *, quiet: bool = True) -> Selection:
    """Select molecules of a file to label next with the models of a sweep, and write them to a file with reasons.

    Args:
        config: The settings: the run directory of the sweep, the file of molecules, the methods, and the output.
        quiet: Whether to print nothing.

    Returns:
        The selected molecules, the preferred ones first.

    Raises:
        UserError: For a folder without models, and for molecules or settings that cannot be used.
    """
    reporter, prediction = Reporter(quiet=quiet), config.prediction
    check_writable(prediction.out.suffix)
    curve, models = choose_curve(prediction, models_by_curve(prediction.run), reporter)
    task = find_task(config, models[0])
    methods = config.method or (DEFAULT_METHOD,)
    check_methods(methods, models)
    source = read_input_rows(prediction.csv, sheet=prediction.sheet)
    prepared, known = read_and_prepare(prediction, models[0], reporter), artifacts.read_molecules(prediction.run)
    new, left_out, repeated = without_known(prepared, known, prediction.csv)
    values, trained_on = predict_values(prediction, models, known, new, reporter)
    sign = -1.0 if config.minimize else 1.0
    best = None
    if set(shares_of(methods)) & set(NEED_BEST):
        extra = models[0].row.curve.extra
        if config.best_label is None and extra != NO_EXTRA:
            raise ConfigError(
                f"method ei needs the best label of your own assay, and the models of {curve} also learned labels of "
                f"{extra}: give --best-label, or choose a curve without it with --curve"
            )
        best = sign * best_label(config, prediction.run, trained_on, task)
    nearest = nearest_training(known, trained_on, new.canonical_smiles, reporter)
    candidates = as_candidates(sign * values[..., task], new, nearest, best)
    picks = choose_batch(methods, candidates, config.count or DEFAULT_COUNT, config.seed)
    found = Selection(
        curve=curve,
        task=models[0].tasks[task],
        ids=new.table.ids[picks.rows],
        smiles=[new.table.smiles[row] for row in picks.rows],
        method=picks.methods,
        mean=sign * candidates.mean[picks.rows],
        sd=candidates.spread[picks.rows],
        nearest=nearest[picks.rows],
        reason=reasons(picks, candidates, models[0].tasks[task], config.minimize),
        candidates=len(candidates),
        known=left_out,
        repeated=repeated,
        rejected=prepared.table.rejected,
    )
    write_whole(prediction.out, table_bytes(found.columns(source), prediction.out.suffix, _DIGITS, found.smiles))
    write_rejected(prediction.out.with_name(f"{prediction.out.name}.{directory.REJECTED}"), found.rejected, reporter)
    report(config, found, sign * candidates.mean, reporter)
    return found


def find_task(config: SelectConfig, model: KeptModel) -> int:
    """Return the index of the task to select for among the tasks of the models."""
    if config.target_column is None and len(model.tasks) > 1:
        raise ConfigError(
            f"the models have {len(model.tasks)} tasks; choose one of them with --target-column: {_names(model)}"
        )
    if config.target_column is not None and config.target_column not in model.tasks:
        raise ConfigError(f"the models have no task {config.target_column!r}; choose from {_names(model)}")
    return 0 if config.target_column is None else model.tasks.index(config.target_column)


def _names(model: KeptModel) -> str:
    return ", ".join(model.tasks)


def check_methods(methods: tuple[str, ...], models: list[KeptModel]) -> None:
    """Raise ConfigError if a method needs more models, or if it does not apply to their labels."""
    used = shares_of(methods)
    if len(models) < 2 and (several := [name for name in NEED_SPREAD if name in used]):
        raise ConfigError(
            f"at least 2 models are needed for {', '.join(several)}, and the curve has 1: run the sweep with more "
            "--seeds, or choose --method greedy, diverse or random"
        )
    if models[0].metric.task == "classification" and set(used) & set(NEED_BEST):
        raise ConfigError(
            "--method ei needs numeric labels, and the labels of the run are classes: choose another --method"
        )


def without_known(prepared: ParsedMolecules, known: dict[int, str], path: Path) -> tuple[ParsedMolecules, int, int]:
    """Return the molecules that are not in the run, each once, and the numbers of rows left out as known or repeated.

    Raises DataError where none remains.
    """
    of_run = set(known.values())
    new = np.array([smiles not in of_run for smiles in prepared.canonical_smiles], bool)
    first = np.zeros(len(prepared), bool)
    first[np.unique(prepared.canonical, return_index=True)[1]] = True
    if not new.any():
        raise DataError(
            f"{path}: all of its {count(len(prepared), 'molecule')} are already in the run; give other molecules"
        )
    return prepared.take(new & first, []), int((~new).sum()), int((new & ~first).sum())


def as_candidates(
    values: np.ndarray, molecules: ParsedMolecules, nearest: np.ndarray, best: float | None
) -> Candidates:
    """Return the candidates from the predictions [K, n] of K models; higher predictions are better."""
    spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1], np.nan)
    space = Fingerprints(similarity_prints(molecules.canonical_smiles))
    return Candidates(values.mean(axis=0), spread, space, 1 - nearest, molecules.canonical, best)


def best_label(config: SelectConfig, run: Path, trained_on: np.ndarray, task: int) -> float:
    """Return the label to improve on: that of the settings, or the best one that the models learned from.

    Raises ConfigError where the run has no labels: an older version wrote it, or the molecules have none of the task.
    """
    if config.best_label is not None:
        return config.best_label
    kept = read_labels(run)
    labels = np.full(1, np.nan) if kept is None else kept.of(trained_on)[:, task]
    if np.isnan(labels).all():
        raise ConfigError(f"method ei needs the labels of the training molecules, and {run} has none: set --best-label")
    return float(np.nanmin(labels) if config.minimize else np.nanmax(labels))


def report(config: SelectConfig, found: Selection, predicted: np.ndarray, reporter: ProgressReporter) -> None:
    """Print how many molecules were selected, and how similar they are to the training molecules."""
    if found.known:
        reporter.say(f"{count(found.known, 'row')} left out: their molecules are already in the run")
    if found.repeated:
        reporter.say(f"{count(found.repeated, 'row')} left out: an earlier row has the same molecule")
    by_method = ", ".join(f"{number:,} by {name}" for name, number in Counter(found.method).items())
    many, wanted = len(found.ids), config.count or DEFAULT_COUNT
    fewer = f"; {wanted:,} were requested" if many < wanted else ""
    aim = f"{'low' if config.minimize else 'high'} {found.task}"
    reporter.say(f"{count(many, 'molecule')} of {found.candidates:,} selected for {aim}: {by_method}{fewer}")
    reporter.say(
        f"mean predicted {found.task}: {found.mean.mean():.4g} for selected molecules, {predicted.mean():.4g} for all; "
        f"nearest training molecule: median ECFP4 Tanimoto similarity {np.median(found.nearest):.2f}"
    )
    reporter.say(f"Results: {config.output}")
