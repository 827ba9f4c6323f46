"""Measure the learning curves of the database with jaxmrl's classical models and its default graph model.

    python -m benchmarks.curves_database.make [--data FOLDER] [--sources NAME ...] [--models NAME ...]
        [--out FOLDER] [--jobs 1]

Each target of each data set has curves of several models at up to seven sizes. Run k has its own random 80/10/10 split
and its own order of the training molecules, whose beginnings are the sizes; the runs of a graph model are the seeds of
a sweep. The result is a table for each metric, beside this file or in `--out`. Its rows are sizes and its columns are
runs, and `python -m jaxmrl.fit` reads it. A curve that is there already is not measured again, so an interrupted
command can be repeated.
"""

import argparse
import csv
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.metrics import roc_auc_score

from benchmarks.curves_database.sources import Source, Target, sources, targets_of
from jaxmrl.baselines.assignment import Assignment
from jaxmrl.baselines.fitting import fit_and_predict
from jaxmrl.config import SweepConfig
from jaxmrl.data.splits import random_split, subset_size
from jaxmrl.sweep import run_sweep

FOLDER = Path(__file__).parent
FRACTIONS = (0.0125, 0.025, 0.05, 0.1, 0.2, 0.45, 1.0)
FEWEST_MOLECULES = 10
RUNS, RUNS_OF_MANY, MANY = 10, 5, 700
"""Runs of a curve, and of one with more than MANY molecules."""

SETTINGS = ("dataset", "target", "model")
COLUMNS = (*SETTINGS, "n_train", "n_test")


CLASSICAL_MODELS = ("svm", "knn", "ridge", "lightgbm")
"""On ECFP counts."""

GRAPH_MODELS = ("dmpnn",)
"""With the settings of a sweep, and RUNS_OF_MANY runs of every curve."""


def classical_curve(target: Target, model: str, task: str, jobs: int) -> dict[int, list[float]]:
    """Return the test metric of each run at each size."""
    runs = RUNS if len(target.labels) <= MANY else RUNS_OF_MANY
    made = Parallel(jobs)(delayed(run_curve)(target, model, task, seed) for seed in range(runs))
    sizes = [size for size, _ in made[0]]
    return {size: [one[place][1] for one in made] for place, size in enumerate(sizes)}


def run_curve(target: Target, model: str, task: str, seed: int) -> list[tuple[int, float]]:
    """Return the sizes of one run of a classical model, and its test metric at each of them."""
    count = len(target.labels)
    parts = random_split(np.arange(count), count, seed)
    order = np.random.default_rng(seed).permutation(parts.train)
    sizes = sorted({round(fraction * len(order)) for fraction in FRACTIONS})
    labels, values = target.labels[:, None], []
    for n in (size for size in sizes if size >= FEWEST_MOLECULES):
        work = Assignment(model, task == "classification", order[:n], parts.valid, parts.test, seed)
        predicted = fit_and_predict(work, target.features, labels)[:, 0]
        values.append((n, metric_of(target.labels[parts.test], predicted, task)))
    return values


def graph_curve(target: Target, model: str, task: str) -> dict[int, list[float]]:
    """Return the test metric of each run at each size, by a sweep; NaN for a run without a result."""
    trained = len(random_split(np.arange(len(target.labels)), len(target.labels), 0).train)
    fractions = tuple(one for one in FRACTIONS if subset_size(one, trained) >= FEWEST_MOLECULES)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "table.csv")
        with table.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("smiles", "label"), *zip(target.smiles, target.labels.tolist(), strict=True)])
        grid = {"model": (model,), "baselines": ("none",), "split": ("random",), "fractions": fractions}
        runs = {"seeds": RUNS_OF_MANY, "split_seeds": RUNS_OF_MANY, "out": Path(folder, "run")}
        rows = run_sweep(SweepConfig(csv=table, task=task, **grid, **runs)).rows
    curve: dict[int, list[float]] = {}
    for row in sorted(rows, key=lambda row: (row.n_train, row.seed)):
        curve.setdefault(row.n_train, []).append(np.nan if row.test is None else row.test)
    return curve


def metric_of(truth: np.ndarray, predicted: np.ndarray, task: str) -> float:
    """Return the ROC-AUC or the RMSE; NaN where the test molecules have one class only."""
    if task == "regression":
        return float(np.sqrt(np.mean((predicted - truth) ** 2)))
    return float(roc_auc_score(truth, predicted)) if len(set(truth)) == 2 else np.nan


def rows_of(source: Source, target: Target, model: str, jobs: int) -> list[dict[str, object]]:
    """Return the rows of a curve: a size each, with its runs."""
    if model in GRAPH_MODELS:
        curve = graph_curve(target, model, source.task)
    else:
        curve = classical_curve(target, model, source.task, jobs)
    count = len(target.labels)
    names = dict(zip(SETTINGS, (source.name, target.name, model), strict=True))
    names["n_test"] = len(random_split(np.arange(count), count, 0).test)
    return [
        names | {"n_train": n} | {f"{source.metric}_{seed}": f"{value:.4f}" for seed, value in enumerate(values)}
        for n, values in curve.items()
    ]


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
    models = (*CLASSICAL_MODELS, *GRAPH_MODELS)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("JAXMRL_DATA", ".")))
    parser.add_argument("--sources", nargs="+", help="names of the data sets; all by default")
    parser.add_argument("--models", nargs="+", choices=models, default=models, help="all by default")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--jobs", type=int, default=1, help="processes of classical models")
    flags = parser.parse_args()
    for source in sources(flags.data):
        if flags.sources and source.name not in flags.sources:
            continue
        path = flags.out / f"{source.metric}.csv"
        done = {tuple(row[name] for name in SETTINGS) for row in read_rows(path)}
        names = [(name, model) for name in source.targets for model in flags.models]
        if all((source.name, *one) in done for one in names):
            continue
        targets = {target.name: target for target in targets_of(source, flags.data)}
        for name, model in (one for one in names if (source.name, *one) not in done):
            started = time.monotonic()
            rows = rows_of(source, targets[name], model, flags.jobs)
            append_rows(path, source.metric, rows)
            print(f"{source.file}, {name}, {model}: {len(rows)} rows, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
