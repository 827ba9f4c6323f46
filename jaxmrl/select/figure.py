"""The figure of a simulation: hits found and the error of the model, against the number of labels."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from jaxmrl.acquisition.comparison import RANDOM
from jaxmrl.acquisition.simulation import Campaign, Trace
from jaxmrl.reports.appearance import COLORS, GRAY, MARKERS, literal
from jaxmrl.reports.plots import own_style


@own_style()
def draw_simulation(traces: Sequence[Trace], campaign: Campaign, error: str, title: str) -> Figure:
    """Draw each method's mean over seeds, and the standard error of the mean as a band; random selection is gray.

    Args:
        traces: What each campaign found.
        campaign: The settings.
        error: The name of the error.
        title: The name of the table.
    """
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    figure.suptitle(literal(title), fontsize=10)
    panels = figure.subplots(1, 2)
    labels = campaign.labels()
    methods = list(dict.fromkeys(trace.method for trace in traces if trace.method != RANDOM))
    for axes, name, what in zip(panels, ("hits", "error"), ("hits found", f"test {error.upper()}"), strict=True):
        for k, method in enumerate((*methods, RANDOM)):
            values = np.array([getattr(trace, name) for trace in traces if trace.method == method], float)
            mean = values.mean(axis=0)
            color = GRAY if method == RANDOM else COLORS[k % len(COLORS)]
            marker = MARKERS[k // len(COLORS) % len(MARKERS)]
            axes.plot(labels, mean, color=color, marker=marker, markersize=4, linewidth=1.5, label=method)
            if len(values) > 1:
                reach = values.std(axis=0, ddof=1) / np.sqrt(len(values))
                axes.fill_between(labels, mean - reach, mean + reach, color=color, alpha=0.15, linewidth=0)
        axes.set_xlabel("labels")
        axes.set_ylabel(what)
        axes.grid(True, alpha=0.25, linewidth=0.5)
    panels[1].legend(fontsize=8, frameon=False)
    return figure
