from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.modalities.smiles.dataset import TokenDataset
from jaxmrl.modalities.smiles.features import build_vocabulary, encode
from jaxmrl.modalities.transformer import OUTPUT, sinusoids
from jaxmrl.modalities.transformer_model import HEADS, TransformerOptions
from jaxmrl.training.model_spec import ModelSpec
from tests.conftest import SMILES
from tests.support.compiled import embed, gather, init, lowered, predict, scattered, train

FEATURES = encode([[text] for text in SMILES], build_vocabulary(SMILES))
OPTIONS = TransformerOptions(len(FEATURES.vocabulary), positions=True)
SHAPE = ModelSpec(16, 2, 0.1, 3, "float32", "transformer", "smiles", OPTIONS)


def batch_of(ids, slack=0):
    ids = np.asarray(ids)
    limits = FEATURES.resources()[ids[ids >= 0]].sum(axis=0) + slack
    return gather(TokenDataset.to_device(FEATURES).with_budget(limits), jnp.asarray(ids))


def alone(k):
    """A batch of one molecule, in room for any."""
    return gather(TokenDataset.to_device(FEATURES).with_budget(FEATURES.resources().max(axis=0)), jnp.asarray([k]))


@pytest.fixture(scope="module")
def weights():
    return init(SHAPE, jax.random.key(0))


def plain(params, text_ids):
    """The model of one molecule, read off its definition in NumPy."""
    p = jax.tree.map(lambda x: np.asarray(x, np.float64), params.to_pure_dict())

    def linear(layer, x):
        return x @ layer["kernel"] + layer["bias"]

    def norm(layer, x):
        centered = x - x.mean(axis=-1, keepdims=True)
        return centered / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5) * layer["scale"] + layer["bias"]

    x = p["token"][text_ids]
    n, d = x.shape
    for k in range(n):
        for i in range(0, d, 2):
            x[k, i] += np.sin(k / 10_000 ** (i / d))
            x[k, i + 1] += np.cos(k / 10_000 ** (i / d))
    for k in range(SHAPE.depth):
        layer = p["layers"][k]
        query, key, value = np.split(linear(layer["inward"], x), 3, axis=1)
        out = np.zeros_like(x)
        for h in range(HEADS):
            mine = slice(h * d // HEADS, (h + 1) * d // HEADS)
            logits = query[:, mine] @ key[:, mine].T / np.sqrt(d // HEADS)
            weights = np.exp(logits - logits.max(axis=1, keepdims=True))
            out[:, mine] = weights / weights.sum(axis=1, keepdims=True) @ value[:, mine]
        x = norm(layer["norms"][0], x + linear(layer["outward"], out))
        x = norm(layer["norms"][1], x + linear(layer["contract"], np.maximum(linear(layer["expand"], x), 0)))
    return linear(p["head"], linear(p["output"], x.mean(axis=0)))


def test_it_is_its_definition(weights, strict):
    params, stats = weights
    outputs = predict(SHAPE, params, stats, batch_of(range(12)))
    starts = np.cumsum(FEATURES.size) - FEATURES.size
    for k, output in enumerate(outputs):
        expected = plain(params, FEATURES.token[starts[k] :][: FEATURES.size[k]])
        np.testing.assert_allclose(output, expected, rtol=2e-4, atol=2e-5)


def test_batch_mates_and_padding_change_nothing(weights, strict):
    params, stats = weights
    together = predict(SHAPE, params, stats, batch_of(range(12)))
    shuffled = np.random.default_rng(0).permutation(12)
    among_others = predict(SHAPE, params, stats, batch_of(shuffled))
    np.testing.assert_allclose(among_others, together[shuffled], rtol=1e-4, atol=1e-5)
    padded = predict(SHAPE, params, stats, batch_of([*range(12), -1, -1, -1], slack=3))
    np.testing.assert_allclose(padded[:12], together, rtol=1e-4, atol=1e-5)
    for k in range(12):
        np.testing.assert_allclose(predict(SHAPE, params, stats, alone(k))[0], together[k], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_padding_gets_and_gives_no_gradient(weights, strict):
    params, stats = weights

    def loss(params, batch):
        return (predict(SHAPE, params, stats, batch)[:12] ** 2).sum()

    gradient = jax.jit(jax.grad(loss))(params, batch_of(range(12)))
    padded = jax.jit(jax.grad(loss))(params, batch_of([*range(12), -1, -1], slack=2))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), padded, gradient)
    assert np.isfinite(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(padded)])).all()


def test_an_empty_batch_is_finite(weights):
    params, stats = weights
    outputs, _ = train(SHAPE, params, stats, batch_of([-1, -1]), jax.random.key(0))
    assert np.isfinite(outputs).all()


def test_positions_count_for_smiles_and_not_for_bits(weights):
    params, stats = weights
    bits = replace(SHAPE, options=replace(OPTIONS, positions=False))
    ids = [SMILES.index("CCO")]
    assert not np.allclose(predict(SHAPE, params, stats, batch_of(ids)), predict(bits, params, stats, batch_of(ids)))
    np.testing.assert_allclose(sinusoids(3, 4)[0], [0, 1, 0, 1])


def test_dropout_acts_in_training_alone(weights):
    params, stats = weights
    batch = batch_of(range(6))
    one, other = (train(SHAPE, params, stats, batch, jax.random.key(k))[0] for k in range(2))
    assert not np.allclose(one, other)
    calm = replace(SHAPE, dropout=0.0)
    trained, _ = train(calm, params, stats, batch, jax.random.key(0))
    np.testing.assert_allclose(trained, predict(calm, params, stats, batch), rtol=1e-5)


def test_the_embedding_is_not_zero_at_initialization(weights):
    params, stats = weights
    embeddings, outputs = embed(SHAPE, params, stats, batch_of(range(12)))
    assert embeddings.shape == (12, OUTPUT)
    assert float(embeddings.std(axis=0).mean()) > 1e-2
    np.testing.assert_allclose(outputs, predict(SHAPE, params, stats, batch_of(range(12))), rtol=1e-5)


def test_a_step_has_no_scatter_of_numbers(weights):
    store = TokenDataset.to_device(FEATURES).with_budget(FEATURES.resources().sum(axis=0))

    def loss(params, ids):
        return train(SHAPE, params, weights[1], store.gather(ids), jax.random.key(0))[0].sum()

    assert not scattered(lowered(jax.grad(loss), weights[0], jnp.arange(12)))
