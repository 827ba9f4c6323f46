"""Laws of anyone's learning curves, and what they foretell.

`python -m jaxmrl.fit CURVES.csv`, or `fit(FitConfig(...))`.
"""

import json
from typing import Any

import numpy as np

from jaxmrl.config import FitConfig
from jaxmrl.data.curves import CurveFile, CurveRows, direction_of, guess_of, read_curves
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.report.equivalence import Comparison, compare, comparison_content, comparison_line
from jaxmrl.report.laws import laws_table, multiples_of, predictions_table
from jaxmrl.report.terminal import Reporter
from jaxmrl.scaling.analysis import Analysis, analyse, content, target_text
from jaxmrl.scaling.points import points_of, points_of_means
from jaxmrl.text import count

_ROUNDED = 1e-6


def fit(config: FitConfig, *, quiet: bool = True) -> dict[str, Any]:
    """Fits laws to the learning curves of a CSV file, and foretells the metric with more molecules.

    Returns what --json prints: of one curve its `laws`, `chosen`, `predictions`, `target`, `flags` and `notes`; of
    several such an entry for each as `curves`, and `comparisons` with the first. Raises UserError for a file or
    settings that cannot be used.
    """
    reporter = Reporter(quiet=quiet or config.json)
    file = read_curves(config.csv, config.n_column, config.metric_column, config.by)
    higher, why = direction(config, file)
    check_scores(config, file, higher)
    reporter.say(f"{config.csv}: {read_text(file)}; {file.metric}, {'higher' if higher else 'lower'} is better ({why})")
    for remark in remarks(file):
        reporter.say(f"note: {remark}")
    guess = error_of_guessing(config, file.metric, higher)
    analyses = [analyse_rows(rows, higher, guess) for rows in file.curves]
    for rows, analysis in zip(file.curves, analyses, strict=True):
        tell(config, curve_name(rows), file.metric, analysis, reporter)
    compared = compare_with_first(file, analyses)
    for one in compared:
        reporter.say(comparison_line(one))
    found = as_content(config, file, higher, analyses, compared)
    if config.json:
        print(json.dumps(found, indent=2))
    return found


def direction(config: FitConfig, file: CurveFile) -> tuple[bool, str]:
    """Whether a higher metric is better, and why that is thought so. Raises DataError where nothing tells."""
    if config.higher_is_better or config.lower_is_better:
        return config.higher_is_better, "as told"
    higher = direction_of(file.metric)
    if higher is None:
        raise DataError(f"is more of {file.metric!r} better? Say so with --higher-is-better or --lower-is-better")
    return higher, "by its name"


def check_scores(config: FitConfig, file: CurveFile, higher: bool) -> None:
    """Raises DataError for scores in per cent, whose error is not 1 - score."""
    most = max(np.nanmax(np.where(np.isfinite(rows.value), rows.value, -np.inf)) for rows in file.curves)
    if higher and most > 1 + _ROUNDED:
        raise DataError(
            f"{config.csv} has {file.metric} up to {most:g}; a metric of which more is better is expected to be at "
            "most 1: divide percentages by 100; of one without such an end, only an error can be fitted"
        )
    if config.target is not None and (config.target >= 1 if higher else config.target <= 0):
        end = "below 1, the best there is" if higher else "above 0, the best there is"
        raise ConfigError(f"--target must be {end}; got {config.target:g}")


def error_of_guessing(config: FitConfig, metric: str, higher: bool) -> float | None:
    """The error that guessing gives, which some laws begin from; None where it is not known."""
    if config.guess is not None:
        return 1 - config.guess if higher else config.guess
    guess = guess_of(metric)
    return 1 - guess if higher and guess is not None else None


def analyse_rows(rows: CurveRows, higher: bool, guess: float | None) -> Analysis:
    """The analysis of one curve."""
    settings = {"higher_is_better": higher, "guess": guess}
    if rows.sd is None:
        return analyse(points_of, rows.n, rows.value, **settings)
    return analyse(points_of_means, rows.n, rows.value, rows.sd, rows.runs, **settings)


def read_text(file: CurveFile) -> str:
    """How much was read."""
    rows = sum(len(curve.n) for curve in file.curves)
    more = f", {count(len(file.curves), 'curve')}" if len(file.curves) > 1 else ""
    if not file.rejected:
        return f"{count(rows, 'row')}{more}"
    first = file.rejected[0]
    return f"{count(rows, 'row')}{more}, {len(file.rejected)} left out (line {first.line}: {first.reason})"


def remarks(file: CurveFile) -> list[str]:
    """What may have been meant otherwise."""
    said = [f"{name} varies: if it tells curves apart, give --by {name}" for name in file.varying]
    if max(rows.n.max() for rows in file.curves) <= 1:
        said.append("no size is above 1: they look like fractions, and molecules below are in units of them")
    return said


def curve_name(rows: CurveRows) -> str:
    """What tells it from the others."""
    return ", ".join(f"{column} {value}" for column, value in rows.identity.items())


def tell(config: FitConfig, name: str, metric: str, analysis: Analysis, reporter: Reporter) -> None:
    """Prints what is known of a curve."""
    begin = f"{name}: " if name else ""
    if analysis.forecast is None:
        reporter.say(f"{begin}no law fitted: {'; '.join(analysis.notes)}")
        return
    if name:
        reporter.say(name)
    reporter.console.print(laws_table(analysis, metric))
    reporter.say(f"to go by: {analysis.forecast.name} ({analysis.forecast.reasons})")
    for remark in (*analysis.flags, *analysis.notes):
        reporter.say(f"note: {remark}")
    sizes = np.array(config.predict) if config.predict else multiples_of(analysis)
    reporter.console.print(predictions_table(analysis, sizes, metric))
    if config.target is not None:
        reporter.say(f"{metric} {target_text(analysis.forecast.molecules_for(config.target), analysis.points)}")


def compare_with_first(file: CurveFile, analyses: list[Analysis]) -> list[Comparison]:
    """Every other curve beside the first, where both have laws."""
    named = [(curve_name(rows), analysis) for rows, analysis in zip(file.curves, analyses, strict=True)]
    fitted = [one for one in named if one[1].forecast]
    return [compare(name, fitted[0][0], ", ".join(file.by), analysis, fitted[0][1]) for name, analysis in fitted[1:]]


def as_content(config, file: CurveFile, higher: bool, analyses: list[Analysis], compared) -> dict[str, Any]:
    """What --json prints."""
    known = {"metric": file.metric, "higher_is_better": higher, "rejected": len(file.rejected)}
    known["remarks"] = remarks(file)
    found = [content(analysis, config.predict, config.target) for analysis in analyses]
    if len(found) == 1 and not file.by:
        return known | found[0]
    curves = [{"curve": rows.identity} | one for rows, one in zip(file.curves, found, strict=True)]
    return known | {"curves": curves, "comparisons": comparison_content(compared)}


if __name__ == "__main__":
    from jaxmrl.commands import fit_command

    fit_command()
