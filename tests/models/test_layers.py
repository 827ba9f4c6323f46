import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from jaxmrl.models.layers import exact_product, linear


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
