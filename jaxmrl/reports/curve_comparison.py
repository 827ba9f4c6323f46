"""Curves of a run side by side: the content of comparisons.json, and what is said of it."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from jaxmrl.config.names import PER_SD
from jaxmrl.reports.plots import curve_label
from jaxmrl.rows import TUNED_COLUMNS, CurveIdentity
from jaxmrl.runs.curves import MeasuredCurve
from jaxmrl.scaling.analysis import Analysis
from jaxmrl.scaling.data_equivalence import REACH, DataEquivalence, Difference, data_equivalence, exponent_difference
from jaxmrl.text import about
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
class Comparison:
    """A curve beside another, by their names, and the column (`along`) that they differ in.

    exponent: None where no law explains both; worth: of each size of the curve
    """

    curve: str
    than: str
    along: str
    exponent: Difference | None
    worth: tuple[DataEquivalence, ...]


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
                compared.append(compare(name, than, column, analyses[k], analyses[base]))
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
                compared.append(compare(name, than, "model", analyses[best], analyses[k], priced))
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


def comparison_content(compared: list[Comparison]) -> list[dict[str, Any]]:
    """Return the comparisons in the form of JSON."""
    return [asdict(one) | {"worth": [asdict(size) for size in one.worth]} for one in compared]


def comparison_line(one: Comparison) -> str:
    """Return how many molecules the data of a curve is worth at its middle size, and whether the exponents differ."""
    return f"{one.curve}: {worth_text(one)}; {difference_text(one.exponent)}"


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
