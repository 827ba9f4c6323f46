"""Compile programs for accelerators that are not here, and count what the compiler made of them.

    python -m benchmarks.aot [--devices h100 v5e v6e] [--model gin] [--programs train evaluate] [--lanes 1 8]
    python -m benchmarks.aot --npz qm7_3d.npz --target-columns ae_pbe0 --model painn --devices h100

Nothing is run: figures are the compiler's plan, and times are predictions of a roofline. The compilers are those of
`pip install -e '.[aot]'`.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# Before JAX begins, which would look for the devices of the compilers that are installed.
os.environ["JAX_PLATFORMS"] = "cpu"

import jax

from benchmarks.aot.cases import NO_TABLE, ONE_LANE, PROGRAMS, Subject, compiled, subject_of, table_bytes
from benchmarks.aot.costs import compare_and_swaps, step_costs
from benchmarks.aot.hlo import parse
from benchmarks.aot.targets import TARGETS, Target, UnavailableTargetError, device_of
from benchmarks.machine import facts, print_table, write
from jaxmrl.config import SweepConfig
from jaxmrl.config.names import PRECISIONS
from jaxmrl.modalities import registry

TITLE = "compiled, not run: counts of one step; predictions of a roofline"


def main() -> None:
    flags = _parser().parse_args()
    given = {name: getattr(flags, name) for name in ("dataset", "npz", "modality", "target_columns", "precision")}
    asked = {name: value for name, value in given.items() if value}
    config = SweepConfig(model=(flags.model,), descriptors="off", baselines=("none",), **asked)
    rows: list[dict[str, Any]] = []
    for width in flags.widths or [None]:
        subject = subject_of(config, width, flags.depth, flags.batch_size)
        for row in measured(subject, flags):
            rows.append(row)
            write(flags.out, facts("aot") | {"compilers": compilers(), "not_run": TITLE, "rows": rows})
    if not rows:
        sys.exit("no program was compiled")
    show(rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--dataset")
    source.add_argument("--npz", type=Path)
    parser.add_argument("--target-columns", nargs="+")
    parser.add_argument("--modality", choices=registry.modality_names(), nargs=1)
    models = [name for name, model in registry.models().items() if not model.classical]
    parser.add_argument("--model", choices=models, default="gin")
    parser.add_argument("--devices", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS, default=["train"])
    parser.add_argument("--precision", choices=PRECISIONS, default="tf32")
    parser.add_argument("--widths", type=int, nargs="+", help="default: the model's")
    parser.add_argument("--depth", type=int, help="default: the model's")
    parser.add_argument("--lanes", type=int, nargs="+", default=[8])
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--out", type=Path)
    return parser


def measured(subject: Subject, flags: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Compile each program for each device; yield a row as each ends."""
    for name in flags.devices:
        try:
            device = device_of(name)
        except UnavailableTargetError as error:
            print(error, flush=True)
            continue
        for program in flags.programs:
            for lanes in flags.lanes[:1] if program in ONE_LANE else flags.lanes:
                row = row_of(subject, name, device, program, 1 if program in ONE_LANE else lanes)
                print(progress_line(row), flush=True)
                yield row


def row_of(subject: Subject, name: str, device: jax.Device, program: str, lanes: int) -> dict[str, Any]:
    """Compile a program, and return what it does and holds."""
    target, spec = TARGETS[name], subject.training_spec.model
    with tempfile.TemporaryDirectory() as dump:
        started = time.perf_counter()
        made = compiled(subject, program, lanes, device, {"xla_dump_to": dump} if target.platform == "cuda" else {})
        seconds = time.perf_counter() - started
        swaps = sum(compare_and_swaps(path.read_text()) for path in Path(dump).rglob("*.ptx"))
    costs = step_costs(parse(made.as_text()), target, "float32" if spec.precision == "bfloat16" else spec.precision)
    return (
        {"device": name, "model": spec.name, "precision": spec.precision, "program": program, "lanes": lanes}
        | {"batch": subject.batch_size, "compilation_seconds": seconds}
        | asdict(costs)
        | memory_of(0 if program in NO_TABLE else table_bytes(subject), made.memory_analysis(), lanes, target)
        | {"formula_per_lane": subject.lane_bytes}
        | {"compare_and_swaps": swaps if target.platform == "cuda" else None}
        | {"molecules_per_second": lanes * subject.batch_size / costs.seconds if program == "train" else None}
    )


def memory_of(table: int, memory: Any, lanes: int, target: Target) -> dict[str, Any]:
    """Bytes that a call holds: its arguments, `table` of them the table's, and the plan of what it needs for a time.

    per_lane: what is not the table, by the lanes
    """
    held = memory.argument_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes
    whole = held + memory.temp_size_in_bytes
    return {
        "arguments": memory.argument_size_in_bytes,
        "temporary": memory.temp_size_in_bytes,
        "table": table,
        "per_lane": (whole - table) / lanes,
        "share_of_memory": whole / target.memory,
    }


def compilers() -> dict[str, str]:
    """Versions of the compilers that are installed."""
    found = {}
    for name in ("jaxlib", "jax-cuda12-plugin", "nvidia-cuda-nvcc-cu12", "libtpu"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def progress_line(row: dict[str, Any]) -> str:
    """What has been compiled, and how long that took."""
    size = f"{row['lanes']} lane{'s' * (row['lanes'] > 1)}"
    return f"{row['device']}: {row['program']} of {row['model']}, {size}: {row['compilation_seconds']:.0f} s"


def show(rows: list[dict[str, Any]]) -> None:
    """Two tables: what a step does, and what it holds."""
    named = lambda row: (row["device"], row["model"], row["program"], str(row["lanes"]))
    heads = ("device", "model", "program", "lanes")
    operations = "GFLOP GB kernels gather scatter sort while copy transpose padding ms products copies".split()
    counted = lambda row: [str(row["counts"][name]) for name in ("gather", "scatter", "sort", "while")]
    moved = lambda row: [str(row["counts"][name]) for name in ("copy", "transpose")]
    times = lambda row: [f"{1e3 * row[name]:.2f}" for name in ("seconds", "product_seconds", "copy_seconds")]
    cells = [
        (
            *named(row),
            f"{sum(row['products'].values()) / 1e9:,.1f}",
            f"{row['bytes'] / 1e9:,.2f}",
            f"{row['kernels']:,}",
            *counted(row),
            *moved(row),
            f"{row['padding']:.0%}",
            *times(row),
        )
        for row in rows
    ]
    print_table(TITLE, (*heads, *operations), cells)
    mib = lambda number: f"{number / 2**20:,.0f}"
    held = ("table", "temporary", "per_lane", "formula_per_lane")
    cells = [
        (
            *named(row),
            *(mib(row[name]) for name in held),
            f"{row['share_of_memory']:.1%}",
            *(str(row[name]) for name in ("float_scatters", "doubles", "looped", "compare_and_swaps")),
        )
        for row in rows
    ]
    last = ("share of memory", "float scatters", "doubles", "looped", "CAS")
    print_table(
        "MiB, and what no program should have", (*heads, "table", "temporary", "per lane", "formula", *last), cells
    )


if __name__ == "__main__":
    main()
