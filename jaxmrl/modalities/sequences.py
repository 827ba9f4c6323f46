"""Sequences on the device: SMILES tokens, and fingerprints as the indices of their bits.

A batch is laid out in groups of like length, so that short molecules are not padded to the longest: the planner keeps
the number of molecules too long for each group within a budget, and `gather` sorts a batch by length.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxmrl.modalities.token_groups import group_rows


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TokenBatch:
    """A batch of sequences.

    groups   (tokens [b, w] int32, present [b, w] bool) of each group with room, the longest molecules first
    order    [B] the molecule of the batch in each row of all groups
    """

    groups: tuple[tuple[jax.Array, jax.Array], ...]
    order: jax.Array


@jax.custom_vjp
def in_batch_order(rows: jax.Array, order: jax.Array) -> jax.Array:
    """Return `rows` [B, d], those of all groups of a batch, in the order of its molecules; order as of `TokenBatch`."""
    return rows[jnp.argsort(order)]


# JAX's own gradient would be a scatter, because JAX does not know that each row goes to another place.
in_batch_order.defvjp(
    lambda rows, order: (in_batch_order(rows, order), order), lambda order, gradient: (gradient[order], None)
)


def lay_out(
    size: jax.Array, budget: tuple[int, ...], widths: tuple[int, ...], tokens_of: Callable[[jax.Array, int], jax.Array]
) -> TokenBatch:
    """Return a batch of sequences of `size` [B] tokens: sorted by length, in groups.

    tokens_of(rows, width) gives the tokens [b, width] of some rows [b] of the batch.
    """
    order = jnp.argsort(-size, stable=True)
    groups, start = [], 0
    for rows, width in zip(group_rows(budget, len(size)), reversed(widths), strict=True):
        if rows == 0:
            continue
        mine = order[start : start + rows]
        present = jnp.arange(width)[None, :] < size[mine][:, None]
        tokens = jnp.where(present, tokens_of(mine, width), 0)
        groups.append((tokens, present))
        start += rows
    return TokenBatch(tuple(groups), order)
