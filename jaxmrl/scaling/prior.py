"""A prior from many learning curves of molecular models: how a curve with few sizes continues.

Three to five sizes say little about how a curve bends. Learning curves of molecular models resemble each other, so many
other curves are a better guide than the choice of a law. benchmarks/curves_database has these curves and fits the
numbers in `priors.json`; docs/scaling.md reports how well that works on data sets that were left out.
"""

import json
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

import numpy as np

from jaxmrl.scaling.points import Points
from jaxmrl.scaling.trend import NORMAL_QUANTILE, common_variance
from jaxmrl.stats import chi2_sf
from jaxmrl.text import count

FEWEST, MOST = 3, 5
"""The smallest and largest number of sizes of a curve for which a prior is used."""

REFERENCE = 100.0
"""The number of molecules at which `Prior.slope` is given."""

SMALLEST, LARGEST = 10.0, 2_000.0
"""Sizes of the curves that the priors are fitted to; curves of other sizes, or of shares, are not known to be alike."""

_FEWEST_FREEDOM = 4
"""Degrees of freedom of the noise below which it is not known well enough to be weighed against the prior."""

_ANY_LEVEL = 30.0
"""The standard deviation of the level of log error, so wide that the prior says nothing about it."""

_UNLIKE = 0.01
"""The p-value of a curve under the prior, below which the prior is not used."""

_STEPS = 64


@dataclass(frozen=True)
class Prior:
    """A distribution of learning curves: log error = level + slope x + bend x^2 / 2, with x = ln(n / REFERENCE).

    Slope and bend of a curve are normal, with these means, standard deviations and correlation over curves.

    Attributes:
        metric: The metric of these curves.
        slope: The mean change of log error per unit of ln n at REFERENCE molecules.
        bend: The mean change of that slope per unit of ln n.
        slope_sd: The standard deviation of the slope.
        bend_sd: The standard deviation of the bend.
        correlation: That of slope and bend.
        misfit: The standard deviation of a mean log error about its parabola, beyond the noise of its runs.
        quantile: Standard deviations from the forecast to each end of its interval, set on left-out data sets.
        curves: The number of curves that these are fitted to.
        data_sets: The number of their data sets.
    """

    metric: str
    slope: float
    bend: float
    slope_sd: float
    bend_sd: float
    correlation: float
    misfit: float
    quantile: float = NORMAL_QUANTILE
    curves: int = 0
    data_sets: int = 0

    @property
    def mean(self) -> np.ndarray:
        """The mean of level, slope and bend, [3]."""
        return np.array([0.0, self.slope, self.bend])

    @property
    def covariance(self) -> np.ndarray:
        """The covariance of level, slope and bend, [3, 3]."""
        sd = np.array([_ANY_LEVEL, self.slope_sd, self.bend_sd])
        correlation = np.eye(3)
        correlation[1, 2] = correlation[2, 1] = self.correlation
        return correlation * sd * sd[:, None]

    def continued(
        self, n: np.ndarray, log_error: np.ndarray, variance: np.ndarray, far: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean and standard deviation of log error at `far` [K], given a curve: Bayesian linear regression.

        Args:
            n: [N] sizes.
            log_error: [N] log errors of the means.
            variance: [N] variances of these, by the noise of the runs.
            far: [K] sizes to forecast. The misfit of each is part of its standard deviation.
        """
        shift = log_error.mean()
        here, there, covariance = design(n), design(far), self.covariance
        gain = np.linalg.solve(self._spread(n, variance), here @ covariance @ there.T).T
        mean = shift + there @ self.mean + gain @ (log_error - shift - here @ self.mean)
        left = (there * (there @ covariance)).sum(axis=1) - (gain * (there @ covariance @ here.T)).sum(axis=1)
        return mean, np.sqrt(np.maximum(left, 0.0) + self.misfit**2)

    def describes(self, n: np.ndarray, log_error: np.ndarray, variance: np.ndarray) -> bool:
        """Return whether a curve may be one of this prior: a chi-squared test of its means, at 1%."""
        off = log_error - log_error.mean() - design(n) @ self.mean
        return bool(chi2_sf(off @ np.linalg.solve(self._spread(n, variance), off), len(n) - 1) >= _UNLIKE)

    def _spread(self, n: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """Return the covariance [N, N] of the means of a curve."""
        here = design(n)
        return here @ self.covariance @ here.T + np.diag(variance + self.misfit**2)


def design(n: np.ndarray) -> np.ndarray:
    """Return what level, slope and bend are multiplied by at n [..., N], [..., N, 3]."""
    x = np.log(np.asarray(n, float) / REFERENCE)
    return np.stack([np.ones_like(x), x, x**2 / 2], axis=-1)


@cache
def prior_of(metric: str) -> Prior | None:
    """Return the prior of learning curves of a metric; None if there is none."""
    known = json.loads(files("jaxmrl.scaling").joinpath("priors.json").read_text(encoding="utf-8"))
    return Prior(metric, **known[metric]) if metric in known else None


def use_prior(prior: Prior | None, points: Points) -> bool:
    """Return whether the prior makes the forecast of these sizes: they are few and like those of its curves, their
    noise is known, and the curve is not unlike those of the prior.
    """
    if prior is None or not FEWEST <= len(points.n) <= MOST or points.dof < _FEWEST_FREEDOM:
        return False
    if points.n.min() < SMALLEST or points.n.max() > LARGEST or (points.n != np.round(points.n)).any():
        return False
    return prior.describes(points.n, np.log(points.error), points.weights**-2.0)


@dataclass(frozen=True)
class PriorTrend:
    """How a curve with few sizes continues according to a prior, with the interface of `Trend`."""

    points: Points
    prior: Prior
    alone = True

    def log_error(self, n: np.ndarray) -> np.ndarray:
        """Return the log error at n [K], none below the largest size, [K]; it never rises with n."""
        path = np.geomspace(self.points.n[-1], max(np.max(n), 2 * self.points.n[-1]), _STEPS)
        falling = np.minimum.accumulate(self._continued(path)[0])
        return self._bounded(np.minimum(self._continued(n)[0], np.interp(np.log(n), np.log(path), falling)))

    @cached_property
    def start(self) -> float:
        """The log error at the largest size."""
        return float(self._bounded(self._continued(self.points.n[-1:])[0])[0])

    @property
    def ceiling(self) -> float:
        """The upper end of the interval of log error at the largest size; more molecules do not raise it."""
        return float(self._bounded(self.start + self.margin(self.points.n[-1:]))[0])

    def margin(self, n: np.ndarray) -> np.ndarray:
        """Return how far log error at n [K] may be from the forecast at 90%, to each side, [K]."""
        common = NORMAL_QUANTILE**2 * common_variance(self.points)
        return np.sqrt((self.prior.quantile * self._continued(n)[1]) ** 2 + common)

    def discrepancy(self, n: np.ndarray) -> np.ndarray:
        """Return the standard deviation of log error at n [K] by the prior, 0 up to the largest size."""
        sd = self.prior.quantile / NORMAL_QUANTILE * self._continued(n)[1]
        return np.where(np.asarray(n) > self.points.n[-1], sd, 0.0)

    @property
    def basis(self) -> str:
        """Return in words what the forecast beyond the largest size is based on."""
        return (
            f"{count(len(self.points.n), 'size')} and a prior: how {self.prior.curves} learning curves of molecular "
            f"models on {self.prior.data_sets} data sets continued"
        )

    def _continued(self, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.prior.continued(self.points.n, np.log(self.points.error), self.points.weights**-2.0, n)

    def _bounded(self, log_error: np.ndarray) -> np.ndarray:
        return log_error if self.points.guess is None else np.minimum(log_error, np.log(self.points.guess))
