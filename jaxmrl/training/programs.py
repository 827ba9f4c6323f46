"""The compiled programs of the lanes engine: replicas stacked under `vmap`, one compilation each per model shape."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxmrl.data.label_scaling import LabelScaler
from jaxmrl.io.weight_names import leaf_name
from jaxmrl.training.compiled import program, small_program
from jaxmrl.training.hyperparameters import Hyperparameters
from jaxmrl.training.metrics import mean_over_tasks
from jaxmrl.training.replica import (
    DeviceTable,
    ReplicaState,
    TrainingSpec,
    init_replica,
    judged_labels,
    predict,
    train_step,
)

MAX_CHUNK, ACCELERATOR_CHUNK = 64, 512
"""Most steps of one call of `train`, on a CPU and elsewhere: where a step takes a few milliseconds, a wait for the host
after 64 of them would leave gaps."""


def most_steps() -> int:
    """Return the most steps of one call of `train` on the default device: the length of the ids of a chunk."""
    return MAX_CHUNK if jax.default_backend() == "cpu" else ACCELERATOR_CHUNK


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Lanes:
    """The replicas in training, stacked on a leading axis [L], and the best weights each has had so far."""

    state: ReplicaState
    best_params: Any
    best_stats: Any
    best_metric: jax.Array
    best_epoch: jax.Array


def weights_now(lanes: Lanes) -> tuple:
    """Return `predict`'s weights, from the current ones."""
    state = lanes.state
    return state.params, state.stats, state.scaler


def weights_best(lanes: Lanes) -> tuple:
    """Return `predict`'s weights, from the best ones by validation."""
    return lanes.best_params, lanes.best_stats, lanes.state.scaler


@small_program()
def weights_best_in(lanes: Lanes, lane: jax.Array | int) -> tuple:
    """Return `weights_best` of one lane."""
    return jax.tree.map(lambda stacked: stacked[lane], weights_best(lanes))


def _new_lane(training_spec: TrainingSpec, *identity_and_constants: Any) -> Lanes:
    state = init_replica(training_spec, *identity_and_constants)
    worst = jnp.float32(-jnp.inf if training_spec.metric.higher_is_better else jnp.inf)
    params, stats = jax.tree.map(jnp.copy, (state.params, state.stats))
    return Lanes(state, params, stats, best_metric=worst, best_epoch=jnp.int32(0))


@small_program(static_argnums=(0, 1))
def empty(
    training_spec: TrainingSpec,
    lanes: int,
    scaler: LabelScaler,
    hyperparameters: Hyperparameters | None = None,
    class_weight: jax.Array | None = None,
    weights: jax.Array | None = None,
) -> Lanes:
    """Return `lanes` idle lanes, whose weights are zero; any replica's scaler serves as theirs.

    hyperparameters, class_weight, weights: any replica's; None where replicas have none of their own.
    """
    key = jax.random.key(0, impl="threefry2x32")
    own = hyperparameters, class_weight, weights
    form = jax.eval_shape(partial(_new_lane, training_spec), key, key, scaler, 1, *own)
    blank = jax.tree.map(lambda leaf: jnp.zeros((lanes, *leaf.shape), leaf.dtype), form)
    scalers = jax.tree.map(lambda x: jnp.broadcast_to(x, (lanes, *x.shape)), scaler)
    # A step divides by the scaler's scale and by total_steps, in idle lanes too.
    return replace(blank, state=replace(blank.state, scaler=scalers, total_steps=jnp.ones(lanes, jnp.int32)))


@small_program(static_argnums=0, donate_argnums=1)
def fill(training_spec: TrainingSpec, lanes: Lanes, lane: jax.Array | int, *identity_and_constants: Any) -> Lanes:
    """Return `lanes` with a fresh replica in place `lane`; the rest as of `init_replica`."""
    new = _new_lane(training_spec, *identity_and_constants)
    return jax.tree.map(lambda stacked, one: stacked.at[lane].set(one), lanes, new)


@small_program(donate_argnums=0)
def put_weights(lanes: Lanes, lane: jax.Array | int, weights: dict[str, jax.Array]) -> Lanes:
    """Return `lanes` with these weights, by name, in place `lane`; its other weights stay."""

    def put(path: tuple, leaf: jax.Array) -> jax.Array:
        return leaf.at[lane].set(weights[name]) if (name := leaf_name(path)) in weights else leaf

    state, put = lanes.state, partial(jax.tree_util.tree_map_with_path, put)
    pruning = state.pruning and replace(state.pruning, reference=put(state.pruning.reference))
    there = {leaf_name(path) for path, _ in jax.tree_util.tree_leaves_with_path((state.params, state.stats))}
    assert weights.keys() <= {name.partition(".")[2] for name in there}, "every weight has its place"
    return replace(
        lanes,
        state=replace(state, params=put(state.params), stats=put(state.stats), pruning=pruning),
        best_params=put(lanes.best_params),
        best_stats=put(lanes.best_stats),
    )


@small_program()
def pruning_in(lanes: Lanes, lane: jax.Array | int) -> tuple[jax.Array, jax.Array]:
    """Return the scores and the weights of all molecules that one lane has for its dynamic pruning, [N] both."""
    pruning = lanes.state.pruning
    assert pruning is not None, "only such replicas choose by scores"
    return pruning.scores[lane], pruning.weights[lane]


@small_program(donate_argnums=0)
def put_choice(lanes: Lanes, lane: jax.Array | int, weights: jax.Array) -> Lanes:
    """Return `lanes` with the weights [N] of the molecules of an epoch in place `lane`."""
    pruning = lanes.state.pruning
    assert pruning is not None, "only such replicas choose by scores"
    pruning = replace(pruning, weights=pruning.weights.at[lane].set(weights))
    return replace(lanes, state=replace(lanes.state, pruning=pruning))


@program(static_argnums=0, donate_argnums=2)
def train(
    training_spec: TrainingSpec, table: DeviceTable, lanes: Lanes, ids: jax.Array, steps: jax.Array | int
) -> tuple[Lanes, jax.Array]:
    """Make `steps` optimizer steps in every lane, on ids [C, L, B] with C at least `steps`; also return each step's
    loss [C, L].

    The trip count is dynamic: chunks of every length share one compilation.
    """
    step = jax.vmap(partial(train_step, training_spec), in_axes=(None, 0, 0))

    def body(index: jax.Array, carry: tuple) -> tuple:
        state, losses = carry
        state, loss = step(table, state, ids[index])
        return state, jax.lax.dynamic_update_index_in_dim(losses, loss, index, axis=0)

    state, losses = jax.lax.fori_loop(0, steps, body, (lanes.state, jnp.zeros(ids.shape[:2])))
    return replace(lanes, state=state), losses


@program(static_argnums=0)
def evaluate(
    training_spec: TrainingSpec,
    table: DeviceTable,
    weights: tuple,
    plans: jax.Array,
    batches: Any,
    due: jax.Array,
    count: Any,
    with_bounds: jax.Array | bool = False,
) -> jax.Array:
    """Return the metric per task of the first `count` lanes in `due` [L], each on its own ids: [L, T] in that order.

    plans [L, most, B] are each lane's evaluation batches; the first `batches` of them have molecules. The (lane,
    batch) pairs that are due are worked off L at a time, so the cost follows these, not the lanes and batches that
    there is room for. with_bounds: whether errors are also of censored labels, see `judged_labels`.
    """
    lanes, most, size = plans.shape
    tasks = table.labels.shape[1]
    predict_pairs = jax.vmap(partial(predict, training_spec), in_axes=(None, 0, 0))

    def pairs(block: jax.Array) -> tuple[jax.Array, jax.Array]:
        pair = jnp.minimum(block * lanes + jnp.arange(lanes), lanes * batches - 1)
        return due[pair // batches], pair % batches

    def predict_block(block: jax.Array, outputs: jax.Array) -> jax.Array:
        lane, batch = pairs(block)
        scores = predict_pairs(table, jax.tree.map(lambda w: w[lane], weights), plans[lane, batch])
        return jax.lax.dynamic_update_slice(outputs, scores, (block * lanes, 0, 0))

    def judge(place: jax.Array, metrics: jax.Array) -> jax.Array:
        ids = plans[due[place]].reshape(-1)
        scores = jax.lax.dynamic_slice_in_dim(outputs, place * batches, most).reshape(-1, tasks)
        scores = jnp.where((ids >= 0)[:, None], scores, 0.0)  # beyond its own batches are those of the next lane
        judged = judged_labels(training_spec, table, ids, scores, with_bounds)
        return metrics.at[place].set(training_spec.metric.evaluate(*judged))

    blocks = (count * batches + lanes - 1) // lanes
    outputs = jnp.zeros((lanes * most, size, tasks))
    outputs = jax.lax.fori_loop(0, blocks, predict_block, outputs)
    return jax.lax.fori_loop(0, count, judge, jnp.full((lanes, tasks), jnp.nan))


@small_program(static_argnums=0, donate_argnums=1)
def keep_best(
    training_spec: TrainingSpec,
    lanes: Lanes,
    metrics: jax.Array,
    due: jax.Array,
    count: Any,
    epochs: jax.Array,
    divisors: jax.Array,
) -> tuple[Lanes, jax.Array]:
    """Return `lanes` with the current weights kept as the best if a lane that is due has improved, and each lane's
    metric [L], a mean over tasks, NaN if it is not due.

    metrics [L, T], due [L] and `count` as of `evaluate`; epochs [L] of each lane; divisors [L, T] of each lane's
    metrics before the mean over tasks, NaN for a task that is left out of it. The first of equals stays.
    """
    places = jnp.arange(len(due))
    mean = jax.vmap(mean_over_tasks)(metrics / divisors[due])
    mean = jnp.full(len(due), jnp.nan).at[due].set(jnp.where(places < count, mean, jnp.nan))
    better = mean > lanes.best_metric if training_spec.metric.higher_is_better else mean < lanes.best_metric

    def choose(new: jax.Array, old: jax.Array) -> jax.Array:
        return jnp.where(better.reshape(-1, *[1] * (old.ndim - 1)), new, old)

    best = Lanes(
        state=lanes.state,
        best_params=jax.tree.map(choose, lanes.state.params, lanes.best_params),
        best_stats=jax.tree.map(choose, lanes.state.stats, lanes.best_stats),
        best_metric=choose(mean, lanes.best_metric),
        best_epoch=choose(epochs, lanes.best_epoch),
    )
    return best, mean
