"""The lanes' state on disk: Orbax for arrays, checksums of our own, the last two kept.

Orbax restores a file with a flipped byte without a word; here each file's checksum is compared first.
"""

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import jax
import orbax.checkpoint as ocp

from jaxmrl.errors import UserError
from jaxmrl.training.interrupts import Stop
from jaxmrl.training.lanes import Engine, Outcome, Slot

KEPT = 2
SECONDS = 30.0
"""Between checkpoints."""

_ARRAYS, _HOST, _CHECKSUMS, _TEMPORARY = "arrays", "host.json", "checksums.json", "unfinished"


def save(folder: Path, engine: Engine) -> None:
    """Writes the engine's state as the newest checkpoint of `folder`; an interruption leaves the former ones.

    Raises UserError where it cannot be written.
    """
    try:
        _write(folder, engine)
    except (OSError, ValueError) as error:  # Orbax reports a full disk as either
        reason = str(error).splitlines()[0][:200]
        raise UserError(f"cannot write a checkpoint to {folder}: {reason}; mend that and repeat the command") from None


def _write(folder: Path, engine: Engine) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / _TEMPORARY
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save((unfinished / _ARRAYS).absolute(), plain(engine.lanes))
    host = {
        "slots": [slot and asdict(slot) for slot in engine.slots],
        "names": [slot and engine.replicas[slot.replica].name for slot in engine.slots],
    }
    (unfinished / _HOST).write_text(json.dumps(host), encoding="utf-8")
    (unfinished / _CHECKSUMS).write_text(json.dumps(_checksums(unfinished)), encoding="utf-8")
    existing = _numbered(folder)
    unfinished.rename(folder / f"{existing[-1][0] + 1 if existing else 0:08d}")
    for _, old in _numbered(folder)[:-KEPT]:
        shutil.rmtree(old)


def restore(folder: Path, engine: Engine) -> str | None:
    """Puts the newest sound checkpoint of `folder` into `engine`. Returns a warning where one was damaged."""
    damaged = []
    for _, path in reversed(_numbered(folder)):
        if _is_sound(path):
            _put(path, engine)
            break
        damaged.append(path.name)
    return f"damaged checkpoints passed over in {folder}: {', '.join(damaged)}" if damaged else None


def remove(folder: Path) -> None:
    """Removes the checkpoints of a queue that is done, and the folder above where that leaves it empty."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()


class Progress(Protocol):
    """Steps done, now or before."""

    def advance(self, amount: int) -> None: ...

    def skip(self, amount: int) -> None: ...


def run(
    folder: Path,
    engine: Engine,
    done: set[str],
    on_result: Callable[[Outcome], None],
    progress: Progress,
    stop: Stop,
    say: Callable[[str], None],
) -> None:
    """`engine.run`, saved in `folder` every SECONDS and when asked to stop; goes on from what is saved there.

    say(text) is called where a checkpoint is damaged. Raises StopRequestedError when stopped.
    """
    if warning := restore(folder, engine):
        say(warning)
    steps_done = sum(replica.steps for replica in engine.replicas if replica.name in done)
    under_way = (slot for slot in engine.slots if slot and engine.replicas[slot.replica].name not in done)
    progress.skip(steps_done + sum(slot.step for slot in under_way))
    saved = time.monotonic()

    def at_rest(engine: Engine) -> None:
        nonlocal saved
        if stop.requested or time.monotonic() - saved > SECONDS:
            save(folder, engine)
            saved = time.monotonic()
        stop.check()

    engine.run(done, on_result, progress.advance, at_rest)
    remove(folder)


def _is_sound(path: Path) -> bool:
    try:
        return json.loads((path / _CHECKSUMS).read_text(encoding="utf-8")) == _checksums(path)
    except (OSError, ValueError):
        return False


def _put(path: Path, engine: Engine) -> None:
    host = json.loads((path / _HOST).read_text(encoding="utf-8"))
    with ocp.StandardCheckpointer() as checkpointer:
        arrays = checkpointer.restore((path / _ARRAYS).absolute(), plain(engine.lanes))
    engine.lanes = like(engine.lanes, arrays)
    places = {replica.name: k for k, replica in enumerate(engine.replicas)}
    for lane, (slot, name) in enumerate(zip(host["slots"], host["names"], strict=True)):
        engine.slots[lane] = Slot(**slot | {"replica": places[name]}) if slot else None


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


def _checksums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _CHECKSUMS)
    return {str(path.relative_to(folder)): hashlib.blake2b(path.read_bytes()).hexdigest() for path in files}


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    if not folder.is_dir():
        return []
    return sorted((int(path.name), path) for path in folder.iterdir() if path.name.isdigit())
