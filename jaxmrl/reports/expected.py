"""What a program would take, in words: of `--dry-run` and `--estimate`."""

from dataclasses import dataclass

import jax

from jaxmrl.reports.terminal import duration
from jaxmrl.text import count


@dataclass(frozen=True)
class Expected:
    """What one program would take.

    replicas     of a sweep; None for a pre-training
    steps        optimizer steps of all its replicas
    lanes        on each device
    devices      on which it would be trained
    operations   floating-point operations of these steps, without evaluations
    memory       bytes on each device, an upper estimate: table and lanes; of a CPU, on all devices, which share it
    seconds      by timing a few steps and an evaluation here; None where that was not asked for
    """

    name: str
    parameters: int
    replicas: int | None
    steps: int
    lanes: int
    devices: int
    operations: float
    memory: int
    seconds: float | None


def said(one: Expected) -> str:
    """Return what is expected as one line of text."""
    replicas = "" if one.replicas is None else f"{count(one.replicas, 'replica')}, "
    on = "" if jax.default_backend() == "cpu" else " on a device"
    time_here = "" if one.seconds is None else f", about {duration(one.seconds)} here"
    return (
        f"{one.name}: {one.parameters:,} parameters, {replicas}{one.steps:,} steps "
        f"in {lanes_text(one.lanes, one.devices)}, {one.operations:.2g} floating-point operations to train, "
        f"{one.memory / 2**20:,.0f} MiB{on}{time_here}"
    )


def lanes_text(lanes: int, devices: int) -> str:
    """Return the number of lanes on each device as text."""
    return count(lanes, "lane") + (f" on each of {devices} devices" if devices > 1 else "")
