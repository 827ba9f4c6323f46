"""The figures: a sweep's curves, the check of its forecasts, and a pre-training."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from jaxmrl.reports.appearance import COLORS, GRAY, MARKERS, axis_label, curve_label, literal
from jaxmrl.reports.ticks import few_ticks
from jaxmrl.runs.curves import MeasuredCurve
from jaxmrl.scaling.analysis import Analysis
from jaxmrl.scaling.kinds import Kind
from jaxmrl.scaling.law_fit import LEVEL
from jaxmrl.scaling.target import FAR
from jaxmrl.training.pretraining import Epoch

_LONGEST_LABEL, _LEAST_GAP = 24, 0.06
"""Letters of a label beside a curve; share of the axis between two of them."""

_STYLE = {"svg.hashsalt": "jaxmrl", "savefig.dpi": 150}


@contextmanager
def own_style() -> Iterator[None]:
    """Give figures the same look for everyone within this context, whatever a matplotlibrc or a notebook has set."""
    defaults: dict[Any, Any] = {name: value for name, value in matplotlib.rcParamsDefault.items() if name != "backend"}
    with matplotlib.rc_context(defaults | _STYLE):
        yield


@own_style()
def draw_curves(
    curves: list[MeasuredCurve], analyses: list[Analysis], *, metric_label: str, unit: str, title: str
) -> Figure:
    """Draw every run as a faint dot, the means, and each curve's law with its interval, on logarithmic axes.

    The law is solid among the measured sizes and dashed beyond them, up to four times the largest. Points of pruned
    curves, which have no law, are joined by dotted straight lines. The vertical axis is linear where a run is not above
    0, as R^2 may be.
    """
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    plot_curves(figure.add_subplot(), curves, analyses, metric_label=metric_label, unit=unit, title=title)
    return figure


def plot_curves(
    axes: Axes,
    curves: Sequence[MeasuredCurve],
    analyses: Sequence[Analysis],
    *,
    metric_label: str,
    unit: str = "",
    title: str = "",
) -> None:
    """Draw what `draw_curves` does on these axes, in the style that is set."""
    labels = [curve_label(curve, curves) for curve in curves]
    seen: list[float] = []
    tails = []
    for k, (curve, analysis) in enumerate(zip(curves, analyses, strict=True)):
        again, color = divmod(k, len(COLORS))
        style = {"color": COLORS[color], "marker": MARKERS[again % len(MARKERS)]}
        drawn = _draw_curve(axes, curve, analysis, style)
        seen += drawn
        tails.append(drawn[-1] if drawn else None)
    axes.set_xscale("log")
    axes.set_yscale("linear" if not seen or min(seen) <= 0 else "log")
    _limit(axes, seen)
    axes.set_xlabel("training molecules")
    axes.set_ylabel(axis_label(curves, metric_label, unit))
    axes.set_title(literal(title), fontsize=10)
    few_ticks(axes.xaxis)
    few_ticks(axes.yaxis)
    axes.grid(True, alpha=0.25, linewidth=0.5)
    _name_curves(axes, labels, tails)


@own_style()
def draw_check(curves: Sequence[MeasuredCurve], analyses: Sequence[Analysis], *, metric_label: str) -> Figure | None:
    """Draw what the smaller sizes alone forecast for the largest, with intervals, beside the measured means.

    None where no curve has held-out sizes with known intervals.
    """
    lines = [
        (f"{curve_label(curve, curves)}, " * (len(curves) > 1) + f"{one['n']:,.0f} molecules", k, one)
        for k, (curve, analysis) in enumerate(zip(curves, analyses, strict=True))
        for one in analysis.check()
        if one["low"] is not None and one["high"] is not None
    ]
    if not lines:
        return None
    figure = Figure(figsize=(5.2, 1.1 + 0.4 * len(lines)), layout="constrained")
    axes = figure.add_subplot()
    for place, (_, k, one) in enumerate(lines):
        color = COLORS[k % len(COLORS)]
        axes.plot(
            [one["low"], one["high"]], [place, place], color=color, alpha=0.35, linewidth=7, solid_capstyle="butt"
        )
        axes.plot(one["value"], place, color=color, marker="|", markersize=11, markeredgewidth=2)
        axes.plot(one["observed"], place, color=COLORS[-1], marker="o", markersize=5)
    axes.set_yticks(range(len(lines)), [literal(label) for label, _, _ in lines], fontsize=8 if len(curves) > 1 else 10)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.set_xlabel(axis_label(curves, metric_label))
    few_ticks(axes.xaxis)
    axes.grid(True, axis="x", alpha=0.25, linewidth=0.5)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure


@own_style()
def draw_pretraining(history: list[Epoch], *, title: str) -> Figure:
    """Draw the share of masked atoms predicted correctly by epoch, beside the share of the most common element."""
    from rdkit.Chem import GetPeriodicTable

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    epochs = [epoch.epoch for epoch in history]
    axes.plot(epochs, [epoch.accuracy for epoch in history], color=COLORS[0], marker=".", label="predicted correctly")
    common = f"always guessing {GetPeriodicTable().GetElementName(history[-1].common).lower()}, the most common element"
    axes.plot(epochs, [epoch.majority for epoch in history], color=COLORS[1], linestyle="--", label=common)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True, min_n_ticks=1))
    axes.set_ylabel("share of masked atoms, held-out molecules")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_title(literal(title), fontsize=10)
    axes.grid(True, alpha=0.25, linewidth=0.5)
    axes.legend(fontsize=8, frameon=False)
    return figure


@own_style()
def render(figure: Figure, kind: str) -> bytes:
    """Return the figure as 'png' or 'svg' bytes, the same each time."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()


def _draw_curve(axes: Axes, curve: MeasuredCurve, analysis: Analysis, style: dict[str, Any]) -> list[float]:
    """Draw one curve; return the metrics that must be visible, that at its right end last."""
    n = np.array([point.n_train for point in curve.points])
    mean = np.array([point.mean for point in curve.points])
    runs = [(point.n_train, test) for point in curve.points for test in point.tests]
    if not runs:
        return []
    color = style["color"]
    axes.plot(*zip(*runs, strict=True), **style, linestyle="none", markersize=3, alpha=0.35, markeredgewidth=0)
    axes.plot(n, mean, **style, linestyle="none", markersize=5)
    seen = [test for _, test in runs]
    if not analysis.random_samples or analysis.kind == Kind.REFERENCE:
        axes.plot(n, mean, color=color, linewidth=0.8, linestyle=":")  # no law: the eye's guide
    if analysis.forecast is None:
        return [*seen, float(mean[-1])]
    begin = max(n.min(), analysis.forecast.points.n[0])  # of a curve with a peak or a plateau, laws begin later
    for first, last, line, alpha in ((begin, n.max(), "-", 0.18), (n.max(), FAR * n.max(), "--", 0.1)):
        grid = np.geomspace(first, last, 100)
        values = analysis.forecast(grid)
        axes.plot(grid, values, color=color, linewidth=1.3, linestyle=line)
        axes.fill_between(grid, *analysis.forecast.interval(grid), color=color, alpha=alpha, linewidth=0)
        seen += values[np.isfinite(values)].tolist()
    return seen


def _limit(axes: Axes, seen: list[float]) -> None:
    """Limit the vertical axis: all runs and laws are visible, and of a wide interval as much again at most."""
    if not seen:
        return
    scale = axes.yaxis.get_transform()
    low, high = axes.get_ylim()
    ends = scale.transform([min(seen), max(seen)])
    room = 0.3 * (ends[1] - ends[0]) or 0.1
    bottom, top = scale.inverted().transform([ends[0] - room, ends[1] + room])
    axes.set_ylim(max(low, bottom), min(high, top))


def _name_curves(axes: Axes, labels: list[str], tails: list[float | None]) -> None:
    """Say what dots and lines are; name several curves at their right ends, or in a legend where labels collide."""
    key = [
        Line2D([], [], color=GRAY, marker="o", linestyle="none", markersize=3, alpha=0.5, label="one run"),
        Line2D([], [], color=GRAY, marker="o", linestyle="none", markersize=5, label="mean"),
    ]
    styles = {line.get_linestyle() for line in axes.lines}
    if "--" in styles:
        key.append(Line2D([], [], color=GRAY, linewidth=1.3, label=f"fitted law, {LEVEL:.0%} interval"))
        key.append(Line2D([], [], color=GRAY, linewidth=1.3, linestyle="--", label="extrapolation"))
    if len(labels) > 1 and not _direct_labels(axes, labels, tails):
        means = [line for line in axes.lines if line.get_linestyle() == "None" and line.get_markersize() == 5]
        named = [label for label, tail in zip(labels, tails, strict=True) if tail is not None]
        for line, label in zip(means, named, strict=True):
            marker: dict[str, Any] = {
                "color": line.get_color(),
                "marker": line.get_marker(),
                "linestyle": "none",
                "markersize": 5,
            }
            key.append(Line2D([], [], **marker, label=literal(label)))
    axes.legend(handles=key, fontsize=8, frameon=False)


def _direct_labels(axes: Axes, labels: list[str], tails: list[float | None]) -> bool:
    """Write each curve's label at its right end, where all fit; return whether they do."""
    known = [(tail, label) for tail, label in zip(tails, labels, strict=True) if tail is not None]
    if axes.figure.get_layout_engine() is None or max(len(label) for label in labels) > _LONGEST_LABEL:
        return False  # nothing makes room for them
    places = axes.yaxis.get_transform().transform(np.array([tail for tail, _ in known]))
    low, high = axes.yaxis.get_transform().transform(axes.get_ylim())
    if len(known) > 1 and np.diff(np.sort(places)).min() < _LEAST_GAP * (high - low):
        return False
    for k, (label, tail) in enumerate(zip(labels, tails, strict=True)):
        if tail is not None:
            at: dict[str, Any] = {
                "xycoords": ("axes fraction", "data"),
                "textcoords": "offset points",
                "xytext": (4, 0),
            }
            axes.annotate(literal(label), (1, tail), **at, va="center", fontsize=8, color=COLORS[k % len(COLORS)])
    return True
