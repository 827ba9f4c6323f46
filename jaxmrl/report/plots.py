"""The figure of a sweep."""

import io

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from jaxmrl.report.files import CURVE_COLUMNS, Curve
from jaxmrl.scaling.fit import Fit

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito's colours, told apart by colour-blind readers too."""

_MARKERS = ("o", "s", "^", "D", "v")


def draw_curves(curves: list[Curve], fits: list[list[Fit]], *, metric_label: str, unit: str, title: str) -> Figure:
    """Points with their standard deviation over seeds, and the first fit of each curve, on logarithmic axes.

    The vertical one is linear where a point is not above 0, as R^2 may be.
    """
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    for k, (curve, laws) in enumerate(zip(curves, fits, strict=True)):
        again, colour = divmod(k, len(_COLOURS))
        style = {"color": _COLOURS[colour], "marker": _MARKERS[again % len(_MARKERS)]}
        _draw_curve(axes, curve, laws, style, curve_label(curve, curves))
    axes.set_xscale("log")
    positive = all(point.mean > 0 for curve in curves for point in curve.points)
    axes.set_yscale("log" if positive else "linear")
    axes.set_xlabel("training molecules")
    axes.set_ylabel(f"test {metric_label}" + (f" ({unit})" if unit else ""))
    axes.set_title(title, fontsize=10)
    _plain_ticks(axes)
    axes.grid(True, which="both", alpha=0.25, linewidth=0.5)
    axes.legend(fontsize=8, frameon=False)
    return figure


def render(figure: Figure, kind: str) -> bytes:
    """The figure as 'png' or 'svg' bytes, the same each time."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with matplotlib.rc_context({"svg.hashsalt": "jaxmrl", "savefig.dpi": 150}):
        figure.savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()


def curve_label(curve: Curve, curves: list[Curve]) -> str:
    """As much as tells the curve apart from the others, or the model where it is alone."""
    told: list[str] = []
    for column in CURVE_COLUMNS:
        apart = len({tuple(other.identity[c] for c in told) for other in curves})
        if len({tuple(other.identity[c] for c in (*told, column)) for other in curves}) > apart:
            told.append(column)
    identity = curve.identity
    named = [f"{column} {identity[column]}" for column in told]
    return ", ".join(named) or f"{identity['model'].upper()} {identity['width']}x{identity['depth']}"


def law_text(fit: Fit) -> str:
    """The fitted law as one formula with the standard error of its exponent."""
    value = {name: "0" if abs(number) < 1e-9 else f"{number:.3g}" for name, number in fit.values.items()}
    formula = fit.law.text.format(**value)
    error = fit.errors[fit.law.exponent]
    return f"{formula} ({fit.law.exponent} ± {error:.2g})" if np.isfinite(error) else formula


def _draw_curve(axes, curve: Curve, fits: list[Fit], style: dict[str, str], label: str) -> None:
    n = np.array([point.n_train for point in curve.points])
    mean = np.array([point.mean for point in curve.points])
    sd = np.nan_to_num([point.sd for point in curve.points])
    law = f": {law_text(fits[0])}" if fits else ""
    bars = {"linestyle": "none", "markersize": 4, "capsize": 2, "elinewidth": 1}
    axes.errorbar(n, mean, yerr=sd, label=label + law, **style, **bars)
    for fit in fits[:1]:
        grid = np.geomspace(n.min(), n.max(), 100)
        axes.plot(grid, fit(grid), color=style["color"], linewidth=1)


def _plain_ticks(axes) -> None:
    """Numbers in full; on a short axis also between the powers of ten."""
    low, high = axes.get_ylim()
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    left, right = axes.get_xlim()
    if right / left < 30:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    if axes.get_yscale() == "log" and high / low < 10:
        axes.yaxis.set_major_locator(LogLocator(subs=np.arange(1, 10, 0.5 if high / low < 3 else 1)))
        axes.yaxis.set_minor_formatter(NullFormatter())
