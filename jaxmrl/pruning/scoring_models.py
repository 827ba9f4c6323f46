"""Scores of every training molecule: models trained in lanes, then the methods on their weights.

Each seed has models of its own, so that subsets by the scores of different seeds are independent. What is done is kept
in a folder, so that a stopped scoring goes on from there.
"""

import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.config import Settings
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import UserError
from jaxmrl.io import storage
from jaxmrl.io.cache import load_arrays, save_arrays
from jaxmrl.modalities.base import Features
from jaxmrl.modalities.fingerprint.features import path_fingerprints
from jaxmrl.progress import ProgressReporter
from jaxmrl.pruning import passes
from jaxmrl.pruning.methods import METHODS, methods_for
from jaxmrl.pruning.records import records_for
from jaxmrl.pruning.select import Scores, canonical_order
from jaxmrl.pruning.trained import arrays_in, lane_arrays, without_diverged
from jaxmrl.training import checkpoint
from jaxmrl.training.batches import batches_per_epoch
from jaxmrl.training.capacity import choose_devices, choose_lanes
from jaxmrl.training.engines import on_each
from jaxmrl.training.interrupts import Stop
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.observer import UNOBSERVED, Observer
from jaxmrl.training.outcome import Outcome
from jaxmrl.training.replica import DeviceTable, TrainingSpec, device_table

CHECKPOINTS = 5
"""Checkpoints of TracIn in a training, if it has so many epochs; the last one is its end."""

_OF_A_MODEL = {"status", "identity"}
"""What the file of a model has beside its arrays."""


class LaneRecord(Protocol):
    """Where the number of lanes is kept; `runs.directory.RunDirectory`."""

    def metadata_or_set(self, name: str, value: Any) -> Any:
        """Return what is kept under `name`, after saving `value` there where nothing is."""


@dataclass(frozen=True)
class ScoringTask:
    """What to score, by which methods, and with how many models trained for how long.

    names      of the methods; all that fit the task where there are none
    seeds      seeds that are to have scores, each by `models` models that no other seed uses
    epochs     epochs after which the models score

    Raises ConfigError for a method that does not fit the task.
    """

    settings: Settings
    problem: TaskData
    spec: ModelSpec
    names: tuple[str, ...]
    seeds: int
    epochs: int
    models: int = 1

    def __post_init__(self) -> None:
        methods = methods_for(self.names, self.problem.table.task, self.problem.has_smiles)
        object.__setattr__(self, "names", tuple(method.name for method in methods))

    @cached_property
    def molecules(self) -> np.ndarray:
        """The training molecules, in order of their canonical SMILES."""
        return canonical_order(self.problem.split.train, self.problem.canonical)

    @cached_property
    def training_spec(self) -> TrainingSpec:
        """The training of the models, with a hook that records what the methods need."""
        table = self.problem.table
        hook = records_for(self.names, *table.labels.shape)
        return TrainingSpec(
            self.spec,
            table.task,
            self.problem.metric,
            self.settings.rate(self.spec.model),
            hook,
            weight_decay=self.settings.weight_decay,
            clip_norm=self.settings.clip_norm,
        )

    @property
    def batch_size(self) -> int:
        """The number of molecules per batch."""
        return self.settings.batch_size_of(self.spec.model)

    @property
    def features(self) -> Features:
        """The features that the models see."""
        return self.problem.features[self.spec.modality]

    @cached_property
    def table(self) -> DeviceTable:
        """The molecules on the device."""
        return device_table(self.problem, self.spec.modality)

    @cached_property
    def _fingerprints(self) -> np.ndarray:
        """The fingerprints of the training molecules, packed, [n, bits / 8]."""
        return path_fingerprints([self.problem.canonical_smiles[k] for k in self.molecules])

    def replicas(self) -> list[Replica]:
        """Return the models that score: those of seed 0, then those of seed 1, ...

        They learn from all training molecules and never see the test.
        """
        settings, split = self.settings, self.problem.split
        scaler = self.problem.label_scaler(self.molecules, self.spec.modality)
        name = f"{settings.name} {self.spec.name} {settings.precision} {self.problem.split_label} scoring {self.epochs}"
        return [
            Replica(
                *(f"{name} {place}", self._seed(place), self.molecules, split.valid, split.valid, self._steps, scaler),
                validate_every=self._checkpoint_epochs,
            )
            for place in range(self.seeds * self.models)
        ]

    @property
    def _steps(self) -> int:
        """The optimizer steps of a model."""
        return self.epochs * batches_per_epoch(len(self.molecules), self.batch_size)

    @property
    def _checkpoint_epochs(self) -> int:
        """The epochs between checkpoints; a model that needs none is validated at its end alone."""
        return -(-self.epochs // CHECKPOINTS) if "tracin" in self.names else self.epochs

    def _seed(self, place: int) -> int:
        """Return the seed of the model at a place, which no model of another repeated split has."""
        repeat = self.problem.repeat
        return place * repeat.count + repeat.place

    def scores(
        self,
        run: LaneRecord,
        folder: Path,
        reporter: ProgressReporter,
        stop: Stop,
        kept: Scores | None = None,
        observer: Observer = UNOBSERVED,
    ) -> Scores:
        """Return the scores of the training molecules by each method and seed; a seed whose models diverged has none.

        Args:
            run: The run directory, which keeps the number of lanes.
            folder: Where finished parts are kept; remove it once the scores are safe.
            reporter: Where progress and warnings are printed.
            stop: When to stop.
            kept: Scores that an earlier command computed. They stay, and only what is missing is computed.
            observer: What is called while the models train.

        Raises:
            UserError: Where every model diverged.
            StopRequestedError: When stopped.
        """
        folder.mkdir(parents=True, exist_ok=True)
        every = range(self.seeds * self.models)
        train = every[self._scored_seeds(kept) * self.models :]
        models = dict.fromkeys(every[: train.start])
        if train:
            models |= self._train(train, run, folder, reporter, stop, observer)
        found = {}
        with reporter.progress("scoring", len(models), "models") as progress:
            for place, model in models.items():
                found[place] = self._scores_of_model(place, model, folder / f"scores-{place}.npz", stop)
                progress.advance(1)
        stop.check()
        of_seeds = [[found[k] for k in found if k // self.models == seed] for seed in range(self.seeds)]
        by_seed = [self._combined(of_seed) for of_seed in of_seeds if of_seed]
        joint = self._joint(list(found.values()))
        if kept is not None:
            by_seed = _with_kept(by_seed, kept, reporter)
            joint = kept.joint | joint
        values = {name: np.stack([scores[name] for scores in by_seed]) for name in self.names}
        return Scores(self.molecules, values, {name: joint[name] for name in self.names if name in joint})

    def _scored_seeds(self, kept: Scores | None) -> int:
        """Return the number of seeds, from 0 on, whose models need not be trained.

        That is none of them where a method is new, for models are not kept, or where herding joins the embeddings of
        more models than before.
        """
        trained = {name for name in self.names if METHODS[name].trained}
        if not trained:
            return self.seeds
        if kept is None or not trained <= kept.values.keys():
            return 0
        return 0 if "herding" in trained and kept.seeds < self.seeds else min(kept.seeds, self.seeds)

    def _combined(self, found: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Return one seed's scores by method, [n] each: the mean over its models, or the method's own way."""
        if len(found) == 1:
            return found[0]
        computed = [name for name in self.names if name in found[0]]
        return {name: np.mean([one[name] for one in found], axis=0) for name in computed} | self._joint(found)

    def _joint(self, found: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Return herding on all models' embeddings at once, the k-means clustering of least inertia, and the order of
        coverage by the mean difficulty.
        """
        joint = {}
        if all("embeddings" in one for one in found):
            joint["herding"] = passes.herding_scores(passes.joint_embeddings([one["embeddings"] for one in found]))
        if "kmeans" in self.names:
            joint["kmeans"] = min(found, key=lambda one: one["inertia"])["kmeans"]
        if all("difficulty" in one for one in found):
            difficulty = np.mean([one["difficulty"] for one in found], axis=0)
            joint["ccs"] = passes.coverage_scores(difficulty, int(found[0]["seed"]))
        return joint

    @cached_property
    def _identity(self) -> str:
        """The data, models and methods that the parts in the folder belong to."""
        parts = (
            self.problem.fingerprint(),
            self.spec,
            self.epochs,
            self.names,
            self.batch_size,
            self.training_spec,
        )
        return repr(parts)

    def _load(self, path: Path, names: set[str]) -> dict[str, np.ndarray] | None:
        arrays = load_arrays(path, names | {"identity"})
        return arrays if arrays and str(arrays["identity"]) == self._identity else None

    def _load_model(self, path: Path) -> dict[str, np.ndarray]:
        arrays = self._load(path, {"status"})
        if arrays is None:
            raise UserError(f"{path} is damaged or missing; run the command again to train this model again")
        return arrays

    def _save(self, path: Path, arrays: dict[str, np.ndarray]) -> None:
        try:
            save_arrays(path, arrays | {"identity": np.array(self._identity)})
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}; fix this and run the command again") from None

    def _train(
        self, places: range, run: LaneRecord, folder: Path, reporter: ProgressReporter, stop: Stop, observer: Observer
    ) -> dict[int, dict[str, np.ndarray]]:
        """Return {place: weights and hook state}, as flat arrays, of these models, without those that diverged."""
        replicas = self.replicas()
        self._drop_other_lanes(folder)
        queue = self.spec, replicas, self.problem, self.batch_size
        lanes = run.metadata_or_set(f"scoring lanes of {self.spec.name}", choose_lanes(self.settings.lanes, *queue))
        engines = on_each(choose_devices(lanes, *queue), lambda: self.engine(replicas, lanes))
        paths = {replica.name: folder / f"model-{place}.npz" for place, replica in enumerate(replicas)}
        done = {
            one.name
            for place, one in enumerate(replicas)
            if place not in places or self._is_trained(folder, place, paths[one.name])
        }

        def on_result(engine: Engine, outcome: Outcome) -> None:
            self._save(paths[outcome.name], lane_arrays(engine, outcome))
            observer.ended(outcome)

        def watch(engine: Engine) -> None:
            observer.watch(engine)
            if "tracin" in self.names:
                self._save_checkpoints(engine, folder)

        with reporter.progress("training to score", sum(replica.steps for replica in replicas), "steps") as progress:
            checkpoint.run(folder / "lanes", engines, done, on_result, progress, stop, reporter.say, watch)
        models = {place: self._load_model(paths[replicas[place].name]) for place in places}
        return without_diverged(models, reporter)

    def _is_trained(self, folder: Path, place: int, path: Path) -> bool:
        """Return whether all that a model leaves is there: its file, and those of its checkpoints if it finished."""
        model = self._load(path, {"status"})
        if model is None or str(model["status"]) != "finished":
            return model is not None
        return all(self._load(one, {"status"}) for one, _ in self._checkpoint_paths(folder, place))

    def _drop_other_lanes(self, folder: Path) -> None:
        """Remove the checkpoint of other methods' models, such as those of a scoring that was stopped and extended."""
        mark = folder / "lanes-of.npz"
        if self._load(mark, set()) is None:
            shutil.rmtree(folder / "lanes", ignore_errors=True)
            self._save(mark, {})

    def engine(self, replicas: list[Replica], lanes: int) -> Engine:
        """Return an engine that trains them, on the default device."""
        table, resources = device_table(self.problem, self.spec.modality), self.features.resources()
        return Engine(self.training_spec, table, resources, replicas, lanes, self.batch_size)

    def _scores_of_model(self, place: int, model: dict | None, path: Path, stop: Stop) -> dict[str, np.ndarray]:
        """Return one model's scores by method, [n] each; from `path` if it has them."""
        stop.check()
        scores = self._load(path, set(self.names))
        if scores is None:
            scores = {}
            if model:
                weights, hook_state = self._unpack(model)
                training_spec, size = replace(self.training_spec, hook=None), self.batch_size
                scores |= passes.model_scores(
                    self.names,
                    training_spec,
                    self.table,
                    self.features,
                    weights,
                    hook_state,
                    self.molecules,
                    size,
                    self._seed(place),
                    stop.check,
                )
                scores["seed"] = np.array(self._seed(place))
                if "tracin" in self.names:
                    resources, checkpoints = self.features.resources(), self._checkpoints(path.parent, place)
                    scores["tracin"] = passes.tracin_scores(
                        training_spec, self.table, resources, checkpoints, self.molecules, size, stop.check
                    )
            if "random" in self.names:
                scores["random"] = passes.random_scores(self.problem, self.molecules, self._seed(place))
            if "kmeans" in self.names:
                scores["kmeans"], inertia = passes.kmeans_scores(self._fingerprints, self._seed(place))
                scores["inertia"] = np.array(inertia)
            self._save(path, scores)
        return scores

    def _checkpoints(self, folder: Path, place: int) -> list[tuple[float, tuple]]:
        """Return the learning rate and the weights of a model at each of its checkpoints."""
        found, optimization = [], self.training_spec.optimization
        for path, step in self._checkpoint_paths(folder, place):
            progress = jnp.float32(step / self._steps)
            rate = self.training_spec.learning_rate * float(optimization.factor(progress))
            found.append((rate, self._unpack(self._load_model(path))[0]))
        return found

    def _checkpoint_paths(self, folder: Path, place: int) -> list[tuple[Path, int]]:
        """Return the file and the step of each checkpoint of a model; none where no method needs one."""
        if "tracin" not in self.names:
            return []
        epochs = sorted({*range(self._checkpoint_epochs, self.epochs, self._checkpoint_epochs), self.epochs})
        steps = [epoch * self._steps // self.epochs for epoch in epochs]
        return [(folder / f"model-{place}-step-{step}.npz", step) for step in steps]

    def _save_checkpoints(self, engine: Engine, folder: Path) -> None:
        """Write the weights of the lanes that have just been validated, where they are not there yet."""
        for lane, slot in enumerate(engine.slots):
            if slot and slot.validated == slot.step > 0:
                path = folder / f"model-{slot.replica}-step-{slot.step}.npz"
                if not path.exists():
                    self._save(path, arrays_in(engine, lane) | {"status": np.array("checkpoint")})

    def _unpack(self, model: dict[str, np.ndarray]) -> tuple:
        """Return (weights as of `predict`, hook state) of a model's flat arrays."""
        params, stats = jax.eval_shape(self.spec.init, jax.random.key(0))
        scaler = self.replicas()[0].scaler
        hook_state = jax.eval_shape(self.training_spec.hook.start) if self.training_spec.hook else {}
        arrays = {name: jnp.asarray(array) for name, array in model.items() if name not in _OF_A_MODEL}
        form = {"weights": (params, stats, scaler), "hook_state": hook_state}
        found = storage.unflatten(form, arrays, "a scoring's folder")
        return found["weights"], found["hook_state"]


def _with_kept(
    by_seed: list[dict[str, np.ndarray]], kept: Scores, reporter: ProgressReporter
) -> list[dict[str, np.ndarray]]:
    """Return each seed's scores by method with those that were kept in place of new ones: replicas rest on them."""
    changed = set()
    for seed, scores in enumerate(by_seed[: kept.seeds]):
        for name, values in kept.values.items():
            if name in scores and not np.array_equal(scores[name], values[seed], equal_nan=True):
                changed.add(name)
            scores[name] = values[seed]
    if changed:
        reporter.say(
            f"scores by {', '.join(sorted(changed))} differ by rounding now that the molecules were scored "
            "again; the earlier scores stay"
        )
    return by_seed
