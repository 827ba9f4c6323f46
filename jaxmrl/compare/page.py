"""The table and the page of a comparison of runs."""

from jaxmrl.compare.pairs import Pair
from jaxmrl.compare.runs import Change, Run
from jaxmrl.reports.blocks import Block, Section, inline_svg, table
from jaxmrl.reports.curve_comparison import PairedSize
from jaxmrl.reports.digits import half_width, interval_words, mean_words, rounded
from jaxmrl.reports.html import page_html
from jaxmrl.scaling.law_fit import LEVEL

HEADS = ("curve", "molecules", "runs", "mean", "minus the first run", "p (Holm)")


GROWN_SAID = (
    "Where rows were added to the data of a run, its curve is compared at equal fractions of the training molecules, "
    "so a difference is the effect of the added molecules. The test molecules are the same."
)


def comparison_rows(runs: list[Run], pairs: list[Pair]) -> list[tuple[str, ...]]:
    """Return the cells of HEADS: the points of each curve, and their differences from the first run."""
    differences = {
        (pair.curve, one.n): (one, p) for pair in pairs for one, p in zip(pair.sizes, pair.adjusted, strict=True)
    }
    rows: list[tuple[str, ...]] = []
    for run in runs:
        for curve, label in zip(run.curves, run.labels, strict=True):
            for point in curve.points:
                one, p = differences.get((label, point.n_train), (None, None))
                beside = ("", "") if one is None else (_difference(one), "not known" if p is None else f"{p:.2g}")
                cells = (label, f"{point.n_train:,}", str(point.n_seeds), mean_words(point.mean, point.sd))
                rows.append((*cells, *beside))
    return rows


def _difference(one: PairedSize) -> str:
    """Return a difference with its interval and its number of pairs."""
    spread = half_width(one.low, one.high)
    value = rounded(one.difference, spread)
    signed = value if value.startswith("-") else f"+{value}"
    return f"{signed} ({interval_words(one.low, one.high)}; {one.pairs} pairs)"


def verdict_lines(pairs: list[Pair]) -> list[str]:
    """Return for each curve, in a sentence, at how many sizes it differs from the first run beyond noise."""
    lines = []
    for pair in pairs:
        if pair.note:
            lines.append(f"{pair.curve}: {pair.note}.")
            continue
        known = [(one, p) for one, p in zip(pair.sizes, pair.adjusted, strict=True) if p is not None]
        beyond = [one for one, p in known if p < 1 - LEVEL]
        said = f"differs from {pair.than} at {len(beyond)} of {len(pair.sizes)} sizes beyond noise"
        if not known:
            said = (
                f"whether it differs from {pair.than} is not known: there is one pair for each size, or the "
                "differences do not vary"
            )
        lines.append(f"{pair.curve}: {said}.")
    return lines


def compare_html(runs: list[Run], pairs: list[Pair], changes: list[Change]) -> str:
    """Return the content of compare.html. Every string that comes from the data is escaped."""
    from jaxmrl.compare.figure import draw_runs  # here, because Matplotlib is slow to import

    alt = "; ".join(
        f"{label}: {curve.points[-1].mean:.3g} with {curve.points[-1].n_train:,} molecules"
        for run in runs
        for curve, label in zip(run.curves, run.labels, strict=True)
    )
    figure = Block("figure", svg=inline_svg(draw_runs(runs)), alt=alt, caption="Mean ± standard deviation over seeds.")
    method = (
        f"Differences are over pairs of the same split and seed, with {LEVEL:.0%} intervals. With several splits, the "
        "intervals account for overlapping training sets. p-values are adjusted for the number of comparisons (Holm)."
    )
    if any(run.grown for run in runs):
        method += f" {GROWN_SAID}"
    settings = [change.text for change in changes] or ["The settings are the same."]
    points = table("Each point", HEADS, comparison_rows(runs, pairs), (1, 2, 3, 4, 5))
    sections = [
        Section("Curves", [figure, Block("list", items=verdict_lines(pairs))]),
        Section("Settings that differ", [Block("list", items=settings)]),
        Section("Points", [points, Block("text", text=method)]),
    ]
    return page_html("Comparison of runs", ", ".join(run.name for run in runs), sections)
