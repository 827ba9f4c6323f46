import os

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.training import storage


@pytest.mark.parametrize("name", [b"plain", "é".encode(), b"\xe9"], ids=("ASCII", "UTF-8", "Latin-1"))
def test_arrays_in_folders_of_any_name(tmp_path, name):
    """Orbax alone cannot write below a folder whose name is not UTF-8."""
    path = tmp_path / os.fsdecode(name) / "state"
    storage.write(path, {"a": jnp.arange(3)}, {"b": 4})
    assert storage.is_sound(path)
    assert storage.read_host(path) == {"b": 4}
    np.testing.assert_array_equal(storage.read_arrays(path, {"a": jnp.zeros(3, int)})["a"], np.arange(3))
    assert [entry.name for entry in path.parent.iterdir()] == ["state"]
