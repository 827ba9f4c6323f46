"""The line that `--dry-run` and `--estimate` print: what a program would take."""

from dataclasses import dataclass

import jax

from jaxmrl.text import count, duration


@dataclass(frozen=True)
class Expected:
    """What one program would take.

    replicas     the number of replicas of a sweep; None for pre-training
    steps        the optimizer steps of all replicas
    lanes        the number of lanes on each device
    devices      the number of devices that would train
    operations   the floating-point operations of these steps, without evaluations
    memory       an upper estimate of the bytes that the table and the lanes take on each device; on a CPU, whose
                 devices share the memory, on all of them
    seconds      an estimate from a few timed steps and an evaluation on this machine; None without --estimate
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
    on = "" if jax.default_backend() == "cpu" else " on each device"
    time_here = "" if one.seconds is None else f", about {duration(one.seconds)} on this machine"
    return (
        f"{one.name}: {one.parameters:,} parameters, {replicas}{one.steps:,} steps "
        f"in {lanes_text(one.lanes, one.devices)}, {one.operations:.2g} floating-point operations to train, "
        f"{one.memory / 2**20:,.0f} MiB{on}{time_here}"
    )


def lanes_text(lanes: int, devices: int) -> str:
    """Return the number of lanes on each device as text."""
    return count(lanes, "lane") + (f" on each of {devices} devices" if devices > 1 else "")
