"""Accelerators that programs are compiled for: what their makers state, and how JAX compiles for them without one."""

import os
from dataclasses import dataclass

import jax
from jax.experimental import topologies


class UnavailableTargetError(Exception):
    """This machine cannot compile for a target: the message says why."""


@dataclass(frozen=True)
class Target:
    """A device to compile for.

    title      its name
    platform   "tpu" or "cuda"
    memory     bytes
    bandwidth  bytes a second between memory and processor
    products   floating-point operations a second of dense products, by the precision of their operands
    clock      cycles a second, in which a TPU's compiler estimates; 0 if it estimates nothing
    launch     seconds to launch a kernel from a stream
    """

    title: str
    platform: str
    memory: int
    bandwidth: float
    products: dict[str, float]
    clock: float = 0.0
    launch: float = 0.0


def _tpu(title: str, gibibytes: int, bandwidth: float, bfloat16: float, clock: float) -> Target:
    """Return a TPU. A product of float32 operands takes six passes in bfloat16, and the faster `tf32` one."""
    products = {"float32": bfloat16 / 6, "tf32": bfloat16, "bfloat16": bfloat16}
    return Target(title, "tpu", gibibytes * 2**30, bandwidth, products, clock)


TARGETS = {
    "h100": Target(
        "NVIDIA H100 SXM",
        "cuda",
        80 * 10**9,
        3.35e12,
        {"float32": 67e12, "tf32": 494e12, "bfloat16": 989e12},
        launch=2e-6,
    ),
    "v5e": _tpu("TPU v5e", 16, 819e9, 197e12, 1.5e9),
    "v6e": _tpu("TPU v6e", 32, 1640e9, 918e12, 1.75e9),
}
"""Peaks as the makers state them, without sparsity; a kernel's launch and TPU clocks as commonly reported."""

_H100 = """
gpu_device_info {
  cuda_compute_capability { major: 9 minor: 0 feature_extension: ACCELERATED_FEATURES }
  threads_per_block_limit: 1024 threads_per_warp: 32 threads_per_core_limit: 2048
  shared_memory_per_block: 49152 shared_memory_per_block_optin: 232448 shared_memory_per_core: 233472
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  core_count: 132 fpus_per_core: 128 clock_rate_ghz: 1.98
  memory_bandwidth: 3352320000000 l2_cache_size: 52428800 device_memory_size: 84978434048
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 10 patch: 2 }
runtime_version { major: 12 minor: 9 patch: 0 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""


def device_of(name: str) -> jax.Device:
    """Return a device of the target `name` to compile for; there is none to run on.

    Raises UnavailableTargetError where the compiler is not installed.
    """
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")  # a TPU's compiler would ask what machine it is on
    options = {"target_config": _H100, "topology": "1x1x1"} if name == "h100" else {}
    try:
        described = topologies.get_topology_desc(
            platform=TARGETS[name].platform, topology_name="" if options else f"{name}:2x2", **options
        )
    except Exception as error:  # JAX raises what the missing plugin makes it raise
        reason = str(error).partition("\n")[0]
        raise UnavailableTargetError(f"no compiler for {name} (pip install -e '.[aot]'): {reason}") from None
    return described.devices[0]
