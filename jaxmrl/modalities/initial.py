"""Initial weights, drawn so that they take little time to compile."""

import math

import jax
import jax.numpy as jnp
from jax.extend.random import threefry_2x32

BLOCK = 16_384
"""Numbers that are drawn at a time."""

_ONE = 0x3F800000
"""The bits of 1 in float32."""


def uniform(key: jax.Array, shape: tuple[int, ...], bound: float) -> jax.Array:
    """Return float32 numbers from -bound up to bound, the same bits as those of `jax.random.uniform`.

    XLA compiles a generator for each shape, in a quarter of a second on a CPU: seconds for a model of many layers.
    Blocks of one shape share theirs.

    Args:
        key: A threefry key.
        shape: The shape of the result.
        bound: The largest absolute value.
    """
    count = math.prod(shape)
    if count <= BLOCK:
        return _block(key, 0, bound)[:count].reshape(shape)
    blocks = jax.lax.map(lambda place: _block(key, place, bound), jnp.arange(-(-count // BLOCK)))
    return blocks.reshape(-1)[:count].reshape(shape)


@jax.jit
def _block(key: jax.Array, place: jax.Array | int, bound: float) -> jax.Array:
    """Return the numbers from place * BLOCK on, [BLOCK]: each comes from its own count, which the key scrambles."""
    count = (place * BLOCK + jnp.arange(BLOCK)).astype(jnp.uint32)
    scrambled = threefry_2x32(jax.random.key_data(key), jnp.concatenate([jnp.zeros_like(count), count]))
    mantissa = (scrambled[:BLOCK] ^ scrambled[BLOCK:]) >> 9
    unit = jax.lax.bitcast_convert_type(mantissa | jnp.uint32(_ONE), jnp.float32) - 1.0
    return jnp.maximum(-bound, unit * (2 * bound) - bound)
