"""The figure of a comparison of runs."""

import numpy as np
from matplotlib.figure import Figure

from jaxmrl.compare.runs import Run
from jaxmrl.reports.appearance import COLORS, MARKERS, axis_label, literal
from jaxmrl.reports.plots import own_style
from jaxmrl.reports.ticks import few_ticks


@own_style()
def draw_runs(runs: list[Run]) -> Figure:
    """Draw the mean of each curve with its standard deviation over seeds; curves of one run have one color."""
    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.add_subplot()
    curves = [curve for run in runs for curve in run.curves]
    for k, run in enumerate(runs):
        for j, (curve, label) in enumerate(zip(run.curves, run.labels, strict=True)):
            n, mean, sd = np.array([(point.n_train, point.mean, point.sd) for point in curve.points]).T
            axes.errorbar(
                *(n, mean, np.nan_to_num(sd)),
                color=COLORS[k % len(COLORS)],
                marker=MARKERS[j % len(MARKERS)],
                linewidth=1.2,
                markersize=4,
                capsize=2,
                label=literal(label),
            )
    axes.set_xscale("log")
    axes.set_xlabel("training molecules")
    axes.set_ylabel(literal(axis_label(curves, curves[0].metric)))
    few_ticks(axes.xaxis)
    few_ticks(axes.yaxis)
    axes.grid(True, alpha=0.25, linewidth=0.5)
    axes.legend(fontsize=7, frameon=False)
    return figure
