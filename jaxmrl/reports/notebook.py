"""The HTML that a notebook shows for a result that is the last value of a cell."""

import base64
from collections.abc import Sequence
from html import escape

from jaxmrl.io.files import number
from jaxmrl.reports.appearance import curve_label
from jaxmrl.runs.curves import MeasuredCurve
from jaxmrl.scaling.analysis import Analysis
from jaxmrl.text import exact
from jaxmrl.training.metrics import mean_label_of


def curves_html(heading: str, curves: Sequence[MeasuredCurve], analyses: Sequence[Analysis]) -> str:
    """Return curves as HTML: a heading, the figure, and a table of the points.

    The figure is an image in the text, so that a saved notebook has it, too.

    Args:
        heading: What this is, as plain text.
        curves: The curves.
        analyses: The analysis of each.
    """
    said = f"<p><b>{escape(heading)}</b></p>"
    if not any(curve.points for curve in curves):
        return said
    from jaxmrl.reports.plots import draw_curves, render  # here, because Matplotlib is slow to import

    label = mean_label_of(curves[0].metric)
    image = base64.b64encode(render(draw_curves([*curves], [*analyses], metric_label=label, unit="", title=""), "png"))
    words = escape(f"Test {label} against the number of training molecules", quote=True)
    figure = f'<img alt="{words}" style="max-width: 40em" src="data:image/png;base64,{image.decode()}">'
    return said + figure + _table(curves, label)


def _table(curves: Sequence[MeasuredCurve], label: str) -> str:
    heads = ("curve", "fraction", "molecules", f"test {label}", "sd", "seeds")
    rows = [
        (
            *(curve_label(curve, curves), exact(point.fraction), f"{point.n_train:,}"),
            *(number(point.mean, 4), number(point.sd, 3), str(point.n_seeds)),
        )
        for curve in curves
        for point in curve.points
    ]
    lines = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody><tr>{'</tr><tr>'.join(lines)}</tr></tbody></table>"
