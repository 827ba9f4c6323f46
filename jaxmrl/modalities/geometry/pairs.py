"""What models of geometries share: functions of the distance in a pair of atoms, and sums over each atom's pairs.

A pair stands once, and what is computed of it serves both of its ends. Sums over pairs are gathers, forwards and
backwards, for each atom knows its pairs and each pair its atoms. Rows of padding pairs must be 0, as they are after a
cutoff function: a padding pair is as long as the cutoff.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import jraph
from flax import nnx

from jaxmrl.modalities.geometry.features import ELEMENTS
from jaxmrl.modalities.layers import mean_nodes, sum_nodes, xavier_linear


def distances(graph: jraph.GraphsTuple) -> jax.Array:
    """Return the distance of each pair in Å, [p]."""
    return jnp.sqrt(jnp.sum(graph.edges**2, axis=1))


def cosine_cutoff(distance: jax.Array, cutoff: float) -> jax.Array:
    """Return a weight [p] that falls from 1 at 0 to 0 at the cutoff, with slope 0 at both (Behler 2011)."""
    inside = 0.5 * (jnp.cos(jnp.pi * distance / cutoff) + 1.0)
    return jnp.where(distance < cutoff, inside, 0.0)


def gaussians(distance: jax.Array, cutoff: float, count: int) -> jax.Array:
    """Return Gaussians at `count` distances from 0 to the cutoff, as wide as they are apart, [p, count] (Schuett et al.
    2017).
    """
    centers = jnp.linspace(0.0, cutoff, count)
    width = cutoff / (count - 1)
    return jnp.exp(-0.5 * ((distance[:, None] - centers[None, :]) / width) ** 2)


def sines(distance: jax.Array, cutoff: float, count: int) -> jax.Array:
    """Return sin(k pi r / cutoff) / r for k = 1 to `count`, [p, count] (Gasteiger et al. 2020, without their
    factor).
    """
    rates = jnp.arange(1, count + 1, dtype=jnp.float32) * (jnp.pi / cutoff)
    return jnp.sin(distance[:, None] * rates[None, :]) / distance[:, None]


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def sum_pairs(filters: jax.Array, h: jax.Array, graph: jraph.GraphsTuple, odd: bool = False) -> jax.Array:
    """Sum over each atom's pairs of the pair's filter times the row of the other atom, [n, d].

    filters [p, d], 0 for padding pairs; h [n, d]; graph as `GeometryDataset.gather` lays it out. Where `odd`, a filter
    has the opposite sign for the receiver of its pair, as a component of the vector to the other atom has.
    """
    # On an accelerator, each turn of a loop would launch kernels. On a CPU, the loop is faster.
    return jax.lax.platform_dependent(
        filters,
        h,
        graph.nodes["pairs"].T,
        graph.nodes["others"].T,
        cpu=partial(_sum_in_loop, odd=odd),
        default=partial(_sum_at_once, odd=odd),
    )


def _term(filters: jax.Array, h: jax.Array, pairs: jax.Array, others: jax.Array, odd: bool) -> jax.Array:
    """Return what each atom gets of one of its pairs, [n, d]; pairs, others [n]."""
    term = filters[pairs] * h[others]
    return jnp.where((others > jnp.arange(len(others)))[:, None], term, -term) if odd else term


def _sum_in_loop(filters: jax.Array, h: jax.Array, pairs: jax.Array, others: jax.Array, odd: bool) -> jax.Array:
    """Return `sum_pairs` by a loop over the columns [K, n] of pairs and others."""
    add = lambda k, total: total + _term(filters, h, pairs[k], others[k], odd)
    return jax.lax.fori_loop(0, len(pairs), add, jnp.zeros_like(h))


def _sum_at_once(filters: jax.Array, h: jax.Array, pairs: jax.Array, others: jax.Array, odd: bool) -> jax.Array:
    """Return `sum_pairs` by gathers that fuse into one kernel; `filters` and `h` are computed before it, once."""
    filters, h = jax.lax.optimization_barrier((filters, h))
    return sum(
        (_term(filters, h, *columns, odd) for columns in zip(pairs, others, strict=True)), start=jnp.zeros_like(h)
    )


def _sum_pairs_backward(odd: bool, saved: tuple, gradient: jax.Array) -> tuple[jax.Array, jax.Array, None]:
    filters, h, graph = saved
    a, b = graph.senders, graph.receivers
    sign = -1.0 if odd else 1.0
    # As a matrix on h, the sum is symmetric (antisymmetric if `odd`): a pair carries messages both ways.
    of_filters = gradient[a] * h[b] + sign * gradient[b] * h[a]
    return of_filters, sign * sum_pairs(filters, gradient, graph, odd), None


sum_pairs.defvjp(
    lambda filters, h, graph, odd: (sum_pairs(filters, h, graph, odd), (filters, h, graph)), _sum_pairs_backward
)


def atom_embeddings(width: int, rngs: nnx.Rngs) -> nnx.Param:
    """Return an embedding for each atomic number, [ELEMENTS, width]; that of 0, which no atom has, is 0."""
    return nnx.Param(jax.random.normal(rngs.params(), (ELEMENTS, width)).at[0].set(0.0))


class Readout(nnx.Module):
    """Atoms -> linear -> activation -> sum or mean over each molecule's atoms; a linear head follows.

    In the published models the head's bias counts once for each atom; here once for each molecule, for the atoms'
    references have taken the rest.
    """

    def __init__(
        self,
        width: int,
        activation: Callable[[jax.Array], jax.Array],
        over_atoms: str,
        *,
        precision: str,
        rngs: nnx.Rngs,
    ):
        self.linear = xavier_linear(width, width // 2, precision=precision, rngs=rngs)
        self.activation = activation
        self.over_atoms = over_atoms

    def __call__(self, h: jax.Array, graph: jraph.GraphsTuple) -> jax.Array:
        """Return the readout [B, width // 2] of h [n, width]."""
        pool = {"sum": sum_nodes, "mean": mean_nodes}[self.over_atoms]
        mask = jraph.get_node_padding_mask(graph)
        return pool(self.activation(self.linear(h)), graph.nodes["graph"], mask, graph.n_node.shape[0] - 1)
