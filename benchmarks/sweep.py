"""Seconds of a whole learning curve, jaxmrl against the same trainings one after the other in PyTorch Geometric.

    python -m benchmarks.sweep [--dataset hiv] [--epochs 2] [--seeds 3] [--width 64] [--depth 5] [--out FILE.json]

Both train the same GIN on the same molecules of each fraction and seed, with the same batch size, rate and number of
epochs, validate after every epoch and test the best weights. jaxmrl's side is the queue of a sweep in its lanes; the
other is a loop over the runs, its metrics by scikit-learn. The molecules are prepared in advance for both, and the
baseline's validation and test batches are made once. `--processes 2` has the baseline share the runs among two
processes too, the longest first; on a GPU that is done with 4 and 8 unless told otherwise. All take turns, round by
round.
"""

import argparse
import copy
import functools
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import jax
import numpy as np
import torch
from sklearn import metrics
from torch_geometric.loader import DataLoader

from benchmarks import pyg_baseline
from benchmarks.engines import clocked
from benchmarks.machine import facts, print_table, summary, timed, write
from benchmarks.processes import Team, add_flag, numbers_to_try
from jaxmrl.config import SweepConfig
from jaxmrl.config.lengths import epochs_of
from jaxmrl.config.names import PRECISIONS, STUDY_FRACTIONS
from jaxmrl.data.loading import load_problem
from jaxmrl.data.splits import Split
from jaxmrl.data.task_data import TaskData
from jaxmrl.reports.terminal import Reporter
from jaxmrl.sweep.grid import plan_grid
from jaxmrl.sweep.queue import unique_replicas
from jaxmrl.text import count
from jaxmrl.training.capacity import choose_lanes, use_cores
from jaxmrl.training.devices import train_on_devices
from jaxmrl.training.encoder import load_starts
from jaxmrl.training.engines import engines_for
from jaxmrl.training.lanes import Engine, Replica, longest_first
from jaxmrl.training.model_spec import ModelSpec, model_specs

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
    problem: TaskData
    shape: ModelSpec
    replicas: list[Replica]

    @property
    def lanes(self) -> int:
        """As a sweep would choose."""
        return choose_lanes(
            self.config.lanes, self.shape, self.replicas, self.problem, self.config.batch_size_of(self.shape.model)
        )

    def work_off(self, replicas: list[Replica], queue: list[int]) -> list[Run]:
        """The replicas of `queue`, by their places in `replicas`, trained."""
        runs = []
        on_result = lambda engine, outcome: runs.append(Run(outcome.name, outcome.test, outcome.epochs))
        engines = engines_for(self.config, self.problem, self.shape, replicas, self.lanes)
        train_on_devices(engines, queue, on_result, lambda steps, timed: None)
        return runs

    def train(self) -> list[Run]:
        """Every replica, trained."""
        return self.work_off(self.replicas, longest_first(self.replicas, list(range(len(self.replicas)))))

    def seconds_to_compile(self) -> float:
        """By how much the first of two short queues of the same programs, one replica in each lane, takes longer."""
        brief = [replace(replica, steps=1) for replica in self.replicas]
        lanes = list(range(min(len(brief), self.lanes * jax.local_device_count())))
        run = lambda: self.work_off(brief, lanes)
        return timed(run) - timed(run)


@dataclass(frozen=True)
class Training:
    """One of the baseline's: the molecules it learns from, and the seed of its weights and batches."""

    name: str
    seed: int
    molecules: np.ndarray


@dataclass(frozen=True)
class Theirs:
    """PyTorch Geometric's side, as a process needs it. data: every molecule of the table; sizes: of the GIN."""

    data: list = field(repr=False)
    split: Split = field(repr=False)
    metric: str
    sizes: tuple
    batch_size: int
    rate: float
    epochs: int
    workers: int
    precision: str
    device: torch.device

    def loader(self, molecules: np.ndarray, **options) -> DataLoader:
        return DataLoader([self.data[k] for k in molecules], batch_size=self.batch_size, **options)

    @functools.cached_property
    def judged(self) -> dict[str, list]:
        """Batches of the validation and the test molecules."""
        parts = self.split.parts()
        return {part: [batch.to(self.device) for batch in self.loader(parts[part])] for part in ("valid", "test")}

    def train(self, one: Training) -> Run:
        torch.manual_seed(one.seed)
        module = pyg_baseline.GIN(*self.sizes).to(self.device)
        optimizer = torch.optim.Adam(module.parameters(), lr=self.rate)
        options = {"num_workers": self.workers, "persistent_workers": self.workers > 0}
        loader, best, kept = self.loader(one.molecules, shuffle=True, **options), -np.inf, None
        for _ in range(self.epochs):
            self.train_epoch(module, optimizer, loader)
            found = self.judge(module, "valid")
            if found > best:
                best, kept = found, copy.deepcopy(module.state_dict())
        module.load_state_dict(kept)
        return Run(one.name, self.judge(module, "test"), self.epochs)

    def train_epoch(self, module, optimizer, loader: DataLoader) -> None:
        module.train()
        for batch in loader:
            batch = batch.to(self.device)
            optimizer.zero_grad()
            with self.products():
                outputs = module(batch)
            pyg_baseline.present_loss(outputs.float(), batch.y).backward()
            optimizer.step()

    def judge(self, module, part: str) -> float:
        """The metric's mean over the tasks that have both classes."""
        module.eval()
        with torch.no_grad(), self.products():
            scores = torch.cat([module(batch).float() for batch in self.judged[part]]).cpu().numpy()
        labels = torch.cat([batch.y for batch in self.judged[part]]).cpu().numpy()
        found = []
        for score, label in zip(scores.T, labels.T, strict=True):
            present = ~np.isnan(label)
            if len(np.unique(label[present])) == 2:
                found.append(METRICS[self.metric](label[present], score[present]))
        return float(np.mean(found))

    def products(self) -> torch.autocast:
        return pyg_baseline.products(self.precision, self.device)


def plan(flags) -> Ours:
    """The sweep that the flags ask for."""
    names = ("dataset", "fractions", "seeds", "epochs", "width", "depth", "precision")
    config = SweepConfig(model=("gin",), **{name: getattr(flags, name) for name in names})
    problem = load_problem(config, Reporter(quiet=True))
    (shape,) = model_specs(config, problem)
    grid = plan_grid(config, [problem], {(shape, problem.split_name): {}}, load_starts(config.init, [shape]), {})
    return Ours(config, problem, shape, unique_replicas(grid[shape]))


def for_theirs(ours: Ours, workers: int) -> tuple:
    """What Theirs is made of, for the same sweep."""
    table, shape, config = ours.problem.table, ours.shape, ours.config
    data = [pyg_baseline.molecule_data(*one) for one in zip(table.smiles, table.labels.tolist(), strict=True)]
    sizes = (shape.width, shape.depth, shape.dropout, shape.tasks)
    settings = (
        config.batch_size_of(shape.model),
        config.rate(shape.model),
        epochs_of(config, shape.model),
        workers,
        config.precision,
    )
    return (data, ours.problem.split, ours.problem.metric, sizes, *settings, pyg_baseline.device())


def compare(ours: Ours, given: tuple, numbers: list[int], rounds: int) -> dict:
    """Seconds of every side, ratios to jaxmrl's, and what came out of each."""
    print(f"{count(len(ours.replicas), 'training')} on each side; compiling", flush=True)
    compiling = ours.seconds_to_compile()
    trainings = [Training(one.name, one.seed, one.train) for one in ours.replicas]
    longest_first = sorted(trainings, key=lambda one: -len(one.molecules))
    first_call = functools.partial(Theirs.train, one=longest_first[-1])
    baseline = Theirs(*given)
    first_call(baseline)
    sides = {"jaxmrl": ours.train, "pyg": lambda: [baseline.train(one) for one in trainings]}
    with ExitStack() as teams:
        for number in numbers:
            team = teams.enter_context(Team(number, Theirs, *given))
            team.each(first_call)
            sides[f"pyg, {number} processes"] = functools.partial(team.share, Theirs.train, longest_first)
        seconds, runs = in_turns(sides, rounds)
    ratio, with_compilation = {}, {}
    for name in list(sides)[1:]:
        pairs = list(zip(seconds["jaxmrl"], seconds[name], strict=True))
        ratio[name] = statistics.median(b / a for a, b in pairs)
        with_compilation[name] = statistics.median(b / (a + compiling) for a, b in pairs)
    return {
        "devices": jax.local_device_count(),
        "lanes": ours.lanes,
        "runs": len(ours.replicas),
        "epochs": {name: sum(run.epochs for run in found) for name, found in runs.items()},
        "test": {name: float(np.mean([run.test for run in found])) for name, found in runs.items()},
        "seconds": seconds,
        **{name: summary(values) for name, values in seconds.items()},
        "compilation": compiling,
        "ratio": ratio,
        "ratio_with_compilation": with_compilation,
        "share_of_evaluation": share_of_evaluation(ours),
    }


def in_turns(sides: dict[str, Callable], rounds: int) -> tuple[dict, dict]:
    """Seconds of each side in each round, and its runs in the last."""
    seconds, runs = {name: [] for name in sides}, {}
    for k in range(rounds):
        for name, train in sides.items():
            started = time.perf_counter()
            runs[name] = train()
            seconds[name].append(time.perf_counter() - started)
            print(f"round {k + 1} of {rounds}: {name} {seconds[name][-1]:.1f} s", flush=True)
    return seconds, runs


def share_of_evaluation(ours: Ours) -> float:
    """Of jaxmrl's time on all devices, in one more run: a clock keeps the host waiting for each evaluation."""
    with clocked(Engine, "evaluate") as spent:
        total = timed(ours.train)
    return spent["evaluate"] / total / min(jax.local_device_count(), len(ours.replicas))


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
    where = f"{count(found['lanes'], 'lane')} on each of {count(found['devices'], 'device')}"
    print_table(f"{found['runs']} trainings, {where}; median of rounds", heads, rows)
    for name, ratio in found["ratio"].items():
        with_compilation = found["ratio_with_compilation"][name]
        print(f"ratio to {name}: {ratio:.2f}; with {found['compilation']:.1f} s of compilation {with_compilation:.2f}")
    print(f"{found['share_of_evaluation']:.0%} of jaxmrl's time is evaluation")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="hiv", help="of classes")
    parser.add_argument("--fractions", type=float, nargs="+", default=list(STUDY_FRACTIONS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2, help="of each training, on both sides")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--depth", type=int, default=5)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="of both sides")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=0, help="processes of the baseline's loader")
    add_flag(parser)
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    use_cores()
    ours = plan(flags)
    if ours.problem.metric not in METRICS:
        parser.error(f"--dataset must have classes; {flags.dataset} is judged by {ours.problem.metric}")
    found = compare(ours, for_theirs(ours, flags.workers), numbers_to_try(flags.processes), flags.rounds)
    show(found)
    settings = {name: value for name, value in vars(flags).items() if name != "out"}
    write(flags.out, facts("sweep") | {"settings": settings} | found)


if __name__ == "__main__":
    main()
