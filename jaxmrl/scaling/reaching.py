"""The distribution of the metric with more molecules, and the chance that a curve has reached a target at a size."""

import numpy as np

from jaxmrl.scaling.forecast import Forecast
from jaxmrl.scaling.law_fit import LEVEL
from jaxmrl.stats import t_cdf, t_ppf

_TAILS = 4.0
"""Degrees of freedom of the distribution. The interval of a forecast is 2.2 standard deviations wide to each side,
because laws err with heavier tails than noise does; Student's distribution with 4 has its 95% quantile at 2.13."""

_END = float(t_ppf((1 + LEVEL) / 2, _TAILS))
_STEPS = 128
"""The number of sizes, up to the requested one, at which the chance is computed."""

_MOST_BELOW = 0.1
"""How far below the forecast the lower end of its interval counts, relative to it. Some laws come to an error of 0."""

_LEAST = 1e-12


def error_quantiles(forecast: Forecast, n: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return quantiles of the error of models trained on n molecules.

    The log error has two halves of Student's distribution that meet at the forecast. The width of each half is such
    that the interval of the forecast contains LEVEL of the distribution.

    Args:
        forecast: The forecast of the curve.
        n: [K] sizes, none below the largest measured.
        shares: [Q] the requested quantiles, between 0 and 1.

    Returns:
        [Q, K] errors; NaN where the interval of the forecast is not known.
    """
    center, below, above = _scales(forecast, n)
    t = t_ppf(np.asarray(shares, float), _TAILS)[:, None]
    return np.exp(center + t * np.where(t < 0, below, above))


def chance_of_reaching(forecast: Forecast, metric: float, n: np.ndarray) -> np.ndarray:
    """Return the probability that a model trained on at most n molecules reaches a metric.

    By the distribution of `error_quantiles`. What is reached with fewer molecules counts as reached, so the chance does
    not fall with n.

    Args:
        forecast: The forecast of the curve.
        metric: The target.
        n: [K] sizes, none below the largest measured.

    Returns:
        [K] probabilities; NaN where the interval of the forecast is not known.
    """
    return chances_of_reaching(forecast, np.array([forecast.points.error_of(metric)]), n)[0]


def chances_of_reaching(forecast: Forecast, errors: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the probabilities [E, K] that models trained on at most n [K] molecules come to these errors [E].

    As of `chance_of_reaching`.
    """
    n, largest = np.asarray(n, float), float(forecast.points.n[-1])
    path = np.geomspace(largest, max(float(n.max()), 2 * largest), _STEPS)
    on_path = np.maximum.accumulate(_chances_at(forecast, errors, path), axis=1)
    before = np.stack([np.interp(np.log(n), np.log(path), chances) for chances in on_path])
    return np.maximum(_chances_at(forecast, errors, n), before)


def _chances_at(forecast: Forecast, errors: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the probabilities that the error at n [K] is at most each of `errors` [E], [E, K]."""
    center, below, above = _scales(forecast, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.log(errors)[:, None] - center
    chances = t_cdf(distance / np.where(distance < 0, below, above), _TAILS)
    return np.where(errors[:, None] > 0, chances, 0.0)


def _scales(forecast: Forecast, n: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the forecast's log error at n [K], and the scale of the distribution below and above it, [K] each."""
    error = forecast.error(n)
    low, high = forecast.error_interval(n)
    center, low, high = np.log(error), np.log(np.maximum(low, _MOST_BELOW * error)), np.log(high)
    return center, np.maximum(center - low, _LEAST) / _END, np.maximum(high - center, _LEAST) / _END
