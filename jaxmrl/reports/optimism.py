"""How much better a random split looks than the other splits of a sweep, where a model is trained on both."""

import math
from dataclasses import replace

from jaxmrl.reports.appearance import curve_label
from jaxmrl.reports.digits import rounded
from jaxmrl.runs.curves import MeasuredCurve, Point
from jaxmrl.scaling.law_fit import LEVEL
from jaxmrl.stats import t_ppf
from jaxmrl.training.metrics import Metric

_RANDOM = "random"


def optimism_lines(curves: list[MeasuredCurve], metric: Metric, metric_label: str) -> list[str]:
    """Return a sentence for each curve of another split that has one of the random split beside it.

    Args:
        curves: The curves of a run.
        metric: Their metric.
        metric_label: The name of its mean over tasks.
    """
    by_identity = {curve.identity: curve for curve in curves}
    said = []
    for curve in curves:
        other = by_identity.get(replace(curve.identity, split=_RANDOM))
        if other in (None, curve) or curve.is_reference or not (curve.points and other.points):
            continue
        alone = [one for one in curves if one.identity.split == curve.identity.split]
        hard, easy = curve.points[-1], other.points[-1]
        said.append(
            f"{curve_label(curve, alone)}, all training molecules: {metric_label} {_value(hard)} on the "
            f"{curve.identity.split} split, {_value(easy)} on the random split, which looks "
            f"{_difference(hard, easy, metric)}"
        )
    return said


def _value(point: Point) -> str:
    return rounded(point.mean, point.sd)


def _difference(hard: Point, easy: Point, metric: Metric) -> str:
    """Return, in words, by how much the random split looks better, with Welch's interval (1947) over seeds."""
    better = (easy.mean - hard.mean) * (1 if metric.higher_is_better else -1)
    word, size = ("better", better) if better >= 0 else ("worse", -better)
    reach = _reach(hard, easy)
    if reach is None:
        return f"{word} by {size:.2g} (interval not known: it needs seeds that differ on both splits)"
    ends = f"{rounded(size - reach, reach)} to {rounded(size + reach, reach)}"
    covered = (
        "seeds and splits" if min(hard.n_splits, easy.n_splits) > 1 else "seeds, but not over the choice of splits"
    )
    return f"{word} by {rounded(size, reach)} ({ends}, {LEVEL:.0%} interval over {covered})"


def _reach(one: Point, other: Point) -> float | None:
    """Return half the width of the interval of a difference of means; None where a spread is not known."""
    parts = [point.sd**2 / point.n_seeds for point in (one, other)]
    if not all(math.isfinite(part) for part in parts) or sum(parts) == 0:
        return None
    freedom = sum(parts) ** 2 / sum(
        part**2 / (point.n_seeds - 1) for part, point in zip(parts, (one, other), strict=True)
    )
    return float(t_ppf(0.5 + LEVEL / 2, freedom)) * math.sqrt(sum(parts))
