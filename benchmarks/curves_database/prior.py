"""Fit the prior over learning curves to the database, and judge it on data sets that were left out.

    python -m benchmarks.curves_database.prior [--judge] [--json FILE]

The curves are those of the tables beside this file and those of `benchmarks/classical_curves.json`, at 10 molecules and
more. The prior's parameters maximize the marginal likelihood of all curves of a metric (empirical Bayes); the result is
`jaxmrl/scaling/priors.json`. Its interval is stretched by how far the curves of data sets that were left out are from
their forecasts.

`--judge` forecasts every curve of each data set from 3 to 5 sizes of at most 20% of its largest, by a prior that is
fitted and stretched without that data set, and by jaxmrl without a prior. The same runs make the smaller sizes and the
largest, so the common level of the runs is not part of the intervals here.
"""

import argparse
import csv
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from benchmarks.machine import facts, write
from jaxmrl.scaling.curve_kind import kind_of
from jaxmrl.scaling.forecast import fit_all, make_forecast
from jaxmrl.scaling.points import GUESSES, Points, points_of
from jaxmrl.scaling.prior import FEWEST, MOST, Prior, design

FOLDER = Path(__file__).parent
CLASSICAL = FOLDER.parent / "classical_curves.json"
PRIORS = FOLDER.parents[1] / "jaxmrl" / "scaling" / "priors.json"
METRICS = ("rmse", "roc_auc")
FEWEST_MOLECULES, SEEN = 10, 0.2
LEVEL = 0.9
_NO_POINT = 1e6
"""The variance of a log error that is not there, in arrays of curves of different lengths."""

_START = (-0.13, -0.01, np.log(0.05), np.log(0.03), 0.0, np.log(0.02))
_BOUNDS = ((-1, 1), (-0.5, 0.5), (-6, 0), (-7, 0), (-2, 2), (-6, -1))
_SMALL = 1e-5


@dataclass(frozen=True)
class Curve:
    """The points of a curve, at all sizes and at those of at most SEEN of the largest, and its runs [R, N]."""

    data_set: str
    name: str
    points: Points
    seen: Points | None
    runs: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Judged:
    """A forecast of a curve at its largest size: its log error, standard deviation, truth, and the size."""

    curve: Curve
    center: float
    sd: float
    truth: float

    @property
    def off(self) -> float:
        """How far the truth is from the forecast, in standard deviations."""
        return abs(self.truth - self.center) / self.sd


def read_database() -> dict[str, list[Curve]]:
    """Return the curves of each metric."""
    found: dict[str, list[Curve]] = {metric: [] for metric in METRICS}
    for metric in METRICS:
        for (data_set, *more), sizes in _tables(metric).items():
            n, runs = np.array(list(sizes), float), np.array(list(sizes.values())).T
            found[metric].append(_curve(metric, data_set, "/".join(more), n, runs))
    for name, one in json.loads(CLASSICAL.read_text()).items():
        n, runs = np.array(one["n"], float), np.array(one["runs"])
        if one["metric"] in METRICS:
            kept = n >= FEWEST_MOLECULES
            found[one["metric"]].append(_curve(one["metric"], name.split()[0], name, n[kept], runs[:, kept]))
    return found


def _tables(metric: str) -> dict[tuple[str, ...], dict[int, list[float]]]:
    """Return, for each curve of a table, the runs at each size; a run is left out where it lacks a size."""
    path, found = FOLDER / f"{metric}.csv", {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            values = [float(row[key] or "nan") for key in row if key.startswith(f"{metric}_")]
            found.setdefault((row["dataset"], row["target"], row["model"]), {})[int(row["n_train"])] = values
    for sizes in found.values():
        complete = np.isfinite(np.array(list(sizes.values()))).all(axis=0)
        sizes.update({n: np.array(values)[complete].tolist() for n, values in sizes.items()})
    return found


def _curve(metric: str, data_set: str, name: str, n: np.ndarray, runs: np.ndarray) -> Curve:
    seen = np.flatnonzero(n <= SEEN * n[-1] * 1.001)[-MOST:]
    few = points_of_runs(metric, n[seen], runs[:, seen]) if len(seen) >= FEWEST else None
    return Curve(data_set, name, points_of_runs(metric, n, runs), few, runs)


def points_of_runs(metric: str, n: np.ndarray, runs: np.ndarray) -> Points:
    """Return the points of runs [R, N], without the level that these share."""
    labels = np.repeat([f"seed {k}" for k in range(len(runs))], len(n))
    settings = {"higher_is_better": metric in GUESSES, "guess": GUESSES.get(metric), "run": labels}
    return replace(points_of(np.tile(n, len(runs)), runs.ravel(), **settings), level=0.0, level_dof=0)


def fit_prior(metric: str, curves: list[Curve], start: tuple[float, ...] | np.ndarray = _START) -> Prior:
    """Return the prior under which the curves are likeliest; its quantile is that of the normal distribution."""
    packed = _packed([curve.points for curve in curves])
    found = minimize(_unlikelihood, start, args=packed, method="L-BFGS-B", bounds=_BOUNDS, options={"maxiter": 100}).x
    data_sets = len({curve.data_set for curve in curves})
    return replace(_prior(metric, found), curves=len(curves), data_sets=data_sets)


def _prior(metric: str, u: np.ndarray) -> Prior:
    slope, bend, slope_sd, bend_sd, correlation, misfit = map(float, u)
    spread = (float(np.exp(value)) for value in (slope_sd, bend_sd))
    return Prior(metric, slope, bend, *spread, float(np.tanh(correlation)), float(np.exp(misfit)))


def _packed(curves: list[Points]) -> tuple[np.ndarray, ...]:
    """Return designs [C, N, 3], centered log errors [C, N], variances [C, N] and which sizes there are [C, N]."""
    most = max(len(points.n) for points in curves)
    designs, y = np.zeros((len(curves), most, 3)), np.zeros((len(curves), most))
    variance, there = np.full((len(curves), most), _NO_POINT), np.zeros((len(curves), most), bool)
    for k, points in enumerate(curves):
        sizes, log_error = slice(len(points.n)), np.log(points.error)
        designs[k, sizes], y[k, sizes] = design(points.n), log_error - log_error.mean()
        variance[k, sizes], there[k, sizes] = points.weights**-2.0, True
    return designs, y, variance, there


def _unlikelihood(u: np.ndarray, designs: np.ndarray, y: np.ndarray, variance: np.ndarray, there: np.ndarray) -> float:
    """Return minus the log marginal likelihood of curves, up to a constant, and a weak prior of the correlation."""
    prior = _prior("", u)
    diagonal = variance + prior.misfit**2 * there
    covariance = designs @ prior.covariance @ designs.transpose(0, 2, 1) + np.eye(y.shape[1]) * diagonal[:, :, None]
    factor = np.linalg.cholesky(covariance)
    scaled = np.linalg.solve(factor, (y - designs @ prior.mean * there)[:, :, None])
    return float((scaled**2).sum() / 2 + np.log(np.diagonal(factor, axis1=1, axis2=2)).sum() + u[4] ** 2 / 2)


def left_out(metric: str, curves: list[Curve]) -> list[Judged]:
    """Return forecasts of every curve of few sizes by the prior of the other data sets, not yet stretched."""
    found = []
    for data_set in sorted({curve.data_set for curve in curves}):
        prior = fit_prior(metric, [curve for curve in curves if curve.data_set != data_set])
        for curve in (one for one in curves if one.data_set == data_set and one.seen):
            seen = curve.seen
            center, sd = prior.continued(seen.n, np.log(seen.error), seen.weights**-2.0, curve.points.n[-1:])
            found.append(Judged(curve, float(center[0]), float(sd[0]), float(np.log(curve.points.error[-1]))))
    return found


def stretch(judged: list[Judged]) -> float:
    """Return the quantile of the intervals that contain LEVEL of the truths; at least that of a normal distribution."""
    rank = min(1.0, LEVEL * (1 + 1 / len(judged)))
    return max(Prior.quantile, float(np.quantile([one.off for one in judged], rank)))


def fitted(metric: str, curves: list[Curve]) -> Prior:
    """Return the prior of a metric, with intervals stretched by data sets that were left out."""
    return replace(fit_prior(metric, curves), quantile=stretch(left_out(metric, curves)))


def judge(metric: str, curves: list[Curve]) -> dict[str, Any]:
    """Return the error and coverage at the largest size with and without the prior, by data sets that were left out."""
    judged, rows = left_out(metric, curves), []
    priors = {
        data_set: replace(
            fit_prior(metric, [curve for curve in curves if curve.data_set != data_set]),
            quantile=stretch([one for one in judged if one.curve.data_set != data_set]),
        )
        for data_set in {one.curve.data_set for one in judged}
    }
    for one in judged:
        ends = [_forecast(one.curve, prior) for prior in (priors[one.curve.data_set], None)]
        truth = np.exp(one.truth)
        if all(ends):
            rows.append([(abs(center - truth), low <= truth <= high, low, high) for center, low, high in ends])
    table = np.array(rows)
    errors, inside, widths = table[..., 0] + _SMALL, table[..., 1], table[..., 3] / np.maximum(table[..., 2], _SMALL)
    ratio = np.log(errors[:, 0] / errors[:, 1])
    return {
        "curves": len(table),
        "without a forecast": len(judged) - len(table),
        "data sets": len(priors),
        "error, with over without": float(np.exp(ratio.mean())),
        "mean error": errors.mean(axis=0).tolist(),
        "coverage": inside.mean(axis=0).tolist(),
        "median high / low": np.median(widths, axis=0).tolist(),
    }


def _forecast(curve: Curve, prior: Prior | None) -> tuple[float, float, float] | None:
    """Return the error at the largest size and the ends of its interval; None where no forecast is made."""
    known = kind_of(curve.seen)
    if not known.has_forecast:
        return None
    used = curve.seen.last(len(curve.seen.n) - known.skipped)
    forecast = make_forecast(fit_all(used, intervals=False), kind=known.kind, prior=prior)
    low, high = forecast.error_interval(curve.points.n[-1:])
    found = float(forecast.error(curve.points.n[-1:])[0]), float(low[0]), float(high[0])
    return found if np.isfinite(found).all() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--judge", action="store_true", help="judge the prior instead of fitting it")
    parser.add_argument("--json", type=Path, help="write the figures of --judge to this file")
    flags = parser.parse_args()
    database = read_database()
    if flags.judge:
        found = facts("curves_database.prior") | {metric: judge(metric, curves) for metric, curves in database.items()}
        print(json.dumps({metric: found[metric] for metric in database}, indent=2))
        write(flags.json, found)
        return
    priors = {metric: _rounded(fitted(metric, curves)) for metric, curves in database.items()}
    PRIORS.write_text(json.dumps(priors, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(priors, indent=2))


def _rounded(prior: Prior) -> dict[str, float]:
    return {
        name: value if isinstance(value, int) else float(f"{value:.4g}")
        for name, value in asdict(prior).items()
        if name != "metric"
    }


if __name__ == "__main__":
    main()
