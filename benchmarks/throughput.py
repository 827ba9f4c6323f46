"""Molecules trained per second, jaxmrl against PyTorch Geometric on the same GIN, batch size and optimiser.

    python -m benchmarks.throughput [--dataset hiv] [--widths 64 128 300] [--rounds 5] [--out FILE.json]

The two take turns within one process, round by round, on the same machine: quote the ratios. The baseline is timed
twice: with its DataLoader, as an epoch runs, and on batches made beforehand, its model and optimiser alone. jaxmrl
is timed whole: host planning, assembling batches on the device, and training.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from itertools import islice
from pathlib import Path

import jax
import numpy as np
import torch
from torch_geometric.loader import DataLoader

from benchmarks import pyg_baseline
from jaxmrl.config import SweepConfig
from jaxmrl.data.problem import Problem, load_problem
from jaxmrl.models.build import ModelShape
from jaxmrl.report.files import software_versions
from jaxmrl.report.terminal import Reporter
from jaxmrl.training.capacity import choose_lanes, device_name
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.programs import MAX_CHUNK
from jaxmrl.training.replica import Recipe, device_table

BATCH, DEPTH, DROPOUT, RATE = 256, 5, 0.5, 1e-3
MOLECULES = 8192


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="hiv")
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 128, 300])
    parser.add_argument("--lanes", type=int, nargs="+", help="lanes to try; default: what a sweep would choose")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8, help="optimiser steps per round, in every lane")
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    if not 1 <= flags.steps <= MAX_CHUNK:
        parser.error(f"--steps must be from 1 to {MAX_CHUNK}; got {flags.steps}")

    problem = load_problem(SweepConfig(dataset=flags.dataset), Reporter(quiet=True))
    data = baseline_data(problem)
    rows = [row for width in flags.widths for row in measure(problem, data, width, flags)]
    result = {
        "command": " ".join(["python -m benchmarks.throughput", *sys.argv[1:]]),
        "hardware": {"device": device_name(), "cores": len_affinity(), "processor": processor()},
        "software": software_versions() | {"torch": torch.__version__, "torch_threads": torch.get_num_threads()},
        "batch": BATCH,
        "depth": DEPTH,
        "molecules": len(data),
        "rows": rows,
    }
    print_table(rows)
    if flags.out:
        flags.out.write_text(json.dumps(result, indent=2) + "\n")


def len_affinity() -> int:
    """Cores this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def processor() -> str:
    """The processor's name, where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def chosen_molecules(problem: Problem) -> np.ndarray:
    """The molecules that both sides train on."""
    return problem.split.train[:MOLECULES]


def baseline_data(problem: Problem) -> list:
    """The molecules as PyG data."""
    table = problem.table
    return [
        pyg_baseline.molecule_data(table.smiles[k], table.labels[k].tolist())
        for k in chosen_molecules(problem).tolist()
    ]


def measure(problem: Problem, data: list, width: int, flags) -> list[dict]:
    """Rows of the table for one width: one for each number of lanes."""
    lane_counts = flags.lanes or [auto_lanes(problem, width)]
    ours = {lanes: jaxmrl_round(problem, width, lanes, flags.steps) for lanes in lane_counts}
    loaded, prebuilt = baseline_rounds(data, width, len(problem.table.tasks), flags.steps)
    for run in (*ours.values(), loaded, prebuilt):
        run()
    speeds = {name: [] for name in (*ours, "loader", "prebuilt")}
    for _ in range(flags.rounds):
        for name, run in (*ours.items(), ("loader", loaded), ("prebuilt", prebuilt)):
            speeds[name].append(run())
    return [row(width, lanes, speeds) for lanes in ours]


def row(width: int, lanes: int, speeds: dict) -> dict:
    """Medians, spread and ratios; a ratio is the median over rounds."""

    def ratio(name):
        return statistics.median(a / b for a, b in zip(speeds[lanes], speeds[name], strict=True))

    def summary(values):
        return {"median": statistics.median(values), "min": min(values), "max": max(values)}

    return {
        "width": width,
        "lanes": lanes,
        "jaxmrl": summary(speeds[lanes]),
        "pyg": summary(speeds["loader"]),
        "pyg_prebuilt_batches": summary(speeds["prebuilt"]),
        "ratio": ratio("loader"),
        "ratio_to_prebuilt": ratio("prebuilt"),
    }


def bench_replica(problem: Problem, seed: int) -> Replica:
    molecules = chosen_molecules(problem)
    tasks = len(problem.table.tasks)
    zeros, ones = np.zeros(tasks, np.float32), np.ones(tasks, np.float32)
    return Replica(f"bench {seed}", seed, molecules, molecules[:BATCH], molecules[:BATCH], 10**6, zeros, ones)


def auto_lanes(problem: Problem, width: int) -> int:
    """The lanes of a sweep with many replicas."""
    shape = ModelShape(width, DEPTH, DROPOUT, len(problem.table.tasks), "float32")
    queue = [bench_replica(problem, seed) for seed in range(64)]
    return choose_lanes("auto", shape, queue, problem.features["graph"], BATCH)


def jaxmrl_round(problem: Problem, width: int, lanes: int, steps: int):
    """A function that trains `steps` steps in every lane and returns molecules per second."""
    shape = ModelShape(width, DEPTH, DROPOUT, len(problem.table.tasks), "float32")
    recipe = Recipe(shape, "classification", "roc_auc", RATE)
    table = device_table(problem, "graph")
    replicas = [bench_replica(problem, seed) for seed in range(lanes)]
    engine = Engine(recipe, table, problem.features["graph"].resources(), replicas, lanes, BATCH)
    engine.refill(iter(range(lanes)))

    def run() -> float:
        started = time.perf_counter()
        engine.train_chunk(steps)
        jax.block_until_ready(engine.lanes)
        return steps * lanes * BATCH / (time.perf_counter() - started)

    return run


def baseline_rounds(data: list, width: int, tasks: int, steps: int):
    """Two such functions for the baseline: with its loader, and on batches made beforehand."""
    torch.manual_seed(0)
    module = pyg_baseline.GIN(width, DEPTH, DROPOUT, tasks)
    optimiser = torch.optim.Adam(module.parameters(), lr=RATE)
    loader = DataLoader(data, batch_size=BATCH, shuffle=True, drop_last=True)
    stream = forever(loader)
    ready = list(islice(stream, steps))

    def train_on(batches) -> float:
        started = time.perf_counter()
        for batch in islice(batches, steps):
            optimiser.zero_grad()
            pyg_baseline.present_loss(module(batch), batch.y).backward()
            optimiser.step()
        return steps * BATCH / (time.perf_counter() - started)

    return lambda: train_on(stream), lambda: train_on(ready)


def forever(loader):
    """Batches of epoch after epoch."""
    while True:
        yield from loader


def print_table(rows: list[dict]) -> None:
    """Medians over rounds."""
    heads = ("width", "lanes", "jaxmrl", "PyG", "PyG, batches ready", "ratio", "ratio, batches ready")
    widths = [max(8, len(head)) for head in heads]
    print("molecules per second, median of rounds")
    print("  ".join(head.rjust(w) for head, w in zip(heads, widths, strict=True)))
    for r in rows:
        speeds = (f"{r[name]['median']:,.0f}" for name in ("jaxmrl", "pyg", "pyg_prebuilt_batches"))
        cells = (str(r["width"]), str(r["lanes"]), *speeds, f"{r['ratio']:.2f}", f"{r['ratio_to_prebuilt']:.2f}")
        print("  ".join(cell.rjust(w) for cell, w in zip(cells, widths, strict=True)))


if __name__ == "__main__":
    main()
