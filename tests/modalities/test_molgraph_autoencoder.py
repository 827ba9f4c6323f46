"""Masked atoms of featurized graphs, predicted from their neighbors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.modalities.graphmae import choose_atoms
from jaxmrl.modalities.molgraph.features import ATOM_CATEGORIES, ELEMENTS
from jaxmrl.training.autoencoder import AutoencoderSpec
from tests.support.molgraphs import batch_of

SMILES = ["CC(N)=O", "C[U]", "F[S](F)(F)(F)(F)F"]


@pytest.fixture(scope="module", params=["dmpnn", "gine"])
def spec(request):
    return AutoencoderSpec(request.param, width=8, depth=3, dropout=0.0, precision="float32")


@pytest.fixture(scope="module")
def weights(spec):
    params, stats = jax.jit(spec.init)(jax.random.key(3))
    return jax.tree.map(lambda leaf: leaf + 0.1, params), stats


@pytest.fixture(scope="module")
def outputs_of(spec, weights):
    return jax.jit(lambda batch, masked: spec.outputs(*weights, batch, masked)[0])


def rows(batch, *places):
    return jnp.zeros(len(batch.real), bool).at[jnp.array(places)].set(True)


def test_the_kind_of_an_atom_is_its_element(spec):
    batch = batch_of(range(3), SMILES)
    atoms = spec.atoms(batch)
    numbers = np.array(spec.network.elements)[np.asarray(atoms.kind)][np.asarray(atoms.real)]
    assert numbers.tolist() == [6, 6, 7, 8, 6, 0, *[9] * 1, 16, *[9] * 5], "uranium has no category of its own"
    assert len(spec.network.elements) == ATOM_CATEGORIES["element"] == len(ELEMENTS) + 1


def test_what_a_masked_atom_is_cannot_be_seen(spec, outputs_of):
    batch = batch_of(range(3), SMILES)
    masked = rows(batch, 2, 4)
    other = batch._replace(atoms=jnp.where(masked[:, None], 7.0, batch.atoms))
    np.testing.assert_array_equal(outputs_of(batch, masked), outputs_of(other, masked))
    assert not np.array_equal(outputs_of(batch, masked), outputs_of(batch, rows(batch, 2)))


def test_the_embedding_of_a_masked_atom_is_taken_away(spec, weights):
    """The decoder sees 0 in its place: without a bond to another atom, its output depends on no weight before."""
    params, stats = weights
    batch = batch_of([0], ["C"], room=(8, 8, 1))
    alone = jax.jit(lambda params: spec.outputs(params, stats, batch, rows(batch, 0))[0][0])
    changed = jax.tree.map(lambda leaf: leaf, params)
    changed["bridge"] = jax.tree.map(lambda leaf: 2 * leaf, params["bridge"])
    np.testing.assert_array_equal(alone(params), alone(changed))


@pytest.mark.slow
def test_batch_mates_and_padding_are_inert(spec, outputs_of):
    together = batch_of([0, 1, 2, -1], SMILES)
    masked = choose_atoms(spec.atoms(together), 0.3, jax.random.key(0))
    outputs, first = outputs_of(together, masked), 0
    for molecule, text in enumerate(SMILES):
        alone = batch_of([0], [text], room=(16, 16, 4))
        size = int(alone.size[0])
        own = jnp.zeros(len(alone.real), bool).at[:size].set(masked[first : first + size])
        np.testing.assert_allclose(
            outputs_of(alone, own)[:size], outputs[first : first + size], rtol=1e-4, atol=1e-6, err_msg=str(molecule)
        )
        first += size
