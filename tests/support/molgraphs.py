"""Featurized graphs of a few molecules, and batches of them."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.chem.molecules import canonicalize
from jaxmrl.modalities.molgraph.dataset import MolGraphDataset
from jaxmrl.modalities.molgraph.features import featurize
from jaxmrl.modalities.molgraph.modality import MolGraphOptions
from jaxmrl.training.model_spec import ModelSpec
from tests.conftest import SMILES
from tests.support import compiled

ROOM = (200, 200, 16)
"""Rows of atoms, bonds and overflow, enough for all of SMILES twice."""


def canonical(smiles=SMILES):
    return [canonicalize(text)[0] for text in smiles]


def dataset(smiles=None, room=ROOM):
    """The molecules on the device; those of SMILES by default."""
    return MolGraphDataset.to_device(featurize(canonical() if smiles is None else smiles)).with_budget(np.array(room))


def batch_of(ids, smiles=None, room=ROOM):
    return compiled.gather(dataset(smiles, room), jnp.array(ids))


def spec_of(model, readout="sum", properties=0, virtual_node=False, **changes):
    sizes = {"width": 8, "depth": 3, "dropout": 0.0, "tasks": 2, "precision": "float32"}
    options = MolGraphOptions(readout, properties, virtual_node)
    return ModelSpec(**sizes | changes, model=model, modality="molgraph", options=options)


def random_weights(spec):
    """Parameters and statistics; not fresh ones, so that nothing is 0 or 1 by design."""
    params, stats = compiled.init(spec, jax.random.key(0))
    keys = iter(jax.random.split(jax.random.key(1), 200))
    params = jax.tree.map(lambda x: x + 0.1 * jax.random.normal(next(keys), x.shape), params)
    return params, jax.tree.map(lambda x: x + 0.1 * jax.random.uniform(next(keys), x.shape), stats)
