"""The progress of a running sweep, in a file of its run directory that other processes can read."""

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from jaxmrl.io.lock import holder

NAME = ".progress.json"


@dataclass(frozen=True)
class LiveProgress:
    """How far one stage of a computation has come.

    Attributes:
        stage: What is being done, such as `training`.
        done: The number of units done.
        total: The number of all units; None where that is not known.
        unit: What is counted, such as `steps`.
        seconds_left: The time that the rest takes by the speed so far; None where that is not known.
    """

    stage: str
    done: int
    total: int | None
    unit: str
    seconds_left: float | None = None


def write_progress(folder: Path, progress: LiveProgress) -> None:
    """Write the progress to a run directory. Where that fails, nothing happens: it decides no result."""
    temporary = folder / f"{NAME}.tmp"
    with contextlib.suppress(OSError):
        temporary.write_text(json.dumps(asdict(progress)), encoding="utf-8")
        temporary.replace(folder / NAME)


def read_progress(folder: Path) -> LiveProgress | None:
    """Return the progress of the process that works in a run directory; None where there is none yet."""
    if not is_running(folder):
        return None
    try:
        return LiveProgress(**json.loads((folder / NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


@contextlib.contextmanager
def own_progress(folder: Path) -> Iterator[None]:
    """Remove the file of the progress when the context ends: what is left in a run directory is results."""
    try:
        yield
    finally:
        for name in (NAME, f"{NAME}.tmp"):
            with contextlib.suppress(OSError):
                (folder / name).unlink(missing_ok=True)


def is_running(folder: Path) -> bool:
    """Return whether a process works in a run directory. Of another machine's, one that was killed counts, too."""
    found = holder(folder)
    if found is None:
        return False
    if found.host != socket.gethostname():
        return True
    return _is_alive(found.process)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True
