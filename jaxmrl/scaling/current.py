"""The metric that a curve reached at its largest measured size, with its interval."""

from dataclasses import dataclass

import numpy as np

from jaxmrl.scaling.law_fit import LEVEL
from jaxmrl.scaling.points import Points

_DRAWS = 4000


@dataclass(frozen=True)
class Current:
    """The mean metric over `runs` runs at the largest size, `n` molecules.

    low and high  ends of its interval at LEVEL; None where the noise is not known
    """

    n: float
    value: float
    runs: int
    low: float | None = None
    high: float | None = None


def current_of(points: Points) -> Current:
    """Return the metric at the largest size, with an interval of the noise that forecasts assume.

    The spread between runs is pooled over all sizes. Added to it are what the seeds share at all sizes and, where
    predictions were kept, the choice of test molecules.
    """
    last = float(points.n[-1]), float(points.metric[-1]), int(points.runs[-1])
    if points.dof == 0 or points.perfect[-1]:
        return Current(*last)
    rng = np.random.default_rng(0)
    noise = rng.standard_t(points.dof, _DRAWS) / points.weights[-1]
    if points.level:
        noise = noise + points.level * rng.standard_t(points.level_dof, _DRAWS)
    if points.log_error_resamples is not None:
        noise = noise + rng.choice(points.log_error_resamples[:, -1], _DRAWS)
    ends = np.quantile(np.clip(noise, -20, 20), ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    low, high = sorted(points.metric_of(points.error[-1] * np.exp(ends)).tolist())
    return Current(*last, low, high)
