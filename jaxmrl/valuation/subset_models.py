"""Models that learn from subsets of the training molecules, as lanes, and what they predict for validation molecules.

What each model predicts is kept in a folder, so that a valuation that was stopped goes on from there.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jax
import numpy as np

from jaxmrl.config import ValueConfig
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import UserError
from jaxmrl.io.cache import load_arrays, save_arrays
from jaxmrl.progress import ProgressReporter
from jaxmrl.pruning.scoring_models import LaneRecord
from jaxmrl.pruning.select import canonical_order
from jaxmrl.training import checkpoint, programs
from jaxmrl.training.batches import batches_per_epoch
from jaxmrl.training.capacity import choose_devices, choose_lanes
from jaxmrl.training.engines import on_each
from jaxmrl.training.interrupts import Stop
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.outcome import Outcome
from jaxmrl.training.replica import TrainingSpec, device_table
from jaxmrl.training.saved_model import predict_all


@dataclass(frozen=True)
class SubsetModels:
    """Models of one specification that learn from subsets of the training molecules of one split.

    Each has initial weights and batches of its own, and predicts with its last weights: choosing the best epoch would
    use the labels by which the models are judged.
    """

    settings: ValueConfig
    problem: TaskData
    spec: ModelSpec

    @cached_property
    def molecules(self) -> np.ndarray:
        """The training molecules, n, in order of their canonical SMILES; subsets are of these."""
        return canonical_order(self.problem.split.train, self.problem.canonical)

    @cached_property
    def labels(self) -> np.ndarray:
        """The labels of the validation molecules in the unit of the predictions, [q, T]."""
        return self.problem.device_labels(self.spec.modality)[self.problem.split.valid].astype(np.float64)

    @cached_property
    def spreads(self) -> np.ndarray | None:
        """The standard deviations of the training labels in that unit, [T]; None in classification."""
        if self.problem.table.task == "classification":
            return None
        scale = np.asarray(self.problem.label_scaler(self.molecules, self.spec.modality).scale, np.float64)
        return np.where(scale > 0, scale, 1.0)

    @cached_property
    def training_spec(self) -> TrainingSpec:
        """The training of the models."""
        settings = self.settings
        return TrainingSpec(
            self.spec,
            self.problem.table.task,
            self.problem.metric,
            settings.rate(self.spec.model),
            weight_decay=settings.weight_decay,
            clip_norm=settings.clip_norm,
        )

    @property
    def batch_size(self) -> int:
        """The number of molecules per batch."""
        return self.settings.batch_size_of(self.spec.model)

    def replicas(self, members: np.ndarray, design: str) -> list[Replica]:
        """Return a replica for each subset, [M, n] bool; design: the name of the subsets, from which names come."""
        config, valid = self.settings, self.problem.split.valid
        name = f"{config.name} {self.spec.name} {config.precision} {self.problem.split_label} {design} {config.epochs}"
        found = []
        for place, one in enumerate(members):
            train = self.molecules[one]
            steps = config.epochs * batches_per_epoch(len(train), self.batch_size)
            scaler = self.problem.label_scaler(train, self.spec.modality)
            seed = config.seed * len(members) + place
            found.append(
                Replica(f"{name} {place}", seed, train, valid, valid, steps, scaler, validate_every=config.epochs)
            )
        return found

    def outputs(
        self, members: np.ndarray, design: str, run: LaneRecord, folder: Path, reporter: ProgressReporter, stop: Stop
    ) -> np.ndarray:
        """Return what a model that learns from each subset predicts of the validation molecules.

        Args:
            members: The subsets, [M, n] bool, none empty.
            design: The name of the subsets, such as halves.
            run: Keeps the number of lanes, which a resumed training needs again.
            folder: Keeps what is done.
            reporter: Gets the progress.
            stop: When to stop.

        Returns:
            [M, q, T]: logits, or values in the unit of `labels`. NaN for a model that diverged.

        Raises:
            StopRequestedError: When stopped.
        """
        replicas = self.replicas(members, design)
        paths = {replica.name: folder / design / f"{place}.npz" for place, replica in enumerate(replicas)}
        found = {name: arrays["outputs"] for name, path in paths.items() if (arrays := load_arrays(path, {"outputs"}))}

        def on_result(engine: Engine, outcome: Outcome) -> None:
            found[outcome.name] = self._predicted(engine, outcome.name)
            _save(paths[outcome.name], found[outcome.name])

        engines = self._engines(replicas, design, run)
        title = f"training models on {design}"
        with reporter.progress(title, sum(replica.steps for replica in replicas), "steps") as progress:
            checkpoint.run(folder / f"{design} lanes", engines, set(found), on_result, progress, stop, reporter.say)
        return np.stack([found[replica.name] for replica in replicas]).astype(np.float64)

    def _engines(self, replicas: list[Replica], design: str, run: LaneRecord) -> list[Engine]:
        queue = self.spec, replicas, self.problem, self.batch_size
        lanes = run.metadata_or_set(f"lanes on {design}", choose_lanes(self.settings.lanes, *queue))
        resources = self.problem.features[self.spec.modality].resources()

        def make() -> Engine:
            table = device_table(self.problem, self.spec.modality)
            return Engine(self.training_spec, table, resources, replicas, lanes, self.batch_size)

        return on_each(choose_devices(lanes, *queue), make)

    def _predicted(self, engine: Engine, name: str) -> np.ndarray:
        """Return what a replica that has just ended predicts of the validation molecules, [q, T] float32."""
        lane, valid = engine.lane_of(name), self.problem.split.valid
        weights = jax.tree.map(lambda stacked: stacked[lane], programs.weights_now(engine.lanes))
        spec, size = engine.training_spec, self.batch_size
        return predict_all(spec, engine.table, engine.resources, weights, valid, size).astype(np.float32)


def _save(path: Path, outputs: np.ndarray) -> None:
    try:
        save_arrays(path, {"outputs": outputs})
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; fix this and run the command again") from None
