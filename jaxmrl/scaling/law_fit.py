"""Fits of laws to a curve, in log error and weighted by the spread over runs, with profile intervals."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import f as f_distribution
from scipy.stats import norm

from jaxmrl.scaling.laws import Law
from jaxmrl.scaling.points import Points
from jaxmrl.scaling.solve import least_squares
from jaxmrl.text import size_text

LEVEL = 0.9
"""The level of every interval."""

SIGNIFICANT = 0.05
ENOUGH_RESIDUALS = 3
"""Degrees of freedom from which the residuals of a law say how large the noise is, where no size has repeated runs."""

_PROFILE_POINTS = 20
_EXACT = 1e-6
"""Standard deviation of residuals below which a law passes through the points, and these say nothing of the noise."""

_MOST_STEPS = 3
_WIDE = 5.0
"""The multiple of its lower end above which an exponent's interval says little."""


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
        reach = scale * f_distribution.ppf(LEVEL, 1, dof)
        found = _profile_intervals(law, points, u, chi2, reach, _molecules_spread(law, points, u))
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


def can_fit(law: Law, points: Points) -> bool:
    """Return whether there are enough points, what the law begins from is known, and it does not repeat another law."""
    known = not (law.needs_guess and points.guess is None) and not (law.for_scores and points.top == 0)
    return known and not points.perfect.any() and len(points.n) >= len(law.parameters)


def fit_many(law: Law, points: Points, errors: np.ndarray, start: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
    """Fit the law to many curves at once, errors [B, N] at the sizes of `points`.

    start [S, P]: unbounded values to begin from, in place of those that the law offers. Returns unbounded values
    [B, P], statistics [B], and which have converged [B].
    """
    starts = _starts(law, points) if start is None else start
    many, of = len(errors), len(starts)
    target = np.repeat(np.log(errors), of, axis=0)
    u, cost, converged = least_squares(_residuals(law, points, target), np.tile(starts, (many, 1)))
    cost = cost.reshape(many, of)
    best = cost.argmin(axis=1) + of * np.arange(many)
    lowest, highest = np.array([parameter.unbounded_ends for parameter in law.parameters]).T
    return np.clip(u[best], lowest, highest), cost.min(axis=1), converged[best]


def _starts(law: Law, points: Points) -> np.ndarray:
    """Return the unbounded values [S, P] that the law would begin from."""
    with np.errstate(all="ignore"):
        return law.unbounded(np.array(law.starts(points.n, points.error, points.guess, points.top)))


def error_of(law: Law, points: Points, n: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the errors [B, K] of n [K] molecules, by values [B, P] of the law's parameters."""
    columns = [values[:, k : k + 1] for k in range(values.shape[1])]
    with np.errstate(all="ignore"):
        return law.function(np.asarray(n, float), *columns, points.guess, points.top)


def predict_many(law: Law, points: Points, n: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return `error_of` by unbounded values u [B, P]."""
    return error_of(law, points, n, law.natural(u))


def _residuals(law: Law, points: Points, target: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return the residuals for unbounded values u, for problems with log errors target [B, N]."""

    def residuals(u: np.ndarray, rows: np.ndarray) -> np.ndarray:
        error = predict_many(law, points, points.n, u)
        return (np.log(np.where(error > 0, error, np.nan)) - target[rows]) * points.weights

    return residuals


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
    goodness_of_fit_p = float(f_distribution.sf(chi2 / left, left, dof))
    return (goodness_of_fit_p, chi2 / left, left) if goodness_of_fit_p < SIGNIFICANT else (goodness_of_fit_p, 1.0, dof)


def _molecules_spread(law: Law, points: Points, u: np.ndarray) -> np.ndarray:
    """Return the standard deviation of the unbounded values [P] over other test molecules; 0 if that is not known."""
    if points.log_error_resamples is None:
        return np.zeros(len(u))
    moved, _, _ = fit_many(law, points, points.error * np.exp(points.log_error_resamples), u[None, :])
    return moved.std(axis=0)


def _profile_intervals(
    law: Law, points: Points, u: np.ndarray, chi2: float, reach: float, more: np.ndarray
) -> dict[str, tuple[float | None, float | None]]:
    """Return (low, high) of each parameter: where the best fit with that parameter fixed is worse by `reach`.

    more [P]: another source's standard deviation of the unbounded values, which is added in squares.
    """
    profile = _Profile(law, points, u, chi2)
    sides = [(k, end - u[k]) for k, parameter in enumerate(law.parameters) for end in parameter.unbounded_ends]
    brackets = profile.crossings([(k, _offsets(to_end, profile.spread[k])) for k, to_end in sides], reach)
    finer = [
        (k, np.linspace(*bracket, _PROFILE_POINTS) if bracket else np.zeros(0))
        for (k, _), bracket in zip(sides, brackets, strict=True)
    ]
    ends = []
    for (k, _), bracket in zip(sides, profile.crossings(finer, reach), strict=True):
        ends.append(None if bracket is None else float(law.parameters[k].natural(u[k] + _widen(bracket, more[k]))))
    return {name: (ends[2 * k], ends[2 * k + 1]) for k, name in enumerate(law.names)}


def _widen(bracket: tuple[float, float], more: float) -> float:
    """Return the interval's end, as an offset, with `more` spread."""
    end = np.mean(bracket)
    return float(np.sign(end) * np.hypot(end, norm.ppf((1 + LEVEL) / 2) * more))


class _Profile:
    """How much worse the best fit is where one parameter is held elsewhere."""

    def __init__(self, law: Law, points: Points, u: np.ndarray, chi2: float):
        self.law, self.points, self.u, self.chi2 = law, points, u, chi2
        covariance = covariance_of(law, points, u)
        variance = np.maximum(np.diag(covariance), 1e-12)
        self.spread, self._along = np.sqrt(variance), covariance / variance[None, :]
        self._others = _starts(law, points)

    def crossings(self, sides: list[tuple[int, np.ndarray]], reach: float) -> list[tuple[float, float] | None]:
        """Return, for each (parameter, offsets, ever further out), the two between which the fit gets worse by
        `reach`.
        """
        worse = iter(self._worse([(k, offset) for k, offsets in sides for offset in offsets]))
        found = []
        for _, offsets in sides:
            beyond = [next(worse) >= reach for _ in offsets]
            first = beyond.index(True) if True in beyond else None
            before = 0.0 if not first else offsets[first - 1]
            found.append(None if first is None else (before, offsets[first]))
        return found

    def _worse(self, held: list[tuple[int, float]]) -> np.ndarray:
        """Return, for each (parameter, offset), by how much the fit is worse.

        The others begin where they are, along the valley, and where the law would begin: one that is at its bound
        cannot leave it, for there the curve no longer depends on it.
        """
        if not held:
            return np.zeros(0)
        start, free = [], []
        for k, offset in held:
            this = np.arange(len(self.u)) == k
            here = self.u + offset * this
            begins = [here, self.u + offset * self._along[:, k], *np.where(this, here, self._others)]
            start.extend(np.clip(begins, -700, 700))
            free.extend([~this] * len(begins))
        target = np.log(self.points.error)[None, :].repeat(len(start), axis=0)
        _, cost, _ = least_squares(_residuals(self.law, self.points, target), np.array(start), np.array(free))
        return cost.reshape(len(held), -1).min(axis=1) - self.chi2


def _offsets(to_end: float, spread: float) -> np.ndarray:
    """Return steps from the best value to its bound: fine where the interval should end, then ever wider."""
    first = min(0.3 * spread, abs(to_end) / 2)
    if not first > 0:
        return np.zeros(0)
    return np.sign(to_end) * np.geomspace(first, abs(to_end), _PROFILE_POINTS)


def covariance_of(law: Law, points: Points, u: np.ndarray) -> np.ndarray:
    """Return the covariance of the unbounded values [P, P], by the residuals' slopes, for unit variance."""
    slopes = _slopes(
        lambda v: _residuals(law, points, np.log(points.error)[None, :].repeat(len(v), axis=0))(v, np.arange(len(v))), u
    )
    return np.linalg.pinv(slopes.T @ slopes, rcond=1e-10)


def _slopes(function: Callable[[np.ndarray], np.ndarray], u: np.ndarray) -> np.ndarray:
    step = 1e-5
    moved = np.concatenate([u + step * np.eye(len(u)), u - step * np.eye(len(u))])
    with np.errstate(all="ignore"):
        values = function(moved)
    up, down = values[: len(u)], values[len(u) :]
    return np.nan_to_num((up - down) / (2 * step)).T


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
