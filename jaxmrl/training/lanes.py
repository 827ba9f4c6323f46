"""The lanes engine, host side: a queue of replicas trained side by side in a fixed number of lanes.

The host hands out replicas, plans batches of ids and asks for evaluations; the device does everything else.
"""

import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.data.store import NO_MOLECULE
from jaxmrl.models.build import ModelShape
from jaxmrl.training import batches, programs
from jaxmrl.training.replica import DeviceTable, Recipe

CHUNK_SECONDS = 2.0
"""Aim for the length of one device call: long enough to hide its overhead, short enough to stop soon when asked."""

HOST_LANES = 8
ACCELERATOR_LANES = 32
MEMORY_SHARE = 0.5
SAVED_ROWS_PER_LAYER = 10
"""Activations kept for the gradient, in rows of the model's width per layer: an upper estimate for GIN."""


@dataclass(frozen=True)
class Replica:
    """One training run, as data: who it is, what it learns from, how long.

    name        its identity, from which its random streams come; unique in a queue
    seed        initial weights depend on it alone
    train, valid, test   molecule ids
    steps       its length in optimiser steps
    label_mean, label_scale [T]   of its own training labels (0 and 1 for classification)
    """

    name: str
    seed: int
    train: np.ndarray = field(repr=False)
    valid: np.ndarray = field(repr=False)
    test: np.ndarray = field(repr=False)
    steps: int
    label_mean: np.ndarray = field(repr=False)
    label_scale: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """What a finished replica achieved: metrics at the best epoch by validation. status: finished or diverged."""

    name: str
    status: str
    valid: float
    test: float
    test_tasks: np.ndarray
    best_epoch: int
    epochs: int
    steps: int


@dataclass
class Slot:
    """What one lane is doing: `replica` is its place in the list given to `run`."""

    replica: int
    step: int = 0
    diverged: bool = False


def auto_lanes(shape: ModelShape, rows: int, steps: list[int], device_kind: str, memory: int) -> int:
    """How many lanes to train: a formula of what is to be done and the kind of device, never of a timing.

    rows: node rows of a batch; steps: of every replica; device_kind: 'cpu' or an accelerator; memory: its bytes.
    Never more lanes than total steps / longest replica's steps: the others would idle while it ends.
    """
    most = HOST_LANES if device_kind == "cpu" else ACCELERATOR_LANES
    weights = 5 * 4 * shape.parameters
    activations = 4 * rows * shape.width * SAVED_ROWS_PER_LAYER * shape.depth
    fitting = int(MEMORY_SHARE * memory / (weights + activations))
    useful = sum(steps) // max(steps)
    return max(1, min(most, fitting, useful))


def choose_lanes(
    asked: int | str, shape: ModelShape, replicas: list[Replica], resources: np.ndarray, batch_size: int
) -> int:
    """Lanes for a queue: as asked (never more than replicas), or `auto_lanes` on this machine's first device."""
    if asked != "auto":
        return min(asked, len(replicas))
    rows = int(queue_budget(replicas, resources, batch_size)[0])
    return auto_lanes(shape, rows, [replica.steps for replica in replicas], *_device_memory())


def _device_memory() -> tuple[str, int]:
    """The first device's platform and bytes of memory."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return "cpu", os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return device.platform, (device.memory_stats() or {}).get("bytes_limit", 16 * 2**30)


def device_name() -> str:
    """What this machine computes on, as run.json names it."""
    device = jax.devices()[0]
    return f"cpu {platform.machine()}" if device.platform == "cpu" else device.device_kind


class Engine:
    """Trains a queue of replicas in `lanes` lanes. All replicas share `recipe` and `table`.

    The number of lanes and the budgets come from the whole queue, finished replicas included, so that a resumed run
    computes the same bits.
    """

    def __init__(
        self,
        recipe: Recipe,
        table: DeviceTable,
        replicas: list[Replica],
        lanes: int,
        batch_size: int,
        evaluate_every: int = 1,
    ):
        self.recipe, self.replicas, self.batch_size = recipe, replicas, batch_size
        self.evaluate_every = evaluate_every
        self.resources = table.store.resources()
        self.limits = queue_budget(replicas, self.resources, batch_size)
        self.table = DeviceTable(table.store.with_budget(self.limits), table.labels)
        self.slots: list[Slot | None] = [None] * lanes
        self.lanes = programs.empty(recipe, lanes)
        self._epoch_plans: dict[int, tuple[int, np.ndarray]] = {}
        evaluated = [ids for replica in replicas for ids in (replica.valid, replica.test)]
        self._plan_batches = max(batches.batches_per_epoch(len(ids), batch_size) for ids in evaluated)
        self._plans: dict[int, np.ndarray] = {}
        self._step_seconds = math.inf

    def run(
        self,
        done: set[str],
        on_result: Callable[[Outcome], None],
        on_progress: Callable[[int], None] = lambda steps: None,
        at_rest: Callable[["Engine"], None] = lambda engine: None,
    ) -> None:
        """Trains every replica whose name is not in `done`, longest first.

        on_result gets each outcome as it comes; on_progress the steps just made, over all replicas; at_rest is
        called between chunks, when `slots` and `lanes` agree and may be saved, and may raise to stop.
        """
        self._drop_finished(done)
        queue = self._queue(done)
        while True:
            self._refill(queue)
            if all(slot is None for slot in self.slots):
                return
            steps = self._train_chunk()
            self._evaluate_due(on_result)
            on_progress(steps)
            at_rest(self)

    def _queue(self, done: set[str]) -> Iterator[int]:
        busy = {slot.replica for slot in self.slots if slot}
        waiting = [i for i, r in enumerate(self.replicas) if r.name not in done and i not in busy]
        return iter(sorted(waiting, key=lambda i: (-self.replicas[i].steps, i)))

    def _drop_finished(self, done: set[str]) -> None:
        self.slots = [slot if slot and self.replicas[slot.replica].name not in done else None for slot in self.slots]

    def _refill(self, queue: Iterator[int]) -> None:
        for lane, slot in enumerate(self.slots):
            index = next(queue, None) if slot is None else None
            if index is not None:
                replica = self.replicas[index]
                self.slots[lane] = Slot(index)
                constants = jnp.asarray(replica.label_mean), jnp.asarray(replica.label_scale)
                self.lanes = programs.fill(self.recipe, self.lanes, lane, *replica_keys(replica), *constants)

    def _steps_to_boundary(self, slot: Slot) -> int:
        replica = self.replicas[slot.replica]
        per_epoch = batches.batches_per_epoch(len(replica.train), self.batch_size)
        return min(per_epoch - slot.step % per_epoch, replica.steps - slot.step)

    def _train_chunk(self) -> int:
        """Trains every lane to the next epoch end of any of them, or for a while; returns the steps made."""
        active = [(lane, slot) for lane, slot in enumerate(self.slots) if slot]
        affordable = max(1, int(min(programs.MAX_CHUNK, CHUNK_SECONDS / max(self._step_seconds, 1e-6))))
        first_time = math.isinf(self._step_seconds)
        steps = 1 if first_time else min(affordable, *(self._steps_to_boundary(slot) for _, slot in active), 10**9)
        ids = np.full((programs.MAX_CHUNK, len(self.slots), self.batch_size), NO_MOLECULE, np.int32)
        for lane, slot in active:
            for k in range(steps):
                ids[k, lane] = self._batch(slot.replica, slot.step + k)
        started = time.perf_counter()
        self.lanes, loss = programs.train(self.recipe, self.table, self.lanes, ids, steps)
        loss = np.asarray(loss)
        self._step_seconds = 1e-3 if first_time else (time.perf_counter() - started) / steps
        for lane, slot in active:
            slot.step += steps
            slot.diverged |= not math.isfinite(loss[lane])
        return steps * len(active)

    def _batch(self, index: int, step: int) -> np.ndarray:
        """Molecule ids of one step of a replica: a pure function of its identity and the step."""
        replica = self.replicas[index]
        epoch, place = divmod(step, batches.batches_per_epoch(len(replica.train), self.batch_size))
        if self._epoch_plans.get(index, (None,))[0] != epoch:
            rng = np.random.default_rng([replica.seed, name_hash(replica.name), epoch])
            plan = batches.plan(replica.train, self.resources, self.limits, self.batch_size, rng)
            self._epoch_plans[index] = epoch, plan
        return self._epoch_plans[index][1][place]

    def _evaluate_due(self, on_result: Callable[[Outcome], None]) -> None:
        """Validates the lanes at an epoch end; tests and frees those at the end of their replica."""
        ended = [lane for lane, slot in enumerate(self.slots) if slot and self._has_ended(slot)]
        due = [lane for lane, slot in enumerate(self.slots) if slot and (lane in ended or self._is_due(slot))]
        if due:
            order = _order(due, len(self.slots))
            metrics = self._evaluate(programs.weights_now(self.lanes), "valid", due)
            epochs = np.array([self._epoch(slot) if slot else 0 for slot in self.slots], np.int32)
            self.lanes = programs.keep_best(self.recipe, self.lanes, metrics, order, len(due), epochs)
        if ended:
            tested = np.asarray(self._evaluate(programs.weights_best(self.lanes), "test", ended))
            for lane, per_task in zip(ended, tested, strict=False):
                on_result(self._outcome(lane, per_task))
                self._epoch_plans.pop(self.slots[lane].replica, None)
                self.slots[lane] = None

    def _has_ended(self, slot: Slot) -> bool:
        at_boundary = slot.step >= self.replicas[slot.replica].steps
        return at_boundary or (slot.diverged and self._at_epoch_end(slot))

    def _at_epoch_end(self, slot: Slot) -> bool:
        molecules = len(self.replicas[slot.replica].train)
        return slot.step % batches.batches_per_epoch(molecules, self.batch_size) == 0

    def _is_due(self, slot: Slot) -> bool:
        return self._at_epoch_end(slot) and self._epoch(slot) % self.evaluate_every == 0

    def _epoch(self, slot: Slot) -> int:
        """Epochs begun so far: a run of `steps` may end inside one."""
        return batches.batches_per_epoch(slot.step, self._epoch_steps(slot))

    def _epoch_steps(self, slot: Slot) -> int:
        return batches.batches_per_epoch(len(self.replicas[slot.replica].train), self.batch_size)

    def _evaluate(self, weights: tuple, part: str, due: list[int]) -> jax.Array:
        plans = np.stack([self._plan(slot, part) for slot in self.slots])
        order = _order(due, len(self.slots))
        return programs.evaluate(self.recipe, self.table, weights, plans, order, len(due))

    def _plan(self, slot: Slot | None, part: str) -> np.ndarray:
        """Evaluation batches [plan batches, batch size] of a lane, made once for each set of ids."""
        empty = np.full((self._plan_batches, self.batch_size), NO_MOLECULE, np.int32)
        if slot is None:
            return empty
        ids = getattr(self.replicas[slot.replica], part)
        if id(ids) not in self._plans:
            plan = batches.plan(ids, self.resources, self.limits, self.batch_size, None)
            empty[: len(plan)] = plan
            self._plans[id(ids)] = empty
        return self._plans[id(ids)]

    def _outcome(self, lane: int, test_tasks: np.ndarray) -> Outcome:
        slot = self.slots[lane]
        replica = self.replicas[slot.replica]
        valid = float(self.lanes.best_metric[lane])
        ok = not slot.diverged and math.isfinite(valid)
        nothing = np.full_like(test_tasks, np.nan)
        return Outcome(
            name=replica.name,
            status="finished" if ok else "diverged",
            valid=valid if ok else math.nan,
            test=float(np.nanmean(test_tasks)) if ok else math.nan,
            test_tasks=test_tasks if ok else nothing,
            best_epoch=int(self.lanes.best_epoch[lane]) if ok else 0,
            epochs=self._epoch(slot),
            steps=slot.step,
        )


def _order(due: list[int], lanes: int) -> np.ndarray:
    """All lanes, those that are due first."""
    return np.array(due + [lane for lane in range(lanes) if lane not in due], np.int32)


def queue_budget(replicas: list[Replica], resources: np.ndarray, batch_size: int) -> np.ndarray:
    """Rows that a batch must offer for every replica's training and evaluation, [R]."""
    sets = {id(ids): ids for replica in replicas for ids in (replica.train, replica.valid, replica.test)}
    return batches.budget(list(sets.values()), resources, batch_size)


def name_hash(name: str) -> int:
    """A 31-bit number from a replica's name, the same on every machine (FNV-1a)."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value >> 1


def replica_keys(replica: Replica) -> tuple[jax.Array, jax.Array]:
    """The key of the initial weights (by seed alone) and of the replica's own stream (by seed and name)."""
    root = jax.random.key(replica.seed, impl="threefry2x32")
    init, stream = jax.random.fold_in(root, 0), jax.random.fold_in(root, 1)
    return init, jax.random.fold_in(stream, name_hash(replica.name))
