"""Rows of molecules of different sizes, end to end, as datasets keep them on the device."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.errors import DataError

NO_MOLECULE = -1
"""The id that fills a batch with fewer molecules than its size; such ids come last in a batch."""

ROW_MULTIPLE = 8
_MOST_ROWS = 2**31 - 1
"""Rows of a flat array on the device, whose places are int32."""


def round_up(rows: int) -> int:
    """To a multiple of ROW_MULTIPLE."""
    return -(-rows // ROW_MULTIPLE) * ROW_MULTIPLE


def starts(size: np.ndarray) -> np.ndarray:
    """Return the first row of each of `size` [N] rows that stand end to end, [N] int32.

    Raises DataError where the rows are more than int32 can count.
    """
    ends = np.cumsum(size, dtype=np.int64)
    if len(ends) and ends[-1] > _MOST_ROWS:
        raise DataError(
            f"the molecules have {ends[-1]:,} atoms, pairs or tokens; a device's table has at most {_MOST_ROWS:,} of "
            "each: sweep a part of the molecules, or geometries with a smaller --cutoff"
        )
    return (ends - size).astype(np.int32)


def spread(start: jax.Array, size: jax.Array, total: int) -> tuple[jax.Array, ...]:
    """Rows of variable-size groups, end to end in `total` rows.

    Returns each row's group [total], its row in the flat store [total], each group's first row [B], and whether
    the row holds anything [total].
    """
    first = jnp.cumsum(size) - size
    group = jnp.repeat(jnp.arange(len(size)), size, total_repeat_length=total)
    row = jnp.arange(total)
    real = row < size.sum()
    return group, jnp.where(real, start[group] + row - first[group], 0), first, real
