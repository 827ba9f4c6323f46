"""How time and memory grow: with the molecules of a table, with the replicas of a queue, and at the size of PCBA.

    python -m benchmarks.scale [--molecules 1000 4000 16000 64000 400000] [--out FILE.json]
    python -m benchmarks.scale --queues 10 100 1000 [--out FILE.json]
    python -m benchmarks.scale --pcba 438000 [--tasks 128] [--out FILE.json]

The first times an epoch of one model, training and validation, on tables that repeat the 10,000 molecules of `wehi`,
and draws FILE.png beside the JSON. The second times whole sweeps of tiny replicas. The third takes a CSV file of so
many synthetic molecules (two of the embedded `nci` side by side, 26 atoms on average, 40 % of the labels missing)
through a sweep of one replica and one epoch: prepared in one process, swept in a second, for a process tells the most
memory it ever held (Linux only). Its times of training and evaluation have their compilation in them.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np

import jaxmrl.sweep
from benchmarks.engines import clocked, train_epoch
from benchmarks.machine import facts, in_own_process, peaks, print_table, summary, timed, write
from jaxmrl.config import SweepConfig
from jaxmrl.data.datasets import load_dataset
from jaxmrl.data.label_scaling import identity_scaler
from jaxmrl.data.loading import load_problem
from jaxmrl.data.parsing import prepare
from jaxmrl.modalities.flat_arrays import concatenate, take
from jaxmrl.modalities.graph.dataset import GraphDataset
from jaxmrl.modalities.graph.features import Graphs
from jaxmrl.modalities.graph.modality import GIN
from jaxmrl.reports.terminal import Reporter
from jaxmrl.training import programs
from jaxmrl.training.capacity import use_cores
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.replica import DeviceTable, TrainingSpec

SIZES = (1000, 4000, 16_000, 64_000, 400_000)
BATCH, DROPOUT, RATE = 256, GIN.dropout, GIN.learning_rate
MEAN_ATOMS, MISSING, POSITIVE = 26, 0.4, 0.02
"""Of the synthetic table: heavy atoms of a molecule, share of labels that are missing, share of 1 among the others."""

TINY = {"molecules": 60, "epochs": 2, "width": 8, "depth": 2, "batch_size": 64}
"""The replicas of a queue. Any fraction of the molecules is one batch, so all queues share their compiled programs."""

FRACTIONS = tuple(k / 10 for k in range(1, 11))
"""Of a queue: as in a study, few replicas are of the largest, and leave a model."""


def table_of(molecules: int) -> Graphs:
    """So many graphs: the molecules of `wehi` over and over."""
    some = prepare(load_dataset("wehi")).graphs
    copies = -(-molecules // len(some))
    return take(concatenate([some] * copies), np.arange(copies * len(some)) < molecules)


def engine_on(table: Graphs, width: int, depth: int) -> Engine:
    """One lane that trains on 80 % of the table and validates on 10 %."""
    rng = np.random.default_rng(0)
    train, valid, test = np.split(rng.permutation(len(table)), [8 * len(table) // 10, 9 * len(table) // 10])
    labels = jnp.asarray(rng.integers(0, 2, (len(table), 1)), jnp.float32)
    training_spec = TrainingSpec(ModelSpec(width, depth, DROPOUT, 1, "float32"), "classification", "roc_auc", RATE)
    replica = Replica("scale", 0, train, valid, test, 10**6, identity_scaler(1))
    engine = Engine(
        training_spec, DeviceTable(GraphDataset.to_device(table), labels), table.resources(), [replica], 1, BATCH
    )
    engine.refill(iter([0]))
    return engine


def epoch_seconds(molecules: int, width: int, depth: int, rounds: int) -> dict:
    """Of training on a table of so many molecules, and of a validation, after an epoch that compiles."""
    engine = engine_on(table_of(molecules), width, depth)
    parts = {
        "training": lambda: train_epoch(engine),
        "evaluation": lambda: np.asarray(engine.evaluate(programs.weights_now(engine.lanes), "valid", [0])),
    }
    for run in parts.values():
        run()
    rounds_of = [{name: timed(run) for name, run in parts.items()} for _ in range(rounds)]
    epochs = summary([sum(one.values()) for one in rounds_of])
    return {
        "molecules": molecules,
        "epoch": epochs,
        **{name: summary([one[name] for one in rounds_of]) for name in parts},
        "seconds_per_thousand": 1000 * epochs["median"] / molecules,
    }


def exponent(sizes: list[float], seconds: list[float]) -> float:
    """Of seconds = constant * size^exponent, by least squares in logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def measure_tables(flags) -> dict:
    """Epochs of all tables, and how their time grows."""
    rows = [epoch_seconds(molecules, flags.width, flags.depth, flags.rounds) for molecules in flags.molecules]
    found = exponent([r["molecules"] for r in rows], [r["epoch"]["median"] for r in rows])
    cells = [
        (
            f"{r['molecules']:,}",
            *(f"{r[name]['median']:.2f}" for name in ("epoch", "training", "evaluation")),
            f"{r['seconds_per_thousand']:.3f}",
        )
        for r in rows
    ]
    heads = ("molecules", "epoch", "training", "evaluation", "a thousand molecules")
    print_table("seconds, median of rounds", heads, cells)
    print(f"time grows with the power {found:.3f} of the molecules")
    if flags.out:
        draw(rows, found, flags.out.with_suffix(".png"))
    return {"width": flags.width, "depth": flags.depth, "rounds": flags.rounds, "exponent": found, "tables": rows}


def draw(rows: list[dict], found: float, path: Path) -> None:
    """Seconds of an epoch against molecules, beside a straight line of slope 1."""
    from matplotlib.figure import Figure

    sizes, seconds = (
        np.array(column) for column in zip(*((r["molecules"], r["epoch"]["median"]) for r in rows), strict=True)
    )
    figure = Figure(figsize=(5.2, 3.8), layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log", xlabel="molecules", ylabel="seconds of an epoch")
    axes.plot(sizes, seconds[-1] * sizes / sizes[-1], "--", color="gray", label="proportional")
    axes.plot(sizes, seconds, "o-", label=f"measured, exponent {found:.3f}")
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def write_tiny(path: Path) -> None:
    """A CSV file of few small molecules with a number."""
    smiles = load_dataset("nci").smiles[: TINY["molecules"]]
    path.write_text("smiles,length\n" + "".join(f"{text},{len(text)}\n" for text in smiles))


def queue_seconds(path: Path, replicas: int, out: Path) -> dict:
    """Of a whole sweep of so many replicas, and of their training until each has its row and its model."""
    sizes = {name: TINY[name] for name in ("epochs", "width", "depth", "batch_size")}
    config = SweepConfig(
        csv=path, model=("gin",), baselines=(), fractions=FRACTIONS, seeds=replicas // len(FRACTIONS), out=out, **sizes
    )
    with clocked(jaxmrl.sweep, "train_grid") as spent:
        seconds = timed(lambda: jaxmrl.sweep.run_sweep(config))
    return {
        "replicas": replicas,
        "seconds": seconds,
        "training": spent["train_grid"],
        "training_per_replica": spent["train_grid"] / replicas,
    }


def measure_queues(flags) -> dict:
    """Seconds of sweeps of more and more replicas, after one that compiles."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tiny.csv")
        write_tiny(path)
        queue_seconds(path, min(flags.queues), Path(folder, "first"))
        rows = [queue_seconds(path, queue, Path(folder, str(queue))) for queue in flags.queues]
    cells = [
        (f"{r['replicas']:,}", f"{r['seconds']:.1f}", f"{r['training']:.1f}", f"{r['training_per_replica']:.4f}")
        for r in rows
    ]
    print_table("seconds of a sweep", ("replicas", "in all", "training", "training, per replica"), cells)
    return {"replica": TINY, "fractions": FRACTIONS, "queues": rows}


def write_synthetic(path: Path, molecules: int, tasks: int) -> None:
    """A CSV file of pairs of small molecules, each pair another, with labels by chance, most of them 0."""
    known = prepare(load_dataset("nci"))
    sizes = np.sort(known.graphs.size)
    most = sizes[np.flatnonzero(np.cumsum(sizes) / np.arange(1, len(sizes) + 1) <= MEAN_ATOMS / 2)[-1]]
    small = [text for text, size in zip(known.table.smiles, known.graphs.size, strict=True) if size <= most]
    rng = np.random.default_rng(0)
    pairs = np.stack(np.triu_indices(len(small), 1), axis=1)
    cells = np.array(["", "1", "0"])
    shares = [MISSING, (1 - MISSING) * POSITIVE, (1 - MISSING) * (1 - POSITIVE)]
    with path.open("w") as file:
        file.write(",".join(["smiles", *(f"task{k}" for k in range(tasks))]) + "\n")
        for a, b in pairs[rng.choice(len(pairs), molecules, replace=False)]:
            file.write(",".join([f"{small[a]}.{small[b]}", *cells[rng.choice(3, tasks, p=shares)]]) + "\n")


def pcba_config(path: Path, width: int, depth: int) -> SweepConfig:
    return SweepConfig(
        baselines=(),
        model=("gin",),
        csv=path,
        task="classification",
        metric="average_precision",
        fractions=(1.0,),
        seeds=1,
        epochs=1,
        width=width,
        depth=depth,
        lanes=1,
        out=path.with_name("run"),
    )


def stage(name: str, path: Path, width: int, depth: int) -> dict:
    """Seconds and peaks of the preparation, or of the whole sweep and its parts, in this process."""
    config = pcba_config(path, width, depth)
    if name == "prepare":
        return {"seconds": timed(lambda: load_problem(config, Reporter(quiet=True)))} | peaks()
    started = time.perf_counter()
    with (
        clocked(jaxmrl.sweep, "read_inputs", "run_metadata", "write_report") as around,
        clocked(Engine, "train_chunk", "evaluate") as within,
    ):
        (row,) = jaxmrl.sweep.run_sweep(config).rows
    return {"seconds": time.perf_counter() - started, **around, **within, "test": row.test} | peaks()


def measure_pcba(flags) -> dict:
    """What preparation and sweep of the synthetic table take."""
    sizes = "--width", str(flags.width), "--depth", str(flags.depth)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "synthetic.csv")
        write_synthetic(path, flags.pcba, flags.tasks)
        found = {"bytes_of_csv": path.stat().st_size}
        for name in ("prepare", "sweep"):
            found[name] = in_own_process(
                "scale", "--stage", name, str(path), *sizes, JAXMRL_CACHE=str(Path(folder, "cache"))
            )
    for name in ("prepare", "sweep"):
        parts = {
            key: value for key, value in found[name].items() if "peak" not in key and key not in ("seconds", "test")
        }
        told = f"; {', '.join(f'{key} {value:.1f}' for key, value in parts.items())}" if parts else ""
        memory = f"{found[name]['peak_gib']:.2f} GiB, workers {found[name]['peak_gib_of_workers']:.2f} GiB each"
        print(f"{flags.pcba:,} molecules x {flags.tasks} tasks, {name}: {found[name]['seconds']:.1f} s, {memory}{told}")
    return {"molecules": flags.pcba, "tasks": flags.tasks, "width": flags.width, "depth": flags.depth} | found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--molecules", type=int, nargs="+", default=list(SIZES), help="sizes of the tables")
    kind.add_argument("--queues", type=int, nargs="+", help="numbers of replicas, in tens")
    kind.add_argument("--pcba", type=int, help="molecules of the synthetic table; PCBA has 438,000")
    parser.add_argument("--tasks", type=int, default=128, help="of the synthetic table")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--depth", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3, help="epochs timed of each table")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--stage", nargs=2, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    use_cores()
    if flags.stage:
        print(json.dumps(stage(flags.stage[0], Path(flags.stage[1]), flags.width, flags.depth)))
        return
    if any(queue < 1 or queue % len(FRACTIONS) for queue in flags.queues or ()):
        parser.error(f"--queues takes multiples of {len(FRACTIONS)}: a replica for each fraction and seed")
    measure = measure_pcba if flags.pcba else measure_queues if flags.queues else measure_tables
    found = measure(flags)
    write(flags.out, facts("scale") | found)


if __name__ == "__main__":
    main()
