"""The models of a run, applied to other molecules: which curve's, what they need of a file, and what each predicts."""

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
from jaxmrl.data.parsing import ParsedMolecules
from jaxmrl.data.similarity import nearest, similarity_prints
from jaxmrl.data.table import read_molecules
from jaxmrl.data.task_data import find_geometries
from jaxmrl.errors import ConfigError
from jaxmrl.modalities.base import AtomFeatures
from jaxmrl.modalities.registry import get_modality
from jaxmrl.progress import ProgressReporter
from jaxmrl.runs import artifacts
from jaxmrl.runs.ensembles import read_ensembles
from jaxmrl.text import count, exact
from jaxmrl.training.metrics import mean_label_of
from jaxmrl.training.replica import DeviceTable
from jaxmrl.training.saved_model import SavedModel, load_arrays, predict_all


def models_by_curve(run: Path) -> dict[str, list[KeptModel]]:
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
    if fitted := [model for model in models if isinstance(model, SavedBaseline)]:
        vectors = artifacts.read_run_vectors(config.run, known) if prepared.vectors else None
        return predict_refitted(fitted, known, vectors, prepared, reporter)
    trained = [model for model in models if isinstance(model, SavedModel)]
    return predict_prepared(trained, prepared, config.batch_size, reporter)


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
