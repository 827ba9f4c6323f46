import jax
import jax.numpy as jnp
import jraph
import numpy as np
import pytest

from jaxmrl.errors import DataError
from jaxmrl.modalities.flat_rows import starts
from jaxmrl.modalities.graph.dataset import GraphDataset
from tests.conftest import SMILES


def gathered(molecules, ids, nodes=200, rows=32):
    return GraphDataset.to_device(molecules).with_budget((nodes, rows)).gather(jnp.array(ids))


def test_more_rows_than_int32_can_count_are_refused():
    assert starts(np.array([2**30, 2**30 - 1, 0])).tolist() == [0, 2**30, 2**31 - 1]
    assert starts(np.zeros(0, np.int32)).tolist() == []
    with pytest.raises(DataError, match=r"have 2,147,483,648 atoms, pairs or tokens; .* at most 2,147,483,647 of each"):
        starts(np.full(2, 2**30, np.int32))


def test_budget_rounds_up_and_leaves_a_padding_row(molecules):
    store = GraphDataset.to_device(molecules).with_budget(np.array([64, 0]))
    assert store.budget == (72, 0)


def test_jraph_masks_hold(molecules, strict):
    ids = [3, 0, 8, -1, -1]
    batch = gathered(molecules, ids)
    sizes = molecules.size[[3, 0, 8]]
    nodes = np.asarray(jraph.get_node_padding_mask(batch))
    assert nodes.sum() == sizes.sum()
    assert nodes[: sizes.sum()].all()
    assert jraph.get_graph_padding_mask(batch).tolist() == [True] * 3 + [False] * 3
    assert batch.n_node.sum() == len(nodes)


def test_rows_are_the_molecules_in_order(molecules):
    ids = [5, 1, 5]
    batch = gathered(molecules, ids)
    starts = np.cumsum(molecules.size) - molecules.size
    row = 0
    for place, k in enumerate(ids):
        size = molecules.size[k]
        np.testing.assert_array_equal(batch.nodes["atom"][row : row + size], molecules.atom[starts[k] :][:size])
        assert (batch.nodes["graph"][row : row + size] == place).all()
        row += size


def test_neighbor_table_is_symmetric(molecules):
    batch = gathered(molecules, range(len(SMILES)))
    n, v = batch.nodes["atom"].shape[0], batch.nodes["overflow"].shape[0]
    adjacency = np.zeros((n, n), int)
    for i, row in enumerate(np.asarray(batch.nodes["neighbors"])):
        for j in row:
            if j < n:
                adjacency[i, j] += 1
            elif j < n + v:
                further = np.asarray(batch.nodes["overflow"])[j - n]
                adjacency[i, further[further < n]] += 1
    np.testing.assert_array_equal(adjacency, adjacency.T)
    assert adjacency.max() == 1
    np.testing.assert_array_equal(adjacency.sum(axis=1), np.asarray(batch.nodes["bonds"][:, :6]).sum(1).clip(1) - 1)


def test_gather_runs_inside_a_program_with_the_store_as_argument(molecules):
    store = GraphDataset.to_device(molecules).with_budget((200, 32))
    ids = jnp.array([2, 8, -1])
    traced = jax.jit(lambda store, ids: store.gather(ids))(store, ids)
    jax.tree.map(np.testing.assert_array_equal, traced, store.gather(ids))
