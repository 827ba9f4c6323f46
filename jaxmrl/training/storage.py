"""Arrays on disk: Orbax, with checksums of our own, for Orbax restores a file with a flipped byte without a word."""

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
import orbax.checkpoint as ocp

from jaxmrl.errors import UserError

_ORBAX = threading.Lock()
"""Two saves at once in one process take each other's temporary folders."""

_ARRAYS, _HOST, _CHECKSUMS, _TEMPORARY = "arrays", "host.json", "checksums.json", "unfinished"


def write(path: Path, arrays: dict[str, jax.Array], host: dict[str, Any]) -> None:
    """Writes arrays, and what JSON can hold, as the folder `path`, whole or not at all. Raises UserError."""
    try:
        _write(path, arrays, host)
    except (OSError, ValueError) as error:  # Orbax reports a full disk as either
        reason = str(error).splitlines()[0][:200]
        raise UserError(
            f"cannot write a checkpoint to {path.parent}: {reason}; mend that and repeat the command"
        ) from None


def _write(path: Path, arrays: dict[str, jax.Array], host: dict[str, Any]) -> None:
    unfinished = path.parent / _TEMPORARY
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    with _ORBAX, _for_orbax(unfinished) as folder, ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder / _ARRAYS, arrays)
    _write_json(unfinished / _HOST, host)
    _write_json(unfinished / _CHECKSUMS, _checksums(unfinished))
    unfinished.rename(path)


def _write_json(path: Path, content: Any) -> None:
    """Safely on disk before this returns, as Orbax writes the arrays."""
    with path.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())


def remove(path: Path) -> None:
    """Removes such a folder, if it is there, whole or not at all, and what a removal that was interrupted has left."""
    doomed = path.with_name(f".{path.name}.removed")
    shutil.rmtree(doomed, ignore_errors=True)
    if path.exists():
        path.rename(doomed)
        shutil.rmtree(doomed)


def is_sound(path: Path) -> bool:
    """Whether a folder that `write` wrote is as it was."""
    try:
        return json.loads((path / _CHECKSUMS).read_text(encoding="utf-8")) == _checksums(path)
    except (OSError, ValueError):
        return False


def read_host(path: Path) -> dict[str, Any]:
    """What `write` was told beside the arrays."""
    return json.loads((path / _HOST).read_text(encoding="utf-8"))


def read_arrays(path: Path, form: dict[str, Any]) -> dict[str, jax.Array]:
    """The arrays that `write` was told; `form` has the same names, shapes and types."""
    with _ORBAX, _for_orbax(path) as folder, ocp.StandardCheckpointer() as checkpointer:
        return checkpointer.restore(folder / _ARRAYS, form)


@contextlib.contextmanager
def _for_orbax(folder: Path) -> Iterator[Path]:
    """A path to `folder` for Orbax, which takes every name for UTF-8: a link where the locale writes it otherwise."""
    folder = folder.absolute()
    if os.fsencode(folder) == str(folder).encode("utf-8", "surrogatepass"):
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        link = Path(temporary, "folder")
        link.symlink_to(folder, target_is_directory=True)
        yield link


def _checksums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _CHECKSUMS)
    return {str(path.relative_to(folder)): hashlib.blake2b(path.read_bytes()).hexdigest() for path in files}


def _is_key(leaf: jax.Array) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def plain(tree: Any) -> dict[str, jax.Array]:
    """The leaves of `tree` by their place in it, typed keys as their words."""
    leaves = jax.tree.leaves(tree)
    return {f"{k:04d}": jax.random.key_data(leaf) if _is_key(leaf) else leaf for k, leaf in enumerate(leaves)}


def like(tree: Any, leaves_by_place: dict[str, jax.Array]) -> Any:
    """The inverse of `plain`, in the structure of `tree`."""
    leaves, structure = jax.tree.flatten(tree)
    restored = [leaves_by_place[f"{k:04d}"] for k in range(len(leaves))]
    keys = [jax.random.wrap_key_data(new) if _is_key(old) else new for old, new in zip(leaves, restored, strict=True)]
    return jax.tree.unflatten(structure, keys)
