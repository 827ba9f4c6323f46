"""On which devices, and how many lanes: a formula of what is to be done and where, never of a timing.

With another number of lanes the same sums round differently, so results agree only statistically: a formula keeps
them the same from run to run.
"""

import contextlib
import math
import os
import platform

import jax
import joblib

from jaxmrl.data.stores import Features
from jaxmrl.errors import UserError
from jaxmrl.models.build import ModelShape
from jaxmrl.training.lanes import Replica, queue_budget

HOST_LANES = 4
"""On a CPU that is one device. Where its cores are devices each has one lane, for more leave a core's caches
(benchmarks/notes.md)."""

ACCELERATOR_LANES = 32
MEMORY_SHARE = 0.5
_UNKNOWN_MEMORY = 16 * 2**30
SAVED_ROWS_PER_LAYER, ROW_BYTES = 10, 2048
"""What a step holds, in rows of the model's width per layer, and, whatever the width, bytes of each row: look-ups and
pooling, products on an accelerator. XLA plans 0.7 to 0.8 of this for the GIN (`python -m benchmarks.memory`)."""


def use_cores() -> None:
    """Makes each core of the CPU a device, whose engine it trains in; does nothing where JAX has begun.

    A number of devices that the user gives to JAX or XLA stays in force.
    """
    told = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    if not told and jax.config.jax_num_cpu_devices < 0:
        with contextlib.suppress(RuntimeError):  # JAX has begun
            jax.config.update("jax_num_cpu_devices", joblib.cpu_count())


def auto_lanes(shape: ModelShape, rows: int, steps: list[int], device_kind: str, memory: int, devices: int = 1) -> int:
    """How many lanes to train on each device: a formula of what is to be done and where, never of a timing.

    rows: of a batch, nodes or tokens; steps: of every replica; device_kind: 'cpu' or an accelerator; memory: its bytes.
    Never more lanes in all than total steps / longest replica's steps: the others would idle while it ends.
    """
    on_host = HOST_LANES if devices == 1 else 1
    most = on_host if device_kind == "cpu" else ACCELERATOR_LANES
    fitting = int(MEMORY_SHARE * memory / lane_bytes(shape, rows))
    useful = sum(steps) // max(steps) // devices
    return max(1, min(most, fitting, useful))


def lane_bytes(shape: ModelShape, rows: int) -> int:
    """Memory that one lane takes, an upper estimate: weights, best weights, moments, gradient and activations."""
    weights = 5 * 4 * shape.parameters
    return weights + rows * (4 * shape.width * SAVED_ROWS_PER_LAYER * shape.depth + ROW_BYTES)


def choose_lanes(
    asked: int | str, shape: ModelShape, replicas: list[Replica], features: Features, batch_size: int
) -> int:
    """Lanes for a queue on each of this machine's devices: as asked (never more than replicas), or `auto_lanes`."""
    devices = jax.local_device_count()
    if asked != "auto":
        return min(asked, math.ceil(len(replicas) / devices))
    kind, memory = device_memory()
    share = memory // devices if kind == "cpu" else memory
    rows = features.rows(queue_budget(replicas, features.resources(), batch_size), batch_size)
    return auto_lanes(shape, rows, [replica.steps for replica in replicas], kind, share, devices)


def fewer_lanes(lanes: int, error: jax.errors.JaxRuntimeError) -> int:
    """Half of so many lanes, where `error` says that the device has not the memory for them; else raises it again.

    Raises UserError where one lane is too many.
    """
    if "RESOURCE_EXHAUSTED" not in str(error):
        raise error
    if lanes == 1:
        reason = str(error).splitlines()[0]
        raise UserError(f"one lane takes more memory than the device has: give a smaller --batch-size ({reason})")
    return lanes // 2


def device_memory() -> tuple[str, int]:
    """The first device's platform and bytes of memory, which a CPU's devices share."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        return device.platform, (device.memory_stats() or {}).get("bytes_limit", _UNKNOWN_MEMORY)
    known = hasattr(os, "sysconf")
    return "cpu", os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if known else _UNKNOWN_MEMORY


def device_name() -> str:
    """What this machine computes on, as run.json names it: the kind of its devices; their number changes nothing."""
    device = jax.local_devices()[0]
    return f"cpu {platform.machine()}" if device.platform == "cpu" else device.device_kind
