"""Do the intervals of fitted laws hold what they promise? Curves drawn from known laws, fitted, and looked at.

    python -m benchmarks.laws_coverage [--simulations 400] [--forecasts 30] [--laws NAME ...] [--json FILE]

Nine sizes and five runs each, as the study's, with the spread of the published runs: that of HIV's ROC-AUC (0.083 of
the error at every size) and of PCBA's average precision (from 0.002 at the smallest size to 0.009 at the largest). The
true parameters, TRUTHS, are such that each law goes about where the published curve does, and none is at its bound. An
exponent that the fit calls not identifiable is counted apart.

`--forecasts` tries the whole procedure: all laws are fitted to each drawn curve, jaxmrl chooses, and the 90 % interval
of its forecast either holds the true metric at 2, 4 and 10 times the largest size or does not. The curves are those of
HIV and a grid of small data (GRIDS).
"""

import argparse
import json
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import joblib
import numpy as np

from jaxmrl.runs.directory import software_versions
from jaxmrl.scaling.forecast import fit_all, make_forecast
from jaxmrl.scaling.law_fit import LEVEL, fit_law
from jaxmrl.scaling.law_search import error_of
from jaxmrl.scaling.laws import LAWS, Law
from jaxmrl.scaling.points import GUESSES, Points, points_of

REFERENCE = Path(__file__).with_name("published_curves.json")
LARGEST = {"hiv": 32_901, "pcba": 350_343}
"""Training molecules of the published curves at fraction 1; PCBA's from its size and split."""

TRUTHS = {
    "hiv": {
        "power": (0.453, 0.06),
        "error_power": (1.15, 0.188),
        "logarithmic": (0.369, 0.0459),
        "odds": (24.5, 0.384),
        "irreducible": (0.1, 3.0, 0.38),
        "saturating": (2.2, 0.3, 1e-4),
        "shifted": (1.77, 0.232, 566.0),
        "m4": (0.2, 77.0, 0.6, 1.0),
        "broken": (0.967, 0.165, 0.411, 17_800.0, 0.3),
    },
    "pcba": {
        "power": (0.00285, 0.364),
        "error_power": (1.47, 0.0525),
        "logarithmic": (-0.332, 0.0461),
        "odds": (621.0, 0.434),
        "irreducible": (0.65, 3.47, 0.3),
        "saturating": (1.8, 0.08, 1e-5),
        "shifted": (2.52, 0.098, 17_900.0),
        "m4": (0.5, 76_460.0, 0.8, 2.0),
        "broken": (1.13, 0.02, 0.09, 14_300.0, 0.5),
    },
}

RUNS = 5
FURTHER = 2.0
"""Times the largest size at which forecasts of one law are tried."""

HORIZONS = (2, 4, 10)
"""Times the largest size at which forecasts of the whole procedure are tried."""


@dataclass(frozen=True)
class Grid:
    """Sizes, runs of each, standard deviation of one run's log error, and true laws with their parameters."""

    sizes: tuple[int, ...]
    runs: int
    sd: float
    higher_is_better: bool
    truths: dict[str, tuple[float, ...]]


GRIDS = {
    "hiv": Grid((329, 1645, 3290, 6580, 9870, 13160, 19740, 26320, 32901), RUNS, 0.083, True, TRUTHS["hiv"]),
    "small": Grid(
        (50, 100, 200, 400, 800),
        3,
        0.05,
        False,
        {
            "power": (2.0, -0.25),
            "logarithmic": (1.2, -0.11),
            "irreducible": (0.35, 6.0, 0.6),
            "saturating": (2.2, 0.3, 1e-3),
            "shifted": (4.0, 0.33, 100.0),
            "broken": (1.2, 0.1, 0.4, 200.0, 0.3),
        },
    ),
}


def published_points(name: str) -> Points:
    """The points of a published curve."""
    content = json.loads(REFERENCE.read_text())
    curve, fractions = content[name], np.array(content["fractions"])
    sizes = (fractions * LARGEST[name]).astype(int)
    runs = np.array(curve["runs"])
    guess = GUESSES[curve["metric"]]
    return points_of(np.tile(sizes, len(runs)), runs.ravel(), higher_is_better=True, guess=guess)


def simulate(law: Law, values: tuple[float, ...], points: Points, seed: int) -> dict:
    """One drawn curve: whether the law's interval holds the true exponent, and the forecast's the true metric."""
    true_error = lambda n: error_of(law, points, n, np.array([values]))[0]
    rng = np.random.default_rng([seed, LAWS.index(law)])
    noise = rng.normal(size=(RUNS, len(points.n))) * points.sd
    error = true_error(points.n) * np.exp(noise - points.sd**2 / 2)
    settings = {"higher_is_better": True, "guess": points.guess}
    fit = fit_law(law, points_of(np.tile(points.n, RUNS), (1 - error).ravel(), **settings))
    if fit is None:
        return {"fitted": False}
    far = np.array([FURTHER * points.n.max()])
    low, high = (end[0] for end in make_forecast([fit]).interval(far))
    found = {"fitted": True, "forecast_holds": bool(low <= 1 - true_error(far)[0] <= high)}
    if law.exponent:
        low, high = fit.intervals[law.exponent]
        true = values[law.names.index(law.exponent)]
        found |= {
            "identifiable": low is not None and high is not None,
            "holds": (low is None or low <= true) and (high is None or true <= high),
            "estimate": fit.values[law.exponent],
        }
    return found


def summary(law: Law, values: tuple[float, ...], drawn: list[dict]) -> dict:
    """Of all simulations of a law."""
    fitted = [one for one in drawn if one["fitted"]]
    true = dict(zip(law.names, values, strict=True))
    found = {"law": law.name, "true": true, "simulations": len(drawn), "fitted": len(fitted)}
    found["forecast_coverage"] = _mean(one["forecast_holds"] for one in fitted)
    if law.exponent is None:
        return found
    told = [one for one in fitted if one["identifiable"]]
    estimates = [one["estimate"] for one in told]
    return found | {
        "exponent": law.exponent,
        "not_identifiable": _mean(not one["identifiable"] for one in fitted),
        "coverage": _mean(one["holds"] for one in told),
        "coverage_of_all": _mean(one["holds"] for one in fitted),
        "median_bias": float(np.median(estimates) / true[law.exponent] - 1) if told else None,
    }


def forecast_trial(grid: Grid, law: Law, seed: int) -> dict:
    """Return the log error of the forecast for one drawn curve at each of HORIZONS, its interval's width, and hits."""
    n, values = np.array(grid.sizes, float), np.array([grid.truths[law.name]])
    settings = {"higher_is_better": grid.higher_is_better, "guess": 0.5 if grid.higher_is_better else None}
    blank = points_of(n, np.full(len(n), 0.6), **settings)
    far = n.max() * np.array(HORIZONS)
    true, true_far = (error_of(law, blank, at, values)[0] for at in (n, far))
    noise = np.random.default_rng([seed, LAWS.index(law)]).normal(0, grid.sd, (grid.runs, len(n)))
    metric = blank.metric_of(true * np.exp(noise - grid.sd**2 / 2))
    run = np.repeat([f"seed {k}" for k in range(grid.runs)], len(n))
    points = points_of(np.tile(n, grid.runs), metric.ravel(), run=run, **settings)
    forecast = make_forecast(fit_all(points, intervals=False))
    low, high = forecast.error_interval(far)
    with np.errstate(divide="ignore", invalid="ignore"):
        missed, width = np.log(forecast.error(far) / true_far), np.log(high / low)
    return {"holds": (low <= true_far) & (true_far <= high), "missed": missed, "width": width}


def forecast_summary(grid: Grid, law: Law, simulations: int) -> dict:
    """Of the whole procedure: coverage, root mean square log error and median log width at each of HORIZONS."""
    trials = joblib.Parallel(n_jobs=-1)(joblib.delayed(forecast_trial)(grid, law, k) for k in range(simulations))
    holds, missed, width = (np.array([one[name] for one in trials]) for name in ("holds", "missed", "width"))
    finite = lambda values: [float(value) if np.isfinite(value) else None for value in values]
    return {
        "law": law.name,
        "true": dict(zip(law.names, grid.truths[law.name], strict=True)),
        "simulations": simulations,
        "coverage": finite(holds.mean(axis=0)),
        "rms_log_error": finite(np.sqrt(np.nanmean(missed**2, axis=0))),
        "median_log_width": finite(np.nanmedian(width, axis=0)),
    }


def forecast_results(names: list[str], simulations: int) -> dict[str, list[dict]]:
    """Try the whole procedure on every grid and law, and print a row for each."""
    results: dict[str, list[dict]] = {}
    print(f"coverage of the forecast at {', '.join(map(str, HORIZONS))} times; rms log error; median log width")
    for name, grid in GRIDS.items():
        for law in LAWS:
            if law.name in names and law.name in grid.truths:
                one = forecast_summary(grid, law, simulations)
                results.setdefault(name, []).append(one)
                cells = [one["coverage"], one["rms_log_error"], one["median_log_width"]]
                shown = "   ".join(" ".join("    -" if v is None else f"{v:5.2f}" for v in cell) for cell in cells)
                print(f"{name:6}{law.name:12}{shown}", flush=True)
    return results


def _mean(values) -> float | None:
    values = list(values)
    return float(np.mean(values)) if values else None


def line(name: str, found: dict) -> str:
    """What is printed of a law's simulations."""
    cells = [found.get(key) for key in ("coverage", "not_identifiable", "median_bias", "forecast_coverage")]
    shown = "".join(f"{'' if cell is None else f'{cell:.1%}':>18}" for cell in cells)
    return f"{name:6}{found['law']:12}{shown}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--simulations", type=int, default=400)
    parser.add_argument("--forecasts", type=int, default=30)
    parser.add_argument("--laws", nargs="+", choices=[law.name for law in LAWS], default=[law.name for law in LAWS])
    parser.add_argument("--json", type=Path)
    flags = parser.parse_args()
    results: dict[str, list[dict]] = {}
    print(f"{'':18}{'coverage':>18}{'not identifiable':>18}{'median bias':>18}{'forecast covers':>18}")
    for name, law in product(LARGEST, LAWS) if flags.simulations else ():
        if law.name in flags.laws:
            one = law, TRUTHS[name][law.name], published_points(name)
            drawn = joblib.Parallel(n_jobs=-1)(joblib.delayed(simulate)(*one, k) for k in range(flags.simulations))
            results.setdefault(name, []).append(summary(*one[:2], drawn))
            print(line(name, results[name][-1]), flush=True)
    forecasts = forecast_results(flags.laws, flags.forecasts) if flags.forecasts else {}
    if flags.json:
        command = " ".join(["python -m benchmarks.laws_coverage", *sys.argv[1:]])
        content = {"command": command, "software": software_versions(), "level": LEVEL, "curves": results}
        content |= {"horizons": HORIZONS, "forecasts": forecasts}
        flags.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
