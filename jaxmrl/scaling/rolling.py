"""Forecasts of the error on the next block of molecules from the errors at earlier cut dates, and the results.

Each block has other chemistry than the earlier ones. The interval therefore includes the spread between blocks, besides
the uncertainty of a power law with few points. Two or three earlier dates say little about either, so priors are used.
"""

from dataclasses import dataclass

import numpy as np

from jaxmrl.scaling.law_fit import LEVEL
from jaxmrl.stats import normal_cdf

SLOPE, SLOPE_SD = 0.1, 0.1
"""The prior of the exponent of a power law: learning curves of molecular models on new chemistry are flat."""

SPREADS = np.geomspace(0.02, 1.0, 40)
"""Standard deviations of the log error between blocks that are considered."""

_SPREAD, _DEGREES = 0.2, 3.0
"""The prior of that standard deviation: its size, and how many blocks it counts as (scaled inverse chi-squared). Within
14 projects (`benchmarks.rolling_origin`), the log error of blocks has a standard deviation of 0.22 for an SVM and for
ridge regression alike."""

_LEVEL_SD = 3.0
"""The prior standard deviation of the level of the log error, so wide that the level is practically free."""


@dataclass(frozen=True)
class BlockForecast:
    """The error on the block after a cut date, its forecast from the earlier blocks, and the result.

    Attributes:
        n_train: The number of molecules before the cut date that the model learned from.
        expected: The median of the forecast.
        low: The lower end of the interval.
        high: The upper end of the interval.
        came: The error that was measured on the block.
    """

    n_train: int
    expected: float
    low: float
    high: float
    came: float

    @property
    def inside(self) -> bool:
        """Whether the error lies in the interval."""
        return self.low <= self.came <= self.high


def rolling_forecasts(sizes: np.ndarray, errors: np.ndarray) -> list[BlockForecast]:
    """Return the forecast of each block from the blocks before it, from the second on.

    Args:
        sizes: The number of training molecules at each cut date, [C], ascending.
        errors: The error on the block after each cut date, [C], above 0.
    """
    found = []
    for k in range(1, len(sizes)):
        low, expected, high = forecast_next(sizes[:k], errors[:k], sizes[k])
        found.append(BlockForecast(int(sizes[k]), expected, low, high, float(errors[k])))
    return found


def forecast_next(
    sizes: np.ndarray, errors: np.ndarray, next_size: float, level: float = LEVEL
) -> tuple[float, float, float]:
    """Return the lower end, the median and the upper end of the error on the next block.

    The log error is linear in the log size, plus the deviation of each block, which is normal. Its standard deviation
    is averaged over `SPREADS` by their posterior probability; given it, all is normal and in closed form (Gelman et
    al., Bayesian Data Analysis, 3rd ed., section 14.2).

    Args:
        sizes: Training molecules at the earlier cut dates, [K], K at least 1.
        errors: The error on the block after each, [K], above 0.
        next_size: Training molecules at the next cut date.
        level: The probability of the interval.
    """
    center = np.log(sizes[-1])
    design = np.stack([np.ones(len(sizes)), -(np.log(sizes) - center)], axis=1)
    target, at = np.log(errors), np.array([1.0, -(np.log(next_size) - center)])
    start = np.array([target.mean(), SLOPE])
    prior = np.diag([_LEVEL_SD**2, SLOPE_SD**2])
    residual, weight, mean, variance = target - design @ start, [], [], []
    for spread in SPREADS:
        covariance = design @ prior @ design.T + spread**2 * np.eye(len(sizes))
        gain = prior @ design.T @ np.linalg.inv(covariance)
        weight.append(
            _log_prior(spread)
            - 0.5 * (np.linalg.slogdet(covariance)[1] + residual @ np.linalg.solve(covariance, residual))
        )
        mean.append(at @ (start + gain @ residual))
        variance.append(at @ (prior - gain @ design @ prior) @ at + spread**2)
    share = np.exp(np.array(weight) - max(weight))
    quantiles = _mixture_quantiles(share / share.sum(), np.array(mean), np.sqrt(variance), (1 - level) / 2)
    low, expected, high = np.exp(quantiles).tolist()
    return low, expected, high


def _log_prior(spread: float) -> float:
    """Return the log prior of a standard deviation on the grid, whose steps are equal in its logarithm."""
    return float(-_DEGREES * np.log(spread) - _DEGREES * _SPREAD**2 / (2 * spread**2))


def _mixture_quantiles(share: np.ndarray, mean: np.ndarray, sd: np.ndarray, tail: float) -> np.ndarray:
    """Return the quantiles at `tail`, 1/2 and 1 - `tail` of a mixture of normal distributions."""
    grid = np.linspace((mean - 6 * sd).min(), (mean + 6 * sd).max(), 20_001)
    below = np.zeros(len(grid))
    for one, center, width in zip(share, mean, sd, strict=True):
        below += one * normal_cdf((grid - center) / width)
    return np.interp([tail, 0.5, 1 - tail], below, grid)
