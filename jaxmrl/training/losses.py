"""Losses per molecule and label, and their mean over the labels that are present."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax

RESIDUAL_SD = 0.5
"""The standard deviation of labels around outputs that `one_sided` assumes, in standard deviations of the labels."""

FAR_TAIL = 20.0
"""Standard deviations beyond which the logarithm of the tail of the normal distribution is its asymptote: in float32
the derivative of `log_ndtr` loses its digits there."""

MOST_WEIGHT = 100.0
"""The largest balanced weight, and 1 / the smallest: of a rarer class, single molecules would decide the steps."""


def binary_cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the binary cross entropy, elementwise, from logits; labels 0 or 1."""
    return optax.sigmoid_binary_cross_entropy(logits, labels)


def squared_error(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """Return (outputs - labels)^2, elementwise."""
    return (outputs - labels) ** 2


def one_sided(outputs: jax.Array, limits: jax.Array, sides: jax.Array, sd: float = RESIDUAL_SD) -> jax.Array:
    """Return the loss of censored labels, elementwise, in the scale of `squared_error`.

    It is -2 sd^2 log P(the true value lies beyond the limit), if that is normal around the output with this standard
    deviation: the likelihood of Tobit (1958); that of an exact label, times 2 sd^2, is the squared error.

    Args:
        outputs: Of a model, in standard deviations of the labels.
        limits: The bounds, in the same unit.
        sides: 1 where the true value lies above its bound, -1 where it lies below; 0 gives a number without meaning.
        sd: The assumed standard deviation of labels around outputs.
    """
    beyond = sides.astype(outputs.dtype) * (outputs - limits) / sd
    near = -jax.scipy.special.log_ndtr(jnp.maximum(beyond, -FAR_TAIL))
    far = jnp.minimum(beyond, -FAR_TAIL)
    tail = 0.5 * far**2 + jnp.log(-far) + 0.5 * math.log(2 * math.pi)
    return 2.0 * sd**2 * jnp.where(beyond < -FAR_TAIL, tail, near)


def weigh_positives(losses: jax.Array, labels: jax.Array, *weights: float | jax.Array | None) -> jax.Array:
    """Return `losses` [B, T] with those of positive labels multiplied by each of `weights`; labels [B, T] are 0 or 1.

    A weight is a number, or [T] for each task; None is 1.
    """
    for weight in weights:
        if weight is not None and not (isinstance(weight, float) and weight == 1.0):
            losses = losses * (1.0 + (weight - 1.0) * labels)
    return losses


def balanced_weights(labels: np.ndarray) -> np.ndarray:
    """Return the weights of positive labels with which both classes of a task weigh the same, [T] float32.

    It is the number of negative labels by that of positive ones (King & Zeng 2001), between 1 / MOST_WEIGHT and
    MOST_WEIGHT; 1 for a task without labels of one class.

    Args:
        labels: [n, T] of training molecules: 0, 1, and NaN for missing.
    """
    negative, positive = (labels == 0).sum(axis=0), (labels == 1).sum(axis=0)
    weights = np.clip(negative / np.maximum(positive, 1), 1 / MOST_WEIGHT, MOST_WEIGHT)
    return np.where((negative > 0) & (positive > 0), weights, 1.0).astype(np.float32)


LOSSES = {"classification": binary_cross_entropy, "regression": squared_error}


def molecule_means(values: jax.Array, present: jax.Array) -> jax.Array:
    """Return the mean of `values` [B, T] over each molecule's labels that are present [B, T]: [B]; NaN if none is."""
    count = present.sum(axis=1)
    total = jnp.where(present, values.astype(jnp.float32), 0.0).sum(axis=1)
    return jnp.where(count > 0, total / jnp.maximum(count, 1).astype(jnp.float32), jnp.nan)


def mean_over_present(losses: jax.Array, present: jax.Array) -> jax.Array:
    """Return the mean of `losses` [B, T] where `present` [B, T], in float32; 0 if nothing is."""
    total = jnp.where(present, losses.astype(jnp.float32), 0.0).sum()
    return total / jnp.maximum(present.sum(), 1).astype(jnp.float32)
