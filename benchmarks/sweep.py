"""Seconds of a whole learning curve, jaxmrl against the same trainings one after the other in PyTorch Geometric.

    python -m benchmarks.sweep [--dataset hiv] [--epochs 2] [--seeds 3] [--width 64] [--depth 5] [--out FILE.json]

Both train the same GIN on the same molecules of each fraction and seed, with the same batch size, rate and number of
epochs, validate after every epoch and test the best weights. jaxmrl's side is the queue of a sweep in its lanes; the
other is a loop over the runs, its metrics by scikit-learn. The molecules are prepared beforehand for both, and the
baseline's validation and test batches are made once a round. The two take turns, round by round.
"""

import argparse
import copy
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from sklearn import metrics
from torch_geometric.loader import DataLoader

from benchmarks import pyg_baseline
from benchmarks.engines import clocked
from benchmarks.machine import facts, print_table, summary, timed, write
from jaxmrl.config import STUDY_FRACTIONS, SweepConfig
from jaxmrl.data.problem import Problem, load_problem
from jaxmrl.jobs import unique_replicas
from jaxmrl.models.build import ModelShape, model_shapes
from jaxmrl.report.terminal import Reporter
from jaxmrl.sweep import plan_grid
from jaxmrl.training.capacity import choose_lanes
from jaxmrl.training.engines import engine_for
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.pretrained import load_starts

METRICS = {"roc_auc": metrics.roc_auc_score, "average_precision": metrics.average_precision_score}


@dataclass(frozen=True)
class Run:
    """What became of one training: its test metric, and the epochs it made."""

    name: str
    test: float
    epochs: int


@dataclass(frozen=True)
class Ours:
    """jaxmrl's side: the replicas of a sweep, to be trained in its lanes."""

    config: SweepConfig
    problem: Problem
    shape: ModelShape
    replicas: list[Replica]

    @property
    def lanes(self) -> int:
        """As a sweep would choose."""
        features = self.problem.features[self.shape.modality]
        return choose_lanes(self.config.lanes, self.shape, self.replicas, features, self.config.batch_size)

    def engine(self, replicas: list[Replica]) -> Engine:
        return engine_for(self.config, self.problem, self.shape, replicas, self.lanes)

    def train(self) -> list[Run]:
        """Every replica, trained."""
        runs = []
        on_result = lambda outcome: runs.append(Run(outcome.name, outcome.test, outcome.epochs))
        self.engine(self.replicas).run(set(), on_result)
        return runs

    def seconds_to_compile(self) -> float:
        """By how much the first of two short queues of the same programs, one replica in each lane, takes longer."""
        brief = [replace(replica, steps=1) for replica in self.replicas]

        def run():
            engine = self.engine(brief)
            engine.run({replica.name for replica in brief[len(engine.slots) :]}, lambda outcome: None)

        return timed(run) - timed(run)


@dataclass(frozen=True)
class Theirs:
    """PyTorch Geometric's side: the same replicas one after the other. data: every molecule of the table."""

    ours: Ours
    data: list
    workers: int

    def train(self) -> list[Run]:
        """Every replica, trained."""
        judged = {part: self.batches(getattr(self.ours.problem.split, part)) for part in ("valid", "test")}
        return [self.train_one(replica, **judged) for replica in self.ours.replicas]

    def loader(self, molecules: np.ndarray, **options) -> DataLoader:
        return DataLoader([self.data[k] for k in molecules], batch_size=self.ours.config.batch_size, **options)

    def batches(self, molecules: np.ndarray) -> list:
        return [batch.to(pyg_baseline.device()) for batch in self.loader(molecules)]

    def train_one(self, replica: Replica, valid: list, test: list) -> Run:
        shape, config = self.ours.shape, self.ours.config
        torch.manual_seed(replica.seed)
        module = pyg_baseline.GIN(shape.width, shape.depth, shape.dropout, shape.tasks).to(pyg_baseline.device())
        optimiser = torch.optim.Adam(module.parameters(), lr=config.rate(shape.model))
        options = {"num_workers": self.workers, "persistent_workers": self.workers > 0}
        loader, best, kept = self.loader(replica.train, shuffle=True, **options), -np.inf, None
        for _ in range(config.training_epochs):
            train_epoch(module, optimiser, loader)
            found = judge(module, valid, self.ours.problem.metric)
            if found > best:
                best, kept = found, copy.deepcopy(module.state_dict())
        module.load_state_dict(kept)
        return Run(replica.name, judge(module, test, self.ours.problem.metric), config.training_epochs)


def train_epoch(module, optimiser, loader: DataLoader) -> None:
    module.train()
    for batch in loader:
        batch = batch.to(pyg_baseline.device())
        optimiser.zero_grad()
        pyg_baseline.present_loss(module(batch), batch.y).backward()
        optimiser.step()


def judge(module, batches: list, metric: str) -> float:
    """The metric's mean over the tasks that have both classes."""
    module.eval()
    with torch.no_grad():
        scores = torch.cat([module(batch) for batch in batches]).cpu().numpy()
    labels = torch.cat([batch.y for batch in batches]).cpu().numpy()
    found = []
    for score, label in zip(scores.T, labels.T, strict=True):
        present = ~np.isnan(label)
        if len(np.unique(label[present])) == 2:
            found.append(METRICS[metric](label[present], score[present]))
    return float(np.mean(found))


def plan(flags) -> Ours:
    """The sweep that the flags ask for."""
    names = ("dataset", "fractions", "seeds", "epochs", "width", "depth")
    config = SweepConfig(**{name: getattr(flags, name) for name in names})
    problem = load_problem(config, Reporter(quiet=True))
    (shape,) = model_shapes(config, problem)
    grid = plan_grid(config, [problem], {(shape, problem.split_name): {}}, load_starts(config.init, [shape]))
    return Ours(config, problem, shape, unique_replicas(grid[shape]))


def compare(ours: Ours, theirs: Theirs, rounds: int) -> dict:
    """Seconds of both sides, ratios, and what came out of each."""
    compiling = ours.seconds_to_compile()
    seconds, runs = {"jaxmrl": [], "pyg": []}, {}
    for _ in range(rounds):
        for name, side in (("jaxmrl", ours), ("pyg", theirs)):
            started = time.perf_counter()
            runs[name] = side.train()
            seconds[name].append(time.perf_counter() - started)
    ratios = [b / a for a, b in zip(*seconds.values(), strict=True)]
    with_compilation = [b / (a + compiling) for a, b in zip(*seconds.values(), strict=True)]
    return {
        "lanes": ours.lanes,
        "runs": len(ours.replicas),
        "epochs": {name: sum(run.epochs for run in found) for name, found in runs.items()},
        "test": {name: float(np.mean([run.test for run in found])) for name, found in runs.items()},
        "seconds": seconds,
        **{name: summary(values) for name, values in seconds.items()},
        "compilation": compiling,
        "ratio": statistics.median(ratios),
        "ratio_with_compilation": statistics.median(with_compilation),
        "share_of_evaluation": share_of_evaluation(ours),
    }


def share_of_evaluation(ours: Ours) -> float:
    """Of jaxmrl's time, in one more run: a clock keeps the host waiting for each evaluation."""
    with clocked(Engine, "evaluate") as spent:
        total = timed(ours.train)
    return spent["evaluate"] / total


def show(found: dict) -> None:
    heads = ("side", "seconds", "from", "to", "epochs", "mean test")
    rows = [
        (
            name,
            *(f"{value:.1f}" for value in found[name].values()),
            str(found["epochs"][name]),
            f"{found['test'][name]:.4f}",
        )
        for name in found["seconds"]
    ]
    print_table(f"{found['runs']} trainings, {found['lanes']} lanes; median of rounds", heads, rows)
    print(
        f"ratio {found['ratio']:.2f}; with {found['compilation']:.1f} s of compilation "
        f"{found['ratio_with_compilation']:.2f}; {found['share_of_evaluation']:.0%} of jaxmrl's time is evaluation"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="hiv", help="of classes")
    parser.add_argument("--fractions", type=float, nargs="+", default=list(STUDY_FRACTIONS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2, help="of each training, on both sides")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--depth", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=0, help="processes of the baseline's loader")
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    ours = plan(flags)
    if ours.problem.metric not in METRICS:
        parser.error(f"--dataset must have classes; {flags.dataset} is judged by {ours.problem.metric}")
    table = ours.problem.table
    data = [pyg_baseline.molecule_data(*one) for one in zip(table.smiles, table.labels.tolist(), strict=True)]
    found = compare(ours, Theirs(ours, data, flags.workers), flags.rounds)
    show(found)
    settings = {name: value for name, value in vars(flags).items() if name != "out"}
    write(flags.out, facts("sweep") | {"settings": settings} | found)


if __name__ == "__main__":
    main()
