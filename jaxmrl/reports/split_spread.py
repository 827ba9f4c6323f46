"""The section of a report that says how much of the spread of the runs is between splits."""

import numpy as np

from jaxmrl.reports.blocks import Block, Section, table
from jaxmrl.reports.findings import Findings
from jaxmrl.scaling.components import components_of
from jaxmrl.text import exact

_EXPLAINED = (
    "Between splits: the standard deviation of what the runs of a split share. Within a split: that of runs that "
    "differ by their random subset and their seed. At fraction 1 there is no subset to choose, so it is that of seeds "
    "alone."
)
_ONE_EACH = (
    "Each split has one seed, so the spread between splits includes that of subsets and seeds. To separate them, run "
    "more seeds on fewer splits, such as --seeds 6 --split-seeds 3."
)


def spread_section(found: Findings) -> Section | None:
    """Return the spread of the runs at each size, of all runs, between splits and within them; None for one split."""
    rows, separated = [], False
    several = len(found.curves) > 1
    for label, curve in zip(found.labels, found.curves, strict=True):
        if curve.n_splits < 2:
            continue
        for point in curve.points:
            one = components_of(np.array(point.tests), np.array(point.split_seeds))
            separated = separated or one.within is not None
            sds = (_cell(one.sd), _cell(one.between), _cell(one.within))
            named = (label,) if several else ()
            rows.append((*named, f"{point.n_train:,}", exact(point.fraction), str(one.splits), str(one.runs), *sds))
    if not rows:
        return None
    columns = ("molecules", "fraction", "splits", "seeds", "sd of all", "between splits", "within a split")
    head = ("curve", *columns) if several else columns
    numbers = tuple(range(int(several), len(head)))
    caption = f"Standard deviations of the test {found.metric_label}"
    shown = table(caption, head, rows, numbers, folded=several)
    return Section("Spread of splits and seeds", [shown, Block("text", text=_EXPLAINED if separated else _ONE_EACH)])


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"
