"""What an extra source adds to each curve: the paired difference at each size, and its worth in main molecules."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.markup import escape
from rich.table import Table

from jaxmrl.reports.appearance import curve_label
from jaxmrl.reports.blocks import Block, Section, sentence, table
from jaxmrl.reports.curve_comparison import Comparison, paired_sizes
from jaxmrl.reports.pruning_table import Compared, adjusted, compare_cell, marks_text, paired_difference
from jaxmrl.rows import NO_EXTRA, CurveIdentity, Rounded, Row
from jaxmrl.runs.curves import MeasuredCurve, Point
from jaxmrl.scaling.analysis import known
from jaxmrl.scaling.data_equivalence import DataEquivalence
from jaxmrl.scaling.differences import LEVEL, Difference, EquivalentSize, Runs, equivalent_size_by_pairs
from jaxmrl.text import about, count

ALPHA = 1 - LEVEL
"""Below it, a p-value that Holm's method has adjusted counts."""


@dataclass(frozen=True)
class ExtraComparison:
    """A curve with an extra source beside the same curve without it.

    sizes       each size of the main source, with the curve without the extra source in the place of `random`
    comparison  the two side by side, by their names, as comparisons.json has them
    better      the sign of a difference that is an improvement
    """

    sizes: tuple[Compared[CurveIdentity], ...]
    comparison: Comparison
    better: int

    @property
    def main(self) -> str:
        """The name of the main source."""
        return self.sizes[0].identity.dataset

    @property
    def extra(self) -> str:
        """The name of the extra source."""
        return self.sizes[0].identity.extra


@dataclass(frozen=True)
class ExtraRow(Row):
    """A row of extra.csv: one size of a curve with an extra source.

    difference  of the metric from the curve without it; low, high: its interval
    worth       of the extra source in molecules of the main source; beyond the sizes of the curve, <-... or >...
    """

    curve: CurveIdentity
    fraction: float
    n_train: int
    metric: str
    difference: Rounded
    low: Rounded
    high: Rounded
    p: Rounded
    p_holm: Rounded
    comparisons: int
    n_seeds: int
    worth: str
    worth_low: str
    worth_high: str


def compare_extra(curves: list[MeasuredCurve], higher_is_better: bool) -> list[ExtraComparison]:
    """Return each curve with an extra source beside the same without it, by pairs of the same split and seed."""
    pairs = []
    for curve in curves:
        base = next((one for one in curves if one.identity == replace(curve.identity, extra=NO_EXTRA)), None)
        if base is not None and base is not curve and curve.points and base.points:
            pairs.append((curve, base))
    sizes = adjusted([_compared(*pair, point, higher_is_better) for pair in pairs for point in pair[0].points])
    found = []
    for curve, base in pairs:
        own = tuple(one for one in sizes if one.identity == curve.identity)
        found.append(ExtraComparison(own, _comparison(curve, base, curves, own), 1 if higher_is_better else -1))
    return found


def _compared(
    curve: MeasuredCurve, base: MeasuredCurve, point: Point, higher_is_better: bool
) -> Compared[CurveIdentity]:
    beside = next((one for one in base.points if one.n_train == point.n_train), None)
    return Compared(
        identity=curve.identity,
        fraction=point.fraction,
        metric=curve.metric,
        pruned=_runs(point),
        random=None if beside is None else _runs(beside),
        difference=None if beside is None else paired_difference(point, beside, curve.overlap),
        worth=_worth(point, base, curve.overlap, higher_is_better),
    )


def _runs(point: Point) -> Runs:
    return Runs(point.n_train, point.mean, point.sd, point.n_seeds)


def _worth(point: Point, base: MeasuredCurve, overlap: float, higher_is_better: bool) -> EquivalentSize | None:
    """Return how many main molecules alone reach the metric of a point; None with fewer than two sizes or no pairs."""
    points = sorted(base.points, key=lambda one: one.n_train)
    own, sides = _by_pair(point), [_by_pair(one) for one in points]
    keys = sorted(set(own).intersection(*sides))
    if len(points) < 2 or not keys:
        return None
    return equivalent_size_by_pairs(
        point.n_train,
        np.array([own[key] for key in keys]),
        np.array([[side[key] for side in sides] for key in keys]),
        np.array([one.n_train for one in points], float),
        np.array([split for split, _ in keys]),
        overlap,
        higher_is_better,
    )


def _by_pair(point: Point) -> dict[tuple[int, int], float]:
    """Return {(split seed, seed): test metric} of a point."""
    return dict(zip(zip(point.split_seeds, point.seeds, strict=True), point.tests, strict=True))


def _comparison(
    curve: MeasuredCurve,
    base: MeasuredCurve,
    curves: list[MeasuredCurve],
    sizes: tuple[Compared[CurveIdentity], ...],
) -> Comparison:
    """Return the two curves side by side; what is beyond the measured range is None."""
    worth = (one.worth for one in sizes if one.worth)
    inside = tuple(DataEquivalence(one.n, known(one.molecules), known(one.low), known(one.high)) for one in worth)
    name, than = (curve_label(one, curves) for one in (curve, base))
    return Comparison(name, than, "extra", None, inside, paired_sizes(curve, base))


def extra_rows(found: list[ExtraComparison]) -> list[ExtraRow]:
    """Return the rows of extra.csv."""
    return [_row(one) for comparison in found for one in comparison.sizes]


def _row(one: Compared[CurveIdentity]) -> ExtraRow:
    values = one.difference or Difference(math.nan, math.nan, math.nan, math.nan)
    worth, low, high = (_cell(one.worth, end) for end in (_more(one.worth) if one.worth else [math.nan] * 3))
    return ExtraRow(
        curve=one.identity,
        fraction=one.known_fraction,
        n_train=int(one.pruned.n),
        metric=one.metric,
        difference=values.value,
        low=values.low,
        high=values.high,
        p=values.p,
        p_holm=one.p_holm,
        comparisons=one.comparisons,
        n_seeds=one.pruned.count,
        worth=worth,
        worth_low=low,
        worth_high=high,
    )


def _more(worth: EquivalentSize) -> tuple[float, float, float]:
    """Return how many molecules more than its own a size is worth, with the interval; infinite beyond the range."""
    return worth.molecules - worth.n, worth.low - worth.n, worth.high - worth.n


def _cell(worth: EquivalentSize | None, value: float) -> str:
    if worth is None or math.isnan(value):
        return ""
    return f"{value:.0f}" if math.isfinite(value) else _beyond(worth, value, "<", ">", "{:.0f}")


def _beyond(worth: EquivalentSize, value: float, fewer: str, more: str, form: str = "{:,.0f}") -> str:
    end = worth.smallest if value < 0 else worth.largest
    return f"{fewer if value < 0 else more}{form.format(end - worth.n)}"


def worth_words(worth: EquivalentSize | None) -> str:
    """Return the worth of an extra source at one size, such as `340 [210 to 520]`; empty where none is known."""
    if worth is None:
        return ""
    value, low, high = _more(worth)
    said = about(round(value)) if math.isfinite(value) else _beyond(worth, value, "less than ", "more than ")
    if math.isnan(low):
        return f"{said} [not known]"
    ends = (about(round(end)) if math.isfinite(end) else _beyond(worth, end, "<", ">") for end in (low, high))
    return said if low == high else f"{said} [{' to '.join(ends)}]"


def worth_sentence(comparison: ExtraComparison, one: Compared[CurveIdentity]) -> str:
    """Return what the extra source is worth at one size, in a sentence without its period; empty if not known."""
    if one.worth is None:
        return ""
    value, low, high = _more(one.worth)
    nothing = ", consistent with 0" if low <= 0 <= high else ""
    more = " more" if value > 0 else ""
    said = f"{comparison.extra} is worth {worth_words(one.worth)}{more} of them{nothing}"
    return f"with {one.pruned.n:,.0f} molecules of {comparison.main}, {said}"


def extra_lines(found: list[ExtraComparison]) -> list[str]:
    """Return, for each curve, at how many sizes the extra source helps or harms, and its worth at the middle size."""
    return [_line(comparison) for comparison in found]


def _line(found: ExtraComparison) -> str:
    clear = [
        one.difference.value * found.better > 0
        for one in found.sizes
        if one.difference is not None and one.p_holm <= ALPHA
    ]
    known = sum(math.isfinite(one.p_holm) for one in found.sizes)
    helps, harms, of = sum(clear), len(clear) - sum(clear), count(known, "size")
    clearly = f"better than without it at {helps} of {of} and worse at {harms}, beyond noise"
    unclear = f"no clear difference ({of})" if known else "one seed cannot show whether it helps; use more --seeds"
    verdict = clearly if clear else unclear
    worth = worth_sentence(found, found.sizes[len(found.sizes) // 2])
    return f"{found.comparison.curve}: {verdict}" + (f"; {worth}" if worth else "")


def extra_content(found: list[ExtraComparison], comparisons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return comparisons as comparisons.json has them, with the worth of the extra source in words at each size.

    comparisons: those of `found`, as of `comparison_content`.
    """
    return [
        content | {"said": [said for size in one.sizes if (said := worth_sentence(one, size))]}
        for one, content in zip(found, comparisons, strict=True)
    ]


EXTRA_CAPTION = (
    "The worth is how many more molecules of the main source alone reach the same metric, interpolated within the "
    "sizes of the curve without the extra source and never beyond them"
)


def extra_section(found: list[ExtraComparison], metric_label: str, direction: str) -> Section | None:
    """Return the section of the report."""
    if not found:
        return None
    caption = f"{sentence(_title(found, metric_label, direction))[:-1]}, with {LEVEL:.0%} intervals"
    said = f"{marks_text(list(found[0].sizes))}. {EXTRA_CAPTION}."
    head, rows = _head(found), _table_rows(found)
    return Section("Extra source", [table(caption, head, rows, (1, 2, 3)), Block("text", text=said)])


def extra_table(found: list[ExtraComparison], metric_label: str, direction: str) -> Table:
    """Return the table of the terminal, with a row for each size."""
    shown = Table(title=f"{_title(found, metric_label, direction)}, {LEVEL:.0%} interval", title_justify="left")
    shown.caption, shown.caption_justify = f"{marks_text(list(found[0].sizes))}. {EXTRA_CAPTION}", "left"
    for name in _head(found):
        shown.add_column(escape(name), justify="left" if name == "curve" else "right", no_wrap=name != "curve")
    for row in _table_rows(found):
        shown.add_row(*map(escape, row))
    return shown


def _title(found: list[ExtraComparison], metric_label: str, direction: str) -> str:
    main, extra = found[0].main, found[0].extra
    return (
        f"test {metric_label} ({direction}) with {extra} minus that without it, in pairs of the same split, seed and "
        f"subset, and how many more molecules of {main} {extra} is worth"
    )


def _head(found: list[ExtraComparison]) -> tuple[str, ...]:
    return "curve", f"molecules of {found[0].main}", "difference", "worth (molecules)"


def _table_rows(found: list[ExtraComparison]) -> list[tuple[str, ...]]:
    return [
        (one.comparison.than, f"{size.pruned.n:,.0f}", compare_cell(size), worth_words(size.worth))
        for one in found
        for size in one.sizes
    ]
