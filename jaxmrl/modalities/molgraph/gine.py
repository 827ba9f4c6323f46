"""A graph isomorphism network that sees the features of bonds (Hu et al. 2020), with residual connections."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from jaxmrl.modalities.layers import MaskedBatchNorm, keep, linear, look_up, sum_groups
from jaxmrl.modalities.molgraph.dataset import MolGraphBatch
from jaxmrl.modalities.molgraph.edges import both_ways, sum_incoming, take_senders
from jaxmrl.modalities.molgraph.features import ATOM_WIDTH, BOND_WIDTH
from jaxmrl.modalities.molgraph.network import SUM_SCALE, drop


class _Aggregation(nnx.Module):
    """MLP(h_v + sum over the atoms u bonded to v of ReLU(h_u + W e_uv))."""

    def __init__(self, width: int, outputs: int, *, precision: str, rngs: nnx.Rngs):
        part: dict[str, Any] = {"precision": precision, "rngs": rngs}
        self.bond = linear(BOND_WIDTH, width, **part)
        self.expand = linear(width, 2 * width, **part)
        self.contract = linear(2 * width, outputs, **part)
        self.precision = precision

    def aggregate(self, h: jax.Array, batch: MolGraphBatch) -> jax.Array:
        """Return a row for each atom, [n, outputs]; h [n, width]."""
        with jax.named_scope("aggregate"):
            messages = jax.nn.relu(take_senders(h, batch.edges) + both_ways(self.bond(batch.bonds)))
            total = h + sum_incoming(messages, batch.edges)
        return self.contract(jax.nn.relu(keep(self.expand(total), self.precision)))


class GINEConvolution(_Aggregation):
    """h_v <- MLP(h_v + sum over the atoms u bonded to v of ReLU(h_u + W e_uv))."""

    def __call__(self, h: jax.Array, batch: MolGraphBatch) -> jax.Array:
        """Return the atoms' rows after the convolution, [n, outputs]; h [n, width]."""
        return self.aggregate(h, batch)


class GINELayer(_Aggregation):
    """A convolution and a batch norm."""

    def __init__(self, width: int, *, precision: str, rngs: nnx.Rngs):
        super().__init__(width, width, precision=precision, rngs=rngs)
        self.norm = MaskedBatchNorm(width)

    def __call__(self, h: jax.Array, batch: MolGraphBatch, *, training: bool) -> jax.Array:
        """Return the atoms' rows after the layer, [n, width]; h [n, width]."""
        h = self.aggregate(h, batch)
        with jax.named_scope("norm"):
            return self.norm(h, batch.real, training=training)


class VirtualNode(nnx.Module):
    """A node that all atoms of a molecule are bonded to (Gilmer et al. 2017), with a residual connection.

    v <- v + MLP(v + sum over the molecule's atoms of h / SUM_SCALE), where v is 0 before the first update.
    """

    def __init__(self, width: int, *, precision: str, rngs: nnx.Rngs):
        self.expand = linear(width, 2 * width, precision=precision, rngs=rngs)
        self.contract = linear(2 * width, width, precision=precision, rngs=rngs)

    def __call__(self, v: jax.Array, h: jax.Array, batch: MolGraphBatch) -> jax.Array:
        """Return the nodes [B, width] of the molecules after the update; v [B, width], h [n, width]."""
        with jax.named_scope("aggregate"):
            atoms = sum_groups(jnp.where(batch.real[:, None], h, 0.0), batch.molecule, len(v))
        return v + self.contract(jax.nn.relu(self.expand(v + atoms / SUM_SCALE)))


class GINEncoder(nnx.Module):
    """Atoms and bonds -> `depth` layers, the input of each added to its output -> an embedding of each atom.

    With a virtual node, each layer but the first begins by adding its state to those of the molecule's atoms.
    """

    def __init__(
        self, *, width: int, depth: int, dropout: float, precision: str, rngs: nnx.Rngs, virtual_node: bool = False
    ):
        part: dict[str, Any] = {"precision": precision, "rngs": rngs}
        self.atom = linear(ATOM_WIDTH, width, **part)
        self.layers = nnx.List([GINELayer(width, **part) for _ in range(depth)])
        self.virtual = nnx.List([VirtualNode(width, **part) for _ in range(depth - 1)]) if virtual_node else None
        self.dropout = dropout

    def __call__(self, batch: MolGraphBatch, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return an embedding of each atom, [n, width]. `key` draws the dropout masks, in training only."""
        h = self.atom(batch.atoms)
        v = jnp.zeros((len(batch.size), h.shape[1]), h.dtype)
        for place, layer in enumerate(self.layers):
            if self.virtual is not None and place:
                v = self.virtual[place - 1](v, h, batch)
                h = h + look_up(v, batch.molecule)
            out = jax.nn.relu(layer(h, batch, training=training))
            h = h + (drop(out, self.dropout, key, place) if training else out)
        return h
