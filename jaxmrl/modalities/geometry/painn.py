"""PaiNN (Schuett, Unke & Gastegger 2021): scalars and vectors of each atom, equivariant under rotations."""

from collections.abc import Sequence
from functools import partial
from typing import cast

import jax
import jax.numpy as jnp
import jraph
from flax import nnx

from jaxmrl.modalities.geometry.pairs import Readout, atom_embeddings, cosine_cutoff, distances, sines, sum_pairs
from jaxmrl.modalities.layers import look_up, xavier_linear

RADIAL = 20
"""Radial functions, as published."""

_SMALL = 1e-8

Vectors = Sequence[jax.Array]
"""One for each atom and feature: the components x, y and z, [n, d] each."""


def sum_messages(
    filters: jax.Array, h: jax.Array, vectors: Vectors, directions: jax.Array, graph: jraph.GraphsTuple
) -> tuple[jax.Array, Vectors]:
    """Return the sum of the messages to each atom, scalars [n, d] and vectors (equations 7 and 8).

    filters [p, 3 d], 0 for padding pairs, and h [n, 3 d], both for scalars, directions and vectors; directions
    [p, 3], unit vectors from sender to receiver.
    """
    (of_scalars, along, of_vectors), (scalars, h_along, h_vectors) = (jnp.split(x, 3, axis=1) for x in (filters, h))
    moved = [
        sum_pairs(along * directions[:, axis : axis + 1], h_along, graph, True)
        + sum_pairs(of_vectors, h_vectors * component, graph)
        for axis, component in enumerate(vectors)
    ]
    return sum_pairs(of_scalars, scalars, graph), moved


class Layer(nnx.Module):
    """A message and an update block (figure 2 of the source)."""

    def __init__(self, width: int, *, precision: str, rngs: nnx.Rngs):
        layer = partial(xavier_linear, precision=precision, rngs=rngs)
        self.message = nnx.List([layer(width, outputs) for outputs in (width, 3 * width)])
        self.mix = layer(width, 2 * width, bias=False)
        self.update = nnx.List([layer(2 * width, width), layer(width, 3 * width)])

    def __call__(
        self, s: jax.Array, v: Vectors, filters: jax.Array, directions: jax.Array, graph: jraph.GraphsTuple
    ) -> tuple[jax.Array, Vectors]:
        """Return new scalars and vectors from scalars s [n, d], vectors v, filters [p, 3 d] and directions [p, 3]."""
        scalars, moved = sum_messages(filters, _perceptron(self.message, s), v, directions, graph)
        s, v = s + scalars, [old + new for old, new in zip(v, moved, strict=True)]
        mixed = jnp.split(self.mix(jnp.concatenate(v)), 3)
        left, right = zip(*(jnp.split(component, 2, axis=1) for component in mixed), strict=True)
        length = jnp.sqrt(_dot(left, left) + _SMALL)
        to_s, to_v, of_product = jnp.split(_perceptron(self.update, jnp.concatenate([s, length], axis=1)), 3, axis=1)
        return s + to_s + of_product * _dot(left, right), [old + to_v * new for old, new in zip(v, right, strict=True)]


def _dot(one: Vectors, other: Vectors) -> jax.Array:
    return cast(jax.Array, sum(a * b for a, b in zip(one, other, strict=True)))


def _perceptron(layers: nnx.List, x: jax.Array) -> jax.Array:
    return layers[1](jax.nn.silu(layers[0](x)))


class PaiNN(nnx.Module):
    """Atoms -> `depth` layers -> sum or mean over the atoms -> head; 128 x 3 is the published model, 128 x 6 the
    study's."""

    def __init__(
        self, *, width: int, depth: int, tasks: int, precision: str, cutoff: float, over_atoms: str, rngs: nnx.Rngs
    ):
        self.atom = atom_embeddings(width, rngs)
        self.filters = xavier_linear(RADIAL, depth * 3 * width, precision=precision, rngs=rngs)
        self.layers = nnx.List([Layer(width, precision=precision, rngs=rngs) for _ in range(depth)])
        self.readout = Readout(width, jax.nn.silu, over_atoms, precision=precision, rngs=rngs)
        self.head = xavier_linear(width // 2, tasks, precision=precision, rngs=rngs)
        self.cutoff = cutoff

    def features(self, graph: jraph.GraphsTuple) -> tuple[jax.Array, Vectors]:
        """Return scalars [n, d] and vectors of the atoms after the last layer."""
        distance = distances(graph)
        filters = self.filters(sines(distance, self.cutoff, RADIAL)) * cosine_cutoff(distance, self.cutoff)[:, None]
        s = look_up(self.atom[...], graph.nodes["atom"].astype(jnp.int32))
        v: Vectors = [jnp.zeros_like(s)] * 3
        directions = graph.edges / distance[:, None]
        for layer, of_layer in zip(self.layers, jnp.split(filters, len(self.layers), axis=1), strict=True):
            s, v = layer(s, v, of_layer, directions, graph)
        return s, v

    def embed(self, graph: jraph.GraphsTuple, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return the head's input for each molecule, [B, width // 2]."""
        return self.readout(self.features(graph)[0], graph)

    def __call__(self, graph: jraph.GraphsTuple, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return logits (classification) or standardized values (regression), [B, tasks]."""
        return self.head(self.embed(graph, training=training, key=key))
