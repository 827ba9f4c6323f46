"""The joint laws of data and model size of a sweep with several widths or depths: lines, tables and a section."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from jaxmrl.reports.appearance import curve_label
from jaxmrl.reports.law_tables import interval_text, short
from jaxmrl.reports.terminal import Reporter
from jaxmrl.rows import ResultRow
from jaxmrl.runs.curves import MeasuredCurve, capacity_groups, rows_of
from jaxmrl.scaling.joint import VARIABLES, Estimate, JointAnalysis, JointForecast, Optimum, analyze_joint
from jaxmrl.scaling.joint_cells import GridRuns
from jaxmrl.scaling.joint_content import COMPUTE_UNIT, budgets_of, is_outside, joint_content, metrics_of
from jaxmrl.scaling.law_fit import LEVEL
from jaxmrl.text import about, size_text

OTHER_LENGTHS = (
    "the runs trained for different numbers of epochs, so their compute was not proportional to molecules times "
    "parameters"
)


@dataclass(frozen=True)
class Joint:
    """The joint law of curves that differ only in width and depth.

    Attributes:
        label: What distinguishes these curves from those of other joint laws; empty where there is one.
        curves: The curves, by number of parameters.
        analysis: The law.
    """

    label: str
    curves: tuple[MeasuredCurve, ...]
    analysis: JointAnalysis


def joints_of(curves: Sequence[MeasuredCurve], rows: list[ResultRow], higher_is_better: bool) -> list[Joint]:
    """Return the joint law of each group of curves of random samples that differ only in width and depth.

    Args:
        curves: The curves of a sweep.
        rows: The rows of its results.csv.
        higher_is_better: Whether a higher metric is better.
    """
    groups = [group for group in capacity_groups(curves) if all(curve.random_samples for curve in group)]
    firsts = [group[0] for group in groups]
    return [
        Joint(
            curve_label(group[0], firsts) if len(groups) > 1 else "",
            tuple(group),
            analyze_group(group, rows, higher_is_better),
        )
        for group in groups
    ]


def analyze_group(group: Sequence[MeasuredCurve], rows: list[ResultRow], higher_is_better: bool) -> JointAnalysis:
    """Return the joint law of curves that differ only in width and depth; arguments as of `joints_of`."""
    own = [(curve.identity.params, row) for curve in group for row in rows_of(curve, rows) if row.test is not None]
    of_rows = lambda function: np.array([function(row) for _, row in own])
    grid = GridRuns(
        n=of_rows(lambda row: float(row.n_train)),
        p=np.array([float(params) for params, _ in own]),
        metric=of_rows(lambda row: float(row.test)),
        run=of_rows(lambda row: f"seed {row.seed}"),
        split=of_rows(lambda row: row.split_seed),
        overlap=group[0].overlap,
    )
    found = analyze_joint(grid, higher_is_better=higher_is_better)
    if len({row.epochs for _, row in own}) > 1 and found.forecast is not None:
        return JointAnalysis(found.forecast, (*found.notes, OTHER_LENGTHS))
    return found


def with_joints(
    content: list[dict[str, Any]], curves: list[MeasuredCurve], joints: list[Joint]
) -> list[dict[str, Any]]:
    """Return the content of fits.json, in which the smallest model of each joint law has it as `joint`."""
    found = {id(joint.curves[0]): {"joint": joint_content(joint.analysis)} for joint in joints}
    return [one | found.get(id(curve), {}) for one, curve in zip(content, curves, strict=True)]


def joint_lines(analysis: JointAnalysis, metric_label: str, label: str = "") -> list[str]:
    """Return what the terminal says of a joint law, above the table of budgets."""
    begin = f"{label}: joint law" if label else "joint law"
    if analysis.forecast is None:
        return [f"{begin} of data and model size not fitted: {'; '.join(analysis.notes)}"]
    forecast = analysis.forecast
    exponents = ", ".join(exponent_text(forecast, name) for name in VARIABLES)
    return [
        f"{begin} of {grid_text(forecast)}: {formula(forecast, metric_label)}; {exponents}",
        *(f"{begin}: note: {remark}" for remark in (*forecast.flags, *analysis.notes)),
    ]


def grid_text(forecast: JointForecast) -> str:
    """Return in words how many sizes a grid has, and from where to where."""
    n, p = np.unique(forecast.cells.n), np.unique(forecast.cells.p)
    ends = [f"{size_text(one[0])} to {size_text(one[-1])}" for one in (n, p)]
    return f"{len(n)} data sizes ({ends[0]} molecules) and {len(p)} model sizes ({ends[1]} parameters)"


def formula(forecast: JointForecast, metric_label: str) -> str:
    """Return the fitted law as one formula of the error."""
    fit, cells = forecast.fit, forecast.cells
    right = fit.law.text.format(**{name: short(value) for name, value in fit.values.items()})
    if cells.best == 0:
        left = metric_label if cells.sign > 0 else f"-{metric_label}"
    else:
        left = f"{cells.best:g} - {metric_label}" if cells.sign < 0 else f"{metric_label} - {cells.best:g}"
    return f"{left} = {right}"


def exponent_text(forecast: JointForecast, name: str) -> str:
    """Return an exponent with its interval, as "a (molecules) 0.35 [0.29, 0.41]"."""
    return f"{name} ({VARIABLES[name]}) {estimate_text(forecast.exponent(name))}"


def estimate_text(one: Estimate) -> str:
    """Return a value with its interval in brackets."""
    return f"{short(one.value)} {interval_text(one.low, one.high)}"


def size_cell(one: Estimate) -> str:
    """Return a number of molecules or parameters with its interval in brackets."""
    if one.value is None:
        return "not reached" if one.low is None else f"not reached [{about(one.low)} to ...]"
    if one.low is None and one.high is None:
        return f"{about(one.value)} [not known]"
    low, high = ("..." if end is None else about(end) for end in (one.low, one.high))
    return f"{about(one.value)} [{low} to {high}]"


OPTIMUM_HEADS = ("compute", "molecules", "parameters", "metric", "outside the measured sizes")


def optimum_cells(one: Optimum) -> tuple[str, ...]:
    """Return the cells of OPTIMUM_HEADS for a budget."""
    return (
        f"{one.compute:.2g}",
        size_cell(one.n),
        size_cell(one.p),
        estimate_text(one.metric),
        " and ".join(one.outside),
    )


def optimum_table(forecast: JointForecast, metric_label: str) -> Table:
    """Return a table of the best molecules and parameters for each of several compute budgets."""
    title = f"best numbers of molecules and parameters for a compute budget ({COMPUTE_UNIT}), {LEVEL:.0%} intervals"
    table = Table(title=title, title_justify="left")
    for head in OPTIMUM_HEADS:
        table.add_column(escape(metric_label) if head == "metric" else head, justify="right", overflow="fold")
    for one in forecast.best_split(budgets_of(forecast.cells)):
        table.add_row(*map(escape, optimum_cells(one)))
    return table


def iso_rows(forecast: JointForecast, metrics: list[float]) -> list[tuple[str, ...]]:
    """Return a row for each model size: its parameters, and the molecules that it needs for each metric.

    An asterisk marks numbers outside the measured sizes.
    """
    sizes = np.unique(forecast.cells.p)
    columns = [forecast.molecules_for(metric, sizes) for metric in metrics]
    starred = lambda one: size_cell(one) + ("*" if is_outside(one.value, forecast.cells.n) else "")
    return [(size_text(p), *map(starred, row)) for p, row in zip(sizes, zip(*columns, strict=True), strict=True)]


def iso_table(forecast: JointForecast, metric_label: str, target: float | None) -> Table:
    """Return a table of the molecules that each model size needs for metrics, or for a target alone."""
    metrics = metrics_of(forecast.cells) if target is None else [target]
    title = f"molecules needed by each model size, {LEVEL:.0%} intervals"
    table = Table(title=title, title_justify="left")
    table.caption, table.caption_justify = "* outside the measured sizes", "left"
    for head in ("parameters", *(f"{escape(metric_label)} {metric:g}" for metric in metrics)):
        table.add_column(head, justify="right", overflow="fold")
    for row in iso_rows(forecast, metrics):
        table.add_row(*map(escape, row))
    return table


def say_joints(joints: list[Joint], metric_label: str, reporter: Reporter) -> None:
    """Print the joint laws of data and model size, and the best use of several compute budgets."""
    for joint in joints:
        for line in joint_lines(joint.analysis, metric_label, joint.label):
            reporter.say(line)
        if joint.analysis.forecast is not None:
            reporter.console.print(optimum_table(joint.analysis.forecast, metric_label))
