"""report.html: one file that says what a sweep was and what came of it, without scripts, with figures as inline SVG."""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import jinja2
import numpy as np
from matplotlib.figure import Figure

from jaxmrl.config import SweepConfig, to_toml
from jaxmrl.data.loading import kin_text
from jaxmrl.data.task_data import TaskData
from jaxmrl.io.files import number
from jaxmrl.io.records import reason_groups
from jaxmrl.reports import plots
from jaxmrl.reports.curve_comparison import Comparison, difference_text, molecules_text
from jaxmrl.reports.law_tables import LAW_HEADS, law_rows, multiples_of, short, value_text
from jaxmrl.reports.pruning_table import WORTH_CAPTION, Compared, compare_caption, compare_cell, no_law_text, worth_text
from jaxmrl.reports.score_figure import draw_molecule, legend
from jaxmrl.rows import CurveIdentity, ResultRow
from jaxmrl.runs.curves import MeasuredCurve
from jaxmrl.scaling.analysis import MULTIPLES, Analysis
from jaxmrl.scaling.law_fit import LEVEL
from jaxmrl.text import about, count, exact
from jaxmrl.training.metrics import METRICS, Metric

MOST_REJECTED, MOST_TASKS, ENDS = 20, 20, 4
"""Rows and tasks that are shown unfolded; molecules at each end of a score."""

FIGURE_INCHES = (5.0, 3.9)
"""Small, so that its letters can be read on a phone."""


@dataclass(frozen=True)
class Block:
    """A piece of a section. kind: text, list, code, table, figure or grid, which says what of the rest it has."""

    kind: str
    text: str = ""
    items: list[str] = field(default_factory=list)
    caption: str = ""
    head: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = field(default_factory=list)
    numbers: tuple[int, ...] = ()
    folded: bool = False
    svg: str = ""
    alt: str = ""
    cells: list["Block"] = field(default_factory=list)


@dataclass(frozen=True)
class Section:
    """A heading and what is below it."""

    title: str
    blocks: list[Block]


@dataclass(frozen=True)
class Findings:
    """What a report is made of: the run's settings, data and facts, and all that follows from its results.

    orders: of each model and split, {pruning: positions in the table, those that seed 0 keeps first before the others}
    """

    config: SweepConfig
    problems: list[TaskData]
    facts: dict[str, Any]
    rows: list[ResultRow]
    curves: list[MeasuredCurve]
    analyses: list[Analysis]
    side_by_side: list[Comparison]
    compared: list[Compared[CurveIdentity]]
    orders: dict[str, dict[str, np.ndarray]]

    @property
    def labels(self) -> list[str]:
        return [plots.curve_label(curve, self.curves) for curve in self.curves]

    @property
    def metric(self) -> Metric:
        return METRICS[self.problems[0].metric]

    @property
    def metric_label(self) -> str:
        """How the mean over tasks is named, which curves are of."""
        return self.metric.mean_label(len(self.problems[0].table.tasks))


def report_html(found: Findings) -> str:
    """The content of report.html. Every string that comes from the data is escaped."""
    made = (
        _summary,
        _run,
        _curves,
        _laws,
        _forecasts,
        _equivalence,
        _pruning,
        _tasks,
        _ends,
        _rejected,
        _reproduction,
    )
    sections = [section for make in made if (section := make(found))]
    loader = jinja2.PackageLoader("jaxmrl.reports", ".")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    title = f"{found.config.name}: learning curves"
    return environment.get_template("report.html.jinja").render(title=title, sections=sections)


def _summary(found: Findings) -> Section:
    """The answer first: what more molecules would give."""
    said = []
    named = list(zip(found.labels, found.analyses, strict=True))
    pruned = [label for label, analysis in named if not analysis.random_samples]
    for label, analysis in named:
        if not analysis.random_samples:
            continue
        if analysis.forecast is None:
            said.append(f"{label}: no law fitted: {'; '.join(analysis.notes)}")
            continue
        points = analysis.forecast.points
        twice = analysis.predict(multiples_of(analysis))[0]
        said.append(
            f"{label}: test {found.metric_label} {short(points.metric[-1])} with {points.n.max():,.0f} molecules; with "
            f"twice as many, {value_text(twice)}"
        )
    if pruned:
        said.append(no_law_text(pruned, random=len(pruned) < len(named)))
    return Section("In short", [Block("list", items=said), Block("text", text=intervals_text(found.analyses))])


def intervals_text(analyses: list[Analysis]) -> str:
    """What the intervals are of."""
    molecules = any(
        analysis.points is not None and analysis.points.log_error_resamples is not None for analysis in analyses
    )
    over = "seeds and test molecules" if molecules else "seeds; with --save-predictions they count test molecules, too"
    return f"Intervals are of {LEVEL:.0%}, over {over}."


def _run(found: Findings) -> Section:
    config, problem = found.config, found.problems[0]
    table = problem.table
    done = Counter(row.status for row in found.rows)
    items = [
        f"{config.name}: {count(table.rows, 'row')}, {len(table):,} usable molecules, "
        f"{count(len(table.tasks), 'task')}, {table.task}, judged by {found.metric_label}"
        + (f" in {problem.mean_unit}" if problem.mean_unit else ""),
        f"{count(len(found.rows), 'replica')}: {', '.join(f'{status} {many}' for status, many in done.items())}; "
        f"{count(config.seeds, 'seed')}, {config.length}",
    ]
    if repeated := problem.facts.get("repeated_molecules", {}).get("summary"):
        items.append(repeated)
    for one in found.problems:
        parts = ", ".join(f"{name} {len(ids):,}" for name, ids in one.split.parts().items())
        near = "" if one.near is None else f"; {one.near_text} of the test molecules have a near one in training"
        shared = f"; {one.shared} molecules of validation and test stand in another part, too" if one.shared else ""
        kin = f"; {kin_text(one.kin, one.split)}" if one.kin else ""
        items.append(f"{one.split_name} split: {parts}{near}{shared}{kin}")
    items += table.notes
    return Section("What was run", [Block("list", items=items)])


def _curves(found: Findings) -> Section:
    names = {"metric_label": found.metric_label, "unit": found.problems[0].mean_unit, "title": ""}
    blocks = []
    for linear in (False, True):
        figure = plots.draw_curves(found.curves, found.analyses, **names, linear=linear, brief=True)
        figure.set_size_inches(FIGURE_INCHES)
        axes = "linear" if linear else "logarithmic"
        blocks.append(
            Block(
                "figure",
                svg=inline_svg(figure),
                alt=curves_in_words(found),
                caption=f"{found.metric_label}, {axes} axes",
            )
        )
    rows = [
        (
            *(label, exact(point.fraction), f"{point.n_train:,}", number(point.mean), number(point.sd)),
            *(str(point.n_seeds), point.still_improving),
        )
        for label, curve in zip(found.labels, found.curves, strict=True)
        for point in curve.points
    ]
    head = ("curve", "fraction", "molecules", f"mean test {found.metric_label}", "standard deviation", "seeds")
    blocks.append(table("Points, over seeds", (*head, "still improving"), rows, (1, 2, 3, 4, 5, 6)))
    explained = "still improving: replicas whose best validation was in the last tenth of training."
    pairs = zip(found.labels, found.analyses, strict=True)
    flags = [f"{label}: {flag}." for label, analysis in pairs for flag in analysis.training_flags]
    blocks.append(Block("text", text=" ".join([explained, *flags])))
    return Section("Curves", blocks)


def curves_in_words(found: Findings) -> str:
    """The figure for those who do not see it."""
    said = []
    for label, curve in zip(found.labels, found.curves, strict=True):
        if curve.points:
            first, last = curve.points[0], curve.points[-1]
            said.append(
                f"{label}: {found.metric_label} from {short(first.mean)} with {first.n_train:,} molecules to "
                f"{short(last.mean)} with {last.n_train:,}"
            )
    return "; ".join(said)


def _laws(found: Findings) -> Section | None:
    blocks = []
    for label, analysis in zip(found.labels, found.analyses, strict=True):
        if analysis.forecast is None:
            continue
        caption = f"{label}: fitted laws; * those to go by. {analysis.forecast.reasons.capitalize()}."
        flags = [("; ".join(fit.flags),) for fit in analysis.fits]
        rows = [(*row, *flag) for row, flag in zip(law_rows(analysis, found.metric_label), flags, strict=True)]
        blocks.append(table(caption, (*LAW_HEADS, "remarks"), rows, (3, 4, 5)))
        remarks = [*analysis.flags, *analysis.notes]
        if remarks:
            blocks.append(Block("text", text=f"{label}: {'; '.join(remarks)}."))
    explained = (
        "noise p: the probability that noise alone leaves what the law leaves; below 0.05 the law is refuted. "
        "held out: the RMSE where it was fitted without the largest sizes, and tried there. error is "
        + ("1 - the metric." if found.metric.higher_is_better else "the metric.")
    )
    return Section("Laws", [*blocks, Block("text", text=explained)]) if blocks else None


def _forecasts(found: Findings) -> Section | None:
    rows, checks = [], []
    for label, analysis in zip(found.labels, found.analyses, strict=True):
        if analysis.forecast is None:
            continue
        forecasts = analysis.predict(multiples_of(analysis))
        for multiple, one in zip(MULTIPLES, forecasts, strict=True):
            note = "a guess: far beyond the data" if one["far"] else ""
            rows.append((label, f"{multiple} times", f"{one['n']:,.0f}", value_text(one), note))
        for one in analysis.check():
            checks.append((label, f"{one['n']:,.0f}", value_text(one), short(one["observed"]), _within_text(one)))
    if not rows:
        return None
    label = found.metric_label
    blocks = [table(f"{label} with more molecules", ("curve", "data", "molecules", label, ""), rows, (2, 3))]
    if checks:
        head = ("curve", "molecules", "forecast", "measured", "within the interval")
        blocks.append(table("A check: what the smaller sizes alone forecast for the largest", head, checks, (1, 2, 3)))
    return Section("More molecules", blocks)


def _within_text(one: dict[str, Any]) -> str:
    """Whether the observed metric is within the interval of its forecast, where that is known."""
    if one["low"] is None or one["high"] is None:
        return "not known"
    return "yes" if one["low"] <= one["observed"] <= one["high"] else "no"


def _equivalence(found: Findings) -> Section | None:
    if not found.side_by_side:
        return None
    rows = [
        (one.curve, about(size.n), molecules_text(size), one.than) for one in found.side_by_side for size in one.worth
    ]
    head = ("curve", "this many molecules", "do what so many do", "of the curve")
    exponents = [f"{one.curve} and {one.than}: {difference_text(one.exponent)}" for one in found.side_by_side]
    return Section(
        "What data is worth", [table("Data equivalence", head, rows, (1, 2)), Block("list", items=exponents)]
    )


def _pruning(found: Findings) -> Section | None:
    if not found.compared:
        return None
    named = lambda one: (one.identity.model, one.identity.split, one.identity.pruning)
    rows = [(*named(one), exact(one.known_fraction), compare_cell(one), _worth_cell(one)) for one in found.compared]
    caption = (
        f"Test {found.metric_label} less that of random subsets of the same size, and how many random molecules reach "
        f"the same {found.metric_label}, with {LEVEL:.0%} intervals"
    )
    head = ("model", "split", "pruning", "fraction", "difference", "random molecules")
    said = f"{compare_caption(found.compared)}. Random molecules are {WORTH_CAPTION}."
    return Section("Pruning", [table(caption, head, rows, (3, 4, 5)), Block("text", text=said)])


def _worth_cell(one: Compared) -> str:
    return "" if one.worth is None else worth_text(one.worth)


def _tasks(found: Findings) -> Section | None:
    """The test metric of each task at each curve's largest fraction."""
    tasks = found.problems[0].table.tasks
    if len(tasks) < 2:
        return None
    columns = []
    for curve in found.curves:
        largest = max((point.fraction for point in curve.points), default=None)
        of_curve = [row for row in found.rows if row.counts and row.curve == curve.identity]
        ended = [row for row in of_curve if row.fraction == largest]
        columns.append([_mean_cell([row.tests[task] for row in ended]) for task in tasks])
    rows = list(zip(tasks, *columns, strict=True))
    unit = ", each in its unit" if found.metric.in_label_unit else ""
    caption = f"Test {found.metric.label} of each task at the largest fraction{unit}, mean over seeds"
    numbers = tuple(range(1, len(columns) + 1))
    shown = table(caption, ("task", *found.labels), rows, numbers, folded=len(tasks) > MOST_TASKS)
    return Section("Tasks", [shown])


def _mean_cell(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known):.4g}" if known else ""


def _ends(found: Findings) -> Section | None:
    """The molecules that scores keep first and last."""
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


def _rejected(found: Findings) -> Section | None:
    rejected = found.problems[0].table.rejected
    if not rejected:
        return None
    groups = [(f"{len(rows):,}", rows[0].reason, f"{rows[0].line:,}") for rows in reason_groups(rejected)]
    blocks = [table("Reasons", ("rows", "reason of the first", "its line"), groups[:MOST_REJECTED], (0, 2))]
    rows = [(f"{row.line:,}", row.text[:200], row.reason) for row in rejected[:MOST_REJECTED]]
    more = f"; the first {MOST_REJECTED}, all are in rejected.csv" if len(rejected) > MOST_REJECTED else ""
    blocks.append(
        table(f"{count(len(rejected), 'row')} that could not be used{more}", ("line", "text", "reason"), rows, (0,))
    )
    return Section("Rejected rows", blocks)


def _reproduction(found: Findings) -> Section:
    facts = found.facts
    versions = ", ".join(f"{name} {version}" for name, version in facts["software"].items())
    seeds = ", ".join(map(str, range(found.config.seeds)))
    lanes = [f"{name}: {value}" for name, value in facts.items() if name.startswith("lanes of ")]
    digests = [f"{name}: {value}" for name, value in (facts["data"] | facts["init"]).items()]
    items = [
        f"device: {facts['device']}",
        versions,
        f"seeds {seeds}; split seed {found.config.split_seed}",
        *lanes,
        *digests,
    ]
    command = "python -m jaxmrl.sweep --config config.toml --out ANOTHER_DIRECTORY"
    return Section(
        "To repeat it",
        [Block("code", text=command), Block("list", items=items), Block("code", text=to_toml(found.config))],
    )


def table(
    caption: str, head: tuple[str, ...], rows: list, numbers: tuple[int, ...] = (), *, folded: bool = False
) -> Block:
    """numbers: the columns that are set to the right."""
    return Block("table", caption=caption, head=head, rows=rows, numbers=numbers, folded=folded)


def inline_svg(figure: Figure) -> str:
    """A figure as an SVG element, without the names of its groups, which would repeat within the page."""
    return re.sub(r' id="[A-Za-z0-9.]+_\d+"', "", without_prolog(plots.render(figure, "svg").decode()))


def without_prolog(svg: str) -> str:
    """The SVG element alone, for HTML has no place for an XML declaration."""
    return svg[svg.index("<svg") :]
