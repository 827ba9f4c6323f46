"""The figure of joint laws: lines of equal metric over molecules and parameters, and the best use of compute."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from jaxmrl.reports.appearance import GRAY, literal
from jaxmrl.reports.plots import own_style
from jaxmrl.reports.ticks import few_ticks
from jaxmrl.scaling.joint import JointForecast

_MARGIN = 4.0
"""How far beyond the measured sizes the figure reaches, as a multiple."""

_GRID, _LINES = 60, 7
_PATH = "#D55E00"


@own_style()
def draw_joint(forecasts: Sequence[tuple[str, JointForecast]], *, metric_label: str, unit: str, title: str) -> Figure:
    """Draw joint laws side by side: measured cells, lines of equal metric, and the path of compute-optimal sizes.

    Args:
        forecasts: The laws, each with a name, which is the title of its axes where there are several.
        metric_label: The name of the metric.
        unit: The unit of the metric; empty for none.
        title: The title of the figure; empty for none.

    Returns:
        The figure. A frame shows the measured sizes: beyond it, the law is extrapolated, and lines are dashed.
    """
    figure = Figure(figsize=(6.4 * len(forecasts), 4.6), layout="constrained")
    all_axes = figure.subplots(1, len(forecasts), squeeze=False)[0]
    label = f"{metric_label} ({unit})" if unit else metric_label
    for axes, (name, forecast) in zip(all_axes, forecasts, strict=True):
        _draw(figure, axes, forecast, label)
        if name:
            axes.set_title(literal(name), fontsize=9)
    figure.legend(handles=_key(), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    if title:
        figure.suptitle(literal(title), fontsize=10)
    return figure


def _key() -> list[Line2D]:
    """Return the entries of the legend."""
    return [
        Line2D([], [], color=GRAY, marker="o", linestyle="none", markersize=5, label="measured"),
        Line2D([], [], color=GRAY, linewidth=1.0, label="equal metric"),
        Line2D([], [], color=_PATH, linewidth=1.8, label="compute-optimal"),
    ]


def _draw(figure: Figure, axes: Axes, forecast: JointForecast, label: str) -> None:
    cells = forecast.cells
    axes.set_xscale("log")
    axes.set_yscale("log")
    _draw_lines(axes, forecast)
    metric = cells.metric_of(cells.error)
    shown = axes.scatter(cells.n, cells.p, c=metric, cmap="viridis", s=28, zorder=3, edgecolors="white", linewidths=0.5)
    _draw_path(axes, forecast)
    axes.set_xlim(cells.n.min() / _MARGIN, cells.n.max() * _MARGIN)
    axes.set_ylim(cells.p.min() / _MARGIN, cells.p.max() * _MARGIN)
    axes.set_xlabel("training molecules")
    axes.set_ylabel("parameters")
    few_ticks(axes.xaxis)
    few_ticks(axes.yaxis)
    bar = figure.colorbar(shown, ax=axes, label=f"measured {literal(label)}")
    bar.outline.set_visible(False)


def _draw_lines(axes: Axes, forecast: JointForecast) -> None:
    """Draw the lines of equal metric, solid within the measured sizes and dashed beyond, and the frame of these."""
    cells = forecast.cells
    (left, right), (bottom, top) = ((one.min(), one.max()) for one in (cells.n, cells.p))
    levels = np.sort(_levels(forecast))
    for margin, style in ((_MARGIN, "--"), (1.0, "-")):
        n, p = (_places(*ends, margin) for ends in ((left, right), (bottom, top)))
        x, y = np.meshgrid(n, p)
        values = cells.metric_of(forecast.fit.error(x.ravel(), y.ravel())).reshape(x.shape)
        if margin > 1:
            values[(x > left) & (x < right) & (y > bottom) & (y < top)] = np.nan
        drawn = axes.contour(x, y, values, levels=levels, colors=GRAY, linewidths=1.0, linestyles=style)
        axes.clabel(drawn, fontsize=7, fmt="%.3g")
    size = right - left, top - bottom
    axes.add_patch(Rectangle((left, bottom), *size, fill=False, edgecolor=GRAY, linewidth=0.8, linestyle=":"))


def _places(low: float, high: float, margin: float) -> np.ndarray:
    """Return places from low / margin to high * margin, low and high among them."""
    inside = np.geomspace(low, high, _GRID)
    if margin == 1:
        return inside
    return np.concatenate(
        [np.geomspace(low / margin, low, _GRID)[:-1], inside, np.geomspace(high, high * margin, _GRID)[1:]]
    )


def _levels(forecast: JointForecast) -> np.ndarray:
    """Return the metrics of the lines: even steps of log error from the best to the worst cell."""
    cells = forecast.cells
    return cells.metric_of(np.geomspace(cells.error.min(), cells.error.max(), _LINES))


def _draw_path(axes: Axes, forecast: JointForecast) -> None:
    """Draw the compute-optimal molecules and parameters over budgets, solid within the measured sizes."""
    cells = forecast.cells
    compute = cells.n * cells.p
    budgets = np.geomspace(compute.min() / _MARGIN**2, compute.max() * _MARGIN**2, _GRID)
    n, p = (one[0] for one in forecast.fit.law.best_split(forecast.fit.law.natural(forecast.fit.u[None, :]), budgets))
    inside = (n >= cells.n.min()) & (n <= cells.n.max()) & (p >= cells.p.min()) & (p <= cells.p.max())
    axes.plot(n, p, color=_PATH, linewidth=1.2, linestyle="--")
    axes.plot(np.where(inside, n, np.nan), p, color=_PATH, linewidth=1.8)
