"""Molecules trained per second, jaxmrl against PyTorch on the same model, batch size and optimizer.

    python -m benchmarks.throughput [--dataset hiv] [--modality graph] [--widths 64 128 300] [--out FILE.json]
    python -m benchmarks.throughput --npz qm7_3d.npz --target-columns ae_pbe0 --model schnet

The baseline is PyTorch Geometric for the GIN, GINE and SchNet, chemprop's own classes for D-MPNN, plain PyTorch for
PaiNN and for the transformer on fingerprints or SMILES.

The two take turns, round by round, on the same machine: quote the ratios. The baseline is timed
twice: with its DataLoader, as an epoch runs, and on batches made in advance, its model and optimizer alone. jaxmrl
is timed whole: host planning, assembling batches on the device, and training. Beside that stands the floor: the time of
a step if this device did its operations, or moved its bytes, as fast as it ever does. `--processes 4` has the baseline
train four models too, in as many processes at once; on a GPU that is done with 4 and 8 unless told otherwise.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path

import jax
import numpy as np
import torch
from torch_geometric.loader import DataLoader

from benchmarks import molgraph_baselines, pyg_baseline, torch_geometry, torch_transformer
from benchmarks.floors import Peaks, measure_peaks, step_floor
from benchmarks.machine import facts, print_table, summary, timed, write
from benchmarks.processes import Team, add_flag, numbers_to_try
from jaxmrl.config import SweepConfig
from jaxmrl.config.names import PRECISIONS
from jaxmrl.data.loading import load_problem
from jaxmrl.data.task_data import TaskData
from jaxmrl.modalities import registry
from jaxmrl.reports.terminal import Reporter
from jaxmrl.training.capacity import choose_lanes, use_cores
from jaxmrl.training.devices import side_by_side
from jaxmrl.training.engines import on_each
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.model_spec import ModelSpec, model_spec
from jaxmrl.training.programs import most_steps
from jaxmrl.training.replica import TrainingSpec, device_table

BATCH, RATE = 256, 1e-3
MOLECULES = 8192
SIZES = {
    "gin": ([64, 128, 300], 5),
    "dmpnn": ([128, 300], 3),
    "gine": ([128, 300], 3),
    "painn": ([64, 128], 6),
    "schnet": ([64, 128], 6),
    "transformer": ([64], 1),
}
"""Widths to try, and the depth: the study's, or chemprop's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--dataset", default="hiv")
    source.add_argument("--npz", type=Path)
    parser.add_argument("--target-columns", nargs="+", default=[])
    parser.add_argument("--modality", choices=registry.modality_names())
    parser.add_argument("--model", choices=[name for name, model in registry.models().items() if not model.classical])
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="of both sides")
    parser.add_argument("--widths", type=int, nargs="+", help="default: by the model")
    parser.add_argument("--lanes", type=int, nargs="+", help="lanes on each device to try; default: a sweep's")
    add_flag(parser)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=8, help="optimizer steps per round, in every lane")
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()

    names = ("dataset", "npz", "modality", "model", "precision", "target_columns")
    use_cores()
    if not 1 <= flags.steps <= most_steps():
        parser.error(f"--steps must be from 1 to {most_steps()}; got {flags.steps}")
    flags.model = flags.model or (None if flags.modality or flags.npz else "gin")
    asked = {name: getattr(flags, name) for name in names if getattr(flags, name)}
    config = SweepConfig(descriptors="off", **asked)  # the baselines have none
    problem = load_problem(config, Reporter(quiet=True))
    (modality,) = config.modalities
    (model,) = config.models_of(modality)
    data = baseline_data(problem, modality, model)
    widths, depth = SIZES[model]
    shapes = [model_spec(config, problem, modality, model, width, depth) for width in flags.widths or widths]
    print(f"{len(data):,} molecules; measuring the peaks of this device", flush=True)
    peaks = measure_peaks(config.precision)
    trained = {"modality": modality, "model": model, "precision": config.precision}
    trained |= {"batch": BATCH, "depth": depth, "molecules": len(data)}
    rows: list[dict] = []
    for shape in shapes:
        print(f"{shape.name}: compiling", flush=True)
        rows += measure(problem, data, shape, flags, peaks)
        show(rows, peaks)
        write(flags.out, facts("throughput") | trained | {"peaks": asdict(peaks), "rows": rows})


def chosen_molecules(problem: TaskData) -> np.ndarray:
    """The molecules that both sides train on."""
    return problem.split.train[:MOLECULES]


def baseline_data(problem: TaskData, modality: str, model: str) -> list:
    """The molecules as the baseline's loader takes them: PyG data, (tokens, labels) or (SMILES, labels)."""
    table, chosen = problem.table, chosen_molecules(problem).tolist()
    if modality == "graph":
        return [pyg_baseline.molecule_data(table.smiles[k], table.labels[k].tolist()) for k in chosen]
    features = problem.features[modality]
    if model == "dmpnn":
        return [(problem.canonical_smiles[k], table.labels[k]) for k in chosen]
    if model == "gine":
        return [molgraph_baselines.molecule_data(features, k, table.labels[k].tolist()) for k in chosen]
    if modality == "geometry":
        targets = scaled_labels(problem, problem.split.train)
        return [torch_geometry.molecule_data(features, k, targets[k].tolist()) for k in chosen]
    if modality == "fingerprint":
        tokens = [np.flatnonzero(np.unpackbits(features.packed[k])) for k in chosen]
    else:
        starts = np.cumsum(features.size) - features.size
        tokens = [features.token[starts[k] :][: features.size[k]].astype(np.int64) for k in chosen]
    return [
        (torch.from_numpy(one), torch.from_numpy(table.labels[k].astype(np.float32)))
        for one, k in zip(tokens, chosen, strict=True)
    ]


def scaled_labels(problem: TaskData, molecules: np.ndarray) -> np.ndarray:
    """What a model learns, of all molecules [N, T]."""
    scaler = problem.label_scaler(molecules, "geometry")
    return np.asarray(scaler.transform(problem.device_labels("geometry"), problem.composition))


def measure(problem: TaskData, data: list, shape: ModelSpec, flags, peaks: Peaks) -> list[dict]:
    """Rows of the table for one model: one for each number of lanes on each device."""
    lane_counts = flags.lanes or [auto_lanes(problem, shape)]
    engines = {lanes: bench_engines(problem, shape, lanes) for lanes in lane_counts}
    runs = {("jaxmrl", lanes): jaxmrl_round(some, flags.steps) for lanes, some in engines.items()}
    given, numbers = (data, shape, flags.steps, pyg_baseline.device()), numbers_to_try(flags.processes)
    with ExitStack() as teams:
        rounds = baseline_rounds(*given)
        called = {1: lambda function: [function(rounds)]}
        called |= {n: teams.enter_context(Team(n, baseline_rounds, *given)).each for n in numbers}
        runs |= {(kind, n): baseline_round(kind, call, flags.steps) for n, call in called.items() for kind in rounds}
        speeds = in_turns(runs, flags.rounds)
    return [
        row(shape.width, lanes, speeds, numbers) | floor_of(some, peaks, speeds["jaxmrl", lanes])
        for lanes, some in engines.items()
    ]


def in_turns(runs: dict, rounds: int) -> dict[tuple, list[float]]:
    """What each run gives in each round, after one that does not count."""
    speeds = {name: [] for name in runs}
    for k in range(rounds + 1):
        started = time.perf_counter()
        for name, run in runs.items():
            speeds[name].append(run())
        what = f"round {k} of {rounds}" if k else "the round that does not count"
        print(f"  {what}: {time.perf_counter() - started:.0f} s", flush=True)
    return {name: values[1:] for name, values in speeds.items()}


def row(width: int, lanes: int, speeds: dict, numbers: list[int]) -> dict:
    """Medians, spread and ratios; a ratio is the median over rounds."""
    ours = speeds["jaxmrl", lanes]

    def beside(processes: int) -> dict:
        loader, prebuilt = speeds["loader", processes], speeds["prebuilt", processes]
        return {
            "baseline": summary(loader),
            "baseline_prebuilt_batches": summary(prebuilt),
            "ratio": median_ratio(ours, loader),
            "ratio_to_prebuilt": median_ratio(ours, prebuilt),
        }

    several = [{"processes": n} | beside(n) for n in numbers]
    return {"width": width, "lanes": lanes, "jaxmrl": summary(ours), **beside(1), "in_processes": several}


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def floor_of(engines: list[Engine], peaks: Peaks, speeds: list[float]) -> dict:
    """The floor of a step in every lane, and what share of that speed was reached, by the median."""
    floor = step_floor(engines, peaks)
    step = len(engines) * len(engines[0].slots) * BATCH / statistics.median(speeds)
    reached = {"seconds_per_step": step, "share_of_floor": floor.seconds / step}
    return {"devices": len(engines), "floor": asdict(floor)} | reached


def bench_replica(problem: TaskData, modality: str, seed: int) -> Replica:
    molecules, scaler = chosen_molecules(problem), problem.label_scaler(problem.split.train, modality)
    return Replica(f"bench {seed}", seed, molecules, molecules[:BATCH], molecules[:BATCH], 10**6, scaler)


def auto_lanes(problem: TaskData, shape: ModelSpec) -> int:
    """The lanes of a sweep with many replicas."""
    queue = [bench_replica(problem, shape.modality, seed) for seed in range(64)]
    return choose_lanes("auto", shape, queue, problem, BATCH)


def bench_engines(problem: TaskData, shape: ModelSpec, lanes: int, batch_size: int = BATCH) -> list[Engine]:
    """An engine on each device, with a replica in every lane that never ends."""
    training_spec = TrainingSpec(shape, problem.table.task, problem.metric, RATE)
    devices, resources = jax.local_devices(), problem.features[shape.modality].resources()
    replicas = [bench_replica(problem, shape.modality, seed) for seed in range(lanes * len(devices))]
    queue = iter(range(len(replicas)))

    def make() -> Engine:
        engine = Engine(training_spec, device_table(problem, shape.modality), resources, replicas, lanes, batch_size)
        engine.refill(queue)
        return engine

    return on_each(devices, make)


def jaxmrl_round(engines: list[Engine], steps: int):
    """A function that trains `steps` steps in every lane and returns molecules per second."""

    def train(engine: Engine) -> None:
        jax.block_until_ready((engine.train_chunk(steps), engine.lanes))

    def run() -> float:
        seconds = timed(lambda: side_by_side(engines, train))
        return steps * len(engines) * len(engines[0].slots) * BATCH / seconds

    return run


def baseline_rounds(data: list, shape: ModelSpec, steps: int, device: torch.device) -> dict:
    """Functions that train `steps` steps of the baseline and return when they began and ended: with its loader, and on
    batches made in advance.
    """
    torch.manual_seed(0)
    module, loader, judged, place = baseline_of(data, shape, device)
    loss = torch.nn.functional.mse_loss if shape.modality == "geometry" else pyg_baseline.present_loss
    module.to(device)
    kind = torch.optim.AdamW if shape.modality == "smiles" else torch.optim.Adam
    optimizer = kind(module.parameters(), lr=RATE)
    stream = map(place, forever(loader))
    ready = list(islice(stream, steps))

    def train_on(batches) -> tuple[float, float]:
        began = time.perf_counter()
        for batch in islice(batches, steps):
            optimizer.zero_grad()
            with pyg_baseline.products(shape.precision, device):
                outputs, labels = judged(batch)
            loss(outputs.float(), labels).backward()
            optimizer.step()
        pyg_baseline.wait(device)
        return began, time.perf_counter()

    return {"loader": lambda: train_on(stream), "prebuilt": lambda: train_on(ready)}


def baseline_of(data: list, shape: ModelSpec, device: torch.device) -> tuple:
    """The baseline's module, its loader, what gives its outputs and the labels of a batch, and what moves a batch."""
    sizes = (shape.width, shape.depth, shape.dropout, shape.tasks)
    options = {"batch_size": BATCH, "shuffle": True, "drop_last": True}
    if shape.model == "dmpnn":
        module, loader = molgraph_baselines.chemprop_model(shape), molgraph_baselines.chemprop_loader(data, BATCH)
        return module, loader, lambda batch: (module(batch.bmg), batch.Y), molgraph_baselines.mover(device)
    if shape.modality in ("fingerprint", "smiles"):
        module = torch_transformer.Transformer(shape.options.tokens, shape.options.positions, *sizes)
        loader = torch.utils.data.DataLoader(data, collate_fn=torch_transformer.collate, **options)
        judged = lambda batch: (module(*batch[:2]), batch[2])
        return module, loader, judged, lambda batch: [part.to(device) for part in batch]
    if shape.modality == "geometry":
        module = torch_geometry.MODELS[shape.model](shape)
    else:
        module = {"gin": pyg_baseline.GIN, "gine": molgraph_baselines.GINE}[shape.model](*sizes)
    return module, DataLoader(data, **options), lambda batch: (module(batch), batch.y), lambda batch: batch.to(device)


def baseline_round(kind: str, call: Callable, steps: int):
    """A function that returns molecules per second of all processes together, from the first one's start to the last
    one's end. call(f) is f of the functions that baseline_rounds made, for each process.
    """

    def run() -> float:
        began, ended = zip(*call(partial(one_round, kind)), strict=True)
        return len(began) * steps * BATCH / (max(ended) - min(began))

    return run


def one_round(kind: str, rounds: dict) -> tuple[float, float]:
    return rounds[kind]()


def forever(loader):
    """Batches of epoch after epoch."""
    while True:
        yield from loader


def figures(row: dict) -> list[str]:
    """The baseline's speeds and the ratios to them."""
    speeds = [f"{row[name]['median']:,.0f}" for name in ("baseline", "baseline_prebuilt_batches")]
    return speeds + [f"{row[name]:.2f}" for name in ("ratio", "ratio_to_prebuilt")]


def show(rows: list[dict], peaks: Peaks) -> None:
    """Medians over rounds."""
    heads = (
        "width",
        "devices x lanes",
        "jaxmrl",
        "PyTorch",
        "ready",
        "ratio",
        "ratio, ready",
        "ms a step",
        "floor, ms",
        "reached",
    )
    cells = []
    for r in rows:
        floor = f"{1000 * r['floor']['seconds']:.1f} ({r['floor']['bound']})"
        reached = f"{1000 * r['seconds_per_step']:.1f}", floor, f"{r['share_of_floor']:.0%}"
        size = f"{r['devices']}x{r['lanes']}"
        cells.append((str(r["width"]), size, f"{r['jaxmrl']['median']:,.0f}", *figures(r), *reached))
    print_table("molecules per second, median of rounds; ready: PyTorch on batches made in advance", heads, cells)
    in_processes = [(r, one) for r in rows for one in r["in_processes"]]
    if in_processes:
        heads = ("width", "lanes", "processes", "PyTorch", "ready", "ratio", "ratio, ready")
        cells = [(str(r["width"]), str(r["lanes"]), str(one["processes"]), *figures(one)) for r, one in in_processes]
        print_table("PyTorch in several processes at once, all together", heads, cells)
    print(f"peaks: {peaks.operations / 1e9:,.0f} GFLOP/s, {peaks.bandwidth / 1e9:,.0f} GB/s")


if __name__ == "__main__":
    main()
