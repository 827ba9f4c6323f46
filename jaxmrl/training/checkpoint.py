"""A training's state on disk: the newest of its checkpoints, the last two kept."""

import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from jaxmrl.io import storage
from jaxmrl.progress import Progress
from jaxmrl.training.devices import train_on_devices
from jaxmrl.training.interrupts import Stop
from jaxmrl.training.lanes import Engine, waiting
from jaxmrl.training.outcome import Outcome

KEPT = 2
SECONDS = 30.0
"""Seconds between checkpoints."""


class Resumable(Protocol):
    """What a checkpoint is of: arrays on the device, and what the host knows."""

    @property
    def arrays(self) -> Any: ...

    def host_state(self) -> dict[str, Any]: ...

    def put_state(self, arrays: Any, host: dict[str, Any]) -> None: ...


def save(folder: Path, work: Resumable) -> None:
    """Write a state as the newest checkpoint of `folder`; an interruption leaves the former ones.

    Raises UserError where it cannot be written.
    """
    existing = _numbered(folder)
    name = f"{existing[-1][0] + 1 if existing else 0:08d}"
    storage.write(folder / name, storage.flatten(work.arrays), work.host_state())
    for _, old in _numbered(folder)[:-KEPT]:
        shutil.rmtree(old)


def restore(folder: Path, work: Resumable) -> str | None:
    """Put the newest sound checkpoint of `folder` into `work`. Return a warning if one was damaged.

    Raises ConfigError where its arrays are not those of `work`.
    """
    damaged = []
    for _, path in reversed(_numbered(folder)):
        if storage.is_sound(path):
            _put(path, work)
            break
        damaged.append(path.name)
    return f"skipped damaged checkpoints in {folder}: {', '.join(damaged)}" if damaged else None


def _put(path: Path, work: Resumable) -> None:
    arrays = storage.read_arrays(path, storage.flatten(work.arrays))
    work.put_state(storage.unflatten(work.arrays, arrays, str(path)), storage.read_host(path))


def remove(folder: Path) -> None:
    """Remove the checkpoints of a queue that is done, and the folder above if that leaves it empty."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()


def saver(folder: Path, stop: Stop) -> Callable[[Resumable], None]:
    """Return a function to call whenever a state may be saved: it saves it every SECONDS, and when asked to stop.

    The function raises StopRequestedError when asked to stop.
    """
    saved = time.monotonic()

    def at_rest(work: Resumable) -> None:
        nonlocal saved
        if stop.is_due or time.monotonic() - saved > SECONDS:
            save(folder, work)
            saved = time.monotonic()
        stop.check()

    return at_rest


def run(
    folder: Path,
    engines: list[Engine],
    done: set[str],
    on_result: Callable[[Engine, Outcome], None],
    progress: Progress,
    stop: Stop,
    say: Callable[[str], None],
    watch: Callable[[Engine], None] = lambda engine: None,
) -> None:
    """Train the replicas whose names are not in `done`, on engines of the same replicas, one for each device, together.

    Each is saved in `folder` every SECONDS and when asked to stop; goes on from what is saved there.

    say(text) is called where a checkpoint is damaged; watch(engine), from the engine's thread, at each of its rests.
    Raises StopRequestedError when stopped.
    """
    folders = [folder / f"device-{k}" for k in range(len(engines))]
    for one, engine in zip(folders, engines, strict=True):
        if warning := restore(one, engine):
            say(warning)
    queue, replicas = waiting(engines, done), engines[0].replicas
    steps_done = sum(replica.steps for replica in replicas if replica.name in done)
    progress.skip(steps_done + sum(slot.step for engine in engines for slot in engine.slots if slot))
    at_rest = [_watched(saver(one, stop), watch) for one in folders]
    on_progress = lambda steps, timed: progress.advance(steps) if timed else progress.skip(steps)

    def on_end(engine: Engine, outcome: Outcome) -> None:
        on_result(engine, outcome)
        progress.drop(engine.replica_of(outcome.name).steps - outcome.steps)

    train_on_devices(engines, queue, on_end, on_progress, at_rest)
    remove(folder)


def _watched(save: Callable[[Resumable], None], watch: Callable[[Engine], None]) -> Callable[[Engine], None]:
    def at_rest(engine: Engine) -> None:
        watch(engine)
        save(engine)  # raises when stopped

    return at_rest


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    if not folder.is_dir():
        return []
    return sorted((int(path.name), path) for path in folder.iterdir() if path.name.isdigit())
