"""Rows of molecules of different sizes, end to end, as datasets keep them on the device."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.errors import DataError

NO_MOLECULE = -1
"""The id that fills a batch with fewer molecules than its size; such ids come last in a batch."""

ROW_MULTIPLE = 8
GPU_ROW_MULTIPLE, MANY_ROWS = 64, 1024
"""Rows of a batch are a multiple of the first. On a GPU, a product copies operands whose rows are no multiple of the
tile that it works on; a batch of fewer rows than the second would become much larger."""

FEW_MOLECULES = 128
"""Molecules of a batch whose rows are assigned by comparing each row with each molecule."""

_MOST_ROWS = 2**31 - 1
"""Rows of a flat array on the device, whose places are int32."""


def round_up(rows: int) -> int:
    """Return the rows of a batch with room for so many, on the default device."""
    many = rows >= MANY_ROWS and jax.default_backend() == "gpu"
    multiple = GPU_ROW_MULTIPLE if many else ROW_MULTIPLE
    return -(-rows // multiple) * multiple


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


class Rows(NamedTuple):
    """The rows of a batch of `B` molecules, end to end, in a fixed number `n` of rows; the last of them are padding.

    size [B]    rows of each molecule, 0 of NO_MOLECULE
    group [n]   the place in the batch of each row's molecule
    source [n]  where the row is in the flat arrays of the dataset
    first [B]   each molecule's first row
    real [n]    whether the row is a molecule's
    """

    size: jax.Array
    group: jax.Array
    source: jax.Array
    first: jax.Array
    real: jax.Array


def gather_rows(start: jax.Array, size: jax.Array, ids: jax.Array, total: int) -> Rows:
    """Return the rows of the molecules `ids` [B] among `total` rows; start, size [N]: of all molecules."""
    known = ids >= 0
    ids = jnp.where(known, ids, 0)
    size = jnp.where(known, size[ids], 0)
    ends, row = jnp.cumsum(size), jnp.arange(total)
    first, group, real = ends - size, _owners(size, ends, row), row < size.sum()
    return Rows(size, group, jnp.where(real, start[ids][group] + row - first[group], 0), first, real)


def _owners(size: jax.Array, ends: jax.Array, row: jax.Array) -> jax.Array:
    """Return the place in the batch of the molecule of each row, that of the last one for padding; all as of `Rows`.

    For few molecules, counting those that end before a row takes half the time to compile, and no longer to compute.
    """
    if len(size) > FEW_MOLECULES:
        return jnp.repeat(jnp.arange(len(size)), size, total_repeat_length=len(row))
    return jnp.minimum((row[:, None] >= ends[None, :]).sum(axis=1, dtype=jnp.int32), len(size) - 1)


def graph_sizes(rows: Rows, ids: jax.Array) -> jax.Array:
    """Return the rows of each graph, [B + 1]; padding belongs to the first graph after the real ones, as in jraph."""
    is_first_padding = jnp.arange(len(ids) + 1) == (ids >= 0).sum()
    sizes = jnp.concatenate([rows.size, jnp.zeros(1, rows.size.dtype)])
    return jnp.where(is_first_padding, len(rows.real) - rows.size.sum(), sizes)
