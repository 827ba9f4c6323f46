"""What models of molecular graphs share: readout over the atoms, a hidden layer and a linear head."""

from collections.abc import Callable
from typing import Protocol

import jax
import jax.numpy as jnp
from flax import nnx

from jaxmrl.modalities.layers import dropout, has_dropout, linear, sum_groups, training_key
from jaxmrl.modalities.molgraph.dataset import MolGraphBatch

SUM_SCALE = 20
"""What the sum over atoms is divided by, so that the hidden layer begins in a good range. chemprop 2 divides by 100;
drug-like molecules have about 20 heavy atoms."""

STEEPEST = 30.0
"""Bound of the logits of attention: the sum of their exponentials is then finite without their maximum, for which an
accelerator would need a scatter."""


class Encoder(Protocol):
    """From a batch to an embedding of each atom, [n, width]."""

    def __call__(self, batch: MolGraphBatch, *, training: bool, key: jax.Array | None) -> jax.Array: ...


class MolGraphNetwork(nnx.Module):
    """Encoder -> readout over each molecule's atoms, and its `properties` if any -> linear -> ReLU -> linear head.

    The encoder is made of `width`, `depth`, `dropout`, `precision` and `rngs`.
    """

    def __init__(
        self,
        encoder: Callable[..., Encoder],
        *,
        width: int,
        depth: int,
        dropout: float,
        tasks: int,
        precision: str,
        rngs: nnx.Rngs,
        readout: str,
        properties: int,
    ):
        self.encoder: Encoder = encoder(width=width, depth=depth, dropout=dropout, precision=precision, rngs=rngs)
        self.hidden = linear(width + properties, width, precision=precision, rngs=rngs)
        self.head = linear(width, tasks, precision=precision, rngs=rngs)
        self.attention = linear(width, 1, precision=precision, rngs=rngs) if readout == "attention" else None
        self.readout = readout
        self.dropout = dropout
        self.depth = depth

    def embed(self, batch: MolGraphBatch, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return what the head sees of each molecule, [B, width]. `key` draws the dropout masks, in training only."""
        h = self.encoder(batch, training=training, key=key)
        with jax.named_scope("pool"):
            pooled = self._pool(h, batch)
        h = jax.nn.relu(self.hidden(jnp.concatenate([pooled, batch.properties], axis=1)))
        return drop(h, self.dropout, key, self.depth) if training else h

    def _pool(self, h: jax.Array, batch: MolGraphBatch) -> jax.Array:
        """Return the rows of each molecule's atoms in one, [B, width]; 0 for a molecule without atoms."""
        weight = batch.real[:, None].astype(h.dtype)
        if self.attention is not None:
            logits = self.attention(h)
            weight = weight * jnp.exp(STEEPEST * jnp.tanh(logits / STEEPEST))
        total = sum_groups(weight * h, batch.molecule, len(batch.size))
        if self.readout == "sum":
            return total / SUM_SCALE
        by = sum_groups(weight, batch.molecule, len(batch.size))
        return total / jnp.where(batch.size[:, None] > 0, by, 1.0)

    def __call__(self, batch: MolGraphBatch, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return logits (classification) or standardized values (regression), [B, tasks]."""
        return self.head(self.embed(batch, training=training, key=key))


def drop(h: jax.Array, rate: float | jax.Array, key: jax.Array | None, place: int) -> jax.Array:
    """Return h [n, d] after dropout in training, its mask drawn by `key` and the place in the model."""
    return dropout(h, rate, jax.random.fold_in(training_key(key), place)) if has_dropout(rate) else h
