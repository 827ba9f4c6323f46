"""Two curves side by side: do their exponents differ, and what is the data of one worth in the other's molecules?

The runs of the two count as independent. Where they share seeds and test molecules, intervals are wider than need be.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from jaxmrl.scaling.analysis import Analysis
from jaxmrl.scaling.forecast import DRAWS, Forecast
from jaxmrl.scaling.law_fit import LEVEL, Fit

_GRID, REACH = 200, 100.0
"""Sizes of the other curve that are looked at: so many, up to so many times beyond its smallest and its largest."""


@dataclass(frozen=True)
class Difference:
    """The difference of two curves' exponents, by a law that explains both; low and high at LEVEL, None: not known."""

    law: str
    exponent: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class DataEquivalence:
    """`n` molecules of one curve do what `molecules` do of the other.

    None: further off than is looked for. Where the noise of one curve is not known, `low` and `high` are both None.
    """

    n: float
    molecules: float | None
    low: float | None
    high: float | None


def exponent_difference(one: Analysis, other: Analysis) -> Difference | None:
    """Return the exponent of `one` less that of `other`, by the first law that both have; None if they share none."""
    ours, theirs = one.known_forecast, other.known_forecast
    for fit, again in product(ours.fits, theirs.fits):
        if fit.law is again.law and fit.law.exponent:
            return _difference(fit.law.exponent, fit, ours.draws_of(fit), again, theirs.draws_of(again))
    return None


def _difference(exponent: str, fit: Fit, draws: np.ndarray, again: Fit, its_draws: np.ndarray) -> Difference:
    law = fit.law
    value = fit.values[exponent] - again.values[exponent]
    if not (fit.noise_known and again.noise_known):
        return Difference(law.name, exponent, float(value), None, None)
    natural = lambda u: law.natural(u)[:, law.names.index(exponent)]
    # Both were drawn by the same random numbers: shuffled, they are independent.
    shuffled = natural(its_draws)[np.random.default_rng(1).permutation(DRAWS)]
    low, high = np.quantile(natural(draws) - shuffled, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Difference(law.name, exponent, float(value), float(low), float(high))


def data_equivalence(one: Forecast, other: Forecast, n: np.ndarray) -> list[DataEquivalence]:
    """Return how many of the other curve's molecules do what n [K] of `one` do, each with its interval."""
    sizes = other.points.n
    grid = np.geomspace(sizes.min() / REACH, sizes.max() * REACH, _GRID)
    center = _molecules(np.log(one.error(n))[None, :], np.log(other.error(grid))[None, :], grid)[0]
    rng = np.random.default_rng(2)
    drawn = _molecules(one.sample(n, rng), other.sample(grid, rng), grid)
    low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0, method="inverted_cdf")
    if not (one.noise_known and other.noise_known):
        low, high = np.full_like(center, np.inf), np.full_like(center, np.inf)
    inside = lambda value: float(value) if grid[0] < value < np.inf else None
    ends = zip(np.asarray(n, float), center, low, high, strict=True)
    return [DataEquivalence(float(size), *map(inside, values)) for size, *values in ends]


def _molecules(target: np.ndarray, log_error: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return where each curve log_error [D, G] over grid [G] first comes down to target [D, K]: [D, K].

    The grid's first size where it begins below; infinite where it never comes there.
    """
    falling = np.minimum.accumulate(log_error, axis=1)
    above = (falling[:, None, :] > target[:, :, None]).sum(axis=2)
    after, before = np.minimum(above, len(grid) - 1), np.maximum(above - 1, 0)
    high, low = np.take_along_axis(falling, before, 1), np.take_along_axis(falling, after, 1)
    share = np.clip((high - target) / np.maximum(high - low, 1e-12), 0, 1)
    found = np.exp(np.log(grid[before]) + share * (np.log(grid[after]) - np.log(grid[before])))
    return np.where(above == len(grid), np.inf, np.where(above == 0, grid[0], found))
