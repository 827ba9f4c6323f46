"""What the models of a run predict: of new molecules, and of the run's own molecules that calibrate this."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import expit

from jaxmrl.baselines.refit import predict_refitted
from jaxmrl.baselines.saved import KeptModel, SavedBaseline
from jaxmrl.config import PredictConfig
from jaxmrl.data.featurization import prepare_smiles
from jaxmrl.data.npz import molecule_hashes
from jaxmrl.data.parsing import ParsedMolecules
from jaxmrl.data.table import Table
from jaxmrl.data.task_data import find_geometries
from jaxmrl.ensemble.choice import Curves
from jaxmrl.ensemble.leverage import EmbeddingDomain, describe
from jaxmrl.ensemble.molecules import sees_coordinates_of_file
from jaxmrl.modalities.base import AtomFeatures, Vectors
from jaxmrl.modalities.geometry.features import Conformers
from jaxmrl.modalities.registry import get_modality
from jaxmrl.progress import ProgressReporter
from jaxmrl.runs import artifacts
from jaxmrl.text import count
from jaxmrl.training.replica import DeviceTable
from jaxmrl.training.saved_model import SavedModel, load_arrays, predict_and_embed


@dataclass(frozen=True)
class ArrayReader:
    """Reads the arrays of models, those of each only once."""

    _read: dict[Path, tuple[tuple, np.ndarray]] = field(default_factory=dict, repr=False)

    def read(self, model: SavedModel) -> tuple[tuple, np.ndarray]:
        """Return the weights of a model and the ids of its training molecules, as `load_arrays` does."""
        if model.path not in self._read:
            self._read[model.path] = load_arrays(model)
        return self._read[model.path]


@dataclass(frozen=True)
class RunMolecules:
    """The molecules of a run, as its directory has them.

    Attributes:
        smiles: {id: canonical SMILES} of all usable molecules.
        vectors: [N, D] vectors of --embeddings of all of them in this order; None where no model sees these.
        geometries: Their coordinates in the run's SD file; None where no model sees these.
        arrays: Those of the models that have learned from them, as far as they have been read.
        calibrating: [m] ids of those that calibrate predictions, ascending; none of a run without labels.
        describing: Ids of training molecules that describe where networks have learned, ascending; without any, there
            is no leverage.
    """

    smiles: dict[int, str]
    vectors: np.ndarray | None
    calibrating: np.ndarray
    describing: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    geometries: Conformers | None = None
    arrays: ArrayReader = field(default_factory=ArrayReader)


@dataclass(frozen=True)
class Outputs:
    """The predictions of K models: probabilities in classification, and values in the labels' unit in regression.

    Attributes:
        new: [K, n, T] of the new molecules.
        known: [K, m, T] of the run's molecules that calibrate.
        learned: For each model, the ids of the molecules that it has learned from.
        leverage: [L, n] of the new molecules in the embedding of each network (see `EmbeddingDomain.leverage`).
    """

    new: np.ndarray
    known: np.ndarray
    learned: list[np.ndarray]
    leverage: np.ndarray


def predict_curves(
    curves: Curves, new: ParsedMolecules, run: RunMolecules, batch_size: int, reporter: ProgressReporter
) -> Outputs:
    """Return the predictions of the models of some curves, curve after curve."""
    found = [_predict_curve(models, new, run, batch_size, reporter) for models in curves.values()]
    new_values, known_values, leverage = (
        np.concatenate([getattr(one, name) for one in found]) for name in ("new", "known", "leverage")
    )
    return Outputs(new_values, known_values, [ids for one in found for ids in one.learned], leverage)


def predict_values(
    config: PredictConfig,
    models: list[KeptModel],
    known: dict[int, str],
    prepared: ParsedMolecules,
    reporter: ProgressReporter,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what each model of a curve predicts, [K, n, T] probabilities or values, and ids of what they learned from.

    Args:
        config: The run directory and the size of batches.
        models: The models of one curve.
        known: {id: canonical SMILES} of the molecules of the run.
        prepared: The molecules to predict, n, with the features that the models need.
        reporter: Receives the progress.
    """
    refitted = prepared.vectors is not None and isinstance(models[0], SavedBaseline)
    vectors = artifacts.read_run_vectors(config.run, known) if refitted else None
    run = RunMolecules(known, vectors, np.zeros(0, np.int64))
    found = _predict_curve(models, prepared, run, config.batch_size, reporter)
    return found.new, np.unique(np.concatenate(found.learned))


def _predict_curve(
    models: list[KeptModel], new: ParsedMolecules, run: RunMolecules, batch_size: int, reporter: ProgressReporter
) -> Outputs:
    if fitted := [model for model in models if isinstance(model, SavedBaseline)]:
        vectors = run.vectors if get_modality(models[0].modality).sees_vectors else None
        refitted = predict_refitted(fitted, run.smiles, vectors, new, run.calibrating, reporter)
        return Outputs(refitted.new, refitted.known, refitted.learned, np.zeros((0, len(new))))
    trained = [model for model in models if isinstance(model, SavedModel)]
    known, domains = _predict_known(trained, run, batch_size, reporter)
    found = predict_prepared(
        trained, new, batch_size, reporter, [None if one is None else one.leverage for one in domains], run.arrays
    )
    described = [one for one in found.reduced if len(one)]
    leverage = np.stack(described) if described else np.zeros((0, len(new)))
    return Outputs(found.values, known, found.learned, leverage)


def _predict_known(
    models: list[SavedModel], run: RunMolecules, batch_size: int, reporter: ProgressReporter
) -> tuple[np.ndarray, list[EmbeddingDomain | None]]:
    """Return what networks predict of the molecules that calibrate, [K, m, T], and where each has learned.

    NaN where a molecule cannot be prepared.
    """
    ids = np.union1d(run.calibrating, run.describing)
    values = np.full((len(models), len(ids), len(models[0].tasks)), np.nan)
    if not len(ids):
        return values, [None] * len(models)
    smiles = [run.smiles[int(k)] for k in ids]
    table = Table(ids, np.arange(len(ids)), smiles, np.zeros((len(ids), 0)), (), "", len(ids))
    modality, kept = get_modality(models[0].modality), run.geometries
    prepared = prepare_smiles(table, () if kept and modality.sees_positions else (modality.name,), reporter)
    usable = prepared.table.ids
    if kept and modality.sees_positions:
        prepared = replace(prepared, conformers=kept.take(np.isin(np.fromiter(run.smiles, int), usable)))
    if run.vectors is not None and modality.sees_vectors:
        rows = np.searchsorted(np.fromiter(run.smiles, int), usable)
        prepared = replace(prepared, vectors=Vectors(run.vectors[rows]))
    describing = np.isin(usable, run.describing)
    keep = [(lambda rows: rows) if describing.any() else None] * len(models)
    found = predict_prepared(models, prepared, batch_size, reporter, keep, run.arrays)
    values[:, np.searchsorted(ids, usable)] = found.values
    domains = [
        describe(rows[describing & np.isin(usable, learned)]) if len(rows) else None
        for rows, learned in zip(found.reduced, found.learned, strict=True)
    ]
    return values[:, np.searchsorted(ids, run.calibrating)], domains


class Predicted(NamedTuple):
    """What K models predict of n molecules.

    Attributes:
        values: [K, n, T] probabilities or values.
        learned: Of each model, the ids of the molecules that it has learned from.
        reduced: Of each model, what was made of the embeddings, [n, ...]; empty where nothing was.
    """

    values: np.ndarray
    learned: list[np.ndarray]
    reduced: list[np.ndarray]


def predict_prepared(
    models: list[SavedModel],
    prepared: ParsedMolecules,
    batch_size: int,
    reporter: ProgressReporter,
    of_embeddings: Sequence[Callable[[np.ndarray], np.ndarray] | None],
    arrays: ArrayReader,
) -> Predicted:
    """Return what each model predicts of molecules, and what a function of its own makes of their embeddings."""
    one, smiles = models[0], prepared.canonical_smiles
    modality = get_modality(one.modality)
    assert modality.to_device is not None, "no lane trains a classical model"
    features = modality.featurize(prepared, one.features, reporter)
    # No labels, not even missing ones: those of many molecules and tasks would fill the device.
    labels, atoms = jnp.zeros((0, len(one.tasks))), find_geometries({modality.name: features})
    counts = None if atoms is None else composition(one, atoms, reporter)
    table = DeviceTable(modality.to_device(features), labels, counts)
    molecules, place = _distinct(one, prepared)
    values, learned, reduced = np.empty((len(models), len(smiles), len(one.tasks))), [], []
    resources = features.resources()
    with reporter.progress("predicting", len(models), "models") as progress:
        for k, (model, reduce) in enumerate(zip(models, of_embeddings, strict=True)):
            (weights, train), spec = arrays.read(model), model.training_spec
            outputs, rows = predict_and_embed(spec, table, resources, weights, molecules, batch_size, reduce)
            values[k] = (expit(outputs) if spec.task == "classification" else outputs)[place]
            reduced.append(rows[place] if reduce is not None else rows)
            learned.append(train)
            progress.advance(1)
    return Predicted(values, learned, reduced)


def _distinct(model: SavedModel, prepared: ParsedMolecules) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of each distinct molecule [m], in order of SMILES, and which of these each molecule is [n].

    So a molecule's batch and its place there depend on neither its row nor its spelling. Different conformations of a
    molecule in an SD file count as different molecules.
    """
    keys = np.array(prepared.canonical_smiles, object)
    if prepared.conformers is not None and sees_coordinates_of_file(model):
        keys = keys + " " + molecule_hashes(prepared.conformers).astype(str).astype(object)
    _, molecules, place = np.unique(keys, return_index=True, return_inverse=True)
    return molecules, place


def composition(model: SavedModel, features: AtomFeatures, reporter: ProgressReporter) -> jax.Array | None:
    """Return the number of atoms [n, E] of each element that the model has references for; None if it has none."""
    if model.elements is None:
        return None
    counts = features.composition(np.array(model.elements))
    lacking = int((counts.sum(axis=1) < features.size).sum())
    if lacking:
        reporter.say(f"{count(lacking, 'molecule')} with an element that no molecule of the sweep has: it counts as 0")
    return jnp.asarray(counts, jnp.float32)
