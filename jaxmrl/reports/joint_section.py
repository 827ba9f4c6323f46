"""The section of report.html on joint laws of data and model size."""

from jaxmrl.reports.blocks import Block, Section, inline_svg, sentence, table
from jaxmrl.reports.findings import Findings
from jaxmrl.reports.joint import (
    OPTIMUM_HEADS,
    Joint,
    exponent_text,
    formula,
    grid_text,
    iso_rows,
    optimum_cells,
)
from jaxmrl.reports.joint_figure import draw_joint
from jaxmrl.scaling.joint import VARIABLES, JointForecast
from jaxmrl.scaling.joint_content import COMPUTE_UNIT, budgets_of, metrics_of
from jaxmrl.scaling.law_fit import LEVEL

FIGURE_INCHES = (5.2, 4.2)

_EXPLAINED = (
    "n is the number of training molecules and p the number of parameters of the model. The intervals come from the "
    "noise between runs and cover every joint law that this noise does not reject. Beyond the measured sizes, they "
    "assume that one of these laws continues."
)


def joint_section(found: Findings) -> Section | None:
    """Return the joint laws with figures and tables; None without several sizes of a model."""
    blocks = [block for joint in found.joints for block in _blocks(found, joint)]
    return Section("Data and model size", [*blocks, Block("text", text=_EXPLAINED)]) if blocks else None


def _blocks(found: Findings, joint: Joint) -> list[Block]:
    begin = f"{joint.label}: " if joint.label else ""
    forecast = joint.analysis.forecast
    if forecast is None:
        return [Block("text", text=f"{begin}{sentence('; '.join(joint.analysis.notes))}")]
    exponents = " and ".join(exponent_text(forecast, name) for name in VARIABLES)
    said = (
        f"{begin}{formula(forecast, found.metric_label)} describes {grid_text(forecast)}. Exponents ({LEVEL:.0%} "
        f"intervals): {exponents}. {sentence(forecast.choice.reason)}"
    )
    remarks = [sentence(one) for one in (*forecast.flags, *joint.analysis.notes)]
    return [
        Block("text", text=said),
        *([Block("list", items=remarks)] if remarks else []),
        _figure(found, forecast),
        _optima(found, forecast, begin),
        _iso(found, forecast, begin),
    ]


def _figure(found: Findings, forecast: JointForecast) -> Block:
    unit = found.problems[0].mean_unit
    figure = draw_joint([("", forecast)], metric_label=found.metric_label, unit=unit, title="")
    figure.set_size_inches(FIGURE_INCHES)
    caption = (
        f"Dots: measured {found.metric_label}. Gray lines: equal {found.metric_label} by the law. Orange: the "
        "molecules and parameters with the best metric for each compute budget, the product of both. Dotted frame: the "
        "measured sizes; dashed lines extrapolate."
    )
    alt = f"{formula(forecast, found.metric_label)} over {grid_text(forecast)}"
    return Block("figure", svg=inline_svg(figure), alt=alt, caption=caption)


def _optima(found: Findings, forecast: JointForecast, begin: str) -> Block:
    caption = (
        f"{begin}the numbers of molecules and parameters with the best metric for a compute budget ({COMPUTE_UNIT}), "
        f"with {LEVEL:.0%} intervals"
    )
    head = tuple(found.metric_label if one == "metric" else one for one in OPTIMUM_HEADS)
    rows = [optimum_cells(one) for one in forecast.best_split(budgets_of(forecast.cells))]
    return table(sentence(caption)[:-1], head, rows, (0, 1, 2, 3))


def _iso(found: Findings, forecast: JointForecast, begin: str) -> Block:
    metrics = metrics_of(forecast.cells)
    caption = (
        f"{begin}how many molecules each model size needs to reach a metric, with {LEVEL:.0%} intervals; * "
        "outside the measured sizes"
    )
    head = ("parameters", *(f"{found.metric_label} {metric:g}" for metric in metrics))
    return table(sentence(caption)[:-1], head, iso_rows(forecast, metrics), tuple(range(len(head))))
