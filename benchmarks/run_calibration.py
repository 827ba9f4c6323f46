"""Are intervals and probabilities of finished sweeps right, on test molecules that took part in nothing?

    python -m benchmarks.run_calibration RUN... [--out FILE]

Each run is a sweep with --save-predictions and its labels. For each curve and split, at the largest size, the mean
prediction of the models of that split is calibrated on its validation molecules, as `predict` does it, and judged on
its test molecules. Reported are, over all splits of a kind:

- Regression: how often the 90% interval contains the label, also by similarity to training, and the mean width divided
  by that of an interval of constant width from the same molecules. Test molecules of several splits overlap.
- Classification: the root of the debiased squared calibration error of raw and of calibrated probabilities, with 90%
  intervals over splits and tasks, the expected calibration error, the Brier score and the log loss. The two parts of
  the calibration are measured alone, too: Venn-Abers prediction, and a sigmoid (Platt 1999).
"""

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit

from benchmarks.calibration_error import expected_error, root_mean, squared_error
from benchmarks.conformal import Found, measure_intervals
from benchmarks.machine import facts, write
from jaxmrl.data.similarity import nearest, similarity_prints
from jaxmrl.predict.calibration import calibrated_probabilities
from jaxmrl.predict.held_out import HeldOut
from jaxmrl.predict.sigmoid import fit_sigmoid
from jaxmrl.predict.table import mean_and_spread
from jaxmrl.predict.venn_abers import combined, fit_venn_abers
from jaxmrl.rows import ResultRow
from jaxmrl.runs.artifacts import PREDICTION_COLUMNS, PREDICTIONS, kept_name, read_molecules
from jaxmrl.runs.labels import RunLabels, read_labels
from jaxmrl.runs.tables import RESULTS, read_results


class Judged(NamedTuple):
    """What the models of one split predict of its validation and its test molecules."""

    known: HeldOut
    new: HeldOut


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    found = facts("run_calibration")
    for run in flags.runs:
        found[run.name] = measure(run)
        write(flags.out, found)


def measure(run: Path) -> dict[str, Any]:
    """Return what is measured of each curve of a run."""
    labels, curves = read_labels(run), defaultdict(list)
    assert labels is not None
    similar = Similarities(run)
    for row in largest(read_results(run / RESULTS)):
        curves[row.curve.modality, row.curve.model, row.curve.split].append(row)
    found = {}
    for names, rows in curves.items():
        splits: dict[int, list[ResultRow]] = defaultdict(list)
        for row in rows:
            splits[row.split_seed].append(row)
        judged = [judge(run, labels, similar, some) for some in splits.values()]
        classes = bool(np.isin(judged[0].new.labels[~np.isnan(judged[0].new.labels)], (0, 1)).all())
        name = " ".join(names)
        found[name] = {"splits": len(splits)} | (of_classes(judged) if classes else of_values(judged, names[2]))
        print(f"{run.name} {name}: {found[name]}", flush=True)
    return found


def largest(rows: list[ResultRow]) -> list[ResultRow]:
    """Return the finished rows of the largest fraction."""
    most = max(row.fraction for row in rows)
    return [row for row in rows if row.fraction == most and row.counts]


class Similarities:
    """Similarity of the molecules of a run to the training molecules of its splits."""

    def __init__(self, run: Path) -> None:
        known = read_molecules(run)
        self.ids = np.fromiter(known, np.int64)
        self.prints = similarity_prints(list(known.values()))
        with np.load(run / "splits.npz") as arrays:
            self.splits = dict(arrays)

    def to_training(self, kind: str, seed: int, ids: np.ndarray) -> np.ndarray:
        """Return the similarity [n] of molecules to the nearest training molecule of a split."""
        names = (f"{kind}_{seed}_train", f"{kind}_train", "train")
        train = next(self.splits[name] for name in names if name in self.splits)
        train, asked = (np.searchsorted(self.ids, some) for some in (train, ids))
        return nearest(self.prints, train, asked)


def judge(run: Path, labels: RunLabels, similar: Similarities, rows: list[ResultRow]) -> Judged:
    """Return what the models of one split predict together."""
    arrays = [dict(np.load(run / PREDICTIONS / f"{kept_name(row)}.npz")) for row in rows]
    tasks = [name for name in arrays[0] if name not in PREDICTION_COLUMNS]
    values = np.stack([np.stack([one[task] for task in tasks], axis=1) for one in arrays])
    values = expit(values.astype(float)) if str(arrays[0]["values"]) == "logits" else values
    ids, valid = arrays[0]["molecule_id"], arrays[0]["part"] == "valid"
    near = similar.to_training(rows[0].curve.split, rows[0].split_seed, ids)

    def part(which: np.ndarray) -> HeldOut:
        return HeldOut(*mean_and_spread(values[:, which]), near[which], labels.of(ids[which]))

    return Judged(part(valid), part(~valid))


def of_values(splits: list[Judged], kind: str) -> dict[str, Any]:
    """Return what the intervals of some splits of a kind are worth."""
    found = Found()
    for split in splits:
        measure_intervals(split.known, split.new, found, kind)
    return found.summary()


def of_classes(splits: list[Judged]) -> dict[str, Any]:
    """Return what the probabilities of some splits are worth, by each way of calibrating."""
    squares, others = defaultdict(list), defaultdict(list)
    for known, new in splits:
        for task in range(new.labels.shape[1]):
            one, other = (~np.isnan(some.labels[:, task]) for some in (known, new))
            labels = new.labels[other, task]
            ways = calibrated(known.mean[one, task], known.labels[one, task], new.mean[other, task])
            for name, probability in ways.items():
                squares[name].append(squared_error(probability, labels))
                others[name].append((expected_error(probability, labels), *brier_and_log_loss(probability, labels)))
    return {
        name: {"debiased": [round(one, 4) for one in root_mean(some)]}
        | dict(zip(("expected", "Brier", "log loss"), np.mean(others[name], axis=0).round(4).tolist(), strict=True))
        for name, some in squares.items()
    }


def brier_and_log_loss(probability: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the Brier score and the log loss; probabilities are no nearer to 0 and 1 than a millionth."""
    sure = np.clip(probability, 1e-6, 1 - 1e-6)
    log_loss = -np.mean(labels * np.log(sure) + (1 - labels) * np.log1p(-sure))
    return float(np.mean((probability - labels) ** 2)), float(log_loss)


def calibrated(raw: np.ndarray, labels: np.ndarray, new: np.ndarray) -> dict[str, np.ndarray]:
    """Return the probabilities of new molecules by each way; none for too few molecules of a class."""
    calibration, found = fit_venn_abers(raw, labels), calibrated_probabilities(raw, labels, new)
    if calibration is None or found is None:
        return {}
    return {
        "raw": new,
        "calibrated": found[0],
        "Venn-Abers": combined(*calibration.probabilities(new)),
        "sigmoid": fit_sigmoid(raw, labels).probabilities(new),
    }


if __name__ == "__main__":
    main()
