"""Stopping in good order: the first signal, or the end of the time allowed, asks; a second signal insists."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

_ALWAYS = (signal.SIGINT, signal.SIGTERM)
_MORE = ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")
"""A closed terminal, the warnings of Slurm and submitit, a limit of processor time. Windows has none of them."""


class StopRequestedError(Exception):
    """The run was asked to stop, and has saved its state. The message says by what, where that was no signal."""


@dataclass
class Stop:
    """Whether a stop was asked for, by a signal or because `seconds` have passed since `started` (monotonic)."""

    requested: bool = False
    seconds: float | None = None
    started: float = 0.0

    @property
    def timed_out(self) -> bool:
        """Whether the time allowed has passed."""
        return self.seconds is not None and time.monotonic() - self.started >= self.seconds

    @property
    def is_due(self) -> bool:
        """Whether to stop now."""
        return self.requested or self.timed_out

    def check(self) -> None:
        """Raise StopRequestedError if it is time to stop."""
        if self.requested:
            raise StopRequestedError
        if self.timed_out:
            raise StopRequestedError("the time limit of --max-time has passed")


def stop_signals() -> list[signal.Signals]:
    """Return the signals that ask a run to stop, by what they do now.

    SIGINT and SIGTERM always; of the others those that nobody handles and that are not ignored, as nohup has SIGHUP.
    """
    unhandled = (signal.SIG_DFL, signal.default_int_handler)
    more = [getattr(signal, name) for name in _MORE if hasattr(signal, name)]
    return [*_ALWAYS, *(number for number in more if signal.getsignal(number) in unhandled)]


@contextmanager
def catch_signals(seconds: float | None = None, started: float = 0.0) -> Iterator[Stop]:
    """Turn signals into a request to stop; a second one acts at once. `seconds` and `started` as of `Stop`.

    Outside the main thread, signals are left alone.
    """
    stop = Stop(seconds=seconds, started=started)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    former = {number: signal.getsignal(number) for number in stop_signals()}

    def restore() -> None:
        for number, handler in former.items():
            signal.signal(number, handler)

    def request(number: int, frame: FrameType | None) -> None:
        stop.requested = True
        restore()

    for number in former:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        restore()


@contextmanager
def resumable(how: str) -> Iterator[None]:
    """Add to a StopRequestedError how to go on, which Python and notebooks show below its traceback.

    how: in a sentence without its period.
    """
    try:
        yield
    except StopRequestedError as error:
        error.add_note(f"The state is saved. {how}.")
        raise
