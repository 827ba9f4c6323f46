"""How many molecules a metric takes: what the measured sizes say, and beyond them the forecast."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jaxmrl.scaling.points import Points
from jaxmrl.text import about, size_text

FAR = 4.0
"""The multiple of the largest size beyond which a forecast is flagged."""

_MOST_DECIMALS = 6
_ROUNDING = 1e-12
"""How far a mean may miss a metric, relative to it, because of rounding."""


@dataclass(frozen=True)
class Measured:
    """Where the measured means reach a metric.

    reached  the smallest size from which all means reach it; None where the largest does not
    before   the largest size below that whose mean does not; None where all do
    once     the largest size whose mean reaches it, where larger ones do not; else None
    """

    reached: float | None
    before: float | None
    once: float | None


@dataclass(frozen=True)
class Target:
    """Molecules that a metric takes.

    low and high  the interval's ends; None: not with 10,000 times the data, or never
    limit         the metric with unlimited data by the best of the chosen laws, where that and the forecast fall short
                  of the target
    known         whether low and high are known: where nothing is known of the noise, they are not
    measured      what the measured sizes say; None where they were not asked
    """

    metric: float
    molecules: float | None
    low: float | None
    high: float | None
    limit: float | None
    known: bool = True
    measured: Measured | None = None


def measured_at(points: Points, metric: float) -> Measured:
    """Return where the measured means reach a metric."""
    rounding = _ROUNDING * max(abs(metric), float(np.abs(points.metric).max()))
    reached = points.error <= points.error_of(metric) + rounding
    if reached.all():
        return Measured(float(points.n[0]), None, None)
    if not reached[-1]:
        hit = np.flatnonzero(reached)
        return Measured(None, float(points.n[-1]), float(points.n[hit[-1]]) if len(hit) else None)
    last = int(np.flatnonzero(~reached)[-1])
    return Measured(float(points.n[last + 1]), float(points.n[last]), None)


def checked(target: Target, points: Points) -> Target:
    """Return a target that does not contradict the measured means: they bound the forecast's number of molecules."""
    measured = measured_at(points, target.metric)
    if measured.reached is None:
        molecules = target.molecules
        if molecules is not None and measured.before is not None:
            molecules = max(molecules, measured.before)
        high = None if target.high is None or molecules is None else max(target.high, molecules)
        return replace(target, molecules=molecules, high=high, measured=measured)
    first, last = measured.before or measured.reached, measured.reached
    low, molecules, high = target.low, target.molecules, target.high
    if molecules is not None:
        molecules = float(np.clip(molecules, first, last))
        low = None if low is None else min(low, molecules)
        high = None if high is None else max(high, molecules)
    elif measured.before is None:
        molecules = measured.reached
    return replace(target, molecules=molecules, low=low, high=high, limit=None, measured=measured)


def turning_point(points: Points, metric: float) -> float | None:
    """Return up to how many molecules a curve that gets worse reaches a metric; None where no size does.

    By a line of the metric over log n, within the sizes between which the means come to miss it.
    """
    measured = measured_at(points, metric)
    if measured.once is None or points.perfect.any():
        return None
    after = float(points.n[points.n > measured.once][0])
    slope, intercept = np.polyfit(np.log(points.n), points.error, 1, w=points.weights / points.error)
    if slope <= 0:
        return None
    return float(np.clip(np.exp((points.error_of(metric) - intercept) / slope), measured.once, after))


def target_content(target: Target, points: Points, said: str) -> dict[str, Any]:
    """Return the target in the form of JSON: null if a number is not known; `measured` as in Measured."""
    values = {name: _known(getattr(target, name)) for name in ("metric", "molecules", "low", "high", "limit")}
    measured = target.measured
    return values | {
        "or_fewer": bool(target.molecules is not None and target.molecules <= points.n.min()),
        "far": bool(target.molecules is not None and target.molecules > FAR * points.n.max()),
        "measured": measured and {"reached": measured.reached, "before": measured.before, "once": measured.once},
        "said": said,
    }


def _known(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def target_text(target: Target, points: Points) -> str:
    """Return, in words, how many molecules a metric takes by the measured sizes and the forecast."""
    measured = target.measured or measured_at(points, target.metric)
    if measured.reached is not None:
        return _inside_text(target, points, measured.reached, measured.before)
    passed = "" if measured.once is None else _once_text(measured.once, points)
    if target.molecules is None:
        return f"{target.metric:g} {_unreached_text(target, points)}{passed}"
    times = target.molecules / points.n.max()
    if times <= 1:
        most = points.amount(points.n.max())
        return f"{target.metric:g} takes more than the largest size, {most} {_ends(target)}{passed}"
    more = f", {times:.1f} times the largest size"
    far = f"; this extrapolates more than {FAR:g}x beyond the data" if times > FAR else ""
    return f"{target.metric:g} takes about {about(target.molecules)}{points.unit} {_ends(target)}{more}{far}{passed}"


def without_forecast(metric: float, points: Points) -> str:
    """Return what the measured sizes alone say about a metric, for a curve without a forecast."""
    measured = measured_at(points, metric)
    if measured.reached is not None:
        return _inside_text(Target(metric, None, None, None, None), points, measured.reached, measured.before)
    if measured.once is None:
        return f"{metric:g} is not reached at any measured size"
    turning = turning_point(points, metric)
    if turning is None or (points.error[points.n <= measured.once] > points.error_of(metric)).any():
        return f"{metric:g} is not reached by the largest size{_once_text(measured.once, points)}"
    after = points.n[points.n > measured.once][0]
    return (
        f"{metric:g} is reached only below about {about(turning)}{points.unit}, "
        f"between the sizes {size_text(measured.once)} and {size_text(after)}"
    )


def _inside_text(target: Target, points: Points, reached: float, before: float | None) -> str:
    """Return the text for a target that the measured sizes reach; reached, before: as of `Measured`."""
    if before is None:
        return f"{target.metric:g} takes no more than the smallest size, {points.amount(reached)}"
    between = f"between {size_text(before)} and {points.amount(reached)}"
    if target.molecules is None:
        return f"{target.metric:g} is reached {between}, based on the measured sizes"
    about_it = f"takes about {about(target.molecules)}{points.unit} {_ends(target)}"
    return f"{target.metric:g} {about_it}: the measured sizes reach it {between}"


def _once_text(once: float, points: Points) -> str:
    """Return a text that smaller sizes reached it, the largest of them `once`."""
    return f"; {points.amount(once)} reached it, and {size_text(points.n.max())} did not"


def _unreached_text(target: Target, points: Points) -> str:
    hope = f"; the better end of its interval reaches it with about {about(target.low)}" if target.low else ""
    if target.limit is not None:
        at_most = "most" if points.sign < 0 else "least"
        limit = f"the laws of this curve give at {at_most} {target.limit:.4g} with unlimited data"
        return f"is not reached by the forecast: {limit}{hope}"
    return f"is not reached by the forecast with 10,000 times the data{hope}"


def _ends(target: Target) -> str:
    """Return the interval in brackets."""
    if not target.known:
        return "[not known]"
    low = about(target.low) if target.low else "not known"
    high = about(target.high) if target.high else "no end known"
    if target.low and target.high and low == high:
        low, high = _apart(target.low, target.high)
    return f"[{low} to {high}]"


def _apart(low: float, high: float) -> tuple[str, str]:
    """Return both numbers with the decimals that distinguish them."""
    texts = ((f"{low:,.{decimals}f}", f"{high:,.{decimals}f}") for decimals in range(_MOST_DECIMALS))
    return next((pair for pair in texts if pair[0] != pair[1]), (f"{low:,.0f}", f"{high:,.0f}"))
