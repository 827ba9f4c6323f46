"""Exact metrics on the device, task by task, with missing labels and ties.

Each takes scores [V, T], labels [V, T] and present [V, T] (bool) and returns [T] float32; a task where the metric
has no meaning (one class only, a constant target for R^2, no label at all) is NaN. Any order of rows gives the same
number up to rounding. Counts are exact for up to 10^8 rows. Scores so small that they are subnormal (below 1e-38)
count as 0: XLA flushes them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.config.names import ERROR_METRICS, PER_SD


def _per_task(metric: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Lift a metric of one task, [V] x 3 -> scalar, to all tasks."""
    over_tasks = jax.vmap(metric, in_axes=1)

    def evaluate(scores: jax.Array, labels: jax.Array, present: jax.Array) -> jax.Array:
        return over_tasks(scores.astype(jnp.float32), labels, present)

    evaluate.__doc__ = metric.__doc__
    evaluate.__name__ = metric.__name__.lstrip("_")
    return evaluate


def _nan_unless(valid: jax.Array, value: jax.Array) -> jax.Array:
    return jnp.where(valid, value, jnp.nan)


def _sorted_counts(scores: jax.Array, labels: jax.Array, present: jax.Array) -> tuple[jax.Array, ...]:
    """Return positives and negatives in ascending order of score, and the first and last row of each row's tie
    group.
    """
    positive = (present & (labels > 0.5)).astype(jnp.int32)
    negative = (present & (labels <= 0.5)).astype(jnp.int32)
    ordered, positive, negative = jax.lax.sort((scores, positive, negative), num_keys=1)
    row = jnp.arange(len(scores))
    new = jnp.concatenate([jnp.ones(1, jnp.bool), ordered[1:] != ordered[:-1]])
    last = jnp.concatenate([new[1:], jnp.ones(1, jnp.bool)])
    first_row = jax.lax.cummax(jnp.where(new, row, 0))
    last_row = jax.lax.cummin(jnp.where(last, row, len(scores)), reverse=True)
    usable = ~jnp.any(jnp.isnan(scores) & present) & (positive.sum() > 0) & (negative.sum() > 0)
    return positive, negative, first_row, last_row, usable


def exact_sum(counts: jax.Array) -> jax.Array:
    """Return the sum of non-negative int32 `counts` as float32, added exactly and rounded at the end.

    An int32 sum would overflow and a float32 sum would drift, so the sum has two words of 32 bits.
    """

    def add(one: tuple, other: tuple) -> tuple:
        low = one[1] + other[1]
        return one[0] + other[0] + (low < one[1]).astype(jnp.uint32), low

    low = counts.astype(jnp.uint32)
    zero = jnp.uint32(0)
    high, low = jax.lax.reduce((jnp.zeros_like(low), low), (zero, zero), add, (0,))
    return high.astype(jnp.float32) * 2.0**32 + low.astype(jnp.float32)


def _accurate_sum(values: jax.Array) -> jax.Array:
    """Return the sum of float32 `values` with the rounding errors of all additions added back.

    A plain float32 sum of 10^8 values drifts. The error of each addition is exact (Knuth, The Art of Computer
    Programming, volume 2, section 4.2.2, theorem B).
    """

    def add(one: tuple, other: tuple) -> tuple:
        total = one[0] + other[0]
        part = total - one[0]
        error = (one[0] - (total - part)) + (other[0] - part)
        return total, one[1] + other[1] + error

    zero = jnp.float32(0)
    total, error = jax.lax.reduce((values, jnp.zeros_like(values)), (zero, zero), add, (0,))
    return jnp.where(jnp.isfinite(error), total + error, total)  # an infinite total has no error to add back


def _roc_auc(scores: jax.Array, labels: jax.Array, present: jax.Array) -> jax.Array:
    """Return the area under the ROC curve: the share of (positive, negative) pairs in the right order, ties counting
    half.
    """
    positive, negative, first_row, last_row, usable = _sorted_counts(scores, labels, present)
    through = jnp.cumsum(negative)
    twice_beaten = (through - negative)[first_row] + through[last_row]
    pairs = positive.sum().astype(jnp.float32) * negative.sum().astype(jnp.float32)
    return _nan_unless(usable, exact_sum(positive * twice_beaten) / (2.0 * jnp.maximum(pairs, 1.0)))


def _average_precision(scores: jax.Array, labels: jax.Array, present: jax.Array) -> jax.Array:
    """Sum over thresholds of precision times the gain in recall (no interpolation), as scikit-learn defines it."""
    positive, negative, first_row, _, usable = _sorted_counts(scores, labels, present)

    def at_or_above(counts: jax.Array) -> jax.Array:
        return (counts.sum() - jnp.cumsum(counts) + counts)[first_row]

    true, false = at_or_above(positive), at_or_above(negative)
    precision = true.astype(jnp.float32) / jnp.maximum(true + false, 1).astype(jnp.float32)
    total = jnp.maximum(positive.sum(), 1).astype(jnp.float32)
    return _nan_unless(usable, _accurate_sum(positive.astype(jnp.float32) * precision) / total)


def _mean(values: jax.Array, present: jax.Array) -> jax.Array:
    return _accurate_sum(jnp.where(present, values, 0.0)) / jnp.maximum(present.sum(), 1).astype(jnp.float32)


def _rmse(scores: jax.Array, labels: jax.Array, present: jax.Array) -> jax.Array:
    """Return the root of the mean squared error, in the label's unit."""
    return _nan_unless(present.any(), jnp.sqrt(_mean((scores - labels) ** 2, present)))


def _mae(scores: jax.Array, labels: jax.Array, present: jax.Array) -> jax.Array:
    """Return the mean absolute error, in the label's unit."""
    return _nan_unless(present.any(), _mean(jnp.abs(scores - labels), present))


def _r2(scores: jax.Array, labels: jax.Array, present: jax.Array) -> jax.Array:
    """Return 1 - residual sum of squares / total sum of squares."""
    centered = labels - _mean(labels, present)
    total = _mean(centered**2, present)
    return _nan_unless(total > 0, 1.0 - _mean((scores - labels) ** 2, present) / jnp.where(total > 0, total, 1.0))


@dataclass(frozen=True)
class Metric:
    """A metric: its function, its direction, the task type it is for, and how a plot names it."""

    name: str
    label: str
    task: str
    higher_is_better: bool
    evaluate: Callable[[jax.Array, jax.Array, jax.Array], jax.Array]

    @property
    def in_label_unit(self) -> bool:
        """Whether its values are errors in the label's unit."""
        return self.name in ERROR_METRICS

    @property
    def direction(self) -> str:
        """In words, which values are better."""
        return "higher is better" if self.higher_is_better else "lower is better"

    def mean_label(self, tasks: int) -> str:
        """Return the name in a plot of the mean over so many tasks: several errors are means of standard deviations."""
        return self.label + (PER_SD if self.in_label_unit and tasks > 1 else "")


METRICS = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", "ROC-AUC", "classification", True, _per_task(_roc_auc)),
        Metric("average_precision", "average precision", "classification", True, _per_task(_average_precision)),
        Metric("rmse", "RMSE", "regression", False, _per_task(_rmse)),
        Metric("mae", "MAE", "regression", False, _per_task(_mae)),
        Metric("r2", "R²", "regression", True, _per_task(_r2)),
    )
}


def mean_label_of(name: str) -> str:
    """Return how a plot names a metric of results.csv, such as "roc_auc" or "rmse / sd"."""
    return METRICS[name.removesuffix(PER_SD)].label + (PER_SD if name.endswith(PER_SD) else "")


def mean_over_tasks(per_task: jax.Array) -> jax.Array:
    """Return the mean over the tasks where the metric has a meaning; NaN if it has none in any."""
    valid = ~jnp.isnan(per_task)
    return _nan_unless(valid.any(), _mean(per_task, valid))


def mean_of_known(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN, in float64 on the host; NaN where there is none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan
