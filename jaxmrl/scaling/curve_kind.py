"""What kind of curve the measured sizes show, which of them a forecast uses, and what it may claim.

The kinds are decided by tests; docs/scaling.md says how often these err.
"""

from dataclasses import dataclass

import numpy as np

from jaxmrl.scaling.bends import peak_of, plateau_of
from jaxmrl.scaling.kinds import Kind
from jaxmrl.scaling.mean_noise import MeanNoise, line_through, noise_of
from jaxmrl.scaling.points import Points
from jaxmrl.scaling.shape import WORSE, shape_of
from jaxmrl.scaling.trend import FEWEST_RECENT
from jaxmrl.stats import t_sf

WINDOWS = (4.0, 16.0)
"""The last sizes, down to the largest divided by these, that decide whether a curve still improves. The first decides
unless it is too noisy."""

LITTLE, NEXT_TO_NOTHING = 0.03, 0.01
"""Shares of the error by which doubling the data lowers it, where a curve has leveled off: below the first if a fall is
not certain, and below the second if it is."""

_CHANCE = 0.05

_LEAST_FALL = 0.1
"""How much the log error fell before it leveled off; a curve that never fell is flat."""

_FEWEST, _FEWEST_SINGLE = 3, 5
"""Sizes from which a kind can be recognized, with and without repeated runs."""


@dataclass(frozen=True)
class CurveKind:
    """The kind of a curve.

    Attributes:
        kind: Its name.
        claim: Why it is of that kind, and what a forecast may claim, in a sentence.
        skipped: How many of the smallest sizes the forecast does not use.
    """

    kind: Kind
    claim: str
    skipped: int = 0

    @property
    def has_forecast(self) -> bool:
        """Whether laws describe such a curve."""
        return self.kind not in (Kind.WORSE, Kind.SATURATED)


def kind_of(points: Points) -> CurveKind:
    """Return the kind of a curve."""
    if points.perfect.any():
        return _without_forecast(points, Kind.SATURATED)
    noise = noise_of(points)
    if (peak := peak_of(points, noise)) is not None:
        return CurveKind(Kind.PEAKED, _peak_claim(points, peak), _skipped(points, peak))
    if (shape := shape_of(points)) and shape.kind == WORSE:
        return _without_forecast(points, Kind.WORSE)
    if len(points.n) < (_FEWEST if points.dof else _FEWEST_SINGLE):
        return CurveKind(Kind.FEW, f"{len(points.n)} sizes are too few to tell whether the curve {_NO_MORE}")
    if (end := plateau_of(points, noise)) is not None:
        return CurveKind(Kind.DROP, _plateau_claim(points, end), _skipped(points, end))
    return _by_last_sizes(points, noise)


_NO_MORE = "still improves; the forecast claims no more than its interval"


def _without_forecast(points: Points, kind: Kind) -> CurveKind:
    shape = shape_of(points)
    return CurveKind(kind, shape.reason if shape else "")


def _skipped(points: Points, first: int) -> int:
    """Return how many sizes are not used if the forecast begins at size `first`; the recent ones always are."""
    return min(first, max(0, len(points.n) - FEWEST_RECENT))


def _peak_claim(points: Points, peak: int) -> str:
    return (
        f"the metric gets worse up to {points.amount(points.n[peak])} and improves from there: the forecast is "
        f"based on the sizes {_from(points, peak)}, and its interval is wide"
    )


def _plateau_claim(points: Points, end: int) -> str:
    return (
        f"the metric hardly changes up to {points.amount(points.n[end])} and improves from there: the forecast "
        f"is based on the sizes {_from(points, end)} alone"
    )


def _from(points: Points, first: int) -> str:
    return f"from {points.amount(points.n[_skipped(points, first)])} up"


def _by_last_sizes(points: Points, noise: MeanNoise) -> CurveKind:
    """Return whether the curve still improves at its largest sizes.

    It does if a line through these falls (at 2.5%, because there are two windows). It has leveled off if the line is
    certain (at 5%) to fall by little or next to nothing, and if the error fell before.
    """
    for times in WINDOWS:
        count = max(_FEWEST, int((points.n * times >= points.n[-1]).sum()))
        line, first = line_through(points, noise, slice(-count, None)), points.amount(points.n[-count])
        falls = line.chance(0.0) < _CHANCE / 2
        for most in (NEXT_TO_NOTHING,) if falls else (NEXT_TO_NOTHING, LITTLE):
            if line.chance(np.log(1 - most) / np.log(2)) > 1 - _CHANCE:
                fell = _fell_before(points, noise, count)
                return CurveKind(Kind.LEVEL if fell else Kind.FLAT, _level_claim(first, most) if fell else _FLAT_CLAIM)
        if falls:
            said = f"the metric improves over the sizes from {first} up, and the forecast continues that"
            return CurveKind(Kind.FALLING, said)
    return CurveKind(Kind.NOISY, f"the noise is too large to tell whether the curve {_NO_MORE}")


_FLAT_CLAIM = (
    "the metric hardly changes with the amount of data; a curve may improve after a plateau, and the forecast "
    "claims no more than its interval"
)


def _fell_before(points: Points, noise: MeanNoise, last: int) -> bool:
    """Return whether the mean log error of the `last` largest sizes is certainly and clearly below that of the rest."""
    y, weights = np.log(points.error), noise.sd**-2.0
    if last == len(y):
        return False
    parts = (slice(None, -last), slice(-last, None))
    before, after = (np.average(y[part], weights=weights[part]) for part in parts)
    spread = np.sqrt(sum(1 / weights[part].sum() for part in parts))
    return bool(before - after >= _LEAST_FALL and t_sf((before - after) / spread, noise.dof) < _CHANCE)


def _level_claim(first: str, most: float) -> str:
    return (
        f"over the sizes from {first} up, twice the data lowers the error by less than {most:.0%}: more data "
        "of this kind is not expected to help"
    )
