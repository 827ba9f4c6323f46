"""What a sweep found, as it is returned: rows, and curves that plot themselves and give DataFrames."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from jaxmrl.errors import ConfigError
from jaxmrl.reports.appearance import curve_label
from jaxmrl.reports.notebook import curves_html
from jaxmrl.rows import ResultRow, Row
from jaxmrl.runs.curves import MeasuredCurve, point_rows
from jaxmrl.runs.ensembles import EnsembleRow
from jaxmrl.scaling.analysis import Analysis
from jaxmrl.text import count
from jaxmrl.training.metrics import mean_label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame


@dataclass(frozen=True)
class LearningCurve(MeasuredCurve):
    """A learning curve of a sweep: its measured points, and the laws that were fitted to them.

    Attributes:
        identity: What distinguishes it from other curves: data set, model, size, split, pruning and so on.
        metric: The name of the metric, a mean over tasks.
        points: For each fraction, the number of training molecules and the test metric of each seed.
        analysis: The laws and the forecast. Curves are compared without it.
    """

    analysis: Analysis = field(repr=False, compare=False, kw_only=True)

    @classmethod
    def of(cls, curve: MeasuredCurve, analysis: Analysis) -> Self:
        """Return a measured curve with its analysis.

        Args:
            curve: The measured curve.
            analysis: The laws and the forecast.
        """
        return cls(curve.identity, curve.metric, curve.points, curve.overlap, analysis=analysis)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw every run, the means, and the law with its 90% interval, dashed beyond the data.

        Args:
            ax: Matplotlib axes to draw on. None makes a new figure, which a notebook shows.

        Returns:
            The axes.
        """
        return _plotted([self], ax)

    def _repr_html_(self) -> str:
        """Return what a notebook shows of the curve: its figure, and a table of its points."""
        return curves_html(f"Learning curve of {curve_label(self, [self])}", [self], [self.analysis])

    def to_frame(self) -> "DataFrame":
        """Return the points as a pandas DataFrame.

        Returns:
            A row for each point, with the columns of curves.csv.

        Raises:
            UserError: If pandas is not installed.
        """
        return _frame(point_rows(self))


@dataclass(frozen=True)
class SweepResult:
    """The result of a sweep. Its run directory has the same as files.

    Attributes:
        directory: The run directory.
        rows: The rows of results.csv, one for each replica.
        curves: The learning curves, one for each combination of model, split, pruning and initialization.
        missing: The number of replicas of the sweep that have no row yet; 0 for a sweep that has ended.
        ensembles: The rows of ensembles.csv: the test metric of the mean prediction of the seeds, at each size. It
            takes `save_predictions`.
    """

    directory: Path
    rows: list[ResultRow]
    curves: list[LearningCurve]
    missing: int = 0
    ensembles: list[EnsembleRow] = field(default_factory=list)

    @property
    def analyses(self) -> list[Analysis]:
        """The analysis of each curve, in the order of `curves`."""
        return [curve.analysis for curve in self.curves]

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw all curves on the same axes, as `LearningCurve.plot` draws one.

        Args:
            ax: Matplotlib axes to draw on. None makes a new figure, which a notebook shows.

        Returns:
            The axes.
        """
        return _plotted(self.curves, ax)

    def _repr_html_(self) -> str:
        """Return what a notebook shows of the result: the figure of all curves, and a table of their points."""
        done = f"{len(self.rows):,} of {count(len(self.rows) + self.missing, 'replica')}"
        heading = f"{self.directory}: {done}, {count(len(self.curves), 'learning curve')}"
        return curves_html(heading, self.curves, self.analyses)

    def to_frame(self) -> "DataFrame":
        """Return the results as a pandas DataFrame.

        Returns:
            A row for each replica, with the columns of results.csv.

        Raises:
            UserError: If pandas is not installed.
        """
        return _frame(self.rows)


def _plotted(curves: list[LearningCurve], ax: "Axes | None") -> "Axes":
    from jaxmrl.reports.plots import plot_curves  # here, because Matplotlib is slow to import

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
    # A column of None alone would be one of objects.
    known = [{name: math.nan if value is None else value for name, value in row.values().items()} for row in rows]
    return pandas.DataFrame(known)
