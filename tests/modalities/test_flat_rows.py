"""The rows of a batch, end to end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.modalities import flat_rows
from jaxmrl.modalities.flat_rows import gather_rows, round_up, starts


@pytest.mark.parametrize("ids", [[4, 0, 2, 4, -1, -1], [1, 1, -1, -1, -1, -1], [3, 5, 4, 0, 2, 1]])
def test_rows_of_few_and_of_many_molecules_are_found_alike(monkeypatch, ids):
    size = np.array([3, 0, 5, 1, 2, 4], np.int32)  # the second molecule has no row, as one without bonds
    own = jnp.asarray(starts(size)), jnp.asarray(size), jnp.array(ids), 24
    few = gather_rows(*own)
    monkeypatch.setattr(flat_rows, "FEW_MOLECULES", 0)
    for one, other in zip(few, gather_rows(*own), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_large_batches_of_a_gpu_have_whole_tiles_of_rows(monkeypatch):
    assert [round_up(rows) for rows in (0, 1, 8, 6753)] == [0, 8, 8, 6760]
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert [round_up(rows) for rows in (0, 30, 1023, 1024, 6753)] == [0, 32, 1024, 1024, 6784]
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    assert round_up(6753) == 6760
