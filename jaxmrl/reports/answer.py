"""The answer that a report begins with: how good the model is now, what more data would give, and what limits that."""

from typing import Any

from jaxmrl.curves.sampling import REASONS
from jaxmrl.reports.against_baselines import baseline_lines
from jaxmrl.reports.blocks import Block, Section, sentence, table
from jaxmrl.reports.digits import half_width, rounded, value_words
from jaxmrl.reports.extra_source import extra_lines
from jaxmrl.reports.findings import Findings
from jaxmrl.reports.law_tables import multiples_of
from jaxmrl.reports.optimism import optimism_lines
from jaxmrl.reports.pruning_table import no_law_lines
from jaxmrl.runs.curves import MeasuredCurve, Point
from jaxmrl.runs.ensembles import ensemble_at
from jaxmrl.scaling.analysis import MULTIPLES, Analysis
from jaxmrl.scaling.current import Current, current_of
from jaxmrl.scaling.law_fit import LEVEL
from jaxmrl.scaling.points import Points
from jaxmrl.scaling.target import FAR
from jaxmrl.text import count


def answer(found: Findings) -> Section:
    """Return the first section of the report, which answers the question before the evidence follows."""
    several = len(found.curves) > 1
    said = []
    for curve, (label, analysis) in zip(found.curves, found.labeled, strict=True):
        if analysis.random_samples:
            said.append((f"{label}: " if several else "") + _answer_text(found, curve, analysis))
    said += map(sentence, [*extra_lines(found.extra), *no_law_lines(found.labeled)])
    said = said or ["No replica finished."]
    blocks = [Block("list", items=said)] if len(said) > 1 else [Block("lead", text=said[0])]
    if leak := found.problems[0].facts.get("leak"):
        blocks.append(Block("text", text=sentence(leak)))
    compared = [
        *baseline_lines(found.curves, found.rows),
        *optimism_lines(found.curves, found.metric, found.metric_label),
    ]
    blocks += [Block("text", text=sentence(line)) for line in compared]
    blocks.append(Block("text", text=f"{found.unit_sentence} {intervals_text(found.analyses)}"))
    if rows := _forecast_rows(found):
        head = ("training molecules", f"test {found.metric_label} ({LEVEL:.0%} interval)", "source")
        caption = f"The present value, and forecasts for more data. Far: for more than {FAR:g} times the data."
        blocks.append(table(caption, ("curve", *head) if several else head, rows, (1, 2) if several else (0, 1)))
    if limits := _limits(found):
        blocks += [Block("subtitle", text="How far to trust this"), Block("list", items=limits)]
    return Section("In short", blocks)


def intervals_text(analyses: list[Analysis]) -> str:
    """Return, in one or two sentences, which sources of variation the intervals cover."""
    known = [one.points for one in analyses if one.points is not None]
    if any(points.splits > 1 for points in known):
        return (
            f"Intervals ({LEVEL:.0%}) cover the spread between seeds and between splits, which have different test "
            "molecules."
        )
    if any(points.log_error_resamples is not None for points in known):
        return f"Intervals ({LEVEL:.0%}) cover the spread between seeds at all sizes and the choice of test molecules."
    return (
        f"Intervals ({LEVEL:.0%}) cover the spread between seeds at all sizes. To cover the choice of test molecules, "
        "too, run with --save-predictions."
    )


def check_text(analysis: Analysis) -> str:
    """Return in a sentence whether forecasts from the smaller sizes agree with the means measured at the largest."""
    checks = analysis.check()
    known = [one for one in checks if one["low"] is not None and one["high"] is not None]
    if not known:
        why = "the noise is not known" if checks else "too few sizes remain without the largest"
        return f"The forecast could not be checked against held-out sizes: {why}."
    largest = f"the {count(len(checks), 'largest size')}" if len(checks) > 1 else "the largest size"
    missed = [one for one in known if not within(one)]
    if not missed:
        return f"Check passed: at {largest}, the measured means are within the intervals forecast from smaller sizes."
    cases = "; ".join(
        f"{one['n']:,.0f} molecules: forecast {value_words(one)}, "
        f"measured {rounded(one['observed'], half_width(one['low'], one['high']))}"
        for one in missed
    )
    return (
        f"Check failed: at {largest}, measured means are outside the intervals forecast from smaller sizes ({cases}). "
        "The intervals of the forecasts above may be too narrow."
    )


def within(one: dict[str, Any]) -> bool:
    """Return whether a measured mean is within the known interval of its forecast."""
    return bool(one["low"] <= one["observed"] <= one["high"])


def misses(analysis: Analysis) -> bool:
    """Return whether the check found a measured mean outside the interval of its forecast."""
    return any(one["low"] is not None and one["high"] is not None and not within(one) for one in analysis.check())


def caution_text(now: Current, later: dict[str, Any], higher_is_better: bool) -> str:
    """Return a caution if a forecast may be no improvement; "" if it surely is one, or if its interval is not known.

    Args:
        now: The present value.
        later: The forecast: its value, and `low` and `high`, the ends of its interval.
        higher_is_better: Whether higher values of the metric are better.
    """
    worse, better = (later["low"], later["high"]) if higher_is_better else (later["high"], later["low"])
    sign = 1 if higher_is_better else -1
    if better is not None and sign * better < sign * now.value:
        return "The whole interval is worse than the present value, so no improvement is expected."
    if worse is not None and sign * worse <= sign * now.value:
        return "This interval includes the present value, so an improvement is not certain."
    return ""


def _answer_text(found: Findings, curve: MeasuredCurve, analysis: Analysis) -> str:
    """Return how good the model is now and with twice the data, in two or three sentences."""
    now = _now_text(found, curve, analysis)
    if analysis.forecast is None or analysis.points is None:
        return f"{now} {sentence('no law fitted: ' + '; '.join(analysis.notes))}"
    twice = analysis.predict(multiples_of(analysis))[0]
    if misses(analysis):
        caution = "The check on held-out sizes failed, so the true value may well be outside this interval."
    else:
        caution = caution_text(current_of(analysis.points), twice, found.metric.higher_is_better)
    twice_said = f"Twice the data would give about {value_words(twice)}. {caution}".rstrip()
    return f"{now} {twice_said} {sentence(f'curve: {analysis.kind_text}')}"


def _now_text(found: Findings, curve: MeasuredCurve, analysis: Analysis) -> str:
    splits = found.kinds.get(curve.identity.split, [])
    tested = "" if not splits else f", {count(len(splits[0].split.test), 'test molecule')}"
    tested = f" on {len(splits)} splits{tested} each" if len(splits) > 1 else tested
    if analysis.points is not None:
        now = current_of(analysis.points)
        value, runs, n = value_words(vars(now)), _seeds_text(now.runs, analysis.points, curve), now.n
    elif curve.points:
        last = curve.points[-1]
        value, runs, n = rounded(last.mean, last.sd), count(last.n_seeds, "seed"), last.n_train
    else:
        return "No replica finished."
    ensemble = "".join(_ensemble_text(found, curve, point) for point in curve.points if point.n_train == n)
    return f"The test {found.metric_label} is {value} with {n:,.0f} training molecules ({runs}{tested}).{ensemble}"


def _ensemble_text(found: Findings, curve: MeasuredCurve, point: Point) -> str:
    """Return a sentence on the ensemble at a point of a curve; empty where it is not known."""
    ensemble = ensemble_at(found.ensembles, curve, point)
    if ensemble is None:
        return ""
    return f" The mean prediction of the seeds, which the predict command gives, has {rounded(ensemble, point.sd)}."


def _seeds_text(runs: int, points: Points, curve: MeasuredCurve) -> str:
    """Return how many seeds the present value is of; of several splits, each mean is one run of the points."""
    return count(curve.points[-1].n_seeds if points.splits > 1 else runs, "seed")


def _forecast_rows(found: Findings) -> list[tuple[str, ...]]:
    """Return the present value and the forecasts of each curve that has a law, named where there are several curves."""
    rows: list[tuple[str, ...]] = []
    for curve, (label, analysis) in zip(found.curves, found.labeled, strict=True):
        if analysis.forecast is None or analysis.points is None:
            continue
        named = (label,) if len(found.curves) > 1 else ()
        now = vars(current_of(analysis.points))
        seeds = _seeds_text(now["runs"], analysis.points, curve)
        rows.append((*named, f"{now['n']:,.0f} (now)", value_words(now), seeds))
        for multiple, one in zip(MULTIPLES, analysis.predict(multiples_of(analysis)), strict=True):
            source = "forecast, far" if one["far"] else "forecast"
            rows.append((*named, f"{one['n']:,.0f} ({multiple}x)", value_words(one), source))
    return rows


def _limits(found: Findings) -> list[str]:
    """Return what to know before trusting the numbers: the check on held-out sizes, flags and notes of each curve."""
    several = len(found.curves) > 1
    items: dict[str, list[str]] = {}
    for label, analysis in found.labeled:
        if not analysis.random_samples:
            remarks = [*analysis.training_flags, *(note for note in analysis.notes if note not in REASONS)]
        elif analysis.forecast is None:
            remarks = list(analysis.training_flags)
        else:
            remarks = [check_text(analysis), *analysis.flags, *analysis.notes]
        for remark in remarks:
            items.setdefault(sentence(remark), []).append(label)
    everywhere = lambda labels: not several or len(labels) == len(found.curves)
    return [text if everywhere(labels) else f"{', '.join(labels)}: {text}" for text, labels in items.items()]
