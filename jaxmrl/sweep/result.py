"""What a sweep found, as it is returned: rows, and curves that plot themselves and give DataFrames."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from matplotlib.axes import Axes

from jaxmrl.errors import ConfigError
from jaxmrl.reports.plots import plot_curves
from jaxmrl.rows import ResultRow, Row
from jaxmrl.runs.curves import MeasuredCurve, point_rows
from jaxmrl.scaling.analysis import Analysis
from jaxmrl.training.metrics import mean_label_of

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class LearningCurve(MeasuredCurve):
    """A learning curve of a sweep: its measured points, and the laws that were fitted to them.

    identity  what distinguishes it from others: data set, model, size, split, pruning, ...
    metric    the name of the metric, a mean over tasks
    points    for each fraction the number of training molecules and the test metric of each seed
    analysis  laws and forecast; not compared when curves are
    """

    analysis: Analysis = field(repr=False, compare=False)

    @classmethod
    def of(cls, curve: MeasuredCurve, analysis: Analysis) -> Self:
        """Return a measured curve with its analysis."""
        return cls(curve.identity, curve.metric, curve.points, analysis)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every run, the means, and the law with its interval, dashed beyond the data.

        Args:
            ax: Matplotlib axes to draw on; by default those of a new figure, which a notebook shows.

        Returns:
            The axes.
        """
        return _plotted([self], ax)

    def to_frame(self) -> "DataFrame":
        """Return a DataFrame with a row for each point, and the columns of curves.csv. Needs pandas."""
        return _frame(point_rows(self))


@dataclass(frozen=True)
class SweepResult:
    """What a sweep found; `directory` has it as files.

    rows     of results.csv: one for each replica
    curves   one for each combination of model, split, pruning and init
    missing  how many replicas of the sweep have no row yet; 0 for a sweep that has ended
    """

    directory: Path
    rows: list[ResultRow]
    curves: list[LearningCurve]
    missing: int = 0

    @property
    def analyses(self) -> list[Analysis]:
        """The analysis of each curve."""
        return [curve.analysis for curve in self.curves]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw all curves on the same axes, as `LearningCurve.plot` does one."""
        return _plotted(self.curves, ax)

    def to_frame(self) -> "DataFrame":
        """Return a DataFrame with a row for each replica, and the columns of results.csv. Needs pandas."""
        return _frame(self.rows)


def _plotted(curves: list[LearningCurve], ax: Axes | None) -> Axes:
    if ax is None:
        from matplotlib import pyplot  # here, for importing it may choose a backend and keep figures

        _, ax = pyplot.subplots(layout="constrained")
    plot_curves(ax, curves, [curve.analysis for curve in curves], metric_label=mean_label_of(curves[0].metric))
    return ax


def _frame(rows: Sequence[Row]) -> "DataFrame":
    try:
        import pandas
    except ImportError:
        raise ConfigError("to_frame needs pandas: pip install 'jaxmrl[frames]'") from None
    return pandas.DataFrame([row.values() for row in rows])
