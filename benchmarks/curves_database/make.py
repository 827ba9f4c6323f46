"""Measure the learning curves of the database with jaxmrl's classical models.

    python -m benchmarks.curves_database.make [--data FOLDER] [--sources NAME ...] [--out FOLDER]
        [--jobs 1]

Each target of each data set has curves of several models at up to seven sizes. Run k has its own random 80/10/10 split
and its own order of the training molecules, whose beginnings are the sizes. The result is a table for each metric,
beside this file or in `--out`. Its rows are sizes and its columns are runs, and `python -m jaxmrl.fit` reads it. A data
set whose rows are there already is not measured again, so an interrupted command can be repeated.
"""

import argparse
import csv
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.metrics import roc_auc_score

from benchmarks.curves_database.sources import Source, Target, sources, targets_of
from jaxmrl.baselines.assignment import Assignment
from jaxmrl.baselines.fitting import fit_and_predict
from jaxmrl.data.splits import random_split

FOLDER = Path(__file__).parent
FRACTIONS = (0.0125, 0.025, 0.05, 0.1, 0.2, 0.45, 1.0)
FEWEST_MOLECULES = 10
RUNS, RUNS_OF_MANY, MANY = 10, 5, 700
"""Runs of a curve, and of one with more than MANY molecules."""

SETTINGS = ("dataset", "target", "model")
COLUMNS = (*SETTINGS, "n_train", "n_test")


MODELS = ("svm", "knn", "ridge", "lightgbm")
"""On ECFP counts."""


def run_curve(target: Target, model: str, task: str, seed: int) -> tuple[list[int], int, list[float]]:
    """Return the sizes of one run of a curve, its number of test molecules, and its test metric at each size."""
    count = len(target.labels)
    parts = random_split(np.arange(count), count, seed)
    order = np.random.default_rng(seed).permutation(parts.train)
    sizes = sorted({round(fraction * len(order)) for fraction in FRACTIONS})
    sizes = [n for n in sizes if n >= FEWEST_MOLECULES]
    labels = target.labels[:, None]
    values = []
    for n in sizes:
        work = Assignment(model, task == "classification", order[:n], parts.valid, parts.test, seed)
        predicted = fit_and_predict(work, target.features, labels)[:, 0]
        values.append(metric_of(target.labels[parts.test], predicted, task))
    return sizes, len(parts.test), values


def metric_of(truth: np.ndarray, predicted: np.ndarray, task: str) -> float:
    """Return the ROC-AUC or the RMSE; NaN where the test molecules have one class only."""
    if task == "regression":
        return float(np.sqrt(np.mean((predicted - truth) ** 2)))
    return float(roc_auc_score(truth, predicted)) if len(set(truth)) == 2 else np.nan


def rows_of(source: Source, folder: Path, jobs: int) -> Iterator[dict[str, object]]:
    """Yield the rows of a data set: a size of a curve each, with its runs."""
    for target in targets_of(source, folder):
        count = len(target.labels)
        runs = RUNS if count <= MANY else RUNS_OF_MANY
        for model in MODELS:
            made = Parallel(jobs)(delayed(run_curve)(target, model, source.task, seed) for seed in range(runs))
            sizes, tested, _ = made[0]
            curve = dict(zip(SETTINGS, (source.name, target.name, model), strict=True))
            for place, n in enumerate(sizes):
                cells = {f"{source.metric}_{seed}": f"{one[2][place]:.4f}" for seed, one in enumerate(made)}
                yield curve | {"n_train": n, "n_test": tested} | cells


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def append_rows(path: Path, metric: str, rows: list[dict[str, object]]) -> None:
    """Add rows to the table of a metric."""
    known = path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, (*COLUMNS, *(f"{metric}_{k}" for k in range(RUNS))), lineterminator="\n")
        if not known:
            writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("JAXMRL_DATA", ".")))
    parser.add_argument("--sources", nargs="+", help="names of the data sets; all by default")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--jobs", type=int, default=1)
    flags = parser.parse_args()
    for source in sources(flags.data):
        if flags.sources and source.name not in flags.sources:
            continue
        path = flags.out / f"{source.metric}.csv"
        done = {(row["dataset"], row["target"]) for row in read_rows(path)}
        if (source.name, source.targets[0]) in done:
            continue
        started = time.monotonic()
        rows = list(rows_of(source, flags.data, flags.jobs))
        append_rows(path, source.metric, rows)
        print(f"{source.file}: {len(rows)} rows, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
