"""The figure of a plan: the chance to reach the target, or the expected value, against the molecules bought."""

from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from jaxmrl.plan.curves import CurvePlan
from jaxmrl.plan.text import Wording, chance_text, more_text
from jaxmrl.reports.appearance import COLORS, GRAY, literal
from jaxmrl.reports.plots import own_style
from jaxmrl.reports.ticks import few_ticks
from jaxmrl.scaling.purchase import Purchase, chance_to_come
from jaxmrl.text import about

_SIZES = 200
_INCHES = (5.6, 3.9)


@own_style()
def draw_plan(best: CurvePlan, plans: list[CurvePlan], wording: Wording) -> Figure:
    """Draw each curve's chance to reach the target, or its expected value less the cost, against molecules bought.

    The plan that is recommended is a thick line, with its next batch shaded; a second axis has its cost.
    """
    figure = Figure(figsize=_INCHES, layout="constrained")
    axes = figure.add_subplot()
    others = [plan for plan in plans if plan.is_planned and plan is not best]
    for k, plan in enumerate([best, *others]):
        more, values = _line(plan, wording)
        width, color = 2.4 if plan is best else 1.2, COLORS[k % len(COLORS)]
        axes.plot(more, values, linewidth=width, color=color, label=literal(plan.name or wording.scale.metric))
    _mark_batch(axes, best)
    axes.set_xlim(left=0)
    axes.set_xlabel("molecules to buy")
    if best.purchase is not None:
        _finish_chances(axes, best.purchase, wording)
    else:
        axes.axhline(0, color=GRAY, linewidth=0.8)
        axes.set_ylabel("expected value less the cost")
        few_ticks(axes.yaxis)
    few_ticks(axes.xaxis)
    axes.grid(True, alpha=0.25, linewidth=0.5)
    if wording.is_priced:
        _cost_axis(axes, best)
    if others:
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(0, 0.93))
    return figure


def _line(plan: CurvePlan, wording: Wording) -> tuple[np.ndarray, np.ndarray]:
    """Return the molecules that are bought, and what is drawn over them."""
    if plan.worth is not None:
        return plan.worth.n - plan.present, plan.worth.net
    assert plan.purchase is not None
    assert wording.config.target is not None
    more = np.linspace(0, plan.purchase.limit - plan.present, _SIZES)
    return more, chance_to_come(plan.forecast, wording.config.target)(plan.present + more)


def _mark_batch(axes: Axes, best: CurvePlan) -> None:
    """Shade the next batch."""
    batch = (best.purchase or best.worth).batch  # type: ignore[union-attr]
    if batch:
        axes.axvspan(0, batch, color=COLORS[0], alpha=0.12, linewidth=0)
        axes.annotate(
            f"next batch: {about(batch)}",
            (batch, 0.98),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=8,
            color=GRAY,
            va="top",
        )


def _finish_chances(axes: Axes, bought: Purchase, wording: Wording) -> None:
    """Finish an axis of chances: percent, the threshold below which to stop, and the chance at the limit as title."""
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylabel(literal(f"chance to reach {wording.target}"))
    axes.axhline(wording.config.least_chance, color=GRAY, linewidth=0.8, linestyle=":")
    limit = bought.limit - bought.present
    axes.plot(limit, bought.chance, marker="o", markersize=6, color=COLORS[0], clip_on=False, zorder=3)
    cost = wording.cost(limit * bought.cost)
    axes.set_title(f"{chance_text(bought.chance)} chance with {more_text(limit)}{cost}", fontsize=10)


def _cost_axis(axes: Axes, best: CurvePlan) -> None:
    """Add an axis of costs above, by what a molecule of the recommended plan costs."""
    cost = (best.purchase or best.worth).cost  # type: ignore[union-attr]
    above = axes.secondary_xaxis("top", functions=(partial(np.multiply, cost), partial(np.multiply, 1 / cost)))
    above.set_xlabel("cost" + (f" with {literal(best.name)}" if best.name else ""))
    few_ticks(above.xaxis)


def in_words(best: CurvePlan, plans: list[CurvePlan], wording: Wording) -> str:
    """Return the figure in words, as its alternative text."""
    said = []
    for plan in plans:
        begin = f"{plan.name}: " if plan.name else ""
        if plan.purchase is not None:
            bought = plan.purchase
            more = more_text(bought.limit - bought.present)
            said.append(f"{begin}{chance_text(bought.chance)} chance of {wording.target} with {more}")
        elif plan.worth is not None:
            said.append(f"{begin}value less cost {about(plan.worth.gain)} with {about(plan.worth.best)} molecules")
    return "; ".join(said)
