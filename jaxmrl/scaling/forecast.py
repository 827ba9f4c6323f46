"""What the metric becomes with more molecules: the laws of a curve, its trend, and how far both may be off."""

from dataclasses import dataclass, field

import numpy as np

from jaxmrl.scaling.kinds import Kind
from jaxmrl.scaling.law_choice import choose_laws
from jaxmrl.scaling.law_fit import LEVEL, Fit, fit_law
from jaxmrl.scaling.law_search import fit_many, predict_many
from jaxmrl.scaling.laws import LAWS, Law
from jaxmrl.scaling.points import Points
from jaxmrl.scaling.prior import Prior, PriorTrend, use_prior
from jaxmrl.scaling.target import Target, checked
from jaxmrl.scaling.trend import RECENT, Trend, trend_of

DRAWS = 400
_HORIZON = 1e4
_GRID = 400
_NOTHING, _LOG_NOTHING = 1e-300, float(np.log(1e-300))


@dataclass(frozen=True)
class Forecast:
    """The laws that explain a curve, and how it continues.

    Attributes:
        fits: The chosen laws, fitted to all sizes.
        reasons: Why these were chosen.
        candidates: The chosen laws first, then those with up to one parameter more that noise does not reject.
            Intervals cover them all.
        draws: For each candidate, unbounded parameters [DRAWS, P] of fits to curves drawn as the runs might have been.
        trend: How the curve continues beyond its largest size.
        leveled: Whether the curve has leveled off, so that the interval must include no improvement.
        noise_floor: The error that the noise of the labels leaves any model, below which no forecast goes; 0 where it
            is not known.
    """

    fits: tuple[Fit, ...]
    reasons: str
    candidates: tuple[Fit, ...] = field(repr=False)
    draws: tuple[np.ndarray, ...] = field(repr=False)
    trend: Trend | PriorTrend = field(repr=False)
    leveled: bool = False
    noise_floor: float = 0.0

    @property
    def points(self) -> Points:
        return self.fits[0].points

    @property
    def prior(self) -> Prior | None:
        """The prior that decides the trend, if one does."""
        return self.trend.prior if isinstance(self.trend, PriorTrend) else None

    @property
    def name(self) -> str:
        """The name of the law, or of the average of several."""
        names = [fit.law.name for fit in self.fits]
        return names[0] if len(names) == 1 else f"average of {', '.join(names)}"

    def error(self, n: np.ndarray) -> np.ndarray:
        """Return the error of models trained on n [K] molecules, [K]; NaN where no law has an error above 0.

        Beyond the largest size it follows the trend. Within the sizes it is the mean of the chosen laws, which comes to
        the start of the trend over the recent sizes.
        """
        n, largest = np.asarray(n, float), self.points.n[-1]
        inside = self._mean_log(np.minimum(n, largest))
        share = np.clip(1 + np.log(n / largest) / np.log(RECENT), 0, 1)
        joined = inside + share * (self.trend.start - self._mean_log(np.array([largest])))
        errors = np.exp(np.where(n > largest, self.trend.log_error(np.maximum(n, largest)), joined))
        return np.maximum(errors, self.noise_floor)

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

        It covers the interval that every candidate would have as the only law, and how far the trend may be off because
        no law is true. Weights would silence exactly the laws that differ from the others.
        """
        n = np.asarray(n, float)
        center, beyond = np.log(self.error(n)), n > self.points.n[-1]
        margin = np.where(beyond, self.trend.margin(n), 0.0)
        ends = np.quantile(self._drawn(n), ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=1)
        by_laws = ~(beyond & self.trend.alone)
        low = np.fmin(np.where(by_laws, ends[0].min(axis=0), np.inf), center - margin)
        high = np.fmax(np.where(by_laws, ends[1].max(axis=0), -np.inf), center + margin)
        high = np.where(beyond, np.fmin(high, np.fmax(self.trend.ceiling, center)), high)
        high = np.where(beyond & self.leveled, np.fmax(high, self.trend.start), high)
        known = np.isfinite(center) & self.noise_known
        low, high = (np.maximum(_exp(end), self.noise_floor) for end in (low, high))
        return np.where(known, low, np.nan), np.where(known, high, np.nan)

    def molecules_for(self, metric: float) -> Target:
        """Return how many molecules a metric takes; the measured means are not contradicted."""
        points = self.points
        target = points.error_of(metric)
        grid = np.geomspace(points.n.min(), _HORIZON * points.n.max(), _GRID)
        low, high = self.error_interval(grid)
        # Doubt grows with the distance, but what is likely with fewer molecules is likely with more.
        beyond = grid > points.n[-1]
        high[beyond] = np.minimum.accumulate(high[beyond])
        first, middle, last = (_first_reaching(grid, errors, target) for errors in (low, self.error(grid), high))
        floor = max(min(fit.floor for fit in self.fits), self.noise_floor)
        limit = float(points.metric_of(np.array(floor))) if floor > target and middle is None else None
        return checked(Target(metric, middle, first, last, limit, known=self.noise_known), points)

    def sample(self, n: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return log errors at n [K] of DRAWS curves that may be the true one, [DRAWS, K].

        Each is drawn by one of the candidates, as often by each, moved as the trend is from their mean, and tilted
        beyond the largest size as much as laws may be off.
        """
        n = np.asarray(n, float)
        law = rng.integers(len(self.candidates), size=DRAWS)
        drawn = self._drawn(n)[law, rng.permutation(DRAWS)]
        center, tilt = np.log(self.error(n)), rng.normal(size=(DRAWS, 1)) * self.trend.discrepancy(n)
        by_laws = drawn + np.nan_to_num(center - self._mean_log(n)) + tilt
        sampled = np.where((n > self.points.n[-1]) & self.trend.alone, center + tilt, by_laws)
        return np.maximum(sampled, np.log(max(self.noise_floor, _NOTHING)))

    def _mean_log(self, n: np.ndarray) -> np.ndarray:
        """Return the log of the chosen laws' mean error at n [K], [K]; NaN where none has an error above 0."""
        mean = np.mean([np.maximum(np.nan_to_num(fit.error(n)), 0.0) for fit in self.fits], axis=0)
        return np.where(mean > _NOTHING, np.log(np.maximum(mean, _NOTHING)), np.nan)

    def _drawn(self, n: np.ndarray) -> np.ndarray:
        """Return log errors at n [K] by every draw of every candidate, [C, DRAWS, K]."""
        pairs = zip(self.candidates, self.draws, strict=True)
        return np.stack([_log(predict_many(fit.law, fit.points, n, u)) for fit, u in pairs])

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


def make_forecast(
    fits: list[Fit],
    seed: int = 0,
    *,
    kind: Kind | None = None,
    noise_floor: float = 0.0,
    prior: Prior | None = None,
) -> Forecast:
    """Return the laws that explain a curve, their draws, and its trend. Raises ValueError without fits.

    kind: as of `trend_of`; noise_floor: as of `Forecast`; prior: decides the trend of a curve of few sizes whose noise
    is known. `choose_laws` and `trend_of` say by which rules. What was tried instead is in docs/scaling.md.
    """
    choice, rng = choose_laws(fits), np.random.default_rng(seed)
    draws = tuple(_draw(fit, rng) for fit in choice.candidates)
    points = fits[0].points
    known = prior if use_prior(prior, points) else None
    trend = PriorTrend(points, known) if known else trend_of(fits, choice.chosen, kind)
    laws = tuple(choice.chosen), choice.reasons, tuple(choice.candidates), draws
    return Forecast(*laws, trend, kind == Kind.LEVEL, noise_floor)


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
    drawn, _, _ = fit_many(fit.law, points, np.maximum(fit.error(points.n), _NOTHING) * np.exp(noise), center)
    return drawn


def _exp(log_errors: np.ndarray) -> np.ndarray:
    """Return errors of log errors, 0 for _LOG_NOTHING and below."""
    return np.where(log_errors <= _LOG_NOTHING, 0.0, np.exp(np.minimum(log_errors, -_LOG_NOTHING)))


def _log(errors: np.ndarray) -> np.ndarray:
    """Return the log of errors; _LOG_NOTHING if they are not above 0 or not numbers."""
    return np.log(np.maximum(np.nan_to_num(errors, nan=_NOTHING, posinf=1 / _NOTHING), _NOTHING))


def _first_reaching(grid: np.ndarray, errors: np.ndarray, target: float) -> float | None:
    """Return the first of grid [K], interpolated, where errors [K] reach `target`; None where they end above it."""
    reached = np.flatnonzero(errors <= target)
    if len(reached) == 0 or errors[-1] > target:
        return None
    k = reached[0]
    if k == 0:
        return float(grid[0])
    share = np.log(errors[k - 1] / target) / max(np.log(errors[k - 1] / errors[k]), 1e-12)
    return float(np.exp(np.log(grid[k - 1]) + share * np.log(grid[k] / grid[k - 1])))
