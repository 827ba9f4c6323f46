"""What a sweep keeps of a replica that has ended: its row, its model, its predictions.

Model and predictions are on disk before the row is, so that whatever has a row has them.
"""

import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import quote

import jax
import numpy as np

from jaxmrl.config import SweepConfig
from jaxmrl.data.table import Table
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import ConfigError
from jaxmrl.io import storage
from jaxmrl.io.cache import load_arrays, text_hash
from jaxmrl.io.files import label_columns
from jaxmrl.io.storage import is_sound
from jaxmrl.modalities.geometry.features import Conformers, Geometries
from jaxmrl.modalities.registry import get_modality
from jaxmrl.rows import NO_EXTRA, HistoryRow, ReplicaIdentity, ReplicaKey, ResultRow
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.text import exact
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.outcome import Outcome, Validation
from jaxmrl.training.replica import TrainingSpec
from jaxmrl.training.saved_model import SavedModel, predict_all

PREDICTION_COLUMNS = {"molecule_id", "part", "values"}
"""Arrays of a file of predictions, beside one for each task."""

MODELS, PREDICTIONS, MOLECULES = "models", "predictions", "molecules.csv"
VECTORS, GEOMETRIES = "embeddings.npz", "geometries.npz"
"""Folders and files of a run directory."""

ALL = "all"
"""In names, the pruning of replicas that learn from all training molecules: every pruning has the same."""

_MOLECULE_COLUMNS = ("molecule_id", "smiles", "canonical_smiles")

_UNSAFE = re.compile(r"[^\w.-]")
_KEPT_NAME = re.compile(r"[^.].*,(\d[\d.]*(?:e-?\d+)?),\d+")
_LONGEST, _BEGINNING = 80, 15
"""Bytes of a part of a name, and characters of its beginning where it is longer: a letter may be four bytes."""


def kept_name(replica: ReplicaIdentity) -> str:
    """Return the name of a replica's files: its curve, fraction and seed, with commas."""
    return f"{curve_name(replica)},{exact(replica.fraction)},{replica.seed}"


def curve_name(replica: ReplicaIdentity) -> str:
    """Return <modality>-<model>[-<width>x<depth>],<split>,<pruning>,<init>[,<extra>].

    The pruning is `all` if the fraction is 1. A curve without an extra source has no <extra>.

    Characters other than letters, digits, _, . and - stand as % and their code, as in a web address. Of long parts the
    beginning stands, ~ and a digest: no file's name may be longer than 255 bytes.
    """
    curve = replica.curve
    size = f"-{curve.width}x{curve.depth}" if curve.width else ""  # classical models have none
    model = f"{curve.modality}-{curve.model}{size}"
    extra = () if curve.extra == NO_EXTRA else (curve.extra,)
    return ",".join(map(_safe, (model, curve.split, _pruning(replica), curve.init, *extra)))


def _pruning(replica: ReplicaIdentity) -> str:
    return ALL if replica.fraction == 1 else replica.curve.pruning


def _safe(text: str) -> str:
    safe = _UNSAFE.sub(lambda found: quote(found.group(), safe=""), text)
    return safe if len(safe.encode()) <= _LONGEST else f"{safe[:_BEGINNING]}~{text_hash(text):016x}"


@dataclass(frozen=True)
class ReplicaArtifacts:
    """What a replica leaves when it ends, on the host.

    weights      those of its best epoch, as of `save_trained`; None where they are not kept
    predictions  [n, T], logits or values in the label's unit, of its validation and then its test molecules; None where
                 they are not kept
    """

    outcome: Outcome
    weights: tuple | None = None
    predictions: np.ndarray | None = None


def collect_artifacts(
    engine: Engine, config: SweepConfig, outcome: Outcome, identity: ReplicaIdentity
) -> ReplicaArtifacts:
    """Return the artifacts of a replica while a lane holds it: weights and predictions, or nothing without a result.
    identity: one of its own.
    """
    if not outcome.counts:
        return ReplicaArtifacts(outcome)
    *model, scaler = jax.tree.map(np.asarray, engine.best_weights(outcome.name))
    weights, replica = (*model, engine.units.label_scaler(scaler)), engine.replica_of(outcome.name)
    predictions = predict_judged(engine, weights, replica) if config.save_predictions else None
    return ReplicaArtifacts(outcome, weights if keeps_model(config, identity) else None, predictions)


def keep_replica(
    run: RunDirectory,
    problem: TaskData,
    replica: Replica,
    left: ReplicaArtifacts,
    identities: list[ReplicaIdentity],
    save_model: Callable[[Path, ResultRow], None] | None,
) -> list[ResultRow]:
    """Write a replica's artifacts, and then add its rows to results.csv. Return these rows.

    identities: of its rows; several where prunings share it. save_model: (folder, row) -> None, which writes its model;
    None where that is not kept. Raises UserError where something cannot be written.
    """
    rows = [result_row(identity, left.outcome, problem) for identity in identities]
    name = kept_name(rows[0])
    if left.predictions is not None:
        columns = prediction_columns(problem.table, replica, left.predictions)
        run.write_arrays(f"{PREDICTIONS}/{name}.npz", columns)
    if save_model is not None:
        save_model(run.path / MODELS / name, rows[0])
    for identity, row in zip(identities, rows, strict=True):
        run.append_history(history_rows(identity, left.outcome.history))
        run.append_result(row)
    return rows


def result_row(identity: ReplicaIdentity, outcome: Outcome, problem: TaskData) -> ResultRow:
    """Return the row of results.csv of a replica that has ended."""
    return ResultRow(
        **vars(identity),
        status=outcome.status,
        metric=problem.mean_metric,
        valid=outcome.valid,
        test=outcome.test,
        best_epoch=outcome.best_epoch,
        epochs=outcome.epochs,
        steps=outcome.steps,
        tests=dict(zip(problem.table.tasks, outcome.test_tasks.tolist(), strict=True)),
    )


def history_rows(identity: ReplicaIdentity, history: Iterable[Validation]) -> list[HistoryRow]:
    """Return the rows of history.csv of a replica, one for each of these validations."""
    return [HistoryRow(**vars(identity), **one._asdict()) for one in history]


def sort_results(run: RunDirectory, grid: list[ReplicaKey]) -> list[ResultRow]:
    """Sort results.csv and history.csv in the order of the `grid`. Return the rows of results.csv."""
    place = {key: k for k, key in enumerate(grid)}
    rows, history = sorted(run.read_results(), key=lambda row: place[row.key]), run.read_history()
    run.write_results(rows)
    run.write_history(one for row in rows for one in history.get(row.key, []))
    return rows


def keeps_model(config: SweepConfig, replica: ReplicaIdentity) -> bool:
    """Return whether the run keeps the model of a replica: those of the largest fraction, or all."""
    return config.save_all_models or replica.fraction == max(config.fractions)


def drop_other_models(run: RunDirectory, config: SweepConfig, rows: list[ResultRow]) -> None:
    """Remove the models of fractions that were the largest before a run was extended, unless it keeps all."""
    kept = {kept_name(row) for row in rows if keeps_model(config, row)}
    for path in (run.path / MODELS).glob("[!.]*,*"):
        if path.name not in kept:
            storage.remove(path)


def drop_incomplete_rows(run: RunDirectory, config: SweepConfig) -> int:
    """Leave in results.csv the rows whose replicas' history is whole, and return how many replicas are incomplete.

    Rows without a sound model or predictions stay until their replicas have been trained again: an interruption, or
    predictions that were asked for later, must not cost results. Raises ConfigError where some are incomplete and the
    run cannot be trained.
    """
    rows, history = run.read_results(), run.read_history()
    whole = [row for row in rows if _has_history(history, row)]
    incomplete = len(rows) - sum(_is_whole(run, config, row) for row in whole)
    if incomplete:
        run.check_trainable()
    run.write_history(one for row in whole for one in history[row.key])
    run.write_results(whole)
    return incomplete


def complete_keys(run: RunDirectory, config: SweepConfig) -> set[ReplicaKey]:
    """Return the key of each row of results.csv whose replica's model and predictions are there and undamaged."""
    return {row.key for row in run.read_results() if _is_whole(run, config, row)}


def _has_history(history: dict[ReplicaKey, list[HistoryRow]], row: ResultRow) -> bool:
    """Return whether every validation up to the replica's end is there, each once."""
    steps = [one.step for one in history.get(row.key, [])]
    return bool(steps) and steps[-1] == row.steps and len(set(steps)) == len(steps)


def _is_whole(run: RunDirectory, config: SweepConfig, row: ResultRow) -> bool:
    if not row.counts:
        return True
    name = kept_name(row)
    predictions = run.path / PREDICTIONS / f"{name}.npz"
    if config.save_predictions and load_arrays(predictions, PREDICTION_COLUMNS) is None:
        return False
    return not keeps_model(config, row) or is_sound(run.path / MODELS / name)


class KeptModel(Protocol):
    """A model in a run directory, of whatever kind."""

    @property
    def row(self) -> ResultRow: ...


Kept = TypeVar("Kept", bound=KeptModel)


def saved_fractions(folder: Path) -> list[float]:
    """Return the fractions of which a run directory has models, in order."""
    return sorted({fraction for _, fraction in _model_folders(folder)})


def _model_folders(folder: Path) -> list[tuple[Path, float]]:
    """Return the folder and the fraction of each model.

    They are known by their names, as of `kept_name`: an interruption may leave others, half-written or half-removed.
    """
    found = ((path, _KEPT_NAME.fullmatch(path.name)) for path in sorted((folder / MODELS).glob("*")))
    return [(path, float(match[1])) for path, match in found if match]


def read_models(folder: Path, load: Callable[[Path], Kept], fraction: float | None = None) -> dict[str, list[Kept]]:
    """Return the models of one fraction in a run directory, of each curve by its name, in order of their seeds.

    load: from the folder of a model; raises ConfigError where it is damaged. fraction: None for the largest.
    """
    curves: dict[str, list[Kept]] = {}
    wanted = max(saved_fractions(folder), default=None) if fraction is None else fraction
    for path in (path for path, own in _model_folders(folder) if own == wanted):
        model = load(path)
        curves.setdefault(curve_name(model.row), []).append(model)
    return {name: sorted(models, key=lambda model: model.row.seed) for name, models in curves.items()}


def predict_judged(engine: Engine, weights: tuple, replica: Replica) -> np.ndarray:
    """Return the predictions with these weights for the replica's validation and then its test molecules, [n, T]."""
    judged = np.concatenate([replica.valid, replica.test])
    return predict_all(engine.training_spec, engine.table, engine.resources, weights, judged, engine.batch_size)


def prediction_columns(table: Table, replica: Replica, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return the arrays of a file of predictions: molecule_id, part, values, and one for each task.

    Their rows are in order of molecule_id. `values` says what the tasks' arrays are: "logits", whose sigmoid is the
    probability of class 1 (a float32 probability is 1 beyond a logit of 17, and its order is lost), or "labels", in
    the label's unit. A task that is called like another array becomes "label <name>".

    Args:
        table: of the molecules.
        replica: the one that predicted.
        values: [n, T] float64, as of `predict_judged`.
    """
    ids = table.ids[np.concatenate([replica.valid, replica.test])]
    part = np.repeat(["valid", "test"], [len(replica.valid), len(replica.test)])
    order = np.argsort(ids)
    names = label_columns(table.tasks, PREDICTION_COLUMNS)
    said = np.array("logits" if table.task == "classification" else "labels")
    values = values.astype(np.float32) if table.task == "classification" else values
    columns = {"molecule_id": ids[order], "part": part[order], "values": said}
    return columns | dict(zip(names, values[order].T, strict=True))


def row_of_model(row: ResultRow) -> ResultRow:
    """Return the row that a model keeps: of all molecules, every pruning has the same model."""
    return replace(row, curve=replace(row.curve, pruning=_pruning(row)))


def describe(
    path: Path, config: SweepConfig, problem: TaskData, training_spec: TrainingSpec, row: ResultRow
) -> SavedModel:
    """Return all that the replica of a row needs beside its weights to predict, to be saved at `path`."""
    modality = row.curve.modality
    atoms = None if problem.composition_for(modality) is None else problem.geometries
    return SavedModel(
        path=path,
        row=row_of_model(row),
        training_spec=training_spec,
        tasks=problem.table.tasks,
        has_smiles=problem.has_smiles,
        features=get_modality(modality).settings(config, problem.features[modality]),
        elements=None if atoms is None else tuple(atoms.elements().tolist()),
        standardize=config.standardize,
    )


def write_molecules(run: RunDirectory, table: Table, canonical_smiles: list[str]) -> None:
    """Write molecules.csv: each usable molecule's id, its SMILES as the file spells it, and what models see of it."""
    columns = table.ids, table.smiles, canonical_smiles
    rows = [dict(zip(_MOLECULE_COLUMNS, row, strict=True)) for row in zip(*columns, strict=True)]
    run.write_table(MOLECULES, _MOLECULE_COLUMNS, rows)


def read_molecules(folder: Path) -> dict[int, str]:
    """Return {id: canonical SMILES} of what `write_molecules` wrote.

    Raises ConfigError where it is not there or damaged.
    """
    path = folder / MOLECULES
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file, strict=True)
        if header != list(_MOLECULE_COLUMNS):
            raise ValueError(f"unexpected columns {header}")
        return {int(one): smiles for one, _, smiles in rows}
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; run the sweep again with another --out") from None
    except (ValueError, csv.Error):
        raise ConfigError(f"{path} is damaged; run the sweep again with another --out") from None


def write_vectors(run: RunDirectory, table: Table, vectors: np.ndarray) -> None:
    """Write embeddings.npz: each usable molecule's id and its vector of --embeddings, [N, D]."""
    run.write_arrays(VECTORS, {"molecule_id": table.ids, "vectors": vectors})


def read_run_vectors(folder: Path, known: dict[int, str]) -> np.ndarray:
    """Return what `write_vectors` wrote, [N, D], in the order of the molecules `known` by their ids.

    Raises ConfigError where it is not there or damaged.
    """
    arrays = load_arrays(folder / VECTORS, {"molecule_id", "vectors"})
    if arrays is None or arrays["molecule_id"].tolist() != list(known):
        raise ConfigError(f"{folder / VECTORS} is missing or damaged; run the sweep again with another --out")
    return arrays["vectors"]


def write_geometries(run: RunDirectory, table: Table, found: Geometries) -> None:
    """Write geometries.npz: each usable molecule's id, and its atoms with their positions in Å."""
    arrays = {"size": found.size, "atom": found.atom, "position": found.position}
    run.write_arrays(GEOMETRIES, {"molecule_id": table.ids, **arrays})


def read_run_geometries(folder: Path, known: dict[int, str]) -> Conformers:
    """Return what `write_geometries` wrote, in the order of the molecules `known` by their ids.

    Raises ConfigError where it is not there or damaged.
    """
    arrays = load_arrays(folder / GEOMETRIES, {"molecule_id", "size", "atom", "position"})
    if arrays is None or arrays["molecule_id"].tolist() != list(known):
        raise ConfigError(f"{folder / GEOMETRIES} is missing or damaged; run the sweep again with another --out")
    return Conformers(arrays["size"], arrays["atom"], arrays["position"])
