"""How curves are named and colored in figures, tables and messages. Nothing here needs Matplotlib."""

from collections.abc import Sequence

from jaxmrl.config.names import PER_SD
from jaxmrl.modalities.registry import models
from jaxmrl.runs.curves import MeasuredCurve, distinguishing
from jaxmrl.training.metrics import METRICS

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito's colors, which color-blind readers can distinguish, too."""

GRAY = "#707070"
"""The gray of what explains the figure: the legend of dots and lines."""

MARKERS = ("o", "s", "^", "D", "v")


def curve_label(curve: MeasuredCurve, curves: Sequence[MeasuredCurve]) -> str:
    """Return what distinguishes the curve from the others, or its model where it is alone."""
    cells, columns = curve.identity.cells(), distinguishing([other.identity for other in curves])
    model = models().get(curve.identity.model)  # a run of another version may have others
    title = (model and model.title) or curve.identity.model
    named = [title if column == "model" else f"{column} {cells[column]}" for column in columns if column != "extra"]
    label = ", ".join(named) or (
        title if curve.is_classical else f"{title} {curve.identity.width}x{curve.identity.depth}"
    )
    return f"{label} with {curve.identity.extra}" if curve.has_extra and "extra" in columns else label


def axis_label(curves: Sequence[MeasuredCurve], metric_label: str, unit: str = "") -> str:
    """Return the label of an axis of test metrics: the metric, its unit, and which way is better."""
    metric = curves[0].metric.removesuffix(PER_SD) if curves else None
    better = "higher" if metric and METRICS[metric].higher_is_better else "lower"
    return f"test {metric_label} ({f'{unit}, ' if unit else ''}{better} is better)"


def literal(text: str) -> str:
    """Return a text that names files, with dollars escaped: they are not a formula."""
    return text.replace("$", r"\$")
