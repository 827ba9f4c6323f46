"""Pre-training by GraphMAE: the compiled programs, and the host's side, which goes through a corpus shard by shard."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmrl.data.corpus import Corpus
from jaxmrl.modalities.base import DeviceDataset, FlatFeatures
from jaxmrl.modalities.flat_arrays import pad
from jaxmrl.modalities.flat_rows import NO_MOLECULE
from jaxmrl.modalities.graphmae import choose_atoms, scaled_cosine_error
from jaxmrl.modalities.registry import get_modality, modalities_of
from jaxmrl.training import batches
from jaxmrl.training.autoencoder import AutoencoderSpec
from jaxmrl.training.compiled import program, small_program
from jaxmrl.training.lanes import CHUNK_SECONDS
from jaxmrl.training.programs import most_steps

OPTIMIZER = optax.scale_by_adam()


@dataclass(frozen=True)
class Pretext:
    """How an encoder is pre-trained; static in the programs."""

    spec: AutoencoderSpec
    mask_rate: float
    learning_rate: float


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PretrainState:
    """All that training changes. `key` is the run's stream; the step folded into it draws masks and dropout.

    loss: sum over the steps of the epoch so far.
    """

    params: Any
    stats: Any
    opt_state: Any
    step: jax.Array
    key: jax.Array
    loss: jax.Array


@dataclass(frozen=True)
class Epoch:
    """What an epoch of pre-training gave.

    loss       mean over its steps of the scaled cosine error
    held_out   the error on the held-out molecules, and `accuracy`: the share of masked atoms predicted correctly
    majority   the accuracy of always predicting `common`, the most frequent atomic number among them
    """

    epoch: int
    steps: int
    loss: float
    held_out: float
    accuracy: float
    majority: float
    common: int


@small_program(static_argnums=0)
def start(pretext: Pretext, seed: jax.Array) -> PretrainState:
    """Return the state before the first step."""
    init, stream = jax.random.split(jax.random.key(seed, impl="threefry2x32"))
    params, stats = pretext.spec.init(init)
    return PretrainState(params, stats, OPTIMIZER.init(params), jnp.int32(0), stream, jnp.float32(0))


def masked_error(
    pretext: Pretext, store: DeviceDataset, params: Any, stats: Any, ids: jax.Array, key: jax.Array, training: bool
) -> tuple:
    """Return the mean error over the masked atoms of the molecules `ids` [B], and its parts.

    Returns (error, (stats, hits, kinds)): how many masked atoms were predicted correctly, and
    how many there are of each kind.
    """
    masks, dropout = jax.random.split(key)
    batch = store.gather(ids)
    atoms = pretext.spec.atoms(batch)
    masked = choose_atoms(atoms, pretext.mask_rate, masks)
    outputs, stats = pretext.spec.outputs(params, stats, batch, masked, dropout if training else None)
    errors = jnp.where(masked, scaled_cosine_error(outputs, atoms.kind), 0.0)
    many = masked.sum()
    hits = (masked & (outputs.argmax(axis=1) == atoms.kind)).sum()
    of_kind = (masked[:, None] & (atoms.kind[:, None] == jnp.arange(outputs.shape[1])[None, :])).sum(axis=0)
    return errors.sum() / jnp.maximum(many, 1).astype(errors.dtype), (stats, hits, of_kind)


def pretrain_step(pretext: Pretext, store: DeviceDataset, state: PretrainState, ids: jax.Array) -> PretrainState:
    """Make one optimizer step on the molecules `ids` [B]."""
    key = jax.random.fold_in(state.key, state.step)
    loss = lambda params: masked_error(pretext, store, params, state.stats, ids, key, training=True)
    (value, (stats, *_)), gradients = jax.value_and_grad(loss, has_aux=True)(state.params)
    updates, opt_state = OPTIMIZER.update(gradients, state.opt_state, state.params)
    params = optax.apply_updates(state.params, jax.tree.map(lambda update: -pretext.learning_rate * update, updates))
    return PretrainState(params, stats, opt_state, state.step + 1, state.key, state.loss + value)


@program(static_argnums=0, donate_argnums=2)
def train(
    pretext: Pretext, store: DeviceDataset, state: PretrainState, ids: jax.Array, steps: jax.Array | int
) -> PretrainState:
    """Make `steps` steps on ids [C, B] with C at least `steps`."""
    return jax.lax.fori_loop(0, steps, lambda k, state: pretrain_step(pretext, store, state, ids[k]), state)


@program(static_argnums=0)
def judge(pretext: Pretext, store: DeviceDataset, state: PretrainState, plan: jax.Array) -> tuple[jax.Array, ...]:
    """Return mean error, correctly predicted atoms and atoms of each kind, of the batches plan [n, B]; the masks are
    the same each time.
    """

    def one(k: jax.Array) -> tuple:
        key = jax.random.fold_in(jax.random.key(0, impl="threefry2x32"), k)
        return masked_error(pretext, store, state.params, state.stats, plan[k], key, training=False)

    errors, (_, hits, kinds) = jax.lax.map(one, jnp.arange(len(plan)))
    many = kinds.sum(axis=1).astype(errors.dtype)
    return jnp.sum(errors * many) / many.sum(), hits.sum(), kinds.sum(axis=0)


class Pretraining:
    """A pre-training under way. `arrays` is its state on the device; `step` and `history` the host's part of it.

    rows: of a batch, for an estimate of memory
    """

    def __init__(self, pretext: Pretext, corpus: Corpus, batch_size: int, epochs: int, seed: int):
        self.pretext, self.corpus, self.batch_size, self.seed = pretext, corpus, batch_size, seed
        self.modality = get_modality(modalities_of(pretext.spec.model)[0])
        self.shard_steps = [batches.batches_per_epoch(len(train), batch_size) for train in corpus.train]
        self.epoch_steps = sum(self.shard_steps)
        self.steps = epochs * self.epoch_steps
        pairs = zip(corpus.train, corpus.resources, strict=True)
        limits = [batches.budget([train], resources, batch_size) for train, resources in pairs if len(train)]
        self.limits = np.max(limits, axis=0)
        self.arrays = start(pretext, np.uint32(seed))
        self.step = 0
        self.history: list[Epoch] = []
        self._loaded: tuple[int, DeviceDataset] | None = None
        self._planned: tuple[tuple[int, int], np.ndarray] | None = None
        judges = corpus.held_out()
        self.held_out = self._judges(judges)
        self.rows = judges.rows(self.limits, batch_size)
        self._affordable_steps = 1

    def host_state(self) -> dict[str, Any]:
        """Return the part of a checkpoint that is not in `arrays`."""
        return {"step": self.step, "history": [vars(epoch) for epoch in self.history]}

    def put_state(self, arrays: PretrainState, host: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.arrays, self.step = arrays, host["step"]
        self.history = [Epoch(**epoch) for epoch in host["history"]]

    def run(self, on_epoch: Callable[[Epoch], None], on_progress: Callable[[int], None], at_rest: Callable) -> None:
        """Train to the end, with an evaluation after each epoch.

        at_rest(self) is called after each chunk and each judgement, when the state may be saved; it may raise.
        """
        while (judged := len(self.history)) * self.epoch_steps < self.steps:
            if judged < self.step // self.epoch_steps:
                self._judge(judged + 1)
                on_epoch(self.history[-1])
            else:
                on_progress(self.train_chunk())
            at_rest(self)

    def train_chunk(self) -> int:
        """Make a few steps within one shard. Return how many."""
        epoch, place = divmod(self.step, self.epoch_steps)
        shard, first = self._shard_at(epoch, place)
        plan, store, at = self._plan(epoch, shard), self.shard_store(shard), place - first
        steps = min(self._affordable_steps, most_steps(), len(plan) - at)
        ids = np.full((most_steps(), self.batch_size), NO_MOLECULE, np.int32)
        ids[:steps] = plan[at : at + steps]
        started = time.perf_counter()
        self.arrays = jax.block_until_ready(train(self.pretext, store, self.arrays, ids, steps))
        self._affordable_steps = max(1, int(steps * CHUNK_SECONDS / (time.perf_counter() - started)))
        self.step += steps
        return steps

    def _shard_at(self, epoch: int, place: int) -> tuple[int, int]:
        """Return the shard of a step of an epoch, and that shard's first step; shards come in another order each
        epoch.
        """
        first = 0
        for shard in np.random.default_rng([self.seed, epoch]).permutation(len(self.shard_steps)).tolist():
            if place < first + self.shard_steps[shard]:
                return shard, first
            first += self.shard_steps[shard]
        raise IndexError(place)

    def _plan(self, epoch: int, shard: int) -> np.ndarray:
        """Return the batches of a shard in an epoch: a pure function of both and the seed."""
        if self._planned is None or self._planned[0] != (epoch, shard):
            rng = np.random.default_rng([self.seed, epoch, shard])
            known = self.corpus.train[shard], self.corpus.resources[shard], self.limits
            self._planned = (epoch, shard), batches.plan(*known, self.batch_size, rng)
        return self._planned[1]

    def shard_store(self, shard: int) -> DeviceDataset:
        """Return the shard on the device, where it is alone; all have the shape of the largest, and share one
        program.
        """
        if self._loaded is None or self._loaded[0] != shard:
            self._loaded = None
            self._loaded = shard, self._to_device(pad(self.corpus.load(shard), self.corpus.shapes), self.limits)
        return self._loaded[1]

    def _to_device(self, features: FlatFeatures, limits: np.ndarray) -> DeviceDataset:
        assert self.modality.to_device is not None, "a modality with a corpus has networks"
        return self.modality.to_device(features).with_budget(limits)

    def _judges(self, features: FlatFeatures) -> tuple[DeviceDataset, np.ndarray]:
        """Return the held-out molecules on the device, and their batches."""
        ids, resources = np.arange(len(features), dtype=np.int32), features.resources()
        limits = batches.budget([ids], resources, self.batch_size)
        return self._to_device(features, limits), batches.plan(ids, resources, limits, self.batch_size, None)

    def _judge(self, epoch: int) -> None:
        store, plan = self.held_out
        error, hits, kinds = map(np.asarray, judge(self.pretext, store, self.arrays, plan))
        loss = float(self.arrays.loss) / self.epoch_steps
        self.arrays = replace(self.arrays, loss=jnp.float32(0))
        shares = kinds / kinds.sum()
        accuracy = float(hits / kinds.sum())
        common = self.pretext.spec.network.elements[kinds.argmax()]
        self.history.append(Epoch(epoch, self.step, loss, float(error), accuracy, float(shares.max()), common))
