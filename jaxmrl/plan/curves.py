"""The plan of each curve: what to buy according to its forecast, or why there is no plan."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from jaxmrl.config import PlanConfig
from jaxmrl.curves.table import CurveRows
from jaxmrl.errors import ConfigError
from jaxmrl.scaling.analysis import Analysis
from jaxmrl.scaling.forecast import Forecast
from jaxmrl.scaling.purchase import Purchase, Terms, Worth, reach_target, worth_buying
from jaxmrl.scaling.target import measured_at, without_forecast
from jaxmrl.text import size_text


@dataclass(frozen=True)
class CurvePlan:
    """What to buy according to one curve.

    Attributes:
        name: The settings that distinguish the curve from the others; empty for a single one.
        analysis: Its laws and its forecast.
        purchase: What to buy to reach the target; None without a target, and where `refusal` says why.
        worth: What to buy where an improvement has a price; None with a target, and where `refusal` says why.
        refusal: Why this curve has no plan.
        reached: The smallest measured size from which on the target is reached; None where it is not.
    """

    name: str
    analysis: Analysis
    purchase: Purchase | None = None
    worth: Worth | None = None
    refusal: str = ""
    reached: float | None = None

    @property
    def is_planned(self) -> bool:
        """Whether there is a plan."""
        return self.purchase is not None or self.worth is not None

    @property
    def forecast(self) -> Forecast:
        """The forecast of a curve that has a plan."""
        return self.analysis.known_forecast

    @property
    def present(self) -> float:
        """The molecules at hand: the largest size of the curve that the forecast is based on."""
        return float(self.forecast.points.n[-1])

    @property
    def metric(self) -> float:
        """The metric with the molecules at hand."""
        return float(self.forecast.points.metric[-1])


def plan_curve(name: str, rows: CurveRows, analysis: Analysis, config: PlanConfig) -> CurvePlan:
    """Return the plan of one curve.

    Args:
        name: Its name.
        rows: Its rows.
        analysis: Its analysis.
        config: The settings.
    """
    made = CurvePlan(name, analysis)
    points, target = analysis.points, config.target
    if points is not None and target is not None:
        measured = measured_at(points, target)
        if measured.reached is not None:
            said = f"the target is already reached: the mean with {size_text(measured.reached)} molecules reaches it"
            return replace(made, reached=measured.reached, refusal=said)
    if refusal := _refusal(analysis, target):
        return replace(made, refusal=refusal)
    forecast, terms = analysis.known_forecast, terms_of(config, cost_of(name, rows.identity, config.costs))
    present = float(forecast.points.n[-1])
    if terms.limit(present) - present < (1 if present == round(present) else 0):
        raise ConfigError(f"--budget {config.budget:g} is less than the cost of one molecule, {terms.cost:g}")
    if target is not None:
        return replace(made, purchase=reach_target(forecast, target, terms))
    assert config.value is not None, "PlanConfig has one of both"
    return replace(made, worth=worth_buying(forecast, config.value, terms))


def _refusal(analysis: Analysis, target: float | None) -> str:
    """Return why the metric with more molecules cannot be forecast; empty if it can."""
    if analysis.forecast is None:
        known = analysis.points is not None and target is not None and analysis.random_samples
        beside = f"; {without_forecast(target, analysis.points)}" if known else ""  # type: ignore[arg-type]
        return f"it cannot be extrapolated ({'; '.join(dict.fromkeys((str(analysis.kind), *analysis.notes)))}){beside}"
    if not analysis.forecast.noise_known:
        why = next((flag for flag in analysis.flags if "noise" in flag), "the noise is not known")
        return f"the chance cannot be computed: {why}"
    return ""


def terms_of(config: PlanConfig, cost: float) -> Terms:
    """Return the terms on which molecules of this cost can be bought."""
    return Terms(cost, config.budget, config.batch, config.deadline, config.least_chance)


def cost_of(name: str, identity: Mapping[str, str], costs: Mapping[str, float]) -> float:
    """Return what a molecule costs for the curve of this name and identity."""
    own = [cost for key, cost in costs.items() if key and (key == name or key in identity.values())]
    if len(set(own)) > 1:
        raise ConfigError(f"--cost has {len(own)} costs for the curve {name!r}; name it in full, as in the table")
    return own[0] if own else costs[""]


def check_names(costs: Mapping[str, float], named: list[tuple[str, Mapping[str, str]]]) -> None:
    """Raise ConfigError where a cost is for a curve that does not exist; named: name and identity of each curve."""
    for key in costs:
        if key and not any(key == name or key in identity.values() for name, identity in named):
            known = "; ".join(name for name, _ in named if name) or "one curve without a name"
            raise ConfigError(f"--cost {key}=...: no curve has this name; the curves are: {known}")


def best_of(plans: list[CurvePlan]) -> CurvePlan | None:
    """Return the recommended plan: the cheapest of those with nearly the best chance, or that of the highest value."""
    planned = [plan for plan in plans if plan.is_planned]
    if not planned:
        return None
    if worth := [plan for plan in planned if plan.worth is not None]:
        return max(worth, key=lambda plan: plan.worth.gain if plan.worth else -math.inf)
    chances = {id(plan): plan.purchase.chance for plan in planned if plan.purchase}
    likely = [plan for plan in planned if chances[id(plan)] >= max(chances.values()) - _ALIKE]
    return min(likely, key=lambda plan: plan.purchase.expected_cost if plan.purchase else math.inf)


_ALIKE = 0.05
"""Chances that differ by less count as equal, so that the cost decides."""
