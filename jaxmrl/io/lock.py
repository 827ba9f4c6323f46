"""One process at a time in a directory. The lock is the operating system's: it ends with the process that holds it."""

import contextlib
import os
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from jaxmrl.errors import UserError

NAME = ".lock"
_HOLDER = re.compile(r"process (\d+) on (.+), since [-: \d]+")


class Holder(NamedTuple):
    """The process that holds a lock, and the name of its machine."""

    process: int
    host: str


def holder(folder: Path) -> Holder | None:
    """Return who holds the lock of `folder`, or held it when it was killed; None where nobody does."""
    found = _HOLDER.fullmatch(_holder(folder / NAME))
    return Holder(int(found[1]), found[2]) if found else None


@contextlib.contextmanager
def only_process(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`, which exists. Raise UserError if another process, or another call in this one, holds
    it.
    """
    path = folder / NAME
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(f"{folder} is in use by {_holder(path)}: wait until it ends, or choose another --out") from None
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; choose another directory with --out") from None
    try:
        with contextlib.suppress(OSError):  # on a full disk the lock holds without its holder's name
            since = time.strftime("%Y-%m-%d %H:%M")
            path.write_text(f"process {os.getpid()} on {socket.gethostname()}, since {since}", encoding="utf-8")
        yield
    finally:
        # Remove the file while the lock is held: a process that has opened it finds it gone, and takes a new one.
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") or "another process"
    except (OSError, ValueError):
        return "another process"
