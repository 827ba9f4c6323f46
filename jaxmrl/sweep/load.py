"""The result of a sweep, read from its run directory."""

import os
import warnings
from pathlib import Path
from typing import Any

from jaxmrl.baselines.planned import planned_of
from jaxmrl.config import SweepConfig
from jaxmrl.config.names import PER_SD
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.reports.left_out import left_out_notes
from jaxmrl.reports.summary import analyze_seeds
from jaxmrl.rows import ResultRow
from jaxmrl.runs.curves import MeasuredCurve, curves_of, rows_of
from jaxmrl.runs.ensembles import read_ensembles
from jaxmrl.runs.saved_settings import read_sweep
from jaxmrl.runs.tables import RESULTS, read_results
from jaxmrl.scaling.analysis import Analysis
from jaxmrl.scaling.points import GUESSES
from jaxmrl.sweep.result import LearningCurve, SweepResult
from jaxmrl.text import count
from jaxmrl.training.metrics import METRICS

_SEEDS_ALONE = (
    "intervals count seeds only: those of fits.json also count the choice of test molecules, which needs labels that "
    "loading a run does not read"
)
_NO_GUESS = "laws that begin from the error of guessing are left out: they need labels that loading a run does not read"


def load_run(path: str | os.PathLike[str]) -> SweepResult:
    """Return the result of a sweep from its run directory, as `run_sweep` returned it.

    Nothing is trained or written, and the data set is not needed. If the sweep has not ended, these are the results so
    far: `missing` says how many replicas lack one, and a warning says so too. If a sweep saved predictions, or its
    metric is average precision, the laws of `fits.json` also use labels, which are not read here. A note of
    the analysis says where the laws here differ for that reason.

    Args:
        path: The run directory.

    Returns:
        The rows of results.csv, and the curves with their laws.

    Raises:
        UserError: For a folder that is not a run of a sweep, or is one of another version, or has no result yet, and
            for damaged files.
    """
    folder = Path(path)
    metadata, config = read_sweep(folder)
    rows = read_results(folder / RESULTS)
    planned = planned_of(folder, metadata, config)
    missing = max(0, planned - len(rows))
    if not rows:
        raise ConfigError(f"{folder} has no result yet: run the sweep's command again to train its {planned} replicas")
    if missing:
        warnings.warn(
            f"{folder}: {missing} of {count(planned, 'replica')} have no result yet; run the sweep's command again to "
            "train them",
            stacklevel=2,
        )
    sizes = {name: one["molecules"] for name, one in metadata["splits"].items()}
    overlaps = {name: parts["test"] / parts["train"] for name, parts in sizes.items()}
    curves = [_analyzed(one, rows, metadata, config) for one in curves_of(rows, overlaps)]
    return SweepResult(folder, rows, curves, missing, read_ensembles(folder))


def _analyzed(
    curve: MeasuredCurve, rows: list[ResultRow], metadata: dict[str, Any], config: SweepConfig
) -> LearningCurve:
    """Return a curve with its laws, over its seeds alone."""
    metric = METRICS.get(curve.metric.removesuffix(PER_SD))
    undefined = {
        one.get("split_seed", config.split_seed): one["left_out_of_mean"]
        for name, one in metadata.get("splits", {}).items()
        if name.split()[0] == curve.identity.split and "left_out_of_mean" in one
    }
    if metric is None or not {row.split_seed for row in rows_of(curve, rows)} <= undefined.keys():
        raise DataError(
            f"the metric {curve.metric!r} or the split {curve.identity.split!r} of {RESULTS} is not known to run.json "
            "or this version of jaxmrl: one of the files is damaged"
        )
    notes = left_out_notes(curve, rows, metric.task, undefined)
    guess = None if metric.name == "average_precision" else GUESSES.get(metric.name)
    if curve.random_samples:
        notes += (_SEEDS_ALONE,) if config.save_predictions and len(undefined) == 1 else ()
        notes += (_NO_GUESS,) if metric.name == "average_precision" else ()
    floor = metadata["splits"].get(curve.identity.split, {}).get("noise_floor", 0.0)
    analysis: Analysis = analyze_seeds(curve, rows_of(curve, rows), metric, guess, notes, noise_floor=floor)
    return LearningCurve.of(curve, analysis)
