"""Numbers with as many digits as their spread supports."""

import math
from collections.abc import Mapping
from typing import Any

_MOST_DECIMALS = 6
_ROUNDING = 1e-12
"""A spread of less than this share of the mean comes from rounding: the runs are the same."""


def decimals_of(spread: float | None) -> int | None:
    """Return the decimals that show two significant digits of a spread; None where no spread is known."""
    if spread is None or not math.isfinite(spread) or spread <= 0:
        return None
    decimals = max(0, 1 - math.floor(math.log10(float(f"{spread:.1e}"))))
    return decimals if decimals <= _MOST_DECIMALS else None


def rounded(value: float | None, spread: float | None) -> str:
    """Return a value with the decimals that its spread supports, or three digits where no spread is known."""
    if value is None:
        return "not known"
    decimals = decimals_of(spread)
    return f"{value:.3g}" if decimals is None else f"{value:,.{decimals}f}"


def half_width(low: float | None, high: float | None) -> float | None:
    """Return half of an interval's width; None where an end is not known."""
    return None if low is None or high is None else (high - low) / 2


def interval_words(low: float | None, high: float | None) -> str:
    """Return an interval as "0.813 to 0.866", or that it is not known."""
    if low is None or high is None:
        return "not known"
    half = half_width(low, high)
    return f"{rounded(low, half)} to {rounded(high, half)}"


def value_words(one: Mapping[str, Any]) -> str:
    """Return a value with its interval, as "0.834 (0.813 to 0.866)". one: value, low and high."""
    low, high = one["low"], one["high"]
    value, interval = rounded(one["value"], half_width(low, high)), interval_words(low, high)
    return f"{value} (interval not known)" if low is None or high is None else f"{value} ({interval})"


def mean_words(mean: float, sd: float) -> str:
    """Return a mean with its standard deviation, as "0.866 ± 0.011"; the mean alone for a single run."""
    sd = 0.0 if sd <= _ROUNDING * abs(mean) else sd
    text = rounded(mean, sd)
    return text if math.isnan(sd) else f"{text} ± {rounded(sd, sd)}"
