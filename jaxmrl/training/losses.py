"""Losses per molecule and label, and their mean over the labels that are present."""

import jax
import jax.numpy as jnp
import optax


def binary_cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the binary cross entropy, elementwise, from logits; labels 0 or 1."""
    return optax.sigmoid_binary_cross_entropy(logits, labels)


def squared_error(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """Return (outputs - labels)^2, elementwise."""
    return (outputs - labels) ** 2


def weigh_positives(losses: jax.Array, labels: jax.Array, weight: float | jax.Array) -> jax.Array:
    """Return `losses` [B, T] with those of positive labels multiplied by `weight`; labels [B, T] are 0 or 1."""
    if isinstance(weight, float) and weight == 1.0:
        return losses
    return losses * (1.0 + (weight - 1.0) * labels)


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
