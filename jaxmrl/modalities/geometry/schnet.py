"""SchNet (Schuett et al. 2017 and 2018): continuous-filter convolutions over pairs of atoms."""

import math
from functools import partial

import jax
import jraph
from flax import nnx

from jaxmrl.modalities.geometry.pairs import Readout, atom_embeddings, cosine_cutoff, distances, gaussians, sum_pairs
from jaxmrl.modalities.layers import look_up, xavier_linear

GAUSSIANS = 51
"""As in the study, 0.1 Å apart up to its cutoff of 5 Å."""


def shifted_softplus(x: jax.Array) -> jax.Array:
    """Return log((1 + exp(x)) / 2), elementwise: 0 at 0."""
    return jax.nn.softplus(x) - math.log(2.0)


class Interaction(nnx.Module):
    """h_i <- h_i + linear(ssp(linear(sum_j W(r_ij) * linear(h_j))))."""

    def __init__(self, width: int, *, precision: str, rngs: nnx.Rngs):
        layer = partial(xavier_linear, precision=precision, rngs=rngs)
        self.filters = nnx.List([layer(inputs, width) for inputs in (GAUSSIANS, width)])
        self.inward = layer(width, width, bias=False)
        self.outward = nnx.List([layer(width, width) for _ in range(2)])

    def __call__(self, h: jax.Array, radial: jax.Array, inside: jax.Array, graph: jraph.GraphsTuple) -> jax.Array:
        """Return new features [n, d] from h [n, d], and radial [p, GAUSSIANS] and inside [p] of the distances."""
        filters = self.filters[1](shifted_softplus(self.filters[0](radial))) * inside[:, None]
        message = self.outward[0](sum_pairs(filters, self.inward(h), graph))
        return h + self.outward[1](shifted_softplus(message))


class SchNet(nnx.Module):
    """Atoms -> `depth` interactions -> sum or mean over the atoms -> head; 128 x 6 is the published model."""

    def __init__(
        self, *, width: int, depth: int, tasks: int, precision: str, cutoff: float, over_atoms: str, rngs: nnx.Rngs
    ):
        self.atom = atom_embeddings(width, rngs)
        self.layers = nnx.List([Interaction(width, precision=precision, rngs=rngs) for _ in range(depth)])
        self.readout = Readout(width, shifted_softplus, over_atoms, precision=precision, rngs=rngs)
        self.head = xavier_linear(width // 2, tasks, precision=precision, rngs=rngs)
        self.cutoff = cutoff

    def embed(self, graph: jraph.GraphsTuple, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return the head's input for each molecule, [B, width // 2]."""
        distance = distances(graph)
        radial, inside = gaussians(distance, self.cutoff, GAUSSIANS), cosine_cutoff(distance, self.cutoff)
        h = look_up(self.atom[...], graph.nodes["atom"].astype("int32"))
        for layer in self.layers:
            h = layer(h, radial, inside, graph)
        return self.readout(h, graph)

    def __call__(self, graph: jraph.GraphsTuple, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return logits (classification) or standardized values (regression), [B, tasks]."""
        return self.head(self.embed(graph, training=training, key=key))
