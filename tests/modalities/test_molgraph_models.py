"""D-MPNN and GINE: their definitions, and that neither padding nor company changes what they say of a molecule."""

import operator
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from rdkit import Chem

from jaxmrl.modalities.flat_rows import FEW_MOLECULES
from jaxmrl.modalities.molgraph.dataset import MolGraphDataset
from jaxmrl.modalities.molgraph.features import featurize
from jaxmrl.modalities.molgraph.network import STEEPEST, SUM_SCALE
from jaxmrl.modalities.molgraph.properties import Scaling
from jaxmrl.pruning import gradients
from jaxmrl.training.losses import LOSSES
from tests.conftest import SMILES
from tests.support import compiled
from tests.support.molgraphs import batch_of, canonical, dataset, random_weights, spec_of

EVERYONE = range(len(SMILES))
DEPTH = {"dmpnn": 3, "gine": 2}
"""The least at which weights that layers share are used twice, and a layer's output goes into another."""


@pytest.fixture(scope="module", params=DEPTH)
def spec(request):
    return spec_of(request.param, depth=DEPTH[request.param])


@pytest.fixture(scope="module")
def weights(spec):
    return random_weights(spec)


def outputs(spec, weights, ids, smiles=None, room=(200, 200, 16)):
    return compiled.predict(spec, *weights, batch_of(ids, smiles, room))


def test_batch_mates_order_and_padding_change_nothing(spec, weights):
    alone = jnp.concatenate([outputs(spec, weights, [k], room=(32, 32, 8)) for k in EVERYONE])
    together = outputs(spec, weights, EVERYONE)
    reversed_ = outputs(spec, weights, [*EVERYONE[::-1], -1, -1, -1], room=(400, 300, 40))
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(reversed_[: len(SMILES)][::-1], alone, rtol=1e-5, atol=1e-6)


def test_padding_is_inert_in_training(spec, weights):
    def loss(params, room, ids):
        batch = dataset(room=room).gather(jnp.array(ids))
        out, stats = spec.train(params, weights[1], batch, jax.random.key(0))
        return (out[:4] ** 2).sum(), stats

    tight, padded = (
        jax.jit(jax.value_and_grad(loss, has_aux=True), static_argnums=(1, 2))(weights[0], room, ids)
        for room, ids in (((40, 40, 1), (0, 1, 8, 3)), ((300, 200, 40), (0, 1, 8, 3, -1, -1)))
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-6), tight, padded)


def test_atom_order_changes_nothing(spec, weights):
    molecule = Chem.MolFromSmiles(canonical()[-1])
    order = np.random.default_rng(0).permutation(molecule.GetNumAtoms()).tolist()
    shuffled = Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order), canonical=False)
    one, other = outputs(spec, weights, [0, 1], [canonical()[-1], shuffled])
    assert shuffled != canonical()[-1]
    np.testing.assert_allclose(one, other, rtol=1e-5)


def test_an_empty_batch_is_finite(spec, weights):
    out, stats = compiled.train(spec, *weights, batch_of([-1, -1], room=(8, 0, 0)), jax.random.key(0))
    assert np.isfinite(out).all()
    jax.tree.map(np.testing.assert_array_equal, stats, weights[1])


def test_no_promotion_and_no_float_scatter(spec, weights, strict):
    store = dataset()
    loss = lambda params, ids: spec.train(params, weights[1], store.gather(ids), jax.random.key(0))[0].sum()
    scattered = lambda ids: compiled.scattered(compiled.lowered(jax.grad(loss), weights[0], ids))
    assert not scattered(jnp.arange(4))
    found = scattered(jnp.arange(FEW_MOLECULES + 1) % 4)
    assert found, "the integer scatters of jnp.repeat are found"
    assert all(kind.startswith(("i", "ui")) for kind in found)


@pytest.mark.slow
def test_lanes_side_by_side_are_lanes_alone(spec, weights):
    other, ids, key = jax.tree.map(lambda x: 1.1 * x, weights), jnp.array([[0, 8, 3], [5, 11, -1]]), jax.random.key(3)
    dropped, store = replace(spec, dropout=0.2), dataset()

    def gradient(weights, ids, key):
        loss = lambda params: dropped.train(params, weights[1], store.gather(ids), key)[0].sum()
        return jax.grad(loss)(weights[0])

    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), weights, other)
    keys = jax.random.split(key, 2)
    together = jax.jit(jax.vmap(gradient))(both, ids, keys)
    for lane, own in enumerate((weights, other)):
        alone = jax.jit(gradient)(own, ids[lane], keys[lane])
        one = jax.tree.map(operator.itemgetter(lane), together)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), one, alone)


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_precisions_agree_roughly(precision, spec, weights):
    exact, rounded = (outputs(one, weights, EVERYONE) for one in (spec, replace(spec, precision=precision)))
    assert rounded.dtype == jnp.float32
    np.testing.assert_allclose(rounded, exact, atol=0.05 * float(jnp.abs(exact).max()))
    assert np.array_equal(rounded, exact) == (precision == "tf32")


def test_the_probe_sees_the_whole_gradient(spec, weights):
    """GraNd's norm, though D-MPNN uses one matrix of weights several times."""
    batch, (params, stats) = batch_of([8], room=(8, 8, 1)), weights
    loss = lambda outputs: LOSSES["regression"](outputs, jnp.ones_like(outputs)).sum()
    plain = jax.jit(jax.grad(lambda params: loss(spec.predict(params, stats, batch))))(params)
    by_probe = lambda params, probe: loss(spec.predict_probed(params, stats, batch, probe))
    gradient, in_layers = jax.jit(jax.grad(by_probe, argnums=(0, 1)))(params, jnp.float32(0))
    squares = in_layers + gradients.squares_elsewhere(gradient)
    expected = sum(float(jnp.sum(leaf**2)) for leaf in jax.tree.leaves(plain))
    assert float(squares) == pytest.approx(expected, rel=1e-4)


def plain_graph(smiles):
    """Features of atoms and bonds, and the directed edges (from, to, bond), of one molecule, in double precision."""
    batch, molecule = batch_of([0], [smiles], (32, 32, 8)), Chem.MolFromSmiles(smiles)
    atoms = np.asarray(batch.atoms, np.float64)[: molecule.GetNumAtoms()]
    bonds = np.asarray(batch.bonds, np.float64)[: molecule.GetNumBonds()]
    ends = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx(), b.GetIdx()) for b in molecule.GetBonds()]
    return atoms, bonds, [edge for i, j, b in ends for edge in ((i, j, b), (j, i, b))]


def plain_dmpnn(p, stats, atoms, bonds, edges, depth):
    linear = lambda layer, x: x @ layer["kernel"] + layer.get("bias", 0.0)
    relu = lambda x: np.maximum(x, 0)
    start = {e: linear(p["atom_in"], atoms[e[0]]) + linear(p["bond_in"], bonds[e[2]]) for e in edges}
    h = {e: relu(x) for e, x in start.items()}
    for _ in range(depth - 1):
        coming = {e: sum((h[k] for k in edges if k[1] == e[0] and k[0] != e[1]), np.zeros(8)) for e in edges}
        h = {e: relu(start[e] + coming[e] @ p["update"]) for e in edges}
    total = np.array([sum((h[e] for e in edges if e[1] == v), np.zeros(8)) for v in range(len(atoms))])
    return relu(linear(p["atom_out"], atoms) + linear(p["message_out"], total))


def plain_gine(p, stats, atoms, bonds, edges, depth):
    linear = lambda layer, x: x @ layer["kernel"] + layer["bias"]
    relu = lambda x: np.maximum(x, 0)
    h = linear(p["atom"], atoms)
    for k in range(depth):
        layer, norm, total = p["layers"][k], stats["layers"][k]["norm"], h.copy()
        for i, j, b in edges:
            total[j] += relu(h[i] + linear(layer["bond"], bonds[b]))
        out = linear(layer["contract"], relu(linear(layer["expand"], total)))
        out = (out - norm["mean"]) / np.sqrt(norm["var"] + 1e-5) * layer["norm"]["scale"] + layer["norm"]["bias"]
        h = h + relu(out)
    return h


@pytest.mark.parametrize("smiles", ["C/C=C/c1ccc(S(F)(F)(F)(F)F)cc1", "[Fe]", "CC(=O)[O-].[Na+]"])
def test_against_a_plain_reading_of_the_definition(smiles, spec, weights):
    """The whole network, written with explicit directed edges and NumPy for one molecule."""
    (smiles,) = canonical([smiles])
    params, stats = (jax.tree.map(lambda x: np.asarray(x, np.float64), nnx.to_pure_dict(one)) for one in weights)
    encoder = {"dmpnn": plain_dmpnn, "gine": plain_gine}[spec.model]
    h = encoder(params["encoder"], stats.get("encoder"), *plain_graph(smiles), spec.depth)
    pooled = h.sum(axis=0) / SUM_SCALE
    hidden = np.maximum(pooled @ params["hidden"]["kernel"] + params["hidden"]["bias"], 0)
    expected = hidden @ params["head"]["kernel"] + params["head"]["bias"]
    np.testing.assert_allclose(outputs(spec, weights, [0], [smiles])[0], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_a_virtual_node_keeps_molecules_apart(strict):
    spec = spec_of("gine", virtual_node=True, depth=2)
    weights = random_weights(spec)
    alone = jnp.concatenate([outputs(spec, weights, [k], room=(32, 32, 8)) for k in (0, 8, 3)])
    np.testing.assert_allclose(outputs(spec, weights, [0, 8, 3]), alone, rtol=1e-5, atol=1e-6)
    test_no_promotion_and_no_float_scatter(spec, weights, strict)


@pytest.mark.slow
def test_a_virtual_node_shows_each_atom_all_others():
    for virtual_node, differ in ((False, False), (True, True)):
        spec = spec_of("gine", virtual_node=virtual_node, depth=2)
        model = nnx.merge(spec.graphdef, *random_weights(spec))
        first = [model.encoder(batch_of([0], [smiles]), training=False)[0] for smiles in ("CCCCCCCCO", "CCCCCCCCN")]
        assert (np.abs(first[0] - first[1]).max() > 1e-4) == differ


@pytest.mark.parametrize("readout", ["mean", "attention"])
def test_readouts_are_means_of_atoms(readout):
    """Of one molecule; with company that has fewer atoms, and none."""
    spec = spec_of("dmpnn", readout)
    params, stats = random_weights(spec)
    model = nnx.merge(spec.graphdef, params, stats)
    batch = batch_of([11, 9, -1])
    h = np.asarray(model.encoder(batch, training=False), np.float64)
    logits = np.zeros(len(h)) if readout == "mean" else np.asarray(model.attention(h.astype(np.float32)))[:, 0]
    weights = np.exp(STEEPEST * np.tanh(logits / STEEPEST))
    expected = [
        (weights[rows, None] * h[rows]).sum(axis=0) / weights[rows].sum() for rows in (slice(14), slice(14, 15))
    ]
    pooled = model._pool(jnp.asarray(h, jnp.float32), batch)
    np.testing.assert_allclose(pooled, [*expected, np.zeros(8)], rtol=1e-5, atol=1e-6)


def test_steep_attention_is_finite_however_many_atoms():
    spec = spec_of("gine", "attention", depth=1, tasks=1)
    params, stats = random_weights(spec)
    model = nnx.merge(spec.graphdef, params, stats)
    batch = batch_of([11, 0])
    for sign in (-1.0, 1.0):
        pooled = model._pool(sign * 1e6 * jnp.ones((len(batch.real), 8)), batch)
        np.testing.assert_allclose(pooled, np.full((2, 8), sign * 1e6), rtol=1e-5)


@pytest.mark.slow
def test_descriptors_reach_the_output_beside_the_graph():
    """The hidden layer sees them as chemprop's does: after the readout, of each molecule its own."""
    graphs, values = featurize(canonical()), np.random.default_rng(0).normal(size=(len(SMILES), 5))
    graphs = replace(graphs, properties=values.astype(np.float32))
    store = MolGraphDataset.to_device(graphs).with_budget(np.array([99, 99, 8]))
    spec = spec_of("dmpnn", properties=5)
    params, stats = random_weights(spec)
    together = compiled.predict(spec, params, stats, store.gather(jnp.array([8, 3, -1])))
    alone = compiled.predict(spec, params, stats, store.gather(jnp.array([3])))
    np.testing.assert_allclose(together[1], alone[0], rtol=1e-5, atol=1e-6)
    others = replace(store, arrays=store.arrays | {"properties": store.arrays["properties"] + 1})
    assert np.abs(compiled.predict(spec, params, stats, others.gather(jnp.array([3]))) - alone).max() > 1e-3


def test_descriptors_are_standardized_by_training_molecules():
    train = np.array([[1.0, 5.0, np.nan, 2.0], [3.0, 5.0, np.nan, np.nan]])
    scaling = Scaling.of(train)
    assert scaling == Scaling([2.0, 5.0, 0.0, 2.0], [1.0, 1.0, 1.0, 1.0])
    new = scaling.apply(np.array([[4.0, 5.5, 1.0, np.nan], [1e9, np.inf, -1e9, 2.0]]))
    np.testing.assert_array_equal(new, np.float32([[2, 0.5, 1, 0], [10, 0, -10, 0]]))


def test_parameters_are_counted_by_hand():
    width, tasks = 300, 1
    atom, bond = 73, 11
    head = width * width + width + width * tasks + tasks
    inward, update, outward = (atom + bond) * width, width * width, (atom + width) * width + width
    assert spec_of("dmpnn", width=width, tasks=tasks).parameters == inward + update + outward + head
    layer = bond * width + width + width * 2 * width + 2 * width + 2 * width * width + width + 2 * width
    assert spec_of("gine", width=width, tasks=tasks).parameters == atom * width + width + 3 * layer + head
