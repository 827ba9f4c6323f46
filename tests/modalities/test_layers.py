import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxmrl.modalities.initial import uniform
from jaxmrl.modalities.layers import (
    dropout_keys,
    exact_product,
    linear,
    look_up,
    mean_nodes,
    sum_rows,
    sum_rows_at_once,
)


@pytest.mark.parametrize("rows", [3, 50])
def test_a_probe_receives_the_squared_norm_of_the_gradient(rows, strict):
    """With few rows by products of pairs of rows, with many by the gradient itself."""
    layer = linear(12, 7, precision="float32", rngs=nnx.Rngs(params=0))
    inputs = jax.random.normal(jax.random.key(1), (rows, 12))
    parts = nnx.split(layer)
    weights = layer.kernel[...], layer.bias[...]

    def loss(outputs):
        return (outputs**3).sum()

    def plain(weights, inputs):
        return loss(exact_product(inputs, weights[0]) + weights[1][None, :])

    def probed(probe, inputs):
        inside = nnx.merge(*parts, copy=True)
        inside.probe = probe
        return loss(inside(inputs))

    by_weights, by_inputs = jax.grad(plain, argnums=(0, 1))(weights, inputs)
    norm, through = jax.grad(probed, argnums=(0, 1))(jnp.float32(0), inputs)
    assert float(norm) == pytest.approx(sum(float((part**2).sum()) for part in by_weights), rel=1e-5)
    assert jnp.allclose(through, by_inputs, rtol=1e-5)


@pytest.mark.parametrize(("inside", "outside"), [(3, 8), (8, 3)])
def test_gradients_of_a_product(inside, outside, strict):
    """Of a product that is wide, and of one that is tall."""
    keys = jax.random.split(jax.random.key(0), 3)
    shapes = (20, inside), (inside, outside), (20, outside)
    lhs, rhs, gradient = (jax.random.normal(key, shape) for key, shape in zip(keys, shapes, strict=True))
    product, backward = jax.vjp(exact_product, lhs, rhs)
    for ours, expected in zip(
        (product, *backward(gradient)), (lhs @ rhs, gradient @ rhs.T, lhs.T @ gradient), strict=True
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


@pytest.fixture(params=["CPU", "accelerator"])
def way(request, monkeypatch):
    """Of the two that `sum_groups` has, in turn."""
    if request.param == "accelerator":
        monkeypatch.setattr(jax.lax, "platform_dependent", lambda *operands, cpu, default: default(*operands))


def test_look_up_and_its_gradient(way, strict):
    table, index = jax.random.normal(jax.random.key(0), (5, 3)), jnp.array([4, 0, 4, 4, 2])
    ours, backward = jax.vjp(lambda table: look_up(table, index), table)
    expected, backward_plain = jax.vjp(lambda table: table[index], table)
    np.testing.assert_array_equal(ours, expected)
    np.testing.assert_allclose(backward(ours)[0], backward_plain(ours)[0], rtol=1e-5)


def test_mean_of_nodes_and_its_gradient(way, strict):
    h = jax.random.normal(jax.random.key(0), (6, 3))
    graph, mask = jnp.array([0, 0, 1, 1, 1, 1]), jnp.array([True, True, True, True, True, False])

    def plain(h):
        return jnp.stack([h[:2].mean(0), h[2:5].mean(0), jnp.zeros(3)])

    ours, backward = jax.vjp(lambda h: mean_nodes(h, graph, mask, 3), h)
    expected, backward_plain = jax.vjp(plain, h)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)
    np.testing.assert_allclose(backward(ours)[0], backward_plain(ours)[0], rtol=1e-5)


@pytest.mark.parametrize("shape", [(1,), (7, 3), (128, 128), (130, 127)])
def test_initial_weights_are_the_bits_of_jax(shape, strict):
    key, bound = jax.random.key(3), 73**-0.5
    expected = jax.jit(lambda key: jax.random.uniform(key, shape, jnp.float32, -bound, bound))(key)
    np.testing.assert_array_equal(jax.jit(lambda key: uniform(key, shape, bound))(key), expected)


def test_listed_rows_are_summed_alike_by_one_gather_and_by_many(strict):
    h, index = jnp.arange(12.0).reshape(4, 3), jnp.array([[0, 3, 4], [4, 4, 4]])
    for total in (sum_rows(h, index), sum_rows_at_once(h, index)):
        np.testing.assert_array_equal(total, [h[0] + h[3], jnp.zeros(3)])


def test_keys_of_dropout_are_those_of_each_layer(strict):
    key = jax.random.key(3)
    for place, one in enumerate(dropout_keys(key, 3)):
        assert jax.random.key_data(one).tolist() == jax.random.key_data(jax.random.fold_in(key, place)).tolist()
    with pytest.raises(ValueError, match="needs a key"):
        dropout_keys(None, 3)
