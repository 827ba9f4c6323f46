"""Directed message passing along bonds (Yang et al. 2019), as in chemprop 2 (Heid et al. 2024)."""

from typing import Any

import jax
from flax import nnx

from jaxmrl.modalities.layers import linear, multiply, torch_uniform
from jaxmrl.modalities.molgraph.dataset import MolGraphBatch
from jaxmrl.modalities.molgraph.edges import both_ways, reverse, sum_incoming, take_receivers, take_senders
from jaxmrl.modalities.molgraph.features import ATOM_WIDTH, BOND_WIDTH
from jaxmrl.modalities.molgraph.network import drop


class BondMessagePassing(nnx.Module):
    """Messages along directed edges, each made of those that come in at its beginning but for its own reverse.

    h0(v -> w) = W_i [x_v, e_vw]; h <- ReLU(h0 + W_h (sum over u -> v of h, without w -> v)), `depth` - 1 times; in the
    end ReLU(W_o [x_v, sum over u -> v of h]) for each atom. W_i and W_o are in two parts each, so that what
    the edges of an atom share is computed once.
    """

    def __init__(self, *, width: int, depth: int, dropout: float, precision: str, rngs: nnx.Rngs):
        part: dict[str, Any] = {"precision": precision, "rngs": rngs}
        first, last = ATOM_WIDTH + BOND_WIDTH, ATOM_WIDTH + width
        self.atom_in = linear(ATOM_WIDTH, width, bias=False, fan_in=first, **part)
        self.bond_in = linear(BOND_WIDTH, width, bias=False, fan_in=first, **part)
        # No linear layer of its own: a probe of GraNd expects a layer to be applied once.
        self.update = nnx.Param(torch_uniform(rngs.params(), (width, width)))
        self.atom_out = linear(ATOM_WIDTH, width, bias=False, fan_in=last, **part)
        self.message_out = linear(width, width, fan_in=last, **part)
        self.depth = depth
        self.precision = precision
        self.dropout = dropout

    def __call__(self, batch: MolGraphBatch, *, training: bool, key: jax.Array | None = None) -> jax.Array:
        """Return an embedding of each atom, [n, width]. `key` draws the dropout masks, in training only."""
        edges, keep = batch.edges, lambda h, place: drop(h, self.dropout, key, place) if training else h
        with jax.named_scope("embed"):
            start = take_senders(self.atom_in(batch.atoms), edges) + both_ways(self.bond_in(batch.bonds))
        h = jax.nn.relu(start)
        for layer in range(self.depth - 1):
            with jax.named_scope("aggregate"):
                message = reverse(take_receivers(sum_incoming(h, edges), edges) - h)
            h = keep(jax.nn.relu(start + multiply(message, self.update[...], self.precision)), layer)
        with jax.named_scope("aggregate"):
            message = sum_incoming(h, edges)
        h = jax.nn.relu(self.atom_out(batch.atoms) + self.message_out(message))
        return keep(h, self.depth - 1)
