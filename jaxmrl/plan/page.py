"""The page of a plan: the recommendation, a figure, the table, and how reliable each curve is."""

from jaxmrl.plan.curves import CurvePlan
from jaxmrl.plan.text import Wording, cells, heads
from jaxmrl.reports.blocks import Block, Section, inline_svg, sentence, table
from jaxmrl.reports.html import page_html
from jaxmrl.scaling.law_fit import LEVEL

_METHOD = (
    f"Chances come from the forecast of each curve, whose {LEVEL:.0%} interval includes the errors that laws make on "
    "real curves. Molecules are bought in batches until the target is reached. New molecules are assumed to be like "
    "the current ones, and the test set is assumed to stay the same."
)


def plan_html(
    best: CurvePlan, plans: list[CurvePlan], lead: list[str], others: list[str], assay: list[str], wording: Wording
) -> str:
    """Return the content of plan.html. Every string that comes from the data is escaped."""
    from jaxmrl.plan.figure import draw_plan, in_words  # here, because Matplotlib is slow to import

    figure = inline_svg(draw_plan(best, plans, wording))
    dotted = " The dotted line is the chance below which to stop." if best.purchase else ""
    caption = f"Against the number of molecules bought. The shaded area is the next batch.{dotted}"
    answer = [Block("lead", text=line) for line in lead]
    answer.append(Block("figure", svg=figure, alt=in_words(best, plans, wording), caption=caption))
    sections = [Section("Recommendation", answer)]
    numbers = tuple(range(1, len(heads(wording))))
    shown = [table("Plan of each curve", heads(wording), [cells(plan, wording) for plan in plans], numbers)]
    if others or assay:
        shown.append(Block("list", items=[*others, *assay]))
    sections.append(Section("Alternatives" if len(plans) > 1 or assay else "In numbers", shown))
    sections.append(
        Section("How far to trust this", [Block("list", items=_remarks(plans)), Block("text", text=_METHOD)])
    )
    return page_html(f"Plan for {wording.scale.metric}", wording.terms(), sections)


def _remarks(plans: list[CurvePlan]) -> list[str]:
    """Return the kind of each curve that has a plan, and the reasons to doubt its laws."""
    found = []
    for plan in plans:
        if plan.is_planned:
            begin = f"{plan.name}: " if plan.name else ""
            found += [sentence(f"{begin}{said}") for said in (plan.analysis.kind_text, *plan.analysis.flags)]
    return found
