"""GraphMAE for the GIN, as in the study."""

import jax
import jax.numpy as jnp
import jraph

from jaxmrl.modalities.graph.features import ATOM_KINDS
from jaxmrl.modalities.graph.gin import Convolution, Encoder
from jaxmrl.modalities.graphmae import Atoms, GraphMAE

MASKED = ATOM_KINDS - 1
"""The kind of a masked atom. The kinds below are the atomic numbers that it may have had."""


class MaskedGIN(GraphMAE):
    """The encoder of a GIN, and one of its convolutions as the decoder."""

    elements = tuple(range(MASKED))
    make_encoder = Encoder
    make_decoder = Convolution

    @staticmethod
    def atoms(batch: jraph.GraphsTuple) -> Atoms:
        kinds = batch.nodes["atom"].astype(jnp.int32)
        return Atoms(jraph.get_node_padding_mask(batch), batch.nodes["graph"], batch.n_node, kinds)

    def encode(
        self, batch: jraph.GraphsTuple, masked: jax.Array, *, training: bool, key: jax.Array | None
    ) -> jax.Array:
        nodes = dict(batch.nodes)
        nodes["atom"] = jnp.where(masked, MASKED, nodes["atom"]).astype(nodes["atom"].dtype)
        nodes["chirality"] = jnp.where(masked, 0, nodes["chirality"]).astype(nodes["chirality"].dtype)
        return self.encoder(nodes, jraph.get_node_padding_mask(batch), training=training, key=key)

    def decode(self, h: jax.Array, batch: jraph.GraphsTuple) -> jax.Array:
        return self.decoder(h, batch.nodes)
