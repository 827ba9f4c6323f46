"""Vectors on the device, and the perceptron that learns from them."""

from dataclasses import dataclass
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxmrl.modalities.embeddings.features import Embeddings
from jaxmrl.modalities.layers import dropout, has_dropout, linear, training_key


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class EmbeddingDataset:
    """The standardized vectors of a whole table, [N, D] float32."""

    vectors: jax.Array

    @classmethod
    def to_device(cls, embeddings: Embeddings) -> "EmbeddingDataset":
        return cls(jnp.asarray(embeddings.standardized()))

    def with_budget(self, rows: np.ndarray) -> "EmbeddingDataset":
        return self

    def gather(self, ids: jax.Array, key: jax.Array | None = None) -> jax.Array:
        """Return the vectors of `ids` [B], [B, D]; zeros for no molecule. `key` is not used."""
        return jnp.where(ids[:, None] >= 0, self.vectors[jnp.maximum(ids, 0)], 0.0)


class Perceptron(nnx.Module):
    """Linear layers with ReLU, dropout after each, and a linear head."""

    def __init__(
        self, *, width: int, depth: int, dropout: float, tasks: int, precision: str, rngs: nnx.Rngs, inputs: int
    ):
        sizes = [inputs, *[width] * depth]
        self.hidden = nnx.List([linear(*pair, precision=precision, rngs=rngs) for pair in pairwise(sizes)])
        self.head = linear(width, tasks, precision=precision, rngs=rngs)
        self.dropout = dropout

    def embed(self, batch: jax.Array, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return what the head sees of vectors [B, D], [B, width]. `key` draws the dropout masks, in training only."""
        h = batch
        for place, layer in enumerate(self.hidden):
            h = jax.nn.relu(layer(h))
            if training and has_dropout(self.dropout):
                h = dropout(h, self.dropout, jax.random.fold_in(training_key(key), place))
        return h

    def __call__(self, batch: jax.Array, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return logits (classification) or standardized values (regression), [B, tasks]."""
        return self.head(self.embed(batch, training=training, key=key))
