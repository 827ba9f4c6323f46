"""Masked atoms told by their neighbors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from rdkit import Chem

from jaxmrl.modalities.flat_rows import NO_MOLECULE
from jaxmrl.modalities.graph.autoencoder import MASKED
from jaxmrl.modalities.graph.dataset import GraphDataset
from jaxmrl.modalities.graph.features import featurize
from jaxmrl.modalities.graphmae import choose_atoms, scaled_cosine_error
from jaxmrl.training.autoencoder import AutoencoderSpec
from tests.support.compiled import gather

SPEC = AutoencoderSpec("gin", width=8, depth=2, dropout=0.0, precision="float32")
SMILES = "C/C=C/c1ccc([S](F)(F)(F)(F)F)cc1"


@pytest.fixture(scope="module")
def weights():
    return jax.jit(SPEC.init)(jax.random.key(3))


outputs_of = jax.jit(lambda weights, graph, masked: SPEC.outputs(*weights, graph, masked)[0])


def batch(graphs, ids, rows=120):
    return gather(GraphDataset.to_device(graphs).with_budget(np.array([rows, 8])), jnp.array(ids, jnp.int32))


def test_each_molecule_has_its_share_of_masked_atoms(molecules):
    ids = [6, 0, 11, 9, 1, NO_MOLECULE, NO_MOLECULE]
    graph = batch(molecules, ids)
    sizes = molecules.size[ids[:5]]
    first = np.cumsum(sizes) - sizes
    drawn = np.asarray(
        jax.vmap(lambda key: choose_atoms(SPEC.atoms(graph), 0.3, key))(jax.random.split(jax.random.key(0), 400))
    )
    assert not drawn[:, sizes.sum() :].any(), "padding is never masked"
    for start, size in zip(first, sizes, strict=True):
        expected = max(1, round(0.3 * size))
        of_molecule = drawn[:, start : start + size]
        assert (of_molecule.sum(axis=1) == expected).all()
        assert np.abs(of_molecule.mean(axis=0) - expected / size).max() < 0.12, "no atom is preferred"


def test_what_a_masked_atom_is_cannot_be_seen(weights):
    graphs, _, _ = featurize([SMILES])
    masked = np.zeros(batch(graphs, [0]).nodes["atom"].shape[0], bool)
    masked[[1, 7]] = True
    other, _, _ = featurize([SMILES])
    other.atom[[1, 7]] = [8, 7]
    other.chirality[[1, 7]] = 1
    ours, theirs = (outputs_of(weights, batch(g, [0]), jnp.asarray(masked)) for g in (graphs, other))
    np.testing.assert_array_equal(ours, theirs)


def test_against_a_plain_reading_of_the_definition(weights, strict):
    """From the encoder's embeddings to the error, with explicit bonds and NumPy for one molecule."""
    graphs, _, _ = featurize([SMILES])
    graph = batch(graphs, [0])
    rows, n = graph.nodes["atom"].shape[0], len(graphs.atom)
    masked = np.zeros(rows, bool)
    masked[[1, 7, 9]] = True
    ours = outputs_of(weights, graph, jnp.asarray(masked))

    params = jax.tree.map(np.asarray, nnx.to_pure_dict(weights[0]))
    module = nnx.merge(SPEC.graphdef, *weights, copy=True)
    nodes = dict(graph.nodes)
    nodes["atom"] = np.where(masked, 119, nodes["atom"]).astype(np.uint8)
    nodes["chirality"] = np.where(masked, 0, nodes["chirality"]).astype(np.uint8)
    h = np.asarray(module.encoder(nodes, jnp.arange(rows) < n, training=False))[:n]
    h = np.where(h > 0, h, 0.25 * h) @ params["bridge"]["kernel"]
    h[masked[:n]] = 0
    p = params["decoder"]
    message = h + p["bond"][4] + p["bond"][6]
    kinds = {"SINGLE": 0, "DOUBLE": 1, "TRIPLE": 2, "AROMATIC": 3}
    directions = {"NONE": 0, "ENDUPRIGHT": 1, "ENDDOWNRIGHT": 2}
    for bond in Chem.MolFromSmiles(SMILES).GetBonds():
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        embedded = p["bond"][kinds[bond.GetBondType().name]] + p["bond"][6 + directions[bond.GetBondDir().name]]
        message[i] += h[j] + embedded
        message[j] += h[i] + embedded
    hidden = np.maximum(message @ p["expand"]["kernel"] + p["expand"]["bias"], 0)
    expected = hidden @ p["contract"]["kernel"] + p["contract"]["bias"]
    assert expected.shape == (n, MASKED)
    np.testing.assert_allclose(ours[:n], expected, rtol=1e-4, atol=1e-6)
    told = expected[np.arange(n), graphs.atom] / np.linalg.norm(expected, axis=1)
    errors = scaled_cosine_error(ours[:n], jnp.asarray(graphs.atom.astype(np.int32)))
    np.testing.assert_allclose(errors, (1 - told) ** 2, rtol=1e-4)


def test_batch_mates_and_padding_are_inert(weights, molecules):
    ids = [6, 0, 11]
    together = batch(molecules, [*ids, NO_MOLECULE])
    masked = np.asarray(choose_atoms(SPEC.atoms(together), 0.3, jax.random.key(0)))
    outputs = outputs_of(weights, together, jnp.asarray(masked))
    sizes = molecules.size[ids]
    for molecule, start, size in zip(ids, np.cumsum(sizes) - sizes, sizes, strict=True):
        alone = batch(molecules, [molecule], rows=40)
        own = np.zeros(alone.nodes["atom"].shape[0], bool)
        own[:size] = masked[start : start + size]
        one = outputs_of(weights, alone, jnp.asarray(own))
        np.testing.assert_allclose(one[:size], outputs[start : start + size], rtol=1e-4, atol=1e-6)
