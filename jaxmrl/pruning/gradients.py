"""How much a molecule pulls at a model: EL2N, and the norm of its gradient (GraNd).

Source: Paul, Ganguli & Dziugaite, Deep Learning on a Data Diet (NeurIPS 2021), equations 2 and 3. A molecule's loss
is the mean over its labels that are present, so no score grows with their number. Batch norm is frozen: with batch
statistics there would be no gradient of one molecule.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.training.compiled import program
from jaxmrl.training.losses import LOSSES, mean_over_present, molecule_means
from jaxmrl.training.replica import DeviceTable, TrainingSpec, batch_labels

SMALLEST_BUCKET = 16
MOST_IN_BLOCK = {"cpu": 64}
"""Molecules whose gradients are held at once, at most: on a CPU more only leave its caches."""

MOST_ON_ACCELERATOR = 1024
_BLOCK_SHARE = 1 / 32
_ACTIVATION_ROWS = 40


def el2n(task: str, outputs: jax.Array, targets: jax.Array, present: jax.Array) -> jax.Array:
    """Return the mean over the labels of the norm of the error, [B]; outputs, targets, present [B, T].

    In classification |probability - label|: the vector over both classes is the square root of 2 times that. In
    regression the absolute error in standard deviations of the label.
    """
    predicted = jax.nn.sigmoid(outputs) if task == "classification" else outputs
    return molecule_means(jnp.abs(predicted - targets), present)


def grand_last(
    task: str, embeddings: jax.Array, outputs: jax.Array, targets: jax.Array, present: jax.Array
) -> jax.Array:
    """Return the norm of the gradient of each molecule's loss by the weights and bias of the linear head, [B].

    It is an outer product, so its norm is that of the gradient by the outputs times that of (embedding, 1).
    embeddings [B, d].
    """

    def loss(outputs: jax.Array) -> jax.Array:
        losses = molecule_means(LOSSES[task](outputs, targets), present)
        return jnp.where(jnp.isnan(losses), 0.0, losses).sum()

    by_output = jnp.linalg.norm(jax.grad(loss)(outputs), axis=1)
    norms = by_output * jnp.sqrt(jnp.sum(embeddings**2, axis=1) + 1)
    return jnp.where(present.any(axis=1), norms, jnp.nan)


def _gradient_norm(training_spec: TrainingSpec, table: DeviceTable, weights: tuple, molecule: jax.Array) -> jax.Array:
    params, stats, scaler = weights
    ids = molecule[None]
    labels, present = batch_labels(table, ids)
    targets = scaler.transform(labels, table.composition_of(ids))
    batch = table.store.gather(ids)

    def loss(params: Any, probe: jax.Array) -> jax.Array:
        outputs = training_spec.model.predict_probed(params, stats, batch, probe)
        return mean_over_present(LOSSES[training_spec.task](outputs, targets), present)

    gradient, in_linear_layers = jax.grad(loss, argnums=(0, 1))(params, jnp.float32(0))
    squares = in_linear_layers + squares_elsewhere(gradient)
    return jnp.where(present.any(), jnp.sqrt(squares), jnp.nan)


def squares_elsewhere(gradient: Any) -> jax.Array:
    """Return the sum of squares of a gradient outside the linear layers; the rest of it is never computed."""
    if not hasattr(gradient, "items"):
        return sum((jnp.vdot(leaf, leaf) for leaf in jax.tree.leaves(gradient)), start=jnp.float32(0))
    if "kernel" in gradient:
        return jnp.float32(0)
    return sum((squares_elsewhere(part) for _, part in gradient.items()), start=jnp.float32(0))


@program(static_argnums=0)
def gradient_norms(training_spec: TrainingSpec, table: DeviceTable, weights: tuple, ids: jax.Array) -> jax.Array:
    """Return the norm over all parameters of the gradient of each molecule's own loss, [B]. weights as of `predict`;
    ids [B].

    The table's budget is that of one molecule.
    """
    return jax.vmap(partial(_gradient_norm, training_spec, table, weights))(ids)


def size_buckets(sizes: np.ndarray, smallest: int = SMALLEST_BUCKET, fewest: int = 64) -> list[np.ndarray]:
    """Return the places in `sizes` [n], grouped by size; each group is padded to its largest.

    The bounds grow by a third to a half, so little is padding and the programs are few; a group with fewer than
    `fewest` molecules joins the next.
    """
    groups, waiting, bound = [], np.zeros(0, np.int64), -1
    bounds = [smallest]
    while bounds[-1] < sizes.max(initial=0):
        bounds.append(bounds[-1] * 3 // 2 if bounds[-1] & (bounds[-1] - 1) == 0 else bounds[-1] * 4 // 3)
    for upper in bounds:
        waiting = np.concatenate([waiting, np.flatnonzero((sizes > bound) & (sizes <= upper))])
        bound = upper
        if len(waiting) >= fewest:
            groups.append(waiting)
            waiting = waiting[:0]
    return [*groups, waiting] if len(waiting) else groups


def block_size(training_spec: TrainingSpec, rows: int, device_kind: str, memory: int) -> int:
    """Return how many molecules of `rows` rows have gradients that fit a small share of `memory` bytes together."""
    spec = training_spec.model
    one = 4 * (2 * spec.parameters + rows * spec.width * spec.depth * _ACTIVATION_ROWS)
    return int(max(1, min(MOST_IN_BLOCK.get(device_kind, MOST_ON_ACCELERATOR), memory * _BLOCK_SHARE // one)))
