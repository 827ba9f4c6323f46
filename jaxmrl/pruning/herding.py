"""Herding: an order of molecules whose every beginning has nearly the mean of all.

Source: Welling, Herding Dynamical Weights to Learn (ICML 2009), here on embeddings, as iCaRL (Rebuffi et al. 2017)
uses it: each next molecule is the one that brings the running mean nearest to the mean of all.
"""

from typing import Any

import jax
import jax.numpy as jnp

ROUNDING = 1e-5
"""Candidates whose squared distances differ by less, relative to the mean square of the rows, are equals: the
embeddings themselves are no more exact, and like molecules have like ones."""


@jax.jit
def herd(embeddings: jax.Array) -> jax.Array:
    """Return the order [n] in which herding takes the rows of `embeddings` [n, d]; of equals, the first.

    Step t takes the x nearest to t mu - (sum of those taken). With rows centered on mu that target is minus their
    sum, which stays small, so float32 is enough. Time n^2 d, memory n d.
    """
    centered = embeddings - embeddings.mean(axis=0, keepdims=True)
    squares = jnp.sum(centered**2, axis=1)

    def take(state: tuple[jax.Array, jax.Array], _: Any) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        total, free = state
        distance = squares + 2 * jnp.matmul(centered, total, precision=jax.lax.Precision.HIGHEST)
        distance = jnp.where(free, distance, jnp.inf)
        chosen = jnp.argmax(distance <= distance.min() + ROUNDING * squares.mean())
        return (total + centered[chosen], free.at[chosen].set(False)), chosen

    start = jnp.zeros(centered.shape[1], centered.dtype), jnp.ones(len(centered), jnp.bool)
    return jax.lax.scan(take, start, length=len(centered))[1]
