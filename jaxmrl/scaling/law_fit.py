"""Fits of laws to a curve, in log error and weighted by the spread over runs, with profile intervals."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from jaxmrl.scaling.law_search import can_fit, error_of, fit_many
from jaxmrl.scaling.laws import Law
from jaxmrl.scaling.points import Points
from jaxmrl.scaling.profiles import profile_intervals
from jaxmrl.stats import f_ppf, f_sf, normal_ppf
from jaxmrl.text import size_text

LEVEL = 0.9
"""The level of every interval."""

SIGNIFICANT = 0.05
ENOUGH_RESIDUALS = 3
"""Degrees of freedom from which the residuals of a law say how large the noise is, where no size has repeated runs."""

_EXACT = 1e-6
"""Standard deviation of residuals below which a law passes through the points, and these say nothing of the noise."""

_HELD_OUT = 4
"""One over the share of the sizes, the largest ones, that laws are tried on."""

_MOST_STEPS = 3
_WIDE = 5.0
"""The multiple of its lower end above which an exponent's interval says little."""


@dataclass(frozen=True)
class HeldOut:
    """A law fitted without the largest sizes, a quarter of them, and tried there: the metric's RMSE."""

    sizes: tuple[float, ...]
    rmse: float


@dataclass(frozen=True)
class Fit:
    """A fitted law.

    values      by parameter name
    intervals   by parameter name: (low, high) at LEVEL; None where the curve sets no end. Empty: nothing is known
    chi2        sum of squared residuals, in standard deviations of the means
    goodness_of_fit_p  probability that noise alone leaves that much or more; None where the noise is not known
    scale, dof  variance of a residual that intervals use, and its degrees of freedom; NaN and 0: not known
    converged   whether the search for the smallest residuals came to its end
    """

    law: Law
    points: Points = field(repr=False)
    values: dict[str, float]
    intervals: dict[str, tuple[float | None, float | None]]
    chi2: float
    goodness_of_fit_p: float | None
    scale: float
    dof: int
    converged: bool

    def error(self, n: np.ndarray) -> np.ndarray:
        """Return the error [K] of models trained on n [K] molecules."""
        return error_of(self.law, self.points, n, np.array([list(self.values.values())]))[0]

    def __call__(self, n: np.ndarray) -> np.ndarray:
        """Return the metric [K] with n [K] molecules."""
        return self.points.metric_of(self.error(n))

    @property
    def left(self) -> int:
        """The number of sizes beyond the parameters of the law."""
        return len(self.points.n) - len(self.law.parameters)

    @property
    def noise_known(self) -> bool:
        """Whether repeated runs, or enough residuals, say how large the noise is."""
        return self.dof > 0

    @property
    def flags(self) -> tuple[str, ...]:
        """Reasons not to trust the law."""
        return tuple(_flags(self))

    @property
    def rmse(self) -> float:
        """The root of the mean squared residual of the points' metric."""
        return float(np.sqrt(np.mean((self(self.points.n) - self.points.metric) ** 2)))

    @property
    def floor(self) -> float:
        """The error with an unlimited number of molecules, by this law."""
        return self.law.floor(*self.values.values(), self.points.guess) if self.law.floor else 0.0

    @cached_property
    def without_largest(self) -> "Fit | None":
        """The law fitted to the smaller sizes alone; None if too few remain to fit it. Tables and choices share it."""
        return fit_law(self.law, self.points.first(len(self.points.n) - held_out(self.points)), intervals=False)

    @cached_property
    def held_out(self) -> HeldOut | None:
        """The error of the law, fitted to the smaller sizes, at the largest; None if too few remain to fit it."""
        before = self.without_largest
        if before is None:
            return None
        largest = self.points.last(held_out(self.points))
        missed = before.error(largest.n) - largest.error
        return HeldOut(tuple(largest.n.tolist()), float(np.sqrt(np.mean(missed**2))))


def held_out(points: Points) -> int:
    """Return how many of the largest sizes are held out to try laws on: a quarter, and at least one."""
    return max(1, len(points.n) // _HELD_OUT)


def fit_law(law: Law, points: Points, *, intervals: bool = True) -> Fit | None:
    """Fit `law` to `points`; return None if it has more parameters than there are points, begins from a guess that is
    not known, takes the points beyond what numbers represent, or if an error is 0.

    Least squares in log error; each point weighs by the spread of its runs. An interval holds every value of the
    parameter with which the others can still fit the points (profile likelihood, with F's quantile for the noise's own
    uncertainty: Bates & Watts 1988, chapter 6), widened by what other test molecules would change, where the points
    know it. Where the law misses the points by more than noise does, its residuals
    are the noise. Standard deviations are those of the runs where sizes have repeated runs, else those of the
    residuals; where these are fewer than ENOUGH_RESIDUALS beyond the parameters, no interval is known.
    """
    if not can_fit(law, points):
        return None
    found_u, statistics, converged = fit_many(law, points, points.error[None, :])
    u, chi2 = found_u[0], float(statistics[0])
    if not np.isfinite(chi2):
        return None
    left = len(points.n) - len(law.parameters)
    goodness_of_fit_p, scale, dof = noise(chi2, left, points.dof)
    found = {}
    if intervals and dof > 0:
        reach = scale * f_ppf(LEVEL, 1, dof)
        found = profile_intervals(law, points, u, chi2, reach, _molecules_spread(law, points, u))
    values = law.natural(u[None, :])[0]
    return Fit(
        law=law,
        points=points,
        values=dict(zip(law.names, map(float, values), strict=True)),
        intervals=found,
        chi2=chi2,
        goodness_of_fit_p=goodness_of_fit_p,
        scale=scale,
        dof=dof,
        converged=bool(converged[0]),
    )


def noise(chi2: float, left: int, dof: int) -> tuple[float | None, float, int]:
    """Return the probability of the misfit, and the variance and degrees of freedom for intervals; NaN and 0: not
    known.

    left: points beyond the law's parameters; dof: degrees of freedom of the runs' own noise.
    """
    if dof == 0:
        enough = left >= ENOUGH_RESIDUALS and chi2 > left * _EXACT**2
        return (None, chi2 / left, left) if enough else (None, np.nan, 0)
    if left == 0:
        return None, 1.0, dof
    goodness_of_fit_p = float(f_sf(chi2 / left, left, dof))
    return (goodness_of_fit_p, chi2 / left, left) if goodness_of_fit_p < SIGNIFICANT else (goodness_of_fit_p, 1.0, dof)


def _molecules_spread(law: Law, points: Points, u: np.ndarray) -> np.ndarray:
    """Return how far the unbounded values [P] may be off at LEVEL because of other test molecules; 0 if that is not
    known.
    """
    if points.log_error_resamples is None:
        return np.zeros(len(u))
    moved, _, _ = fit_many(law, points, points.error * np.exp(points.log_error_resamples), u[None, :])
    return normal_ppf((1 + LEVEL) / 2) * moved.std(axis=0)


def _has_floor(fit: Fit) -> bool:
    """Return whether the parameter that makes the floor is distinguished from none: e_inf, share or gamma from 0."""
    return any(fit.intervals.get(name, (None,))[0] is not None for name in ("e_inf", "share", "gamma"))


def _exponent_flags(low: float | None, high: float | None) -> list[str]:
    if low is None or high is None:
        return ["exponent not identifiable"]
    return [f"exponent known only to within a factor of {high / low:.0f}"] if low > 0 and high > _WIDE * low else []


def _flags(fit: Fit) -> list[str]:
    law, points, flags = fit.law, fit.points, []
    if not fit.converged:
        flags.append("the fit did not converge")
    if len(points.n) == len(law.parameters):
        flags.append("as many parameters as points")
    if fit.goodness_of_fit_p is not None and fit.goodness_of_fit_p < SIGNIFICANT:
        flags.append(f"rejected: residuals exceed the noise between runs (p = {fit.goodness_of_fit_p:.2g})")
    if law.exponent and fit.intervals:
        flags.extend(_exponent_flags(*fit.intervals[law.exponent]))
    if law.floor and not _has_floor(fit):
        flags.append("irreducible error not distinguishable from 0")
    return [*flags, *_worse_steps(points)]


def _worse_steps(points: Points) -> list[str]:
    """Return the sizes between which the mean gets worse."""
    steps = np.flatnonzero(np.diff(points.error) > 0)
    said = ", ".join(f"{size_text(points.n[k])} and {size_text(points.n[k + 1])}" for k in steps[:_MOST_STEPS])
    more = f" molecules, and {len(steps) - _MOST_STEPS} more times" if len(steps) > _MOST_STEPS else " molecules"
    return [f"the mean metric gets worse between {said}{more}"] if len(steps) else []
