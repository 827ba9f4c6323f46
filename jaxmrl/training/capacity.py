"""Devices and numbers of lanes: a formula of the work and the machine, never of a timing.

With another number of lanes the same sums round differently, so results agree only statistically: a formula keeps
them the same from run to run.
"""

import contextlib
import heapq
import os
import platform
from typing import Literal, Protocol

import jax
import numpy as np

from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import ConfigError, UserError
from jaxmrl.io.limits import memory_limits, usable_cores
from jaxmrl.modalities.base import Features, arrays_of
from jaxmrl.modalities.registry import get_modality
from jaxmrl.modalities.token_groups import Sequences
from jaxmrl.training.lanes import Replica
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.shapes import common_shape

HOST_LANES = 4
"""On a CPU of several cores that is one device. A device that is a core has one lane, for more leave its caches
(benchmarks/notes.md)."""

ACCELERATOR_LANES = 32
MEMORY_SHARE = 0.5
_UNKNOWN_MEMORY = 16 * 2**30
SAVED_ROWS_PER_LAYER, ROW_BYTES = 10, 2048
"""What a step holds, in rows of the model's width per layer, and, whatever the width, bytes of each row: look-ups and
pooling where they are products, as on an accelerator. For the GIN on a CPU, where they are none, XLA plans 0.4 to 0.7
of this (`python -m benchmarks.memory`)."""


SAVED_PER_LOGIT = 3
"""Numbers that a step keeps for each logit of attention in a layer."""

_DEVICE_VARIABLES = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME", "JAX_NUM_CPU_DEVICES", "CUDA_VISIBLE_DEVICES", "XLA_FLAGS")
"""Variables of the environment that decide which devices JAX has."""


def use_cores(cores: int | None = None) -> None:
    """Make each core of the CPU, or so many, a device with an engine of its own. Do nothing if JAX has begun.

    A number of devices that the user gives to JAX or XLA stays in force.
    """
    told = "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", "")
    # JAX gives its configuration the attributes of its settings as they are defined.
    if not told and jax.config.jax_num_cpu_devices < 0:  # type: ignore[attr-defined]
        with contextlib.suppress(RuntimeError):  # JAX has begun
            jax.config.update("jax_num_cpu_devices", cores or usable_cores())


def check_devices() -> None:
    """Raise ConfigError if JAX has no device to compute on, as when JAX_PLATFORMS names one that does not exist."""
    try:
        jax.devices()
    except Exception as error:  # of several kinds, AssertionError among them
        told = " ".join(f"{name}={value}" for name, value in os.environ.items() if name in _DEVICE_VARIABLES)
        cause = str(error).strip().partition("\n")[0] or type(error).__name__
        hint = f"Correct or unset {told}" if told else "Check that the installed jaxlib is the one for this machine"
        raise ConfigError(f"JAX finds no device to compute on ({cause}). {hint}") from None


def auto_lanes(
    spec: ModelSpec,
    rows: int,
    steps: list[int],
    device_kind: str,
    memory: int,
    devices: int = 1,
    cores: int = 2,
    logits: int = 0,
) -> int:
    """Return how many lanes to train on each device: a formula of the work and the device, never of a timing.

    rows: of a batch, nodes or tokens; steps: of every replica; device_kind: 'cpu' or an accelerator; memory: its bytes;
    cores: of all devices that are a CPU; logits: of attention in a layer. Never more lanes in all than total steps /
    longest replica's steps: the others would idle while it ends.
    """
    on_host = HOST_LANES if devices == 1 < cores else 1
    most = on_host if device_kind == "cpu" else ACCELERATOR_LANES
    fitting = int(MEMORY_SHARE * memory / lane_bytes(spec, rows, logits))
    useful = sum(steps) // max(steps) // devices
    return max(1, min(most, fitting, useful))


def makespan(steps: list[int], lanes: int) -> int:
    """Return the steps that so many lanes make until all replicas end, the longest first into the lane that is free
    first.
    """
    ends = [0] * lanes
    for length in sorted(steps, reverse=True):
        heapq.heapreplace(ends, ends[0] + length)
    return max(ends)


def fewest_devices(steps: list[int], lanes: int, devices: int) -> int:
    """Return on how many devices the queue ends as soon as on all: each more has to compile and stores a table."""
    soonest = makespan(steps, lanes * devices)
    return next(number for number in range(1, devices + 1) if makespan(steps, lanes * number) == soonest)


class Sizes(Protocol):
    """The size of a model: how many parameters it trains, and the width and number of its layers."""

    @property
    def parameters(self) -> int: ...

    @property
    def width(self) -> int: ...

    @property
    def depth(self) -> int: ...


def lane_bytes(spec: Sizes, rows: int, logits: int = 0) -> int:
    """Return the memory of one lane, an upper estimate: weights, best weights, moments, gradient and activations.

    rows: of a batch; logits: of attention in a layer, of all heads.
    """
    weights, attention = 5 * 4 * spec.parameters, 4 * SAVED_PER_LOGIT * logits * spec.depth
    return weights + attention + rows * (4 * spec.width * SAVED_ROWS_PER_LAYER * spec.depth + ROW_BYTES)


def choose_lanes(
    asked: int | Literal["auto"], spec: ModelSpec, replicas: list[Replica], problem: TaskData, batch_size: int
) -> int:
    """Return the lanes for a queue on each of this machine's devices: `auto_lanes`, or as asked.

    What was asked for is also the number of lanes of a queue that does not fill them: results differ in their last bits
    with the number, and those of a run that is extended later are to be those of all at once.
    """
    if asked != "auto":
        return asked
    (rows, logits), steps = _batch_extent(spec, replicas, problem, batch_size), [replica.steps for replica in replicas]
    return auto_lanes(spec, rows, steps, *device_memory(), jax.local_device_count(), usable_cores(), logits)


def choose_devices(
    lanes: int, spec: ModelSpec, replicas: list[Replica], problem: TaskData, batch_size: int
) -> list[jax.Device]:
    """Return the devices of this machine on which to train a queue in so many lanes each: as many as help and fit.

    Only devices of a CPU share a memory. The number of devices changes no result.
    """
    devices = jax.local_devices()
    kind, memory = device_memory()
    fitting = int(MEMORY_SHARE * memory / engine_bytes(lanes, spec, replicas, problem, batch_size))
    most = min(len(devices), max(1, fitting)) if kind == "cpu" else len(devices)
    return devices[: fewest_devices([replica.steps for replica in replicas], lanes, most)]


def engine_bytes(lanes: int, spec: ModelSpec, replicas: list[Replica], problem: TaskData, batch_size: int) -> int:
    """Return the memory that a table and so many lanes take on a device, an upper estimate."""
    features = sum(array.nbytes for array in arrays_of(problem.features[spec.modality]))
    labels = 4 * problem.table.labels.size  # float32 on the device
    labels *= 1 if problem.table.bounds is None else 2
    return features + labels + lanes * lane_bytes(spec, *_batch_extent(spec, replicas, problem, batch_size))


def _batch_extent(spec: ModelSpec, replicas: list[Replica], problem: TaskData, batch_size: int) -> tuple[int, int]:
    features = problem.features[spec.modality]
    return batch_extent(spec, features, common_shape(replicas, features.resources(), batch_size).limits, batch_size)


def batch_extent(spec: ModelSpec, features: Features, limits: np.ndarray, batch_size: int) -> tuple[int, int]:
    """Return the rows of a batch within `limits` [R], and the logits of attention that a layer computes of it."""
    pairs = features.pairs(limits, batch_size) if isinstance(features, Sequences) else 0
    return features.rows(limits, batch_size), get_modality(spec.modality).model(spec.model).heads * pairs


def fewer_lanes(lanes: int, error: jax.errors.JaxRuntimeError) -> int:
    """Return half of so many lanes if `error` says that the device lacks memory for them; else raise it again.

    Raises UserError where one lane is too many.
    """
    if not lacks_memory(error):
        raise error
    if lanes == 1:
        reason = str(error).splitlines()[0]
        fewer = ", or fewer devices by JAX_NUM_CPU_DEVICES" if jax.default_backend() == "cpu" else ""
        raise UserError(
            f"one lane takes more memory than the device has: give a smaller --batch-size{fewer} ({reason})"
        )
    return lanes // 2


def lacks_memory(error: Exception) -> bool:
    """Return whether an error says that a device does not have enough memory."""
    return isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)


def device_memory() -> tuple[str, int]:
    """Return the first device's platform and bytes of memory, which a CPU's devices share."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        return device.platform, (device.memory_stats() or {}).get("bytes_limit", _UNKNOWN_MEMORY)
    known = hasattr(os, "sysconf")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if known else _UNKNOWN_MEMORY
    return "cpu", min([memory, *memory_limits()])


def device_name() -> str:
    """Return what this machine computes on, as run.json names it: the kind of its devices; their number changes
    nothing.
    """
    device = jax.local_devices()[0]
    return f"cpu {platform.machine()}" if device.platform == "cpu" else device.device_kind
