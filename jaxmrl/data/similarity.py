"""How near molecules are to the nearest training molecule: how hard a split is, and how far a prediction reaches."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.io.cache import CountDone
from jaxmrl.modalities.fingerprint.features import morgan_fingerprints

NEAR = 0.7
"""Tanimoto similarity of ECFP4 above which a test molecule has a near relative in training."""

FAR = 0.3
"""Similarity below which a molecule has no relative in training: more than nine in ten pairs of a data set's molecules
are below it, and less than one in ten test molecules of a random split."""

SAMPLE = 5_000
"""Test molecules that are compared at most, so that time grows with the table and not with its square. A share among so
many has a standard error of at most 0.7 in a hundred."""

_BLOCK = 1024


def similarity_prints(smiles: list[str], progress: CountDone | None = None) -> np.ndarray:
    """Return the ECFP4 of valid molecules, by which they are compared: packed, [N, 128] uint8."""
    return morgan_fingerprints(smiles, 2, 1024, False, progress)


def near_share(packed: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    """Return the share of `test` molecules whose nearest `train` molecule is more similar than NEAR.

    packed [N, bits / 8] uint8 fingerprints; train, test: positions in it. Of more than SAMPLE test molecules it is an
    estimate from so many of them, always the same ones.
    """
    if len(test) > SAMPLE:
        test = np.random.default_rng(0).choice(test, SAMPLE, replace=False)
    return float((nearest(packed, train, test) > NEAR).mean())


def share_text(share: float, test: np.ndarray) -> str:
    """Return, in words, what `near_share` returned for these test molecules."""
    return f"about {share:.1%}" if len(test) > SAMPLE else f"{share:.1%}"


def nearest(packed: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return the Tanimoto similarity [len(test)] of each `test` molecule to the nearest `train` molecule."""
    known, starts = jnp.asarray(packed[train]), range(0, len(test), _BLOCK)
    return np.concatenate([_nearest(jnp.asarray(packed[test[start : start + _BLOCK]]), known) for start in starts])


@jax.jit
def _nearest(some: jax.Array, known: jax.Array) -> jax.Array:
    """Return the largest Tanimoto similarity [b] of each of `some` [b, w] with any of `known` [n, w]."""
    bits = jnp.unpackbits(some, axis=1).astype(jnp.float32)

    def add(best: jax.Array, block: jax.Array) -> tuple[jax.Array, None]:
        return jnp.maximum(best, _tanimoto(bits, block).max(axis=1)), None

    return jax.lax.scan(add, jnp.zeros(len(some)), _blocks(known))[0]


def _blocks(known: jax.Array) -> jax.Array:
    """Return fingerprints [n, w] in blocks, [blocks, _BLOCK, w], the last filled up with empty ones."""
    blocks = -(-len(known) // _BLOCK)
    return jnp.pad(known, ((0, blocks * _BLOCK - len(known)), (0, 0))).reshape(blocks, _BLOCK, -1)


def _tanimoto(bits: jax.Array, block: jax.Array) -> jax.Array:
    """Return the similarity [b, B] of fingerprints, unpacked [b, bits] and packed [B, w]."""
    others = jnp.unpackbits(block, axis=1).astype(jnp.float32)
    shared = bits @ others.T
    either = bits.sum(axis=1)[:, None] + others.sum(axis=1)[None, :] - shared
    return shared / jnp.maximum(either, 1)


def nearest_several(
    packed: np.ndarray, train: np.ndarray, test: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `most` training molecules nearest to each test molecule, the nearest first.

    Args:
        packed: [N, bits / 8] uint8 fingerprints.
        train, test: Places of molecules in it.
        most: How many, at most `len(train)`.

    Returns:
        Their Tanimoto similarities and their places in `train`, [len(test), most] each.
    """
    known, starts = jnp.asarray(packed[train]), range(0, len(test), _BLOCK)
    found = [_nearest_several(jnp.asarray(packed[test[start : start + _BLOCK]]), known, most) for start in starts]
    similarity, places = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return similarity, places


@partial(jax.jit, static_argnums=2)
def _nearest_several(some: jax.Array, known: jax.Array, most: int) -> tuple[jax.Array, jax.Array]:
    """Return the largest similarities of `some` [b, w] with any of `known` [n, w], and their places, [b, most] each."""
    bits = jnp.unpackbits(some, axis=1).astype(jnp.float32)

    def add(best: tuple, block: tuple) -> tuple[tuple, None]:
        place, packed = block
        near = jnp.where(place < len(known), _tanimoto(bits, packed), -1.0)
        values = jnp.concatenate([best[0], near], axis=1)
        places = jnp.concatenate([best[1], jnp.broadcast_to(place, near.shape)], axis=1)
        values, chosen = jax.lax.top_k(values, most)
        return (values, jnp.take_along_axis(places, chosen, axis=1)), None

    blocks = _blocks(known)
    places = jnp.arange(blocks.shape[0] * _BLOCK, dtype=jnp.int32).reshape(-1, _BLOCK)
    start = jnp.full((len(some), most), -1.0), jnp.zeros((len(some), most), jnp.int32)
    return jax.lax.scan(add, start, (places, blocks))[0]
