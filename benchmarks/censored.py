"""Does learning from bounds (`--censored loss`) beat leaving censored labels out, or using bounds as labels?

    python -m benchmarks.censored --data FOLDER [--datasets esol lipo moonshot] [--model svm] [--splits 5] [--out FILE]

On esol, lipo and CHEMBL1862, the labels of training and validation molecules above their 70th percentile are censored
(synthetic: the true labels are known). Four ways learn from the same molecules on the same random splits: `full` from
the true labels, `drop` from those that are not censored, `bound` from all with bounds as labels, and `loss` from all: a
network by the one-sided loss, a classical model on ECFP4 by what is expected beyond the bounds. The test RMSE is that
of the true labels. moonshot has real censoring, IC50 of 99 uM or more, and no `full`; its RMSE is that of exact test
labels, which leaves out what the others differ in most, so its concordance counts. Ratios of test RMSE are geometric
means over pairs of the same split and seeds, with 90% Student intervals over splits; differences of concordance
likewise.
"""

import argparse
import csv
import gzip
import io
import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import facts, print_table, write
from benchmarks.tuning import interval
from jaxmrl.baselines.assignment import Assignment
from jaxmrl.baselines.estimators import ESTIMATORS
from jaxmrl.baselines.fitting import fit_and_predict
from jaxmrl.config import SweepConfig
from jaxmrl.config.lengths import length_of
from jaxmrl.data.bounds import Bounds
from jaxmrl.data.loading import load_problem
from jaxmrl.data.splits import Split
from jaxmrl.data.task_data import TaskData
from jaxmrl.reports.concordance import concordance
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs.artifacts import predict_judged
from jaxmrl.training.batches import batches_per_epoch
from jaxmrl.training.capacity import use_cores
from jaxmrl.training.devices import train_on_devices
from jaxmrl.training.engines import engines_for
from jaxmrl.training.lanes import Engine, Replica, longest_first
from jaxmrl.training.model_spec import model_specs
from jaxmrl.training.outcome import Outcome

CENSORED_SHARE = 0.3
WAYS = ("full", "drop", "bound", "loss")
SETS = {
    "esol": ("delaney.csv.gz", "logp"),
    "lipo": ("lipo.csv.gz", "lipo"),
    "CHEMBL1862": ("moleculeace/CHEMBL1862_Ki.csv.gz", "pX"),
    "moonshot": ("moonshot_mpro.csv.gz", "IC50_uM"),
}
"""Files in the folder of the data, and the columns of their labels."""

LIMIT = 99.0
"""Values of moonshot from which the assay had no result, in uM."""


@dataclass(frozen=True)
class Study:
    """A data set: its molecules with labels as far as they are known, and which are censored.

    truth [N]   labels of all molecules; bounds where the true label is not known
    sides [N]   1 or -1 for a censored label of training, 0 for others
    limits [N]  the bounds of those
    real        whether nobody knows the true labels
    """

    problem: TaskData
    truth: np.ndarray
    sides: np.ndarray
    limits: np.ndarray
    real: bool


def main() -> None:
    flags = _flags()
    use_cores()
    found = [measure(name, flags) for name in flags.datasets]
    write(flags.out, facts("censored") | {"splits": flags.splits, "seeds": flags.seeds, "sets": found})


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What censored labels cost, by the way of using them.")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--datasets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--molecules", type=int, default=1200, help="the most molecules of a data set, drawn at random")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1, help="models of each split, whose predictions are averaged")
    parser.add_argument("--model", default="dmpnn")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--out", type=Path, default=None, help="a JSON file")
    return parser.parse_args()


def measure(name: str, flags: argparse.Namespace) -> dict[str, Any]:
    """Errors and concordances of every way on one data set."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.csv"
        write_table(path, flags.data / SETS[name][0], SETS[name][1], flags.molecules)
        config = SweepConfig(
            csv=path,
            pic50="uM" if name == "moonshot" else None,
            censored="loss",
            model=(flags.model,),
            **_settings(flags),
            descriptors="off",
            baselines=("none",),
        )
        study = study_of(load_problem(config, Reporter(quiet=True)))
    ways = [way for way in WAYS if not (study.real and way == "full")]
    judge = judge_classical if flags.model in ESTIMATORS else judge_network
    scores = {way: judge(config, study, way, flags.splits, flags.seeds) for way in ways}
    return {"dataset": name, "molecules": len(study.truth)} | compare(name, study, scores)


def _settings(flags: argparse.Namespace) -> dict[str, Any]:
    """What a model needs beside its name."""
    if flags.model in ESTIMATORS:
        return {"modality": ("ecfp",)}
    return {"width": (flags.width,), "epochs": flags.epochs}


def write_table(path: Path, source: Path, column: str, most: int) -> None:
    """A table of SMILES and labels, of at most so many molecules; moonshot's limit as `>99`."""
    with gzip.open(source) as file:
        rows = list(csv.DictReader(io.TextIOWrapper(file, encoding="utf-8")))
    rows = [row for row in rows if row[column]]
    if len(rows) > most and "moonshot" not in source.name:
        kept = np.sort(np.random.default_rng(0).permutation(len(rows))[:most])
        rows = [rows[k] for k in kept.tolist()]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "y"])
        for row in rows:
            value = row[column]
            beyond = "moonshot" in source.name and float(value) >= LIMIT
            writer.writerow([row["smiles"], f">{LIMIT:g}" if beyond else value])


def study_of(problem: TaskData) -> Study:
    """A study of molecules with real bounds, or else with labels above a percentile as if they were censored."""
    labels, bounds = problem.table.labels[:, 0], problem.table.bounds
    if bounds is not None:
        limits, sides = bounds.values[:, 0], bounds.sides[:, 0]
        return Study(problem, np.where(sides != 0, limits, labels), sides, limits, True)
    limit = float(np.quantile(labels, 1 - CENSORED_SHARE))
    sides = (labels > limit).astype(np.int8)
    return Study(problem, labels, sides, np.full(len(labels), limit), False)


def judge_classical(config: SweepConfig, study: Study, way: str, splits: int, seeds: int) -> list[tuple[float, float]]:
    """Test RMSE and concordance of one way on each split, of the mean prediction of several seeds."""
    problem = seen(study, way)
    table, features, found = problem.table, problem.features["ecfp"], []
    for split in range(splits):
        train, valid, test = parts_of(study, way, split)
        some = [Assignment(config.model[0], False, train, valid, test, seed) for seed in range(seeds)]
        predicted = [fit_and_predict(one, features, table.labels, table.bounds)[:, 0] for one in some]
        found.append(quality(study, test, np.mean(predicted, axis=0)))
    return found


def judge_network(config: SweepConfig, study: Study, way: str, splits: int, seeds: int) -> list[tuple[float, float]]:
    """Test RMSE and concordance of one way on each split, of the mean prediction of several seeds."""
    problem = seen(study, way)
    (spec,) = model_specs(config, problem)
    replicas = [plan(config, problem, study, way, split, seed) for split in range(splits) for seed in range(seeds)]
    engines, predicted = engines_for(config, problem, spec, replicas, 1), {}

    def keep(engine: Engine, outcome: Outcome) -> None:
        weights, replica = engine.best_weights(outcome.name), engine.replica_of(outcome.name)
        *model, scaler = (part for part in weights)
        values = predict_judged(engine, (*model, engine.units.label_scaler(scaler)), replica)
        predicted[outcome.name] = values[len(replica.valid) :, 0]

    queue = longest_first(replicas, list(range(len(replicas))))
    train_on_devices(engines, queue, keep, lambda steps, is_timed: None)
    found = []
    for k in range(splits):
        some = replicas[k * seeds : (k + 1) * seeds]
        mean = np.mean([predicted[replica.name] for replica in some], axis=0)
        found.append(quality(study, some[0].test, mean))
    return found


def seen(study: Study, way: str) -> TaskData:
    """The task data whose labels one way learns from."""
    table, hidden = study.problem.table, (study.sides != 0)[:, None]
    labels, limits, bounds = study.truth[:, None], study.limits[:, None], None
    if way == "bound":
        labels = np.where(hidden, limits, labels)
    elif way == "loss":
        labels, bounds = (
            np.where(hidden, np.nan, labels),
            Bounds(np.where(hidden, limits, np.nan), study.sides[:, None]),
        )
    return replace(study.problem, table=replace(table, labels=labels, bounds=bounds))


def plan(config: SweepConfig, problem: TaskData, study: Study, way: str, split: int, seed: int) -> Replica:
    """A replica of one way on one random split."""
    train, valid, test = parts_of(study, way, split)
    spec = model_specs(config, problem)[0]
    steps, every = length_of(config, spec.model, batches_per_epoch(len(train), config.batch_size_of(spec.model)))
    return Replica(
        name=f"split {split} seed {seed}",
        seed=seed,
        train=train,
        valid=valid,
        test=test,
        steps=steps,
        scaler=problem.label_scaler(train, spec.modality),
        validate_every=every,
    )


def parts_of(study: Study, way: str, split: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The training, validation and test molecules of one way on a random split."""
    parts = random_parts(len(study.truth), split)
    train, valid = parts.train, parts.valid
    if way == "drop":
        train, valid = (part[study.sides[part] == 0] for part in (train, valid))
    return train, valid, parts.test


def random_parts(molecules: int, seed: int) -> Split:
    """A random split, 80/10/10."""
    order = np.random.default_rng([seed, molecules]).permutation(molecules).astype(np.int32)
    first, second = int(0.8 * molecules), int(0.9 * molecules)
    return Split(order[:first], order[first:second], order[second:])


def quality(study: Study, test: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """RMSE over the test molecules whose true label is known, and the concordance of all."""
    sides = study.sides[test] if study.real else np.zeros(len(test), np.int8)
    exact = sides == 0
    rmse = math.sqrt(np.mean((predicted - study.truth[test])[exact] ** 2))
    return rmse, concordance(predicted, study.truth[test], sides) or math.nan


def compare(name: str, study: Study, scores: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    """Means of each way, and what the one-sided loss gains over each other."""
    rmse, ranks = ({way: np.array(some)[:, k] for way, some in scores.items()} for k in (0, 1))
    against = {
        way: {
            "rmse_ratio": {end: math.exp(x) for end, x in interval(list(np.log(rmse["loss"] / rmse[way]))).items()},
            "concordance_gain": interval(list(ranks["loss"] - ranks[way])),
        }
        for way in scores
        if way != "loss"
    }
    heads = ("way", "RMSE", "concordance", "RMSE of loss / this", "90% interval", "concordance gain", "90% interval")
    rows = [
        (way, f"{rmse[way].mean():.3f}", f"{ranks[way].mean():.3f}")
        + (_cells(against[way]) if way in against else ("", "", "", ""))
        for way in scores
    ]
    share = float((study.sides != 0).mean())
    print_table(f"{name}: {len(study.truth):,} molecules, {share:.0%} censored", heads, rows)
    values = {way: {"rmse": rmse[way].tolist(), "concordance": ranks[way].tolist()} for way in scores}
    return {"censored": share, "values": values, "loss_against": against}


def _cells(found: dict[str, dict[str, float]]) -> tuple[str, str, str, str]:
    ratio, gain = found["rmse_ratio"], found["concordance_gain"]
    return (
        f"{ratio['mean']:.3f}",
        f"{ratio['low']:.3f} to {ratio['high']:.3f}",
        f"{gain['mean']:+.3f}",
        f"{gain['low']:+.3f} to {gain['high']:+.3f}",
    )


if __name__ == "__main__":
    main()
