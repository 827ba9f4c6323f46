"""A graph isomorphism network that sees the features of bonds (Hu et al. 2020), with residual connections."""

from typing import Any

import jax
from flax import nnx

from jaxmrl.modalities.layers import MaskedBatchNorm, linear
from jaxmrl.modalities.molgraph.dataset import MolGraphBatch
from jaxmrl.modalities.molgraph.edges import both_ways, sum_incoming, take_senders
from jaxmrl.modalities.molgraph.features import ATOM_WIDTH, BOND_WIDTH
from jaxmrl.modalities.molgraph.network import drop


class GINELayer(nnx.Module):
    """h_v <- MLP(h_v + sum over the atoms u bonded to v of ReLU(h_u + W e_uv)), before a batch norm."""

    def __init__(self, width: int, *, precision: str, rngs: nnx.Rngs):
        part: dict[str, Any] = {"precision": precision, "rngs": rngs}
        self.bond = linear(BOND_WIDTH, width, **part)
        self.expand = linear(width, 2 * width, **part)
        self.contract = linear(2 * width, width, **part)
        self.norm = MaskedBatchNorm(width)

    def __call__(self, h: jax.Array, batch: MolGraphBatch, *, training: bool) -> jax.Array:
        """Return the atoms' rows after the layer, [n, width]; h [n, width]."""
        with jax.named_scope("aggregate"):
            messages = jax.nn.relu(take_senders(h, batch.edges) + both_ways(self.bond(batch.bonds)))
            total = h + sum_incoming(messages, batch.edges)
        h = self.contract(jax.nn.relu(self.expand(total)))
        with jax.named_scope("norm"):
            return self.norm(h, batch.real, training=training)


class GINEncoder(nnx.Module):
    """Atoms and bonds -> `depth` layers, the input of each added to its output -> an embedding of each atom."""

    def __init__(self, *, width: int, depth: int, dropout: float, precision: str, rngs: nnx.Rngs):
        self.atom = linear(ATOM_WIDTH, width, precision=precision, rngs=rngs)
        self.layers = nnx.List([GINELayer(width, precision=precision, rngs=rngs) for _ in range(depth)])
        self.dropout = dropout

    def __call__(self, batch: MolGraphBatch, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return an embedding of each atom, [n, width]. `key` draws the dropout masks, in training only."""
        h = self.atom(batch.atoms)
        for place, layer in enumerate(self.layers):
            out = jax.nn.relu(layer(h, batch, training=training))
            h = h + (drop(out, self.dropout, key, place) if training else out)
        return h
