"""The analysis of one curve: its fits, the laws of the forecast and predictions, also in the form of JSON."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from jaxmrl.errors import DataError
from jaxmrl.scaling.curve_kind import kind_of
from jaxmrl.scaling.forecast import Forecast, fit_all, make_forecast
from jaxmrl.scaling.kinds import Kind
from jaxmrl.scaling.law_fit import ENOUGH_RESIDUALS, LEVEL, Fit
from jaxmrl.scaling.points import MOLECULES, Points
from jaxmrl.scaling.prior import Prior
from jaxmrl.scaling.target import FAR, Target, checked, target_content, target_text, without_forecast

FEW_SIZES = 5
_FEW_PARAMETERS, _TOO_GOOD = 3, 0.999
"""One in 300 simulated curves (7 sizes, 5 runs, independent noise) had a law of 3 or fewer parameters beyond that p."""

MULTIPLES = (2, 4, 10)
"""The multiples of the largest size that every analysis predicts at."""


@dataclass(frozen=True)
class Analysis:
    """What is known of a curve. points and forecast are None where nothing can be fitted; `notes` say why.

    Laws are fitted to the sizes after a peak or a plateau, so fits and forecast may have fewer points than `points`.

    holdout_forecast: that of the held-out sizes by the smaller ones; None where too few remain to fit
    training_flags: what to say of runs that were trained too briefly
    random_samples: False of a curve that is pruned or has an extra source, which no law describes
    kind: what kind of curve it is
    claim: why it is of that kind and what the forecast may claim; empty where there is no forecast
    """

    points: Points | None
    fits: tuple[Fit, ...]
    forecast: Forecast | None
    notes: tuple[str, ...]
    holdout_forecast: Forecast | None = None
    training_flags: tuple[str, ...] = ()
    random_samples: bool = True
    kind: Kind = Kind.NOT_FITTED
    claim: str = ""

    @property
    def known_forecast(self) -> Forecast:
        """The forecast, whose points are the curve's. Raises ValueError where there is none."""
        if self.forecast is None:
            raise ValueError("the curve has no forecast; `notes` say why")
        return self.forecast

    @property
    def kind_text(self) -> str:
        """The kind of the curve, why it is of that kind, and what the forecast may claim."""
        return f"{self.kind}; {self.claim}"

    @property
    def flags(self) -> tuple[str, ...]:
        """Reasons not to trust the laws."""
        return (*self.training_flags, *self._law_flags)

    @property
    def _law_flags(self) -> tuple[str, ...]:
        if self.points is None or self.forecast is None:
            return ()
        sizes = len(self.forecast.points.n)
        few = sizes < FEW_SIZES
        flags = [f"too few sizes to distinguish laws: {sizes} of at least {FEW_SIZES}"] if few else []
        if self.points.dof == 0 and self.forecast:
            flags.append(_noise_flag(self.points, self.forecast))
        if _too_close(self.fits):
            flags.append(
                "the means of the sizes follow a law far more closely than the spread of runs of one size allows; "
                "perhaps the runs differ in a setting, or are the same seeds or folds at every size"
            )
        return (*flags, *(self.forecast.flags if self.forecast else ()))

    def predict(self, n: np.ndarray) -> list[dict[str, Any]]:
        """Return the metric at n [K] with its interval, in the form of JSON."""
        forecast = self.known_forecast
        far = FAR * forecast.points.n.max()
        return [one | {"far": bool(one["n"] > far)} for one in _predictions(forecast, n)]

    def target(self, metric: float) -> dict[str, Any] | None:
        """Return how many molecules a metric takes, in the form of JSON, and in words as `said`. None if nothing is
        known.
        """
        if self.points is None:
            return None
        if self.forecast is None:
            found = checked(Target(metric, None, None, None, None, known=False), self.points)
            return target_content(found, self.points, without_forecast(metric, self.points))
        found = checked(self.forecast.molecules_for(metric), self.points)
        return target_content(found, self.points, target_text(found, self.points))

    def check(self) -> list[dict[str, Any]]:
        """Compare what the smaller sizes alone forecast for the largest with what was measured; empty where untried."""
        if self.holdout_forecast is None:
            return []
        kept, points = len(self.holdout_forecast.points.n), self.known_forecast.points
        return [
            one | {"observed": known(value)}
            for one, value in zip(
                _predictions(self.holdout_forecast, points.n[kept:]), points.metric[kept:], strict=True
            )
        ]


UNFITTED = Analysis(None, (), None, ())
"""The analysis of a curve that needs no law."""

REFERENCE = Analysis(
    None, (), None, ("the mean of the training labels is the reference of the other curves",), kind=Kind.REFERENCE
)
"""The analysis of the curve of the training mean, which does not improve."""


def without_law(reason: str) -> Analysis:
    """Return the analysis of a curve that no law describes, with the reason, one of `sampling.REASONS`."""
    return Analysis(None, (), None, (reason,), random_samples=False)


def _predictions(forecast: Forecast, n: np.ndarray) -> list[dict[str, Any]]:
    low, high = forecast.interval(n)
    values = zip(np.asarray(n, float), forecast(n), low, high, strict=True)
    return [dict(zip(("n", "value", "low", "high"), map(known, one), strict=True)) for one in values]


def analyze(
    points: Callable[..., Points],
    *arguments: Any,
    noise_floor: float = 0.0,
    prior: Prior | None = None,
    unit: str = MOLECULES,
    **settings: Any,
) -> Analysis:
    """Return the analysis of the points that `points` (`points_of` or `points_of_means`) makes of the arguments.

    noise_floor: the error that the noise of the labels leaves any model; 0 where it is not known.
    prior: of curves of this metric, which decides the forecast of a curve of few sizes.
    unit: as of `Points`.
    """
    try:
        made = replace(points(*arguments, **settings), unit=unit)
    except DataError as error:
        return Analysis(None, (), None, (str(error),))
    known = kind_of(made)
    if not known.has_forecast:
        return Analysis(made, (), None, (known.claim, *made.notes), kind=known.kind)
    used = made.last(len(made.n) - known.skipped)
    fits = fit_all(used)
    if not fits:
        return Analysis(
            made, (), None, (*made.notes, "no law can be fitted: the values exceed the range of floating-point numbers")
        )
    before = [smaller for fit in fits if (smaller := fit.without_largest)]
    floor, said = _usable_floor(noise_floor, used)
    forecast = make_forecast(fits, kind=known.kind, noise_floor=floor, prior=prior)
    holdout_forecast = make_forecast(before, noise_floor=floor, prior=forecast.prior) if before else None
    notes = (*made.notes, *said)
    return Analysis(made, tuple(fits), forecast, notes, holdout_forecast, kind=known.kind, claim=known.claim)


def _usable_floor(noise_floor: float, points: Points) -> tuple[float, tuple[str, ...]]:
    """Return the floor of forecasts by the noise of the labels, and what to say of it; 0 where errors are below it."""
    if not noise_floor:
        return 0.0, ()
    limit = f"replicates say that the noise of the labels leaves any model an error of about {noise_floor:.3g}"
    if points.error.min() < noise_floor:
        return 0.0, (f"{limit}, and a measured mean is below that, so forecasts do not use it",)
    return noise_floor, (f"{limit}; no forecast is below it",)


def _too_close(fits: tuple[Fit, ...]) -> bool:
    """Return whether a law of few parameters leaves far less than noise would: runs of one size are then no
    repetitions.
    """
    known = [
        fit.goodness_of_fit_p
        for fit in fits
        if fit.goodness_of_fit_p is not None and len(fit.law.parameters) <= _FEW_PARAMETERS
    ]
    return max(known, default=0.0) > _TOO_GOOD


def _noise_flag(points: Points, forecast: Forecast) -> str:
    """Return how the noise is known if runs do not tell, or that it is not known."""
    repeated = (points.runs > 1).any()
    why = "no spread over repeated runs is known" if repeated else "no size has repeated runs"
    if (points.sd != 1).any():
        why = "the number of runs behind the standard deviations is not known"
    if forecast.noise_known:
        return f"{why}: the noise is estimated from the residuals of the laws"
    few = len(points.n) < 2 + ENOUGH_RESIDUALS
    more = f", or measure {2 + ENOUGH_RESIDUALS} sizes or more" if few else ""
    return f"{why}, so the noise is not known, and there is no interval: run each size several times{more}"


def content(analysis: Analysis, predict: tuple[float, ...] = (), target: float | None = None) -> dict[str, Any]:
    """Return the analysis in the form of JSON: laws, chosen, predictions, target, flags, notes. What is not known is
    null.

    predict: sizes to predict at; without them, MULTIPLES of the largest.
    """
    forecast = analysis.forecast
    if forecast is None:
        nothing: dict[str, Any] = {"laws": [], "chosen": None, "predictions": [], "held_out": []}
        return nothing | {"target": None if target is None else analysis.target(target)} | _remarks(analysis)
    sizes = np.array(predict or [forecast.points.n.max() * multiple for multiple in MULTIPLES], float)
    chosen = {"name": forecast.name, "laws": [fit.law.name for fit in forecast.fits], "reasons": forecast.reasons}
    chosen |= {"forecast": forecast.trend.basis}
    return {
        "laws": [_law_content(fit) for fit in analysis.fits],
        "chosen": chosen,
        "predictions": analysis.predict(sizes),
        "held_out": analysis.check(),
        "target": None if target is None else analysis.target(target),
    } | _remarks(analysis)


def _remarks(analysis: Analysis) -> dict[str, Any]:
    splits = analysis.points is not None and analysis.points.splits > 1
    molecules = analysis.points is not None and analysis.points.log_error_resamples is not None
    over = ["runs", *(["splits"] if splits else []), *(["test molecules"] if molecules else [])]
    left_out = analysis.points.left_out if analysis.points is not None else ()
    return {
        "kind": analysis.kind,
        "claim": analysis.claim,
        "level": LEVEL,
        "intervals_over": over,
        "left_out": [asdict(one) for one in left_out],
        "flags": list(analysis.flags),
        "notes": list(analysis.notes),
    }


def _law_content(fit: Fit) -> dict[str, Any]:
    held_out = fit.held_out
    return {
        "law": fit.law.name,
        "formula": fit.law.formula,
        "source": fit.law.source,
        "parameters": {name: known(value) for name, value in fit.values.items()},
        "intervals": {name: [known(end) for end in fit.intervals.get(name, (None, None))] for name in fit.values},
        "exponent": fit.law.exponent,
        "rmse": known(fit.rmse),
        "misfit": known(fit.goodness_of_fit_p),
        "held_out": held_out and {"sizes": list(held_out.sizes), "rmse": known(held_out.rmse)},
        "flags": list(fit.flags),
    }


def known(value: float | None) -> float | None:
    """Return the number, or None if it is not finite."""
    return None if value is None or not math.isfinite(value) else float(value)
