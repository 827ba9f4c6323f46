"""Which curves of several runs are compared, and their differences at each size by pairs of the same split and seed."""

from dataclasses import dataclass

import numpy as np

from jaxmrl.compare.runs import Run
from jaxmrl.reports.curve_comparison import PairedSize, paired_sizes
from jaxmrl.rows import CurveIdentity
from jaxmrl.runs.curves import MeasuredCurve
from jaxmrl.scaling.differences import holm

_SETTING = ("dataset", "split", "pruning")
"""What two curves must share to be compared."""


@dataclass(frozen=True)
class Pair:
    """A curve beside one of the first run.

    Attributes:
        curve: Its name.
        than: The name of that of the first run.
        sizes: The difference at each size that both have, where they share splits and seeds.
        adjusted: The p-value at each size, adjusted by Holm for all comparisons; None where it is not known.
        note: Why there is no difference; empty where there is one.
    """

    curve: str
    than: str
    sizes: tuple[PairedSize, ...]
    adjusted: tuple[float | None, ...] = ()
    note: str = ""


def compare_runs(runs: list[Run]) -> list[Pair]:
    """Return each curve of the other runs beside the one of the first run that is most like it."""
    pairs = [
        _pair(curve, label, runs[0], by_fraction=run.grown)
        for run in runs[1:]
        for curve, label in zip(run.curves, run.labels, strict=True)
    ]
    known = [one.p for pair in pairs for one in pair.sizes]
    adjusted = iter(holm(np.array([np.nan if p is None else p for p in known])).tolist())
    return [
        Pair(pair.curve, pair.than, pair.sizes, tuple(_known(next(adjusted)) for _ in pair.sizes), pair.note)
        for pair in pairs
    ]


def _known(p: float) -> float | None:
    return None if np.isnan(p) else p


def _pair(curve: MeasuredCurve, label: str, first: Run, *, by_fraction: bool) -> Pair:
    alike = [_alike(curve.identity, other.identity) for other in first.curves]
    if max(alike) < 0:
        said = f"{first.name} has no curve of the {curve.identity.split} split with {curve.identity.pruning} subsets"
        return Pair(label, "", (), note=said)
    k = int(np.argmax(alike))
    sizes = paired_sizes(curve, first.curves[k], by_fraction=by_fraction)
    note = "" if sizes else "no size has runs of the same split and seed, so only the means can be compared"
    return Pair(label, first.labels[k], sizes, note=note)


def _alike(one: CurveIdentity, other: CurveIdentity) -> int:
    """Return how many columns two curves share, those of models first; -1 where they cannot be compared."""
    if any(getattr(one, name) != getattr(other, name) for name in _SETTING):
        return -1
    shared = [name for name in CurveIdentity.columns() if getattr(one, name) == getattr(other, name)]
    return len(shared) + len(CurveIdentity.columns()) * (one.model == other.model)
