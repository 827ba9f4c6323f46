"""Plan how many more molecules to buy for a target, from the learning curves in files and run directories.

`python -m jaxmrl.plan CURVES.csv --target 0.85`, or `plan_purchase(PlanConfig(...))`.
"""

import json
from dataclasses import asdict
from typing import Any

from jaxmrl.config import PlanConfig
from jaxmrl.config.names import REFERENCE_MODEL
from jaxmrl.curves.table import CurveRows
from jaxmrl.errors import DataError
from jaxmrl.io.files import write_whole
from jaxmrl.plan.assay import CleanerAssay, cleaner_assays
from jaxmrl.plan.curves import CurvePlan, best_of, check_names, plan_curve, terms_of
from jaxmrl.plan.page import plan_html
from jaxmrl.plan.text import Wording, assay_lines, lead_lines, other_lines, plan_table
from jaxmrl.reports.terminal import Reporter
from jaxmrl.scaling.analyses import analyze_all
from jaxmrl.scaling.purchase import Purchase, Worth
from jaxmrl.scaling.several import curve_name, find_scale, read_all, read_text, source_text

PLAN, PAGE = "plan.json", "plan.html"


def plan_purchase(config: PlanConfig, *, quiet: bool = True) -> dict[str, Any]:
    """Plan how many more molecules to buy for a target metric, and write the plan to a folder.

    Args:
        config: The settings: curves, target, costs and limits.
        quiet: Whether to print nothing.

    Returns:
        The content of plan.json: `recommended`, the name of the recommended curve, and for each of `curves` its
        `purchase` (without a target, its `worth`), or in `refusal` the reason why there is none.

    Raises:
        UserError: For a file or settings that cannot be used, and if no curve allows a plan.
    """
    reporter = Reporter(quiet=quiet)
    file = read_all(config)
    if file.of_shares:
        raise DataError(
            f"{source_text(config)}: the sizes are shares of the data, and a plan needs numbers of molecules: replace "
            "them, or name a column that has them with --n-column"
        )
    scale = find_scale(config, file)
    wording = Wording(config, scale)
    reporter.say(f"{source_text(config)}: {read_text(file)}; {file.metric}, {scale.text}")
    for remark in file.notes:
        reporter.say(f"note: {remark}")
    named = [(curve_name(rows), rows) for rows in file.curves if rows.random and not _is_reference(rows)]
    check_names(config.costs, [(name, rows.identity) for name, rows in named])
    guess = scale.error_of_guessing(config.guess)
    analyses = analyze_all(tuple(rows for _, rows in named), scale, guess, reporter, with_prior=not config.no_prior)
    plans = [plan_curve(*one, analysis, config) for one, analysis in zip(named, analyses, strict=True)]
    reporter.say(wording.terms())
    best = None if any(plan.reached is not None for plan in plans) else best_of(plans)
    if best is None:
        return _without_plan(config, plans, wording, reporter)
    cleaner = _cleaner(best, config, file.metric)
    said = lead_lines(best, wording), other_lines(best, plans, wording), assay_lines(best, cleaner, wording)
    for line in said[0]:
        reporter.say(line)
    reporter.console.print(plan_table(plans, wording))
    for line in (*said[1], *said[2], *(f"note: {flag}" for flag in best.analysis.flags)):
        reporter.say(line)
    write_whole(config.out / PAGE, plan_html(best, plans, *said, wording).encode())
    found = _content(config, plans, wording, best, cleaner, [*said[0], *said[1], *said[2]])
    reporter.say(f"Results: {config.out}. Open {config.out / PAGE}")
    return found


def _is_reference(rows: CurveRows) -> bool:
    """Return whether a curve is that of the mean of the training labels, which is no basis for a plan."""
    return rows.identity.get("model") == REFERENCE_MODEL


def _without_plan(config: PlanConfig, plans: list[CurvePlan], wording: Wording, reporter: Reporter) -> dict[str, Any]:
    """Report and save that the target is reached. Raise DataError if no curve has a plan."""
    reached = [plan for plan in plans if plan.reached is not None]
    if not reached:
        why = "; ".join(f"{plan.name + ': ' if plan.name else ''}{plan.refusal}" for plan in plans)
        raise DataError(f"{source_text(config)}: no plan can be made: {why or 'there are only pruned curves'}")
    said = [f"{plan.name + ': ' if plan.name else ''}{plan.refusal}." for plan in reached]
    said.append(f"Recommendation: buy no molecules for {wording.target}.")
    for line in said:
        reporter.say(line)
    (config.out / PAGE).unlink(missing_ok=True)  # of an earlier plan
    return _content(config, plans, wording, None, [], said)


def _cleaner(best: CurvePlan, config: PlanConfig, metric: str) -> list[CleanerAssay]:
    """Return what a cleaner assay would change, if its noise is given. Raise DataError for another metric than RMSE."""
    if config.assay_sd is None:
        return []
    if "rmse" not in metric.lower():
        raise DataError(f"--assay-sd needs RMSE as the metric; got {metric}. Omit --assay-sd")
    if config.target is None or best.purchase is None:
        raise DataError("--assay-sd needs a target: give --target instead of --value, or omit --assay-sd")
    return cleaner_assays(best, config.target, config.assay_sd, terms_of(config, best.purchase.cost))


def _content(
    config: PlanConfig,
    plans: list[CurvePlan],
    wording: Wording,
    best: CurvePlan | None,
    cleaner: list[CleanerAssay],
    said: list[str],
) -> dict[str, Any]:
    """Write plan.json, and return its content."""
    asked = {name: getattr(config, name) for name in ("target", "value", "budget", "batch", "deadline", "least_chance")}
    found = {
        "metric": wording.scale.metric,
        "higher_is_better": wording.scale.higher,
        **asked,
        "costs": config.costs,
        "recommended": None if best is None else best.name,
        "said": said,
        "curves": [_curve_content(plan) for plan in plans],
        "cleaner_assays": [
            {"repeats": one.repeats, "sd": one.sd, "purchase": _purchase_content(one.purchase)} for one in cleaner
        ],
    }
    write_whole(config.out / PLAN, (json.dumps(found, indent=2) + "\n").encode())
    return found


def _curve_content(plan: CurvePlan) -> dict[str, Any]:
    known: dict[str, Any] = {"curve": plan.name, "refusal": plan.refusal or None, "reached": plan.reached}
    if plan.is_planned:
        known |= {"molecules": plan.present, "metric": plan.metric, "kind": plan.analysis.kind}
        known |= {"claim": plan.analysis.claim, "flags": list(plan.analysis.flags)}
    return known | {"purchase": _purchase_content(plan.purchase), "worth": _worth_content(plan.worth)}


def _purchase_content(bought: Purchase | None) -> dict[str, Any] | None:
    if bought is None:
        return None
    needed = {f"{share:g}": n for share, n in bought.needed.items()}
    return asdict(bought) | {"needed": needed, "expected_cost": bought.expected_cost}


def _worth_content(worth: Worth | None) -> dict[str, Any] | None:
    if worth is None:
        return None
    return {name: value for name, value in asdict(worth).items() if name not in ("n", "net")}
