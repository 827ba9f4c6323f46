"""Predictions of new molecules with the models of a sweep.

`python -m jaxmrl.predict RUN_DIR --csv new.csv`, or `predict_molecules(PredictConfig(...))`.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import expit

from jaxmrl.baselines.refit import predict_refitted
from jaxmrl.baselines.saved import KeptModel, SavedBaseline, load_model
from jaxmrl.chem.molecules import UnusableMoleculeError
from jaxmrl.config import PredictConfig
from jaxmrl.data.embeddings import with_vectors
from jaxmrl.data.featurization import prepare_smiles
from jaxmrl.data.novelty import find_unseen
from jaxmrl.data.parsing import ParsedMolecules
from jaxmrl.data.similarity import FAR, nearest, similarity_prints
from jaxmrl.data.table import read_molecules
from jaxmrl.data.task_data import find_geometries
from jaxmrl.errors import ConfigError
from jaxmrl.formats.input_rows import InputRows, read_input_rows
from jaxmrl.formats.parquet import import_parquet
from jaxmrl.io.files import label_columns, write_whole
from jaxmrl.io.records import Rejected, top_reasons
from jaxmrl.modalities.base import AtomFeatures
from jaxmrl.modalities.registry import get_modality
from jaxmrl.progress import ProgressReporter
from jaxmrl.pruning.score_files import table_bytes
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs import artifacts
from jaxmrl.runs.ensembles import read_ensembles
from jaxmrl.text import count, exact
from jaxmrl.training.metrics import mean_label_of
from jaxmrl.training.numerics import own_numerics
from jaxmrl.training.replica import DeviceTable
from jaxmrl.training.saved_model import SavedModel, load_arrays, predict_all

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
    curve, models = choose_curve(config, curves_of(config.run), reporter)
    source = read_input_rows(config.csv, config.keep_columns)
    prepared, known = read_and_prepare(config, models[0], reporter), artifacts.read_molecules(config.run)
    table, smiles = prepared.table, prepared.canonical_smiles
    if fitted := [model for model in models if isinstance(model, SavedBaseline)]:
        vectors = artifacts.read_run_vectors(config.run, known) if prepared.vectors else None
        values, trained_on = predict_refitted(fitted, known, vectors, prepared, reporter)
    else:
        trained = [model for model in models if isinstance(model, SavedModel)]
        values, trained_on = predict_prepared(trained, prepared, config.batch_size, reporter)
    mean, sd = mean_and_spread(values)
    similarity = nearest_training(known, trained_on, smiles, reporter)
    texts = seen_texts(known, trained_on, models[0], reporter)
    unseen = find_unseen(smiles, texts, models[0].modality, models[0].features)
    found = Predictions(curve, models[0].tasks, table.ids, table.smiles, mean, sd, similarity, unseen, table.rejected)
    columns = found.columns(source, config.keep_columns)
    write_whole(config.out, table_bytes(columns, config.out.suffix, digits_of(mean)))
    report(config, found, reporter)
    return found


def curves_of(run: Path) -> dict[str, list[KeptModel]]:
    """Return the models of each curve of a sweep by the curve's name. Raise ConfigError if there are none."""
    if not (run / "results.csv").is_file() or not (run / "config.toml").is_file():
        raise ConfigError(f"{run} is not a run of jaxmrl.sweep: give the folder that has results.csv and config.toml")
    if curves := artifacts.read_models(run, load_model):
        return curves
    raise ConfigError(
        f"{run} has no models: no replica of its largest fraction has finished, or an older version wrote it; "
        "run the sweep again with another --out"
    )


def choose_curve(
    config: PredictConfig, curves: dict[str, list[KeptModel]], reporter: ProgressReporter
) -> tuple[str, list[KeptModel]]:
    """Return the curve that is asked for, or else the best by mean validation metric, and report the choice."""
    if config.curve is not None and config.curve not in curves:
        raise ConfigError(f"unknown curve {config.curve!r}; choose from {' '.join(curves)}")
    judged = {name: np.mean([model.row.valid for model in models]) for name, models in curves.items()}
    metric = next(iter(curves.values()))[0].metric
    best = (max if metric.higher_is_better else min)(judged, key=judged.__getitem__)
    name = config.curve or best
    models, others = curves[name], [f"{other} ({judged[other]:.4g})" for other in curves if other != name]
    reporter.say(
        f"{name}: {count(len(models), 'model')} at fraction {exact(models[0].row.fraction)}, "
        f"mean validation {metric.mean_label(len(models[0].tasks))} {judged[name]:.4g}"
        f"{ensemble_text(config.run, models)}"
    )
    if others:
        why = "chosen by --curve" if config.curve else "the best by validation"
        reporter.say(f"{why}; --curve selects another: {', '.join(others)}")
    if len({model.row.curve.split for models in curves.values() for model in models}) > 1:
        reporter.say("curves of different splits were validated on different molecules")
    if not (config.run / "curves.csv").exists():
        reporter.say(f"the sweep in {config.run} is not finished: these are the models so far")
    return name, models


def ensemble_text(run: Path, models: list[KeptModel]) -> str:
    """Return what the sweep found of the mean prediction of these models on its test molecules, if it did."""
    row = models[0].row
    named = lambda one: (artifacts.curve_name(one), one.fraction)
    found = next((one for one in read_ensembles(run) if named(one) == named(row) and one.n_seeds == len(models)), None)
    if found is None:
        return ""
    return f"; test {mean_label_of(found.metric)} of their mean prediction {found.ensemble:.4g}"


def read_and_prepare(config: PredictConfig, model: KeptModel, reporter: ProgressReporter) -> ParsedMolecules:
    """Return the usable molecules of the file, with the features that this model needs."""
    if not model.has_smiles:
        raise ConfigError(
            f"the models in {config.run} learned from positions of atoms, and {config.csv} has SMILES: sweep a --csv "
            "with --modality geometry, which makes conformers of SMILES, and predict with its models"
        )
    table = read_molecules(config.csv, config.smiles_column)
    for note in table.notes:
        reporter.say(note)
    prepared = prepare_smiles(table, (model.modality,), reporter, parent=model.parent)
    prepared = _with_vectors(config, model, prepared, reporter)
    reporter.say(f"{config.csv}: {count(table.rows, 'row')}, {len(prepared.table.rejected):,} rejected")
    return prepared


def _with_vectors(
    config: PredictConfig, model: KeptModel, prepared: ParsedMolecules, reporter: ProgressReporter
) -> ParsedMolecules:
    """Return the molecules that have a vector of --embeddings, with it, where the model sees these."""
    if not get_modality(model.modality).sees_vectors:
        if config.embeddings:
            reporter.say(f"--embeddings is not used: the models of this curve see {model.modality}")
        return prepared
    if config.embeddings is None:
        raise ConfigError(
            f"the models of this curve learned from vectors: give those of the molecules in {config.csv} with "
            "--embeddings, or choose a curve of another modality with --curve"
        )
    columns, expected = model.features["columns"], len(model.features["scaling"]["mean"])
    found = with_vectors(
        prepared,
        config.embeddings,
        reporter,
        parent=model.parent,
        smiles_column=config.smiles_column,
        targets=model.tasks,
        columns=columns and tuple(columns),
    )
    if found.vectors and (many := found.vectors.values.shape[1]) != expected:
        raise ConfigError(
            f"{config.embeddings} has vectors of {count(many, 'number')}; the models learned from vectors of "
            f"{expected:,}: give embeddings of the same kind"
        )
    return found


def predict_prepared(
    models: list[SavedModel], prepared: ParsedMolecules, batch_size: int, reporter: ProgressReporter
) -> tuple[np.ndarray, np.ndarray]:
    """Return what each model predicts, [K, n, T] probabilities or values, and the ids of the training molecules."""
    one, smiles = models[0], prepared.canonical_smiles
    modality = get_modality(one.modality)
    assert modality.to_device is not None, "no lane trains a classical model"
    features = modality.featurize(prepared, one.features, reporter)
    # No labels, not even missing ones: those of many molecules and tasks would fill the device.
    labels, atoms = jnp.zeros((0, len(one.tasks))), find_geometries({modality.name: features})
    counts = None if atoms is None else composition(one, atoms, reporter)
    table = DeviceTable(modality.to_device(features), labels, counts)
    # Each molecule once, in order of SMILES: its batch and its place there depend on neither its row nor its spelling.
    _, molecules, place = np.unique(np.array(smiles, object), return_index=True, return_inverse=True)
    values, trained_on = np.empty((len(models), len(smiles), len(one.tasks))), []
    resources = features.resources()
    with reporter.progress("predicting", len(models), "models") as progress:
        for k, model in enumerate(models):
            weights, train = load_arrays(model)
            outputs = predict_all(model.training_spec, table, resources, weights, molecules, batch_size)[place]
            values[k] = expit(outputs) if model.training_spec.task == "classification" else outputs
            trained_on.append(train)
            progress.advance(1)
    return values, np.unique(np.concatenate(trained_on))


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


def composition(model: SavedModel, features: AtomFeatures, reporter: ProgressReporter) -> jax.Array | None:
    """Return the number of atoms [n, E] of each element that the model has references for; None if it has none."""
    if model.elements is None:
        return None
    counts = features.composition(np.array(model.elements))
    lacking = int((counts.sum(axis=1) < features.size).sum())
    if lacking:
        reporter.say(f"{count(lacking, 'molecule')} with an element that no molecule of the sweep has: it counts as 0")
    return jnp.asarray(counts, jnp.float32)


def nearest_training(
    known: dict[int, str], trained_on: np.ndarray, smiles: list[str], reporter: ProgressReporter
) -> np.ndarray:
    """Return the Tanimoto similarity [n] of each molecule to the nearest of those that are `known` by the ids
    `trained_on`.

    Raises ConfigError if one of these is not known, or if one that is known cannot be read.
    """
    if not set(trained_on.tolist()) <= known.keys():
        raise ConfigError(f"{artifacts.MOLECULES} of the run lacks molecules that its models learned from; sweep again")
    # Fingerprints of all molecules of the run, because the sweep stored these in the cache.
    try:
        with reporter.progress("similarity", len(known) + len(smiles), "molecules") as progress:
            both = [similarity_prints(some, progress.advance) for some in (list(known.values()), smiles)]
    except UnusableMoleculeError as error:
        raise ConfigError(
            f"{artifacts.MOLECULES} of the run has a molecule that cannot be read ({error}): it is damaged, or was "
            "written with another RDKit; sweep again"
        ) from None
    packed = np.concatenate(both)
    return nearest(packed, np.flatnonzero(np.isin(list(known), trained_on)), len(known) + np.arange(len(smiles)))


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
