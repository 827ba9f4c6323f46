"""Bytes on the device by lanes and by molecules of the table, against the formula that chooses the lanes.

    python -m benchmarks.memory [--dataset hiv] [--widths 64 128 300] [--lanes 1 2 4 8] [--out FILE.json]
    python -m benchmarks.memory --molecules 1000 10000 100000 400000 [--widths 64] [--out FILE.json]

The second takes one lane on tables that repeat the molecules of `wehi`, as `benchmarks.scale` does. What the training
program holds beside its arguments is what XLA has planned for the compiled program; the lanes and the table are counted
as they lie. Nothing is trained.
"""

import argparse
from pathlib import Path

import jax
import numpy as np

from benchmarks.machine import facts, print_table, write
from benchmarks.scale import engine_on, table_of
from jaxmrl.config import SweepConfig
from jaxmrl.data.loading import load_problem
from jaxmrl.data.task_data import TaskData
from jaxmrl.modalities.flat_rows import NO_MOLECULE
from jaxmrl.modalities.graph.features import Graphs
from jaxmrl.reports.terminal import Reporter
from jaxmrl.training import programs
from jaxmrl.training.capacity import lane_bytes
from jaxmrl.training.engines import engine_for
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.model_spec import ModelSpec, model_specs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="hiv")
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 128, 300])
    parser.add_argument("--depth", type=int, default=5)
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--molecules", type=int, nargs="+")
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    rows = by_molecules(flags) if flags.molecules else by_lanes(flags)
    print_rows(rows)
    dataset = "wehi, repeated" if flags.molecules else flags.dataset
    write(flags.out, facts("memory") | {"dataset": dataset, "depth": flags.depth, "rows": rows})


def by_lanes(flags: argparse.Namespace) -> list[dict]:
    """A row for each width and number of lanes."""
    config = SweepConfig(dataset=flags.dataset, modality=("graph",), width=tuple(flags.widths), depth=(flags.depth,))
    problem = load_problem(config, Reporter(quiet=True))
    rows = []
    for shape in model_specs(config, problem):
        for lanes in flags.lanes:
            replicas = [whole_replica(problem, shape, seed) for seed in range(lanes)]
            rows.append(measure(engine_for(config, problem, shape, replicas, lanes), problem.features["graph"]))
    return rows


def by_molecules(flags: argparse.Namespace) -> list[dict]:
    """A row for each width and size of the table."""
    tables = [table_of(molecules) for molecules in flags.molecules]
    return [measure(engine_on(table, width, flags.depth), table) for width in flags.widths for table in tables]


def measure(engine: Engine, table: Graphs) -> dict:
    """What the lanes of an engine hold, in bytes."""
    shape, lanes = engine.training_spec.model, len(engine.slots)
    rows = table.rows(engine.shape.limits, engine.batch_size)
    lanes_held, working = held(engine.lanes), working_bytes(engine)
    return {
        "width": shape.width,
        "lanes": lanes,
        "molecules": len(table),
        "table": held(engine.table),
        "lanes_held": lanes_held,
        "working": working,
        "per_lane": (lanes_held + working) / lanes,
        "formula_per_lane": lane_bytes(shape, rows),
    }


def whole_replica(problem: TaskData, shape: ModelSpec, seed: int) -> Replica:
    """One that trains on all molecules of the training set."""
    split, scaler = problem.split, problem.label_scaler(problem.split.train, shape.modality)
    return Replica(f"memory {seed}", seed, split.train, split.valid, split.test, 1, scaler)


def held(tree) -> int:
    """Bytes of its arrays."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


def working_bytes(engine: Engine) -> int:
    """What the program of a step holds while it runs, beside its arguments."""
    ids = np.full((programs.most_steps(), len(engine.slots), engine.batch_size), NO_MOLECULE, np.int32)
    compiled = programs.train.lower(engine.training_spec, engine.table, engine.lanes, ids, 1).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def print_rows(rows: list[dict]) -> None:
    """MiB, and how many times of what is held the formula counts with."""
    heads = ("width", "lanes", "molecules", "table", "lanes held", "working", "per lane", "formula", "formula / held")
    mib = lambda number: f"{number / 2**20:,.1f}"
    names = ("table", "lanes_held", "working", "per_lane", "formula_per_lane")
    cells = []
    for row in rows:
        share = f"{row['formula_per_lane'] / row['per_lane']:.2f}"
        shape = str(row["width"]), str(row["lanes"]), f"{row['molecules']:,}"
        cells.append((*shape, *(mib(row[name]) for name in names), share))
    print_table("MiB on the device", heads, cells)


if __name__ == "__main__":
    main()
