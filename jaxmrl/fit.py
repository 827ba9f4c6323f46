"""Laws of anyone's learning curves, and what they foretell.

`python -m jaxmrl.fit CURVES.csv`, or `fit(FitConfig(...))`.
"""

import json
from typing import Any

import numpy as np

from jaxmrl.config import FitConfig
from jaxmrl.data.curves import CurveFile, CurveRows, read_curves
from jaxmrl.errors import DataError
from jaxmrl.report.equivalence import Comparison, compare, comparison_content, comparison_line
from jaxmrl.report.laws import laws_table, multiples_of, predictions_table
from jaxmrl.report.terminal import Reporter
from jaxmrl.scaling.analysis import Analysis, analyse, content, target_text
from jaxmrl.scaling.points import points_of, points_of_means
from jaxmrl.scaling.scale import Scale, scale_of
from jaxmrl.text import count


def fit(config: FitConfig, *, quiet: bool = True) -> dict[str, Any]:
    """Fits laws to the learning curves of a CSV file, and foretells the metric with more molecules.

    Returns what --json prints: of one curve its `laws`, `chosen`, `predictions`, `target`, `flags` and `notes`; of
    several such an entry for each as `curves`, and `comparisons` with the first. Raises UserError for a file or
    settings that cannot be used, and where no curve has a law.
    """
    reporter = Reporter(quiet=quiet or config.json)
    file = read_curves(config)
    scale = find_scale(config, file)
    reporter.say(f"{config.csv}: {read_text(file)}; {file.metric}, {scale.text}")
    for remark in file.notes:
        reporter.say(f"note: {remark}")
    guess = scale.error_of_guessing(config.guess)
    analyses = [analyse_rows(rows, scale, guess) for rows in file.curves]
    check_fitted(config, analyses)
    for rows, analysis in zip(file.curves, analyses, strict=True):
        tell(config, curve_name(rows), file.metric, analysis, reporter)
    compared = compare_with_first(file, analyses)
    for one in compared:
        reporter.say(comparison_line(one))
    found = as_content(config, file, scale, analyses, compared)
    if config.json:
        print(json.dumps(found, indent=2))
    return found


def find_scale(config: FitConfig, file: CurveFile) -> Scale:
    """Return the scale of the metric. Raises UserError where it is not known, or the target is beyond it."""
    given = config.higher_is_better or config.lower_is_better
    values = np.concatenate([rows.value for rows in file.curves])
    higher = config.higher_is_better if given else None
    scale = scale_of(file.metric, values, higher=higher, best=config.best)
    scale.check_target(config.target)
    return scale


def analyse_rows(rows: CurveRows, scale: Scale, guess: float | None) -> Analysis:
    """Return the analysis of one curve. guess: the error of guessing, if it is known."""
    settings = {"higher_is_better": scale.higher, "best": scale.best, "guess": guess}
    if rows.sd is None:
        return analyse(points_of, rows.n, rows.value, **settings)
    return analyse(points_of_means, rows.n, rows.value, rows.sd, rows.runs, **settings)


def check_fitted(config: FitConfig, analyses: list[Analysis]) -> None:
    """Raise DataError where no curve has a law."""
    if not any(analysis.forecast for analysis in analyses):
        notes = dict.fromkeys(note for analysis in analyses for note in analysis.notes)
        raise DataError(f"{config.csv}: no law can be fitted: {'; '.join(notes)}")


def read_text(file: CurveFile) -> str:
    """How much was read."""
    more = f", {count(len(file.curves), 'curve')}" if len(file.curves) > 1 else ""
    if not file.rejected:
        return f"{count(file.rows, 'row')}{more}"
    first = file.rejected[0]
    return f"{count(file.rows, 'row')}{more}, {len(file.rejected)} left out (line {first.line}: {first.reason})"


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


def as_content(config, file: CurveFile, scale: Scale, analyses: list[Analysis], compared) -> dict[str, Any]:
    """What --json prints."""
    known = {"metric": file.metric, "higher_is_better": scale.higher, "best": scale.best}
    known |= {"rejected": len(file.rejected), "remarks": list(file.notes)}
    found = [content(analysis, config.predict, config.target) for analysis in analyses]
    if len(found) == 1 and not file.by:
        return known | found[0]
    curves = [{"curve": rows.identity} | one for rows, one in zip(file.curves, found, strict=True)]
    return known | {"curves": curves, "comparisons": comparison_content(compared)}


if __name__ == "__main__":
    from jaxmrl.commands import fit_command

    fit_command()
