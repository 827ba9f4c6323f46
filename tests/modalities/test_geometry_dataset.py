import jax.numpy as jnp
import jraph
import numpy as np
import pytest

from jaxmrl.modalities.geometry.dataset import GeometryDataset
from jaxmrl.modalities.geometry.features import find_pairs
from tests.support.geometry import molecules

CUTOFF = 3.0


@pytest.fixture(scope="module")
def geometries():
    return find_pairs(molecules(), CUTOFF)


def test_jraph_masks_hold(geometries, strict):
    ids = [3, 0, 2, -1, -1]
    batch = GeometryDataset.to_device(geometries).with_budget((100, 40)).gather(jnp.array(ids))
    atoms, pairs = geometries.size[ids[:3]].sum(), geometries.pair_count[ids[:3]].sum()
    assert jraph.get_node_padding_mask(batch).sum() == atoms
    assert jraph.get_edge_padding_mask(batch).sum() == pairs
    assert jraph.get_graph_padding_mask(batch).tolist() == [True] * 3 + [False] * 3
    assert (int(batch.n_node.sum()), int(batch.n_edge.sum())) == (48, 104)


def test_pairs_and_their_vectors(geometries):
    ids = [4, 1, 4]
    batch = GeometryDataset.to_device(geometries).with_budget((100, 40)).gather(jnp.array(ids))
    starts = np.cumsum(geometries.size) - geometries.size
    places = np.concatenate([starts[k] + np.arange(geometries.size[k]) for k in ids])
    position = geometries.position[places]
    real = int(geometries.pair_count[ids].sum())
    senders, receivers = np.asarray(batch.senders), np.asarray(batch.receivers)
    np.testing.assert_array_equal(batch.nodes["atom"][: len(places)], geometries.atom[places])
    np.testing.assert_allclose(batch.edges[:real], position[receivers[:real]] - position[senders[:real]], atol=1e-6)
    assert (np.linalg.norm(batch.edges[:real], axis=1) < CUTOFF).all()
    np.testing.assert_array_equal(np.linalg.norm(batch.edges[real:], axis=1), CUTOFF)
    for atom in range(len(places)):
        pairs, others = (np.asarray(batch.nodes[name][atom]) for name in ("pairs", "others"))
        mine = [k for k in range(real) if atom in (senders[k], receivers[k])]
        assert pairs[pairs < real].tolist() == mine
        assert others[pairs < real].tolist() == [int(senders[k] + receivers[k] - atom) for k in mine]
        assert set(pairs[pairs >= real].tolist()) <= {103}
    assert (np.asarray(batch.nodes["pairs"])[len(places) :] == 103).all()


def test_lone_atoms_have_no_pairs():
    alone = molecules().take(np.array([False, True, False, False, False]))
    batch = GeometryDataset.to_device(find_pairs(alone, CUTOFF)).with_budget((0, 1)).gather(jnp.array([0, -1]))
    assert (np.asarray(batch.nodes["pairs"]) == len(batch.edges) - 1).all()
    np.testing.assert_array_equal(np.linalg.norm(batch.edges, axis=1), CUTOFF)
