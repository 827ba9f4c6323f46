"""report.html: the answer, the evidence and the run in one file, without scripts, with figures as inline SVG."""

import numpy as np

from jaxmrl.config.lengths import length_text
from jaxmrl.data.task_data import TaskData
from jaxmrl.reports import plots
from jaxmrl.reports.answer import answer, within
from jaxmrl.reports.blocks import Block, Section, inline_svg, sentence, table, without_prolog
from jaxmrl.reports.concordance import concordance_section
from jaxmrl.reports.curve_comparison import difference_text, molecules_text, paired_cell
from jaxmrl.reports.digits import half_width, interval_words, mean_words, rounded, value_words
from jaxmrl.reports.equivalence import crossings, matrices
from jaxmrl.reports.extra_source import extra_section
from jaxmrl.reports.findings import Findings
from jaxmrl.reports.html import page_html
from jaxmrl.reports.joint_section import joint_section
from jaxmrl.reports.law_tables import formula_text, left_side
from jaxmrl.reports.pruning_table import (
    WORTH_CAPTION,
    Compared,
    compare_caption,
    compare_cell,
    saved_cells,
    worth_text,
)
from jaxmrl.reports.rolling_origin import rolling_section
from jaxmrl.reports.run_sections import data_section, rejected_section, repeat_section, settings_section
from jaxmrl.reports.score_figure import draw_molecule, legend
from jaxmrl.reports.split_spread import spread_section
from jaxmrl.reports.tuning_table import tuning_section
from jaxmrl.runs.curves import MeasuredCurve, Point
from jaxmrl.runs.ensembles import ensemble_at
from jaxmrl.scaling.analysis import Analysis
from jaxmrl.scaling.law_fit import LEVEL, Fit
from jaxmrl.text import about, exact

MOST_PRICED, MOST_CROSSINGS = 8, 6
"""Curves whose prices, and pairs of curves whose crossings, are shown unfolded."""

MOST_TASKS, MOST_POINTS, ENDS = 20, 40, 4
"""Tasks and points that are shown unfolded; molecules at each end of a score."""

FIGURE_INCHES = (5.2, 3.9)
"""The size of a figure in inches: small, so that its letters can be read on a phone."""


def report_html(found: Findings) -> str:
    """Return the content of report.html. Every string that comes from the data is escaped."""
    made = (
        *(answer, _curves, _extra, rolling_section, spread_section, _check, _laws, joint_section, _equivalence),
        *(_pruning, _tasks, _concordance, _tuning, _ends),
        *(data_section, settings_section, rejected_section, repeat_section),
    )
    sections = [section for make in made if (section := make(found))]
    title = f"{found.config.name}: learning curve{'s' * (len(found.curves) > 1)}"
    model = found.labels[0] if len(found.curves) == 1 else ""
    subtitle = (model, f"{' and '.join(found.config.splits)} split", length_text(found.config))
    return page_html(title, ", ".join(filter(None, subtitle)), sections)


def _curves(found: Findings) -> Section:
    figure = plots.draw_curves(
        found.curves, found.analyses, metric_label=found.metric_label, unit=found.problems[0].mean_unit, title=""
    )
    figure.set_size_inches(FIGURE_INCHES)
    law = " Line: the law of the forecast, with its interval; dashed beyond the data." if found.forecasts else ""
    caption = f"Faint dots: runs, one for each seed. Large dots: their means.{law}"
    blocks = [Block("figure", svg=inline_svg(figure), alt=curves_in_words(found), caption=caption)]
    several, of_ensemble = len(found.curves) > 1, ("ensemble",) if found.ensembles else ()
    rows = [
        (
            *((label,) if several else ()),
            *(f"{point.n_train:,}", exact(point.fraction), mean_words(point.mean, point.sd)),
            *(_ensemble_cell(found, curve, point) for _ in of_ensemble),
            *(str(point.n_seeds), point.still_improving),
        )
        for label, curve in zip(found.labels, found.curves, strict=True)
        for point in curve.points
    ]
    head = ("training molecules", "fraction", f"test {found.metric_label}", *of_ensemble, "seeds", "still improving")
    numbers = tuple(range(int(several), len(head) + int(several)))
    points = f"{sentence(found.metric_title)[:-1]}: mean ± standard deviation over seeds"
    folded = len(rows) > MOST_POINTS
    blocks.append(table(points, ("curve", *head) if several else head, rows, numbers, folded=folded))
    explained = "Still improving: replicas with their best validation in the last tenth of training."
    if of_ensemble:
        explained += (
            f" Ensemble: the test {found.metric_label} of the mean prediction of all seeds of a size. At fractions "
            "below 1, the seeds of an ensemble have different training molecules, together more than the size."
        )
    return Section("Learning curves" if several else "Learning curve", [*blocks, Block("text", text=explained)])


def _extra(found: Findings) -> Section | None:
    return extra_section(found.extra, found.metric_label, found.direction)


def _ensemble_cell(found: Findings, curve: MeasuredCurve, point: Point) -> str:
    ensemble = ensemble_at(found.ensembles, curve, point)
    return "" if ensemble is None else rounded(ensemble, point.sd)


def curves_in_words(found: Findings) -> str:
    """Return the figure in words, for those who do not see it."""
    said = []
    for label, curve in zip(found.labels, found.curves, strict=True):
        if curve.points:
            first, last = curve.points[0], curve.points[-1]
            said.append(
                f"{label}: {found.metric_label} from {first.mean:.3g} with {first.n_train:,} molecules to "
                f"{last.mean:.3g} with {last.n_train:,}"
            )
    return "; ".join(said)


def _check(found: Findings) -> Section | None:
    """Return the block that compares forecasts of the largest sizes, from the smaller ones, with what was measured."""
    several = len(found.curves) > 1
    rows = [
        (
            *((label,) if several else ()),
            *(f"{one['n']:,.0f}", value_words(one), rounded(one["observed"], half_width(one["low"], one["high"]))),
            _within_text(one),
        )
        for label, analysis in found.labeled
        for one in analysis.check()
    ]
    if not rows:
        return None
    blocks = []
    figure = plots.draw_check(found.curves, found.analyses, metric_label=found.metric_label)
    if figure is not None:
        said = "; ".join(f"{n} molecules: forecast {value}, measured {measured}" for *_, n, value, measured, _ in rows)
        caption = "Tick: forecast from the smaller sizes alone. Bar: its interval. Dot: measured mean."
        blocks.append(Block("figure", svg=inline_svg(figure), alt=f"Held-out sizes: {said}", caption=caption))
    head = ("training molecules", f"forecast ({LEVEL:.0%} interval)", "measured", "within interval")
    numbers = tuple(range(int(several), 3 + int(several)))
    caption = f"{sentence(found.metric_title)[:-1]}: the largest sizes, forecast from the smaller ones alone"
    blocks.append(table(caption, ("curve", *head) if several else head, rows, numbers))
    return Section("Check of the forecast", blocks)


def _within_text(one: dict) -> str:
    """Return, in words, whether the observed metric is within the interval of its forecast, if that is known."""
    if one["low"] is None or one["high"] is None:
        return "not known"
    return "yes" if within(one) else "no"


def _laws(found: Findings) -> Section | None:
    blocks = []
    for label, analysis in found.labeled:
        if analysis.forecast is None:
            continue
        name = f"{label}: fitted" if len(found.curves) > 1 else "Fitted"
        caption = f"{name} laws; * chosen: {analysis.forecast.reasons}. Forecast: {analysis.forecast.trend.basis}"
        rows = [_law_cells(fit, analysis, found.metric_label) for fit in analysis.fits]
        blocks.append(table(caption, _LAW_HEAD, rows, (3, 4, 5)))
        if remarks := _law_remarks(analysis):
            blocks.append(Block("list", items=remarks, caption="Remarks on single laws", folded=True))
    explained = (
        "n is the number of training molecules; the error is "
        + (f"1 - {found.metric_label}. " if found.metric.higher_is_better else f"the {found.metric_label}. ")
        + "Residual (RMS): how far the law is from the measured means, in the unit of the metric. Held out (RMS): the "
        "same at the largest sizes, for the law fitted without them. Noise p: the probability that noise alone "
        "leaves such residuals; below 0.05 the law is rejected."
    )
    return Section("Fitted laws", [*blocks, Block("text", text=explained)]) if blocks else None


_LAW_HEAD = ("law", "fitted", "exponent", "residual (RMS)", "held out (RMS)", "noise p")


def _law_cells(fit: Fit, analysis: Analysis, metric_label: str) -> tuple[str, ...]:
    """Return a row of the table of laws."""
    chosen = {one.law.name for one in analysis.known_forecast.fits}
    tried, exponent = fit.held_out, fit.law.exponent
    said = ""
    if exponent is not None:
        low, high = fit.intervals.get(exponent, (None, None))
        said = f"{exponent} {rounded(fit.values[exponent], half_width(low, high))} ({interval_words(low, high)})"
    return (
        fit.law.name + ("*" if fit.law.name in chosen else ""),
        f"{left_side(fit, metric_label)} = {formula_text(fit)}",
        said,
        f"{fit.rmse:.2g}",
        "" if tried is None else f"{tried.rmse:.2g}",
        "" if fit.goodness_of_fit_p is None else _p_text(fit.goodness_of_fit_p),
    )


def _p_text(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def _law_remarks(analysis: Analysis) -> list[str]:
    """Return the flags of each law, without those that all laws share, which are with the answer."""
    shared = {flag for flag in analysis.fits[0].flags if all(flag in fit.flags for fit in analysis.fits)}
    own = {fit.law.name: [flag for flag in fit.flags if flag not in shared] for fit in analysis.fits}
    return [f"{name}: {sentence('; '.join(flags))}" for name, flags in own.items() if flags]


def _equivalence(found: Findings) -> Section | None:
    if not (found.side_by_side or found.equivalence):
        return None
    blocks = _prices(found)
    rows = [
        (one.curve, about(size.n), molecules_text(size), one.than) for one in found.side_by_side for size in one.worth
    ]
    head = ("curve", "molecules", "equivalent molecules", "of the curve")
    caption = "Data equivalence: molecules of one curve, and how many of another curve reach the same metric"
    exponents = [f"{one.curve} and {one.than}: {difference_text(one.exponent)}." for one in found.side_by_side]
    if rows:
        blocks += [table(caption, head, rows, (1, 2), folded=bool(blocks)), Block("list", items=exponents)]
    return Section("Data equivalence", [*blocks, *_paired(found)])


def _prices(found: Findings) -> list[Block]:
    """Return a table of each split with what the molecules of every curve are worth in those of every other one."""
    blocks = []
    for split, n, names, cells in matrices(found.equivalence):
        of_split = f" ({split} split)" if len(found.kinds) > 1 else ""
        caption = (
            f"What {about(n)} molecules of each row's curve are worth in molecules of the other curves{of_split}: how "
            f"many of theirs reach the same {found.metric_label}, with {LEVEL:.0%} intervals"
        )
        rows = [(name, *row) for name, row in zip(names, cells, strict=True)]
        folded = len(names) > MOST_PRICED
        blocks.append(table(caption, ("curve", *names), rows, tuple(range(1, len(names) + 1)), folded=folded))
    if crossing := crossings(found.equivalence):
        caption = "Where curves cross, beyond noise" if len(crossing) > MOST_CROSSINGS else ""
        blocks.append(Block("list", items=crossing, caption=caption, folded=bool(caption)))
    return blocks


def _paired(found: Findings) -> list[Block]:
    """Return the table of differences between curves at equal sizes, where they have splits and seeds in common."""
    rows = [
        (one.curve, one.than, f"{size.n:,}", paired_cell(size), str(size.pairs), str(size.splits))
        for one in found.side_by_side
        for size in one.paired
    ]
    if not rows:
        return []
    caption = (
        f"Test {found.metric_label} of one curve minus that of another, over pairs of the same split, seed and subset "
        f"({LEVEL:.0%} interval)"
    )
    head = ("curve", "minus", "molecules", "difference", "pairs", "splits")
    several = "of several splits, it allows for training sets that overlap (Nadeau and Bengio 2003)"
    said = (
        f"* the interval excludes 0; {several}."
        if any(one[-1] != "1" for one in rows)
        else "* the interval excludes 0."
    )
    return [table(caption, head, rows, (2, 3, 4, 5), folded=len(rows) > MOST_POINTS), Block("text", text=said)]


def _pruning(found: Findings) -> Section | None:
    if not found.compared:
        return None
    named = lambda one: (one.identity.model, one.identity.split, one.identity.pruning)
    rows = [
        (*named(one), exact(one.known_fraction), compare_cell(one), _worth_cell(one), *saved_cells(one))
        for one in found.compared
    ]
    caption = (
        f"Test {found.metric_label} ({found.direction}) minus that of random subsets of the same size, and how many "
        f"random molecules reach the same {found.metric_label}, with {LEVEL:.0%} intervals"
    )
    head = ("model", "split", "pruning", "fraction", "difference", "random molecules")
    saved = ("labels saved", "compute saved", "passes over the data")
    said = (
        f"{compare_caption(found.compared)}. Random molecules are {WORTH_CAPTION}. Compute is counted in optimizer "
        "steps, relative to training on all molecules, without those of scoring models. A score of trained models "
        "needs all labels, so it saves none. A pass is as many molecules as the training set has."
    )
    return Section("Pruning", [table(caption, (*head, *saved), rows, tuple(range(3, 9))), Block("text", text=said)])


def _worth_cell(one: Compared) -> str:
    return "" if one.worth is None else worth_text(one.worth)


def _tasks(found: Findings) -> Section | None:
    """Return the test metric of each task at each curve's largest fraction."""
    tasks = found.problems[0].table.tasks
    if len(tasks) < 2:
        return None
    columns = []
    for curve in found.curves:
        largest = max((point.fraction for point in curve.points), default=None)
        of_curve = [row for row in found.rows if row.counts and row.curve.of_all_sizes == curve.identity]
        ended = [row for row in of_curve if row.fraction == largest]
        columns.append([_mean_cell([row.tests[task] for row in ended]) for task in tasks])
    rows = list(zip(tasks, *columns, strict=True))
    unit = ", each in its unit" if found.metric.in_label_unit else ""
    caption = (
        f"Test {found.metric.label} of each task at the largest fraction ({found.direction}{unit}): "
        "mean ± standard deviation over seeds"
    )
    numbers = tuple(range(1, len(columns) + 1))
    shown = table(caption, ("task", *found.labels), rows, numbers, folded=len(tasks) > MOST_TASKS)
    return Section("Tasks", [shown])


def _mean_cell(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    sd = float(np.std(known, ddof=1)) if len(known) > 1 else np.nan
    return mean_words(float(np.mean(known)), sd) if known else ""


def _concordance(found: Findings) -> Section | None:
    bounds = found.problems[0].table.bounds
    return concordance_section(found.concordance, found.curves, found.labels, bounds.count()) if bounds else None


def _tuning(found: Findings) -> Section | None:
    return tuning_section(found.tuning)


def _ends(found: Findings) -> Section | None:
    """Return the molecules that scores keep first and last."""
    problem, blocks = found.problems[0], []
    for model, by_pruning in found.orders.items():
        for pruning, order in by_pruning.items():
            for which, molecules in (("first", order[:ENDS]), ("last", order[::-1][:ENDS])):
                cells = [_molecule(int(k), problem) for k in molecules]
                blocks.append(Block("grid", caption=f"{pruning} by {model}: kept {which} (seed 0)", cells=cells))
    return Section("Hardest and easiest molecules", blocks) if blocks else None


def _molecule(molecule: int, problem: TaskData) -> Block:
    name = problem.table.smiles[molecule] if problem.has_smiles else f"molecule {problem.table.ids[molecule]}"
    return Block(
        "cell", svg=without_prolog(draw_molecule(molecule, problem)), alt=f"{name}; {legend(molecule, problem)}"
    )
