"""Fitted laws in words and tables: what the commands, the figures and the report say of a curve's analysis."""

from dataclasses import replace

import numpy as np
from rich.markup import escape
from rich.table import Table

from jaxmrl.scaling.analysis import MULTIPLES, Analysis
from jaxmrl.scaling.forecast import Forecast
from jaxmrl.scaling.law_fit import LEVEL, Fit
from jaxmrl.scaling.laws import Parameter
from jaxmrl.scaling.points import MOLECULES
from jaxmrl.scaling.target import FAR
from jaxmrl.text import size_text

_MOST_DIGITS = 10
_NO_EFFECT = 1e-6
"""A parameter that changes the error by less than this share is written as 0."""


def law_text(fit: Fit) -> str:
    """Return the fitted law as one formula, with its exponent's interval."""
    exponent = exponent_text(fit)
    return f"{formula_text(fit)}, {exponent}" if exponent else formula_text(fit)


def formula_text(fit: Fit) -> str:
    """Return the fitted law as one formula; a parameter without effect, as a floor far below all errors is, is 0."""
    shown = {one.name: "0" if _vanishes(fit, one) else short(fit.values[one.name]) for one in fit.law.parameters}
    return fit.law.text.format(**shown).replace("+ -", "- ")


def _vanishes(fit: Fit, parameter: Parameter) -> bool:
    """Return whether the law is the same at all measured sizes with the parameter at 0, or at its lower bound."""
    least = 0.0 if parameter.kind == "real" else parameter.lowest
    without = replace(fit, values={**fit.values, parameter.name: least})
    sizes = fit.points.n
    return np.allclose(without.error(sizes), fit.error(sizes), rtol=_NO_EFFECT, atol=0)


def exponent_text(fit: Fit) -> str:
    """Return the exponent with its interval; nothing for a law without one."""
    name = fit.law.exponent
    if name is None:
        return ""
    if name not in fit.intervals:
        return f"{name} {short(fit.values[name])} [not known]"
    return f"{name} {short(fit.values[name])} {interval_text(*fit.intervals[name])}"


def interval_text(low: float | None, high: float | None) -> str:
    """Return [low, high], with three digits or as many as distinguish the ends; an end that is not known is open."""
    if low is None and high is None:
        return "[not known]"
    for digits in range(3, _MOST_DIGITS):
        form = f"{'#' if digits > 3 else ''}.{digits}g"
        ends = ["..." if end is None else f"{end:{form}}" for end in (low, high)]
        if ends[0] != ends[1]:
            break
    return f"[{', '.join(ends)}]"


def short(number: float | None) -> str:
    """Return a number with three digits, or "not known"."""
    return "not known" if number is None else f"{number:.3g}"


def chosen_text(forecast: Forecast) -> str:
    """Return the law of the forecast, or the names of the laws that it is the mean of."""
    return law_text(forecast.fits[0]) if len(forecast.fits) == 1 else forecast.name


def left_side(fit: Fit, metric_label: str) -> str:
    """Return the left side of a law: the metric, or the error that is made of it."""
    points = fit.points
    if fit.law.on == "metric" and points.top:
        return metric_label
    if points.best == 0:
        return metric_label if points.sign > 0 else f"-{metric_label}"
    if points.sign < 0:
        return f"{points.best:g} - {metric_label}"
    return f"{metric_label} {'-' if points.best > 0 else '+'} {abs(points.best):g}"


def law_lines(label: str, analysis: Analysis, metric_label: str) -> list[str]:
    """Return the chosen laws, their forecast and what not to trust about them; each line begins with `label`."""
    if analysis.forecast is None:
        return [f"{label}: no law fitted: {'; '.join(analysis.notes)}"]
    lines = [f"{label}: {left_side(fit, metric_label)} = {law_text(fit)}" for fit in analysis.forecast.fits]
    lines.append(f"{label}: forecast: {analysis.forecast.trend.basis}")
    lines.append(f"{label}: curve: {analysis.kind_text}")
    lines += [f"{label}, {line}" for line in forecast_lines(analysis, metric_label)]
    return [*lines, *(f"{label}: note: {remark}" for remark in (*analysis.flags, *analysis.notes))]


def forecast_table(labels: list[str], analyses: list[Analysis], metric_label: str) -> Table:
    """Return a table with the kind and law of each of several curves, and the metric with more molecules; remarks are
    in the files.

    Name, kind and law of a curve are lines of one cell, so that a table of three forecasts fits a narrow terminal.
    """
    title = f"laws and forecasts of {metric_label}, {LEVEL:.0%} intervals"
    table = Table(title=title, title_justify="left", show_lines=True)
    heads = ("curve", *(f"{multiple} times" for multiple in MULTIPLES))
    for head in heads:
        table.add_column(head, justify="left" if head == "curve" else "right", overflow="fold")
    for label, analysis in zip(labels, analyses, strict=True):
        table.add_row(*map(escape, _forecast_cells(label, analysis)))
    return table


def _forecast_cells(label: str, analysis: Analysis) -> list[str]:
    if analysis.forecast is None:
        return ["\n".join(filter(None, (label, analysis.kind, "; ".join(analysis.notes))))]
    return [
        "\n".join(filter(None, (label, analysis.kind, chosen_text(analysis.forecast)))),
        *(value_text(one) for one in analysis.predict(multiples_of(analysis))),
    ]


def multiples_of(analysis: Analysis) -> np.ndarray:
    """Return the sizes that every analysis predicts at."""
    return analysis.known_forecast.points.n.max() * np.array(MULTIPLES, float)


def value_text(prediction: dict) -> str:
    """Return a forecast metric with its interval."""
    return f"{short(prediction['value'])} {interval_text(prediction['low'], prediction['high'])}"


def forecast_lines(analysis: Analysis, metric_label: str) -> list[str]:
    """Return a line for the metric at each of MULTIPLES, as "with 2 times the molecules: MAE 0.834 [0.813, 0.866]"."""
    return [
        f"with {multiple} times the molecules: {metric_label} {value_text(one)}"
        for multiple, one in zip(MULTIPLES, analysis.predict(multiples_of(analysis)), strict=True)
    ]


def laws_table(analysis: Analysis, metric_label: str) -> Table:
    """Return a table of every fitted law of a curve; the chosen ones are marked."""
    table = Table(title=f"fitted laws, {LEVEL:.0%} intervals; * chosen", title_justify="left")
    for head in LAW_HEADS:
        table.add_column(head, justify="right" if head in _RIGHT else "left", overflow="fold")
    for row in law_rows(analysis, metric_label):
        table.add_row(*map(escape, row))
    return table


LAW_HEADS = ("law", "fitted", "exponent", "residual", "noise p", "held out")
_RIGHT = LAW_HEADS[3:]


def law_rows(analysis: Analysis, metric_label: str) -> list[tuple[str, ...]]:
    """Return the cells of LAW_HEADS for each law. noise p: the probability that noise alone leaves such residuals."""
    chosen = {fit.law.name for fit in analysis.forecast.fits} if analysis.forecast else set()
    rows: list[tuple[str, ...]] = []
    for fit in analysis.fits:
        tried = fit.held_out
        rows.append(
            (
                fit.law.name + ("*" if fit.law.name in chosen else ""),
                f"{left_side(fit, metric_label)} = {formula_text(fit)}",
                exponent_text(fit),
                short(fit.rmse),
                "" if fit.goodness_of_fit_p is None else f"{fit.goodness_of_fit_p:.2g}",
                "" if tried is None else short(tried.rmse),
            )
        )
    return rows


def predictions_table(analysis: Analysis, sizes: np.ndarray, metric_label: str) -> Table:
    """Return a table with the metric at `sizes` and its interval."""
    label = escape(metric_label)
    table = Table(title=f"forecast of {label} ({LEVEL:.0%} interval)", title_justify="left")
    unit = (analysis.points.unit if analysis.points else MOLECULES).strip()
    for head in (unit, label, "interval", "extrapolates"):
        table.add_column(head, justify="right")
    for one in analysis.predict(sizes):
        far = f"more than {FAR:g}x beyond the data" if one["far"] else ""
        interval = escape(interval_text(one["low"], one["high"]))
        table.add_row(size_text(one["n"]), short(one["value"]), interval, far)
    return table
