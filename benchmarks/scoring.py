"""What scoring costs: GraNd of a whole training set in epochs of training, and ten seeds of EL2N against PyG's.

    python -m benchmarks.scoring [--dataset hiv] [--widths 64 300] [--seeds 10] [--molecules 8192] [--out FILE.json]

GraNd: all training molecules, all parameters, over the time of one training epoch of the same model in one lane.
EL2N: `seeds` models trained for --epochs on --molecules molecules and scored, jaxmrl's in lanes, then PyTorch
Geometric's one after the other with its DataLoader; the first round of each, with its compilations, is not counted.
"""

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import torch
from torch_geometric.loader import DataLoader

from benchmarks import pyg_baseline
from benchmarks.engines import train_epoch
from benchmarks.machine import facts, timed, write
from benchmarks.throughput import BATCH, RATE, SIZES
from jaxmrl.config import Settings, SweepConfig
from jaxmrl.data.loading import load_problem
from jaxmrl.data.task_data import TaskData
from jaxmrl.modalities.graph.modality import GIN
from jaxmrl.pruning.passes import grand, model_scores
from jaxmrl.pruning.scoring_models import ScoringTask
from jaxmrl.reports.terminal import Reporter
from jaxmrl.training import programs
from jaxmrl.training.capacity import choose_devices, choose_lanes, use_cores
from jaxmrl.training.devices import train_on_devices
from jaxmrl.training.engines import on_each
from jaxmrl.training.lanes import Engine
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.outcome import Outcome

(_, DEPTH), DROPOUT = SIZES["gin"], GIN.dropout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="hiv")
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 300])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=1, help="epochs that each EL2N model is trained")
    parser.add_argument("--molecules", type=int, default=8192, help="molecules of the EL2N comparison")
    parser.add_argument("--el2n-width", type=int, default=64)
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    use_cores()
    problem = load_problem(SweepConfig(dataset=flags.dataset, model=("gin",)), Reporter(quiet=True))
    found = {
        "grand": [grand_in_epochs(problem, width, flags.rounds) for width in flags.widths],
        "el2n": el2n_against_baseline(problem, flags),
    }
    print(json.dumps(found, indent=2))
    write(flags.out, facts("scoring") | found)


def scoring_task(problem: TaskData, width: int, seeds: int, epochs: int) -> ScoringTask:
    shape = ModelSpec(width, DEPTH, DROPOUT, len(problem.table.tasks), "float32")
    return ScoringTask(Settings(dataset="hiv", batch_size=BATCH), problem, shape, ("el2n", "grand"), seeds, epochs)


def grand_in_epochs(problem: TaskData, width: int, rounds: int) -> dict:
    """Seconds of GraNd of all training molecules, and of one epoch of training in one lane; medians and their ratio."""
    task = scoring_task(problem, width, 1, 10**6)
    engine = task.engine(task.replicas(), 1)
    engine.refill(iter([0]))
    epoch = lambda: train_epoch(engine)

    def score():
        weights = jax.tree.map(lambda x: x[0], programs.weights_now(engine.lanes))
        grand(task.training_spec, engine.table, task.features, weights, task.molecules)

    for warm_up in (epoch, score):
        warm_up()
    times = [(timed(score), timed(epoch)) for _ in range(rounds)]
    scores, epochs = (statistics.median(column) for column in zip(*times, strict=True))
    ratio = statistics.median(one / other for one, other in times)
    return {
        "width": width,
        "molecules": len(task.molecules),
        "grand_s": round(scores, 2),
        "epoch_s": round(epochs, 2),
        "epochs": round(ratio, 2),
    }


def el2n_against_baseline(problem: TaskData, flags) -> dict:
    """Seconds to train and score `seeds` models in lanes, and one after the other with PyTorch Geometric."""
    few = replace(problem, split=replace(problem.split, train=problem.split.train[: flags.molecules]))
    task = scoring_task(few, flags.el2n_width, flags.seeds, flags.epochs)
    lanes = choose_lanes("auto", task.spec, task.replicas(), few, BATCH)
    data = [
        pyg_baseline.molecule_data(few.table.smiles[k], few.table.labels[k].tolist()) for k in few.split.train.tolist()
    ]
    ours, theirs = [], []
    for _ in range(flags.rounds + 1):
        ours.append(timed(lambda: score_in_lanes(task, lanes)))
        theirs.append(timed(lambda: [score_with_baseline(data, flags, seed) for seed in range(flags.seeds)]))
    return {
        "width": flags.el2n_width,
        "lanes": lanes,
        "seeds": flags.seeds,
        "epochs": flags.epochs,
        "molecules": len(data),
        "jaxmrl_s": round(statistics.median(ours[1:]), 2),
        "pyg_s": round(statistics.median(theirs[1:]), 2),
        "ratio": round(statistics.median(a / b for a, b in zip(ours[1:], theirs[1:], strict=True)), 3),
    }


def score_in_lanes(task: ScoringTask, lanes: int) -> np.ndarray:
    models, replicas = [], task.replicas()

    def keep(engine: Engine, outcome: Outcome) -> None:
        lane = engine.lane_of(outcome.name)
        models.append(jax.tree.map(lambda x: np.asarray(x[lane]), programs.weights_now(engine.lanes)))

    devices = choose_devices(lanes, task.spec, replicas, task.problem, BATCH)
    engines = on_each(devices, lambda: task.engine(replicas, lanes))
    train_on_devices(engines, range(len(replicas)), keep, lambda steps, timed: None)
    known = task.training_spec, task.table, task.features
    found = [model_scores(("el2n",), *known, weights, {}, task.molecules, BATCH, seed=0)["el2n"] for weights in models]
    return np.mean(found, axis=0)


def score_with_baseline(data: list, flags, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    module = pyg_baseline.GIN(flags.el2n_width, DEPTH, DROPOUT, data[0].y.shape[1])
    optimizer = torch.optim.Adam(module.parameters(), lr=RATE)
    for _ in range(flags.epochs):
        for batch in DataLoader(data, batch_size=BATCH, shuffle=True):
            optimizer.zero_grad()
            pyg_baseline.present_loss(module(batch), batch.y).backward()
            optimizer.step()
    module.eval()
    with torch.no_grad():
        errors = [(module(batch).sigmoid() - batch.y).abs() for batch in DataLoader(data, batch_size=BATCH)]
    return torch.cat(errors).nanmean(dim=1)


if __name__ == "__main__":
    main()
