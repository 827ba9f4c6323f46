"""One replica: its state, one training step, one prediction. Pure; `lanes` vmaps them."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmrl.config.names import MOLPEG
from jaxmrl.data.label_scaling import LabelScaler
from jaxmrl.data.task_data import TaskData
from jaxmrl.io.weight_names import only_head
from jaxmrl.modalities.base import DeviceDataset
from jaxmrl.modalities.registry import get_modality
from jaxmrl.training.hyperparameters import Hyperparameters, Scalar
from jaxmrl.training.losses import LOSSES, mean_over_present, molecule_means, one_sided, weigh_positives
from jaxmrl.training.metrics import METRICS, Metric
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.schedules import Optimization, decay_weights, optimization_of


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DeviceBounds:
    """Bounds of censored labels on the device: values [N, T] float32 in `LabelUnits`, and their sides [N, T] int8.

    A side is 1 where the true value lies above the bound, -1 where it lies below, and 0 where there is no bound.
    """

    values: jax.Array
    sides: jax.Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DeviceTable:
    """The table on the device: features in `store`, labels [N, T] float32 in `LabelUnits` with NaN for missing.

    composition [N, E] float32: atoms of each element, where a target is extensive. bounds: censored labels, which
    `labels` lack; None where there are none. weights [N] float32: of the molecules in the loss; None for 1.
    """

    store: DeviceDataset
    labels: jax.Array
    composition: jax.Array | None = None
    bounds: DeviceBounds | None = None
    weights: jax.Array | None = None

    def with_budget(self, rows: np.ndarray) -> "DeviceTable":
        """Return the table whose batches are shaped by a budget of the features' resources."""
        return replace(self, store=self.store.with_budget(rows))

    def composition_of(self, ids: jax.Array) -> jax.Array | None:
        """Return the composition [B, E] of the molecules `ids` [B]."""
        return None if self.composition is None else self.composition[jnp.maximum(ids, 0)]


def device_table(problem: TaskData, modality: str) -> DeviceTable:
    """Return the problem's table on the default device, with one modality's features."""
    counts = problem.composition_for(modality)
    composition = None if counts is None else jnp.asarray(counts, jnp.float32)
    to_device = get_modality(modality).to_device
    assert to_device is not None, "no lane trains a classical model"
    store, bounds = to_device(problem.features[modality]), problem.device_bounds(modality)
    known = None if bounds is None else DeviceBounds(jnp.asarray(bounds.values), jnp.asarray(bounds.sides))
    weights = None if problem.table.loss_weights is None else jnp.asarray(problem.table.loss_weights, jnp.float32)
    return DeviceTable(store, jnp.asarray(problem.device_labels(modality)), composition, known, weights)


REFERENCE_RATE = 0.5
"""How far the reference model of MolPeg moves to the model in training after each step."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PruningState:
    """What a dynamic pruning knows of the molecules of the table while a replica trains.

    scores [N] float32: recorded when a molecule was last trained on; inf before that. weights [N] float32: in the loss
    of this epoch. reference: parameters of the slower model of MolPeg; None for other methods.
    """

    scores: jax.Array
    weights: jax.Array
    reference: Any = None

    def after(self, ids: jax.Array, scores: jax.Array, params: Any) -> "PruningState":
        """Return the state after a step that recorded `scores` [B] of `ids` [B] and led to `params`."""
        beyond = jnp.where(ids >= 0, ids, len(self.scores))
        follow = lambda slow, fast: slow + REFERENCE_RATE * (fast - slow)
        reference = None if self.reference is None else jax.tree.map(follow, self.reference, params)
        return replace(self, scores=self.scores.at[beyond].set(scores, mode="drop"), reference=reference)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ReplicaState:
    """All that training changes, and the constants of one replica.

    `key` is the replica's own stream; the step folded into it draws the dropout masks. `scaler` is fitted to the
    replica's own training subset; `total_steps` is its length, which schedules the learning rate; `hyperparameters`
    are its own, or None where it has those of the specification; `class_weight` [T] is that of its positive labels, or
    None for 1; `hook_state` is the state of the specification's hook, and `pruning` that of its dynamic pruning.
    """

    params: Any
    stats: Any
    opt_state: Any
    step: jax.Array
    key: jax.Array
    scaler: LabelScaler
    total_steps: jax.Array
    hyperparameters: Hyperparameters | None = None
    class_weight: jax.Array | None = None
    hook_state: Any = None
    pruning: PruningState | None = None


class TrainingHook(Protocol):
    """A record of every molecule while a replica trains. Hashable: it is static in the programs."""

    def start(self) -> Any:
        """Return the state before the first step."""

    def update(self, hook_state: Any, ids: jax.Array, outputs: jax.Array, labels: jax.Array, present: jax.Array) -> Any:
        """Return the state after a step on `ids` [B] whose training outputs were `outputs` [B, T]."""


@dataclass(frozen=True)
class TrainingSpec:
    """How a model is trained and judged; static in every compiled program."""

    model: ModelSpec
    task: str
    metric_name: str
    learning_rate: float
    hook: TrainingHook | None = None
    freeze: bool = False
    """Whether the head alone is trained, on the embeddings of evaluation."""
    weight_decay: float | None = None
    """Decoupled, per unit of learning rate; None for the modality's own."""
    clip_norm: float | None = None
    """The largest norm of a replica's gradient over all parameters; None for no limit."""
    pruning: str | None = None
    """The dynamic pruning for which a score of every molecule is recorded; None for none."""

    @property
    def metric(self) -> Metric:
        return METRICS[self.metric_name]

    @property
    def hyperparameters(self) -> Hyperparameters:
        """Return the hyperparameters of replicas that do not have their own."""
        own = get_modality(self.model.modality).weight_decay
        decay = own if self.weight_decay is None else self.weight_decay
        return Hyperparameters(self.learning_rate, weight_decay=decay, dropout=self.model.dropout)

    def with_hyperparameters(self, own: Hyperparameters | None) -> "TrainingSpec":
        """Return the specification of a replica with hyperparameters of its own, as a saved model has it."""
        if own is None:
            return self
        model = replace(self.model, dropout=float(own.dropout))
        return replace(self, model=model, learning_rate=float(own.learning_rate), weight_decay=float(own.weight_decay))

    @property
    def optimization(self) -> Optimization:
        return optimization_of(get_modality(self.model.modality), self.clip_norm)

    def outputs(self, params: Any, stats: Any, batch: Any, key: jax.Array, dropout: Scalar) -> tuple[jax.Array, Any]:
        """Return the model's outputs [B, T] in training, and its batch-norm statistics after it."""
        if self.freeze:
            return self.model.predict(only_head(params), stats, batch), stats
        return self.model.train(params, stats, batch, key, dropout)


def init_replica(
    training_spec: TrainingSpec,
    init_key: jax.Array,
    stream_key: jax.Array,
    scaler: LabelScaler,
    total_steps: jax.Array | int,
    hyperparameters: Hyperparameters | None = None,
    class_weight: jax.Array | None = None,
    weights: jax.Array | None = None,
) -> ReplicaState:
    """Return the state before the first step.

    hyperparameters, class_weight [T]: the replica's own; None where it has none. weights [N] of the molecules, for a
    dynamic pruning that records scores; else None.
    """
    params, stats = training_spec.model.init(init_key)
    pruning = None
    if weights is not None:
        reference = jax.tree.map(jnp.copy, params) if training_spec.pruning == MOLPEG else None
        pruning = PruningState(jnp.full_like(weights, jnp.inf), jnp.float32(weights), reference)
    return ReplicaState(
        params=params,
        stats=stats,
        opt_state=training_spec.optimization.optimizer.init(params),
        step=jnp.int32(0),
        key=stream_key,
        scaler=scaler,
        total_steps=jnp.int32(total_steps),
        hyperparameters=hyperparameters and hyperparameters.on_device(),
        class_weight=None if class_weight is None else jnp.float32(class_weight),
        hook_state=training_spec.hook.start() if training_spec.hook else None,
        pruning=pruning,
    )


def batch_labels(table: DeviceTable, ids: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return exact labels of `ids` [B] with 0 for missing, and which are present; [B, T] both.

    Every mask is made here and in `batch_bounds`.
    """
    labels = table.labels[jnp.maximum(ids, 0)]
    present = ~jnp.isnan(labels) & (ids >= 0)[:, None]
    return jnp.where(present, labels, 0.0), present


def batch_bounds(table: DeviceTable, ids: jax.Array) -> tuple[jax.Array, jax.Array] | None:
    """Return bounds of the censored labels of `ids` [B], and their sides; [B, T] both, 0 where there is no bound.

    None where the table has none, so that a table of exact labels has the program that it had without bounds.
    """
    if table.bounds is None:
        return None
    rows = jnp.maximum(ids, 0)
    sides = jnp.where((ids >= 0)[:, None], table.bounds.sides[rows], 0)
    return jnp.where(sides != 0, table.bounds.values[rows], 0.0), sides


def judged_labels(
    training_spec: TrainingSpec, table: DeviceTable, ids: jax.Array, scores: jax.Array, with_bounds: jax.Array | bool
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return the scores of `ids` [B], their labels, and which of them the metric uses, each [B, T].

    with_bounds: whether a metric that is an error is also of censored labels, with no error on the right side of a
    bound. Without them, the best epoch would be the one that suits labels within the limits.
    """
    labels, present = batch_labels(table, ids)
    bounds = batch_bounds(table, ids)
    if bounds is None or not training_spec.metric.in_label_unit:
        return scores, labels, present
    limits, sides = bounds
    bounded = (sides != 0) & with_bounds
    beyond = jnp.where(sides > 0, jnp.minimum(scores, limits), jnp.maximum(scores, limits))
    return jnp.where(bounded, beyond, scores), jnp.where(bounded, limits, labels), present | bounded


def train_step(
    training_spec: TrainingSpec, table: DeviceTable, state: ReplicaState, ids: jax.Array
) -> tuple[ReplicaState, jax.Array]:
    """Make one optimizer step on the molecules `ids` [B]; return the new state and the batch's loss."""
    key, own = jax.random.fold_in(state.key, state.step), state.hyperparameters or training_spec.hyperparameters
    with jax.named_scope("gather"):
        batch = table.store.gather(ids, key)
    labels, present = batch_labels(table, ids)
    composition, bounds = table.composition_of(ids), batch_bounds(table, ids)
    targets = state.scaler.transform(labels, composition)

    def label_losses(outputs: jax.Array) -> tuple[jax.Array, jax.Array]:
        losses, used = LOSSES[training_spec.task](outputs, targets), present
        if training_spec.task == "classification":
            losses = weigh_positives(losses, targets, own.positive_weight, state.class_weight)
        if bounds is not None:
            limits, sides = state.scaler.transform(bounds[0], composition), bounds[1]
            losses, used = jnp.where(sides != 0, one_sided(outputs, limits, sides), losses), present | (sides != 0)
        return losses, used

    def loss(params: Any) -> tuple:
        outputs, stats = training_spec.outputs(params, state.stats, batch, key, own.dropout)
        losses, used = label_losses(outputs)
        for weights in (table.weights, state.pruning.weights if state.pruning else None):
            losses = losses if weights is None else losses * weights[jnp.maximum(ids, 0)][:, None]
        return mean_over_present(losses, used), (stats, outputs)

    (value, (stats, outputs)), gradients = jax.value_and_grad(loss, has_aux=True)(state.params)
    with jax.named_scope("optimizer"):
        updates, opt_state = training_spec.optimization.update(gradients, state.opt_state, state.params)
        progress = (state.step + 1).astype(jnp.float32) / state.total_steps.astype(jnp.float32)
        updates = decay_weights(updates, state.params, own.weight_decay)
        rate = own.learning_rate * training_spec.optimization.factor(progress)
        params = optax.apply_updates(state.params, jax.tree.map(lambda update: -rate * update, updates))
    hook, pruning = training_spec.hook, state.pruning
    hook_state = hook.update(state.hook_state, ids, outputs, labels, present) if hook else None
    if pruning is not None:
        scores = molecule_means(*label_losses(outputs))
        if pruning.reference is not None:
            slow, _ = training_spec.outputs(pruning.reference, state.stats, batch, key, own.dropout)
            scores = jnp.abs(scores - molecule_means(*label_losses(slow)))
        pruning = pruning.after(ids, scores, params)
    new = {"params": params, "stats": stats, "opt_state": opt_state, "hook_state": hook_state, "pruning": pruning}
    return replace(state, **new, step=state.step + 1), value


def predict(training_spec: TrainingSpec, table: DeviceTable, weights: tuple, ids: jax.Array) -> jax.Array:
    """Return logits, or values of the device's labels, of `ids` [B]: [B, T]. weights = (params, stats, scaler)."""
    params, stats, scaler = weights
    outputs = training_spec.model.predict(params, stats, table.store.gather(ids))
    return scaler.inverse_transform(outputs, table.composition_of(ids))
