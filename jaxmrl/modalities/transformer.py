"""The study's transformer over tokens, for fingerprints and SMILES (Vaswani et al. 2017, post-norm).

Attention runs over the tokens of one molecule, its padding masked: the published code let it run across the molecules
of a batch. A molecule's embedding comes from the mean over its tokens: the published sum over features right after a
layer norm is 0 at initialization.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from jaxmrl.modalities.layers import dropout, has_dropout, linear, look_up, training_key
from jaxmrl.modalities.sequences import TokenBatch, in_batch_order

OUTPUT = 300
"""Width of the feed-forward layer and of a molecule's embedding, as in the study."""

_FAR = -1e30


def sinusoids(length: int, width: int) -> jax.Array:
    """Return sinusoidal positions, [length, width] (Vaswani et al. 2017, section 3.5)."""
    rates = 10_000.0 ** (-jnp.arange(0, width, 2, dtype=jnp.float32) / width)
    angles = jnp.arange(length, dtype=jnp.float32)[:, None] * rates[None, :]
    return jnp.stack([jnp.sin(angles), jnp.cos(angles)], axis=2).reshape(length, -1)[:, :width]


class TransformerLayer(nnx.Module):
    """x <- LN(x + attention(x)); x <- LN(x + feed-forward(x)), with PyTorch's conventions."""

    def __init__(self, width: int, heads: int, *, dropout: float, precision: str, rngs: nnx.Rngs):
        self.inward = linear(width, 3 * width, precision=precision, rngs=rngs)
        self.outward = linear(width, width, precision=precision, rngs=rngs)
        self.expand = linear(width, OUTPUT, precision=precision, rngs=rngs)
        self.contract = linear(OUTPUT, width, precision=precision, rngs=rngs)
        self.norms = nnx.List([nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs) for _ in range(2)])
        self.heads = heads
        self.dropout = dropout
        self.precision = precision

    def __call__(self, x: jax.Array, present: jax.Array, key: jax.Array | None) -> jax.Array:
        """Return [b, w, d] of x [b, w, d] and present [b, w]. `key` draws the dropout masks; None: no dropout."""
        x = self.norms[0](x + self._drop(self._attend(x, present, key), key, 0))
        hidden = self._drop(jax.nn.relu(_rows(self.expand, x)), key, 1)
        return self.norms[1](x + self._drop(_rows(self.contract, hidden), key, 2))

    def _attend(self, x: jax.Array, present: jax.Array, key: jax.Array | None) -> jax.Array:
        b, w, d = x.shape
        size = d // self.heads
        query, keys, value = jnp.split(_rows(self.inward, x).reshape(b, w, 3 * self.heads, size), 3, axis=2)
        logits = jnp.einsum("bqhd,bkhd->bhqk", query, keys, precision=_einsum_precision(self.precision))
        logits = jnp.where(present[:, None, None, :], logits / size**0.5, _FAR)
        weights = self._drop(jax.nn.softmax(logits, axis=-1), key, 3)
        attended = jnp.einsum("bhqk,bkhd->bqhd", weights, value, precision=_einsum_precision(self.precision))
        return _rows(self.outward, attended.reshape(b, w, d))

    def _drop(self, x: jax.Array, key: jax.Array | None, place: int) -> jax.Array:
        return x if key is None else dropout(x, self.dropout, jax.random.fold_in(key, place))


def _rows(layer: nnx.Linear, x: jax.Array) -> jax.Array:
    """Return a linear layer on the last axis of x [b, w, d], as one product of matrices."""
    return layer(x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], -1)


def _einsum_precision(precision: str) -> jax.lax.Precision:
    """Return the precision of the small products within attention: full float32, unless a faster product is asked
    for.
    """
    return jax.lax.Precision.HIGHEST if precision == "float32" else jax.lax.Precision.DEFAULT


class Transformer(nnx.Module):
    """Tokens -> embedding (and position) -> `depth` layers -> mean over the tokens -> linear -> linear head."""

    def __init__(
        self,
        *,
        tokens: int,
        positions: bool,
        heads: int,
        width: int,
        depth: int,
        dropout: float,
        tasks: int,
        precision: str,
        rngs: nnx.Rngs,
    ):
        self.token = nnx.Param(jax.random.normal(rngs.params(), (tokens, width)))
        self.layers = nnx.List(
            [TransformerLayer(width, heads, dropout=dropout, precision=precision, rngs=rngs) for _ in range(depth)]
        )
        self.output = linear(width, OUTPUT, precision=precision, rngs=rngs)
        self.head = linear(OUTPUT, tasks, precision=precision, rngs=rngs)
        self.positions = positions
        self.dropout = dropout

    def embed(self, batch: TokenBatch, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return the head's input for each molecule, [B, OUTPUT]. `key` draws the dropout masks, in training only."""
        drops = training and has_dropout(self.dropout)
        keys = [jax.random.fold_in(training_key(key), k) if drops else None for k in range(len(batch.groups))]
        means = [self._mean(*group, own) for group, own in zip(batch.groups, keys, strict=True)]
        return self.output(in_batch_order(jnp.concatenate(means), batch.order))

    def _mean(self, tokens: jax.Array, present: jax.Array, key: jax.Array | None) -> jax.Array:
        """Return the mean over the tokens that are present, [b, d]; 0 if none is."""
        x = look_up(self.token[...], tokens.reshape(-1)).reshape(*tokens.shape, -1)
        if self.positions:
            x = x + sinusoids(*x.shape[1:])[None]
        if key is not None:
            x = dropout(x, self.dropout, jax.random.fold_in(key, len(self.layers)))
        for index, layer in enumerate(self.layers):
            x = layer(x, present, None if key is None else jax.random.fold_in(key, index))
        count = jnp.maximum(present.sum(axis=1), 1).astype(x.dtype)
        return jnp.where(present[:, :, None], x, 0.0).sum(axis=1) / count[:, None]

    def __call__(self, batch: TokenBatch, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return logits (classification) or standardized values (regression), [B, tasks]."""
        return self.head(self.embed(batch, training=training, key=key))
