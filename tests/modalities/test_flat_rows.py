"""The rows of a batch, end to end."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.modalities import flat_rows
from jaxmrl.modalities.flat_rows import gather_rows, starts


@pytest.mark.parametrize("ids", [[4, 0, 2, 4, -1, -1], [1, 1, -1, -1, -1, -1], [3, 5, 4, 0, 2, 1]])
def test_rows_of_few_and_of_many_molecules_are_found_alike(monkeypatch, ids):
    size = np.array([3, 0, 5, 1, 2, 4], np.int32)  # the second molecule has no row, as one without bonds
    own = jnp.asarray(starts(size)), jnp.asarray(size), jnp.array(ids), 24
    few = gather_rows(*own)
    monkeypatch.setattr(flat_rows, "FEW_MOLECULES", 0)
    for one, other in zip(few, gather_rows(*own), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
