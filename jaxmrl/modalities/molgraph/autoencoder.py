"""GraphMAE for the models of molecular graphs with featurized atoms and bonds."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from jaxmrl.modalities.graphmae import Atoms, GraphMAE
from jaxmrl.modalities.molgraph.dataset import MolGraphBatch
from jaxmrl.modalities.molgraph.dmpnn import BondMessagePassing
from jaxmrl.modalities.molgraph.features import ATOM_CATEGORIES, ATOM_WIDTH, ELEMENTS
from jaxmrl.modalities.molgraph.gine import GINEConvolution, GINEncoder


class MaskedMolGraph(GraphMAE):
    """An encoder of molecular graphs, and a convolution of GINE as the decoder.

    A vector that is learned stands for all features of a masked atom. Its bonds are seen.
    """

    elements = (*ELEMENTS, 0)
    make_decoder = GINEConvolution

    def __init__(self, **settings: Any):
        super().__init__(**settings)
        self.token = nnx.Param(jnp.zeros(ATOM_WIDTH, jnp.float32))

    @staticmethod
    def atoms(batch: MolGraphBatch) -> Atoms:
        kinds = batch.atoms[:, : ATOM_CATEGORIES["element"]].argmax(axis=1).astype(jnp.int32)
        return Atoms(batch.real, batch.molecule, batch.size, kinds)

    def encode(self, batch: MolGraphBatch, masked: jax.Array, *, training: bool, key: jax.Array | None) -> jax.Array:
        atoms = jnp.where(masked[:, None], self.token[...][None, :], batch.atoms)
        return self.encoder(batch._replace(atoms=atoms), training=training, key=key)

    def decode(self, h: jax.Array, batch: MolGraphBatch) -> jax.Array:
        return self.decoder(h, batch)


class MaskedDMPNN(MaskedMolGraph):
    """For the D-MPNN."""

    make_encoder = BondMessagePassing


class MaskedGINE(MaskedMolGraph):
    """For GINE."""

    make_encoder = GINEncoder
