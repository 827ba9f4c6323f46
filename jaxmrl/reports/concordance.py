"""concordance.csv of a run directory: how well predictions rank labels if some of them are bounds."""

from dataclasses import dataclass

import numpy as np

from jaxmrl.data.task_data import TaskData
from jaxmrl.io.cells import ABOVE, BELOW
from jaxmrl.reports.blocks import Block, Section, table
from jaxmrl.reports.digits import mean_words
from jaxmrl.reports.resampling import read_test_scores, test_molecules
from jaxmrl.rows import ReplicaIdentity, ResultRow, Rounded
from jaxmrl.runs.curves import MeasuredCurve
from jaxmrl.runs.directory import RunDirectory

CONCORDANCE = "concordance.csv"


@dataclass(frozen=True)
class ConcordanceRow(ReplicaIdentity):
    """A row of concordance.csv, for one replica.

    Attributes:
        curve: The curve.
        split_seed: The seed of its split.
        fraction: The fraction of the training molecules.
        n_train: The number of these molecules.
        seed: The seed.
        concordance: The concordance of its test predictions, a mean over tasks; None where no pair can be compared.
    """

    concordance: Rounded


def concordance_rows(run: RunDirectory, rows: list[ResultRow], problems: list[TaskData]) -> list[ConcordanceRow]:
    """Return the concordance of each replica whose predictions were kept; none where no label is a bound."""
    if problems[0].table.bounds is None:
        return []
    by_split = {(problem.split_name, problem.repeat.seed): problem for problem in problems}
    found = []
    for row in rows:
        problem = by_split[row.curve.split, row.split_seed]
        scores = read_test_scores(run, row, problem) if row.counts else None
        if scores is not None:
            identity = {name: getattr(row, name) for name in ("curve", "split_seed", "fraction", "n_train", "seed")}
            found.append(ConcordanceRow(**identity, concordance=test_concordance(problem, scores)))
    return found


def write_concordance(run: RunDirectory, rows: list[ResultRow], problems: list[TaskData]) -> list[ConcordanceRow]:
    """Write concordance.csv where labels are bounds and predictions were kept; return its rows."""
    found = concordance_rows(run, rows, problems)
    if found:
        run.write_rows(CONCORDANCE, ConcordanceRow.columns(), found)
    return found


def concordance_lines(rows: list[ConcordanceRow], curves: list[MeasuredCurve], labels: list[str]) -> list[str]:
    """Return the mean concordance of each curve at its largest size in words, in one line; none without rows."""
    named = [(label, _at_largest(rows, curve)) for label, curve in zip(labels, curves, strict=True)]
    said = ", ".join(f"{label} {np.mean(values):.3f}" for label, values in named if values)
    start = "concordance with the test labels, censored ones included, at the largest size"
    return [f"{start}: {said} (concordance.csv)"] if said else []


def concordance_section(
    rows: list[ConcordanceRow], curves: list[MeasuredCurve], labels: list[str], bounds: int
) -> Section | None:
    """Return the section of the report; None without rows. bounds: how many labels of the table are censored."""
    cells = []
    for label, curve in zip(labels, curves, strict=True):
        if values := _at_largest(rows, curve):
            sd = float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
            cells.append((label, mean_words(float(np.mean(values)), sd)))
    if not cells:
        return None
    text = (
        f"{bounds:,} labels are censored. Errors such as RMSE use only exact labels. The concordance is the share of "
        "pairs of test molecules that are predicted in the right order, among all pairs whose order is known despite "
        "censoring: 1 is perfect, and 0.5 is expected of random predictions. concordance.csv has a row per replica."
    )
    caption = "Concordance at the largest fraction (higher is better): mean ± standard deviation over seeds"
    shown = table(caption, ("curve", "concordance"), cells, (1,))
    return Section("Censored labels", [shown, Block("text", text=text)])


def _at_largest(rows: list[ConcordanceRow], curve: MeasuredCurve) -> list[float]:
    """Return the concordances at the largest size of a curve."""
    of_curve = [row for row in rows if row.curve.of_all_sizes == curve.identity and row.concordance is not None]
    largest = max((row.fraction for row in of_curve), default=None)
    return [row.concordance for row in of_curve if row.fraction == largest and row.concordance is not None]


def test_concordance(problem: TaskData, scores: np.ndarray) -> float | None:
    """Return the concordance of predictions [M, T] of the `test_molecules`, a mean over tasks with pairs."""
    molecules, bounds = test_molecules(problem), problem.table.bounds
    labels = problem.table.labels[molecules]
    sides = np.zeros(labels.shape, np.int8) if bounds is None else bounds.sides[molecules]
    if bounds is not None:
        labels = np.where(sides != 0, bounds.values[molecules], labels)
    per_task = [concordance(*columns) for columns in zip(scores.T, labels.T, sides.T, strict=True)]
    known = [value for value in per_task if value is not None]
    return float(np.mean(known)) if known else None


def concordance(scores: np.ndarray, labels: np.ndarray, sides: np.ndarray) -> float | None:
    """Return the share of pairs of molecules that scores put in the right order, of all pairs whose order is known.

    Harrell's C (Harrell et al. 1982), for bounds on either side: the order is known where one true value is surely
    above the other, as those of 5 and >6, or of <4 and >6, but not of 7 and >6. A value beyond a bound counts as
    different from the bound itself. Pairs with equal scores count half. It takes n log(n)^2 time.

    Args:
        scores: Predictions, [n].
        labels: The labels, or bounds, [n]; NaN for missing.
        sides: [n] ABOVE where the true value is above its bound, BELOW where it is below, 0 for an exact label.

    Returns:
        The share; None where the order of no pair is known.
    """
    known = ~np.isnan(labels)
    scores, labels, sides = np.unique(scores[known], return_inverse=True)[1], labels[known], sides[known]
    exact, above, below = sides == 0, sides == ABOVE, sides == BELOW
    pairs = right = 0
    for lower, upper, strict in ((exact, exact, True), (exact, above, False), (below, exact | above, False)):
        here = _ordered(labels[lower], scores[lower], labels[upper], scores[upper], strict)
        pairs, right = pairs + here[0], right + here[1]
    return right / (2 * pairs) if pairs else None


def _ordered(
    lower: np.ndarray, low_scores: np.ndarray, upper: np.ndarray, high_scores: np.ndarray, strict: bool
) -> tuple[int, int]:
    """Return the number of pairs with lower < upper (or <=, unless `strict`), and twice that in the right order.

    A pair with equal scores, which are whole numbers from 0, counts once.
    """
    order = np.argsort(lower, kind="stable")
    ends = np.searchsorted(lower[order], upper, side="left" if strict else "right")
    less, at_most = (_count_below(low_scores[order], ends, high_scores + more) for more in (0, 1))
    return int(ends.sum()), int(less + at_most)


def _count_below(values: np.ndarray, ends: np.ndarray, limits: np.ndarray) -> int:
    """Return the sum over k of how many of the first ends[k] of `values` are below limits[k].

    Each beginning of `values` is cut into blocks whose lengths are powers of two, and each block is sorted once.
    """
    total, span = 0, int(max(values.max(initial=0), limits.max(initial=0))) + 1
    for power in range(len(values).bit_length()):
        size = 1 << power
        block = np.arange(len(values)) // size
        ordered = np.sort(block * span + values)
        has = (ends & size) != 0
        first = (ends[has] >> (power + 1)) << 1
        total += int((np.searchsorted(ordered, first * span + limits[has]) - first * size).sum())
    return total
