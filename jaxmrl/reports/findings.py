"""What a report is made of."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jaxmrl.config import SweepConfig
from jaxmrl.data.task_data import TaskData, by_kind
from jaxmrl.reports.appearance import curve_label
from jaxmrl.reports.concordance import ConcordanceRow
from jaxmrl.reports.curve_comparison import Comparison
from jaxmrl.reports.equivalence import EquivalenceRow
from jaxmrl.reports.extra_source import ExtraComparison
from jaxmrl.reports.joint import Joint
from jaxmrl.reports.pruning_table import Compared
from jaxmrl.rows import CurveIdentity, ResultRow
from jaxmrl.runs.curves import MeasuredCurve
from jaxmrl.runs.ensembles import EnsembleRow
from jaxmrl.runs.tuning import TuningRow
from jaxmrl.scaling.analysis import Analysis
from jaxmrl.training.metrics import METRICS, Metric


@dataclass(frozen=True)
class Findings:
    """The settings, data and metadata of a run, and all that follows from its results.

    orders: for each model and split, {pruning: positions in the table, in the order in which seed 0 keeps them}
    tuning, equivalence, concordance: rows of tuning.csv, equivalence.csv and concordance.csv
    extra: each curve with an extra source beside the one without it
    joints: the joint laws of data and model size, where there are several widths or depths
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
    ensembles: list[EnsembleRow] = field(default_factory=list)
    tuning: list[TuningRow] = field(default_factory=list)
    equivalence: list[EquivalenceRow] = field(default_factory=list)
    concordance: list[ConcordanceRow] = field(default_factory=list)
    extra: list[ExtraComparison] = field(default_factory=list)
    joints: list[Joint] = field(default_factory=list)

    @property
    def kinds(self) -> dict[str, list[TaskData]]:
        """The task data of each kind of split, of one or several splits."""
        return by_kind(self.problems)

    @property
    def labels(self) -> list[str]:
        """The names that distinguish the curves."""
        return [curve_label(curve, self.curves) for curve in self.curves]

    @property
    def labeled(self) -> list[tuple[str, Analysis]]:
        """The name of each curve, and its analysis."""
        return list(zip(self.labels, self.analyses, strict=True))

    @property
    def forecasts(self) -> bool:
        """Whether any curve has a law that forecasts it."""
        return any(analysis.forecast is not None for analysis in self.analyses)

    @property
    def metric(self) -> Metric:
        """The metric that the runs report."""
        return METRICS[self.problems[0].metric]

    @property
    def metric_label(self) -> str:
        """The name of the mean over tasks, which the curves show."""
        return self.metric.mean_label(len(self.problems[0].table.tasks))

    @property
    def direction(self) -> str:
        """In words, which values of the metric are better."""
        return self.metric.direction

    @property
    def metric_title(self) -> str:
        """The metric with its unit and direction, as a table heading, such as "test MAE (eV, lower is better)"."""
        unit = self.problems[0].mean_unit
        return f"test {self.metric_label} ({f'{unit}, ' if unit else ''}{self.direction})"

    @property
    def unit_sentence(self) -> str:
        """A sentence on the unit of the metric and which values are better."""
        problem = self.problems[0]
        better = self.direction.capitalize()
        if problem.standardized:
            return f"{better}. Errors are in standard deviations of each label, averaged over tasks."
        if self.metric.in_label_unit:
            return f"{better}. The unit is {problem.mean_unit or 'that of the label'}."
        return f"{better}; 1 is perfect."
