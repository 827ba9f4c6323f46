import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.errors import ConfigError
from jaxmrl.io import storage


@pytest.mark.parametrize("name", [b"plain", "é".encode(), b"\xe9"], ids=("ASCII", "UTF-8", "Latin-1"))
def test_arrays_in_folders_of_any_name(tmp_path, name):
    """Orbax alone cannot write below a folder whose name is not UTF-8."""
    path = tmp_path / os.fsdecode(name) / "state"
    storage.write(path, {"a": jnp.arange(3)}, {"b": 4})
    assert storage.is_sound(path)
    assert storage.read_host(path) == {"b": 4}
    np.testing.assert_array_equal(storage.read_arrays(path, {"a": jnp.zeros(3, int)})["a"], np.arange(3))
    assert [entry.name for entry in path.parent.iterdir()] == ["state"]


def test_a_tree_comes_back_by_the_names_of_its_leaves():
    tree = {"layers": [jnp.ones(2), jnp.zeros((2, 3))], "key": jax.random.key(3), "sum": np.ones(1, np.float64)}
    arrays = storage.flatten(tree)
    assert set(arrays) == {"layers.0", "layers.1", "key", "sum"}
    found = storage.unflatten(tree, dict(reversed(arrays.items())), "here")
    np.testing.assert_array_equal(found["layers"][1], tree["layers"][1])
    assert found["key"] == tree["key"]
    assert found["sum"].dtype == np.float64


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"inward": np.zeros(3), "head": np.zeros(2)}, "in S .*: inward is missing, way_in is not part of it. Use the"),
        ({"way_in": np.zeros(4), "head": np.zeros(2)}, r": way_in is float64 \[3\], not float64 \[4\]"),
        ({"way_in": np.zeros(3), "head": np.zeros(2, np.float32)}, r": head is float64 \[2\], not float32 \[2\]"),
        ({f"{k}": np.zeros(1) for k in range(9)}, "3 is missing, and 7 more"),
    ],
)
def test_arrays_of_another_program_are_refused(tmp_path, form, message):
    arrays = {"way_in": np.zeros(3), "head": np.zeros(2)}
    with pytest.raises(ConfigError, match=message):
        storage.unflatten(form, arrays, "S")
    storage.write(tmp_path / "S", arrays, {})
    with pytest.raises(ConfigError, match=message.replace("in S", "in .*/S")):
        storage.read_arrays(tmp_path / "S", form)
