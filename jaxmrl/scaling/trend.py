"""How a curve continues beyond its largest size, and how far the forecast may be wrong there.

A law is simpler than a curve. So the forecast starts at the largest measured mean and takes from the laws only how far
the error falls from there, and its interval grows with the distance even where a law fits well. The constants were set
on curves of LCDB (classifiers of tabular data) and checked on others; docs/scaling.md says how.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from jaxmrl.scaling.kinds import UNCERTAIN, Kind
from jaxmrl.scaling.law_fit import LEVEL, SIGNIFICANT, Fit, fit_law
from jaxmrl.scaling.points import Points
from jaxmrl.stats import normal_ppf, t_ppf

RECENT = 16.0
"""Sizes count as recent down to the largest divided by this."""

_QUANTILE, NORMAL_QUANTILE = 2.2, float(normal_ppf((1 + LEVEL) / 2))
"""Standard deviations from the forecast to each end of its interval: laws err with heavier tails than noise does."""

FEWEST_RECENT = 6
"""The largest sizes that count as recent in any case."""

_LAST = 4
"""The largest sizes through which the last slope goes."""

_EVIDENCE, _PER_PARAMETER = 0.2, 1.0
"""The weight of a law is exp(-(_EVIDENCE * chi2 + _PER_PARAMETER * parameters) / 2)."""

_AGREEMENT = 0.7
"""How much of the fall the laws may disagree about before half of it is given up."""

_POWER, _LEAST_SLOPE, _LEAST_RESIDUAL, _RESIDUAL_SHARE = 1.3, 0.1, 0.004, 0.2
"""The variance of log error at distance d = ln(n / largest) is
d^(2 _POWER) (slope + _LEAST_SLOPE) (rms + _LEAST_RESIDUAL) + _RESIDUAL_SHARE rms^2."""

_DROP = 0.1
"""What is added to the slope of a flat curve in that variance: some curves drop after a plateau."""

_FAR = 1e4
"""Times the largest size at which a law still has an error above 0, if it is to be believed without evidence."""

_STEP = 1.05
"""The ratio of the sizes beyond the largest at which the forecast is looked at."""

_SIMPLE, _SEVERAL = 2, 3
"""Parameters of a simple law, and how many of these make a curve a simple one."""

_NOTHING, _EXACT = 1e-300, 1e-12


@dataclass(frozen=True)
class Trend:
    """How the error falls beyond the largest size.

    Attributes:
        points: The whole curve.
        fits: The laws that decide the fall, fitted to the recent sizes or to all of them.
        weights: Their weights [L], which sum to 1.
        start: The log error at the largest size, from which it falls.
        slope: The change of log error per unit of ln n, without its sign: the larger of the laws' slope and that of
            the last sizes, and _DROP more for a flat curve.
        rms: The root mean square of the residuals of the fitted sizes, in log error.
        noise: The standard deviation of the mean at the largest size, in log error.
        simple: Whether the curve says no more than the laws that explain all of it. The trend is then their mean.
        exact: Whether these laws pass through all sizes because they have as many parameters. `rms` is then that of the
            best law with fewer.
    """

    points: Points
    fits: tuple[Fit, ...]
    weights: np.ndarray
    start: float
    slope: float
    rms: float
    noise: float
    simple: bool
    exact: bool = False

    def log_error(self, n: np.ndarray) -> np.ndarray:
        """Return the log error at n [K], none below the largest size, [K]; NaN where every law gives an error of 0.

        Where the laws disagree on the fall, less of it is forecast: its square is compared with its variance over the
        laws, as James & Stein (1961) shrink a mean.
        """
        if self.simple:
            return self._bounded(_fall(self.fits, self.weights, n))
        # What is forecast for fewer molecules stays within reach of more, also where the laws disagree on the rest.
        # Steps are the same whatever is asked for, so that the forecast of a size hardly depends on the others.
        steps = math.ceil(math.log(max(np.max(n) / self.points.n[-1], 2.0)) / math.log(_STEP)) + 1
        path = np.union1d(self.points.n[-1] * _STEP ** np.arange(steps + 1), n)
        fall = np.minimum.accumulate(self._shrunk_fall(path))
        return self._bounded(fall[np.searchsorted(path, n)])

    @property
    def ceiling(self) -> float:
        """Return the upper end of the interval of log error at the largest size; more molecules do not raise it.

        For a simple curve it is that of guessing, or infinite where that is not known.
        """
        if self._is_tested:
            return np.inf if self.points.guess is None else float(np.log(self.points.guess))
        return float(self._bounded(np.hypot(self._margin(0.0), NORMAL_QUANTILE * self.noise)))

    def _bounded(self, rise: np.ndarray) -> np.ndarray:
        """Return the log error after a change of `rise` from the largest size, none above that of guessing."""
        log_error = self.start + rise
        return log_error if self.points.guess is None else np.minimum(log_error, np.log(self.points.guess))

    def _shrunk_fall(self, n: np.ndarray) -> np.ndarray:
        """Return the part of the fall at n [K] that is forecast, [K]: less where the laws disagree."""
        errors, largest = _errors(self.fits, n), _errors(self.fits, self.points.n[-1:])
        mean, mean_at_largest = self.weights @ errors, self.weights @ largest
        fall = _log_ratio(mean, mean_at_largest)
        with np.errstate(over="ignore", invalid="ignore"):
            variance = self.weights @ np.nan_to_num(errors / largest * (mean_at_largest / mean) - 1) ** 2
        square = (_AGREEMENT * fall) ** 2
        return np.where(fall == 0, 0.0, fall * square / np.maximum(square + variance, _NOTHING))

    def margin(self, n: np.ndarray) -> np.ndarray:
        """Return how far log error at n [K] may be from the forecast at 90%, to each side, [K].

        It counts that no law is true, the residuals, the noise of the mean from which the forecast starts, and what
        moves all sizes alike. It is 0 for a simple curve that tests its laws: its interval is theirs.
        """
        if self._is_tested:
            return np.zeros(len(n))
        return self._margin(self.discrepancy(n) ** 2)

    def _margin(self, variance: np.ndarray | float) -> np.ndarray:
        """Return `margin` where `variance` is that of the distance."""
        of_laws = _QUANTILE**2 * (variance + _RESIDUAL_SHARE * self.rms**2)
        return np.sqrt(of_laws + NORMAL_QUANTILE**2 * (self.noise**2 + common_variance(self.points)))

    def discrepancy(self, n: np.ndarray) -> np.ndarray:
        """Return the standard deviation of log error at n [K] because no law is true; 0 up to the largest size."""
        distance = np.log(np.maximum(np.asarray(n, float) / self.points.n[-1], 1.0))
        if self._is_tested:
            return np.zeros(len(distance))
        return distance**_POWER * np.sqrt((self.slope + _LEAST_SLOPE) * (self.rms + _LEAST_RESIDUAL))

    @property
    def _is_tested(self) -> bool:
        """Whether the interval is that of the laws alone: a simple curve, long enough to reject them, has not."""
        return self.simple and not self.exact

    alone = False
    """Whether intervals beyond the largest size are those of the trend alone, and not of each law as well."""

    @property
    def basis(self) -> str:
        """Return in words what the forecast beyond the largest size is based on."""
        if self.simple:
            names = ", ".join(fit.law.name for fit in self.fits)
            return f"the average of {names}" if len(self.fits) > 1 else f"the law {names}"
        fitted = self.fits[0].points
        return (
            f"all laws fitted to {len(fitted.n)} sizes from {fitted.amount(fitted.n[0])} up, shifted to start at the "
            "mean of the largest size"
        )


def common_variance(points: Points) -> float:
    """Return the variance of what moves all sizes alike: other seeds, other splits, other test molecules.

    That of few splits is larger by as much as Student's quantile is than the normal one.
    """
    few = 1.0
    if points.splits > 1 and points.level_dof:
        few = float(t_ppf((1 + LEVEL) / 2, points.level_dof)) / NORMAL_QUANTILE
    resamples = points.log_error_resamples
    return (few * points.level) ** 2 + (0.0 if resamples is None else float(np.var(resamples[:, -1])))


def recent(points: Points) -> Points:
    """Return the sizes that decide the trend."""
    count = int((points.n >= points.n[-1] / RECENT).sum())
    return points.last(min(len(points.n), max(count, FEWEST_RECENT)))


def trend_of(fits: list[Fit], chosen: list[Fit], kind: Kind | None = None) -> Trend:
    """Return the trend of a curve.

    There are two cases in which the curve says no more than the chosen laws, and these decide the trend: the curve
    still improves and several laws with two parameters explain all sizes to within the noise, or the chosen laws have
    as many parameters as there are sizes. The latter must have a floor if there are laws with fewer: others would
    continue any acceleration. In all other cases, all laws decide the trend. They are fitted to the recent sizes, and
    weighted by how well they fit these and by how few parameters they have.

    Args:
        fits: Every law that can be fitted to all sizes.
        chosen: Those of them that explain all sizes.
        kind: The kind of the curve, if it is known.
    """
    points = chosen[0].points
    if (kind not in UNCERTAIN and _is_simple(chosen)) or _are_exact(fits, chosen):
        # No noise can reject a law of as many parameters as sizes. One that ends in a perfect metric is not believed.
        lasting = [fit for fit in chosen if fit.left > 0 or fit.error(_FAR * points.n[-1:])[0] > 0]
        chosen = lasting or chosen
        weights = np.full(len(chosen), 1 / len(chosen))
        start = float(np.log(np.maximum(weights @ _errors(chosen, points.n[-1:]), _NOTHING))[0])
        trend = _trend(points, points, chosen, weights, start, simple=True)
        tested = [_rms(points, fit.error(points.n)) for fit in fits if fit.left > 0]
        exact = bool(tested) and any(fit.left <= 0 for fit in chosen)
        return replace(trend, exact=True, rms=min(tested)) if exact else trend
    near = recent(points)
    if len(near.n) < len(points.n):
        fits = [again for fit in fits if (again := fit_law(fit.law, near, intervals=False))]
    fits = [fit for fit in fits if (fit.error(near.n) > 0).all()] or chosen
    trend = _trend(points, near, fits, _weights(fits), float(np.log(points.error[-1])), simple=False)
    return replace(trend, slope=trend.slope + _DROP) if kind == Kind.FLAT else trend


def _trend(points: Points, near: Points, fits: list[Fit], weights: np.ndarray, start: float, *, simple: bool) -> Trend:
    rms = _rms(near, weights @ _errors(fits, near.n))
    by_laws = abs(float(np.nan_to_num(_fall(fits, weights, 2 * points.n[-1:])[0]))) / np.log(2)
    noise = float(np.sqrt(_noise(fits) if points.dof == 0 else 1.0) / points.weights[-1])
    return Trend(points, tuple(fits), weights, start, max(_last_slope(near), by_laws), rms, noise, simple)


def _rms(points: Points, error: np.ndarray) -> float:
    """Return the root mean square of the residuals of errors [N], in log error."""
    residuals = np.log(points.error) - np.log(np.maximum(error, _NOTHING))
    return float(np.sqrt(np.mean(residuals**2)))


def _are_exact(fits: list[Fit], chosen: list[Fit]) -> bool:
    """Return whether the chosen laws have as many parameters as there are sizes, and may decide the trend."""
    if all(fit.left <= 0 for fit in fits):
        return True
    return any(fit.left <= 0 for fit in chosen) and all(fit.law.floor is not None for fit in chosen)


def _is_simple(chosen: list[Fit]) -> bool:
    """Return whether the noise is known, and several laws of two parameters each explain all sizes."""
    known = [fit.goodness_of_fit_p for fit in chosen if len(fit.law.parameters) == _SIMPLE]
    return len(known) >= _SEVERAL and all(p is not None and p >= SIGNIFICANT for p in known)


def _last_slope(near: Points) -> float:
    """Return the slope of log error over ln n through the last sizes, without its sign."""
    last = near.last(min(_LAST, len(near.n)))
    return 0.0 if len(last.n) < 2 else abs(float(np.polyfit(np.log(last.n), np.log(last.error), 1)[0]))


def _fall(fits: list[Fit] | tuple[Fit, ...], weights: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the change of the laws' mean log error from the largest size to n [K], [K]; NaN where it comes to 0."""
    return _log_ratio(weights @ _errors(fits, n), weights @ _errors(fits, fits[0].points.n[-1:]))


def _log_ratio(errors: np.ndarray, at_largest: np.ndarray) -> np.ndarray:
    """Return ln(errors / at_largest), NaN where errors come to 0."""
    return np.where(errors > 2 * _NOTHING, np.log(errors / at_largest), np.nan)


def _weights(fits: list[Fit]) -> np.ndarray:
    """Return the weights [L] of laws, by chi2 relative to the noise and by the number of parameters."""
    parameters, left = np.array([len(fit.law.parameters) for fit in fits]), np.array([fit.left for fit in fits])
    against = _EVIDENCE * np.array([fit.chi2 for fit in fits]) / _noise(fits) + _PER_PARAMETER * parameters
    tested = left > 0 if (left > 0).any() else parameters == parameters.min()
    weights = np.where(tested, np.exp(-(against - against[tested].min()) / 2), 0.0)
    return weights / weights.sum()


def _noise(fits: list[Fit]) -> float:
    """Return the variance of a residual: that of the runs, or of what the best law leaves where that is more."""
    left = np.array([fit.left for fit in fits])
    tested = left > 0 if (left > 0).any() else np.ones(len(fits), bool)
    least = float((np.array([fit.chi2 for fit in fits]) / np.maximum(left, 1))[tested].min())
    return max(least, _EXACT) if fits[0].points.dof == 0 else max(least, 1.0)


def _errors(fits: list[Fit] | tuple[Fit, ...], n: np.ndarray) -> np.ndarray:
    """Return errors [L, K] of the laws at n [K], none above that of guessing or of the worst size measured."""
    points = fits[0].points
    worst = points.error.max() if points.guess is None else min(points.error.max(), points.guess)
    return np.clip(np.nan_to_num(np.stack([fit.error(n) for fit in fits])), _NOTHING, worst)
