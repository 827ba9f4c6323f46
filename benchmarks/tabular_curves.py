"""Do forecasts hold on curves that no law was made for? Learning curves of LCDB, cut somewhere and forecast.

    python -m benchmarks.tabular_curves [--curves 400] [--seed 0] [--json FILE]

LCDB (Mohr et al. 2022) has the mean error of scikit-learn's classifiers on tabular data sets, 25 splits each, at 7 to
32 sizes. Every curve is cut at random after its fourth size or later, and its larger sizes are forecast from the
smaller ones. Curves that get worse, or are perfect, get no forecast and are left out. `lcdb_two_thirds.csv.gz` is read
from the folder JAXMRL_DATA: columns dataset, learner, n, test_error and test_error_se.

The constants of `jaxmrl.scaling.trend` were set on 400 curves (383 with a forecast), which are left out. The others may
be of the same data sets. An error is compared with that of the last mean (`last`), and of the law that comes closest to
the last mean (`law`).
"""

import argparse
import csv
import gzip
import json
import os
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np

from jaxmrl.errors import DataError
from jaxmrl.runs.directory import software_versions
from jaxmrl.scaling.curve_kind import kind_of
from jaxmrl.scaling.forecast import fit_all, make_forecast
from jaxmrl.scaling.kinds import Kind
from jaxmrl.scaling.law_fit import LEVEL, Fit
from jaxmrl.scaling.points import points_of_means

FILE = "lcdb_two_thirds.csv.gz"
SPLITS = 25
FEWEST_SEEN, FEWEST = 4, 7
CALIBRATION_SEED, CALIBRATION_CURVES = 5, 400
HORIZONS = {"up to 2x": (1.0, 2.01), "2x to 4x": (2.01, 4.01), "beyond 4x": (4.01, np.inf)}
_SMALL = 1e-5
"""Added to errors before their ratio: some classifiers are nearly perfect."""


@dataclass(frozen=True)
class Trial:
    """Forecasts of one curve at its larger sizes, [K] each.

    Attributes:
        kind: The kind of the curve.
        times: The sizes, divided by the largest that was seen.
        truth: The errors that were measured there.
        forecast: The errors that were forecast.
        low: The lower ends of the intervals.
        high: The upper ends.
        last: The last error that was seen.
        law: The errors by the law that comes closest to it.
    """

    kind: Kind
    times: np.ndarray
    truth: np.ndarray
    forecast: np.ndarray
    low: np.ndarray
    high: np.ndarray
    last: np.ndarray
    law: np.ndarray


def read_curves(path: Path) -> list[np.ndarray]:
    """Return the curves of at least FEWEST sizes: size, mean error and its standard error, [N, 3] each."""
    curves = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            point = float(row["n"]), float(row["test_error"]), float(row["test_error_se"])
            curves[int(row["dataset"]), row["learner"]].append(point)
    return [np.array(sorted(curve)) for _, curve in sorted(curves.items()) if len(curve) >= FEWEST]


def cut_and_forecast(curve: np.ndarray, seed: int) -> Trial | None:
    """Return the forecasts of a curve [N, 3] from its smaller sizes; None where there is none."""
    n, error, standard_error = curve.T
    cut = int(np.random.default_rng(seed).integers(FEWEST_SEEN, len(n) - 1))
    spread, splits = standard_error[:cut] * SPLITS**0.5, np.full(cut, SPLITS)
    try:
        points = points_of_means(n[:cut], error[:cut], spread, splits, higher_is_better=False)
    except DataError:
        return None
    known = kind_of(points)
    used = points.last(len(points.n) - known.skipped)
    if not known.has_forecast or not (fits := fit_all(used, intervals=False)):
        return None
    forecast, far = make_forecast(fits, kind=known.kind), n[cut:]
    low, high = forecast.error_interval(far)
    last = np.full(len(far), error[cut - 1])
    law = closest(fits, n[cut - 1], error[cut - 1], far).error(far)
    return Trial(known.kind, far / n[cut - 1], error[cut:], forecast.error(far), low, high, last, law)


def closest(fits: list[Fit], n: float, error: float, far: np.ndarray) -> Fit:
    """Return the fit that comes closest to an error at a size, of those with an error at all sizes `far`."""
    sound = [fit for fit in fits if np.isfinite(fit.error(far)).all()]
    return min(sound, key=lambda fit: abs(fit.error(np.array([n]))[0] - error))


def coverage(trials: list[Trial]) -> dict[str, object]:
    """Return how often intervals contain the truth, by horizon and by decile of their width, and their score."""
    times, truth, low, high = _known(trials)
    inside, width = (low <= truth) & (truth <= high), high - low
    deciles = np.argsort(np.argsort(width, kind="stable"), kind="stable") * 10 // len(width)
    return {
        "unknown": 1 - len(truth) / sum(len(trial.truth) for trial in trials),
        "all": float(inside.mean()),
        "by_horizon": {k: float(inside[(times > a) & (times <= b)].mean()) for k, (a, b) in HORIZONS.items()},
        "by_decile_of_width": [float(inside[deciles == k].mean()) for k in range(10)],
        "score": _score(truth, low, high),
    }


def _known(trials: list[Trial]) -> tuple[np.ndarray, ...]:
    """Return times, truth, and the ends of the intervals at all sizes where these are known."""
    found = [np.concatenate([getattr(t, name) for t in trials]) for name in ("times", "truth", "low", "high")]
    return tuple(values[np.isfinite(found[2])] for values in found)


def _score(truth: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Return the interval score (Gneiting & Raftery 2007): the mean width plus 2 / (1 - LEVEL) times what is missed."""
    missed = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
    return float(np.mean(high - low + 2 / (1 - LEVEL) * missed))


def ratio(trials: list[Trial], other: str) -> float:
    """Return the geometric mean over curves of the forecast's mean absolute error over that of another way."""
    error = lambda trial, way: np.abs(getattr(trial, way) - trial.truth).mean() + _SMALL
    return float(np.exp(np.mean([np.log(error(trial, "forecast") / error(trial, other)) for trial in trials])))


def by_kind(trials: list[Trial]) -> dict[str, dict[str, float]]:
    """Return, for each kind of curve, how many there are, the ratio to the last mean, coverage, and interval score."""
    found = {}
    for kind in sorted({trial.kind for trial in trials}):
        own = [trial for trial in trials if trial.kind == kind]
        _, truth, low, high = _known(own)
        found[str(kind)] = {"curves": len(own), "ratio_to_last": ratio(own, "last")}
        if len(truth):
            inside = (low <= truth) & (truth <= high)
            found[str(kind)] |= {"coverage": float(inside.mean()), "score": _score(truth, low, high)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--curves", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    flags = parser.parse_args()
    curves = read_curves(Path(os.environ["JAXMRL_DATA"]) / FILE)
    calibrated = np.random.default_rng(CALIBRATION_SEED).permutation(len(curves))[:CALIBRATION_CURVES]
    shuffled = np.random.default_rng(flags.seed).permutation(len(curves))
    picked = shuffled[~np.isin(shuffled, calibrated)][: flags.curves]
    run = joblib.Parallel(n_jobs=joblib.cpu_count())
    made = run(joblib.delayed(cut_and_forecast)(curves[place], seed) for seed, place in enumerate(picked))
    trials = [trial for trial in made if trial]
    found: dict[str, object] = {"curves": len(trials)}
    found |= {"ratio_to_last": ratio(trials, "last"), "ratio_to_law": ratio(trials, "law")}
    found |= {"coverage": coverage(trials), "kinds": by_kind(trials)}
    print(json.dumps(found, indent=2))
    if flags.json:
        command = " ".join(["python -m benchmarks.tabular_curves", *sys.argv[1:]])
        content = {"command": command, "software": software_versions()} | found
        flags.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
