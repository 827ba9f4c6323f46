"""The lanes engine, host side: a queue of replicas trained side by side in a fixed number of lanes.

The host hands out replicas, plans batches of ids and asks for evaluations; the device does everything else.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import jax
import numpy as np

from jaxmrl.data.label_scaling import LabelScaler, LabelUnits, no_units
from jaxmrl.modalities.flat_rows import NO_MOLECULE
from jaxmrl.rows import COUNTED
from jaxmrl.training import batches, programs
from jaxmrl.training.dynamic_pruning import DynamicPruning, recorded
from jaxmrl.training.encoder import Encoder
from jaxmrl.training.epochs import chosen_weights, plan_epoch
from jaxmrl.training.hyperparameters import Hyperparameters
from jaxmrl.training.metrics import mean_of_known
from jaxmrl.training.outcome import LaneState, Outcome, slot_from, status_of
from jaxmrl.training.replica import DeviceTable, TrainingSpec
from jaxmrl.training.shapes import common_shape, evaluation_plan
from jaxmrl.training.streams import replica_keys

CHUNK_SECONDS = 2.0
"""Aim for the length of one device call: long enough to hide its overhead, short enough to stop soon when asked."""


@dataclass(frozen=True)
class Replica:
    """One training run, as data: who it is, what it learns from, how long.

    name        its identity, from which its random streams come; unique in a queue
    seed        initial weights depend on it alone
    train, valid, test   molecule ids
    steps       its length in optimizer steps
    scaler      of its own training labels, as they are on the device
    divisors    [T] of its metrics, in the label's unit, before the mean over tasks; NaN for a task that is left out of
                it, as it has nothing to learn of it. None: 1
    start       pre-trained weights that it begins from; None: fresh ones
    validate_every   epochs between validations
    hyperparameters  its own; None where it has those of the specification, as all replicas of a queue or none
    class_weight  [T] of its positive labels, see `losses.balanced_weights`; None: 1, as all replicas of a queue or none
    patience    after how many validations in a row without improvement it ends; None: never before its length
    pruning     how each epoch chooses from `train`, all replicas of a queue by the same scores or none; None: all
    """

    name: str
    seed: int
    train: np.ndarray = field(repr=False)
    valid: np.ndarray = field(repr=False)
    test: np.ndarray = field(repr=False)
    steps: int
    scaler: LabelScaler = field(repr=False)
    divisors: np.ndarray | None = field(repr=False, default=None)
    start: Encoder | None = field(repr=False, default=None)
    validate_every: int = 1
    hyperparameters: Hyperparameters | None = None
    class_weight: np.ndarray | None = field(repr=False, default=None)
    patience: int | None = None
    pruning: DynamicPruning | None = None

    def epoch_steps(self, batch_size: int) -> int:
        """Return the optimizer steps of one epoch."""
        return batches.batches_per_epoch(self.pruning.size if self.pruning else len(self.train), batch_size)

    def epochs(self, step: int, batch_size: int) -> int:
        """Return the epochs begun after `step` steps: a run of so many steps may end inside one."""
        return math.ceil(step / self.epoch_steps(batch_size))

    def validation_steps(self, batch_size: int) -> int:
        """Return the optimizer steps between validations."""
        return self.epoch_steps(batch_size) * self.validate_every


class Engine:
    """An engine that trains a queue of replicas in `lanes` lanes. All replicas share `training_spec` and `table`.

    They also share the shape of batches, `shapes.common_shape`. Its bits are a replica's own only among replicas of its
    own shape; finished ones count, so that a resumed run computes the same. resources [N, R] is how much of a batch
    each molecule needs. `slots` says what each lane is doing; `lanes` is their state on the device. units: of the
    table's labels; None where these are the labels as they were given.
    """

    def __init__(
        self,
        training_spec: TrainingSpec,
        table: DeviceTable,
        resources: np.ndarray,
        replicas: list[Replica],
        lanes: int,
        batch_size: int,
        units: LabelUnits | None = None,
    ):
        (method,) = {recorded(replica.pruning) for replica in replicas}  # others have another program
        self.training_spec, self.replicas = replace(training_spec, pruning=method), replicas
        self.batch_size, self.resources = batch_size, resources
        self.units = units or no_units(training_spec.model.tasks)
        self.shape = common_shape(replicas, resources, batch_size)
        self.table = table.with_budget(self.shape.limits)
        self.lanes = programs.empty(self.training_spec, lanes, replicas[0].scaler, *self._own(replicas[0]))
        self.slots: list[LaneState | None] = [None] * lanes
        self._affordable_steps = 1
        self._has_compiled = False
        self._epoch_plans: dict[int, tuple[int, np.ndarray]] = {}
        evaluated = {id(ids): ids for replica in replicas for ids in (replica.valid, replica.test)}
        self._evaluation_plans = {
            key: evaluation_plan(ids, resources, self.shape.limits, batch_size) for key, ids in evaluated.items()
        }

    @property
    def arrays(self) -> programs.Lanes:
        """The part of a checkpoint that is on the device."""
        return self.lanes

    @property
    def device(self) -> jax.Device:
        """The device of the lanes: the default one when the engine was made."""
        (device,) = self.lanes.best_metric.devices()
        return device

    def host_state(self) -> dict[str, Any]:
        """Return the part of a checkpoint that is not in `arrays`."""
        names = [slot and self.replicas[slot.replica].name for slot in self.slots]
        return {"slots": [slot and asdict(slot) for slot in self.slots], "names": names}

    def put_state(self, arrays: programs.Lanes, host: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.lanes = arrays
        places = {replica.name: k for k, replica in enumerate(self.replicas)}
        for lane, (slot, name) in enumerate(zip(host["slots"], host["names"], strict=True)):
            self.slots[lane] = slot_from(slot, places[name]) if slot else None

    def run(
        self,
        done: set[str],
        on_result: Callable[[Outcome], None],
        on_progress: Callable[[int, bool], None] = lambda steps, timed: None,
        at_rest: Callable[["Engine"], None] = lambda engine: None,
    ) -> None:
        """Train every replica whose name is not in `done`, longest first.

        on_result gets each outcome as it comes; on_progress the steps just made, over all replicas, and whether their
        time tells of the rest, as it does not where programs were compiled; at_rest is called after every chunk,
        validation and test, when `slots` and `lanes` agree and may be saved, and may raise to stop.
        """
        self.work_off(iter(waiting([self], done)), on_result, on_progress, at_rest)

    def work_off(
        self,
        queue: Iterator[int],
        on_result: Callable[[Outcome], None],
        on_progress: Callable[[int, bool], None] = lambda steps, timed: None,
        at_rest: Callable[["Engine"], None] = lambda engine: None,
    ) -> None:
        """Train the replicas of `queue`, by their places, each taken when a lane is free; the rest as of `run`."""
        while True:
            self.refill(queue)
            active = [slot for slot in self.slots if slot]
            if not active:
                return
            if due := self._lanes_that(self._awaits_validation):
                self._validate(due)
            elif ended := self._lanes_that(self._has_ended):
                self._test(ended, on_result)
            else:
                steps = min(self._affordable_steps, *map(self._steps_to_boundary, active), programs.most_steps())
                self.train_chunk(steps)
                on_progress(steps * len(active), self._has_compiled)
            at_rest(self)

    def lane_of(self, name: str) -> int:
        """Return the lane that holds the replica `name`, as it does until `on_result` has returned. Raise KeyError if
        none does.
        """
        held = {self.replicas[slot.replica].name: lane for lane, slot in enumerate(self.slots) if slot}
        return held[name]

    def replica_of(self, name: str) -> Replica:
        """Return the replica `name` while a lane holds it. Raise KeyError if none does."""
        return self.replicas[self._slot(self.lane_of(name)).replica]

    def best_weights(self, name: str) -> tuple:
        """Return `predict`'s weights at the best epoch of the replica `name`, while a lane holds it. Raise KeyError if
        none does.
        """
        return programs.weights_best_in(self.lanes, self.lane_of(name))

    def refill(self, queue: Iterator[int]) -> None:
        """Give each free lane the next replica of `queue`."""
        for lane, slot in enumerate(self.slots):
            index = next(queue, None) if slot is None else None
            if index is not None:
                replica = self.replicas[index]
                self.slots[lane] = LaneState(index)
                new = *replica_keys(replica), replica.scaler, replica.steps
                self.lanes = programs.fill(self.training_spec, self.lanes, lane, *new, *self._own(replica))
                if replica.start:
                    weights = jax.device_put(replica.start.weights, self.device)
                    self.lanes = programs.put_weights(self.lanes, lane, weights)

    def train_chunk(self, steps: int) -> None:
        """Make `steps` optimizer steps in every lane: at most `most_steps`, not beyond any lane's next evaluation."""
        ids = np.full((programs.most_steps(), len(self.slots), self.batch_size), NO_MOLECULE, np.int32)
        for lane, slot in enumerate(self.slots):
            if slot:
                self._choose(lane, slot)
                for k in range(steps):
                    ids[k, lane] = self.batch(slot.replica, slot.step + k)
        started = time.perf_counter()
        self.lanes, losses = programs.train(self.training_spec, self.table, self.lanes, ids, steps)
        for slot in filter(None, self.slots):  # while the device works
            if slot.step + steps < self.replicas[slot.replica].steps and not self._chooses(slot, steps):
                self.batch(slot.replica, slot.step + steps)
        losses = np.asarray(losses)[:steps]
        self._affordable_steps = max(1, int(steps * CHUNK_SECONDS / (time.perf_counter() - started)))
        for slot, own in zip(self.slots, losses.T, strict=True):
            if slot:
                slot.add_losses(own.tolist())

    def batch(self, index: int, step: int) -> np.ndarray:
        """Return the molecule ids of one step of replica `index`: a pure function of its identity, molecules and step.

        It is planned within its own budget, not the queue's, so that its batches do not depend on its company. Those of
        a dynamic pruning by scores also depend on what its lane has chosen for the epoch.
        """
        replica = self.replicas[index]
        epoch, place = divmod(step, replica.epoch_steps(self.batch_size))
        if self._epoch_plans.get(index, (None,))[0] != epoch:
            own = self._recorded(self.lane_of(replica.name))[1] if recorded(replica.pruning) else None
            weights = chosen_weights(replica, epoch, self.batch_size) if own is None else own
            self._epoch_plans[index] = epoch, plan_epoch(replica, epoch, self.resources, self.batch_size, weights)
        return self._epoch_plans[index][1][place]

    def _chooses(self, slot: LaneState, steps: int = 0) -> bool:
        """Return whether a lane chooses molecules by scores after so many more steps."""
        replica = self.replicas[slot.replica]
        return bool(recorded(replica.pruning)) and (slot.step + steps) % replica.epoch_steps(self.batch_size) == 0

    def _choose(self, lane: int, slot: LaneState) -> None:
        """Choose the molecules of an epoch by the scores of a lane, where it is at the beginning of one."""
        if self._chooses(slot):
            replica, weights = self.replicas[slot.replica], np.zeros(len(self.resources), np.float32)
            epoch = slot.step // replica.epoch_steps(self.batch_size)
            weights[replica.train] = chosen_weights(replica, epoch, self.batch_size, self._recorded(lane)[0])
            self.lanes = programs.put_choice(self.lanes, lane, weights)

    def _recorded(self, lane: int) -> np.ndarray:
        """Return the scores of a lane's training molecules, and their weights in this epoch, [2, n]."""
        replica = self.replicas[self._slot(lane).replica]
        return np.stack(programs.pruning_in(self.lanes, lane))[:, replica.train]

    def _own(self, replica: Replica) -> tuple[Any, ...]:
        """Return what a replica has of its own, for `init_replica`."""
        weights = np.zeros(len(self.resources), np.float32) if recorded(replica.pruning) else None
        return replica.hyperparameters, replica.class_weight, weights

    def evaluate(self, weights: tuple, part: str, due: list[int]) -> jax.Array:
        """Return the metric per task of the lanes in `due` on their 'valid' or 'test' ids; see `programs.evaluate`.

        Validation also counts errors of censored labels.
        """
        plans = np.full((len(self.slots), self.shape.evaluated, self.batch_size), NO_MOLECULE, np.int32)
        longest = 0
        for lane in due:
            own = self._evaluation_plans[id(getattr(self.replicas[self._slot(lane).replica], part))]
            plans[lane, : len(own)], longest = own, max(longest, len(own))
        work = plans, longest, self._order(due), len(due)
        return programs.evaluate(self.training_spec, self.table, weights, *work, np.bool_(part == "valid"))

    def evaluations(self) -> int:
        """Return how many evaluations of one replica the whole queue takes, including tests."""
        validations = (math.ceil(r.steps / r.validation_steps(self.batch_size)) for r in self.replicas)
        return sum(validations) + len(self.replicas)

    def _order(self, due: list[int]) -> np.ndarray:
        """Return all lanes, those that are due first."""
        return np.array(due + [lane for lane in range(len(self.slots)) if lane not in due], np.int32)

    def _steps_to_boundary(self, slot: LaneState) -> int:
        """Return the steps to the replica's next evaluation or choice of molecules, or to its end."""
        replica = self.replicas[slot.replica]
        interval = (replica.epoch_steps if recorded(replica.pruning) else replica.validation_steps)(self.batch_size)
        return min(interval - slot.step % interval, replica.steps - slot.step)

    def _validate(self, due: list[int]) -> None:
        """Validate these lanes and keep their weights if they are the best so far."""
        metrics = self.evaluate(programs.weights_now(self.lanes), "valid", due)
        epochs = np.array([self._epochs(slot) if slot else 0 for slot in self.slots], np.int32)
        best, means = programs.keep_best(
            self.training_spec, self.lanes, metrics, self._order(due), len(due), epochs, self._device_divisors()
        )
        self.lanes = jax.block_until_ready(best)  # the next chunk is timed, and a stop is obeyed before it
        means = np.asarray(means)
        for lane in due:
            self._slot(lane).add_validation(int(epochs[lane]), float(means[lane]))
        self._has_compiled = True

    def _test(self, ended: list[int], on_result: Callable[[Outcome], None]) -> None:
        """Test and free these lanes."""
        tested = np.asarray(self.evaluate(programs.weights_best(self.lanes), "test", ended))
        for lane, per_task in zip(ended, tested, strict=False):
            on_result(self._outcome(lane, per_task))
            self._epoch_plans.pop(self._slot(lane).replica, None)
            self.slots[lane] = None

    @property
    def _label_steps(self) -> np.ndarray:
        """For a metric on the device, its step in the label's unit, [T]."""
        return self.units.step if self.training_spec.metric.in_label_unit else np.ones(self.training_spec.model.tasks)

    def _divisors(self, slot: LaneState | None) -> np.ndarray:
        """Return the divisors of a lane's metrics in the label's unit, [T]."""
        divisors = self.replicas[slot.replica].divisors if slot else None
        return np.ones(self.training_spec.model.tasks) if divisors is None else divisors

    def _device_divisors(self) -> np.ndarray:
        """Return the divisors of each lane's metrics on the device, [L, T] float32."""
        return np.stack([self._divisors(slot) / self._label_steps for slot in self.slots]).astype(np.float32)

    def _slot(self, lane: int) -> LaneState:
        """Return the state of a lane that holds a replica. Raise KeyError for a lane that holds none."""
        slot = self.slots[lane]
        if slot is None:
            raise KeyError(lane)
        return slot

    def _epochs(self, slot: LaneState) -> int:
        return self.replicas[slot.replica].epochs(slot.step, self.batch_size)

    def _lanes_that(self, are: Callable[[LaneState], bool]) -> list[int]:
        return [lane for lane, slot in enumerate(self.slots) if slot and are(slot)]

    def _is_due(self, slot: LaneState) -> bool:
        """Return whether a lane is at the end of an epoch after which it is validated."""
        return slot.step % self.replicas[slot.replica].validation_steps(self.batch_size) == 0

    def _awaits_validation(self, slot: LaneState) -> bool:
        return slot.step > slot.validated and (self._is_due(slot) or self._has_ended(slot))

    def _has_ended(self, slot: LaneState) -> bool:
        replica = self.replicas[slot.replica]
        return slot.step >= replica.steps or (slot.diverged and self._is_due(slot)) or self._is_out_of_patience(slot)

    def _is_out_of_patience(self, slot: LaneState) -> bool:
        """Return whether a replica is stopped early. Its validations so far decide, so a checkpoint changes nothing."""
        patience, metric = self.replicas[slot.replica].patience, self.training_spec.metric
        return patience is not None and slot.validations_without_improvement(metric.higher_is_better) >= patience

    def _outcome(self, lane: int, tested: np.ndarray) -> Outcome:
        """Return the outcome of a lane's replica; tested [T]: its test metrics on the device."""
        slot = self._slot(lane)
        replica, divisors = self.replicas[slot.replica], self._divisors(slot)
        test_tasks = np.where(np.isnan(divisors), np.nan, tested * self._label_steps)
        valid, test = float(self.lanes.best_metric[lane]), mean_of_known(test_tasks / divisors)
        status = status_of(
            diverged=slot.diverged,
            share=slot.step / replica.steps,
            has_metrics=math.isfinite(valid) and math.isfinite(test),
            all_tasks=not np.isnan(divisors).any(),
        )
        ok = status in COUNTED
        return Outcome(
            name=replica.name,
            status=status,
            valid=valid if ok else math.nan,
            test=test if ok else math.nan,
            test_tasks=test_tasks if ok else np.full_like(test_tasks, np.nan),
            best_epoch=int(self.lanes.best_epoch[lane]) if ok else 0,
            epochs=self._epochs(slot),
            steps=slot.step,
            history=tuple(slot.history),
        )


def waiting(engines: list[Engine], done: set[str]) -> list[int]:
    """Return the places of the replicas that no engine holds and whose names are not in `done`, longest first.

    Lanes whose replica is done, or is also in another lane, are free from now on. That happens if a run is resumed on
    another number of devices.
    """
    replicas = engines[0].replicas
    taken = {k for k, replica in enumerate(replicas) if replica.name in done}
    for engine in engines:
        for lane, slot in enumerate(engine.slots):
            if slot and slot.replica in taken:
                engine.slots[lane] = None
            elif slot:
                taken.add(slot.replica)
    return longest_first(replicas, [k for k in range(len(replicas)) if k not in taken])


def longest_first(replicas: list[Replica], places: list[int]) -> list[int]:
    """Return `places` in `replicas` in the order of being trained."""
    return sorted(places, key=lambda k: (-replicas[k].steps, k))
