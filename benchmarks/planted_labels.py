"""Do the scores find wrong labels? Flips a twentieth of the training labels of a data set and looks where they rank.

    python -m benchmarks.planted_labels [--dataset wehi] [--target brenk_alert] [--seeds 5] [--epochs 20]

A flipped label of the rarer class looks hard to a constant predictor already, so the ROC-AUC (does the score tell
flipped from sound labels?) is taken within each observed label, and averaged. The same scores moved on by one row
stand beside: what a misalignment would leave of them.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxmrl.config import Settings, SweepConfig
from jaxmrl.data.loading import load_problem
from jaxmrl.data.task_data import TaskData
from jaxmrl.pruning.scoring_models import ScoringTask
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.training.interrupts import Stop
from jaxmrl.training.metrics import METRICS
from jaxmrl.training.model_spec import ModelSpec

METHODS = ("el2n", "grand", "grand-last", "forgetting", "entropy", "least-confidence")
SHARE = 0.05


def with_flipped_labels(problem: TaskData, share: float, seed: int) -> tuple[TaskData, np.ndarray]:
    """The problem with a share of its training molecules' (single) label flipped, and which ones were [N]."""
    chosen = np.random.default_rng(seed).permutation(problem.split.train)[: round(share * len(problem.split.train))]
    flipped = np.zeros(len(problem.table), bool)
    flipped[chosen] = True
    labels = np.where(flipped[:, None], 1 - problem.table.labels, problem.table.labels)
    return replace(problem, table=replace(problem.table, labels=labels)), flipped


def auc_within_labels(scores: np.ndarray, flipped: np.ndarray, observed: np.ndarray) -> float:
    """Mean over the observed labels of the ROC-AUC with which `scores` [n] tell `flipped` [n] ones."""
    found = []
    for label in (0, 1):
        inside = jnp.asarray(observed == label)[:, None]
        values, truth = jnp.asarray(scores)[:, None], jnp.asarray(flipped, jnp.float32)[:, None]
        found.append(METRICS["roc_auc"].evaluate(values, truth, inside)[0])
    return float(np.mean(found))


def planted_aucs(problem: TaskData, methods, *, seeds: int, epochs: int, width: int, depth: int) -> dict[str, tuple]:
    """{method: (ROC-AUC of the scores, and of the same moved on by one row)} on a problem of one task."""
    problem, flipped = with_flipped_labels(problem, SHARE, seed=0)
    shape = ModelSpec(width, depth, 0.5, 1, "float32")
    task = ScoringTask(Settings(dataset="wehi"), problem, shape, tuple(methods), seeds, epochs)
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder), problem.table.tasks)
        run.write("run.json", "{}")
        scores = task.scores(run, Path(folder) / "scoring", Reporter(quiet=True), Stop())
    rows = np.sort(scores.molecules)
    places = np.argsort(scores.molecules)
    observed, flipped = problem.table.labels[rows, 0], flipped[rows]
    found = {}
    for name in methods:
        values = scores.score(name).astype(np.float32)[places]
        moved = np.roll(values, 1)
        found[name] = tuple(auc_within_labels(one, flipped, observed) for one in (values, moved))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="wehi")
    parser.add_argument("--target", default="brenk_alert")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--depth", type=int, default=3)
    flags = parser.parse_args()
    settings = SweepConfig(dataset=flags.dataset, model=("gin",), target_columns=(flags.target,))
    problem = load_problem(settings, Reporter())
    options = {"seeds": flags.seeds, "epochs": flags.epochs, "width": flags.width, "depth": flags.depth}
    for name, (auc, moved) in planted_aucs(problem, METHODS, **options).items():
        print(f"{name:17} {auc:.3f}   moved by one row {moved:.3f}")


if __name__ == "__main__":
    main()
