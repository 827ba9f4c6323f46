"""Do the classical models reproduce the published errors of MoleculeACE (van Tilborg, Alenicheva & Grisoni 2022)?

python -m benchmarks.moleculeace --data moleculeace --models svm rf

The folder has a .csv.gz file for each target, with columns smiles, pX and split, the published split into train and
test. A tenth of the training molecules, drawn at random, is held out for what a model chooses for itself. The command
prints the test RMSE of each model and target on ECFP counts, and the mean over targets.
"""

import argparse
import csv
import gzip
from pathlib import Path

import numpy as np

from jaxmrl.baselines.assignment import Assignment
from jaxmrl.baselines.estimators import ESTIMATORS
from jaxmrl.baselines.workers import fit_side_by_side
from jaxmrl.chem.molecules import canonicalize
from jaxmrl.modalities.descriptors.features import ecfp_counts
from jaxmrl.training.interrupts import Stop

PUBLISHED = {"svm": 0.671, "rf": 0.700}
"""Mean test RMSE of models on ECFP over all 30 targets, as published."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Test RMSE of classical models on the targets of MoleculeACE.")
    parser.add_argument("--data", type=Path, required=True, help="folder with a .csv.gz file for each target")
    parser.add_argument("--models", nargs="+", choices=tuple(ESTIMATORS), default=["svm", "rf"])
    flags = parser.parse_args()
    errors: dict[str, list[float]] = {model: [] for model in flags.models}
    for path in sorted(flags.data.glob("*.csv.gz")):
        for model, error in errors_of(path, flags.models).items():
            errors[model].append(error)
            print(f"{path.name.removesuffix('.csv.gz')}  {model}  {error:.3f}", flush=True)
    for model, found in errors.items():
        published = f"; published over 30 targets: {PUBLISHED[model]:.3f}" if model in PUBLISHED else ""
        print(f"{model}: mean test RMSE over {len(found)} targets {np.mean(found):.3f}{published}")


def errors_of(path: Path, models: list[str]) -> dict[str, float]:
    """Return the test RMSE of each model on the published split of one target."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = np.array([[float(row["pX"])] for row in rows])
    train, test = (np.flatnonzero([row["split"] == part for row in rows]) for part in ("train", "test"))
    shuffled = np.random.default_rng(0).permutation(train)
    valid, kept = np.split(shuffled, [len(shuffled) // 10])
    work = [("ecfp", Assignment(model, False, kept, valid, test, seed=0)) for model in models]
    features = {"ecfp": ecfp_counts([canonicalize(row["smiles"])[0] for row in rows])}
    predicted = dict(fit_side_by_side(work, features, labels, Stop()))
    return {
        model: float(np.sqrt(np.mean((predicted[place] - labels[test]) ** 2))) for place, model in enumerate(models)
    }


if __name__ == "__main__":
    main()
