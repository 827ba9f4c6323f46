"""The figure of a sweep with several sizes of a model: the metric against the number of parameters."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jaxmrl.reports.appearance import GRAY, MARKERS, axis_label, curve_label, literal
from jaxmrl.reports.plots import own_style
from jaxmrl.reports.ticks import few_ticks
from jaxmrl.runs.curves import MeasuredCurve, capacity_groups
from jaxmrl.text import exact

_LIGHTEST = 0.85
"""Where on the color map the largest fraction is: beyond it, yellow is hardly visible on white."""


@own_style()
def draw_capacity(curves: Sequence[MeasuredCurve], *, metric_label: str, unit: str, title: str) -> Figure:
    """Draw the metric against the model's number of parameters, a line for each fraction and kind of model.

    Args:
        curves: Learning curves of one sweep.
        metric_label: The name of the metric.
        unit: The unit of the metric; empty for none.
        title: The title of the figure.

    Returns:
        The figure. Colors are fractions, markers kinds of models, and bars one standard deviation over seeds.
    """
    groups = capacity_groups(curves)
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    fractions = sorted({point.fraction for group in groups for curve in group for point in curve.points})
    colors = matplotlib.colormaps["viridis"](np.linspace(0, _LIGHTEST, len(fractions)))
    for group, marker in zip(groups, _markers(len(groups)), strict=True):
        for fraction, color in zip(fractions, colors, strict=True):
            _draw_line(axes, group, fraction, marker=marker, color=color)
    axes.set_xscale("log")
    axes.set_xlabel("parameters")
    axes.set_ylabel(axis_label(curves, metric_label, unit))
    axes.set_title(literal(title), fontsize=10)
    few_ticks(axes.xaxis)
    few_ticks(axes.yaxis)
    axes.grid(True, alpha=0.25, linewidth=0.5)
    kinds = [curve_label(group[0], [other[0] for other in groups]) for group in groups] if len(groups) > 1 else []
    known = any(np.isfinite(point.sd) for group in groups for curve in group for point in curve.points)
    _legend(figure, kinds, [f"fraction {exact(fraction)}" for fraction in fractions], colors, known)
    return figure


def _markers(kinds: int) -> list[str]:
    return [MARKERS[k % len(MARKERS)] for k in range(kinds)]


def _draw_line(axes: Axes, group: list[MeasuredCurve], fraction: float, *, marker: str, color: np.ndarray) -> None:
    """Draw one kind of model at one fraction, with the standard deviation over seeds where it is known."""
    points = [(curve, point) for curve in group for point in curve.points if point.fraction == fraction]
    axes.errorbar(
        [curve.identity.params for curve, _ in points],
        [point.mean for _, point in points],
        yerr=np.nan_to_num([point.sd for _, point in points]),
        color=color,
        marker=marker,
        markersize=4,
        capsize=2,
        linewidth=1,
        elinewidth=0.8,
    )


def _legend(figure: Figure, kinds: list[str], fractions: list[str], colors: np.ndarray, known: bool) -> None:
    """Name markers and colors beside the axes, where they hide no point; known: whether bars are drawn."""
    keys = [
        Line2D([], [], color=GRAY, marker=marker, linestyle="none", markersize=4, label=literal(kind))
        for kind, marker in zip(kinds, _markers(len(kinds)), strict=True)
    ]
    keys += [Line2D([], [], color=color, label=name) for name, color in zip(fractions, colors, strict=True)]
    if known:
        keys.append(Line2D([], [], color=GRAY, marker="|", markersize=9, linestyle="none", label="± 1 SD over seeds"))
    figure.legend(handles=keys, loc="outside right upper", fontsize=8, frameon=False)
