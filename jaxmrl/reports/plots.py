"""The figures: a sweep's curves, its models' capacity, and a pre-training."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from jaxmrl.reports.law_tables import chosen_text
from jaxmrl.rows import CurveIdentity
from jaxmrl.runs.curves import MeasuredCurve, distinguishing
from jaxmrl.scaling.analysis import Analysis
from jaxmrl.text import exact
from jaxmrl.training.pretraining import Epoch

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito's colours, told apart by colour-blind readers too."""

_MARKERS = ("o", "s", "^", "D", "v")

_STYLE = {"svg.hashsalt": "jaxmrl", "savefig.dpi": 150}


@contextmanager
def own_style() -> Iterator[None]:
    """Within it figures look the same for everyone, whatever a matplotlibrc or a notebook has set."""
    defaults: dict[Any, Any] = {name: value for name, value in matplotlib.rcParamsDefault.items() if name != "backend"}
    with matplotlib.rc_context(defaults | _STYLE):
        yield


@own_style()
def draw_curves(
    curves: list[MeasuredCurve],
    analyses: list[Analysis],
    *,
    metric_label: str,
    unit: str,
    title: str,
    linear: bool = False,
    brief: bool = False,
) -> Figure:
    """Points with their standard deviation over seeds, and each curve's law with its interval, on logarithmic axes.

    Points of pruned curves, which have no law, are joined by dotted straight lines. The vertical axis is linear where a
    point is not above 0, as R^2 may be; `linear` makes both so, and `brief` leaves the laws out of the legend.
    """
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    names = {"metric_label": metric_label, "unit": unit, "title": title}
    plot_curves(figure.add_subplot(), curves, analyses, **names, linear=linear, brief=brief)
    return figure


def plot_curves(
    axes: Axes,
    curves: Sequence[MeasuredCurve],
    analyses: Sequence[Analysis],
    *,
    metric_label: str,
    unit: str = "",
    title: str = "",
    linear: bool = False,
    brief: bool = False,
) -> None:
    """Draw what `draw_curves` does on these axes, in the style that is set."""
    for k, (curve, analysis) in enumerate(zip(curves, analyses, strict=True)):
        again, colour = divmod(k, len(_COLOURS))
        style = {"color": _COLOURS[colour], "marker": _MARKERS[again % len(_MARKERS)]}
        label = curve_label(curve, curves)
        law = f": {chosen_text(analysis.forecast)}" if analysis.forecast and not brief else ""
        _draw_curve(axes, curve, analysis, style, label + law)
    means = [point.mean for curve in curves for point in curve.points]
    linear = linear or not means
    axes.set_yscale("linear" if linear or min(means) <= 0 else "log")
    _finish(axes, "training molecules", metric_label, unit, title, across_scale="linear" if linear else "log")


def capacity_groups(curves: list[MeasuredCurve]) -> list[list[MeasuredCurve]]:
    """Curves that differ in width and depth alone, by number of parameters; only where there are several sizes."""
    groups: dict[CurveIdentity, list[MeasuredCurve]] = {}
    for curve in curves:
        groups.setdefault(replace(curve.identity, width=0, depth=0, params=0), []).append(curve)
    of_size = lambda curve: curve.identity.params
    ordered = [sorted(group, key=of_size) for group in groups.values()]
    return [group for group in ordered if of_size(group[0]) < of_size(group[-1])]


@own_style()
def draw_capacity(curves: list[MeasuredCurve], *, metric_label: str, unit: str, title: str) -> Figure:
    """The metric against the model's number of parameters, a line for each fraction and kind of model."""
    groups = capacity_groups(curves)
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    fractions = sorted({point.fraction for group in groups for curve in group for point in curve.points})
    for place, group in enumerate(groups):
        label = curve_label(group[0], [other[0] for other in groups]) + ", " if len(groups) > 1 else ""
        for k, fraction in enumerate(fractions):
            points = [(curve, point) for curve in group for point in curve.points if point.fraction == fraction]
            sizes = [curve.identity.params for curve, _ in points]
            axes.errorbar(
                sizes,
                [point.mean for _, point in points],
                yerr=np.nan_to_num([point.sd for _, point in points]),
                color=_COLOURS[k % len(_COLOURS)],
                marker=_MARKERS[place % len(_MARKERS)],
                label=_plain(f"{label}fraction {exact(fraction)}"),
                markersize=4,
                capsize=2,
                linewidth=1,
            )
    _finish(axes, "parameters", metric_label, unit, title)
    return figure


@own_style()
def draw_pretraining(history: list[Epoch], *, title: str) -> Figure:
    """Share of masked atoms told by epoch, over the share of the most common one."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    epochs = [epoch.epoch for epoch in history]
    axes.plot(epochs, [epoch.accuracy for epoch in history], color=_COLOURS[0], marker=".", label="told")
    common = f"always atomic number {history[-1].common}"
    axes.plot(epochs, [epoch.majority for epoch in history], color=_COLOURS[1], linestyle="--", label=common)
    axes.set_xlabel("epoch")
    axes.set_ylabel("masked atoms of held-out molecules")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_title(_plain(title), fontsize=10)
    axes.grid(True, alpha=0.25, linewidth=0.5)
    axes.legend(fontsize=8, frameon=False)
    return figure


@own_style()
def render(figure: Figure, kind: str) -> bytes:
    """The figure as 'png' or 'svg' bytes, the same each time."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()


def curve_label(curve: MeasuredCurve, curves: Sequence[MeasuredCurve]) -> str:
    """As much as tells the curve apart from the others, or the model where it is alone."""
    cells, columns = curve.identity.cells(), distinguishing([other.identity for other in curves])
    named = [f"{column} {cells[column]}" for column in columns]
    return ", ".join(named) or f"{curve.identity.model.upper()} {curve.identity.width}x{curve.identity.depth}"


def _plain(text: str) -> str:
    """A text that names files, whose dollars are no formula."""
    return text.replace("$", r"\$")


def _draw_curve(axes, curve: MeasuredCurve, analysis: Analysis, style: dict[str, str], label: str) -> None:
    n = np.array([point.n_train for point in curve.points])
    mean = np.array([point.mean for point in curve.points])
    sd = np.nan_to_num([point.sd for point in curve.points])
    forecast = analysis.forecast
    bars = {"linestyle": "none", "markersize": 4, "capsize": 2, "elinewidth": 1}
    axes.errorbar(n, mean, yerr=sd, label=_plain(label), **style, **bars)
    if not analysis.random_samples:
        axes.plot(n, mean, color=style["color"], linewidth=0.8, linestyle=":")  # no law: the eye's guide
    if forecast:
        grid = np.geomspace(n.min(), n.max(), 100)
        axes.plot(grid, forecast(grid), color=style["color"], linewidth=1)
        axes.fill_between(grid, *forecast.interval(grid), color=style["color"], alpha=0.15, linewidth=0)


def _finish(axes: Axes, across: str, metric_label: str, unit: str, title: str, *, across_scale: str = "log") -> None:
    axes.set_xscale(across_scale)
    axes.set_xlabel(across)
    axes.set_ylabel(f"test {metric_label}" + (f" ({unit})" if unit else ""))
    axes.set_title(_plain(title), fontsize=10)
    _plain_ticks(axes)
    axes.grid(True, which="both", alpha=0.25, linewidth=0.5)
    axes.legend(fontsize=8, frameon=False)


def _plain_ticks(axes: Axes) -> None:
    """Numbers in full; on a short axis also between the powers of ten."""
    low, high = axes.get_ylim()
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    left, right = axes.get_xlim()
    if axes.get_xscale() == "log" and right / left < 30:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    if axes.get_yscale() == "log" and high / low < 10:
        axes.yaxis.set_major_locator(LogLocator(subs=np.arange(1, 10, 0.5 if high / low < 3 else 1).tolist()))
        axes.yaxis.set_minor_formatter(NullFormatter())
