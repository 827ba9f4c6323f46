"""Directed edges in pairs: edge e and its reverse e ^ 1, free of scatter forwards and backwards.

Each atom knows the edges that end at it, so the sum over them is made of gathers. Its transpose gives each edge the row
of the atom where it ends, which is a gather, too. With the reverse of each edge, these two are all that message passing
along bonds needs. On a CPU gathers are also no slower here than scatters.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmrl.modalities.layers import sum_few_rows, sum_groups, sum_rows


class Edges(NamedTuple):
    """The directed edges of a batch with n rows of atoms, m of edges and v of overflow.

    receivers [m]       the atom where each edge ends; the last one, which is padding, for edges that are padding
    incoming [n, 4]     edges that end at each atom; m where there is none
    overflow_atom [v]   an atom with more of them
    overflow [v, D]     the others; m where there is none
    """

    receivers: jax.Array
    incoming: jax.Array
    overflow_atom: jax.Array
    overflow: jax.Array


def reverse(h: jax.Array) -> jax.Array:
    """Return for each edge the row of its reverse; h [m, d]."""
    return h.reshape(-1, 2, h.shape[1])[:, ::-1].reshape(h.shape)


@jax.custom_vjp
def sum_incoming(h: jax.Array, edges: Edges) -> jax.Array:
    """Return the sum of the rows h [m, d] of the edges that end at each atom, [n, d]."""
    total = sum_rows(h, edges.incoming)
    if edges.overflow.size:
        total += sum_groups(sum_few_rows(h, edges.overflow), edges.overflow_atom, len(total))
    return total


@jax.custom_vjp
def take_receivers(h: jax.Array, edges: Edges) -> jax.Array:
    """Return the row of h [n, d] of the atom where each edge ends, [m, d]."""
    return h[edges.receivers]


def both_ways(h: jax.Array) -> jax.Array:
    """Return the row of h [b, d] of each edge's bond, [2 b, d]."""
    return jnp.broadcast_to(h[:, None], (len(h), 2, h.shape[1])).reshape(-1, h.shape[1])


def take_senders(h: jax.Array, edges: Edges) -> jax.Array:
    """Return the row of h [n, d] of the atom where each edge begins, [m, d]."""
    return reverse(take_receivers(h, edges))


# Edges that are padding end at an atom that is padding and lists none: what they carry back is no edge's or atom's.
sum_incoming.defvjp(
    lambda h, edges: (sum_incoming(h, edges), edges), lambda edges, gradient: (take_receivers(gradient, edges), None)
)
take_receivers.defvjp(
    lambda h, edges: (take_receivers(h, edges), edges), lambda edges, gradient: (sum_incoming(gradient, edges), None)
)
