"""A plan in words and in one table."""

import numpy as np
from rich.markup import escape
from rich.table import Table

from jaxmrl.config import PlanConfig
from jaxmrl.plan.assay import CleanerAssay, noise_share
from jaxmrl.plan.curves import CurvePlan
from jaxmrl.reports.curve_comparison import molecules_text
from jaxmrl.reports.law_tables import interval_text, short
from jaxmrl.scaling.data_equivalence import data_equivalence
from jaxmrl.scaling.kinds import Kind
from jaxmrl.scaling.law_fit import LEVEL
from jaxmrl.scaling.purchase import SHARES, Purchase, Worth
from jaxmrl.scaling.scale import Scale
from jaxmrl.scaling.target import FAR
from jaxmrl.text import about, count, size_text

_LEAST_SHOWN = 0.01


def chance_text(chance: float) -> str:
    """Return a probability in percent; forecasts do not distinguish chances below 1% or above 99%."""
    if chance < _LEAST_SHOWN:
        return "below 1%"
    return f"{chance:.0%}" if chance <= 1 - _LEAST_SHOWN else "above 99%"


def more_text(molecules: float) -> str:
    """Return a number of molecules, as "1 more molecule"."""
    return "1 more molecule" if molecules == 1 else f"{about(molecules)} more molecules"


class Wording:
    """The wording of one plan: the metric, the target, and whether costs are more than numbers of molecules."""

    def __init__(self, config: PlanConfig, scale: Scale):
        self.config, self.scale = config, scale
        self.is_priced = config.cost != ("1",)

    @property
    def target(self) -> str:
        """The target in words, such as "rmse 0.65"."""
        return f"{self.scale.metric} {self.config.target:g}"

    def cost(self, cost: float) -> str:
        """Return a cost in brackets, with a space in front; empty where costs are numbers of molecules."""
        return f" (cost {about(cost)})" if self.is_priced else ""

    def terms(self) -> str:
        """Return the question: the target or the value, and the terms."""
        config = self.config
        better = "higher" if self.scale.higher else "lower"
        if config.target is not None:
            question = f"target: {self.target} or {better}"
        else:
            question = f"value of an improvement of {self.scale.metric} by 1: {about(config.value or 0)}"
        prices = [f"{about(cost)}{f' for {name}' if name else ''}" for name, cost in config.costs.items()]
        parts = [question, *([f"cost of a molecule: {', '.join(prices)}"] if self.is_priced else [])]
        if config.budget is not None:
            parts.append(f"budget: {about(config.budget)}")
        if config.batch is not None:
            parts.append(f"batches of {count(round(config.batch), 'molecule')}")
        if config.deadline is not None:
            parts.append("at most 1 batch" if config.deadline == 1 else f"at most {config.deadline:,} batches")
        return "; ".join(parts)


def lead_lines(best: CurvePlan, wording: Wording) -> list[str]:
    """Return the recommendation in sentences."""
    name = f"With {best.name}, " if best.name else ""
    now = f"{size_text(best.present)} molecules give {wording.scale.metric} {short(best.metric)}."
    now = f"{name}{now}" if name else now
    if best.purchase is not None:
        return [now, *_target_lines(best, best.purchase, wording)]
    assert best.worth is not None
    return [now, *_worth_lines(best, best.worth, wording)]


def _target_lines(best: CurvePlan, bought: Purchase, wording: Wording) -> list[str]:
    limit, target, config = bought.limit - bought.present, wording.target, wording.config
    chance = f"With {more_text(limit)}{wording.cost(limit * bought.cost)}, the chance to reach {target} is "
    far = "; this extrapolates more than 4x beyond the data" if bought.limit > FAR * best.present else ""
    lines = [f"{chance}{chance_text(bought.chance)}{far}."]
    if not bought.batch:
        return [*lines, f"Recommendation: do not buy molecules for this target. {_why_stop(best, config)}"]
    following = wording.cost(bought.batch * bought.cost)
    lines.append(
        f"Recommendation: buy {more_text(bought.batch)}{following}, {_and_then(config)}. "
        f"{_expected_metric(best, bought.next, wording)}"
    )
    if config.deadline != 1:
        lines.append(
            f"Stop when {target} is reached, or when the chance falls below {config.least_chance:.0%}. If buying goes "
            f"on until the target or the limit, it takes {more_text(bought.expected)}"
            f"{wording.cost(bought.expected_cost)} on average."
        )
    return lines


def _why_stop(best: CurvePlan, config: PlanConfig) -> str:
    why = f"The chance is below {config.least_chance:.0%}"
    if best.analysis.kind == Kind.FALLING:
        return f"{why} with as many molecules as can be bought."
    return f"{why}, and the curve is classified as {best.analysis.kind}: {best.analysis.claim}."


def _worth_lines(best: CurvePlan, worth: Worth, wording: Wording) -> list[str]:
    if not worth.batch or worth.chance is None:
        return ["Recommendation: do not buy molecules. No number of molecules within the limit is worth its cost."]
    more = worth.best - worth.present
    lines = [
        f"The expected value less the cost is highest with {more_text(more)}{wording.cost(more * worth.cost)}: "
        f"{about(worth.gain)}. The chance that the improvement is worth the cost is {chance_text(worth.chance)}."
    ]
    next_size = worth.present + worth.batch
    stop = "" if wording.config.deadline == 1 else " Stop when the plan recommends no more."
    lines.append(
        f"Recommendation: buy {more_text(worth.batch)}{wording.cost(worth.batch * worth.cost)}, "
        f"{_and_then(wording.config)}. {_expected_metric(best, next_size, wording)}{stop}"
    )
    return lines


def _and_then(config: PlanConfig) -> str:
    """Return what to do after the next batch."""
    return "and train again" if config.deadline == 1 else "train again, and plan again"


def _expected_metric(best: CurvePlan, n: float, wording: Wording) -> str:
    """Return what the metric is expected to be after the next batch."""
    (one,) = best.analysis.predict(np.array([n]))
    interval = interval_text(one["low"], one["high"])
    return f"{wording.scale.metric} is then expected to be {short(one['value'])} {interval} ({LEVEL:.0%} interval)."


def other_lines(best: CurvePlan, plans: list[CurvePlan], wording: Wording) -> list[str]:
    """Return what each other curve (another model, pre-training or source) would change, and which have no plan."""
    lines = []
    for plan in plans:
        if plan.refusal:
            lines.append(f"{plan.name or 'The curve'}: no plan, because {plan.refusal}.")
        elif plan is not best:
            lines.append(f"{plan.name} instead: {_change(plan, wording)} {_equivalent(best, plan)}")
    return lines


def _change(plan: CurvePlan, wording: Wording) -> str:
    if plan.purchase is not None:
        bought = plan.purchase
        cost = wording.cost(bought.expected_cost)
        return f"the chance is {chance_text(bought.chance)}, with {more_text(bought.expected)}{cost} on average."
    assert plan.worth is not None
    gain = f"value less cost {about(plan.worth.gain)}"
    return (
        f"{gain} with {more_text(plan.worth.best - plan.present)}." if plan.worth.batch else "no molecule is worth it."
    )


def _equivalent(best: CurvePlan, other: CurvePlan) -> str:
    """Return the data equivalence of the two curves at the current number of molecules."""
    (worth,) = data_equivalence(best.forecast, other.forecast, np.array([best.present]))
    if worth.molecules is None:
        return f"It cannot be estimated how many of its molecules are equivalent to {size_text(best.present)}."
    return f"{size_text(best.present)} molecules with {best.name} are equivalent to {molecules_text(worth)} with it."


def assay_lines(best: CurvePlan, cleaner: list[CleanerAssay], wording: Wording) -> list[str]:
    """Return what a cleaner assay would change."""
    sd, target = wording.config.assay_sd, wording.config.target
    if sd is None or target is None or best.purchase is None:
        return []
    lines = [
        f"Assay: noise with a standard deviation of {sd:g} is {noise_share(best, sd):.0%} of the current squared "
        f"{wording.scale.metric}."
    ]
    if target <= sd:
        lines.append(f"Single measurements cannot show {wording.target} with any model or any number of molecules.")
    for one in cleaner:
        said = f"With {one.repeats} measurements of all molecules, test set included (standard deviation {one.sd:.3g})"
        if one.purchase is None:
            lines.append(f"{said}, the current molecules are expected to reach the target.")
            continue
        bought = one.purchase
        more = f"{more_text(bought.expected)}{wording.cost(bought.expected_cost)}"
        lines.append(f"{said}, the chance is {chance_text(bought.chance)}, with {more} on average.")
    return lines


def heads(wording: Wording) -> tuple[str, ...]:
    """Return the heads of the table of a plan."""
    cost = ("expected cost",) if wording.is_priced else ()
    now = ("curve", "molecules", wording.scale.metric)
    if wording.config.target is None:
        return (*now, "best size", "value less cost", "chance it pays", "next batch")
    sizes = (f"{share:.0%} chance at" for share in SHARES)
    return (*now, "chance", *sizes, "expected to buy", *cost, "next batch")


def cells(plan: CurvePlan, wording: Wording) -> tuple[str, ...]:
    """Return the cells of a curve's row, as many as `heads`."""
    missing = ("",) * (len(heads(wording)) - 1)
    if not plan.is_planned:
        return (plan.name or "the curve", *(("reached", *missing[1:]) if plan.reached is not None else missing))
    now = (plan.name or "the curve", size_text(plan.present), short(plan.metric))
    if plan.purchase is None:
        worth = plan.worth
        assert worth is not None
        pays = "" if worth.chance is None else chance_text(worth.chance)
        return (*now, about(worth.best), about(worth.gain), pays, about(worth.batch) if worth.batch else "none")
    bought = plan.purchase
    sizes = ("not found" if n is None else about(n) for n in bought.needed.values())
    buys = (bought.expected, *((bought.expected_cost,) if wording.is_priced else ()), bought.batch)
    return (*now, chance_text(bought.chance), *sizes, *(about(one) if bought.batch else "none" for one in buys))


def plan_table(plans: list[CurvePlan], wording: Wording) -> Table:
    """Return the table of a plan, a row for each curve."""
    table = Table(title="plan of each curve", title_justify="left")
    for k, head in enumerate(heads(wording)):
        table.add_column(escape(head), justify="right" if k else "left", overflow="fold")
    for plan in plans:
        table.add_row(*map(escape, cells(plan, wording)))
    return table
