"""A trained model on disk: a replica's best weights, and all that it takes to show it other molecules."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmrl.chem.parents import AS_WRITTEN, kept_form
from jaxmrl.data.label_scaling import LabelScaler
from jaxmrl.errors import ConfigError
from jaxmrl.io import storage
from jaxmrl.modalities.registry import get_modality
from jaxmrl.rows import ReplicaIdentity, ResultRow
from jaxmrl.training import batches
from jaxmrl.training.compiled import program
from jaxmrl.training.metrics import Metric
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.replica import DeviceTable, TrainingSpec

FORMAT = 4
"""The format of a model's folder. Raise it when another version could not read it, or would make other features.

2: features of the canonical form of a molecule; before, of the text as it was spelled.
3: weights by their paths in the model; before, by position.
4: the scaler of the labels in float64 and in their unit; before, in float32."""

_PLACES = {"tokens": 0, "positions": False, "cutoff": 0.0, "over_atoms": ""}
"""What format 4 has of every model, whether it needs that or not."""

_TRAIN = "train"

_PARTS = ("params", "stats", "standard")
"""Names, in format 4, of the three parts of `predict`'s weights; the last one is the LabelScaler."""


@dataclass(frozen=True)
class SavedModel:
    """What is known of a trained model beside its weights.

    path        its folder
    row         of results.csv
    training_spec  how it was trained and judged; its model
    tasks       their names
    has_smiles  whether its molecules had SMILES; else they had positions
    features    settings of its modality's `featurize`
    elements    atomic numbers that the label scaler has references of; None where it has none
    standardize the form in which it saw molecules, of `chem.parents.FORMS`
    """

    path: Path
    row: ResultRow
    training_spec: TrainingSpec
    tasks: tuple[str, ...]
    has_smiles: bool
    features: dict[str, Any]
    elements: tuple[int, ...] | None
    standardize: str = AS_WRITTEN

    @property
    def modality(self) -> str:
        """What it sees of molecules."""
        return self.training_spec.model.modality

    @property
    def metric(self) -> Metric:
        """By which it was judged."""
        return self.training_spec.metric


def save_trained(model: SavedModel, weights: tuple, train: np.ndarray) -> None:
    """Write a model to its folder, in place of what is there. Raise UserError if it cannot be written.

    weights: parameters, statistics, and the scaler of the labels in float64; train: ids of the molecules that it
    learned from.
    """
    training_spec = model.training_spec
    host = {
        "format": FORMAT,
        "row": _row_content(model.row),
        "shape": _spec_to_host(training_spec.model),
        "task": training_spec.task,
        "metric": training_spec.metric_name,
        "learning_rate": training_spec.learning_rate,
        "freeze": training_spec.freeze,
        "weight_decay": training_spec.weight_decay,
        "clip_norm": training_spec.clip_norm,
        "tasks": model.tasks,
        "has_smiles": model.has_smiles,
        "features": model.features,
        "elements": model.elements,
        "standardize": model.standardize,
        "trained_on": len(train),
    }
    # NumPy arrays belong to no device: what an accelerator trained can be read without one.
    arrays = jax.tree.map(np.asarray, storage.flatten(_parts(weights))) | {_TRAIN: train.astype(np.int32)}
    storage.remove(model.path)
    storage.write(model.path, arrays, host)


def _row_content(row: ResultRow) -> dict[str, str]:
    """Return the cells of a row in the order that models have had since the first: the metric before the status."""
    cells = row.cells()
    return {name: cells[name] for name in (*ReplicaIdentity.columns(), "metric", *cells)}


def read_sound_host(path: Path) -> dict[str, Any]:
    """Return what the folder of a model says beside its arrays. Raises ConfigError where it is damaged."""
    if not storage.is_sound(path):
        raise ConfigError(f"{path} is a damaged model of a sweep; run the sweep again with another --out")
    return storage.read_host(path)


def load_trained(path: Path) -> SavedModel:
    """Return what `save_trained` wrote to `path`, without its arrays. Raise ConfigError if it is damaged."""
    host = read_sound_host(path)
    if host["format"] != FORMAT:
        raise ConfigError(
            f"{path} has format {host['format']}, and this version of jaxmrl reads format {FORMAT}: the model has "
            "weights or features in another form. Sweep again into another --out"
        )
    spec = _spec_from_host(host["shape"])
    training_spec = TrainingSpec(
        spec,
        host["task"],
        host["metric"],
        host["learning_rate"],
        freeze=host["freeze"],
        weight_decay=host.get("weight_decay"),  # older versions do not write this, nor the next
        clip_norm=host.get("clip_norm"),
    )
    elements = host["elements"] and tuple(host["elements"])
    tasks = tuple(host["tasks"])
    row = ResultRow.from_cells(host["row"])
    about = host["has_smiles"], host["features"], elements, kept_form(host)
    return SavedModel(path, row, training_spec, tasks, *about)


def _spec_to_host(spec: ModelSpec) -> dict[str, Any]:
    """Return a model's specification as format 4 has it: its options beside its sizes, and places for all of these."""
    sizes = asdict(spec)
    options = sizes.pop("options") or {}
    return {**sizes, **_PLACES, **options}


def _spec_from_host(host: dict[str, Any]) -> ModelSpec:
    options = get_modality(host["modality"]).model(host["model"]).options
    own = options and options(**{one.name: host[one.name] for one in fields(options)})
    return ModelSpec(**{one.name: host[one.name] for one in fields(ModelSpec) if one.name in host}, options=own)


def load_arrays(model: SavedModel) -> tuple[tuple, np.ndarray]:
    """Return a model's weights, as of `save_trained`, and the ids of its training molecules.

    Raises ConfigError where the weights are not those of the model as it is built now.
    """
    spec, tasks = model.training_spec.model, len(model.tasks)
    references = None if model.elements is None else np.empty((len(model.elements), tasks))
    scaler = LabelScaler(np.empty(tasks), np.empty(tasks), references)
    form = (*jax.eval_shape(spec.init, jax.random.key(0)), scaler)
    train = np.empty(storage.read_host(model.path)["trained_on"], np.int32)
    forms = storage.flatten(_parts(form))
    empty = {name: np.empty(leaf.shape, leaf.dtype) for name, leaf in forms.items()}
    arrays = storage.read_arrays(model.path, empty | {_TRAIN: train})
    learned_from = np.asarray(arrays.pop(_TRAIN))
    parts = storage.unflatten(_parts(form), arrays, str(model.path))
    return tuple(parts[name] for name in _PARTS), learned_from


def _parts(weights: tuple) -> dict[str, Any]:
    return dict(zip(_PARTS, weights, strict=True))


def predict_all(
    training_spec: TrainingSpec,
    table: DeviceTable,
    resources: np.ndarray,
    weights: tuple,
    molecules: np.ndarray,
    batch_size: int,
) -> np.ndarray:
    """Return logits, or values in the label's unit, of `molecules` [n], places in `table`: [n, T] float64.

    resources [N, R] is what each molecule of the table takes of a batch; weights as of `save_trained`: a label far from
    zero has digits that float32 lacks, so the inverse transform is computed on the host.
    """
    return predict_and_embed(training_spec, table, resources, weights, molecules, batch_size)[0]


def predict_and_embed(
    training_spec: TrainingSpec,
    table: DeviceTable,
    resources: np.ndarray,
    weights: tuple,
    molecules: np.ndarray,
    batch_size: int,
    of_embeddings: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `predict_all` does, and what a function makes of the molecules' embeddings, the input of the head.

    of_embeddings: from [B, d] of a batch to [B, ...]; None returns an empty array.
    """
    *model, scaler = weights
    outputs, reduced = np.empty((len(resources), table.labels.shape[1]), np.float32), np.empty(0)
    limits = batches.budget([molecules], resources, batch_size)
    table = table.with_budget(limits)
    # Shuffled, because similar molecules are often adjacent, and batches of them take long to fit.
    for ids in batches.plan(molecules, resources, limits, batch_size, np.random.default_rng(0)):
        real = ids >= 0
        embeddings, found = _outputs(training_spec, table, tuple(model), ids)
        outputs[ids[real]] = np.asarray(found)[real]
        if of_embeddings is not None:
            rows = of_embeddings(np.asarray(embeddings)[real])
            reduced = reduced if len(reduced) else np.empty((len(resources), *rows.shape[1:]), rows.dtype)
            reduced[ids[real]] = rows
    composition = None if table.composition is None else np.asarray(table.composition)[molecules]
    values = scaler.inverse_transform_on_host(outputs[molecules], composition)
    return values, reduced[molecules] if len(reduced) else reduced


@program(static_argnums=0)
def _outputs(
    training_spec: TrainingSpec, table: DeviceTable, model: tuple, ids: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return the model's embeddings of `ids` [B], and its outputs before the scaler's inverse transform, [B, T].

    model = (params, stats).
    """
    params, stats = model
    return training_spec.model.embed(params, stats, table.store.gather(ids))
