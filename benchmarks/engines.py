"""What the benchmarks do with engines: an epoch of training, and clocks on functions."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import jax

from jaxmrl.training.lanes import Engine
from jaxmrl.training.programs import most_steps


@contextmanager
def clocked(owner: Any, *names: str) -> Iterator[dict[str, float]]:
    """Seconds spent in these functions of a class or module, their results waited for; a sum for each name."""
    lock = threading.Lock()
    spent, kept = dict.fromkeys(names, 0.0), {name: getattr(owner, name) for name in names}

    def clock(name: str) -> Callable:
        @wraps(kept[name])
        def call(*args, **kwargs):
            started = time.perf_counter()
            try:
                return jax.block_until_ready(kept[name](*args, **kwargs))
            finally:
                with lock:
                    spent[name] += time.perf_counter() - started

        return call

    for name in names:
        setattr(owner, name, clock(name))
    try:
        yield spent
    finally:
        for name, function in kept.items():
            setattr(owner, name, function)


def train_epoch(engine: Engine) -> None:
    """One epoch of the replica in the first lane, and of as long ones in the others."""
    steps = engine.replicas[0].epoch_steps(engine.batch_size)
    for start in range(0, steps, most_steps()):
        engine.train_chunk(min(most_steps(), steps - start))
    jax.block_until_ready(engine.lanes)
