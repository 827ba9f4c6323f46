"""Learning curves of jaxmrl's default model against chemprop 2 with its defaults: test error and time.

python -m benchmarks.peers --data ../shared/data --chemprop /path/to/bin/chemprop --out peers.json

Both sides get the same molecules in the same split and subsets. jaxmrl runs once for each data set, chemprop once for
each point of the curve and each seed; both are whole processes, without anything in a cache, and take turns. chemprop
is an environment of its own (pip install chemprop); it is not imported here. The metric of both is computed here, from
the predictions that each side wrote for the test molecules. With --journal, results are also kept as they come, and a
benchmark that was stopped goes on from there: chemprop takes hours for the larger data sets.
"""

import argparse
import csv
import gzip
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.machine import facts, print_table, write
from jaxmrl.chem.molecules import canonicalize
from jaxmrl.chem.scaffolds import compute_scaffolds
from jaxmrl.data.splits import Split, random_split, scaffold_split, subset_order, subset_size
from jaxmrl.errors import UserError

SPLIT_SEED = 42


@dataclass(frozen=True)
class Table:
    """A data set of the comparison.

    Attributes:
        path: The file in the folder of data.
        smiles: The name of its column of SMILES.
        targets: The columns that are predicted; none means all that are left.
        task: Its kind of task.
        split: `random`, `scaffold`, or `column`, the published one.
    """

    path: str
    smiles: str
    targets: tuple[str, ...]
    task: str = "regression"
    split: str = "random"


TABLES = {
    "esol": Table("delaney.csv.gz", "smiles", ("logp",)),
    "freesolv": Table("freesolv.csv.gz", "smiles", ("freesolv",)),
    "lipo": Table("lipo.csv.gz", "smiles", ("lipo",)),
    "bace": Table("bace.csv.gz", "mol", ("Class",), "classification", "scaffold"),
    "bbbp": Table("bbbp.csv.gz", "smiles", ("p_np",), "classification", "scaffold"),
    "tox21": Table("tox21.csv.gz", "smiles", (), "classification"),
    "hlm": Table("adme_biogen.csv.gz", "SMILES", ("LOG HLM_CLint (mL/min/kg)",)),
    **{
        name: Table(f"moleculeace/{name}.csv.gz", "smiles", ("pX",), split="column")
        for name in ("CHEMBL1862_Ki", "CHEMBL237_EC50", "CHEMBL4792_Ki", "CHEMBL2034_Ki")
    },
}
CHOSEN_ON = ("freesolv", "esol", "bace", "CHEMBL1862_Ki")
"""The data sets on which the defaults of D-MPNN were chosen; the others judge them."""


@dataclass(frozen=True)
class Molecules:
    """The usable rows of a data set: SMILES, cells of the targets by their names, and the split."""

    smiles: list[str]
    labels: dict[str, list[str]]
    split: Split
    task: str


@dataclass(frozen=True)
class Trained:
    """What one training of one side achieved on the test molecules."""

    table: str
    side: str
    fraction: float
    molecules: int
    seed: int
    metric: float


def read(table: Table, folder: Path) -> Molecules:
    """Return the molecules of a data set that RDKit can read and that have a label, each once: its first row."""
    with gzip.open(folder / table.path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    targets = table.targets or tuple(name for name in rows[0] if name not in (table.smiles, "mol_id"))
    once: dict[str, dict[str, str]] = {}
    for row in rows:
        molecule = _canonical(row[table.smiles])
        if molecule is not None and any(row[name] for name in targets):
            once.setdefault(molecule, row)
    rows = list(once.values())
    labels = {f"y{k}": [row[name] for row in rows] for k, name in enumerate(targets)}
    smiles = [row[table.smiles] for row in rows]
    return Molecules(smiles, labels, _split(table, rows, smiles), table.task)


def _canonical(smiles: str) -> str | None:
    """Return the canonical SMILES of a molecule, or None where RDKit cannot read it."""
    try:
        return canonicalize(smiles)[0]
    except (UserError, ValueError):
        return None


def _split(table: Table, rows: list[dict[str, str]], smiles: list[str]) -> Split:
    """Return the split of a data set. A tenth of the training molecules of a published split validates."""
    everything = np.arange(len(rows))
    if table.split == "random":
        return random_split(everything, len(rows), SPLIT_SEED)
    if table.split == "scaffold":
        return scaffold_split(compute_scaffolds([canonicalize(text)[0] for text in smiles]))
    train, test = (np.array([k for k, row in enumerate(rows) if row["split"] == part]) for part in ("train", "test"))
    shuffled = np.random.default_rng(SPLIT_SEED).permutation(train)
    valid, kept = np.split(shuffled, [len(shuffled) // 10])
    return Split(train=np.sort(kept), valid=np.sort(valid), test=test)


def write_table(path: Path, molecules: Molecules, rows: dict[str, np.ndarray]) -> None:
    """Write a table of these rows of each part, with the columns smiles, the targets, and split."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", *molecules.labels, "split"])
        for part, places in rows.items():
            for k in places:
                writer.writerow([molecules.smiles[k], *(cells[k] for cells in molecules.labels.values()), part])


def metric(molecules: Molecules, predicted: np.ndarray) -> float:
    """Return RMSE or ROC-AUC of predictions [n, T] of the test molecules, a mean over the targets that have labels."""
    found = []
    for cells, values in zip(molecules.labels.values(), predicted.T, strict=True):
        texts = [cells[k] for k in molecules.split.test]
        known = np.array([bool(text) for text in texts])
        labels = np.array([float(text) for text in texts if text])
        if molecules.task == "regression":
            found.append(float(np.sqrt(np.mean((values[known] - labels) ** 2))))
        elif len(set(labels)) == 2:
            found.append(float(roc_auc_score(labels, values[known])))
    return statistics.fmean(found)


def timed_command(words: list[str], **environment: str) -> float:
    """Return the seconds of a process. Raise where it fails, with the last of what it printed."""
    started = time.perf_counter()
    ended = subprocess.run(
        words, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if ended.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {ended.returncode}:\n{ended.stdout[-2000:]}")
    return time.perf_counter() - started


def run_jaxmrl(name: str, molecules: Molecules, flags: argparse.Namespace) -> tuple[list[Trained], float]:
    """Return the results of a whole curve by the default model, and the seconds of the command."""
    key = [name, "jaxmrl", flags.fractions, flags.seeds, flags.jaxmrl]
    return journaled(flags.journal, key, lambda: train_jaxmrl(name, molecules, flags))


def train_jaxmrl(name: str, molecules: Molecules, flags: argparse.Namespace) -> tuple[list[Trained], float]:
    """Train the default model on every size, in one sweep."""
    with tempfile.TemporaryDirectory() as folder:
        table, out = Path(folder, "table.csv"), Path(folder, "run")
        write_table(table, molecules, molecules.split.parts())
        command = [sys.executable, "-m", "jaxmrl.sweep", "--csv", str(table), "--split-file", str(table)]
        command += ["--target-columns", *molecules.labels, "--task", molecules.task, "--baselines", "none"]
        command += ["--fractions", *map(str, flags.fractions), "--seeds", str(flags.seeds)]
        command += ["--out", str(out), *flags.jaxmrl]
        seconds = timed_command(command, JAXMRL_CACHE=str(Path(folder, "cache")))
        with (out / "results.csv").open() as file:
            rows = list(csv.DictReader(file))
        found = [
            Trained(name, "jaxmrl", float(row["fraction"]), int(row["n_train"]), int(row["seed"]), float(row["test"]))
            for row in rows
        ]
    return found, seconds


def run_chemprop(name: str, molecules: Molecules, flags: argparse.Namespace) -> tuple[list[Trained], float]:
    """Return the results of a whole curve by chemprop with its defaults, and the seconds of all its commands."""
    found, seconds = [], 0.0
    for fraction in flags.fractions:
        for seed in range(flags.seeds):
            train = partial(train_chemprop, name, molecules, fraction, seed, flags)
            one, took = journaled(flags.journal, [name, "chemprop", fraction, seed], train)
            found, seconds = found + one, seconds + took
    return found, seconds


def train_chemprop(
    name: str, molecules: Molecules, fraction: float, seed: int, flags: argparse.Namespace
) -> tuple[list[Trained], float]:
    """Train chemprop on a subset of the training molecules; seconds are those of its command."""
    split = molecules.split
    train = subset_order(split.train, seed)[: subset_size(fraction, len(split.train))]
    with tempfile.TemporaryDirectory() as folder:
        table, out = Path(folder, "table.csv"), Path(folder, "out")
        write_table(table, molecules, {"train": train, "val": split.valid, "test": split.test})
        command = [flags.chemprop, "train", "-i", str(table), "-o", str(out), "-s", "smiles"]
        command += ["--target-columns", *molecules.labels, "-t", molecules.task, "--splits-column", "split"]
        command += ["--pytorch-seed", str(seed), "--accelerator", flags.accelerator]
        seconds = timed_command(command)
        predicted = _predictions(out / "model_0" / "test_predictions.csv", molecules)
    return [Trained(name, "chemprop", fraction, len(train), seed, metric(molecules, predicted))], seconds


def journaled(
    path: Path | None, key: list, run: Callable[[], tuple[list[Trained], float]]
) -> tuple[list[Trained], float]:
    """Return what `run` returns, from the journal if it has the key; otherwise run, and append it to the journal."""
    lines = path.read_text().splitlines() if path and path.exists() else []
    for line in map(json.loads, lines):
        if line["key"] == key:
            return [Trained(**one) for one in line["trained"]], line["seconds"]
    trained, seconds = run()
    if path:
        with path.open("a") as file:
            file.write(json.dumps({"key": key, "seconds": seconds, "trained": [asdict(one) for one in trained]}) + "\n")
    return trained, seconds


def earlier_chemprop(
    path: Path, name: str, molecules: Molecules, flags: argparse.Namespace
) -> tuple[list[Trained], float]:
    """Return the results and seconds of chemprop in a file that an earlier run of this benchmark wrote."""
    tables = json.loads(path.read_text())["tables"]
    found = next((one for one in tables if one["table"] == name), None)
    if found is None:
        raise SystemExit(f"{path} has {', '.join(one['table'] for one in tables)}, not {name}")
    trained = [Trained(**one) for one in found["trained"] if one["side"] == "chemprop"]
    return [one for one in trained if one.fraction in flags.fractions], found["seconds"]["chemprop"]


def _predictions(path: Path, molecules: Molecules) -> np.ndarray:
    """Return chemprop's predictions of the test molecules, [n, T]."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["smiles"] for row in rows] == [molecules.smiles[k] for k in molecules.split.test]
    return np.array([[float(row[name]) for name in molecules.labels] for row in rows])


@dataclass(frozen=True)
class Point:
    """One size of one data set: the mean and standard deviation of each side over seeds."""

    table: str
    fraction: float
    molecules: int
    jaxmrl: float
    jaxmrl_sd: float
    chemprop: float
    chemprop_sd: float
    metric: str

    @property
    def lead(self) -> float:
        """By how much jaxmrl is better, in the metric; negative where it is worse."""
        return self.chemprop - self.jaxmrl if self.metric == "rmse" else self.jaxmrl - self.chemprop

    @property
    def as_good(self) -> bool:
        """Whether jaxmrl is better, or worse by no more than one standard deviation of the two means' seeds."""
        return self.lead >= -max(self.jaxmrl_sd, self.chemprop_sd)


def points_of(name: str, task: str, ours: list[Trained], theirs: list[Trained]) -> list[Point]:
    """Return the points of a data set at which both sides have results."""
    found = []
    for fraction in sorted({one.fraction for one in ours}):
        sides = [[one for one in side if one.fraction == fraction] for side in (ours, theirs)]
        sizes = {one.molecules for side in sides for one in side}
        assert len(sizes) == 1, f"both sides of {name} learn from the same molecules; got {sizes}"
        spreads = [_mean_and_sd([one.metric for one in side]) for side in sides]
        metric = "rmse" if task == "regression" else "roc_auc"
        found.append(Point(name, fraction, sizes.pop(), *spreads[0], *spreads[1], metric))
    return found


def _mean_and_sd(values: list[float]) -> tuple[float, float]:
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def compare(name: str, flags: argparse.Namespace, ours_first: bool) -> dict:
    """Return the points of one data set and the seconds of both sides."""
    molecules = read(TABLES[name], flags.data)
    other = partial(earlier_chemprop, flags.chemprop_from) if flags.chemprop_from else run_chemprop
    sides = [run_jaxmrl, other] if ours_first else [other, run_jaxmrl]
    results = {run: run(name, molecules, flags) for run in sides}
    (ours, our_seconds), (theirs, their_seconds) = results[run_jaxmrl], results[other]
    points = points_of(name, molecules.task, ours, theirs)
    show(points)
    print(f"seconds: jaxmrl {our_seconds:.0f}, chemprop {their_seconds:.0f}, ratio {their_seconds / our_seconds:.1f}")
    return {
        "table": name,
        "chosen_on": name in CHOSEN_ON,
        "seconds": {"jaxmrl": our_seconds, "chemprop": their_seconds, "ratio": their_seconds / our_seconds},
        "points": [asdict(point) | {"as_good": point.as_good} for point in points],
        "trained": [asdict(one) for one in (*ours, *theirs)],
    }


def show(points: list[Point]) -> None:
    """Print the points of a data set."""
    cells = [
        (
            *(point.table, f"{point.fraction:g}", f"{point.molecules:,}", point.metric),
            *(f"{point.jaxmrl:.3f} ± {point.jaxmrl_sd:.3f}", f"{point.chemprop:.3f} ± {point.chemprop_sd:.3f}"),
            "yes" if point.as_good else "no",
        )
        for point in points
    ]
    heads = ("data set", "fraction", "molecules", "metric", "jaxmrl", "chemprop", "as good")
    print_table("test metric, mean ± standard deviation over seeds", heads, cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--chemprop", default="chemprop", help="the command of chemprop, in an environment of its own")
    earlier = "take chemprop's results and seconds from this earlier --out instead of running it"
    parser.add_argument("--chemprop-from", type=Path, help=earlier)
    journal = "keep the result of every training in this file (JSON lines), and take those that it has from there"
    parser.add_argument("--journal", type=Path, help=journal)
    parser.add_argument("--accelerator", default="cpu", help="of chemprop")
    parser.add_argument("--tables", nargs="+", choices=tuple(TABLES), default=list(TABLES))
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.1, 0.3, 1.0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--jaxmrl", type=shlex.split, default=[], help="flags of the sweep, as one text")
    flags = parser.parse_args()
    earlier_name = flags.chemprop_from.name if flags.chemprop_from else None
    found = []
    for turn, name in enumerate(flags.tables):
        found.append(compare(name, flags, ours_first=turn % 2 == 0))
        write(
            flags.out, facts("peers") | {"jaxmrl_flags": flags.jaxmrl, "chemprop_from": earlier_name, "tables": found}
        )
    at_full = [one["points"][-1] for one in found]
    ratio = statistics.median(one["seconds"]["ratio"] for one in found)
    print(f"as good at the largest size on {sum(one['as_good'] for one in at_full)} of {len(found)} data sets")
    print(f"chemprop takes {ratio:.1f} times as long (median over data sets)")


if __name__ == "__main__":
    main()
