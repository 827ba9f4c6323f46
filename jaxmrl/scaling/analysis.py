"""All that is made of one curve: its fits, the laws to go by, predictions; and the same as JSON."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxmrl.data.sampling import NOT_RANDOM
from jaxmrl.errors import DataError
from jaxmrl.scaling.choose import FAR, Forecast, Target, fit_all, foretell, held_out, try_on_largest
from jaxmrl.scaling.fit import LEVEL, Fit
from jaxmrl.scaling.points import Points
from jaxmrl.text import about

FEW_SIZES = 5
MULTIPLES = (2, 4, 10)
"""Of the largest size, that every analysis predicts at."""


@dataclass(frozen=True)
class Analysis:
    """What is known of a curve. points and forecast are None where nothing can be fitted; `notes` say why.

    tried: the forecast by the smaller sizes, of those that were held out; None where too few remain to fit
    training_flags: what to say of runs that were trained too briefly
    random_samples: False of a pruned curve, which no law describes
    """

    points: Points | None
    fits: tuple[Fit, ...]
    forecast: Forecast | None
    notes: tuple[str, ...]
    tried: Forecast | None = None
    training_flags: tuple[str, ...] = ()
    random_samples: bool = True

    @property
    def flags(self) -> tuple[str, ...]:
        """What not to trust."""
        return (*self.training_flags, *self._law_flags)

    @property
    def _law_flags(self) -> tuple[str, ...]:
        if self.points is None:
            return ()
        few = len(self.points.n) < FEW_SIZES
        flags = [f"too few sizes: {len(self.points.n)}, and {FEW_SIZES} or more would tell laws apart"] if few else []
        if self.points.freedom == 0:
            flags.append("no size was run twice: the noise is guessed by what the laws leave")
        return (*flags, *(self.forecast.flags if self.forecast else ()))

    def predict(self, n: np.ndarray) -> list[dict[str, Any]]:
        """The metric at n [K] with its interval, as JSON may hold it."""
        far = FAR * self.points.n.max()
        return [one | {"far": bool(one["n"] > far)} for one in _predictions(self.forecast, n)]

    def check(self) -> list[dict[str, Any]]:
        """What the smaller sizes alone foretold of the largest, beside what came of these; empty where untried."""
        if self.tried is None:
            return []
        kept = len(self.tried.points.n)
        observed = self.points.metric[kept:]
        return [
            one | {"observed": known(value)}
            for one, value in zip(_predictions(self.tried, self.points.n[kept:]), observed, strict=True)
        ]


UNFITTED = Analysis(None, (), None, ())
"""Of a curve that no law is wanted of."""

PRUNED = Analysis(None, (), None, (NOT_RANDOM,), random_samples=False)
"""Of a curve that is not of random samples."""


def _predictions(forecast: Forecast, n: np.ndarray) -> list[dict[str, Any]]:
    low, high = forecast.interval(n)
    values = zip(np.asarray(n, float), forecast(n), low, high, strict=True)
    return [dict(zip(("n", "value", "low", "high"), map(known, one), strict=True)) for one in values]


def analyse(points: Callable[..., Points], *arguments, **settings) -> Analysis:
    """The analysis of what `points` (`points_of` or `points_of_means`) makes of the arguments."""
    try:
        made = points(*arguments, **settings)
    except DataError as error:
        return Analysis(None, (), None, (str(error),))
    fits = fit_all(made)
    if not fits:
        return Analysis(made, (), None, (*made.notes, "no law can be fitted: the values are beyond what numbers hold"))
    before = fit_all(made.first(len(made.n) - held_out(made)), intervals=False)
    return Analysis(made, tuple(fits), foretell(fits), made.notes, foretell(before) if before else None)


def content(analysis: Analysis, predict: tuple[float, ...] = (), target: float | None = None) -> dict[str, Any]:
    """The analysis as JSON may hold it: laws, chosen, predictions, target, flags, notes. What is not known is null.

    predict: sizes to predict at; without them, MULTIPLES of the largest.
    """
    forecast, points = analysis.forecast, analysis.points
    if forecast is None:
        return {"laws": [], "chosen": None, "predictions": [], "held_out": [], "target": None} | _remarks(analysis)
    sizes = np.array(predict or [points.n.max() * multiple for multiple in MULTIPLES], float)
    chosen = {"name": forecast.name, "laws": [fit.law.name for fit in forecast.fits], "reasons": forecast.reasons}
    return {
        "laws": [_law_content(fit) for fit in analysis.fits],
        "chosen": chosen,
        "predictions": analysis.predict(sizes),
        "held_out": analysis.check(),
        "target": None if target is None else _target_content(forecast.molecules_for(target), points),
    } | _remarks(analysis)


def _remarks(analysis: Analysis) -> dict[str, Any]:
    molecules = analysis.points is not None and analysis.points.shifts is not None
    over = ["runs", "test molecules"] if molecules else ["runs"]
    return {"level": LEVEL, "intervals_over": over, "flags": list(analysis.flags), "notes": list(analysis.notes)}


def _law_content(fit: Fit) -> dict[str, Any]:
    held_out = try_on_largest(fit.law, fit.points)
    return {
        "law": fit.law.name,
        "formula": fit.law.formula,
        "source": fit.law.source,
        "parameters": {name: known(value) for name, value in fit.values.items()},
        "intervals": {name: [known(end) for end in ends] for name, ends in fit.intervals.items()},
        "exponent": fit.law.exponent,
        "rmse": known(fit.rmse),
        "misfit": known(fit.misfit),
        "held_out": held_out and {"sizes": list(held_out.sizes), "rmse": known(held_out.rmse)},
        "flags": list(fit.flags),
    }


def _target_content(target: Target, points: Points) -> dict[str, Any]:
    values = {"metric": target.metric, "molecules": target.molecules, "low": target.low, "high": target.high}
    far = bool(target.molecules is not None and target.molecules > FAR * points.n.max())
    return {name: known(value) for name, value in values.items()} | {
        "limit": known(target.limit),
        "or_fewer": bool(target.molecules is not None and target.molecules <= points.n.min()),
        "far": far,
        "said": target_text(target, points),
    }


def target_text(target: Target, points: Points) -> str:
    """How many molecules a metric takes, in words."""
    if target.molecules is None:
        if target.limit is not None:
            at_most = "most" if points.sign < 0 else "least"
            return (
                f"{target.metric:g} is not reachable: molecules without end would give at {at_most} {target.limit:.4g}"
            )
        hope = f"; the better end of its interval reaches it with about {about(target.low)}" if target.low else ""
        return f"{target.metric:g} is not reached by the forecast with 10,000 times the data{hope}"
    if target.molecules <= points.n.min():
        return f"{target.metric:g} takes no more than the smallest size, {points.n.min():,.0f} molecules"
    low = about(target.low) if target.low else "not told"
    high = about(target.high) if target.high else "no end told"
    more = (
        f", {target.molecules / points.n.max():.1f} times the largest size" if target.molecules > points.n.max() else ""
    )
    far = f"; more than {FAR:g} times, so treat it as a guess" if target.molecules > FAR * points.n.max() else ""
    return f"{target.metric:g} takes about {about(target.molecules)} molecules [{low} to {high}]{more}{far}"


def known(value: float | None) -> float | None:
    """The number, or None where it is none."""
    return None if value is None or not math.isfinite(value) else float(value)
