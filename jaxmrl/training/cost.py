"""What a training step costs: its operations as XLA counts them, and the time of a call."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np

from jaxmrl.errors import UserError
from jaxmrl.training.lanes import Engine
from jaxmrl.training.replica import train_step


def step_operations(engine: Engine) -> float:
    """Return the floating-point operations of one step of one replica, as XLA counts them, including padding."""
    first = lambda state: jax.tree.map(lambda stacked: stacked[0], state)
    state = jax.eval_shape(first, engine.lanes.state)
    return operations_of(partial(train_step, engine.training_spec), engine.table, state, engine.batch_size)


def operations_of(step: Callable[..., Any], table: Any, state: Any, batch_size: int) -> float:
    """Return the floating-point operations of a step, as XLA counts them."""
    ids = jax.ShapeDtypeStruct((batch_size,), np.int32)
    costs = jax.jit(step).lower(table, state, ids).cost_analysis()
    if costs is None:
        raise UserError("this device's compiler does not count operations: run the command without an estimate")
    return float(costs["flops"])


def seconds_of(function: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started
