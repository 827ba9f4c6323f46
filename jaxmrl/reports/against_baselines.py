"""Compare neural networks with the classical models of the same run, at each size, by pairs of the same seed."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from jaxmrl.config.names import PER_SD
from jaxmrl.reports.appearance import curve_label
from jaxmrl.rows import ResultRow
from jaxmrl.runs.curves import MeasuredCurve
from jaxmrl.scaling.convergence import sizes_text
from jaxmrl.scaling.law_fit import LEVEL
from jaxmrl.scaling.paired import paired_mean
from jaxmrl.text import count
from jaxmrl.training.metrics import METRICS, mean_label_of


@dataclass(frozen=True)
class Paired:
    """How much worse one model is than another at one size, over seeds that have the same split and subset in both.

    n           training molecules
    one, other  mean test metrics
    loss        of one to the other, positive if one is worse, in the unit of the metric
    reach       half of the interval at LEVEL of the loss; None for a single seed
    seeds       how many pairs there are
    splits      of how many splits
    """

    n: int
    one: float
    other: float
    loss: float
    reach: float | None
    seeds: int
    splits: int = 1

    @property
    def is_worse(self) -> bool:
        """Whether `one` is worse by more than the interval allows; for a single seed, whether it is worse at all."""
        return self.loss > (self.reach or 0)

    @property
    def is_better(self) -> bool:
        """Whether `one` is better by more than the interval allows; for a single seed, whether it is better at all."""
        return -self.loss > (self.reach or 0)


def paired_losses(one: MeasuredCurve, other: MeasuredCurve, rows: list[ResultRow]) -> list[Paired]:
    """Return how much worse a curve is than another at each size that both have, in order of size.

    Each difference is between replicas of one seed, and so of one split and one subset: with a model that draws no
    random numbers, the spread over the seeds of a split is that of the other alone. `paired_mean` gives the interval.
    """
    sign = -1 if METRICS[one.metric.removesuffix(PER_SD)].higher_is_better else 1
    tests = [
        {
            (row.n_train, row.split_seed, row.seed): row.test
            for row in rows
            if row.counts and row.curve.of_all_sizes == curve.identity
        }
        for curve in (one, other)
    ]
    both = sorted(tests[0].keys() & tests[1].keys())
    found = []
    for n in sorted({size for size, *_ in both}):
        keys = [key for key in both if key[0] == n]
        pairs = np.array([[side[key] for side in tests] for key in keys], float)
        losses, (mean, its_mean) = sign * (pairs[:, 0] - pairs[:, 1]), pairs.mean(axis=0).tolist()
        loss = paired_mean(losses, np.array([split for _, split, _ in keys]), one.overlap)
        found.append(Paired(n, mean, its_mean, loss.value, loss.reach, loss.pairs, loss.splits))
    return found


def baseline_lines(curves: list[MeasuredCurve], rows: list[ResultRow]) -> list[str]:
    """Return where neural networks lose to classical models of the same split, a sentence for each pair that does."""
    of_random = [curve for curve in curves if curve.random_samples and curve.points]
    lines = []
    for one in (curve for curve in of_random if not curve.is_classical):
        for other in (curve for curve in of_random if curve.is_classical and _same_data(one, curve)):
            found, name = paired_losses(one, other, rows), curve_label(one, curves)
            if other.is_reference:
                lines.append(_mean_line(name, found))
            else:
                lines.append(_loss_line(name, curve_label(other, curves), mean_label_of(one.metric), found))
    return [line for line in lines if line]


def _same_data(one: MeasuredCurve, other: MeasuredCurve) -> bool:
    return (one.identity.dataset, one.identity.split) == (other.identity.dataset, other.identity.split)


def _mean_line(one: str, found: list[Paired]) -> str:
    poor = [pair.n for pair in found if not pair.is_better]
    said = f"{one} is not clearly better than the mean of the training labels at {sizes_text(poor)} molecules"
    return said if poor else ""


def _loss_line(one: str, other: str, metric: str, found: list[Paired]) -> str:
    worse = [pair for pair in found if pair.is_worse]
    if not worse:
        return ""
    last = worse[-1]
    interval = (
        "one seed, so the noise is not known"
        if last.reach is None
        else f"{LEVEL:.0%} interval {last.loss - last.reach:.2g} to {last.loss + last.reach:.2g}, "
        f"{count(last.seeds, 'seed')}{f' on {last.splits} splits' if last.splits > 1 else ''}"
    )
    return (
        f"{one} does worse than {other} at {len(worse)} of {count(len(found), 'size')}: with {last.n:,} molecules, the "
        f"test {metric} is {last.one:.3g} against {last.other:.3g}, a difference of {last.loss:.2g} ({interval})"
        f"{_crossing(found)}"
    )


def _crossing(found: list[Paired]) -> str:
    """Return between which sizes the curves last cross; empty if one is better everywhere."""
    for before, after in reversed(list(pairwise(found))):
        if before.loss * after.loss < 0:
            return f"; the curves cross between {before.n:,} and {after.n:,} molecules"
    return ""
