"""SchNet and PaiNN: their definitions, and what physics asks of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy.spatial.transform import Rotation

from jaxmrl.modalities.geometry.dataset import GeometryDataset
from jaxmrl.modalities.geometry.features import Conformers, find_pairs
from jaxmrl.modalities.geometry.modality import GeometryOptions
from jaxmrl.modalities.geometry.painn import PaiNN
from jaxmrl.training.model_spec import ModelSpec
from tests.support import compiled
from tests.support.geometry import SIZES, molecules

CUTOFF = 3.0
EVERYONE = tuple(range(len(SIZES)))


def shape_of(model, over_atoms="sum", width=16, depth=3):
    return ModelSpec(width, depth, 0.0, 2, "float32", model, "geometry", GeometryOptions(CUTOFF, over_atoms))


MODELS = ["schnet", pytest.param("painn", marks=pytest.mark.slow)]
PAINN_AT_NIGHT = ["schnet", pytest.param("painn", marks=pytest.mark.nightly)]


@pytest.fixture(params=MODELS)
def shape(request):
    return shape_of(request.param)


@pytest.fixture
def weights(shape):
    """Not fresh ones: biases are 0 there."""
    params, stats = compiled.init(shape, jax.random.key(0))
    keys = iter(jax.random.split(jax.random.key(1), 100))
    return jax.tree.map(lambda x: x + 0.1 * jax.random.normal(next(keys), x.shape), params), stats


def batch_of(conformers, ids=EVERYONE, pairs=80, nodes=30):
    store = GeometryDataset.to_device(find_pairs(conformers, CUTOFF)).with_budget((pairs, nodes))
    return compiled.gather(store, jnp.array(ids))


def predict(shape, weights, conformers, ids=EVERYONE, **rows):
    return compiled.predict(shape, *weights, batch_of(conformers, ids, **rows))


def with_positions(conformers, positions):
    return Conformers(conformers.size, conformers.atom, positions.astype(np.float32))


def assert_close(one, other):
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * float(np.abs(other).max()))


@pytest.mark.parametrize(("model", "depth", "count"), [("schnet", 6, 456_577), ("painn", 3, 589_057)])
def test_parameters_are_those_of_the_published_models(model, depth, count):
    """PyTorch Geometric's SchNet with 51 Gaussians has 456,577; PaiNN's authors speak of 600 thousand."""
    shape = ModelSpec(128, depth, 0.0, 1, "float32", model, "geometry", GeometryOptions(5.0, "sum"))
    d = 128
    readout = d * (d // 2) + d // 2 + d // 2 + 1
    if model == "schnet":
        layer = (51 * d + d) + (d * d + d) + d * d + 2 * (d * d + d)
    else:
        perceptrons = (d * d + d) + (2 * d * d + d) + 2 * (d * 3 * d + 3 * d)
        layer = perceptrons + d * 2 * d + (20 * 3 * d + 3 * d)
    assert shape.parameters == 100 * d + depth * layer + readout == count


def test_rotation_and_translation_change_nothing(shape, weights):
    there = molecules()
    turned = Rotation.from_rotvec([0.3, -1.1, 2.0]).apply(there.position) + np.array([3.0, -2.0, 5.0])
    assert_close(predict(shape, weights, with_positions(there, turned)), predict(shape, weights, there))


def test_distances_do_change_it(shape, weights):
    there = molecules()
    changed = predict(shape, weights, with_positions(there, 1.1 * there.position))
    assert np.abs(changed - predict(shape, weights, there)).max() > 1e-2


def test_atom_order_changes_nothing(shape, weights):
    there = molecules()
    ends = np.cumsum(there.size)
    order = np.concatenate([np.arange(end - size, end)[::-1] for end, size in zip(ends, there.size, strict=True)])
    shuffled = Conformers(there.size, there.atom[order], there.position[order])
    assert_close(predict(shape, weights, shuffled), predict(shape, weights, there))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("over_atoms", ["sum", pytest.param("mean", marks=pytest.mark.nightly)])
def test_batch_mates_and_padding_change_nothing(model, over_atoms):
    shape = shape_of(model, over_atoms)
    weights = compiled.init(shape, jax.random.key(0))
    alone = np.concatenate([predict(shape, weights, molecules(), [k]) for k in EVERYONE])
    together = predict(shape, weights, molecules())
    reversed_ = predict(shape, weights, molecules(), [*EVERYONE[::-1], -1, -1], pairs=200, nodes=90)
    assert_close(together, alone)
    assert_close(reversed_[:5][::-1], alone)


@pytest.mark.parametrize("shape", PAINN_AT_NIGHT, indirect=True)
def test_padding_is_inert_in_training(shape, weights):
    def loss(params, pairs, nodes, ids):
        outputs, _ = shape.train(params, weights[1], batch_of(molecules(), ids, pairs, nodes), jax.random.key(0))
        return (outputs[:3] ** 2).sum()

    gradient = jax.jit(jax.grad(loss), static_argnums=(1, 2, 3))
    tight, padded = gradient(weights[0], 60, 20, (0, 2, 3)), gradient(weights[0], 200, 90, (0, 2, 3, -1, -1))
    scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(tight))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6 * scale), tight, padded)


@pytest.mark.slow
def test_vectors_turn_with_the_molecule():
    model = PaiNN(width=16, depth=3, tasks=2, precision="float32", cutoff=CUTOFF, over_atoms="sum", rngs=nnx.Rngs(0))
    rotation = Rotation.from_rotvec([0.3, -1.1, 2.0])
    there = molecules()
    features = nnx.jit(lambda model, batch: model.features(batch))
    _, v = features(model, batch_of(there))
    _, turned = features(model, batch_of(with_positions(there, rotation.apply(there.position))))
    v, turned = (np.stack(x)[:, : sum(SIZES)] for x in (v, turned))
    assert np.abs(v).max() > 0.1
    assert np.abs(turned - v).max() > 0.1
    np.testing.assert_allclose(turned, np.einsum("ab,bnd->and", rotation.as_matrix(), v), atol=2e-5)


def test_a_pair_that_passes_the_cutoff_makes_no_step(shape, weights):
    """Three atoms; the third moves out of the second one's sight."""

    def at(distance):
        positions = np.array([[0, 0, 0], [1, 0, 0], [1 + distance, 0, 0]])
        conformers = Conformers(np.array([3], np.int32), np.array([6, 8, 1], np.uint8), positions.astype(np.float32))
        return find_pairs(conformers, CUTOFF).pair_count[0], predict(shape, weights, conformers, [0])

    near, inside, outside = at(CUTOFF - 0.3), at(CUTOFF - 1e-3), at(CUTOFF + 1e-3)
    assert (near[0], inside[0], outside[0]) == (2, 2, 1)
    assert np.abs(inside[1] - outside[1]).max() < 1e-5
    assert np.abs(near[1] - outside[1]).max() > 1e-4


def plain_outputs(shape, params, conformers, molecule):
    """The model of one molecule, read off its definition with loops over directed pairs, in double precision."""
    p = jax.tree.map(lambda x: np.asarray(x, np.float64), nnx.to_pure_dict(params))
    rows = np.repeat(np.arange(len(SIZES)), SIZES) == molecule
    z, position = conformers.atom[rows], conformers.position[rows].astype(np.float64)
    linear = lambda layer, x: x @ layer["kernel"] + layer.get("bias", 0.0)
    sigmoid = lambda x: 1 / (1 + np.exp(-x))
    ssp, silu = lambda x: np.log(0.5 * np.exp(x) + 0.5), lambda x: x * sigmoid(x)
    inside = lambda r: 0.5 * (np.cos(np.pi * r / CUTOFF) + 1)
    n, d = len(z), shape.width
    s, v = p["atom"][z], np.zeros((n, 3, d))
    pairs = [
        (i, j, position[j] - position[i])
        for i in range(n)
        for j in range(n)
        if i != j and np.linalg.norm(position[j] - position[i]) < CUTOFF
    ]
    for k in range(shape.depth):
        layer = p["layers"][k]
        if shape.model == "schnet":
            x, message = linear(layer["inward"], s), np.zeros((n, d))
            for i, j, vector in pairs:
                r = np.linalg.norm(vector)
                radial = np.exp(-0.5 * ((r - np.linspace(0, CUTOFF, 51)) / (CUTOFF / 50)) ** 2)
                filters = linear(layer["filters"][1], ssp(linear(layer["filters"][0], radial))) * inside(r)
                message[i] += filters * x[j]
            s = s + linear(layer["outward"][1], ssp(linear(layer["outward"][0], message)))
        else:
            phi = linear(layer["message"][1], silu(linear(layer["message"][0], s)))
            ds, dv = np.zeros_like(s), np.zeros_like(v)
            for i, j, vector in pairs:
                r = np.linalg.norm(vector)
                radial = np.sin(np.arange(1, 21) * np.pi * r / CUTOFF) / r
                filters = np.split(linear(p["filters"], radial) * inside(r), shape.depth)[k]
                a, b, c = np.split(filters * phi[j], 3)
                ds[i] += a
                dv[i] += b * (vector / r)[:, None] + c * v[j]
            s, v = s + ds, v + dv
            left, right = np.split(v @ layer["mix"]["kernel"], 2, axis=2)
            both = np.concatenate([s, np.sqrt((left**2).sum(axis=1) + 1e-8)], axis=1)
            a, b, c = np.split(linear(layer["update"][1], silu(linear(layer["update"][0], both))), 3, axis=1)
            s, v = s + a + c * (left * right).sum(axis=1), v + b[:, None, :] * right
    activation = ssp if shape.model == "schnet" else silu
    return linear(p["head"], activation(linear(p["readout"]["linear"], s)).sum(axis=0))


def test_it_is_its_definition(shape, weights):
    there = molecules()
    expected = np.array([plain_outputs(shape, weights[0], there, k) for k in EVERYONE])
    np.testing.assert_allclose(predict(shape, weights, there), expected, rtol=2e-4, atol=2e-4)


def test_ranks_and_types_are_meant(shape, weights, strict):
    batch = batch_of(molecules())
    loss = lambda params: shape.train(params, weights[1], batch, jax.random.key(0))[0].sum()
    assert np.isfinite(jax.jit(jax.value_and_grad(loss))(weights[0])[0])


@pytest.mark.slow
def test_a_step_has_no_scatter_of_numbers(shape, weights):
    store = GeometryDataset.to_device(find_pairs(molecules(), CUTOFF)).with_budget((80, 30))
    loss = lambda params, ids: shape.train(params, weights[1], store.gather(ids), jax.random.key(0))[0].sum()
    text = compiled.lowered(jax.grad(loss), weights[0], jnp.arange(5))
    assert all(kind.startswith(("i", "ui")) for kind in compiled.scattered(text))
    assert "gather" in text
