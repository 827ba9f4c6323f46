"""Predictions of molecules that nobody has assayed, by the models that a sweep has left.

`python -m jaxmrl.predict RUN_DIR --csv new.csv`, or `predict(PredictConfig(...))`.
"""

if __name__ == "__main__":
    from jaxmrl.startup import prepare as prepare_environment

    prepare_environment()  # before JAX and Matplotlib are imported

from dataclasses import dataclass, field
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.config import PredictConfig
from jaxmrl.data.features import featurise, prepare_smiles
from jaxmrl.data.molecules import UnusableMoleculeError
from jaxmrl.data.overlap import FAR, nearest, similarity_prints
from jaxmrl.data.prepare import Prepared
from jaxmrl.data.records import Rejected, rejected_text
from jaxmrl.data.stores import Features, put
from jaxmrl.data.table import read_molecules
from jaxmrl.errors import ConfigError
from jaxmrl.report import files, kept
from jaxmrl.report.scores import import_parquet, label_columns, table_bytes
from jaxmrl.report.terminal import Reporter
from jaxmrl.text import count
from jaxmrl.training.replica import DeviceTable
from jaxmrl.training.trained import Trained, load_arrays, predict_all

_DIGITS = 8
"""Of numbers in a .csv: all that float32 tells apart, as energies need, whose first digits are all the same."""


@dataclass(frozen=True)
class Predictions:
    """What the models of a curve say of `n` molecules, in order of the file.

    ids [n]          rows of the file, from 0
    mean, sd [n, T]  over the models, of probabilities or of values in the label's unit; sd is NaN for one model
    nearest [n]      ECFP4 Tanimoto similarity to the nearest molecule that one of the models has learned from
    """

    curve: str
    tasks: tuple[str, ...]
    ids: np.ndarray
    smiles: list[str] = field(repr=False)
    mean: np.ndarray
    sd: np.ndarray
    nearest: np.ndarray
    rejected: tuple[Rejected, ...] = field(repr=False, default=())

    def columns(self) -> dict[str, np.ndarray]:
        """Of the file: molecule_id, smiles, <task> and <task>_sd for each task, nearest_training.

        A task that is called like another column becomes "label <name>".
        """
        taken = {"molecule_id", "smiles", "nearest_training", *(f"{task}_sd" for task in self.tasks)}
        columns = {"molecule_id": self.ids, "smiles": np.array(self.smiles, object)}
        for k, name in enumerate(label_columns(self.tasks, taken)):
            columns |= {name: self.mean[:, k], f"{name}_sd": self.sd[:, k]}
        return columns | {"nearest_training": self.nearest}


def predict(config: PredictConfig, *, quiet: bool = True) -> Predictions:
    """Predicts molecules that nobody has assayed, by the models that a sweep has left, and writes a row for each.

    Raises UserError for a folder that has no models, and for molecules or settings that cannot be used.
    """
    reporter = Reporter(quiet=quiet)
    if config.out.suffix == ".parquet":
        import_parquet()
    curve, models = choose_curve(config, curves_of(config.run), reporter)
    prepared = read_and_prepare(config, models[0], reporter)
    known = kept.read_molecules(config.run)
    mean, sd, trained_on = predict_prepared(models, prepared, config.batch_size, reporter)
    table = prepared.table
    similarity = nearest_training(known, trained_on, prepared.canonical_smiles, reporter)
    found = Predictions(curve, models[0].tasks, table.ids, table.smiles, mean, sd, similarity, table.rejected)
    files.write_whole(config.out, table_bytes(found.columns(), config.out.suffix, _DIGITS))
    files.write_whole(config.rejected, rejected_text(found.rejected).encode())
    report(config, found, reporter)
    return found


def curves_of(run: Path) -> dict[str, list[Trained]]:
    """The models that a sweep has left, of each curve by its name. Raises ConfigError where there are none."""
    if not (run / "results.csv").is_file() or not (run / "config.toml").is_file():
        raise ConfigError(f"{run} is no run of jaxmrl.sweep: give the folder that has results.csv and config.toml")
    if curves := kept.read_models(run):
        return curves
    raise ConfigError(
        f"{run} has no models: no replica of its largest fraction has finished, or an older jaxmrl swept it; "
        "sweep again into another --out"
    )


def choose_curve(config: PredictConfig, curves: dict[str, list[Trained]], reporter) -> tuple[str, list[Trained]]:
    """The curve that is asked for, or else the best by its mean validation metric; tells which."""
    if config.curve is not None and config.curve not in curves:
        raise ConfigError(f"unknown curve {config.curve!r}; choose from {' '.join(curves)}")
    judged = {name: np.mean([float(model.row["valid"]) for model in models]) for name, models in curves.items()}
    metric = next(iter(curves.values()))[0].recipe.metric
    best = (max if metric.higher_is_better else min)(judged, key=judged.get)
    name = config.curve or best
    models, others = curves[name], [f"{other} ({judged[other]:.4g})" for other in curves if other != name]
    reporter.say(
        f"{name}: {count(len(models), 'model')} at fraction {models[0].row['fraction']}, "
        f"mean validation {metric.label} {judged[name]:.4g}"
    )
    if others:
        why = "as --curve asks" if config.curve else "the best by validation"
        reporter.say(f"{why}; --curve takes another of: {', '.join(others)}")
    if len({model.row["split"] for models in curves.values() for model in models}) > 1:
        reporter.say("curves of different splits were validated on different molecules")
    if not (config.run / "curves.csv").exists():
        reporter.say(f"the sweep in {config.run} has not ended: these are the models so far")
    return name, models


def read_and_prepare(config: PredictConfig, model: Trained, reporter) -> Prepared:
    """The usable molecules of the file, with what this model sees of them."""
    if not model.has_smiles:
        raise ConfigError(
            f"the models in {config.run} learned from positions of atoms, and {config.csv} has SMILES: sweep a --csv "
            "with --modality geometry, which makes conformers of SMILES, and predict by that"
        )
    table = read_molecules(config.csv, config.smiles_column)
    for note in table.notes:
        reporter.say(note)
    prepared = prepare_smiles(table, (model.recipe.shape.modality,), reporter, parent=model.parent)
    reporter.say(f"{config.csv}: {count(table.rows, 'row')}, {len(prepared.table.rejected):,} rejected")
    return prepared


def predict_prepared(
    models: list[Trained], prepared: Prepared, batch_size: int, reporter
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and standard deviation over the models [n, T], and the ids of all molecules that they learned from."""
    one, smiles = models[0], prepared.canonical_smiles
    features = featurise(prepared, one.recipe.shape.modality, one.features, reporter)
    # No labels, not even missing ones: of many molecules and tasks they would fill the device.
    table = DeviceTable(put(features), jnp.zeros((0, len(one.tasks))), composition(one, features, reporter))
    # Each molecule once, in order of SMILES: neither its row nor its spelling decides its batch or its place there.
    _, molecules, place = np.unique(np.array(smiles, object), return_index=True, return_inverse=True)
    values, trained_on = np.empty((len(models), len(smiles), len(one.tasks))), []
    resources = features.resources()
    with reporter.progress("predicting", len(models), "models") as progress:
        for k, model in enumerate(models):
            weights, train = load_arrays(model)
            values[k] = predict_all(model.recipe, table, resources, weights, molecules, batch_size)[place]
            trained_on.append(train)
            progress.advance(1)
    sd = values.std(axis=0, ddof=1) if len(models) > 1 else np.full(values.shape[1:], np.nan)
    return values.mean(axis=0), sd, np.unique(np.concatenate(trained_on))


def composition(model: Trained, features: Features, reporter) -> jax.Array | None:
    """Atoms of each element that the model has references of, [n, E]; None where it has none."""
    if model.elements is None:
        return None
    counts = features.composition(np.array(model.elements))
    lacking = int((counts.sum(axis=1) < features.size).sum())
    if lacking:
        reporter.say(f"{count(lacking, 'molecule')} with an element that no molecule of the sweep has: it adds nothing")
    return jnp.asarray(counts, jnp.float32)


def nearest_training(known: dict[int, str], trained_on: np.ndarray, smiles: list[str], reporter) -> np.ndarray:
    """The similarity of each molecule to the nearest of those that are `known` by the ids `trained_on`, [n].

    Raises ConfigError where one of these is not known, or one that is known cannot be read.
    """
    if not set(trained_on.tolist()) <= known.keys():
        raise ConfigError(f"{kept.MOLECULES} of the run lacks molecules that its models learned from; sweep again")
    # Fingerprints of all molecules of the run, for these the sweep has left in the cache.
    try:
        with reporter.progress("similarity", len(known) + len(smiles), "molecules") as progress:
            both = [similarity_prints(some, progress.advance) for some in (list(known.values()), smiles)]
    except UnusableMoleculeError as error:
        raise ConfigError(
            f"{kept.MOLECULES} of the run has a molecule that cannot be read ({error}): it is damaged, or was written "
            "with another RDKit; sweep again"
        ) from None
    packed = np.concatenate(both)
    return nearest(packed, np.flatnonzero(np.isin(list(known), trained_on)), len(known) + np.arange(len(smiles)))


def report(config: PredictConfig, found: Predictions, reporter) -> None:
    """Says what was predicted, and what to make of it."""
    if found.rejected:
        reporter.say(f"what is wrong with the rejected rows: {config.rejected}")
    far = int((found.nearest < FAR).sum())
    reporter.say(f"nearest training molecule: median ECFP4 Tanimoto similarity {np.median(found.nearest):.2f}")
    if far:
        reporter.say(
            f"{far:,} of {count(len(found.ids), 'molecule')} below {FAR:g}: they are far from anything the models have "
            "seen, and neither their predictions nor the spread over seeds can be relied on"
        )
    reporter.say(f"{count(len(found.ids), 'molecule')} predicted: {config.out}")


if __name__ == "__main__":
    from jaxmrl.commands import predict_command

    predict_command()
