from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from rdkit import Chem

from jaxmrl.modalities.flat_rows import FEW_MOLECULES
from jaxmrl.modalities.graph import gin
from jaxmrl.modalities.graph.dataset import GraphDataset
from jaxmrl.modalities.graph.features import featurize
from jaxmrl.modalities.layers import dropout, matmul, sum_neighbors
from jaxmrl.training.model_spec import ModelSpec
from tests.conftest import SMILES
from tests.support.compiled import gather, init, lowered, predict, scattered, train

SHAPE = ModelSpec(width=8, depth=3, dropout=0.5, tasks=2, precision="float32")


@pytest.fixture(scope="module")
def weights():
    return init(SHAPE, jax.random.key(1))


def outputs(weights, molecules, ids, nodes=200, training=False):
    batch = gather(GraphDataset.to_device(molecules).with_budget((nodes, 32)), jnp.array(ids))
    if training:
        return train(SHAPE, *weights, batch, jax.random.key(2))[0]
    return predict(SHAPE, *weights, batch)


def test_parameters_of_the_study():
    study = ModelSpec(width=300, depth=5, dropout=0.5, tasks=1, precision="float32")
    layer = 9 * 300 + 300 * 600 + 600 + 600 * 300 + 300 + 2 * 300
    assert study.parameters == (120 + 4) * 300 + 5 * layer + 301


def test_batch_mates_order_and_padding_change_nothing(weights, molecules):
    alone = jnp.concatenate([outputs(weights, molecules, [k], nodes=32) for k in range(len(SMILES))])
    together = outputs(weights, molecules, range(len(SMILES)))
    reversed_ = outputs(weights, molecules, [*range(len(SMILES))][::-1] + [-1] * 5, nodes=500)
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(reversed_[: len(SMILES)][::-1], alone, rtol=1e-5, atol=1e-6)


def test_padding_is_inert_in_training(weights, molecules):
    def loss(params, nodes, ids):
        batch = GraphDataset.to_device(molecules).with_budget((nodes, 32)).gather(jnp.array(ids))
        shape = ModelSpec(width=8, depth=3, dropout=0.0, tasks=2, precision="float32")
        out, stats = train(shape, params, weights[1], batch, jax.random.key(0))
        return (out[:4] ** 2).sum(), stats

    tight, padded = (
        jax.jit(jax.value_and_grad(loss, has_aux=True), static_argnums=(1, 2))(weights[0], nodes, ids)
        for nodes, ids in ((40, (0, 1, 8, 3)), (300, (0, 1, 8, 3, -1, -1)))
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5), tight, padded)


def test_atom_order_changes_nothing(weights):
    molecule = Chem.MolFromSmiles(SMILES[-1])
    order = np.random.default_rng(0).permutation(molecule.GetNumAtoms()).tolist()
    shuffled = Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order), canonical=False)
    graphs, _, _ = featurize([SMILES[-1], shuffled])
    one, other = outputs(weights, graphs, [0, 1])
    np.testing.assert_allclose(one, other, rtol=1e-5)


def test_against_a_plain_reading_of_the_definition(weights):
    """The whole network, written with explicit edges and NumPy for one molecule."""
    smiles = "C/C=C/c1ccc([S](F)(F)(F)(F)F)cc1"
    graphs, _, _ = featurize([smiles])
    ours = outputs(weights, graphs, [0])[0]

    params = jax.tree.map(np.asarray, nnx.to_pure_dict(weights[0]))
    stats = jax.tree.map(np.asarray, nnx.to_pure_dict(weights[1]))
    molecule, encoder = Chem.MolFromSmiles(smiles), params["encoder"]
    h = encoder["atom"][graphs.atom] + encoder["chirality"][graphs.chirality]
    kinds = {"SINGLE": 0, "DOUBLE": 1, "TRIPLE": 2, "AROMATIC": 3}
    directions = {"NONE": 0, "ENDUPRIGHT": 1, "ENDDOWNRIGHT": 2}
    for k in range(3):
        p, norm = encoder["layers"][k], stats["encoder"]["layers"][k]["norm"]
        message = h + p["bond"][4] + p["bond"][6]
        for bond in molecule.GetBonds():
            i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            embedded = p["bond"][kinds[bond.GetBondType().name]] + p["bond"][6 + directions[bond.GetBondDir().name]]
            message[i] += h[j] + embedded
            message[j] += h[i] + embedded
        hidden = np.maximum(message @ p["expand"]["kernel"] + p["expand"]["bias"], 0)
        h = hidden @ p["contract"]["kernel"] + p["contract"]["bias"]
        h = (h - norm["mean"]) / np.sqrt(norm["var"] + 1e-5) * p["norm"]["scale"] + p["norm"]["bias"]
        h = np.maximum(h, 0) if k < 2 else h
    expected = h.mean(axis=0) @ params["head"]["kernel"] + params["head"]["bias"]
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)


def test_gradient_of_a_degree_ten_star():
    """The overflow neighbors belong to both directions of the sum: its gradient is the transposed map."""
    leaves = 10
    n = leaves + 1
    neighbors = np.full((n, 4), n + 1)
    neighbors[0] = [1, 2, 3, n]
    neighbors[1:, 0] = 0
    overflow = np.array([[*range(4, n)]])
    h = jax.random.normal(jax.random.key(0), (n, 5))
    adjacency = np.zeros((n, n), np.float32)
    adjacency[0, 1:] = adjacency[1:, 0] = 1
    summed, backward = jax.vjp(lambda h: sum_neighbors(h, jnp.asarray(neighbors), jnp.asarray(overflow)), h)
    np.testing.assert_allclose(summed, adjacency @ h, rtol=1e-5)
    np.testing.assert_allclose(backward(h)[0], adjacency.T @ h, rtol=1e-5)


def test_no_promotion_and_no_float_scatter(weights, molecules, strict):
    store = GraphDataset.to_device(molecules).with_budget((200, 32))

    def loss(params, ids):
        return train(SHAPE, params, weights[1], store.gather(ids), jax.random.key(0))[0].sum()

    assert not scattered(lowered(jax.grad(loss), weights[0], jnp.arange(4)))
    ours = scattered(lowered(jax.grad(loss), weights[0], jnp.arange(FEW_MOLECULES + 1) % 4))
    assert ours, "the integer scatters of jnp.repeat are found"
    assert all(kind.startswith(("i", "ui")) for kind in ours)
    plain = scattered(lowered(jax.grad(lambda table: table[jnp.array([0, 0, 1])].sum()), jnp.ones((3, 2))))
    assert "f32" in plain, "a plain look-up has one, and it would be found"


@pytest.mark.parametrize("rate", [0.5, 0.2])
def test_dropout_rate_and_scale(rate, strict):
    h = jnp.ones((200, 70))
    dropped = dropout(h, rate, jax.random.key(0))
    in_force = round(rate * 256) / 256
    assert set(np.unique(dropped)) == {0.0, np.float32(1 / (1 - in_force))}
    assert float((dropped == 0).mean()) == pytest.approx(rate, abs=0.02)
    columns = (dropped == 0).astype(np.float32).mean(axis=0)
    assert columns.std() < 0.06, "every column drops alike"


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_precisions_agree_roughly(precision, weights, molecules):
    shape = ModelSpec(width=8, depth=3, dropout=0.5, tasks=2, precision=precision)
    batch = gather(GraphDataset.to_device(molecules).with_budget((200, 32)), jnp.arange(4))
    out = predict(shape, *weights, batch)
    assert out.dtype == jnp.float32
    exact = predict(SHAPE, *weights, batch)
    np.testing.assert_allclose(out, exact, atol=0.05 * float(jnp.abs(exact).max()))
    if precision == "bfloat16":
        assert not np.array_equal(out, exact)


@pytest.mark.slow
def test_activations_kept_in_bfloat16_change_no_output(weights, molecules, monkeypatch):
    shape = replace(SHAPE, precision="bfloat16")
    batch = gather(GraphDataset.to_device(molecules).with_budget((200, 32)), jnp.arange(4))

    def both():
        loss = lambda params: (shape.train(params, weights[1], batch, jax.random.key(0))[0] ** 2).sum()
        return jax.jit(lambda params: (shape.predict(params, weights[1], batch), jax.grad(loss)(params)))(weights[0])

    kept, gradient = both()
    monkeypatch.setattr(gin, "keep", lambda h, precision: h)
    plain, plain_gradient = both()
    np.testing.assert_array_equal(kept, plain)
    for one, other in zip(*map(jax.tree.leaves, (gradient, plain_gradient)), strict=True):
        np.testing.assert_allclose(one, other, atol=0.02 * float(jnp.abs(other).max()))


def test_bfloat16_products_and_gradients_are_float32_sums_of_rounded_operands():
    lhs, rhs, gradient = (
        jax.random.normal(jax.random.key(k), shape) for k, shape in enumerate([(9, 5), (5, 7), (9, 7)])
    )
    product, backward = jax.vjp(lambda a, b: matmul("bfloat16")(a, b, (((1,), (0,)), ((), ()))), lhs, rhs)
    a, b, g = (np.asarray(x.astype(jnp.bfloat16)).astype(np.float64) for x in (lhs, rhs, gradient))
    for ours, expected in zip((product, *backward(gradient)), (a @ b, g @ b.T, a.T @ g), strict=True):
        assert ours.dtype == jnp.float32
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


def test_an_empty_batch_is_finite(weights, molecules):
    batch = gather(GraphDataset.to_device(molecules).with_budget((32, 0)), jnp.array([-1, -1]))
    out, stats = train(SHAPE, *weights, batch, jax.random.key(0))
    assert np.isfinite(out).all()
    jax.tree.map(np.testing.assert_array_equal, stats, weights[1])
