"""How many labels does each method of acquisition save? On real tables, planted ones, and with shuffled labels.

    python -m benchmarks.acquisition [--datasets esol freesolv ...] [--methods greedy ...] [--seeds 10] [--out FILE]

Each data set is simulated as `jaxmrl select --simulate` does it, as it is and with its labels shuffled, where no method
can save labels, and as many tables are planted: half of the molecules form one dull cluster, the others small clusters
with labels of their own; two of them have the best labels. Intervals of a kind of table hold together over all of its
tables.
"""

import argparse
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import facts, print_table, write
from jaxmrl.acquisition.comparison import MEASURES, RANDOM, Gain, compare_methods
from jaxmrl.acquisition.methods import METHODS, NEED_BEST
from jaxmrl.acquisition.simulation import Campaign, Labeled
from jaxmrl.baselines.views import tanimoto
from jaxmrl.config import SelectConfig
from jaxmrl.reports.terminal import Reporter
from jaxmrl.select.labeled import read_labeled
from jaxmrl.select.simulate import run_campaigns

DATASETS = ("esol", "freesolv", "lipo", "bace", "bbbp", "nci", "wehi", "clintox", "sider", "tox21")
"""Ten data sets: of several tasks, the first one."""

KINDS = ("real", "shuffled", "planted")


def planted_table(seed: int, molecules: int = 600) -> Labeled:
    """Return made-up molecules: a dull cluster with half of them, and clusters of 15, two of them with the best labels.

    Those of a cluster share most of their substructures, and their labels differ by noise.
    """
    rng = np.random.default_rng(seed)
    small = molecules // 30
    cluster = np.concatenate([np.zeros(molecules - 15 * small, int), 1 + np.arange(15 * small) // 15])
    prototypes = np.stack([np.isin(np.arange(400), rng.choice(400, 30, replace=False)) for _ in range(small + 1)])
    flipped = rng.random((molecules, 400)) < 0.01
    counts = (prototypes[cluster] ^ flipped).astype(np.uint8)
    level = np.concatenate([[0.0], rng.normal(0, 0.5, small - 2), [3.0, 3.0]])
    labels = level[cluster] + rng.normal(0, 0.1, molecules)
    order = rng.permutation(molecules)
    counts, labels = counts[order], labels[order]
    return Labeled(tanimoto(counts, counts).astype(np.float32), counts, labels, rng.permutation(molecules))


def shuffled(table: Labeled, seed: int) -> Labeled:
    """Return the table with its labels in random order."""
    return replace(table, labels=np.random.default_rng([seed, len(table.labels)]).permutation(table.labels))


def compared(table: Labeled, methods: tuple[str, ...], flags: argparse.Namespace, tables: int) -> list[Gain]:
    """Return the gains of the methods on one table. tables: those whose intervals are to hold together."""
    own = [name for name in methods if not (table.classes and name in NEED_BEST)]
    pool, _ = table.parts(0)
    batch = max(1, len(pool) // 20)
    campaign = Campaign(batch, batch, flags.rounds)
    work = [(method, seed) for method in own for seed in range(flags.seeds)]
    return compare_methods(list(run_campaigns(table, campaign, work, flags.processes)), campaign, tables)


def counted(gains: dict[str, list[Gain]], methods: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return for each method and measure on how many tables it saves labels or costs some, and the median saving."""
    found: dict[str, dict[str, Any]] = {}
    for method in methods:
        for measure in MEASURES:
            own = [
                gain for table in gains.values() for gain in table if (gain.method, gain.measure) == (method, measure)
            ]
            savings = [gain.saved for gain in own if gain.saved]
            if not savings:
                continue
            found.setdefault(method, {})[measure] = {
                "tables": len(savings),
                "gains": sum(saved.is_gain for saved in savings),
                "costs": sum(saved.is_loss for saved in savings),
                "median_saved": float(np.median([saved.value for saved in savings])),
            }
    return found


def print_counts(kind: str, found: dict[str, dict[str, Any]]) -> None:
    """Print a row for each method: median saving, and on how many tables the interval excludes 0."""
    heads = (
        "method",
        *(f"{measure}: {what}" for measure in MEASURES for what in ("saved", "gains", "costs", "tables")),
    )
    rows = []
    for method, measures in found.items():
        cells = [method]
        for measure in MEASURES:
            one = measures.get(measure)
            cells += (
                [""] * 4
                if one is None
                else [f"{one['median_saved']:.0%}"] + [str(one[name]) for name in ("gains", "costs", "tables")]
            )
        rows.append(tuple(cells))
    print_table(
        f"{kind} tables: median of the labels saved, and tables with an interval of gains or costs", heads, rows
    )


def tables_of(kind: str, flags: argparse.Namespace) -> dict[str, Labeled]:
    """Return the tables of a kind by their names."""
    if kind == "planted":
        return {f"planted-{seed}": planted_table(seed) for seed in range(len(flags.datasets))}
    read = {
        name: read_labeled(SelectConfig(simulate=True, dataset=name), Reporter(quiet=True), flags.molecules)
        for name in flags.datasets
    }
    return read if kind == "real" else {name: shuffled(table, 0) for name, table in read.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--datasets", nargs="+", default=DATASETS)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--methods", nargs="+", default=[*METHODS, "mixture"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--molecules", type=int, default=1_000, help="most molecules of a table")
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    methods, found = tuple(dict.fromkeys([*flags.methods, RANDOM])), facts("acquisition")
    for kind in flags.kinds:
        started, gains = time.monotonic(), {}
        for name, table in tables_of(kind, flags).items():
            gains[name] = compared(table, methods, flags, len(flags.datasets))
            print(f"{kind} {name}: {len(table.labels):,} molecules, {time.monotonic() - started:.0f} s", flush=True)
        counts = counted(gains, methods)
        print_counts(kind, counts)
        everything = {name: [asdict(gain) for gain in some] for name, some in gains.items()}
        found[kind] = {"seconds": time.monotonic() - started, "counts": counts, "tables": everything}
    write(flags.out, found)


if __name__ == "__main__":
    main()
