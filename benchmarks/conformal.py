"""Do prediction intervals contain the labels as often as they say, and do calibrated probabilities mean what they say?

    python -m benchmarks.conformal --data FOLDER [--repeats 5] [--models svm rf] [--out FILE]

The folder has the tables of the data sets. A tenth of each table is put aside as new molecules: at random, by scaffold,
by clusters of similar molecules (ECFP4 Tanimoto above 0.4 to the cluster's first molecule), or the latest by date. As a
user would, the benchmark then treats the rest as the data of a sweep: it is split in the same way into training and
validation molecules, once ("one split") or as often as there are seeds ("splits"), models learn from the training
molecules and choose their settings on the validation molecules, and `predict` calibrates on the latter. Reported is of
the molecules put aside, over all repeats, each of which puts other molecules aside:

- Regression: how often the 90% interval contains the label, by bin of similarity too, and the interval's mean width by
  that of an interval of constant width, from the same molecules.
- Classification: the debiased calibration error of raw and of calibrated probabilities, with 90% intervals over tasks
  and repeats (`benchmarks.calibration_error`), the expected calibration error over all labels, which is above 0 for
  perfect probabilities, the Brier score, and the means of the two bounds beside the share of actives.
- The optimism of the validation molecules, which chose the settings: the median absolute error on the molecules put
  aside by that on the validation molecules.
"""

import argparse
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibration_error import expected_error, root_mean, squared_error
from benchmarks.machine import facts, write
from jaxmrl.baselines.assignment import Assignment
from jaxmrl.baselines.fitting import fit_and_predict
from jaxmrl.chem.scaffolds import scaffolds
from jaxmrl.config import SweepConfig
from jaxmrl.data.loading import load_problem
from jaxmrl.data.similarity import similarity_prints
from jaxmrl.modalities.descriptors.features import Descriptors
from jaxmrl.predict.calibration import calibrated_probabilities, shift_of
from jaxmrl.predict.conformal import BIN_STARTS, bin_of, fit_intervals, upper_quantile
from jaxmrl.predict.held_out import HeldOut, hold_out
from jaxmrl.reports.terminal import Reporter

COVERAGE = 0.9
NEAR = 0.4
REGRESSION: dict[str, dict[str, Any]] = {
    "freesolv": {},
    "delaney": {},
    "moonshot_mpro": {"target_columns": ("IC50_uM",), "pic50": "uM"},
    "lipo": {},
}
CLASSES: dict[str, dict[str, Any]] = {"bace": {}, "bbbp": {}, "tox21": {}}
REPEATS = {"lipo": 2, "tox21": 1, "bace": 10, "bbbp": 10}
"""Times that other molecules are put aside, where they are not --repeats: more of small tables than of large ones."""


@dataclass(frozen=True)
class Molecules:
    """A table: features, labels [N, T], the group of each molecule by each kind of split, and dates, if any."""

    features: Descriptors
    labels: np.ndarray
    packed: np.ndarray
    groups: dict[str, np.ndarray]
    dates: np.ndarray | None = None
    classes: bool = False


@dataclass
class Found:
    """What is measured of a data set, a kind of split and a number of splits."""

    inside: list[np.ndarray] = field(default_factory=list)
    similarity: list[np.ndarray] = field(default_factory=list)
    width: list[float] = field(default_factory=list)
    constant_inside: list[np.ndarray] = field(default_factory=list)
    optimism: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return shares over all repeats."""
        inside, similarity = np.concatenate(self.inside), np.concatenate(self.similarity)
        place = bin_of(similarity, np.array(BIN_STARTS))
        bins = {
            f"{start:g}": [int((place == k).sum()), round(float(inside[place == k].mean()), 3)]
            for k, start in enumerate(BIN_STARTS)
            if (place == k).any()
        }
        constant = np.concatenate(self.constant_inside)
        return {
            "molecules": len(inside),
            "coverage": round(float(inside.mean()), 3),
            "coverage of repeats": [round(float(one.mean()), 3) for one in self.inside],
            "by similarity": bins,
            "width by constant width": round(float(np.mean(self.width)), 3),
            "coverage of constant width": round(float(constant.mean()), 3),
            "constant width by similarity": {
                f"{start:g}": round(float(constant[place == k].mean()), 3)
                for k, start in enumerate(BIN_STARTS)
                if (place == k).any()
            },
            "error put aside by validation": round(float(np.median(self.optimism)), 3),
        }


def read(path: Path, settings: dict[str, Any]) -> Molecules:
    """Return the molecules of a table."""
    config = SweepConfig(csv=path, modality=("ecfp",), model=("svm",), baselines=("none",), **settings)
    problem = load_problem(config, Reporter(quiet=True))
    packed = similarity_prints(problem.canonical_smiles)
    named = scaffolds(problem.canonical_smiles)
    groups = {
        "random": np.arange(len(packed)),
        "scaffold": np.unique(named, return_inverse=True)[1],
        "cluster": leaders(packed),
    }
    dates = dates_of(path, problem.table.ids) if path.name.startswith("moonshot") else None
    classes = problem.table.task == "classification"
    return Molecules(problem.features["ecfp"], problem.table.labels, packed, groups, dates, classes)


def dates_of(path: Path, ids: np.ndarray) -> np.ndarray:
    """Return the date of each molecule as text, which sorts by time."""
    from jaxmrl.formats.input_rows import read_input_rows

    return read_input_rows(path).columns(("date",), set())["date"][ids].astype(str)


def leaders(packed: np.ndarray) -> np.ndarray:
    """Return the cluster of each molecule: that of the first leader more similar than NEAR, or a new one of its own."""
    chosen: list[int] = []
    cluster = np.empty(len(packed), int)
    for k in np.random.default_rng(0).permutation(len(packed)):
        near = tanimoto(packed[k : k + 1], packed[chosen])[0] if chosen else np.zeros(0)
        if len(near) and near.max() > NEAR:
            cluster[k] = int(np.argmax(near))
        else:
            cluster[k] = len(chosen)
            chosen.append(k)
    return cluster


def tanimoto(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the similarity [n, m] of packed fingerprints."""
    one, other = (np.unpackbits(packed, axis=1).astype(np.float32) for packed in (some, others))
    shared = one @ other.T
    return shared / np.maximum(one.sum(axis=1)[:, None] + other.sum(axis=1)[None, :] - shared, 1)


def part_of_groups(group: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return which molecules [n] are in whole groups, drawn at random, of about a share of all."""
    _, group = np.unique(group, return_inverse=True)
    sizes = np.bincount(group)
    taken, total = np.zeros(len(sizes), bool), 0
    for one in rng.permutation(len(sizes)):
        if total + sizes[one] <= share * len(group) * 1.02:
            taken[one], total = True, total + sizes[one]
    return taken[group]


def latest(dates: np.ndarray, share: float) -> np.ndarray:
    """Return which molecules are the latest, about a share of all; those of one date stay together."""
    return dates >= np.sort(dates)[int((1 - share) * len(dates))]


def held_out_by(
    kind: str, molecules: Molecules, repeat: int, splits: int
) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Return the molecules put aside, and training and validation molecules of each split of the others."""
    rng, everything = np.random.default_rng([repeat, 17]), np.arange(len(molecules.labels))

    def drawn(among: np.ndarray, share: float) -> np.ndarray:
        if kind == "time":
            return latest(molecules.dates[among], share)
        return part_of_groups(molecules.groups[kind][among], share, rng)

    aside = drawn(everything, 0.1)
    rest, parts = everything[~aside], []
    for _ in range(splits):
        valid = drawn(rest, 1 / 9)
        train = rest[~valid]
        # A sweep also puts test molecules aside: its models learn from 80% of its data.
        train = train if kind == "time" else train[~drawn(train, 1 / 8)]
        parts.append((train, rest[valid]))
    return everything[aside], parts


def predictions(
    molecules: Molecules, model: str, aside: np.ndarray, parts: list[tuple[np.ndarray, np.ndarray]]
) -> tuple[HeldOut, HeldOut]:
    """Return what models of each split predict of the validation molecules that they have not seen, and of new ones."""
    calibrate = np.unique(np.concatenate([valid for _, valid in parts]))
    asked = np.concatenate([calibrate, aside])
    values, learned, near = [], [], []
    for seed, (train, valid) in enumerate(parts):
        one = Assignment(model, molecules.classes, train, valid, asked, seed)
        values.append(fit_and_predict(one, molecules.features, molecules.labels))
        learned.append(np.isin(calibrate, train))
        near.append(tanimoto(molecules.packed[asked], molecules.packed[train]).max(axis=1))
    outputs, similarity = np.stack(values), np.stack(near)
    outputs = 1 / (1 + np.exp(-outputs)) if molecules.classes else outputs
    first = len(calibrate)
    known = hold_out(outputs[:, :first], np.stack(learned), similarity[:, :first], molecules.labels[calibrate])
    nothing = np.zeros((len(parts), len(aside)), bool)
    return known, hold_out(outputs[:, first:], nothing, similarity[:, first:], molecules.labels[aside])


def measure_intervals(known: HeldOut, new: HeldOut, found: Found, kind: str) -> None:
    """Add what the intervals of a repeat are worth; kind: of the split."""
    shifted, drift = shift_of({kind})
    for task in range(new.labels.shape[1]):
        one, other = (~np.isnan(some.labels[:, task]) for some in (known, new))
        errors = np.abs(known.labels - known.mean)[one, task]
        actual = np.abs(new.labels - new.mean)[other, task]
        usable = known.spread[one, task], known.similarity[one]
        intervals = fit_intervals(errors, *usable, COVERAGE, shifted=shifted, drift=drift)
        if intervals is None:
            continue
        half, constant = (
            intervals.half_width(new.spread[other, task], new.similarity[other]),
            upper_quantile(errors, COVERAGE),
        )
        found.inside.append(actual <= half)
        found.constant_inside.append(actual <= constant)
        found.similarity.append(new.similarity[other])
        found.width.append(float(half.mean() / constant))
        found.optimism.append(float(np.median(actual) / np.median(errors)))


def measure_probabilities(known: HeldOut, new: HeldOut) -> list[np.ndarray]:
    """Return raw, calibrated, lower and upper probabilities and labels [n, 5] of each task that can be calibrated."""
    rows = []
    for task in range(new.labels.shape[1]):
        one, other = (~np.isnan(some.labels[:, task]) for some in (known, new))
        raw = new.mean[other, task]
        found = calibrated_probabilities(known.mean[one, task], known.labels[one, task], raw)
        if found is not None:
            rows.append(np.stack([raw, *found, new.labels[other, task]], axis=1))
    return rows


def classes_summary(tasks: list[list[np.ndarray]]) -> dict[str, Any]:
    """Return calibration errors over all repeats; tasks: of each repeat, the rows of each task."""
    each = [one for some in tasks for one in some]
    raw, calibrated, lower, upper, labels = np.concatenate(each).T
    return {
        "labels": len(labels),
        "debiased calibration error, raw": root_mean([squared_error(one[:, 0], one[:, 4]) for one in each]),
        "debiased calibration error, calibrated": root_mean([squared_error(one[:, 1], one[:, 4]) for one in each]),
        "expected calibration error, raw": round(expected_error(raw, labels), 4),
        "expected calibration error, calibrated": round(expected_error(calibrated, labels), 4),
        "Brier score, raw": round(float(np.mean((raw - labels) ** 2)), 4),
        "Brier score, calibrated": round(float(np.mean((calibrated - labels) ** 2)), 4),
        "lower, share of actives, upper": [round(float(one.mean()), 4) for one in (lower, labels, upper)],
    }


def measure(name: str, settings: dict[str, Any], model: str, flags: argparse.Namespace) -> dict[str, Any]:
    """Return what is measured of one data set."""
    molecules = read(flags.data / f"{name}.csv.gz", settings)
    kinds = [*molecules.groups, *(["time"] if molecules.dates is not None else [])]
    result: dict[str, Any] = {}
    for kind in kinds:
        for said, splits in (("one split", 1), ("splits", flags.splits)):
            if splits > 1 and (kind == "time" or name in REPEATS):
                continue  # one order of dates has one split, and several take several times as long
            started, repeats = time.monotonic(), 1 if kind == "time" else REPEATS.get(name, flags.repeats)
            collected = [
                predictions(molecules, model, *held_out_by(kind, molecules, k, splits)) for k in range(repeats)
            ]
            if molecules.classes:
                found = classes_summary([measure_probabilities(*both) for both in collected])
            else:
                of_kind = Found()
                for known, new in collected:
                    measure_intervals(known, new, of_kind, kind)
                found = of_kind.summary()
            result[f"{kind}, {said}"] = found | {"seconds": round(time.monotonic() - started, 1)}
            print(f"{name}, {model}, {kind}, {said}: {result[f'{kind}, {said}']}", flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with NAME.csv.gz of each data set")
    parser.add_argument("--datasets", nargs="+", default=[*REGRESSION, *CLASSES])
    parser.add_argument("--repeats", type=int, default=5, help="times that other molecules are put aside")
    parser.add_argument("--splits", type=int, default=5, help="splits of the others, where there are several")
    parser.add_argument("--regression", default="svm", help="model of regression")
    parser.add_argument("--classification", default="rf", help="model of classification")
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    found = facts("conformal") | {"repeats": flags.repeats, "splits": flags.splits}
    for name in flags.datasets:
        settings, model = (REGRESSION | CLASSES)[name], flags.regression if name in REGRESSION else flags.classification
        found[name] = {"model": model} | measure(name, settings, model, flags)
        write(flags.out, found)


if __name__ == "__main__":
    main()
