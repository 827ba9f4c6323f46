"""What follows from the results of a sweep: curves, laws, figure, comparison; written and printed."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from jaxmrl.config import SweepConfig
from jaxmrl.config.lengths import length_text
from jaxmrl.config.names import ROLLING
from jaxmrl.data.task_data import TaskData, by_kind
from jaxmrl.reports.against_baselines import baseline_lines
from jaxmrl.reports.appearance import curve_label
from jaxmrl.reports.concordance import concordance_lines, write_concordance
from jaxmrl.reports.curve_comparison import Comparison, compare_curves, comparison_content, comparison_line
from jaxmrl.reports.ensembles import ensemble_rows
from jaxmrl.reports.equivalence import EquivalenceRow, equivalence_rows
from jaxmrl.reports.extra_source import (
    ExtraComparison,
    ExtraRow,
    compare_extra,
    extra_content,
    extra_lines,
    extra_rows,
    extra_table,
)
from jaxmrl.reports.findings import Findings
from jaxmrl.reports.joint import Joint, joints_of, say_joints, with_joints
from jaxmrl.reports.law_tables import forecast_table, law_lines
from jaxmrl.reports.left_out import left_out_notes
from jaxmrl.reports.optimism import optimism_lines
from jaxmrl.reports.pruning_table import (
    Compared,
    PruningRow,
    compare_to_random,
    comparison_table,
    no_law_lines,
    pruning_rows,
    worth_table,
)
from jaxmrl.reports.resampling import resampled_metrics
from jaxmrl.reports.rolling_origin import cut_dates, rolling_lines
from jaxmrl.reports.terminal import Reporter, sweep_table
from jaxmrl.rows import DIVERGED, LATE, STOPPED, UNDEFINED, CurveIdentity, ResultRow
from jaxmrl.runs.curves import MeasuredCurve, PointRow, curves_of, fits_content, point_rows, rows_of
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.runs.ensembles import ENSEMBLES, EnsembleRow
from jaxmrl.runs.tuning import read_tuning
from jaxmrl.scaling.analysis import REFERENCE, Analysis, analyze, without_law
from jaxmrl.scaling.convergence import training_flags
from jaxmrl.scaling.kinds import Kind
from jaxmrl.scaling.points import GUESSES, points_of
from jaxmrl.scaling.prior import prior_of
from jaxmrl.text import count
from jaxmrl.training.metrics import METRICS, Metric
from jaxmrl.training.model_spec import ModelSpec

Orders = dict[tuple[ModelSpec, str], dict[str, np.ndarray]]
"""For each model and split, {pruning: each seed's training molecules in order of keeping [S, n]}."""


def summarize(
    run: RunDirectory,
    rows: list[ResultRow],
    config: SweepConfig,
    problems: list[TaskData],
    orders: Orders,
    given: Mapping[str, Mapping[str, np.ndarray]],
    reporter: Reporter,
) -> tuple[list[MeasuredCurve], list[Analysis], list[EnsembleRow]]:
    """Write what follows from results.csv, including report.html. Print and return curves, analyses and ensembles.

    orders: of each model and split, {pruning: each seed's molecules in order of keeping [S, n]}; given: the same of
    each split, by --scores, which classical models follow, too.
    """
    problem = problems[0]
    metric = METRICS[problem.metric]
    label_of_metric = metric.mean_label(len(problem.table.tasks))
    kinds = by_kind(problems)
    curves = curves_of(rows, {kind: splits[0].overlap for kind, splits in kinds.items()})
    left_out = [
        left_out_notes(
            curve, rows, problem.table.task, {one.repeat.seed: one.unjudged for one in kinds[curve.identity.split]}
        )
        for curve in curves
    ]
    analyses = [
        analyze_run(run, rows, curve, kinds[curve.identity.split], notes)
        for curve, notes in zip(curves, left_out, strict=True)
    ]
    run.write_rows("curves.csv", PointRow.columns(), [row for curve in curves for row in point_rows(curve)])
    joints = joints_of(curves, rows, metric.higher_is_better)
    fits = with_joints(fits_content(curves, analyses, partial(length_text, config)), curves, joints)
    run.write("fits.json", json.dumps(fits, indent=2) + "\n")
    title = ", ".join(filter(None, (config.name, f"{' and '.join(config.splits)} split", length_text(config))))
    write_figures(run, curves, analyses, joints, metric_label=label_of_metric, unit=problem.mean_unit, title=title)
    ensembles = write_ensembles(run, rows, problems)
    say_points(rows, curves, label_of_metric, problems, ensembles, reporter)
    if config.save_predictions and any(
        one.points is not None and one.points.splits == 1 and one.points.log_error_resamples is None for one in analyses
    ):
        reporter.say("predictions of some replicas are missing or damaged; intervals include only the spread of seeds")
    labels = [curve_label(curve, curves) for curve in curves]
    for line in shared_lines(labels, left_out) if len(curves) > 1 else ():
        reporter.say(line)
    say_laws(labels, analyses, label_of_metric, reporter)
    say_joints(joints, label_of_metric, reporter)
    concordances = write_concordance(run, rows, problems)
    for line in (*baseline_lines(curves, rows), *concordance_lines(concordances, curves, labels)):
        reporter.say(line)
    for line in optimism_lines(curves, metric, label_of_metric):
        reporter.say(line)
    for label, curve in zip(labels, curves, strict=True):
        if curve.identity.split == ROLLING and not curve.is_reference:
            for line in rolling_lines(label, cut_dates(curve, kinds[ROLLING], metric), metric):
                reporter.say(line)
    extra = compare_extra(curves, metric.higher_is_better)
    side_by_side = write_comparisons(run, curves, analyses, extra, metric, label_of_metric, reporter)
    priced = write_equivalence(run, curves, analyses, rows)
    one_subset = one_subset_prunings([*orders.values(), *given.values()])
    compared = write_pruning(run, curves, one_subset, metric, label_of_metric, reporter)
    named, tuning, facts = (
        _orders_of_seed_0(orders, kinds),
        read_tuning(run.path) if config.tune else [],
        run.metadata(),
    )
    findings = Findings(
        *(config, problems, facts, rows, curves, analyses, side_by_side, compared, named, ensembles, tuning, priced),
        *(concordances, extra, joints),
    )
    write_report(run, findings)
    reporter.say(f"Results: {run.path}. Open {run.path / 'report.html'}")
    return curves, analyses, ensembles


def write_report(run: RunDirectory, findings: Findings) -> None:
    """Write report.html."""
    from jaxmrl.reports.page import report_html  # here, because Matplotlib is slow to import

    run.write("report.html", report_html(findings))


def _orders_of_seed_0(orders: Orders, kinds: Iterable[str]) -> dict[str, dict[str, np.ndarray]]:
    """Return, by the name of each model and split, {pruning: the molecules in the order in which seed 0 keeps them}."""
    return {
        f"{spec.name}, {split} split": {pruning: by_seed[0] for pruning, by_seed in by_pruning.items()}
        for (spec, split), by_pruning in orders.items()
        if split in kinds
    }


def write_figures(
    run: RunDirectory,
    curves: list[MeasuredCurve],
    analyses: list[Analysis],
    joints: list[Joint],
    *,
    metric_label: str,
    unit: str,
    title: str,
) -> None:
    """Write the figures of the curves and, where there are several sizes of a model, of its capacity and joint law.

    metric_label, unit, title: as in `plots.draw_curves`.
    """
    from jaxmrl.reports import plots  # here, because Matplotlib is slow to import
    from jaxmrl.reports.capacity_figure import capacity_groups, draw_capacity
    from jaxmrl.reports.joint_figure import draw_joint

    figures = {"curve": plots.draw_curves(curves, analyses, metric_label=metric_label, unit=unit, title=title)}
    if capacity_groups(curves):
        figures["capacity"] = draw_capacity(curves, metric_label=metric_label, unit=unit, title=title)
    if fitted := [(joint.label, joint.analysis.forecast) for joint in joints if joint.analysis.forecast is not None]:
        figures["joint"] = draw_joint(fitted, metric_label=metric_label, unit=unit, title=title)
    for name, figure in figures.items():
        for kind in ("png", "svg"):
            run.write(f"{name}.{kind}", plots.render(figure, kind))


def write_ensembles(run: RunDirectory, rows: list[ResultRow], problems: list[TaskData]) -> list[EnsembleRow]:
    """Write ensembles.csv where predictions were kept; return its rows."""
    found = ensemble_rows(run, rows, problems)
    if found:
        run.write_rows(ENSEMBLES, EnsembleRow.columns(), found)
    return found


def say_points(
    rows: list[ResultRow],
    curves: list[MeasuredCurve],
    metric_label: str,
    problems: list[TaskData],
    ensembles: list[EnsembleRow],
    reporter: Reporter,
) -> None:
    """Print which replicas did not finish, and the table of the points."""
    for line in status_lines(rows):
        reporter.say(line)
    kinds = by_kind(problems)
    near = {kind: splits[0].near_text for kind, splits in kinds.items() if splits[0].near_text is not None}
    reporter.console.print(sweep_table(curves, metric_label, near if len(kinds) > 1 else {}, ensembles))


def write_comparisons(
    run: RunDirectory,
    curves: list[MeasuredCurve],
    analyses: list[Analysis],
    extra: list[ExtraComparison],
    metric: Metric,
    metric_label: str,
    reporter: Reporter,
) -> list[Comparison]:
    """Write comparisons.json where curves can be compared by their laws, or with and without an extra source, which
    extra.csv has, too; print the comparisons, and return those by laws.
    """
    found = compare_curves(curves, analyses)
    content = [*comparison_content(found), *extra_content(extra, comparison_content([one.comparison for one in extra]))]
    if content:
        run.write("comparisons.json", json.dumps(content, indent=2) + "\n")
    if extra:
        run.write_rows("extra.csv", ExtraRow.columns(), extra_rows(extra))
        reporter.console.print(extra_table(extra, metric_label, metric.direction))
    for line in (*extra_lines(extra), *map(comparison_line, found)):
        reporter.say(line)
    return found


def write_equivalence(
    run: RunDirectory, curves: list[MeasuredCurve], analyses: list[Analysis], rows: list[ResultRow]
) -> list[EquivalenceRow]:
    """Write equivalence.csv where several curves of a split have a law; return its rows."""
    found = equivalence_rows(curves, analyses, rows)
    if found:
        run.write_rows("equivalence.csv", EquivalenceRow.columns(), found)
    return found


def write_pruning(
    run: RunDirectory,
    curves: list[MeasuredCurve],
    one_subset: Iterable[str],
    metric: Metric,
    metric_label: str,
    reporter: Reporter,
) -> list[Compared[CurveIdentity]]:
    """Write pruning.csv where there are pruned curves beside random ones; print and return the comparisons.

    one_subset: the prunings that keep the same molecules whatever the seed.
    """
    found = compare_to_random(curves, one_subset, metric.higher_is_better)
    if found:
        run.write_rows("pruning.csv", PruningRow.columns(), pruning_rows(found))
        reporter.console.print(comparison_table(found, metric_label, metric.higher_is_better))
        reporter.console.print(worth_table(found, metric_label))
    return found


def say_laws(labels: list[str], analyses: list[Analysis], metric_label: str, reporter: Reporter) -> None:
    """Print the laws and forecasts of the curves of random samples, and why the others have none."""
    named = list(zip(labels, analyses, strict=True))
    fitted = [(label, one) for label, one in named if one.random_samples and one.kind != Kind.REFERENCE]
    if len(fitted) > 1:
        names, laws = [label for label, _ in fitted], [analysis for _, analysis in fitted]
        reporter.console.print(forecast_table(names, laws, metric_label))
    for line in law_lines(*fitted[0], metric_label) if len(fitted) == 1 else ():
        reporter.say(line)
    for label, analysis in named:
        for flag in analysis.training_flags if len(fitted) > 1 or not analysis.random_samples else ():
            reporter.say(f"{label}: {flag}")
    for line in no_law_lines(named):
        reporter.say(line)


def one_subset_prunings(orders: Iterable[Mapping[str, np.ndarray]]) -> set[str]:
    """Return the prunings that keep the same molecules whatever the seed, as by a file with one score a molecule.

    orders: {pruning: each seed's molecules in order of keeping [S, n]} of each model and split.
    """
    return {
        pruning
        for by_pruning in orders
        for pruning, by_seed in by_pruning.items()
        if len(by_seed) > 1 and (by_seed == by_seed[0]).all()
    }


def status_lines(rows: list[ResultRow]) -> list[str]:
    """Return what to know of replicas that did not train to the end."""
    done = Counter(row.status for row in rows)
    said = {
        DIVERGED: "diverged and are left out of the curves",
        LATE: "diverged in the second half of training; their best epoch before that is used",
        UNDEFINED: "had no task to learn and are left out of the curves",
        STOPPED: "stopped early",
    }
    return [
        f"{done[status]} of {count(len(rows), 'replica')} {what}: see results.csv"
        for status, what in said.items()
        if done[status]
    ]


def shared_lines(labels: list[str], notes: list[tuple[str, ...]]) -> list[str]:
    """Return the notes of several curves: once where all have the same, else each curve's after its label."""
    if len(set(notes)) == 1:
        return list(notes[0])
    return [f"{label}: {note}" for label, own in zip(labels, notes, strict=True) for note in own]


def analyze_run(
    run: RunDirectory, rows: list[ResultRow], curve: MeasuredCurve, splits: list[TaskData], notes: tuple[str, ...]
) -> Analysis:
    """Return the laws of a curve of a run, over its seeds and other test molecules.

    These are those of several splits or, of one split where predictions were kept, drawn molecules.

    splits: the task data of each split of the curve; notes: what else to know of the curve.
    """
    used, (problem, *others) = rows_of(curve, rows), splits
    resampled = resampled_metrics(run, used, problem) if curve.random_samples and not others else None
    guess, metric = error_of_guessing(splits), METRICS[problem.metric]
    return analyze_seeds(curve, used, metric, guess, notes, resampled, problem.noise_floor)


def analyze_seeds(
    curve: MeasuredCurve,
    rows: list[ResultRow],
    metric: Metric,
    guess: float | None,
    notes: tuple[str, ...],
    resampled: np.ndarray | None = None,
    noise_floor: float = 0.0,
) -> Analysis:
    """Return the laws of a curve over its seeds.

    rows: those that its points are made of, as of `rows_of`; notes: what else to know of the curve; others as in
    `analyze_curve`.
    """
    seeds, splits = np.array([f"seed {row.seed}" for row in rows]), np.array([row.split_seed for row in rows])
    analysis = analyze_curve(curve, metric.higher_is_better, guess, resampled, seeds, splits, noise_floor)
    return replace(analysis, notes=(*analysis.notes, *notes), training_flags=training_flags(curve.convergence))


def analyze_curve(
    curve: MeasuredCurve,
    higher_is_better: bool,
    guess: float | None,
    resampled: np.ndarray | None = None,
    run: np.ndarray | None = None,
    split: np.ndarray | None = None,
    noise_floor: float = 0.0,
) -> Analysis:
    """Return the laws of a curve, over all its runs; one without a law if it is not of random samples, and REFERENCE
    for the training mean.

    guess: the error of guessing; resampled, run, split: as in `points_of`; noise_floor: as in `analyze`.
    """
    if curve.no_law:
        return without_law(curve.no_law)
    if curve.is_reference:
        return REFERENCE
    n = np.repeat([point.n_train for point in curve.points], [point.n_seeds for point in curve.points])
    tests = np.array([test for point in curve.points for test in point.tests])
    return analyze(
        points_of,
        n,
        tests,
        run=run,
        split=split,
        overlap=curve.overlap,
        higher_is_better=higher_is_better,
        guess=guess,
        resampled=resampled,
        noise_floor=noise_floor,
        prior=prior_of(curve.metric),
    )


def error_of_guessing(splits: list[TaskData]) -> float | None:
    """Return 1 - the metric that guesses have on the test molecules; None if there is none, as in regression.

    Of average precision it is the share of inactive ones, a mean over the tasks that have both and over the splits.
    """
    if splits[0].metric != "average_precision":
        return GUESSES.get(splits[0].metric)
    known = [share for problem in splits if (share := _inactive_share(problem)) is not None]
    return float(np.mean(known)) if known else None


def _inactive_share(problem: TaskData) -> float | None:
    labels = problem.table.labels[problem.split.test].astype(float)
    active, known = np.nansum(labels, axis=0), np.isfinite(labels).sum(axis=0)
    judged = (active > 0) & (active < known)
    return float(1 - np.mean(active[judged] / known[judged])) if judged.any() else None
