"""Pruned against random subsets inside the measured range: the content of pruning.csv, and its tables."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
from rich.markup import escape
from rich.table import Table

from jaxmrl.config.names import DYNAMIC_PRUNINGS
from jaxmrl.curves.sampling import RANDOM, REASONS, WITH_EXTRA
from jaxmrl.pruning.methods import METHODS
from jaxmrl.rows import CurveIdentity, Rounded, Row
from jaxmrl.runs.curves import MeasuredCurve, Point, distinguishing, paired_points
from jaxmrl.scaling.analysis import Analysis, known
from jaxmrl.scaling.differences import LEVEL, Difference, EquivalentSize, Runs, difference, equivalent_size, holm
from jaxmrl.text import about, count, exact, size_text

Identity = TypeVar("Identity", CurveIdentity, dict[str, str])

ALPHA = 1 - LEVEL
"""Below it, a p-value that Holm's method has adjusted counts."""


@dataclass(frozen=True)
class Saved:
    """What a size of a pruned curve saves, and how often it sees the training molecules.

    labels   the share of the labels that it does not need; 0 for a dynamic pruning, which trains on all molecules, and
             for one by scores of models that were; NaN where the scores are a file's own
    compute  the share of optimizer steps saved, relative to training on all molecules, without those of scoring models;
             NaN where the sweep has no replicas on all molecules
    passes   how many times, on average, each training molecule was trained on
    """

    labels: float
    compute: float
    passes: float


@dataclass(frozen=True)
class Compared(Generic[Identity]):
    """A size of a pruned curve against random subsets.

    identity     what distinguishes its curve: a CurveIdentity, or {column: text} of anyone's file
    fraction     of the training molecules; None where it is not known
    pruned       its runs
    random       the runs of random subsets of the same size; None where there are none
    difference   None without them
    p_holm       its p-value, adjusted for all `comparisons` of the table
    worth        None where the random curve has fewer than two sizes
    saved        None where it is not known
    """

    identity: Identity
    fraction: float | None
    metric: str
    pruned: Runs
    random: Runs | None
    difference: Difference | None
    worth: EquivalentSize | None
    p_holm: float = math.nan
    comparisons: int = 0
    saved: Saved | None = None

    @property
    def known_fraction(self) -> float:
        """The fraction, as the points of a sweep have it. Raises ValueError where it is not known."""
        if self.fraction is None:
            raise ValueError("the file says no fraction of the training molecules")
        return self.fraction


@dataclass(frozen=True)
class PruningRow(Row):
    """A row of pruning.csv: one size of a pruned curve. A worth beyond the random curve's is <smallest or >largest."""

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
    n_random: int
    subsets: int
    worth: str
    worth_low: str
    worth_high: str
    labels_saved: Rounded
    compute_saved: Rounded
    passes: Rounded


def compare_to_random(
    curves: list[MeasuredCurve], one_subset: Iterable[str], higher_is_better: bool
) -> list[Compared[CurveIdentity]]:
    """Return each pruned point of a sweep's curves against random subsets; the whole set is the same for all.

    one_subset: the prunings that keep the same molecules whatever the seed. Curves without a random one are left out.
    """
    found = []
    for curve in curves:
        beside = replace(curve.identity, pruning=RANDOM)
        random = next((other for other in curves if other.identity == beside), None)
        if random is None or random is curve:
            continue
        levels, points = split_levels(random), {point.n_train: point for point in random.points}
        runs = [runs_of(point, levels) for point in random.points]
        shared = curve.identity.pruning in one_subset
        for point in curve.points:
            if point.fraction < 1:
                pruned = replace(runs_of(point, levels), one_subset=shared)
                same, unpaired, worth = compare_runs(pruned, runs, higher_is_better)
                beside_it = points.get(point.n_train)
                differs = paired_difference(point, beside_it, curve.overlap) if levels and beside_it else unpaired
                one = Compared(curve.identity, point.fraction, curve.metric, pruned, same, differs, worth)
                found.append(replace(one, saved=saved_by(curve.identity.pruning, point, random)))
    return adjusted(found)


def saved_by(pruning: str, point: Point, random: MeasuredCurve) -> Saved:
    """Return what a point of a pruned curve saves; random: the curve of random subsets beside it."""
    whole = next((one.steps for one in random.points if one.fraction == 1), 0.0)
    labels = 0.0 if pruning in DYNAMIC_PRUNINGS else _labels_saved(pruning, point.fraction)
    compute = 1 - point.steps / whole if whole and point.steps else math.nan
    return Saved(labels, compute, point.epochs * point.fraction)


def _labels_saved(pruning: str, fraction: float) -> float:
    """Return the share of the labels that a static pruning does not need; NaN for one by a file of other scores."""
    if pruning not in METHODS:
        return math.nan
    return 0.0 if METHODS[pruning].trained else 1 - fraction


def split_levels(random: MeasuredCurve) -> dict[int, float]:
    """Return how far the metric of each split of a curve is from that of all, a mean over sizes; {} for one split."""
    if random.n_splits < 2:
        return {}
    apart: dict[int, list[float]] = {}
    for point in random.points:
        means = point.split_means
        for seed, mean in means.items():
            apart.setdefault(seed, []).append(mean - float(np.mean(list(means.values()))))
    return {seed: float(np.mean(values)) for seed, values in apart.items()}


def runs_of(point: Point, levels: dict[int, float]) -> Runs:
    """Return the runs of a point of a sweep.

    levels: of several splits, as of `split_levels`. The mean of each split without its level then counts as one run,
    because what the splits share at all sizes is no noise between sizes.
    """
    if not levels:
        return Runs(point.n_train, point.mean, point.sd, point.n_seeds)
    means = np.array([mean - levels.get(seed, 0.0) for seed, mean in point.split_means.items()])
    return Runs(
        point.n_train, float(means.mean()), float(means.std(ddof=1)) if len(means) > 1 else math.nan, len(means)
    )


def paired_difference(pruned: Point, random: Point, overlap: float) -> Difference:
    """Return the difference of two points by pairs of the same split and seed, as of `paired_mean`."""
    found = paired_points(pruned, random, overlap)
    if found is None or found.low is None or found.high is None or found.p is None:
        return Difference(pruned.mean - random.mean, math.nan, math.nan, math.nan)
    return Difference(found.value, found.low, found.high, found.p)


def compare_runs(
    pruned: Runs, random: list[Runs], higher_is_better: bool
) -> tuple[Runs | None, Difference | None, EquivalentSize | None]:
    """Return the random runs of the same size, the difference from them, and the worth; None for what is not there."""
    same = next((runs for runs in random if runs.n == pruned.n), None)
    found = None if same is None else difference(pruned, same)
    return same, found, equivalent_size(pruned, random, higher_is_better) if len(random) > 1 else None


def adjusted(found: list[Compared[Identity]]) -> list[Compared[Identity]]:
    """Return the same with the p-values of all of them adjusted for their number."""
    p = np.array([math.nan if one.difference is None else one.difference.p for one in found])
    comparisons = int(np.isfinite(p).sum())
    return [
        replace(one, p_holm=float(p_holm), comparisons=comparisons) for one, p_holm in zip(found, holm(p), strict=True)
    ]


def pruning_rows(found: list[Compared[CurveIdentity]]) -> list[PruningRow]:
    """Return the rows of pruning.csv."""
    return [_pruning_row(one) for one in found]


def _pruning_row(one: Compared[CurveIdentity]) -> PruningRow:
    values = one.difference or Difference(math.nan, math.nan, math.nan, math.nan)
    worth, saved = one.worth, one.saved or Saved(math.nan, math.nan, math.nan)
    return PruningRow(
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
        n_random=one.random.count if one.random else 0,
        subsets=1 if one.pruned.one_subset else one.pruned.count,
        worth=_worth_cell(worth, worth.molecules) if worth else "",
        worth_low=_worth_cell(worth, worth.low) if worth else "",
        worth_high=_worth_cell(worth, worth.high) if worth else "",
        labels_saved=saved.labels,
        compute_saved=saved.compute,
        passes=saved.passes,
    )


def _worth_cell(found: EquivalentSize, value: float) -> str:
    if math.isinf(value):
        return f"<{found.smallest:.0f}" if value < 0 else f">{found.largest:.0f}"
    return "" if math.isnan(value) else f"{value:.0f}"


def comparison_table(found: list[Compared[CurveIdentity]], metric_label: str, higher_is_better: bool) -> Table:
    """Return the differences: one line for each method and model, one column for each fraction."""
    better = "above" if higher_is_better else "below"
    title = (
        f"test {metric_label} minus that of random subsets of the same size, {LEVEL:.0%} interval; better is {better} 0"
    )
    return _table(found, title, compare_cell, compare_caption(found))


def worth_table(found: list[Compared[CurveIdentity]], metric_label: str) -> Table:
    """Return how many random molecules reach the same metric, laid out as `comparison_table`."""
    title = f"random molecules that reach the same test {metric_label}, {LEVEL:.0%} interval"
    return _table([one for one in found if one.worth], title, worth_cell, WORTH_CAPTION)


WORTH_CAPTION = "interpolated within the sizes of the random curve, never beyond them; the interval includes its noise"


def compare_caption(found: list[Compared[CurveIdentity]]) -> str:
    """Return what the marks and the intervals mean, and how many comparisons were made."""
    single = dict.fromkeys(one.identity.pruning for one in found if one.pruned.one_subset)
    dynamic = dict.fromkeys(one.identity.pruning for one in found if one.identity.pruning in DYNAMIC_PRUNINGS)
    said = [marks_text(found)]
    if single:
        why = "all seeds use one subset, so the interval treats it as a single draw with the spread of random subsets"
        said.append(f"{', '.join(single)}: {why}")
    if dynamic:
        said.append(f"{', '.join(dynamic)}: {NO_LABELS_SAVED}")
    return ". ".join(said)


NO_LABELS_SAVED = (
    "each epoch chooses new molecules from all training molecules, so only compute is saved, and no labels; random "
    "subsets are fixed and train for as many optimizer steps"
)
"""What distinguishes dynamic prunings from the others of the table."""


def marks_text(found: list[Compared]) -> str:
    """Return what one and two stars mean, or that no interval is known."""
    many = found[0].comparisons if found else 0
    if not many:
        return "No difference has a known interval: run each size several times"
    return (
        f"* the interval excludes 0, as 1 in {1 / ALPHA:.0f} does by chance; ** also after Holm's correction for "
        f"{count(many, 'comparison')} (adjusted p at most {ALPHA:.1g})"
    )


def _table(
    found: list[Compared[CurveIdentity]], title: str, cell: Callable[[Compared[CurveIdentity]], str], caption: str
) -> Table:
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    fractions = sorted({one.known_fraction for one in found})
    table.add_column("pruning", no_wrap=True)
    for fraction in fractions:
        table.add_column(exact(fraction), justify="right", no_wrap=True)
    named = [name for name in distinguishing([one.identity for one in found]) if name != "pruning"]
    lines: dict[str, dict[float, str]] = {}
    for one in found:
        cells = one.identity.cells()
        label = ", ".join([cells["pruning"], *(f"{name} {cells[name]}" for name in named)])
        lines.setdefault(label, {})[one.known_fraction] = cell(one)
    for label, line in lines.items():
        table.add_row(escape(label), *(escape(line.get(fraction, "")) for fraction in fractions))
    return table


def compare_cell(one: Compared) -> str:
    """Return the difference with its interval: * where that excludes 0, ** where it still does for all comparisons."""
    found = one.difference
    if found is None:
        return ""
    if math.isnan(found.low):
        return f"{found.value:+.3f} [not known]"
    stars = "" if not found.excludes_zero else "**" if one.p_holm <= ALPHA else "*"
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]{stars}"


def saved_cells(one: Compared) -> tuple[str, str, str]:
    """Return the shares of labels and of compute that a size saves, and its passes over the training molecules."""
    if (saved := one.saved) is None:
        return "", "", ""
    percent = lambda share: "" if math.isnan(share) else f"{share:.0%}"
    return "none" if saved.labels == 0 else percent(saved.labels), percent(saved.compute), f"{saved.passes:.3g}"


def worth_cell(one: Compared) -> str:
    """Return the number of random molecules that a size is worth, with its interval; empty where none is known."""
    return worth_text(one.worth) if one.worth else ""


def worth_text(found: EquivalentSize) -> str:
    """Return the number of random molecules with its interval; < and > are the ends of the random curve's sizes."""
    value = about(found.molecules) if math.isfinite(found.molecules) else _beyond(found, found.molecules, long=True)
    if math.isnan(found.low):
        return f"{value} [not known]"
    if found.low == found.high:
        return value
    low, high = (about(end) if math.isfinite(end) else _beyond(found, end) for end in (found.low, found.high))
    return f"{value} [{low} to {high}]"


def _beyond(found: EquivalentSize, value: float, *, long: bool = False) -> str:
    fewer, more = ("fewer than ", "more than ") if long else ("<", ">")
    return f"{fewer}{size_text(found.smallest)}" if value < 0 else f"{more}{size_text(found.largest)}"


def no_law_lines(labeled: list[tuple[str, Analysis]]) -> list[str]:
    """Return why curves of a run have no law, a line for each reason; labeled: the name and analysis of each curve."""
    random = any(one.random_samples for _, one in labeled)
    without = {reason: [label for label, one in labeled if reason in one.notes] for reason in REASONS}
    return [no_law_text(labels, reason, random=random) for reason, labels in without.items() if labels]


def no_law_text(labels: list[str], reason: str, *, random: bool = True) -> str:
    """Return why these curves have no law, for one of REASONS.

    random: whether there are random subsets to compare pruned curves with.
    """
    named = "; ".join(label for label in labels if label)
    missing = "" if random or reason == WITH_EXTRA else ". There are no random subsets here: add random to --pruning"
    return f"{named}{': ' if named else ''}no law fitted: {reason}{missing}"


def compared_line(one: Compared[dict[str, str]]) -> str:
    """Return what is known of one pruned size, in a sentence."""
    name = ", ".join(f"{column} {value}" for column, value in one.identity.items())
    less = f"; {one.metric} minus that of random subsets: {compare_cell(one)}" if one.difference else ""
    worth = f"; random molecules that reach it: {worth_text(one.worth)}" if one.worth else ""
    each = " in each epoch" if one.identity.get("pruning") in DYNAMIC_PRUNINGS else ""
    return f"{name}: {size_text(one.pruned.n)} molecules{each} give {one.metric} {one.pruned.mean:.3g}{less}{worth}"


def compared_content(found: list[Compared[dict[str, str]]]) -> list[dict[str, Any]]:
    """Return the comparisons as JSON may hold them; what is not known, or beyond the range, is null."""
    return [
        {
            "curve": one.identity,
            "n": one.pruned.n,
            "difference": one.difference and {name: known(value) for name, value in vars(one.difference).items()},
            "p_holm": known(one.p_holm),
            "comparisons": one.comparisons,
            "subsets": 1 if one.pruned.one_subset else one.pruned.count,
            "worth": one.worth and {name: known(value) for name, value in vars(one.worth).items()},
            "said": "" if one.worth is None else worth_text(one.worth),
        }
        for one in found
    ]
