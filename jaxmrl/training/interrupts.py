"""Stopping in good order: the first Ctrl-C or SIGTERM asks, the second one insists."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


class StopRequestedError(Exception):
    """The run was asked to stop by a signal, and has saved its state."""


@dataclass
class Stop:
    """Whether a stop was asked for."""

    requested: bool = False

    def check(self) -> None:
        """Raises StopRequestedError if it was."""
        if self.requested:
            raise StopRequestedError


@contextmanager
def catch_signals() -> Iterator[Stop]:
    """Turns SIGINT and SIGTERM into a request; a second one acts at once. Outside the main thread, does nothing."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    caught = (signal.SIGINT, signal.SIGTERM)
    former = {number: signal.getsignal(number) for number in caught}

    def restore():
        for number, handler in former.items():
            signal.signal(number, handler)

    def request(number, frame):
        stop.requested = True
        restore()

    for number in caught:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        restore()
