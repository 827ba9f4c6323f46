"""Which laws explain a curve, and what they forecast together."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.stats import f as f_distribution

from jaxmrl.scaling import law_fit as fitting
from jaxmrl.scaling.law_fit import LEVEL, SIGNIFICANT, Fit, fit_law
from jaxmrl.scaling.laws import LAWS, Law
from jaxmrl.scaling.points import Points
from jaxmrl.scaling.target import Target, checked

DRAWS = 400
_HELD_OUT = 4
_HORIZON = 1e4
_GRID = 400
_NOTHING, _LOG_NOTHING = 1e-300, float(np.log(1e-300))
_LEAST_VARIANCE = 1e-12


@dataclass(frozen=True)
class HeldOut:
    """A law fitted without the largest sizes, a quarter of them, and tried there: the metric's RMSE."""

    sizes: tuple[float, ...]
    rmse: float


def held_out(points: Points) -> int:
    """Return how many of the largest sizes are held out to try laws on: a quarter, and at least one."""
    return max(1, len(points.n) // _HELD_OUT)


def try_on_largest(law: Law, points: Points) -> HeldOut | None:
    """Return how well the law, fitted to the smaller sizes, forecasts the largest; None if too few remain to fit it."""
    count = held_out(points)
    seen = points.first(len(points.n) - count)
    if not fitting.can_fit(law, seen):
        return None
    u, _, _ = fitting.fit_many(law, seen, seen.error[None, :])
    missed = fitting.predict_many(law, points, points.n[-count:], u)[0] - points.error[-count:]
    return HeldOut(tuple(points.n[-count:].tolist()), float(np.sqrt(np.mean(missed**2))))


@dataclass(frozen=True)
class Forecast:
    """The laws that explain a curve, and their weighted mean.

    fits        the chosen ones; `reasons` says why these
    candidates  the chosen ones first, then those with up to one parameter more that noise does not reject: intervals
                cover them all
    draws       for each candidate, unbounded parameters [DRAWS, P] of fits to curves drawn as the runs might have been
    """

    fits: tuple[Fit, ...]
    reasons: str
    candidates: tuple[Fit, ...] = field(repr=False)
    draws: tuple[np.ndarray, ...] = field(repr=False)

    @property
    def points(self) -> Points:
        return self.fits[0].points

    @property
    def name(self) -> str:
        """The name of the law, or of the average of several."""
        names = [fit.law.name for fit in self.fits]
        return names[0] if len(names) == 1 else f"average of {', '.join(names)}"

    def error(self, n: np.ndarray) -> np.ndarray:
        """Return the error [K] of models trained on n [K] molecules: the laws' geometric mean, weighted by their
        precision there.

        NaN where no law has an error above 0.
        """
        return self._mean(n, self._drawn(n, len(self.fits)))

    def draws_of(self, fit: Fit) -> np.ndarray:
        """Return the unbounded parameters [DRAWS, P] of a candidate."""
        return next(draws for one, draws in zip(self.candidates, self.draws, strict=True) if one is fit)

    def __call__(self, n: np.ndarray) -> np.ndarray:
        """Return the metric, [K]."""
        return self.points.metric_of(self.error(n))

    def interval(self, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the metric's interval at n [K], at LEVEL."""
        low, high = self.error_interval(n)
        ends = self.points.metric_of(low), self.points.metric_of(high)
        return ends if self.points.sign > 0 else ends[::-1]

    def error_interval(self, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the error's interval; NaN if the noise is not known, or `error` is NaN.

        It covers the interval that every candidate would have as the only law. Weights would silence exactly the laws
        that differ from the others.
        """
        n = np.asarray(n, float)
        drawn = self._drawn(n, len(self.candidates))
        ends = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=1)
        known = np.isfinite(self._mean(n, drawn[: len(self.fits)])) & self.noise_known
        low, high = (
            np.where(known, np.where(end <= _LOG_NOTHING, 0.0, np.exp(end)), np.nan)
            for end in (ends[0].min(axis=0), ends[1].max(axis=0))
        )
        return low, high

    def molecules_for(self, metric: float) -> Target:
        """Return how many molecules a metric takes; the measured means are not contradicted."""
        points = self.points
        target = points.error_of(metric)
        grid = np.geomspace(points.n.min(), _HORIZON * points.n.max(), _GRID)
        low, high = self.error_interval(grid)
        first, middle, last = (_first_reaching(grid, errors, target) for errors in (low, self.error(grid), high))
        floor = min(fit.floor for fit in self.fits)
        limit = float(points.metric_of(np.array(floor))) if floor > target else None
        return checked(Target(metric, middle, first, last, limit, known=self.noise_known), points)

    def sample(self, n: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Log errors at n [K] of DRAWS curves, each by one of the candidates, as often by each: [DRAWS, K]."""
        law = rng.integers(len(self.candidates), size=DRAWS)
        return self._drawn(n, len(self.candidates))[law, rng.permutation(DRAWS)]

    def _mean(self, n: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        """Return the weighted mean error of the chosen laws at n [K], [K]; drawn [L, DRAWS, K]: their own draws
        there.
        """
        logs = np.stack([_log(fit.error(n)) for fit in self.fits])
        return np.exp((self._weights(logs, drawn) * logs).sum(axis=0))

    def _drawn(self, n: np.ndarray, count: int) -> np.ndarray:
        """Log errors at n [K] by every draw of the first `count` candidates, [count, DRAWS, K]."""
        pairs = zip(self.candidates[:count], self.draws[:count], strict=True)
        return np.stack([_log(fitting.predict_many(f.law, f.points, n, u)) for f, u in pairs])

    def _weights(self, logs: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        """Return the weight of each law at each n, [L, K]: one over its variance there and the points' own, summing to
        1.

        A law of the metric may come to an error of 0, and then says nothing more: it has no weight. NaN where that is
        so of all.
        """
        noise = 0.0 if self._noise is None else np.mean(self._noise**2)
        variance = np.mean((drawn - logs[:, None, :]) ** 2, axis=1) + noise + _LEAST_VARIANCE
        sound = (logs > _LOG_NOTHING) & (np.median(drawn, axis=1) > _LOG_NOTHING)
        precision = np.where(sound, 1 / variance, 0.0)
        with np.errstate(invalid="ignore"):
            return precision / precision.sum(axis=0)

    @cached_property
    def _noise(self) -> np.ndarray | None:
        """Standard deviations of the points' log errors, [N]; None if they are not known."""
        return np.sqrt(self.fits[0].scale) / self.points.weights if self.noise_known else None

    @property
    def noise_known(self) -> bool:
        """Whether the noise is known, and with it intervals."""
        return all(fit.noise_known for fit in self.fits)

    @property
    def flags(self) -> tuple[str, ...]:
        """Reasons not to trust the laws, each with the law's name unless it is true of all."""
        flags = [(flag, fit.law.name) for fit in self.fits for flag in fit.flags]
        shared = {flag for flag, _ in flags if all(flag in fit.flags for fit in self.fits)}
        return tuple(dict.fromkeys(flag if flag in shared else f"{law}: {flag}" for flag, law in flags))


def fit_all(points: Points, laws: tuple[Law, ...] = LAWS, *, intervals: bool = True) -> list[Fit]:
    """Return every law that can be fitted."""
    return [fit for law in laws if (fit := fit_law(law, points, intervals=intervals))]


def make_forecast(fits: list[Fit], seed: int = 0) -> Forecast:
    """Return the laws that the forecast is based on, and their draws. Raises ValueError without fits.

    A law is rejected where its residuals exceed the noise. Laws with as many parameters as points, which nothing could
    reject, are used only where there are no others, or where noise rejects all others. Of the rest, those with the
    fewest parameters are taken, or those with more that explain significantly more (F-test) than the best of them. Laws
    that explain a curve equally well part ways beyond it, and nothing in the curve tells which is right: their mean
    errs less than one of them (Bates & Granger 1969). Laws with one parameter more that are not rejected widen the
    interval, for any of them may be the true one. What was tried instead is in docs/scaling.md.
    """
    chosen, candidates, reasons = _chosen(fits)
    rng = np.random.default_rng(seed)
    return Forecast(tuple(chosen), reasons, tuple(candidates), tuple(_draw(fit, rng) for fit in candidates))


def _chosen(fits: list[Fit]) -> tuple[list[Fit], list[Fit], str]:
    """Return the laws for the forecast, those that noise does not refute, and the reason for the choice."""
    full = [fit for fit in fits if _left(fit) == 0 and _passes(fit)]
    fits = [fit for fit in fits if _left(fit) > 0] or fits
    adequate = [fit for fit in fits if _goodness_of_fit_p(fit, fits) >= SIGNIFICANT]
    if not adequate and full:
        return full, full, "as many parameters as sizes; every law with fewer is rejected"
    if not adequate:
        tried = {fit.law.name: try_on_largest(fit.law, fit.points) for fit in fits}
        best = min(fits, key=lambda fit: (one.rmse if (one := tried[fit.law.name]) else np.inf, fit.chi2))
        return (
            [best],
            [best],
            "rejected like every law: residuals exceed the noise between runs; predicts the largest sizes best",
        )
    fewest = min(len(fit.law.parameters) for fit in adequate)
    simple = [fit for fit in adequate if len(fit.law.parameters) == fewest]
    least = min(fit.chi2 for fit in simple)
    better = [fit for fit in adequate if _explains_more(fit, least, fewest)]
    if better:
        more = f"more than {fewest} parameters; fits significantly better than any law with {fewest}"
        return better, _informed(better, [fit for fit in adequate if len(fit.law.parameters) > fewest]), more
    if all(_left(fit) == 0 for fit in simple):
        return simple, simple, f"{fewest} parameters, as many as sizes, so no law can be rejected"
    why = "the noise is not known, so no law can be rejected"
    if simple[0].points.dof > 0:
        why = "residuals are consistent with noise"
    elif all(fit.noise_known for fit in simple):
        why = "the noise is estimated from their residuals"
    return simple, _informed(simple, adequate), f"{fewest} parameters each; {why}"


def _informed(chosen: list[Fit], candidates: list[Fit]) -> list[Fit]:
    """Return the candidates that intervals cover: with up to one parameter more than the chosen laws have.

    Where the chosen laws know the noise, only those that do, too.
    """
    most = 1 + max(len(fit.law.parameters) for fit in chosen)
    known = all(fit.noise_known for fit in chosen)
    near = [fit for fit in candidates if len(fit.law.parameters) <= most and (fit.noise_known or not known)]
    return [*chosen, *(fit for fit in near if not any(fit is one for one in chosen))]


def _passes(fit: Fit) -> bool:
    """Return whether a law with as many parameters as points comes within their noise; its form may not allow that."""
    dof = fit.points.dof
    return bool(dof > 0 and fit.chi2 <= f_distribution.ppf(LEVEL, 1, dof))


def _left(fit: Fit) -> int:
    """Return the number of points beyond the law's parameters."""
    return len(fit.points.n) - len(fit.law.parameters)


def _explains_more(fit: Fit, least: float, fewest: int) -> bool:
    """Return whether its parameters beyond the `fewest`, with which `least` is left, are worth it, by the F-test.

    The noise is that of the runs or, where no size was run twice, of what this law leaves.
    """
    more = len(fit.law.parameters) - fewest
    known = fit.points.dof > 0
    dof = fit.points.dof if known else _left(fit)
    if more <= 0 or dof <= 0:
        return False
    noise = 1.0 if known else max(fit.chi2 / dof, _LEAST_VARIANCE)
    return bool(f_distribution.sf((least - fit.chi2) / more / noise, more, dof) < SIGNIFICANT)


def _goodness_of_fit_p(fit: Fit, fits: list[Fit]) -> float:
    """Return the probability that noise leaves residuals as large as a law's.

    Where runs tell nothing of the noise, it is what the best law of as many parameters leaves.
    """
    if fit.goodness_of_fit_p is not None or _left(fit) <= 0:
        return 1.0 if fit.goodness_of_fit_p is None else fit.goodness_of_fit_p
    least = min(other.chi2 for other in fits if len(other.law.parameters) == len(fit.law.parameters))
    ratio = fit.chi2 / max(least, _LEAST_VARIANCE)
    return float(f_distribution.sf(ratio, _left(fit), _left(fit)))


def _draw(fit: Fit, rng: np.random.Generator) -> np.ndarray:
    """Return fits to curves drawn around this fit with its noise, the uncertainty of that noise, and other test
    molecules.

    Where the runs are the same seeds at all sizes, other seeds would move all sizes alike.
    """
    points = fit.points
    scale = np.sqrt(fit.scale) if fit.noise_known else 0.0
    spread = scale / points.weights * np.sqrt(fit.dof / rng.chisquare(max(fit.dof, 1), (DRAWS, 1)))
    noise = spread * rng.normal(size=(DRAWS, len(points.n)))
    if points.level:
        noise = noise + points.level * rng.standard_t(points.level_dof, (DRAWS, 1))
    if points.log_error_resamples is not None:
        noise = noise + points.log_error_resamples[rng.integers(len(points.log_error_resamples), size=DRAWS)]
    noise = np.clip(noise, -20, 20)
    center = fit.law.unbounded(np.array([list(fit.values.values())]))
    drawn, _, _ = fitting.fit_many(fit.law, points, np.maximum(fit.error(points.n), _NOTHING) * np.exp(noise), center)
    return drawn


def _log(errors: np.ndarray) -> np.ndarray:
    """Return the log of errors; _LOG_NOTHING if they are not above 0 or not numbers."""
    return np.log(np.maximum(np.nan_to_num(errors, nan=_NOTHING, posinf=1 / _NOTHING), _NOTHING))


def _first_reaching(grid: np.ndarray, errors: np.ndarray, target: float) -> float | None:
    """Return the first of grid [K], interpolated, where errors [K] come down to `target`; None if they rise above
    it.
    """
    reached = np.flatnonzero(errors <= target)
    if len(reached) == 0 or errors[-1] > target:
        return None
    k = reached[0]
    if k == 0:
        return float(grid[0])
    share = np.log(errors[k - 1] / target) / max(np.log(errors[k - 1] / errors[k]), 1e-12)
    return float(np.exp(np.log(grid[k - 1]) + share * np.log(grid[k] / grid[k - 1])))
