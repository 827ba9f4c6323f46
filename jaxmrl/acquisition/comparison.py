"""Acquisition methods against random selection: differences at the end, and labels saved, with intervals over seeds.

Each seed starts with other molecules, but all seeds buy from one pool. A method that buys the same molecules with every
seed has the luck of a single draw, however many seeds there are. If two seeds of a method share a fraction r of what
they bought (beyond what seeds of random selection share), the mean of the differences has the variance
s² (1 / S + r / (2 - r)) instead of s² / S for S seeds. Here s² is the variance of the differences, (2 - r) times the
variance of one campaign, and r of that variance is common to all seeds. The correction is similar to that of Nadeau &
Bengio (2003). The intervals of a simulation are simultaneous (Bonferroni).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from jaxmrl.acquisition.simulation import Campaign, Trace
from jaxmrl.scaling.law_fit import LEVEL
from jaxmrl.scaling.paired import PairedMean, paired_mean

RANDOM = "random"

HITS, ERROR = "hits", "error"
MEASURES = (HITS, ERROR)

_PER_MEASURE = 2
"""Intervals of a method and a measure: the difference, and the labels saved."""


@dataclass(frozen=True)
class Saving:
    """The share of labels that a method saves compared with random selection, with its interval; negative if it costs.

    low and high are None where there is a single seed.
    """

    value: float
    low: float | None
    high: float | None

    @property
    def is_gain(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.low is not None and self.low > 0

    @property
    def is_loss(self) -> bool:
        """Whether the whole interval is below 0."""
        return self.high is not None and self.high < 0


@dataclass(frozen=True)
class Gain:
    """A method compared with random selection, by one measure.

    Attributes:
        method: The name of the method.
        measure: `hits` (more is better) or `error` (less is better).
        final: The mean at the end.
        random: The mean of random selection at the end.
        difference: The paired difference of the two, with its interval.
        saved: The labels saved; None for errors if the model does not learn, so that none can be saved.
        shared: The share of bought molecules that two seeds have in common, beyond that of random selection.
        comparisons: The number of simultaneous intervals.
    """

    method: str
    measure: str
    final: float
    random: float
    difference: PairedMean
    saved: Saving | None
    shared: float
    comparisons: int


def compare_methods(traces: Sequence[Trace], campaign: Campaign, tables: int = 1) -> list[Gain]:
    """Return the comparison of each method with random selection, by hits and by error.

    Args:
        traces: Those of all methods, random among them, each with the same seeds.
        campaign: The settings of the campaigns.
        tables: The number of simulations whose intervals are simultaneous.
    """
    by_method: dict[str, list[Trace]] = {}
    for trace in sorted(traces, key=lambda trace: trace.seed):
        by_method.setdefault(trace.method, []).append(trace)
    random = by_method.pop(RANDOM)
    comparisons = tables * len(by_method) * len(MEASURES) * _PER_MEASURE
    learns = model_learns(random)
    by_luck = overlap(random)
    gains = []
    for method, own in by_method.items():
        shared = max(0.0, (overlap(own) - by_luck) / (1 - by_luck)) if by_luck < 1 else 0.0
        for measure in MEASURES:
            compared = measure == HITS or learns
            gains.append(_gain(method, measure, own, random, campaign, shared, comparisons, compared))
    return gains


def _gain(
    method: str,
    measure: str,
    own: list[Trace],
    random: list[Trace],
    campaign: Campaign,
    shared: float,
    comparisons: int,
    compared: bool,
) -> Gain:
    values, others = (np.array([getattr(one, measure) for one in some], float) for some in (own, random))
    sign = 1.0 if measure == HITS else -1.0
    level = 1 - (1 - LEVEL) / comparisons
    seeds, common = np.arange(len(own)), shared / (2 - shared)
    difference = paired_mean(values[:, -1] - others[:, -1], seeds, common, level)
    saved = None
    if compared:
        labels = campaign.labels()
        ratios = pseudo_values(labels, sign * values, sign * others)
        saved = _saving(paired_mean(ratios, seeds, common, level), math.log(labels[-1] / labels[0]))
    final, beside = float(values[:, -1].mean()), float(others[:, -1].mean())
    return Gain(method, measure, final, beside, difference, saved, shared, comparisons)


def _saving(ratio: PairedMean, most: float) -> Saving:
    """Return the share of labels saved by the mean log ratio of labels needed, which cannot be beyond `most`."""
    shares = [None if end is None else -math.expm1(min(max(end, -most), most)) for end in (ratio.high, ratio.low)]
    return Saving(-math.expm1(min(max(ratio.value, -most), most)), *shares)


def pseudo_values(labels: np.ndarray, values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the jackknife's pseudo-values [S] of the log ratio of labels that mean curves need (Tukey 1958).

    The ratio of mean curves varies much less than the mean of ratios, because the curve of a single seed has steps. The
    pseudo-values count as independent values, one for each seed.

    Args:
        labels: [R] numbers of labels, ascending.
        values: [S, R] values of a method for each seed; higher is better.
        others: [S, R] those of random acquisition.
    """
    many = len(values)
    whole = log_ratio(labels, values.mean(axis=0), others.mean(axis=0))
    if many == 1:
        return np.array([whole])
    kept = [np.arange(many) != seed for seed in range(many)]
    without = [log_ratio(labels, values[some].mean(axis=0), others[some].mean(axis=0)) for some in kept]
    return many * whole - (many - 1) * np.array(without)


def log_ratio(labels: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """Return the log ratio of the labels that two curves need to reach the worse one's best value.

    Both reach this value, so that nothing is extrapolated, and the ratio changes its sign where the two are exchanged.

    Args:
        labels: [R] numbers of labels, ascending.
        one: [R] values of a curve; higher is better.
        other: [R] those of the curve that it is compared with.
    """
    one, other = np.maximum.accumulate(one), np.maximum.accumulate(other)
    value = min(one[-1], other[-1])
    return math.log(labels_needed(labels, one, value) / labels_needed(labels, other, value))


def labels_needed(labels: np.ndarray, values: np.ndarray, value: float) -> float:
    """Return the labels with which `values` [R], joined by straight lines, first reach a value that they do reach."""
    at = int(np.argmax(values >= value))
    if at == 0:
        return float(labels[0])
    share = (value - values[at - 1]) / (values[at] - values[at - 1])
    return float(labels[at - 1] + share * (labels[at] - labels[at - 1]))


def model_learns(random: list[Trace]) -> bool:
    """Return whether the model of random selection is better at the end than the mean of the labels.

    It is better if the interval of the difference at LEVEL is above 0; for a single seed, if the difference is above 0.
    """
    better = paired_mean(np.array([one.unlearned - one.error[-1] for one in random]), np.arange(len(random)), 0.0)
    return (better.value if better.low is None else better.low) > 0


def overlap(traces: list[Trace]) -> float:
    """Return the mean share of the molecules bought by one seed that another one also bought; 0 for a single seed."""
    bought = [set(trace.bought.tolist()) for trace in traces]
    shares = [len(one & other) / max(len(one), 1) for one, other in combinations(bought, 2)]
    return float(np.mean(shares)) if shares else 0.0
