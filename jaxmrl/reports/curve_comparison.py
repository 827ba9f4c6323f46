"""Curves of a run side by side: the content of comparisons.json, and what is said of it."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from jaxmrl.config.names import PER_SD
from jaxmrl.reports.appearance import curve_label
from jaxmrl.rows import TUNED_COLUMNS, CurveIdentity
from jaxmrl.runs.curves import MeasuredCurve, paired_points
from jaxmrl.scaling.analysis import Analysis
from jaxmrl.scaling.data_equivalence import REACH, DataEquivalence, Difference, data_equivalence, exponent_difference
from jaxmrl.text import about, count
from jaxmrl.training.metrics import METRICS

_ROUND = 1_000
"""Molecules of the best curve that are priced in those of the others."""

_ASIDE = {
    "modality": ("model", "width", "depth", "params", *TUNED_COLUMNS),
    "split": TUNED_COLUMNS,
    "init": TUNED_COLUMNS,
}
"""The columns that are compared along, and those that go with each. Pruned curves have no law: see comparison.py."""


@dataclass(frozen=True)
class PairedSize:
    """The metric of a curve minus that of another with `n` molecules, by pairs of the same split and seed.

    low and high  ends of the interval; None, as p, where it is not known
    """

    n: int
    difference: float
    low: float | None
    high: float | None
    p: float | None
    pairs: int
    splits: int


@dataclass(frozen=True)
class Comparison:
    """A curve beside another, by their names, and the column (`along`) that they differ in.

    exponent: None where no law explains both; worth: of each size of the curve; paired: the difference of the metric at
    each size that both have, where they have replicas of the same splits and seeds
    """

    curve: str
    than: str
    along: str
    exponent: Difference | None
    worth: tuple[DataEquivalence, ...]
    paired: tuple[PairedSize, ...] = ()


def compare_curves(curves: list[MeasuredCurve], analyses: list[Analysis]) -> list[Comparison]:
    """Compare each curve with the first of those that it differs from in modality, split or init alone.

    In a run with classical models, compare the best curve of each split with every other one, too.
    """
    compared = _with_the_best(curves, analyses)
    for k, curve in enumerate(curves):
        for column, aside in _ASIDE.items():
            base = next(other for other in range(k + 1) if _alike(curves[other], curve, (column, *aside)))
            differ = getattr(curve.identity, column) != getattr(curves[base].identity, column)
            if differ and analyses[k].forecast and analyses[base].forecast:
                name, than = (curve_label(one, curves) for one in (curve, curves[base]))
                found = compare(name, than, column, analyses[k], analyses[base])
                compared.append(replace(found, paired=paired_sizes(curve, curves[base])))
    return compared


def _with_the_best(curves: list[MeasuredCurve], analyses: list[Analysis]) -> list[Comparison]:
    """Compare the best curve at the largest size that all have with the others, in runs with classical models.

    Of its sizes three count: the smallest, 1,000 molecules or else its middle size, and the largest.
    """
    compared = []
    known = [k for k, analysis in enumerate(analyses) if analysis.forecast and curves[k].points]
    for split in dict.fromkeys(curves[k].identity.split for k in known):
        places = [k for k in known if curves[k].identity.split == split]
        if len(places) < 2 or not any(curves[k].is_classical for k in places):
            continue
        best = _best(places, curves)
        sizes = analyses[best].known_forecast.points.n
        middle = _ROUND if sizes[0] <= _ROUND <= sizes[-1] else sizes[len(sizes) // 2]
        for k in places:
            if k != best:
                name, than = (curve_label(curves[one], curves) for one in (best, k))
                priced = np.array([sizes[0], middle, sizes[-1]])
                found = compare(name, than, "model", analyses[best], analyses[k], priced)
                compared.append(replace(found, paired=paired_sizes(curves[best], curves[k])))
    return compared


def _best(places: list[int], curves: list[MeasuredCurve]) -> int:
    """Return which of some curves is the best by its mean at the largest size that all have."""
    means = [{point.n_train: point.mean for point in curves[k].points} for k in places]
    shared = set.intersection(*map(set, means))
    at = max(shared) if shared else None
    sign = 1 if METRICS[curves[places[0]].metric.removesuffix(PER_SD)].higher_is_better else -1
    value = lambda one: sign * (curves[places[one]].points[-1].mean if at is None else means[one][at])
    return places[max(range(len(places)), key=value)]


def _alike(one: MeasuredCurve, other: MeasuredCurve, apart_from: tuple[str, ...]) -> bool:
    columns = (name for name in CurveIdentity.columns() if name not in apart_from)
    return all(getattr(one.identity, name) == getattr(other.identity, name) for name in columns)


def compare(
    curve: str, than: str, along: str, one: Analysis, other: Analysis, sizes: np.ndarray | None = None
) -> Comparison:
    """Compare two curves by their names, both of which have a forecast; sizes: those of the first, unless given."""
    forecast = one.known_forecast
    found = data_equivalence(forecast, other.known_forecast, forecast.points.n if sizes is None else sizes)
    return Comparison(curve, than, along, exponent_difference(one, other), tuple(found))


def paired_sizes(one: MeasuredCurve, other: MeasuredCurve, *, by_fraction: bool = False) -> tuple[PairedSize, ...]:
    """Return the difference of two curves at each size that both have; none for curves of different splits.

    by_fraction: compare equal fractions instead of equal numbers of molecules; the sizes are those of the first curve.
    """
    if (one.identity.dataset, one.identity.split) != (other.identity.dataset, other.identity.split):
        return ()
    place = lambda point: point.fraction if by_fraction else point.n_train
    others = {place(point): point for point in other.points}
    pairs = [
        (point.n_train, paired_points(point, others[place(point)], one.overlap))
        for point in one.points
        if place(point) in others
    ]
    return tuple(
        PairedSize(n, found.value, found.low, found.high, found.p, found.pairs, found.splits)
        for n, found in pairs
        if found is not None
    )


def comparison_content(compared: list[Comparison]) -> list[dict[str, Any]]:
    """Return the comparisons in the form of JSON."""
    return [
        asdict(one) | {name: list(map(asdict, getattr(one, name))) for name in ("worth", "paired")} for one in compared
    ]


def comparison_line(one: Comparison) -> str:
    """Return how many molecules the data of a curve is worth at its middle size, whether the exponents differ and, for
    several splits, whether the metrics do.
    """
    paired = f"; {paired_text(one.paired[-1])}" if one.paired and one.paired[-1].splits > 1 else ""
    return f"{one.curve}: {worth_text(one)}; {difference_text(one.exponent)}{paired}"


def paired_text(one: PairedSize) -> str:
    """Return, in words, by how much the metrics differ at one size."""
    of = f"{count(one.pairs, 'pair')} on {count(one.splits, 'split')}"
    if one.low is None or one.high is None:
        return f"with {one.n:,} molecules the metric differs by {one.difference:+.2g} ({of}; interval not known)"
    differ = "" if one.low > 0 or one.high < 0 else ", consistent with no difference"
    interval = f"[{one.low:+.2g}, {one.high:+.2g}]"
    return f"with {one.n:,} molecules the metric differs by {one.difference:+.2g} {interval} ({of}){differ}"


def paired_cell(one: PairedSize) -> str:
    """Return the difference at one size with its interval, marked by * where that excludes 0."""
    if one.low is None or one.high is None:
        return f"{one.difference:+.2g} [not known]"
    return f"{one.difference:+.2g} [{one.low:+.2g}, {one.high:+.2g}]{'*' * (one.low > 0 or one.high < 0)}"


def worth_text(one: Comparison) -> str:
    """Return how many of the other curve's molecules the middle size of the curve is worth."""
    middle = one.worth[len(one.worth) // 2]
    if middle.molecules is None:
        return f"{about(middle.n)} molecules have no equivalent within {REACH:g} times the sizes of {one.than}"
    return f"{about(middle.n)} molecules are equivalent to {molecules_text(middle)} of {one.than}"


def molecules_text(found: DataEquivalence) -> str:
    """Return the molecules that a size is worth, with their interval."""
    if found.molecules is None:
        return "cannot be estimated"
    if found.low is None and found.high is None:
        return f"{about(found.molecules)} [not known]"
    ends = ("..." if end is None else about(end) for end in (found.low, found.high))
    return f"{about(found.molecules)} [{' to '.join(ends)}]"


def difference_text(difference: Difference | None) -> str:
    """Return, in words, whether the exponents differ."""
    if difference is None:
        return "the exponents are not compared, because no law explains both curves"
    if difference.low is None or difference.high is None:
        named = f"{difference.exponent} ({difference.law})"
        return f"{named} differs by {difference.value:+.2g} [not known], so whether the exponents differ is not known"
    differ = "" if difference.low > 0 or difference.high < 0 else ", consistent with no difference"
    interval = f"[{difference.low:+.2g}, {difference.high:+.2g}]"
    return f"{difference.exponent} ({difference.law}) differs by {difference.value:+.2g} {interval}{differ}"
