"""Does the error on the next block of a project lie in the interval that the blocks before it forecast?

    python -m benchmarks.rolling_origin --data FOLDER [--cuts 7] [--model svm] [--out rolling_origin.json]

FOLDER has moonshot_mpro.csv.gz, with the date of each compound, and simpd/*.csv.gz. The latter have no dates: molecules
are ordered by the number in their ChEMBL id, which grows with the release that they came with. At each cut date a
classical model learns from all molecules before it and is tested on the next block. From the second date on, the errors
before it forecast the next (`jaxmrl.scaling.rolling`).
"""

import argparse
import csv
import gzip
import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxmrl.baselines.estimators import ESTIMATORS, FitTask
from jaxmrl.baselines.views import View
from jaxmrl.chem.parents import canonical_hashes
from jaxmrl.data.splits import Split
from jaxmrl.data.time_splits import rolling_origins
from jaxmrl.modalities.fingerprint.features import morgan_fingerprints
from jaxmrl.scaling.rolling import LEVEL, rolling_forecasts


class Project(NamedTuple):
    """Molecules with one label each, in the order in which they came."""

    name: str
    smiles: list[str]
    labels: np.ndarray
    dates: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cuts", type=int, default=7, help="cut dates; all but the first have a forecast")
    parser.add_argument("--model", default="svm", choices=sorted(ESTIMATORS))
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    projects = [moonshot(flags.data), *(simpd(path) for path in sorted((flags.data / "simpd").glob("*.csv.gz")))]
    found = {project.name: roll(project, flags.cuts, flags.model, flags.seed) for project in projects}
    for name, rows in found.items():
        print(f"{name}: {sum(row['inside'] for row in rows)} of {len(rows)} inside")
        for row in rows:
            interval, odd = (
                f"{row['expected']:.3f} [{row['low']:.3f}, {row['high']:.3f}]",
                "" if row["inside"] else " outside",
            )
            print(f"  n {row['n_train']:>5}: forecast {interval}, came {row['came']:.3f}{odd}")
    for k in range(flags.cuts - 1):
        print(f"cut date {k + 2}: {np.mean([rows[k]['inside'] for rows in found.values()]):.0%} of {len(found)} inside")
    rows = [row for of_project in found.values() for row in of_project]
    widths = [row["high"] / row["low"] for row in rows]
    print(
        f"all: {np.mean([row['inside'] for row in rows]):.1%} of {len(rows)} inside the {LEVEL:.0%} interval, whose "
        f"median ratio of ends is {np.median(widths):.2f}"
    )
    if flags.out:
        flags.out.write_text(json.dumps(found, indent=1) + "\n")


def moonshot(folder: Path) -> Project:
    """Return COVID Moonshot: pIC50 of its compounds by date, values at the limit of the assay included."""
    rows = [row for row in read(folder / "moonshot_mpro.csv.gz") if row["IC50_uM"]]
    labels = 6 - np.log10([float(row["IC50_uM"]) for row in rows])
    dates = np.array([row["date"] for row in rows], "datetime64[s]")
    return Project("moonshot_mpro", [row["smiles"] for row in rows], labels, dates)


def simpd(path: Path) -> Project:
    """Return an assay of SIMPD: pKi, ordered by ChEMBL id."""
    rows = read(path)
    order = np.array([int(re.sub(r"\D", "", row["compound_chembl_id"])) for row in rows], "datetime64[s]")
    labels = np.array([float(row["pchembl_value"]) for row in rows])
    return Project(path.name.split(".")[0], [row["canonical_smiles"] for row in rows], labels, order)


def read(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


def roll(project: Project, cuts: int, model: str, seed: int) -> list[dict]:
    """Return, for each cut date but the first, what was forecast and what came."""
    canonical, _ = canonical_hashes(project.smiles)
    bits = np.unpackbits(morgan_fingerprints(project.smiles, 2, 1024, False), axis=1)
    origins = rolling_origins(project.dates, canonical, cuts, seed)
    errors = np.array([rmse(bits, project.labels, origin, model, seed) for origin in origins])
    sizes = np.array([len(origin.train) for origin in origins])
    return [
        {"n_train": one.n_train, "expected": one.expected, "low": one.low, "high": one.high}
        | {"came": one.came, "inside": one.inside, "block": len(origin.test)}
        for one, origin in zip(rolling_forecasts(sizes, errors), origins[1:], strict=True)
    ]


def rmse(bits: np.ndarray, labels: np.ndarray, split: Split, model: str, seed: int) -> float:
    """Return the RMSE on the next block of a model that learned from the molecules before it."""
    mean, sd = labels[split.train].mean(), labels[split.train].std()
    views = [View(bits[ids], np.zeros((len(ids), 0))) for ids in (split.train, split.valid, split.test)]
    train, valid, asked = views
    scaled = (labels - mean) / sd
    task = FitTask(False, train, scaled[split.train], valid, scaled[split.valid], asked, seed)
    predicted = ESTIMATORS[model](task) * sd + mean
    return float(np.sqrt(np.mean((predicted - labels[split.test]) ** 2)))


if __name__ == "__main__":
    main()
