"""What the page shows of a run, as data for JSON, read from its files with the readers that all commands share."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from jaxmrl.baselines.planned import planned_of
from jaxmrl.config.names import PER_SD
from jaxmrl.errors import DataError, UserError
from jaxmrl.reports.appearance import axis_label, curve_label
from jaxmrl.rows import CurveIdentity, HistoryRow, ResultRow
from jaxmrl.runs.curves import MeasuredCurve, curves_of
from jaxmrl.runs.live import LiveProgress, is_running, read_progress
from jaxmrl.runs.saved_settings import MARKS, read_sweep
from jaxmrl.runs.tables import HISTORY, RESULTS, read_history, read_results
from jaxmrl.serve.discovery import SHOWN, is_ordinary
from jaxmrl.text import exact
from jaxmrl.training.metrics import METRICS, mean_label_of

RUNNING, FINISHED, STOPPED, DAMAGED = "running", "finished", "not finished", "damaged"
"""States of a run."""

REPORT = "report.html"
MOST_ROWS, MOST_EPOCHS = 200, 200
"""The most results, and the most epochs of a replica's history, that the page shows."""


@dataclass(frozen=True)
class Summary:
    """A run in the list of runs.

    Attributes:
        id: Its identity in addresses.
        name: The name of its folder.
        path: The folder.
        state: `running`, `finished`, `not finished` or `damaged`.
        problem: What is wrong with its files; empty where nothing is.
        done: The number of replicas that have ended.
        planned: The number of replicas of the sweep; None where that cannot be read.
        steps: The optimizer steps of the replicas that have ended.
        progress: How far the present stage has come, while it is running.
    """

    id: str
    name: str
    path: str
    state: str
    problem: str = ""
    done: int = 0
    planned: int | None = None
    steps: int = 0
    progress: LiveProgress | None = None


@dataclass(frozen=True)
class ShownPoint:
    """A point of a curve: the mean over seeds, their standard deviation if there are several, and each seed's value."""

    fraction: float
    n_train: int
    mean: float
    sd: float | None
    tests: tuple[float, ...]


@dataclass(frozen=True)
class ShownCurve:
    """A learning curve with the words that distinguish it from the others."""

    label: str
    metric: str
    points: list[ShownPoint]


@dataclass(frozen=True)
class ShownHistory:
    """The mean validation metric of the replicas of a curve and a size: (epoch, mean) for each validation."""

    label: str
    n_train: int
    points: list[tuple[int, float]]


@dataclass(frozen=True)
class ShownRow:
    """A row of results.csv."""

    label: str
    fraction: str
    n_train: int
    seed: int
    status: str
    valid: float | None
    test: float | None
    steps: int


@dataclass(frozen=True)
class Detail:
    """All that the page shows of a run.

    Attributes:
        summary: The run in the list of runs.
        axis: What the curves measure, in words.
        metric: The name of the metric, in words.
        curves: The curves of the results so far.
        history: The validations of the replicas that have ended.
        rows: The last results, newest first.
        files: The names of the files that can be opened.
    """

    summary: Summary
    axis: str = ""
    metric: str = ""
    curves: list[ShownCurve] = field(default_factory=list)
    history: list[ShownHistory] = field(default_factory=list)
    rows: list[ShownRow] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def read_summary(identity: str, folder: Path) -> Summary:
    """Return a run for the list of runs. A problem with its files is part of it, and is not raised.

    Args:
        identity: The identity of the run in addresses.
        folder: The run directory.
    """
    return _read(identity, folder)[0]


def read_detail(identity: str, folder: Path) -> Detail:
    """Return all that the page shows of a run. A problem with its files is part of it, and is not raised.

    Args:
        identity: The identity of the run in addresses.
        folder: The run directory.
    """
    summary, rows = _read(identity, folder)
    files = [name for name in SHOWN if is_ordinary(folder / name)]
    curves = curves_of(rows)
    try:
        axis, metric = _words(curves)
        labels = {curve.identity: curve_label(curve, curves) for curve in curves}
        history = read_history(folder / HISTORY) if is_ordinary(folder / HISTORY) else {}
        return Detail(
            summary,
            axis,
            metric,
            [_shown_curve(curve, labels[curve.identity]) for curve in curves],
            list(_shown_history(rows, history.values(), labels)),
            [_shown_row(row, labels[row.curve.of_all_sizes]) for row in rows[: -MOST_ROWS - 1 : -1]],
            files,
        )
    except (UserError, OSError, ValueError) as error:
        return Detail(_damaged(summary, error), files=files)


def _read(identity: str, folder: Path) -> tuple[Summary, list[ResultRow]]:
    """Return a run for the list, and the rows of its results: none where its files are damaged."""
    running = is_running(folder)
    summary = Summary(identity, folder.name, str(folder), RUNNING if running else STOPPED)
    try:
        if missing := [name for name in MARKS if not is_ordinary(folder / name)]:
            raise DataError(f"{folder} has no file {missing[0]}: it was removed, or it is a link")
        rows = read_results(folder / RESULTS)
        planned = planned_of(folder, *read_sweep(folder))
    except (UserError, OSError, ValueError) as error:
        return _damaged(summary, error), []
    done = len(rows)
    finished = done >= planned and is_ordinary(folder / REPORT)
    state = RUNNING if running else FINISHED if finished else STOPPED
    steps, progress = sum(row.steps for row in rows), read_progress(folder)
    return Summary(identity, folder.name, str(folder), state, "", done, planned, steps, progress), rows


def _damaged(summary: Summary, error: Exception) -> Summary:
    return Summary(summary.id, summary.name, summary.path, DAMAGED, str(error) or type(error).__name__)


def _words(curves: list[MeasuredCurve]) -> tuple[str, str]:
    """Return what the axis of the curves and the metric are called; empty without curves."""
    if not curves:
        return "", ""
    if curves[0].metric.removesuffix(PER_SD) not in METRICS:
        raise DataError(f"the metric {curves[0].metric!r} of {RESULTS} is not known to this version of jaxmrl")
    metric = mean_label_of(curves[0].metric)
    return axis_label(curves, metric), metric


def _shown_curve(curve: MeasuredCurve, label: str) -> ShownCurve:
    points = [
        ShownPoint(one.fraction, one.n_train, one.mean, None if math.isnan(one.sd) else one.sd, one.tests)
        for one in curve.points
        if one.tests
    ]
    return ShownCurve(label, curve.metric, points)


def _shown_row(row: ResultRow, label: str) -> ShownRow:
    return ShownRow(label, exact(row.fraction), row.n_train, row.seed, row.status, row.valid, row.test, row.steps)


def _shown_history(
    rows: list[ResultRow], histories: Iterable[list[HistoryRow]], labels: dict[CurveIdentity, str]
) -> Iterable[ShownHistory]:
    """Yield the histories of the replicas that have a row and more than one validation, by curve and size."""
    ended = {row.key for row in rows}
    groups: dict[tuple[str, int], dict[int, list[float]]] = {}
    for history in histories:
        if len(history) > 1 and history[0].key in ended:
            first = history[0]
            epochs = groups.setdefault((labels[first.curve.of_all_sizes], first.n_train), {})
            for one in history:
                if one.valid is not None:
                    epochs.setdefault(one.epoch, []).append(one.valid)
    for (label, n_train), epochs in sorted(groups.items()):
        means = [(epoch, sum(values) / len(values)) for epoch, values in sorted(epochs.items())]
        yield ShownHistory(label, n_train, means[:: max(1, math.ceil(len(means) / MOST_EPOCHS))])
