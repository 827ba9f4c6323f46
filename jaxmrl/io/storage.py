"""Arrays on disk, each by its path in a tree: Orbax, with checksums of our own and the form of every array.

Orbax restores a file with a flipped byte without a word. Names come from the tree, never from a leaf's position in it:
equal shapes are common, and an array in the place of another is not noticed.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxmrl.errors import ConfigError, UserError
from jaxmrl.io.weight_names import leaf_name

_ORBAX = threading.Lock()
"""Two saves at once in one process take each other's temporary folders."""

_ARRAYS, _HOST, _FORMS, _CHECKSUMS, _TEMPORARY = "arrays", "host.json", "forms.json", "checksums.json", "unfinished"

_MOST_SAID = 4
"""The most arrays that an error names."""


def write(path: Path, arrays: dict[str, jax.Array], host: dict[str, Any]) -> None:
    """Write arrays, and what JSON can represent, as the folder `path`, whole or not at all. Raise UserError if that
    fails.
    """
    try:
        _write(path, arrays, host)
    except (OSError, ValueError) as error:  # Orbax reports a full disk as either
        reason = str(error).splitlines()[0][:200]
        raise UserError(
            f"cannot write a checkpoint to {path.parent}: {reason}; fix this and run the command again"
        ) from None


def _write(path: Path, arrays: dict[str, jax.Array], host: dict[str, Any]) -> None:
    unfinished = path.parent / _TEMPORARY
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    with _ORBAX, _for_orbax(unfinished) as folder, ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder / _ARRAYS, arrays)
    _write_json(unfinished / _FORMS, {name: [leaf.shape, leaf.dtype.name] for name, leaf in arrays.items()})
    _write_json(unfinished / _HOST, host)
    _write_json(unfinished / _CHECKSUMS, checksums_of(unfinished))
    unfinished.rename(path)


def _write_json(path: Path, content: Any) -> None:
    """Write a JSON file, safely on disk before this returns, as Orbax writes the arrays."""
    with path.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())


def remove(path: Path) -> None:
    """Remove such a folder, if it exists, whole or not at all, and the remains of an interrupted removal."""
    doomed = path.with_name(f".{path.name}.removed")
    shutil.rmtree(doomed, ignore_errors=True)
    if path.exists():
        path.rename(doomed)
        shutil.rmtree(doomed)


def is_sound(path: Path) -> bool:
    """Return whether a folder that `write` wrote is unchanged."""
    try:
        return json.loads((path / _CHECKSUMS).read_text(encoding="utf-8")) == checksums_of(path)
    except (OSError, ValueError):
        return False


def read_host(path: Path) -> dict[str, Any]:
    """Return what `write` wrote beside the arrays."""
    return json.loads((path / _HOST).read_text(encoding="utf-8"))


def read_forms(path: Path) -> dict[str, jax.ShapeDtypeStruct]:
    """Return the shapes and dtypes of the arrays that `write` wrote, by their names."""
    forms = json.loads((path / _FORMS).read_text(encoding="utf-8"))
    return {name: jax.ShapeDtypeStruct(tuple(shape), np.dtype(dtype)) for name, (shape, dtype) in forms.items()}


def read_arrays(path: Path, form: dict[str, Any]) -> dict[str, jax.Array]:
    """Return the arrays that `write` wrote.

    Raises ConfigError, naming what differs, where their names, shapes or dtypes are not those of `form`.
    """
    check_form(path, form, read_forms(path))
    with _ORBAX, _for_orbax(path) as folder, ocp.StandardCheckpointer() as checkpointer:
        return checkpointer.restore(folder / _ARRAYS, form)


@contextlib.contextmanager
def _for_orbax(folder: Path) -> Iterator[Path]:
    """Yield a path to `folder` for Orbax, which takes every name for UTF-8: a link if the locale spells it
    otherwise.
    """
    folder = folder.absolute()
    if os.fsencode(folder) == str(folder).encode("utf-8", "surrogatepass"):
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        link = Path(temporary, "folder")
        link.symlink_to(folder, target_is_directory=True)
        yield link


def checksums_of(folder: Path) -> dict[str, str]:
    """Return the digest of each file in a folder that `write` wrote, by its path in the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _CHECKSUMS)
    return {str(path.relative_to(folder)): hashlib.blake2b(path.read_bytes()).hexdigest() for path in files}


def _is_key(leaf: jax.Array) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def flatten(tree: Any) -> dict[str, jax.Array]:
    """Return the leaves of `tree` by their paths in it, typed keys as their words."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    named = {leaf_name(path): jax.random.key_data(leaf) if _is_key(leaf) else leaf for path, leaf in leaves}
    assert len(named) == len(leaves), "every leaf has a name of its own"
    return named


def unflatten(form: Any, arrays: dict[str, jax.Array], source: str) -> Any:
    """Return the inverse of `flatten`: `arrays` in the structure of `form`, whose leaves may be shapes and dtypes.

    Raises ConfigError, naming what differs, where names, shapes or dtypes are not those of `form`.
    source: what the arrays were read from, for the message
    """
    leaves, structure = jax.tree_util.tree_flatten_with_path(form)
    named = {leaf_name(path): leaf for path, leaf in leaves}
    words = {name: jax.eval_shape(jax.random.key_data, leaf) for name, leaf in named.items() if _is_key(leaf)}
    check_form(source, named | words, arrays)
    restored = {name: _restored(leaf, arrays[name]) for name, leaf in named.items()}
    return jax.tree.unflatten(structure, list(restored.values()))


def _restored(old: Any, new: jax.Array) -> jax.Array:
    return jax.random.wrap_key_data(new, impl=jax.random.key_impl(old)) if _is_key(old) else new


def check_form(source: Any, expected: dict[str, Any], found: dict[str, Any]) -> None:
    """Raise ConfigError, naming what differs, where two sets of arrays differ in names, shapes or dtypes."""
    forms, there = ({name: _form_text(leaf) for name, leaf in side.items()} for side in (expected, found))
    differing = [f"{name} is missing" for name in forms if name not in there]
    differing += [f"{name} is not part of it" for name in there if name not in forms]
    both = [name for name in forms if name in there]
    differing += [f"{name} is {there[name]}, not {forms[name]}" for name in both if there[name] != forms[name]]
    if differing:
        more = f", and {len(differing) - _MOST_SAID} more" if len(differing) > _MOST_SAID else ""
        raise ConfigError(
            f"the arrays in {source} do not match this program: {', '.join(differing[:_MOST_SAID])}{more}. "
            "Use the version of jaxmrl that wrote them, or start again in another --out"
        )


def _form_text(leaf: Any) -> str:
    return f"{np.dtype(leaf.dtype).name} {list(leaf.shape)}"
