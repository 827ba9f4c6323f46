"""Few readable ticks: numbers in full that do not collide, on linear and on logarithmic axes."""

import math
from collections.abc import Sequence
from decimal import Decimal

from matplotlib.axis import Axis
from matplotlib.ticker import Formatter, Locator, MaxNLocator, NullLocator

_SHORT, _MEDIUM = 8.0, 60.0
"""Ratios of the ends of an axis: up to the first, ticks are as on a linear axis; up to the second, 1, 2 and 5."""

_MOST = 6

_SMALLEST, _LARGEST = 1e-4, 1e8
"""Numbers beyond these are given with an exponent, because in full they would collide."""


def few_ticks(axis: Axis) -> None:
    """Give an axis, whose scale is set, few ticks with numbers in full, and no others."""
    axis.set_major_locator(FewTicks() if axis.get_scale() == "log" else _linear())
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(InFull())


class FewTicks(Locator):
    """Places on a logarithmic axis: at even steps where it is short, else at 1, 2 and 5, else at powers of ten."""

    def __call__(self) -> Sequence[float]:
        if self.axis is None:
            return []
        return self.tick_values(*sorted(self.axis.get_view_interval()))

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        if vmax / vmin <= _SHORT:
            found = list(_linear().tick_values(vmin, vmax))
        else:
            powers = range(math.floor(math.log10(vmin)), math.ceil(math.log10(vmax)) + 1)
            leading = (1, 2, 5) if vmax / vmin <= _MEDIUM else (1,)
            found = [digit * 10.0**power for power in powers for digit in leading]
        inside = [value for value in found if vmin * (1 - 1e-9) <= value <= vmax * (1 + 1e-9)]
        return inside[:: max(1, math.ceil(len(inside) / _MOST))]


def _linear() -> MaxNLocator:
    return MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10])


class InFull(Formatter):
    """Numbers with thousands separated and with the same decimals on all ticks."""

    def __call__(self, value: float, pos: int | None = None) -> str:
        return self.format_ticks([value])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        shown = [f"{value:.6g}" for value in values]
        if any(value and not _SMALLEST <= abs(value) <= _LARGEST for value in values):
            return shown
        shown = [f"{Decimal(text):f}" for text in shown]
        decimals = max((len(text.partition(".")[2]) for text in shown), default=0)
        return [f"{Decimal(text):,.{decimals}f}" for text in shown]
