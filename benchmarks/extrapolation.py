"""Do forecasts hold? Laws fitted to the sizes up to 40 % of the data, and judged on 60, 80 and 100 %.

    python -m benchmarks.extrapolation [--json FILE]

The published curves (published_curves.json) and those of classical models (classical_curves.json). Beside jaxmrl's
forecast: the study's own form, a free law with irreducible error, and the law that does best on the largest of the
sizes seen. Each is judged by the RMSE of the metric, and by the share of held-out means within its 90 % interval.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from benchmarks.classical_curves import CURVES
from benchmarks.laws_coverage import LARGEST, REFERENCE
from jaxmrl.runs.directory import software_versions
from jaxmrl.scaling.forecast import fit_all, make_forecast
from jaxmrl.scaling.law_fit import Fit
from jaxmrl.scaling.points import GUESSES, Points, points_of

SEEN = 6
"""Sizes that laws are fitted to: up to 40 %."""


def all_curves() -> dict[str, dict]:
    """{name: metric, n [9], runs [5, 9], the metric of guesses}."""
    published = json.loads(REFERENCE.read_text())
    found = {}
    for name, largest in LARGEST.items():
        one = published[name]
        sizes = [int(fraction * largest) for fraction in published["fractions"]]
        guess = 1 - GUESSES[one["metric"]]
        found[f"published {name}"] = {"metric": one["metric"], "n": sizes, "runs": one["runs"], "guess": guess}
    return found | json.loads(CURVES.read_text())


def seen_points(curve: dict) -> Points:
    """The points of the smaller sizes."""
    runs = np.array(curve["runs"])[:, :SEEN]
    higher = curve["metric"] != "rmse"
    guess = 1 - curve["guess"] if higher else None
    seeds = np.repeat([f"seed {k}" for k in range(len(runs))], SEEN)
    settings = {"higher_is_better": higher, "guess": guess, "run": seeds}
    return points_of(np.tile(curve["n"][:SEEN], len(runs)), runs.ravel(), **settings)


def judge(curve: dict) -> dict:
    """RMSE of each way to forecast, the choice, and the share of means within the interval."""
    points, unseen = seen_points(curve), np.array(curve["n"][SEEN:], float)
    came = np.mean(curve["runs"], axis=0)[SEEN:]
    fits = fit_all(points, intervals=False)
    forecast = make_forecast(fits)
    low, high = forecast.interval(unseen)
    missed = lambda forecasts: float(np.sqrt(np.mean((forecasts(unseen) - came) ** 2)))
    ways = {
        "jaxmrl": forecast,
        "study": _named(fits, "power"),
        "free": _named(fits, "irreducible"),
        "held_out": best(fits),
    }
    rmse = {name: missed(way) for name, way in ways.items()}
    return {"chosen": forecast.name, "rmse": rmse, "within": float(np.mean((low <= came) & (came <= high)))}


def _named(fits: list[Fit], name: str) -> Fit:
    return next(fit for fit in fits if fit.law.name == name)


def best(fits: list[Fit]) -> Fit:
    """The law that does best on the largest of the sizes seen."""
    return min(fits, key=lambda fit: fit.held_out.rmse if fit.held_out else np.inf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", type=Path)
    flags = parser.parse_args()
    found = {}
    for name, curve in all_curves().items():
        if len(set(curve["n"][:SEEN])) == SEEN:
            found[name] = judge(curve)
            shown = "".join(f"{found[name]['rmse'][way]:>10.4f}" for way in ("jaxmrl", "study", "free", "held_out"))
            print(f"{name:38}{shown}  {found[name]['within']:.2f}  {found[name]['chosen']}", flush=True)
    ratios = {
        way: float(
            np.exp(
                np.mean(
                    [np.log(max(one["rmse"][way], 1e-4) / max(one["rmse"]["study"], 1e-4)) for one in found.values()]
                )
            )
        )
        for way in ("jaxmrl", "free", "held_out")
    }
    worst = {way: max(one["rmse"][way] / one["rmse"]["study"] for one in found.values()) for way in ratios}
    within = float(np.mean([one["within"] for one in found.values()]))
    print(f"{len(found)} curves; over the study's form, geometric mean {ratios}, worst {worst}; within {within:.1%}")
    if flags.json:
        command = " ".join(["python -m benchmarks.extrapolation", *sys.argv[1:]])
        content = {"command": command, "software": software_versions(), "ratio": ratios, "worst_ratio": worst}
        flags.json.write_text(json.dumps(content | {"within": within, "curves": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
