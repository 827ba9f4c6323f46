"""What follows from the results of a sweep: curves, laws, figure, comparison; written and printed."""

import json

import numpy as np

from jaxmrl.config import SweepConfig
from jaxmrl.data.problem import Problem
from jaxmrl.report import files, plots
from jaxmrl.report.comparison import COMPARED_COLUMNS, compare_to_random, comparison_table
from jaxmrl.report.files import Curve, RunDirectory
from jaxmrl.report.terminal import Reporter, law_lines, sweep_table
from jaxmrl.scaling.fit import Fit, fit_law
from jaxmrl.scaling.laws import LAWS
from jaxmrl.training.metrics import METRICS


def summarise(
    run: RunDirectory, rows: list[dict[str, str]], config: SweepConfig, problems: list[Problem], reporter: Reporter
) -> tuple[list[Curve], list[list[Fit]]]:
    """Writes curves.csv, fits.json, the figure and, with pruning, pruning.csv; prints them; returns curves and fits."""
    problem = problems[0]
    metric = METRICS[problem.metric]
    curves = files.curves_of(rows)
    fits = [fit_curve(curve, metric.higher_is_better) for curve in curves]
    run.write_table("curves.csv", files.CURVE_FILE_COLUMNS, [row for c in curves for row in files.curve_rows(c)])
    run.write("fits.json", json.dumps(files.fits_content(curves, fits, config.length), indent=2) + "\n")
    title = f"{config.name}, {' and '.join(config.splits)} split, {config.length}"
    names = {"metric_label": metric.label, "unit": problem.unit, "title": title}
    figures = {"curve": plots.draw_curves(curves, fits, **names)}
    if plots.capacity_groups(curves):
        figures["capacity"] = plots.draw_capacity(curves, **names)
    for name, figure in figures.items():
        for kind in ("png", "svg"):
            run.write(f"{name}.{kind}", plots.render(figure, kind))
    diverged = sum(row["status"] == "diverged" for row in rows)
    if diverged:
        reporter.say(f"{diverged} of {len(rows)} replicas diverged and are left out of the curves: see results.csv")
    near = {one.split_name: one.near for one in problems if one.near is not None}
    reporter.console.print(sweep_table(curves, metric.label, near if len(problems) > 1 else {}))
    for line in law_lines(curves, fits, metric):
        reporter.say(line)
    if compared := compare_to_random(rows):
        run.write_table("pruning.csv", COMPARED_COLUMNS, compared)
        reporter.console.print(comparison_table(compared, metric.label, metric.higher_is_better))
    reporter.say(f"everything is in {run.path}")
    return curves, fits


def fit_curve(curve: Curve, higher_is_better: bool) -> list[Fit]:
    """The laws that can be fitted to a curve."""
    n = np.array([point.n_train for point in curve.points])
    mean = np.array([point.mean for point in curve.points])
    fits = [fit_law(law, n, mean, higher_is_better=higher_is_better) for law in LAWS]
    return [fit for fit in fits if fit]
