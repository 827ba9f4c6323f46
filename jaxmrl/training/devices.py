"""Several engines, one for each device of a machine, that take replicas from one queue.

Each has a thread and runs the program that one device alone would run: so a replica's result is the same, bit by bit,
on any number of devices, and no device waits for another. (One program over all devices, by `shard_map`, was tried:
XLA simplifies it in another order, and its sums round differently.)
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import jax

from jaxmrl.training.interrupts import StopRequestedError
from jaxmrl.training.lanes import Engine
from jaxmrl.training.numerics import own_numerics
from jaxmrl.training.outcome import Outcome


class _OtherFailedError(Exception):
    """Raised where another engine failed or was stopped; its cause says why."""


def train_on_devices(
    engines: list[Engine],
    queue: Iterable[int],
    on_result: Callable[[Engine, Outcome], None],
    on_progress: Callable[[int, bool], None],
    at_rest: list[Callable[[Engine], None]] | None = None,
) -> None:
    """Train the replicas of `queue`, by their places, on all engines; the rest as of `Engine.work_off`.

    at_rest: one for each engine. No two calls of on_result, nor of on_progress, overlap. Where one engine raises, the
    others end at their next rest, and its exception is raised.
    """
    lock, failed, queue = threading.RLock(), threading.Event(), _OneAtATime(queue)

    def alone(function: Callable) -> Callable:
        def call(*arguments: Any) -> None:
            with lock:
                function(*arguments)

        return call

    @own_numerics()  # which a thread does not inherit
    def work(engine: Engine, rest: Callable[[Engine], None]) -> None:
        def at_rest(engine: Engine) -> None:
            rest(engine)
            if failed.is_set():
                raise _OtherFailedError

        try:
            with jax.default_device(engine.device):
                engine.work_off(queue, alone(lambda one: on_result(engine, one)), alone(on_progress), at_rest)
        except BaseException:
            failed.set()
            raise

    rests = at_rest or [lambda engine: None] * len(engines)
    if len(engines) == 1:
        work(engines[0], rests[0])
        return
    with ThreadPoolExecutor(len(engines)) as threads:
        started = [threads.submit(work, *both) for both in zip(engines, rests, strict=True)]
        try:
            _await(started)
        except BaseException:  # Ctrl-C for the second time
            failed.set()
            raise
    _raise_worst([error for one in started if (error := one.exception())])


def _raise_worst(errors: list[BaseException]) -> None:
    """Raise one of the errors, if there are any: one that could not save a state rather than one that was stopped."""
    for error in sorted(
        errors, key=lambda one: (isinstance(one, _OtherFailedError), isinstance(one, StopRequestedError))
    ):
        raise error


def side_by_side(engines: list[Engine], function: Callable[[Engine], None]) -> None:
    """Call `function` on each engine at the same time, each in a thread where its device is the default."""

    @own_numerics()
    def work(engine: Engine) -> None:
        with jax.default_device(engine.device):
            function(engine)

    with ThreadPoolExecutor(len(engines)) as threads:
        started = [threads.submit(work, engine) for engine in engines]
        _await(started)
    for one in started:
        one.result()


def _await(started: list[Future]) -> None:
    """Wait until all have ended. On Windows no signal is heard in one long wait."""
    while wait(started, timeout=1).not_done:
        pass


class _OneAtATime:
    """An iterator that several threads may call."""

    def __init__(self, queue: Iterable[int]):
        self._lock, self._items = threading.Lock(), iter(queue)

    def __iter__(self) -> "_OneAtATime":
        return self

    def __next__(self) -> int:
        with self._lock:
            return next(self._items)
