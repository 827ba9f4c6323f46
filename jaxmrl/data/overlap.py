"""How hard a split is: how near the test molecules' nearest training molecules are."""

import jax
import jax.numpy as jnp
import numpy as np

NEAR = 0.7
"""Tanimoto similarity of ECFP4 above which a test molecule has a near relative in training."""

_BLOCK = 1024


def near_share(packed: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    """The share of `test` molecules whose nearest `train` molecule is more similar than NEAR.

    packed [N, bits / 8] uint8 fingerprints; train, test: positions in it.
    """
    return float((nearest(packed, train, test) > NEAR).mean())


def nearest(packed: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """The Tanimoto similarity of each `test` molecule with the nearest `train` molecule, [len(test)]."""
    known, starts = jnp.asarray(packed[train]), range(0, len(test), _BLOCK)
    return np.concatenate([_nearest(jnp.asarray(packed[test[start : start + _BLOCK]]), known) for start in starts])


@jax.jit
def _nearest(some: jax.Array, known: jax.Array) -> jax.Array:
    """The largest Tanimoto similarity of each of `some` [b, w] with any of `known` [n, w], [b]."""
    bits = jnp.unpackbits(some, axis=1).astype(jnp.float32)

    def add(best, block):
        others = jnp.unpackbits(block, axis=1).astype(jnp.float32)
        shared = bits @ others.T
        either = bits.sum(axis=1)[:, None] + others.sum(axis=1)[None, :] - shared
        return jnp.maximum(best, (shared / jnp.maximum(either, 1)).max(axis=1)), None

    blocks = -(-len(known) // _BLOCK)
    padded = jnp.pad(known, ((0, blocks * _BLOCK - len(known)), (0, 0))).reshape(blocks, _BLOCK, -1)
    return jax.lax.scan(add, jnp.zeros(len(some)), padded)[0]
