"""JAX's settings that decide numbers: those of jaxmrl, whatever the program that calls it has set."""

import contextlib
from collections.abc import Iterator

import jax


@contextlib.contextmanager
def own_numerics() -> Iterator[None]:
    """Make JAX compute as jaxmrl's results are defined, in this thread, as a context or a decorator.

    float32 without x64, products at the precision that each model asks for, threefry as the source of random numbers,
    compiled programs, and promotion of ranks and dtypes as JAX has it by default.
    """
    with (
        jax.enable_x64(False),
        jax.default_matmul_precision(None),
        jax.default_prng_impl("threefry2x32"),
        jax.threefry_partitionable(True),
        jax.disable_jit(False),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        yield


def other_numerics() -> dict[str, int]:
    """Return the settings of JAX that decide numbers and that no context sets, for run.json."""
    # JAX gives its configuration the attributes of its settings as they are defined.
    return {"jax_random_seed_offset": jax.config.jax_random_seed_offset}  # type: ignore[attr-defined]
