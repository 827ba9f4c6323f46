"""How often does a pruning method that is a random number get a star? It should in 10 % of cells.

    python -m benchmarks.pruning_null [--dataset bace] [--methods 16] [--repeats 20] [--out FILE]

Each repeat is a sweep on another split of the data: random subsets, `--methods` made-up methods whose scores are random
numbers for each seed (`<method>_seed_S`), and as many with one column of scores, so one subset, for all seeds. Cells of
a table share their random runs, so stars come in groups, and it takes many tables to count them. For comparison: the
share of stars that methods with one subset would get by the spread of their trainings alone.
"""

import argparse
import csv
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.machine import facts, write
from jaxmrl.config import SweepConfig
from jaxmrl.data.datasets import load_dataset
from jaxmrl.reports.pruning_table import ALPHA, Compared, compare_to_random
from jaxmrl.scaling.differences import difference
from jaxmrl.sweep import run_sweep

OWN, ONE = "own", "one"
"""Beginnings of the names of methods with a subset for each seed, and with one for all."""

SMALL = {"width": 16, "depth": 2, "dropout": 0.0, "learning_rate": 1e-2, "batch_size": 128}


@dataclass(frozen=True)
class Counts:
    """The share of `cells` with a star, and of `tables` that have any cell with two."""

    cells: int
    starred: float
    tables: int
    tables_with_two_stars: float


def write_scores(path: Path, rows: int, methods: int, seeds: int, draw: int) -> tuple[str, ...]:
    """Write scores that are random numbers for every row of the data, and return the names of the methods."""
    rng = np.random.default_rng([draw, rows])
    own, one = ([f"{kind}{k}" for k in range(methods)] for kind in (OWN, ONE))
    columns = [f"{name}_seed_{seed}" for name in own for seed in range(seeds)] + one
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["molecule_id", *columns])
        writer.writerows([row, *rng.random(len(columns)).tolist()] for row in range(rows))
    return (*own, *one)


def compared_table(flags: argparse.Namespace, rows: int, draw: int, folder: Path) -> list[Compared]:
    """Return the comparisons of one repeat: the methods against random subsets on the split of seed `draw`."""
    path = folder / f"scores-{draw}.csv"
    names = write_scores(path, rows, flags.methods, flags.seeds, draw)
    config = SweepConfig(
        baselines=(),
        model=("gin",),
        dataset=flags.dataset,
        pruning=("random", *names),
        scores=path,
        fractions=tuple(flags.fractions),
        seeds=flags.seeds,
        epochs=flags.epochs,
        split_seed=draw,
        out=folder / f"run-{draw}",
        **{name: (value,) if name in ("width", "depth") else value for name, value in SMALL.items()},
    )
    curves = run_sweep(config).curves
    return compare_to_random(curves, [name for name in names if name.startswith(ONE)], higher_is_better=True)


def of_kind(tables: list[list[Compared]], kind: str) -> list[list[Compared]]:
    """Return the tables with the cells of methods whose names begin with `kind` alone."""
    return [[one for one in table if one.identity.pruning.startswith(kind)] for table in tables]


def counts(tables: list[list[Compared]]) -> Counts:
    """Return how many stars there are, Holm's correction being for all cells of a sweep."""
    cells = [one for table in tables for one in table]
    two = [any(one.p_holm <= ALPHA for one in table) for table in tables]
    starred = [one.difference.excludes_zero for one in cells]
    return Counts(len(cells), float(np.mean(starred)), len(tables), float(np.mean(two)))


def starred_by_trainings_alone(tables: list[list[Compared]]) -> float:
    """Return the share of stars of methods with one subset, were the spread between subsets forgotten."""
    cells = [one for table in tables for one in table]
    alone = [difference(replace(one.pruned, one_subset=False), one.random) for one in cells]
    return float(np.mean([found.excludes_zero for found in alone]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="bace")
    parser.add_argument("--methods", type=int, default=16, help="of each kind")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.1, 0.2])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    rows = load_dataset(flags.dataset).rows
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        for draw in range(flags.repeats):
            tables.append(compared_table(flags, rows, draw, Path(folder)))
            own, one = (counts(of_kind(tables, kind)) for kind in (OWN, ONE))
            print(f"{draw + 1} tables: stars {own.starred:.1%}; with one subset {one.starred:.1%}", flush=True)
    found = facts("pruning_null") | {
        "nominal": round(ALPHA, 6),
        "subset_for_each_seed": vars(own),
        "one_subset_for_all_seeds": vars(one),
        "one_subset_by_trainings_alone": starred_by_trainings_alone(of_kind(tables, ONE)),
    }
    write(flags.out, found)


if __name__ == "__main__":
    main()
