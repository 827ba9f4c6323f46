"""Batches of featurized graphs, and the sums along their edges against dense matrices."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.modalities.molgraph.edges import both_ways, reverse, sum_incoming, take_receivers, take_senders
from jaxmrl.modalities.molgraph.features import ATOM_CATEGORIES, ATOM_WIDTH, BOND_WIDTH, featurize
from tests.conftest import SMILES
from tests.support.compiled import lowered, scattered
from tests.support.molgraphs import batch_of, canonical, dataset

EVERYONE = range(len(SMILES))


def dense(batch):
    """Which edge ends at which atom, [n, m], by the receivers of the real edges."""
    matrix = np.zeros((len(batch.real), len(batch.edges.receivers)), np.float32)
    count = int((np.abs(np.asarray(batch.bonds)).sum(axis=1) > 0).sum())
    matrix[np.asarray(batch.edges.receivers)[: 2 * count], np.arange(2 * count)] = 1
    return matrix


def test_rows_are_the_molecules_in_order(strict):
    graphs, ids = featurize(canonical()), [8, 1, 8, -1]
    batch = batch_of(ids)
    first = np.cumsum(graphs.size) - graphs.size
    rows = np.concatenate([first[k] + np.arange(graphs.size[k]) for k in ids[:3]])
    assert batch.size.tolist() == [*graphs.size[ids[:3]].tolist(), 0]
    assert batch.real.sum() == len(rows)
    atoms = np.asarray(batch.atoms)
    np.testing.assert_array_equal(atoms[: len(rows), :38].argmax(axis=1), graphs.atom[rows, 0])
    np.testing.assert_array_equal(atoms[: len(rows), -2], graphs.atom[rows, -1])
    np.testing.assert_array_equal(atoms[: len(rows), -1], graphs.mass[rows])
    np.testing.assert_array_equal(atoms[: len(rows), :-2].sum(axis=1), len(ATOM_CATEGORIES))
    assert not atoms[len(rows) :].any()
    assert not np.asarray(batch.bonds)[graphs.bond_count[ids[:3]].sum() :].any()
    assert (atoms.shape[1], batch.bonds.shape[1]) == (ATOM_WIDTH, BOND_WIDTH)


def test_incoming_edges_are_those_that_the_receivers_say():
    batch = batch_of(EVERYONE)
    h = np.random.default_rng(0).normal(size=(len(batch.edges.receivers), 3)).astype(np.float32)
    np.testing.assert_allclose(sum_incoming(jnp.asarray(h), batch.edges), dense(batch) @ h, rtol=1e-5, atol=1e-6)
    assert dense(batch).sum(axis=1).max() == 6, "an atom with an overflow row is among them"


def test_edges_stand_beside_their_reverse():
    batch = batch_of(EVERYONE)
    receivers, edges = batch.edges.receivers, jnp.arange(len(batch.edges.receivers), dtype=jnp.float32)[:, None]
    np.testing.assert_array_equal(reverse(edges)[:, 0], np.arange(len(edges)) ^ 1)
    atoms = jnp.arange(len(batch.real), dtype=jnp.float32)[:, None]
    np.testing.assert_array_equal(take_receivers(atoms, batch.edges)[:, 0], receivers)
    np.testing.assert_array_equal(take_senders(atoms, batch.edges)[:, 0], receivers[np.arange(len(edges)) ^ 1])
    np.testing.assert_array_equal(both_ways(edges[:5])[:, 0], np.arange(10) // 2)


def test_each_gradient_is_the_transposed_map():
    """On real rows: padding edges carry nothing back."""
    batch, rng = batch_of(EVERYONE), np.random.default_rng(0)
    n, m = dense(batch).shape
    of_edges, of_atoms = (jnp.asarray(rng.normal(size=(rows, 3)), jnp.float32) for rows in (m, n))
    of_atoms = jnp.where(batch.real[:, None], of_atoms, 0)
    _, summed = jax.vjp(lambda h: sum_incoming(h, batch.edges), of_edges)
    np.testing.assert_allclose(summed(of_atoms)[0], dense(batch).T @ of_atoms, rtol=1e-5, atol=1e-6)
    _, taken = jax.vjp(lambda h: take_receivers(h, batch.edges), of_atoms)
    np.testing.assert_allclose(taken(of_edges)[0], dense(batch) @ of_edges, rtol=1e-5, atol=1e-6)


def test_molecules_without_bonds_or_overflow():
    batch = batch_of([0, 1], ["[Fe]", "C"], room=(2, 0, 0))
    total = sum_incoming(jnp.ones((len(batch.edges.receivers), 2)), batch.edges)
    assert not np.asarray(total).any()


def test_budget_rounds_up_and_leaves_padding_rows():
    assert dataset(room=(64, 8, 0)).budget == (72, 16, 0)


def test_sums_along_edges_have_no_scatter_of_numbers():
    batch = batch_of(EVERYONE)
    loss = lambda h, edges: (take_senders(sum_incoming(h, edges), edges) ** 2).sum()
    text = lowered(jax.grad(loss), jnp.ones((len(batch.edges.receivers), 4)), batch.edges)
    assert "gather" in text
    assert not scattered(text)
