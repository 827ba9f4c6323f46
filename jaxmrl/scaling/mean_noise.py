"""How far the mean log error of each size is from the truth, and lines through some of the sizes with that noise."""

from dataclasses import dataclass

import numpy as np

from jaxmrl.scaling.points import Points
from jaxmrl.stats import t_cdf

_EXACT = 1e-9
"""The least standard deviation of a mean's log error: rounding makes up more."""

_FEWEST_FOR_DIFFERENCES = 3


@dataclass(frozen=True)
class MeanNoise:
    """The noise of the means of a curve.

    Attributes:
        sd: Standard deviations of the mean log errors [N].
        dof: Degrees of freedom behind their common scale; 0 where nothing is known.
    """

    sd: np.ndarray
    dof: float


@dataclass(frozen=True)
class Line:
    """A line of log error over ln n: its slope, the standard error of that, and the degrees of freedom of the noise."""

    slope: float
    se: float
    dof: float

    def chance(self, slope: float) -> float:
        """Return the probability of a slope as low as this line's, or lower, if the true one is `slope`."""
        return float(t_cdf((self.slope - slope) / self.se, self.dof))


def noise_of(points: Points) -> MeanNoise:
    """Return the noise by the repeated runs or, without them, by how far each size is from the line through its
    neighbors.

    Such differences are blind to a smooth curve (Gasser, Sroka & Jennen-Steinmetz 1986). Neighboring ones are
    correlated, so they count as half as many degrees of freedom.
    """
    sd = 1 / points.weights
    if points.dof > 0:
        return MeanNoise(np.maximum(sd, _EXACT), points.dof)
    if len(points.n) < _FEWEST_FOR_DIFFERENCES:
        return MeanNoise(sd, 0)
    residuals = neighbor_residuals(np.log(points.n), np.log(points.error), sd)
    scale = np.sqrt(np.mean(residuals**2))
    return MeanNoise(np.maximum(scale * sd, _EXACT), len(residuals) / 2)


def neighbor_residuals(x: np.ndarray, y: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Return how far y [..., N] is from the line over x [N] through its neighbors, in standard deviations.

    Of the N - 2 inner sizes, [..., N - 2]. sd [N]: standard deviations of y.
    """
    before = (x[2:] - x[1:-1]) / (x[2:] - x[:-2])
    variance = sd[1:-1] ** 2 + (before * sd[:-2]) ** 2 + ((1 - before) * sd[2:]) ** 2
    return (y[..., 1:-1] - before * y[..., :-2] - (1 - before) * y[..., 2:]) / np.sqrt(variance)


def line_through(points: Points, noise: MeanNoise, part: slice) -> Line:
    """Return the weighted line through some of the sizes, two or more."""
    x, y, weights = np.log(points.n[part]), np.log(points.error[part]), noise.sd[part] ** -2.0
    x = x - np.average(x, weights=weights)
    precision = float((weights * x**2).sum())
    return Line(float((weights * x * y).sum()) / precision, precision**-0.5, noise.dof)
