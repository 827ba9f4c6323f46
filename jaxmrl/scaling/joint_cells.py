"""Runs of several data and model sizes -> the cells of their grid: mean errors, and how the noise of these is
correlated.

Runs of one seed share their split, the runs of one seed and data size also their training molecules, and those of one
seed and model size their first weights. What they share does not average out over cells, so it is estimated.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from jaxmrl.errors import DataError
from jaxmrl.scaling.outliers import LeftOut, wide_sizes
from jaxmrl.scaling.points import runs_apart, split_means
from jaxmrl.scaling.spread import spread_of
from jaxmrl.text import count, size_text

FEWEST_SIZES, FEWEST_CELLS = 3, 6
"""The fewest data sizes, the fewest model sizes and the fewest cells that a joint law is fitted to: a law with a floor
has five parameters."""

_LEAST_OWN = 0.05
"""The least share of the variance of a run that it shares with no other."""


@dataclass(frozen=True)
class Cells:
    """The `N` pairs of a data size and a model size that were measured.

    Attributes:
        n: [N] training molecules.
        p: [N] parameters of the model.
        error: [N] the mean error over runs, above 0.
        runs: [N] how many they are.
        covariance: [N, N] of the mean log errors; of unit variances for one run where the noise is not known.
        dof: Degrees of freedom that the noise comes from; 0 where nothing is known of it.
        dof_by: Those of the noise between data sizes ("n") and between model sizes ("p"): fewer where runs of one seed
            may share noise.
        sign: -1 where a higher metric is better, else 1.
        best: The perfect metric: the error is |best - metric|.
        notes: What to know of the cells, in sentences without a period.
        left_out: Runs that are far from the others of their cell.
    """

    n: np.ndarray
    p: np.ndarray
    error: np.ndarray
    runs: np.ndarray
    covariance: np.ndarray = field(repr=False)
    dof: int
    dof_by: dict[str, int]
    sign: int
    best: float
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    guess: float | None = None
    top: float = 0.0
    above_zero: bool = True

    @property
    def inputs(self) -> np.ndarray:
        """What joint laws are functions of: n and p, [2, N]."""
        return np.stack([self.n, self.p])

    @property
    def perfect(self) -> np.ndarray:
        """Whether each error is 0, [N]."""
        return self.error == 0

    @cached_property
    def cholesky(self) -> np.ndarray:
        """The lower Cholesky factor of the covariance, [N, N]."""
        return np.linalg.cholesky(self.covariance)

    @cached_property
    def _whitening(self) -> np.ndarray:
        return np.linalg.inv(self.cholesky).T

    def whitened(self, residuals: np.ndarray) -> np.ndarray:
        """Return residuals of log error [..., N] in standard deviations, independent of each other."""
        return residuals @ self._whitening

    def metric_of(self, error: np.ndarray) -> np.ndarray:
        """Return the metric that is this error."""
        return self.best + self.sign * error

    def error_of(self, metric: float) -> float:
        """Return the error of a metric."""
        return self.sign * (metric - self.best)


@dataclass(frozen=True)
class GridRuns:
    """The runs of a grid of data and model sizes, or the means of its cells.

    Attributes:
        n: [R] training molecules.
        p: [R] parameters of the model.
        metric: [R] the metric of each run, or the mean of each cell.
        run: [R] labels of the seeds, such as "seed 0"; None where they are not known.
        split: [R] labels of the splits of the data; None where there is one, or it is not known.
        overlap: Test molecules per training molecule of these splits.
        sd: [R] where the metric is a mean, the standard deviation over its runs, NaN where unknown; else None.
        runs: [R] the number of these runs, NaN where unknown; else None.
    """

    n: np.ndarray
    p: np.ndarray
    metric: np.ndarray
    run: np.ndarray | None = None
    split: np.ndarray | None = None
    overlap: float = 0.0
    sd: np.ndarray | None = None
    runs: np.ndarray | None = None

    def take(self, kept: np.ndarray) -> "GridRuns":
        """Return the rows of a mask or of indices."""
        rows = {name: getattr(self, name) for name in ("n", "p", "metric", "run", "split", "sd", "runs")}
        taken: dict[str, Any] = {name: None if one is None else one[kept] for name, one in rows.items()}
        return replace(self, **taken)


def cells_of(rows: GridRuns, *, higher_is_better: bool, best: float | None = None) -> Cells:
    """Return the cells of a grid.

    Runs that are no finite number, and those that are far from the others of their cell, are left out, by the rules of
    single curves (`points_of`).

    Args:
        rows: The runs, or the means of cells.
        higher_is_better: Whether a higher metric is better.
        best: The perfect metric; by default 1 where a higher metric is better, else 0.

    Raises:
        DataError: There are fewer than three data or model sizes, or fewer than six cells, or a mean error is not above
            0.
    """
    sign, perfect = -1 if higher_is_better else 1, float(higher_is_better) if best is None else best
    usable = np.isfinite(rows.metric) & np.isfinite(rows.n) & np.isfinite(rows.p) & (rows.n > 0) & (rows.p > 0)
    notes = [] if usable.all() else [f"{count(int((~usable).sum()), 'run')} left out: not finite, or without a size"]
    rows = rows.take(usable)
    _check_grid(rows.n, rows.p)
    error = sign * (rows.metric - perfect)
    made = (_of_runs if rows.sd is None else _of_means)(rows, error, perfect, sign)
    _check_grid(made.n, made.p)
    if not (made.error > 0).all():
        raise DataError("a joint law needs errors above 0, but the mean metric of one pair of sizes is perfect")
    return replace(made, notes=(*notes, *made.notes))


def _check_grid(n: np.ndarray, p: np.ndarray) -> None:
    """Raise DataError unless there are enough sizes of both kinds and enough cells for both exponents."""
    data, models = len(np.unique(n)), len(np.unique(p))
    cells = len(np.unique(np.stack([n, p]), axis=1).T)
    if data < FEWEST_SIZES or models < FEWEST_SIZES or cells < FEWEST_CELLS:
        raise DataError(
            f"a joint law needs at least {FEWEST_SIZES} data sizes, {FEWEST_SIZES} model sizes and {FEWEST_CELLS} "
            f"pairs of them; got {data}, {models} and {cells}"
        )


def _of_means(rows: GridRuns, error: np.ndarray, best: float, sign: int) -> Cells:
    """Return the cells of means, whose noise is taken as independent; a cell that scatters far more than the others
    weighs by its own standard deviation.
    """
    sd, runs = (np.full(len(error), np.nan) if one is None else one for one in (rows.sd, rows.runs))
    if len(np.unique(np.stack([rows.n, rows.p]), axis=1).T) < len(error):
        raise DataError(
            "each pair of a data size and a model size can have only one mean; got several for one pair: name the "
            "columns that distinguish them with --by"
        )
    known = np.isfinite(runs) & (runs >= 1)
    many = np.where(known, runs, 1).astype(int)
    dof = np.where(np.isfinite(sd) & (sd >= 0), many - 1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = np.where((dof > 0) & (sd > 0), (sd / error) ** 2 * dof, 0.0)
    wide = wide_sizes(squares, dof)
    one_sd, total = spread_of(rows.n, np.where(wide, 0, squares), np.where(wide, 0, dof))
    one_sd = np.where(wide & (total > 0), np.sqrt(squares / np.maximum(dof, 1)), one_sd)
    notes = tuple(
        f"{_cell_text(rows.n[k], rows.p[k])}: a standard deviation far above the others; this mean counts less"
        for k in np.flatnonzero(wide)
    )
    covariance, dof_by = np.diag(one_sd**2 / many), {"n": total, "p": total}
    return Cells(rows.n, rows.p, error, many, covariance, total, dof_by, sign, best, notes)


def _of_runs(rows: GridRuns, error: np.ndarray, best: float, sign: int) -> Cells:
    """Return the cells of runs; those of one seed or split may share noise."""
    rows, error, left_out, notes = _without_far(rows, error, best, sign)
    sizes, place = np.unique(np.stack([rows.n, rows.p]), axis=1, return_inverse=True)
    place, label, splits = place.reshape(-1), rows.run, 1
    if rows.split is not None and (splits := len(set(rows.split.tolist()))) > 1:
        place, error, label = split_means(place, error, rows.split)
    runs = np.bincount(place)
    mean = np.bincount(place, error) / runs
    n, p = sizes
    if not (mean > 0).all():
        return Cells(n, p, np.maximum(mean, 0.0), runs, np.eye(len(n)), 0, {}, sign, best)
    relative = error / mean[place] - 1
    sd, dof = spread_of(n, np.bincount(place, relative**2), runs - 1)
    covariance, dof_by = np.diag(sd**2 / runs), {"n": dof, "p": dof}
    if dof > 0 and label is not None:
        table = _by_label(place, label, relative / sd[place])
        covariance = np.outer(sd, sd) * _shared(n, p, table, 1 + splits * rows.overlap if splits > 1 else 1.0)
        dof_by = {
            name: max(1, min(dof, (len(table) - 1) * (len(set(one)) - 1)))
            for name, one in (("n", n.tolist()), ("p", p.tolist()))
        }
    return Cells(n, p, mean, runs, covariance, dof, dof_by, sign, best, notes, left_out)


def _without_far(
    rows: GridRuns, error: np.ndarray, best: float, sign: int
) -> tuple[GridRuns, np.ndarray, tuple[LeftOut, ...], tuple[str, ...]]:
    """Return the runs without those that are far from the others of their cell, with their errors, and what was left
    out and said of it.
    """
    far, left_out, notes = np.zeros(len(error), bool), [], []
    for p in np.unique(rows.p):
        own = np.flatnonzero(rows.p == p)
        sizes, place = np.unique(rows.n[own], return_inverse=True)
        run = None if rows.run is None else rows.run[own]
        for k in runs_apart(sizes, place, error[own], run).tolist():
            others = np.setdiff1d(own[place == place[k]], own[k])
            mean = float(best + sign * error[others].mean())
            left_out.append(LeftOut(float(sizes[place[k]]), float(rows.metric[own[k]]), mean, len(others)))
            notes.append(f"{p:,.0f} parameters, {left_out[-1].text}")
            far[own[k]] = True
    return rows.take(~far), error[~far], tuple(left_out), tuple(notes)


def _cell_text(n: float, p: float) -> str:
    return f"{size_text(n)} molecules and {size_text(p)} parameters"


def _by_label(place: np.ndarray, label: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return values as a table [labels, cells]: their means, NaN where a label has no run."""
    names, code = np.unique(label, return_inverse=True)
    shape = len(names), int(place.max()) + 1
    totals, many = np.zeros(shape), np.zeros(shape)
    np.add.at(totals, (code, place), values)
    np.add.at(many, (code, place), 1)
    return np.where(many > 0, totals / np.maximum(many, 1), np.nan)


def _shared(n: np.ndarray, p: np.ndarray, table: np.ndarray, widened: float) -> np.ndarray:
    """Return the covariance [N, N] of the means of cells, for runs of unit variance.

    It has four parts: what the runs of a label share at all cells, at one data size, at one model size, and not at all.
    They are estimated from products of deviations of one label in two cells (the method of moments; negative estimates
    are 0). Deviations from means over S runs have smaller products, which the counts of pairs allow for.

    Args:
        n, p: [N] sizes of the cells.
        table: [S, N] deviations of runs from the mean of their cell, in standard deviations; NaN where there is none.
        widened: By what the variance of the common level grows because splits overlap.
    """
    seen = np.isfinite(table).astype(float)
    values = np.nan_to_num(table)
    products, pairs, runs = values.T @ values, seen.T @ seen, seen.sum(axis=0)
    expected = pairs * (1 - 1 / runs[:, None] - 1 / runs[None, :]) + pairs**2 / np.outer(runs, runs)
    same_n, same_p, same = n[:, None] == n, p[:, None] == p, np.eye(len(n), dtype=bool)
    mean = lambda mask: products[mask].sum() / expected[mask].sum() if expected[mask].sum() > 0 else 0.0
    level = max(0.0, mean(~same_n & ~same_p))
    of_n, of_p = (max(0.0, mean(mask & ~same) - level) for mask in (same_n, same_p))
    shared = level + of_n + of_p
    fitting = min(1.0, (1 - _LEAST_OWN) / shared) if shared else 1.0
    level, of_n, of_p = level * fitting, of_n * fitting, of_p * fitting
    own = 1 - level - of_n - of_p
    return (level * widened + of_n * same_n + of_p * same_p + own * same) * pairs / np.outer(runs, runs)
