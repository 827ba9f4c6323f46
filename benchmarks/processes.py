"""A baseline in several processes at once: on a GPU, which one process may leave half idle, or on cores."""

import argparse
import io
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import jax
import torch

from benchmarks.machine import cores

PATIENCE = 600
"""Seconds that a process waits for the others to begin."""

held: dict[str, Any] = {}


def add_flag(parser: argparse.ArgumentParser) -> None:
    """--processes, the numbers to try beside one; without it None, see numbers_to_try."""
    told = "of the baseline, beside one; default: 4 8 on a GPU"
    parser.add_argument("--processes", type=_several, nargs="*", metavar="NUMBER", help=told)


def _several(word: str) -> int:
    if not word.isdecimal() or int(word) < 2:
        raise argparse.ArgumentTypeError(f"must be 2 or more, for one is always tried; got {word}")
    return int(word)


def numbers_to_try(asked: list[int] | None) -> list[int]:
    """Numbers of processes beside one: those asked for, else 4 and 8 on a GPU."""
    if asked is not None:
        return asked
    return [4, 8] if jax.default_backend() == "gpu" else []


class Team:
    """So many processes, each of which holds what make(*given) returns there, and has its share of the cores.

    make is a function of a module, and given what pickle takes. They begin anew: no process inherits a GPU's context.
    None outlives this process, and none goes on where the benchmark was interrupted.
    """

    def __init__(self, number: int, make: Callable, *given: Any):
        context = multiprocessing.get_context("spawn")
        self._stop = context.Event()
        barrier = context.Barrier(number, timeout=PATIENCE)
        begin = (barrier, self._stop, max(1, cores() // number), make, _pickled(given))
        self.number, self.pool = number, ProcessPoolExecutor(number, context, _begin, begin)

    def __enter__(self) -> "Team":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_) -> None:
        if kind is not None and not issubclass(kind, Exception):  # stopped: what is under way is not waited for
            self._stop.set()
        self.pool.shutdown()

    def each(self, function: Callable[[Any], Any]) -> list:
        """function of what is held, in every process, all begun together."""
        called = [self.pool.submit(together, function) for _ in range(self.number)]
        return [one.result() for one in called]

    def share(self, function: Callable[[Any, Any], Any], items: Iterable) -> list:
        """function of what is held and an item: each process takes the next item as it ends its last."""
        return list(self.pool.map(_with_held, (function for _ in iter(int, 1)), items))


class _Pickler(pickle.Pickler):
    """Tensors as arrays: PyTorch's own way takes half a millisecond for each small one."""

    def reducer_override(self, one: Any):
        return (torch.from_numpy, (one.numpy(),)) if isinstance(one, torch.Tensor) else NotImplemented


def _pickled(given: Any) -> bytes:
    stream = io.BytesIO()
    _Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(given)
    return stream.getvalue()


def _begin(barrier, stop, threads: int, make: Callable, given: bytes) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process decides
    for end in (stop.wait, multiprocessing.parent_process().join):
        threading.Thread(target=_end_after, args=(end,), daemon=True).start()
    torch.set_num_threads(threads)
    held.update(barrier=barrier, made=make(*pickle.loads(given)))


def _end_after(event: Callable[[], Any]) -> None:
    """Ends this process at once when `event` returns."""
    event()
    os._exit(1)


def together(function: Callable[[Any], Any]) -> Any:
    """Holds the process until each of the others has this call too, so that none takes two."""
    held["barrier"].wait()
    return function(held["made"])


def _with_held(function: Callable[[Any, Any], Any], item: Any) -> Any:
    return function(held["made"], item)
