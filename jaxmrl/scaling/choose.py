"""Which laws explain a curve, and what they foretell together."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.stats import chi2
from scipy.stats import f as f_distribution

from jaxmrl.scaling import fit as fitting
from jaxmrl.scaling.fit import LEVEL, SIGNIFICANT, Fit, fit_law
from jaxmrl.scaling.laws import LAWS, Law
from jaxmrl.scaling.points import Points

DRAWS = 400
FAR = 4.0
"""Times the largest size beyond which a forecast is flagged."""

_HELD_OUT = 4
_HORIZON = 1e4
_GRID = 400
_NOTHING = 1e-300
_LEAST_VARIANCE = 1e-12


@dataclass(frozen=True)
class HeldOut:
    """A law fitted without the largest sizes, a quarter of them, and tried there: the metric's RMSE."""

    sizes: tuple[float, ...]
    rmse: float


def held_out(points: Points) -> int:
    """How many of the largest sizes are held out to try laws on: a quarter, and one at least."""
    return max(1, len(points.n) // _HELD_OUT)


def try_on_largest(law: Law, points: Points) -> HeldOut | None:
    """How the law, fitted to the smaller sizes, does on the largest; None where too few remain to fit it."""
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

    fits      the chosen ones; `reasons` says why these
    draws     for each of them, unbounded parameters [DRAWS, P] of fits to curves drawn as these runs might have been
    """

    fits: tuple[Fit, ...]
    reasons: str
    draws: tuple[np.ndarray, ...] = field(repr=False)

    @property
    def points(self) -> Points:
        return self.fits[0].points

    @property
    def name(self) -> str:
        """Of the law, or the mean of several."""
        names = [fit.law.name for fit in self.fits]
        return names[0] if len(names) == 1 else f"mean of {', '.join(names)}"

    def error(self, n: np.ndarray) -> np.ndarray:
        """Of models trained on n [K] molecules, [K]: the laws' geometric mean, weighted by how sure each is there."""
        logs = self._logs(n)
        return np.exp((self._weights(logs, self._drawn(n)) * logs).sum(axis=0))

    def __call__(self, n: np.ndarray) -> np.ndarray:
        """The metric, [K]."""
        return self.points.metric_of(self.error(n))

    def interval(self, n: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the metric's interval at n [K]: of the mean over runs, by every law's draws as its weight says."""
        low, high = self.error_interval(n, level)
        ends = self.points.metric_of(low), self.points.metric_of(high)
        return ends if self.points.sign > 0 else ends[::-1]

    def error_interval(self, n: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
        """As `interval`, of the error."""
        n = np.asarray(n, float)
        drawn = self._drawn(n)
        weights = self._weights(self._logs(n), drawn)
        ends = [
            [_weighted_quantiles(drawn[:, :, k].ravel(), np.repeat(weights[:, k], DRAWS), q) for k in range(len(n))]
            for q in ((1 - level) / 2, (1 + level) / 2)
        ]
        return np.exp(np.array(ends[0])), np.exp(np.array(ends[1]))

    def molecules_for(self, metric: float) -> "Target":
        """How many molecules a metric takes."""
        points = self.points
        target = 1 - metric if points.sign < 0 else metric
        grid = np.geomspace(points.n.min(), _HORIZON * points.n.max(), _GRID)
        low, high = self.error_interval(grid)
        first, middle, last = (_first_reaching(grid, errors, target) for errors in (low, self.error(grid), high))
        floors = [fit.floor for fit in self.fits]
        floor = min(floors) if min(floors) > target else None
        return Target(metric, middle, first, last, None if floor is None else float(points.metric_of(np.array(floor))))

    def sample(self, n: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Log errors at n [K] of DRAWS curves, each by one law, as often as its weight says: [DRAWS, K]."""
        logs, drawn = self._logs(n), self._drawn(n)
        share = self._weights(logs, drawn).mean(axis=1)
        law = rng.choice(len(self.fits), DRAWS, p=share / share.sum())
        return drawn[law, rng.permutation(DRAWS)]

    def _logs(self, n: np.ndarray) -> np.ndarray:
        """Log errors at n [K] by every law, [L, K]."""
        return np.stack([np.log(np.maximum(fit.error(n), _NOTHING)) for fit in self.fits])

    def _drawn(self, n: np.ndarray) -> np.ndarray:
        """Log errors at n [K] by every draw of every law, [L, DRAWS, K]."""
        pairs = zip(self.fits, self.draws, strict=True)
        return np.stack([np.log(np.maximum(fitting.predict_many(f.law, f.points, n, u), _NOTHING)) for f, u in pairs])

    def _weights(self, logs: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        """Of each law at each n, [L, K]: one over its variance there and the points' own, summing to 1."""
        variance = np.mean((drawn - logs[:, None, :]) ** 2, axis=1) + np.mean(self._noise**2) + _LEAST_VARIANCE
        return 1 / variance / (1 / variance).sum(axis=0)

    @cached_property
    def _noise(self) -> np.ndarray:
        return np.sqrt(self.fits[0].scale) / self.points.weights if np.isfinite(self.fits[0].scale) else np.ones(1)

    @property
    def flags(self) -> tuple[str, ...]:
        """What not to trust."""
        return tuple(dict.fromkeys(flag for fit in self.fits for flag in fit.flags))


@dataclass(frozen=True)
class Target:
    """Molecules that a metric takes. low and high: the interval's ends; None: not with 10,000 times the data, or never.

    limit   the metric with molecules without end, where that falls short of the target by every law
    """

    metric: float
    molecules: float | None
    low: float | None
    high: float | None
    limit: float | None


def fit_all(points: Points, laws: tuple[Law, ...] = LAWS, *, intervals: bool = True) -> list[Fit]:
    """Every law that can be fitted."""
    return [fit for law in laws if (fit := fit_law(law, points, intervals=intervals))]


def foretell(fits: list[Fit], seed: int = 0) -> Forecast:
    """The laws to go by, and their draws. Raises ValueError without fits.

    Refuted are laws that miss the points by more than noise does; untried those with as many parameters as points,
    which nothing could refute: they are gone by only where there are no others. Of the rest, those with the fewest
    parameters are taken, or those with more that explain significantly more than the best of them. Laws that explain a
    curve equally well part ways beyond it, and nothing in the curve tells which is right: their mean errs less than one
    of them (Bates & Granger 1969). What was tried instead is in docs/scaling.md.
    """
    chosen, reasons = _chosen(fits)
    rng = np.random.default_rng(seed)
    return Forecast(tuple(chosen), reasons, tuple(_draw(fit, rng) for fit in chosen))


def _chosen(fits: list[Fit]) -> tuple[list[Fit], str]:
    fits = [fit for fit in fits if len(fit.points.n) > len(fit.law.parameters)] or fits
    misfits = _misfits(fits)
    adequate = [fit for fit in fits if misfits[fit.law.name] >= SIGNIFICANT]
    if not adequate:
        tried = {fit.law.name: try_on_largest(fit.law, fit.points) for fit in fits}
        best = min(fits, key=lambda fit: (one.rmse if (one := tried[fit.law.name]) else np.inf, fit.statistic))
        return [best], "every law misses the points by more than noise; this one did best on the largest sizes"
    fewest = min(len(fit.law.parameters) for fit in adequate)
    simple = [fit for fit in adequate if len(fit.law.parameters) == fewest]
    least = min(fit.statistic / _scale(fit, fits) for fit in simple)
    better = [fit for fit in adequate if _explains_more(fit, least, fewest, fits)]
    if better:
        return better, f"more parameters than {fewest}, and they explain significantly more than any law of {fewest}"
    return simple, f"{fewest} parameters, and what they leave is noise"


def _explains_more(fit: Fit, least: float, fewest: int, fits: list[Fit]) -> bool:
    more = len(fit.law.parameters) - fewest
    return more > 0 and least - fit.statistic / _scale(fit, fits) > chi2.ppf(1 - SIGNIFICANT, more)


def _scale(fit: Fit, fits: list[Fit]) -> float:
    """Variance of noise: 1 where runs tell it, else that of the residuals of the law with the least."""
    return 1.0 if fit.points.freedom else _least_noise(fits)[0]


def _misfits(fits: list[Fit]) -> dict[str, float]:
    """Probability that noise leaves what a law leaves; by the law that leaves least, where runs tell nothing of it."""
    scale, freedom = _least_noise(fits)
    found = {}
    for fit in fits:
        left = len(fit.points.n) - len(fit.law.parameters)
        unknown = 1.0 if left == 0 else float(f_distribution.sf(fit.statistic / left / scale, left, freedom))
        found[fit.law.name] = unknown if fit.misfit is None else fit.misfit
    return found


def _least_noise(fits: list[Fit]) -> tuple[float, int]:
    """Variance of the residuals of the law that leaves least, and its degrees of freedom."""
    left = [(fit.statistic / k, k) for fit in fits if (k := len(fit.points.n) - len(fit.law.parameters)) > 0]
    scale, freedom = min(left, default=(1.0, 1))
    return max(scale, 1e-12), freedom


def _draw(fit: Fit, rng: np.random.Generator) -> np.ndarray:
    """Fits to curves drawn about this fit as its noise, what is not known of it, and other test molecules have them."""
    points = fit.points
    scale = np.sqrt(fit.scale) if np.isfinite(fit.scale) else 0.0
    spread = scale / points.weights * np.sqrt(fit.freedom / rng.chisquare(max(fit.freedom, 1), (DRAWS, 1)))
    noise = spread * rng.normal(size=(DRAWS, len(points.n)))
    if points.shifts is not None:
        noise = noise + points.shifts[rng.integers(len(points.shifts), size=DRAWS)]
    noise = np.clip(noise, -20, 20)
    center = fit.law.unbounded(np.array([list(fit.values.values())]))
    drawn, _, _ = fitting.fit_many(fit.law, points, np.maximum(fit.error(points.n), _NOTHING) * np.exp(noise), center)
    return drawn


def _weighted_quantiles(values: np.ndarray, weights: np.ndarray, q: float) -> float:
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weights[order]), q * weights.sum()).clip(0, len(values) - 1)])


def _first_reaching(grid: np.ndarray, errors: np.ndarray, target: float) -> float | None:
    """The first of grid [K], interpolated, where errors [K] come down to `target`."""
    reached = np.flatnonzero(errors <= target)
    if len(reached) == 0:
        return None
    k = reached[0]
    if k == 0:
        return float(grid[0])
    share = np.log(errors[k - 1] / target) / max(np.log(errors[k - 1] / errors[k]), 1e-12)
    return float(np.exp(np.log(grid[k - 1]) + share * np.log(grid[k] / grid[k - 1])))
