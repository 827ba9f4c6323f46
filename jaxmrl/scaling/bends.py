"""Peaks and plateaus: where a curve begins that laws describe, because it did something else before."""

import numpy as np

from jaxmrl.scaling.mean_noise import MeanNoise, line_through, neighbor_residuals
from jaxmrl.scaling.points import Points
from jaxmrl.stats import t_sf

_CHANCE = 0.02
"""The chance of finding a peak, or a plateau, in a flat curve. In a curve that falls, it is less."""

_LEAST_RISE, _RISE_OF_FALL, _FALL_OF_RISE = 0.05, 0.1, 0.5
"""A peak rises by this much in log error and by this share of its fall, and falls by this share of its rise."""

_FLAT, _LEAST_DROP = 0.25, 0.1
"""A plateau falls at less than this share of the slope after it, and the drop comes to this much in log error."""

_FEWEST_FOR_PEAK, _FEWEST_FLAT, _FEWEST_FOR_PLATEAU = 3, 3, 5
_LEAST_SPAN = 2.0
"""The largest size of a plateau over its smallest."""

_CERTAIN = 0.05
_LONGEST, _DRAWS = 3, 1000
"""Neighboring sizes whose mean is compared; curves of noise that are drawn."""


def peak_of(points: Points, noise: MeanNoise) -> int | None:
    """Return the place of the size at which the error peaks: it rises to there, and falls from there to the largest.

    The rise is tested by the largest one between the means of up to three neighboring sizes each, in standard
    deviations. It must exceed those in all but 2% of flat curves of the same noise, which are drawn. That is the
    probability for the worst case, because a curve that falls rises less often.
    """
    y, count = np.log(points.error), len(points.n)
    if count < _FEWEST_FOR_PEAK or noise.dof == 0:
        return None
    lowest = np.minimum.accumulate(y)
    peak = int(np.argmax(y - lowest))
    rise, fall = y[peak] - lowest[peak], y[peak] - y[-1]
    if rise < max(_LEAST_RISE, _RISE_OF_FALL * fall) or fall < _FALL_OF_RISE * rise:
        return None
    spread = np.hypot(noise.sd[peak], noise.sd[-1])
    if t_sf(fall / spread, noise.dof) > _CERTAIN:
        return None
    drawn = _largest_rise(*_flat_curves(points, noise))
    return peak if np.mean(drawn >= _largest_rise(y[None], noise.sd)) < _CHANCE else None


def _flat_curves(points: Points, noise: MeanNoise) -> tuple[np.ndarray, np.ndarray]:
    """Return curves of noise alone [S, N], each divided by its own estimate of the noise, and their deviations [N]."""
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(_DRAWS, len(points.n))) * noise.sd
    if points.dof > 0:
        variance = rng.chisquare(noise.dof, _DRAWS) / noise.dof
    else:
        variance = np.mean(neighbor_residuals(np.log(points.n), drawn, noise.sd) ** 2, axis=1)
    return drawn / np.sqrt(variance)[:, None], noise.sd


def _largest_rise(y: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Return the largest rise [S] of curves y [S, N] between means of up to three neighbors, in standard deviations."""
    weights, found = sd**-2.0, np.full(len(y), -np.inf)
    sums = np.cumsum(np.concatenate([np.zeros((len(y), 1)), weights * y], axis=1), axis=1)
    for length in range(1, min(_LONGEST, y.shape[1] // 2) + 1):
        total = np.convolve(weights, np.ones(length), "valid")
        mean = (sums[:, length:] - sums[:, :-length]) / total
        for gap in range(length, mean.shape[1]):
            rise = (mean[:, gap:] - mean[:, :-gap]) / np.sqrt(1 / total[gap:] + 1 / total[:-gap])
            found = np.maximum(found, rise.max(axis=1))
    return found


def plateau_of(points: Points, noise: MeanNoise) -> int | None:
    """Return the place of the last size of a plateau that the curve begins with and drops from; None without one.

    For each size that may end it, a t-test says whether the slope up to there is flatter than a quarter of that after
    it, corrected for the number of these sizes. Of those that pass, the most certain is taken.
    """
    y, n = np.log(points.error), points.n
    if len(n) < _FEWEST_FOR_PLATEAU or noise.dof == 0:
        return None
    ends = [end for end in range(_FEWEST_FLAT - 1, len(n) - 2) if n[end] >= _LEAST_SPAN * n[0]]
    chances = {}
    for end in ends:
        flat, drop = line_through(points, noise, slice(end + 1)), line_through(points, noise, slice(end, None))
        if y[end] - y[-1] < _LEAST_DROP or drop.chance(0.0) > _CHANCE:
            continue
        flatter = (flat.slope - _FLAT * drop.slope) / np.hypot(flat.se, _FLAT * drop.se)
        chances[end] = float(t_sf(flatter, noise.dof))
    best = min(chances, key=chances.__getitem__, default=None)
    return best if best is not None and chances[best] * len(ends) < _CHANCE else None
