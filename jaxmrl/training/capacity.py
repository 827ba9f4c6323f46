"""How many lanes: a formula of what is to be done and where, never of a timing.

With another number of lanes the same sums round differently, so results agree only statistically: a formula keeps
them the same from run to run.
"""

import os
import platform

import jax

from jaxmrl.data.stores import Features
from jaxmrl.models.build import ModelShape
from jaxmrl.training.lanes import Replica, queue_budget

HOST_LANES = 4
"""On two cores, 4 lanes are within a tenth of the fastest at widths 64, 128 and 300 (benchmarks/results/)."""

ACCELERATOR_LANES = 32
MEMORY_SHARE = 0.5
_UNKNOWN_MEMORY = 16 * 2**30
SAVED_ROWS_PER_LAYER = 10
"""Activations kept for the gradient, in rows of the model's width per layer: an upper estimate for GIN."""


def auto_lanes(shape: ModelShape, rows: int, steps: list[int], device_kind: str, memory: int) -> int:
    """How many lanes to train: a formula of what is to be done and the kind of device, never of a timing.

    rows: of a batch, nodes or tokens; steps: of every replica; device_kind: 'cpu' or an accelerator; memory: its bytes.
    Never more lanes than total steps / longest replica's steps: the others would idle while it ends.
    """
    most = HOST_LANES if device_kind == "cpu" else ACCELERATOR_LANES
    fitting = int(MEMORY_SHARE * memory / lane_bytes(shape, rows))
    useful = sum(steps) // max(steps)
    return max(1, min(most, fitting, useful))


def lane_bytes(shape: ModelShape, rows: int) -> int:
    """Memory that one lane takes, an upper estimate: weights, best weights, moments, gradient and activations."""
    weights = 5 * 4 * shape.parameters
    return weights + 4 * rows * shape.width * SAVED_ROWS_PER_LAYER * shape.depth


def choose_lanes(
    asked: int | str, shape: ModelShape, replicas: list[Replica], features: Features, batch_size: int
) -> int:
    """Lanes for a queue: as asked (never more than replicas), or `auto_lanes` on this machine's first device."""
    if asked != "auto":
        return min(asked, len(replicas))
    rows = features.rows(queue_budget(replicas, features.resources(), batch_size), batch_size)
    return auto_lanes(shape, rows, [replica.steps for replica in replicas], *device_memory())


def device_memory() -> tuple[str, int]:
    """The first device's platform and bytes of memory."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        return device.platform, (device.memory_stats() or {}).get("bytes_limit", _UNKNOWN_MEMORY)
    known = hasattr(os, "sysconf")
    return "cpu", os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if known else _UNKNOWN_MEMORY


def device_name() -> str:
    """What this machine computes on, as run.json names it."""
    device = jax.devices()[0]
    return f"cpu {platform.machine()}" if device.platform == "cpu" else device.device_kind
