"""The result at each cut date of a rolling origin, next to its forecast from the earlier dates."""

from typing import NamedTuple

import numpy as np

from jaxmrl.config.names import ROLLING
from jaxmrl.data.task_data import TaskData
from jaxmrl.reports.blocks import Block, Section, table
from jaxmrl.reports.findings import Findings
from jaxmrl.runs.curves import MeasuredCurve
from jaxmrl.scaling.rolling import LEVEL, BlockForecast, rolling_forecasts
from jaxmrl.text import count
from jaxmrl.training.metrics import Metric

_EXPLAINED = (
    "At each cut date, models are trained on all molecules before it and tested on the next block. The forecast is "
    "based on the earlier blocks: a power law of the number of training molecules, and the spread between blocks. A "
    "few blocks say little about this spread, so the first intervals are wide. Later ones use all results before their "
    "date."
)


class CutDate(NamedTuple):
    """One cut date on a curve.

    Attributes:
        cut: The date.
        n_train: The number of training molecules before it.
        n_test: The number of molecules of the next block.
        metric: The mean metric on that block.
        forecast: The forecast of the error and the error; None at the first date.
    """

    cut: str
    n_train: int
    n_test: int
    metric: float
    forecast: BlockForecast | None


def cut_dates(curve: MeasuredCurve, problems: list[TaskData], metric: Metric) -> list[CutDate]:
    """Return the cut dates of a curve, in order.

    Args:
        curve: A curve of rolling origins.
        problems: The task data of each cut date.
        metric: The metric, whose distance from its best value is the error.
    """
    by_size = {len(one.split.train): one for one in problems}
    points = [(point, by_size[point.n_train]) for point in curve.points if point.n_train in by_size]
    errors = np.array([abs(_best(metric) - point.mean) for point, _ in points])
    forecasts: list[BlockForecast | None] = [None] * len(points)
    if len(points) and (errors > 0).all():
        forecasts[1:] = rolling_forecasts(np.array([point.n_train for point, _ in points]), errors)
    return [
        CutDate(one.repeat.cut, point.n_train, len(one.split.test), point.mean, forecast)
        for (point, one), forecast in zip(points, forecasts, strict=True)
    ]


def rolling_lines(label: str, found: list[CutDate], metric: Metric) -> list[str]:
    """Return the lines that the terminal prints about the cut dates of a curve."""
    said = [
        f"{label}, {one.cut}: {metric.label} of the next {count(one.n_test, 'molecule')} {one.metric:.3g}"
        + (f"; forecast from earlier blocks: {_interval(one.forecast, metric)}" if one.forecast else "")
        for one in found
    ]
    return [*said, f"{label}: {_inside(found)}"] if len(found) > 1 else said


def rolling_section(found: Findings) -> Section | None:
    """Return the forecast and the result at each cut date; None without a rolling split."""
    problems, blocks = found.kinds.get(ROLLING, []), []
    for label, curve in zip(found.labels, found.curves, strict=True):
        if curve.identity.split == ROLLING and not curve.is_reference:
            dates = cut_dates(curve, problems, found.metric)
            rows = [_row(one, found.metric) for one in dates]
            head = (
                "cut date",
                "training molecules",
                "next block",
                f"forecast ({LEVEL:.0%} interval)",
                "result",
                "inside",
            )
            blocks.append(table(f"{label}: {_inside(dates)}", head, rows, (1, 2, 3, 4)))
    return Section("Cut dates", [*blocks, Block("text", text=_EXPLAINED)]) if blocks else None


def _row(one: CutDate, metric: Metric) -> tuple[str, ...]:
    forecast = _interval(one.forecast, metric) if one.forecast else ""
    inside = "" if one.forecast is None else "yes" if one.forecast.inside else "no"
    return one.cut, f"{one.n_train:,}", f"{one.n_test:,}", forecast, f"{one.metric:.3g}", inside


def _interval(forecast: BlockForecast, metric: Metric) -> str:
    """Return a forecast as values of the metric, the lower end first."""
    sign = -1.0 if metric.higher_is_better else 1.0
    expected, *ends = (_best(metric) + sign * error for error in (forecast.expected, forecast.low, forecast.high))
    return f"{expected:.3g} [{min(ends):.3g}, {max(ends):.3g}]"


def _best(metric: Metric) -> float:
    return 1.0 if metric.higher_is_better else 0.0


def _inside(found: list[CutDate]) -> str:
    known = [one.forecast for one in found if one.forecast]
    return f"{sum(one.inside for one in known)} of {count(len(known), 'result')} inside the {LEVEL:.0%} interval"
