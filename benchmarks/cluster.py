"""Seconds that the machines of a Ray cluster take for a queue, by their number; all are on this machine.

    python -m benchmarks.cluster [--machines 1 2 4] [--seeds 16] [--rounds 2] [--out FILE.json]

Each machine's XLA has one thread, so that two machines may use two cores as two real machines would use theirs; where
there are more machines than cores, they share them. The time is that of the training, from handing out the first
replica to the last row, with programs compiled in an earlier round. Needs the `cluster` extra.
"""

import argparse
import os
import tempfile
from pathlib import Path

# Before JAX begins, here and in machines: threads of XLA's, and devices that it makes of a CPU.
os.environ |= {"NPROC": "1", "JAX_NUM_CPU_DEVICES": "1"}

from ray.cluster_utils import Cluster

import jaxmrl.sweep
from benchmarks.engines import clocked
from benchmarks.machine import cores, facts, print_table, summary, write
from jaxmrl.config import SweepConfig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--machines", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = {number: measure(number, flags, Path(folder, str(number))) for number in flags.machines}
    rows = [row(number, seconds, flags.machines[0]) for number in flags.machines]
    print_table("seconds of a queue", ("machines", "seconds", "times as fast", "of what is possible"), cells(rows))
    replicas = 3 * flags.seeds
    write(flags.out, facts("cluster") | {"replicas": replicas, "epochs": flags.epochs, "rows": rows})


def measure(number: int, flags: argparse.Namespace, folder: Path) -> list[float]:
    """Seconds of each round on so many machines; one round more goes before, which compiles."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    for _ in range(number - 1):
        cluster.add_node(num_cpus=1)
    try:
        return [one_round(cluster.address, flags, folder / str(k)) for k in range(flags.rounds + 1)][1:]
    finally:
        cluster.shutdown()


def one_round(address: str, flags: argparse.Namespace, out: Path) -> float:
    """Seconds of the training of a sweep."""
    sizes = {"width": (64,), "depth": (3,), "lanes": 2, "fractions": (0.25, 0.5, 1.0)}
    config = SweepConfig(
        dataset="nci", model=("gin",), baselines=(), seeds=flags.seeds, epochs=flags.epochs, out=out, **sizes
    )
    with clocked(jaxmrl.sweep, "train_grid") as spent:
        jaxmrl.sweep.run_sweep(config, cluster=address)
    return spent["train_grid"]


def row(number: int, seconds: dict[int, list[float]], first: int) -> dict:
    """Median and spread, the speed-up over the first number of machines, and its share of what the cores allow."""
    speedup = summary(seconds[first])["median"] / summary(seconds[number])["median"]
    possible = min(number, cores()) / min(first, cores())
    return {
        "machines": number,
        "seconds": summary(seconds[number]),
        "speedup": speedup,
        "efficiency": speedup / possible,
    }


def cells(rows: list[dict]) -> list[tuple[str, ...]]:
    """Of the table."""
    return [
        (str(r["machines"]), f"{r['seconds']['median']:.1f}", f"{r['speedup']:.2f}", f"{r['efficiency']:.0%}")
        for r in rows
    ]


if __name__ == "__main__":
    main()
