"""Fit laws to the learning curves in any table, and forecast with them.

`python -m jaxmrl.fit CURVES.csv`, or `fit_curves(FitConfig(...))`.
"""

import json
import math
from typing import Any

import numpy as np

from jaxmrl.config import CurvesConfig, FitConfig
from jaxmrl.curves.sampling import PRUNING, REASONS
from jaxmrl.curves.table import CurveFile, CurveRows
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.fit.joint import FileJoint, file_joints
from jaxmrl.reports.curve_comparison import Comparison, compare, comparison_content, comparison_line
from jaxmrl.reports.joint import iso_table, joint_lines, optimum_table
from jaxmrl.reports.law_tables import laws_table, multiples_of, predictions_table
from jaxmrl.reports.pruning_table import (
    Compared,
    adjusted,
    compare_runs,
    compared_content,
    compared_line,
    marks_text,
    no_law_text,
)
from jaxmrl.reports.terminal import Reporter
from jaxmrl.scaling.analyses import analyze_all
from jaxmrl.scaling.analysis import Analysis, content
from jaxmrl.scaling.differences import Runs
from jaxmrl.scaling.joint_content import joint_content
from jaxmrl.scaling.kinds import Kind
from jaxmrl.scaling.scale import Scale
from jaxmrl.scaling.several import curve_name, find_scale, read_all, read_text, source_text
from jaxmrl.text import size_text

UNKNOWN_SUBSETS = (
    "The file does not say whether the seeds of a method share one subset, so each interval treats the subset as a "
    "single draw with the spread of random subsets"
)


def fit_curves(config: FitConfig, *, quiet: bool = True) -> dict[str, Any]:
    """Fit scaling laws to learning curves in files, forecast the metric with more molecules, and print both.

    Args:
        config: The settings: the files, their columns, and what to forecast.
        quiet: Whether to print nothing.

    Returns:
        What `--json` prints. For one curve: its `laws`, `chosen`, `predictions`, `target`, `flags` and `notes`. For
        several curves: such an entry for each in `curves`, and `comparisons` of each with the first.

    Raises:
        UserError: For a file or settings that cannot be used, and if no law can be fitted to any curve.
    """
    reporter = Reporter(quiet=quiet or config.json)
    file = read_all(config, (config.params_column,) if config.params_column else ())
    check_sizes(config, file)
    scale = find_scale(config, file)
    reporter.say(f"{source_text(config)}: {read_text(file)}; {file.metric}, {scale.text}")
    for remark in file.notes:
        reporter.say(f"note: {remark}")
    guess = scale.error_of_guessing(config.guess)
    analyses = analyze_all(file.curves, scale, guess, reporter, with_prior=not config.no_prior)
    check_fitted(config, analyses)
    if said := direction_text(config, file.metric, scale.higher, analyses):
        reporter.say(said)
    for rows, analysis in zip(file.curves, analyses, strict=True):
        if rows.random:
            tell(config, curve_name(rows), file.metric, analysis, reporter)
    for reason in REASONS:
        if names := [curve_name(rows) for rows in file.curves if rows.no_law == reason]:
            reporter.say(no_law_text(names, reason))
    compared = compare_with_first(file, analyses)
    for one in compared:
        reporter.say(comparison_line(one))
    pruned = compare_pruned(file, scale.higher)
    for size in pruned:
        reporter.say(compared_line(size))
    if pruned:
        known = pruned[0].comparisons > 0
        reporter.say(f"{marks_text(pruned)}{f'. {UNKNOWN_SUBSETS}' if known else ''}")
    joints = file_joints(file, config.params_column, scale) if config.params_column else []
    for joint in joints:
        tell_joint(config, file.metric, joint, reporter)
    found = as_content(config, file, scale, analyses, compared, pruned)
    if config.params_column:
        found["joint"] = [{"curves": joint.identity} | joint_content(joint.analysis, config.target) for joint in joints]
    if config.json:
        print(json.dumps(found, indent=2))
    return found


def check_sizes(config: FitConfig, file: CurveFile) -> None:
    """Raise ConfigError if --predict has a fraction of a molecule, and all sizes in the file are whole numbers."""
    sizes = np.concatenate([rows.n[np.isfinite(rows.n)] for rows in file.curves])
    broken = [n for n in config.predict if n != round(n)]
    if broken and (sizes == np.round(sizes)).all():
        raise ConfigError(
            f"--predict takes whole numbers of molecules, because all sizes in {source_text(config)} are whole "
            f"numbers; got {size_text(broken[0])}"
        )


def direction_text(config: FitConfig, metric: str, higher: bool, analyses: list[Analysis]) -> str:
    """Return a question for curves that all get worse by a metric whose name alone says what is better; else empty."""
    given = config.higher_is_better or config.lower_is_better
    if given or any(analysis.kind != Kind.WORSE for analysis in analyses):
        return ""
    option = "--lower-is-better" if higher else "--higher-is-better"
    assumed = f"{'higher' if higher else 'lower'} {metric} was assumed to be better, because of its name"
    worse = "all curves get worse" if len(analyses) > 1 else "the curve gets worse"
    return f"note: {worse}; {assumed}: if that is wrong, give {option}"


def check_fitted(config: CurvesConfig, analyses: list[Analysis]) -> None:
    """Raise DataError if nothing can be said about any curve, because none has a law, is saturated or gets worse."""
    if all(analysis.kind == Kind.NOT_FITTED for analysis in analyses):
        notes = dict.fromkeys(note for analysis in analyses for note in analysis.notes)
        raise DataError(f"{source_text(config)}: no law can be fitted: {'; '.join(notes)}")


def tell(config: FitConfig, name: str, metric: str, analysis: Analysis, reporter: Reporter) -> None:
    """Print the laws and forecasts of a curve."""
    begin = f"{name}: " if name else ""
    if analysis.forecast is None:
        reporter.say(f"{begin}no law fitted: {'; '.join(analysis.notes)}")
        tell_target(config, metric, analysis, reporter)
        return
    if name:
        reporter.say(name)
    reporter.console.print(laws_table(analysis, metric))
    reporter.say(f"law: {analysis.forecast.name} ({analysis.forecast.reasons})")
    reporter.say(f"forecast: {analysis.forecast.trend.basis}")
    reporter.say(f"curve: {analysis.kind_text}")
    for remark in (*analysis.flags, *analysis.notes):
        reporter.say(f"note: {remark}")
    sizes = np.array(config.predict) if config.predict else multiples_of(analysis)
    reporter.console.print(predictions_table(analysis, sizes, metric))
    tell_target(config, metric, analysis, reporter)


def tell_target(config: FitConfig, metric: str, analysis: Analysis, reporter: Reporter) -> None:
    """Print how many molecules the target takes, by the measured sizes and by the forecast if there is one."""
    if config.target is not None and (found := analysis.target(config.target)):
        reporter.say(f"{metric} {found['said']}")


def tell_joint(config: FitConfig, metric: str, joint: FileJoint, reporter: Reporter) -> None:
    """Print a joint law, the best use of several compute budgets, and the molecules that each model size needs."""
    for line in joint_lines(joint.analysis, metric, joint.name):
        reporter.say(line)
    if (forecast := joint.analysis.forecast) is not None:
        reporter.console.print(optimum_table(forecast, metric))
        reporter.console.print(iso_table(forecast, metric, config.target))


def compare_with_first(file: CurveFile, analyses: list[Analysis]) -> list[Comparison]:
    """Return the comparison of every other curve with the first, where both have laws."""
    named = [(curve_name(rows), analysis) for rows, analysis in zip(file.curves, analyses, strict=True)]
    fitted = [one for one in named if one[1].forecast]
    return [compare(name, fitted[0][0], ", ".join(file.by), analysis, fitted[0][1]) for name, analysis in fitted[1:]]


def compare_pruned(file: CurveFile, higher_is_better: bool) -> list[Compared[dict[str, str]]]:
    """Compare each size of each pruned curve with the random curve that differs from it in the pruning alone.

    The file does not say whether seeds share a subset, so the intervals allow for one subset at each size.
    """
    found = []
    for rows in file.curves:
        alike = lambda one, own=rows.identity: one.identity == own | {PRUNING: one.identity.get(PRUNING)}
        beside = next((one for one in file.curves if one.random and alike(one)), None)
        if rows.random or beside is None:
            continue
        random = runs_by_size(beside)
        for pruned in runs_by_size(rows, one_subset=True):
            if pruned.n < max(runs.n for runs in random):
                one = compare_runs(pruned, random, higher_is_better)
                found.append(Compared(rows.identity, None, file.metric, pruned, *one))
    return adjusted(found)


def runs_by_size(rows: CurveRows, one_subset: bool = False) -> list[Runs]:
    """Return the runs at each size of a curve, ascending; values that are no finite number are left out."""
    finite = np.isfinite(rows.value) & np.isfinite(rows.n)
    if rows.sd is not None:
        counts = np.ones(len(rows.n)) if rows.runs is None else rows.runs
        many = np.where(np.isfinite(counts), counts, 1).astype(int)
        kept = zip(*(values[finite].tolist() for values in (rows.n, rows.value, rows.sd, many)), strict=True)
        return sorted((Runs(n, mean, sd, runs, one_subset) for n, mean, sd, runs in kept), key=lambda runs: runs.n)
    found = []
    for n in np.unique(rows.n[finite]).tolist():
        values = rows.value[finite & (rows.n == n)]
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
        found.append(Runs(n, float(np.mean(values)), sd, len(values), one_subset))
    return found


def as_content(
    config: FitConfig,
    file: CurveFile,
    scale: Scale,
    analyses: list[Analysis],
    compared: list[Comparison],
    pruned: list[Compared[dict[str, str]]],
) -> dict[str, Any]:
    """Return what --json prints."""
    known = {"metric": file.metric, "higher_is_better": scale.higher, "best": scale.best}
    known |= {"rejected": len(file.rejected), "remarks": list(file.notes)}
    found = [content(analysis, config.predict, config.target) for analysis in analyses]
    if len(found) == 1 and not file.by:
        return known | found[0]
    curves = [{"curve": rows.identity} | one for rows, one in zip(file.curves, found, strict=True)]
    against_random = {"pruned": compared_content(pruned)} if pruned else {}
    return known | {"curves": curves, "comparisons": comparison_content(compared)} | against_random
