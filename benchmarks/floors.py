"""How fast this device could be: measured peaks, and what a training step would take at them."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.machine import timed
from jaxmrl.modalities.layers import matmul
from jaxmrl.training.compiled import program
from jaxmrl.training.cost import step_operations
from jaxmrl.training.lanes import Engine
from jaxmrl.training.replica import train_step

MATRIX, VECTOR = 4096, 2**26
"""Rows of the matrices and numbers of the vectors by which peaks are measured: larger than any cache."""

REPEATS, TRIES = 4, 3


@dataclass(frozen=True)
class Peaks:
    """What this device reaches at best: floating-point operations, and bytes to and from its memory, a second."""

    operations: float
    bandwidth: float


@dataclass(frozen=True)
class Floor:
    """One training step of all lanes: its operations, the bytes that its compiled program moves, its least seconds.

    Of all devices together where these are a CPU's cores.
    """

    operations: float
    bytes: float
    seconds: float
    bound: str


def measure_peaks(precision: str, matrix: int = MATRIX, vector: int = VECTOR) -> Peaks:
    """By products of matrices in the precision of a model, and by y = a y + x on long vectors; the best of several."""
    square = jax.random.normal(jax.random.key(0), (matrix, matrix)) / matrix**0.5
    product = partial(matmul(precision), dimension_numbers=(((1,), (0,)), ((), ())))
    ones = jnp.ones(vector)
    return Peaks(
        operations=2 * matrix**3 / _seconds(lambda y, x: product(y, x), square),
        bandwidth=3 * ones.nbytes / _seconds(lambda y, x: 0.5 * y + x, ones),
    )


def _seconds(function, x: jax.Array) -> float:
    """Of y = function(y, x), in a loop on the device."""
    loop = program()(lambda x: jax.lax.fori_loop(0, REPEATS, lambda _, y: function(y, x), x))
    run = lambda: jax.block_until_ready(loop(x))
    run()
    return min(timed(run) for _ in range(TRIES)) / REPEATS


def step_floor(engines: list[Engine], peaks: Peaks) -> Floor:
    """The least time of one step in every lane: that of its operations, or of its bytes where that is more.

    `peaks` is of the first device where each has its own, and of all together where these are a CPU's cores.
    """
    engine, sharing = engines[0], len(engines) if jax.default_backend() == "cpu" else 1
    operations = sharing * len(engine.slots) * step_operations(engine)
    moved = sharing * step_bytes(engine)
    times = {"operations": operations / peaks.operations, "bytes": moved / peaks.bandwidth}
    bound = max(times, key=times.get)
    return Floor(operations, moved, times[bound], bound)


def step_bytes(engine: Engine) -> float:
    """What the operations of one compiled step in every lane read and write, by XLA's count."""
    step = program()(jax.vmap(partial(train_step, engine.training_spec), in_axes=(None, 0, 0)))
    ids = np.zeros((len(engine.slots), engine.batch_size), np.int32)
    return float(step.lower(engine.table, engine.lanes.state, ids).compile().cost_analysis()["bytes accessed"])
