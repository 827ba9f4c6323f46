"""The scale of a metric: which way is better, and its perfect value, from which errors are measured."""

from dataclasses import dataclass

import numpy as np

from jaxmrl.curves.metric_names import direction_of, guess_of, is_likelihood, is_percent, perfect_of
from jaxmrl.errors import ConfigError, DataError

_ROUNDED = 1e-6
_LOW = 2.0
"""Percentages up to which values above 1 may also be fractions that are wrong."""


@dataclass(frozen=True)
class Scale:
    """How a metric becomes an error, |best - metric|.

    higher   whether more of the metric is better
    best     its perfect value, in the metric's own unit
    why      where both are from
    """

    metric: str
    higher: bool
    best: float
    why: str

    @property
    def text(self) -> str:
        """The scale in words."""
        return f"{'higher' if self.higher else 'lower'} is better, {self.best:g} is perfect ({self.why})"

    @property
    def percent(self) -> bool:
        """Whether the metric is in percent: 100 is perfect, where 1 would be as a fraction."""
        return self.best == 100 and (is_percent(self.metric) or perfect_of(self.metric) == 1)

    def error_of(self, metric: float) -> float:
        """Return the error that belongs to a metric."""
        return self.best - metric if self.higher else metric - self.best

    def error_of_guessing(self, guess: float | None) -> float | None:
        """Return the error of guessing, by the metric `guess` of guesses or, where that is None, by the metric's name.

        Raises ConfigError for a guess that is perfect.
        """
        if guess is None:
            known = guess_of(self.metric)
            return None if known is None or not self.higher or self.best <= 0 else self.best * (1 - known)
        if self.error_of(guess) <= 0:
            raise ConfigError(f"--guess must be worse than {self.best:g}, the perfect {self.metric}; got {guess:g}")
        return self.error_of(guess)

    def check_target(self, target: float | None) -> None:
        """Raise ConfigError for a target that no model can reach, because it is perfect or beyond, or for a fraction
        where the metric is in percent.
        """
        if target is not None and self.error_of(target) <= 0:
            side = "below" if self.higher else "above"
            percent = self.higher and self.best == 1 and 10 <= target < 100
            hint = f"; give {target / 100:g} for {target:g}%" if percent else ""
            raise ConfigError(f"--target must be {side} {self.best:g}, the perfect {self.metric}; got {target:g}{hint}")
        if target is not None and self.percent and 0 < target <= 1:
            raise ConfigError(
                f"--target {target:g} looks like a fraction, but {self.metric} is in percent: give {100 * target:g}"
            )


def scale_of(metric: str, values: np.ndarray, *, higher: bool | None = None, best: float | None = None) -> Scale:
    """Return the scale of a metric by its name and its values [R]; those that are not finite do not count.

    higher, best: as the user says; None for what the name and the values tell. Raises DataError where they do not tell,
    and where a value is better than perfect.
    """
    values = values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1)
    direction = direction_of(metric) if higher is None else higher
    if direction is None:
        raise DataError(f"is a higher {metric!r} better or worse? Give --higher-is-better or --lower-is-better")
    if best is not None:
        perfect, why = best, "as given"
    else:
        perfect, why = _perfect(metric, values, direction, given=higher is not None)
    scale = Scale(metric, direction, perfect, why)
    extreme = values.max() if direction else values.min()
    if scale.error_of(extreme) < -_ROUNDED * max(1.0, abs(perfect)):
        do = "give --best, the value of a perfect model, or the other direction"
        if perfect == 0 and ((values > 0).all() if direction else (values < 0).all()):
            kind, other = ("errors", "lower") if direction else ("negated errors", "higher")
            do = f"if these are {kind}, give --{other}-is-better"
        raise DataError(
            f"{metric} has the value {extreme:g}, which is better than {perfect:g}, the perfect value ({why}); {do}"
        )
    return scale


def _perfect(metric: str, values: np.ndarray, higher: bool, given: bool) -> tuple[float, str]:
    """Return the perfect value, and where it is from. `given`: whether the user gave the direction."""
    known = perfect_of(metric) if direction_of(metric) == higher else None
    by = "direction as given" if given else "by its name"
    lowest, highest = values.min(), values.max()
    if higher and (known == 1 or (known is None and (is_percent(metric) or 0 < highest <= 1 + _ROUNDED))):
        return _fraction_or_percent(metric, values, known, by)
    if known is not None:
        return known, by
    if not higher and lowest >= 0:
        return 0.0, f"{by}; no value is below 0"
    if higher and highest <= 0 and perfect_of(metric) == 0:
        return 0.0, f"{by}; no value is above 0, so these are negated errors"
    end = f"up to {highest:g}" if higher else f"down to {lowest:g}"
    raise DataError(
        f"{metric} has values {end}, and its name does not tell its perfect value: "
        f"give --best, the value of a perfect model ({_hint(metric, highest, higher)})"
    )


def _hint(metric: str, highest: float, higher: bool) -> str:
    """Return what --best may be."""
    bound = f"a bound {'above' if higher else 'below'} all values, on which forecasts depend"
    if higher and is_likelihood(metric):
        return f"0 for log probabilities of classes or tokens; of a density, {bound}" if highest <= 0 else bound
    if higher and highest <= 0:
        return f"0 for negated errors; else {bound}"
    return f"100 for percentages; else {bound}" if higher and highest <= 100 else bound


def _fraction_or_percent(metric: str, values: np.ndarray, known: float | None, by: str) -> tuple[float, str]:
    """Return 1 or 100, by the name and the values of a metric that is perfect at 100 %."""
    in_percent, lowest, highest = is_percent(metric), values.min(), values.max()
    if in_percent and 0 < highest <= 1:
        raise DataError(
            f"{metric} is in percent by its name, but no value is above {highest:g}: give --best 100, or --best 1 "
            "if these are fractions"
        )
    by_values = known is not None and np.median(values) > 1 and highest <= 100 * (1 + _ROUNDED)
    if by_values and not in_percent and (0 < lowest <= 1 or highest <= _LOW):
        raise DataError(
            f"{metric} has values from {lowest:g} to {highest:g}, which are neither fractions, of which 1 is perfect, "
            "nor clearly percentages: correct them, or give --best 100 if all are in percent"
        )
    if in_percent or by_values:
        return 100.0, f"{by}; in percent by {'its name' if in_percent else 'its values'}"
    return 1.0, by if known is not None else f"{by}; no value is above 1"
