"""A classical model on disk: what it learned from, so that it is fitted again wherever it is to predict.

No object of scikit-learn is kept: to load one can run code. The same data and seed give the same model.
"""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from jaxmrl.baselines.assignment import Assignment
from jaxmrl.baselines.spec import BaselineSpec
from jaxmrl.chem.parents import kept_form
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import ConfigError
from jaxmrl.io import storage
from jaxmrl.rows import ResultRow
from jaxmrl.training.metrics import METRICS, Metric
from jaxmrl.training.saved_model import SavedModel, load_trained, read_sound_host

KIND, FORMAT = "baseline", 2
"""Of a model's folder; raise the format where another version could not read it.

2: censored labels, too. Format 1 has none, and is read as well."""


@dataclass(frozen=True)
class SavedBaseline:
    """What is known of a classical model beside the molecules that it learned from.

    path, row, tasks, has_smiles, features, standardize   as of `training.saved_model.SavedModel`
    task, metric_name  classification or regression, and by what it is judged
    seed       of the model's random numbers
    software   version of scikit-learn, or of LightGBM
    counts_bounds  whether its validation metric counts censored labels, if the sweep had any; not in format 1
    """

    path: Path
    row: ResultRow
    tasks: tuple[str, ...]
    has_smiles: bool
    features: dict[str, Any]
    standardize: str
    task: str
    metric_name: str
    seed: int
    software: str
    counts_bounds: bool = True

    @property
    def spec(self) -> BaselineSpec:
        """The feature set and the name of the model."""
        return BaselineSpec(self.row.curve.modality, self.row.curve.model)

    @property
    def modality(self) -> str:
        """The modality: what the model sees of molecules."""
        return self.spec.modality

    @property
    def metric(self) -> Metric:
        """The metric that it was evaluated by."""
        return METRICS[self.metric_name]


def software_of(model: str) -> str:
    """Return the name and version of the package that fits a model."""
    package = "lightgbm" if model == "lightgbm" else "scikit-learn"
    return f"{package} {version(package)}"


def save_baseline(model: SavedBaseline, problem: TaskData, assignment: Assignment) -> None:
    """Write a model to its folder, in place of what is there. Raises UserError where it cannot be written."""
    table = problem.table
    host = {
        "kind": KIND,
        "format": FORMAT,
        "row": model.row.cells(),
        "tasks": model.tasks,
        "has_smiles": model.has_smiles,
        "features": model.features,
        "standardize": model.standardize,
        "task": model.task,
        "metric": model.metric_name,
        "seed": model.seed,
        "software": model.software,
    }
    arrays: dict[str, Any] = {}
    for part in ("train", "valid"):
        molecules = getattr(assignment, part)
        arrays |= {part: table.ids[molecules].astype(np.int32), f"{part}_labels": table.labels[molecules]}
        if table.bounds is not None:
            arrays |= {f"{part}_bounds": table.bounds.values[molecules], f"{part}_sides": table.bounds.sides[molecules]}
    if assignment.weights is not None:
        arrays["train_weights"] = assignment.weights
    storage.remove(model.path)
    storage.write(model.path, arrays, host)


KeptModel = SavedModel | SavedBaseline
"""A model of a sweep: weights, or what to fit again."""


def load_model(path: Path) -> KeptModel:
    """Return the model in a folder, of either kind, its arrays left there. Raises ConfigError where it is damaged."""
    try:
        classical = storage.read_host(path).get("kind") == KIND
    except (OSError, ValueError):
        classical = False
    return load_baseline(path) if classical else load_trained(path)


def load_baseline(path: Path) -> SavedBaseline:
    """Return what `save_baseline` wrote to `path`, its arrays left there. Raises ConfigError where it is damaged."""
    host = read_sound_host(path)
    if host["format"] not in (1, FORMAT):
        raise ConfigError(
            f"{path} has format {host['format']}, but this version of jaxmrl reads formats 1 and {FORMAT}; run the "
            "sweep again with another --out"
        )
    return SavedBaseline(
        path=path,
        row=ResultRow.from_cells(host["row"]),
        tasks=tuple(host["tasks"]),
        has_smiles=host["has_smiles"],
        features=host["features"],
        standardize=kept_form(host),
        task=host["task"],
        metric_name=host["metric"],
        seed=host["seed"],
        software=host["software"],
        counts_bounds=host["format"] == FORMAT,
    )


def read_learned(model: SavedBaseline) -> dict[str, np.ndarray]:
    """Return ids of molecules, `train` and `valid`, and their labels [n, T], `train_labels` and `valid_labels`.

    Of a run with weights, also `train_weights` [n]; where labels are censored, also bounds and sides [n, T], as of
    `data.bounds`: `train_bounds`, `train_sides`, `valid_bounds` and `valid_sides`.
    """
    # As NumPy's: JAX has no float64.
    empty = {name: np.empty(form.shape, form.dtype) for name, form in storage.read_forms(model.path).items()}
    return {name: np.asarray(array) for name, array in storage.read_arrays(model.path, empty).items()}
