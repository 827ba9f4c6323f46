"""How far one run is from the mean of its size: pooled over all sizes, with a trend over them."""

import numpy as np

_SMALLEST_SD = 1e-6


def spread_of(n: np.ndarray, squares: np.ndarray, dof: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the standard deviation of one run's log error at each size [N], and its degrees of freedom.

    Five runs determine their spread to a third, so all sizes share it: a constant, times a power of n as far as that
    can be distinguished from noise (by the positive-part factor of James and Stein). Where no size has repeated runs,
    or repeated runs are identical, nothing is known of the noise: the result is then 1 everywhere, with 0 degrees of
    freedom.

    Args:
        n: [N] sizes.
        squares: [N] sums of squared deviations, relative to the mean error.
        dof: [N] degrees of freedom of these sums.
    """
    total = round(dof.sum())
    if total == 0 or squares.sum() <= total * _SMALLEST_SD**2:
        return np.ones(len(n)), 0
    slope = _slope(np.log(n), squares, dof)
    trend = np.exp(slope * (np.log(n) - np.average(np.log(n), weights=dof)))
    pooled = (squares / trend).sum() / total
    return np.maximum(np.sqrt(pooled * trend), _SMALLEST_SD), total


def _slope(x: np.ndarray, squares: np.ndarray, dof: np.ndarray) -> float:
    """Return the slope of log variance over x, drawn to 0; the log of a variance has a variance of about 2 / degrees of
    freedom.
    """
    known = (dof > 0) & (squares > 0)
    if known.sum() < 3 or len(np.unique(x[known])) < 3:
        return 0.0
    x, y, weights = x[known], np.log(squares[known] / dof[known]), dof[known] / 2
    x = x - np.average(x, weights=weights)
    precision = (weights * x**2).sum()
    slope = (weights * x * y).sum() / precision
    return float(slope * max(0.0, 1 - 1 / (slope**2 * precision))) if slope else 0.0
