"""The learning curves in the rows of results.csv, and the rows that describe them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from jaxmrl.config.names import REFERENCE_MODEL
from jaxmrl.curves.sampling import why_no_law
from jaxmrl.rows import NO_EXTRA, STOPPED, CurveIdentity, ResultRow, Rounded, Row
from jaxmrl.scaling.analysis import Analysis, content
from jaxmrl.scaling.components import components_of
from jaxmrl.scaling.convergence import Convergence, best_is_late
from jaxmrl.scaling.paired import PairedMean, paired_mean


@dataclass(frozen=True)
class Point:
    """One point of a curve: the test metrics of its finished seeds.

    Attributes:
        fraction: The fraction of the training molecules.
        n_train: The number of training molecules.
        tests: The test metric of each seed.
        late: The number of seeds that were still improving at the end of training.
        trained: Whether they were trained in epochs, and not fitted at once.
        seeds: The seed of each test metric.
        split_seeds: The seed of the split of each test metric.
        steps: The mean number of optimizer steps; 0 for a model that is fitted at once.
        epochs: The mean number of epochs.
    """

    fraction: float
    n_train: int
    tests: tuple[float, ...]
    late: int = 0
    trained: bool = True
    seeds: tuple[int, ...] = ()
    split_seeds: tuple[int, ...] = ()
    steps: float = 0.0
    epochs: float = 0.0

    @property
    def mean(self) -> float:
        return float(np.mean(self.tests))

    @property
    def sd(self) -> float:
        """Standard deviation over the seeds; NaN for a single one."""
        return float(np.std(self.tests, ddof=1)) if len(self.tests) > 1 else math.nan

    @property
    def n_seeds(self) -> int:
        return len(self.tests)

    @property
    def n_splits(self) -> int:
        """The number of splits that the seeds use."""
        return max(1, len(set(self.split_seeds)))

    @property
    def split_means(self) -> dict[int, float]:
        """The mean metric of each split, by its seed."""
        found = dict.fromkeys(self.split_seeds, 0.0)
        own = {one: [test for test, at in zip(self.tests, self.split_seeds, strict=True) if at == one] for one in found}
        return {one: float(np.mean(tests)) for one, tests in own.items()}

    @property
    def still_improving(self) -> str:
        """In words, how many seeds had their best validation in the last tenth of training."""
        return f"{self.late} of {self.n_seeds}" if self.trained else ""


@dataclass(frozen=True)
class MeasuredCurve:
    """A metric against the number of training molecules, from all replicas that share an identity.

    Attributes:
        identity: What distinguishes it from other curves.
        metric: The name of the metric, a mean over tasks.
        points: For each fraction, the number of training molecules and the test metric of each seed.
        overlap: Test molecules per training molecule of its splits, by which tests over several splits are corrected;
            0 where it is not known.
    """

    identity: CurveIdentity
    metric: str
    points: tuple[Point, ...]
    overlap: float = 0.0

    @property
    def n_splits(self) -> int:
        """The number of splits that its replicas use."""
        return len({one for point in self.points for one in point.split_seeds}) or 1

    @property
    def convergence(self) -> tuple[Convergence, ...]:
        """For each point, how many of its replicas were still improving at the end of training."""
        return tuple(Convergence(point.n_train, point.late, point.n_seeds) for point in self.points)

    @property
    def is_classical(self) -> bool:
        """Whether its model is fitted at once, and no neural network: such a model has no width."""
        return self.identity.width == 0

    @property
    def is_reference(self) -> bool:
        """Whether its model predicts the mean of the training labels, so that no law describes it."""
        return self.identity.model == REFERENCE_MODEL

    @property
    def has_extra(self) -> bool:
        """Whether molecules of an extra source train besides those of the data."""
        return self.identity.extra != NO_EXTRA

    @property
    def no_law(self) -> str:
        """Why no law describes the curve; empty where its training sets are random samples of the data."""
        own = self.identity
        return next(filter(None, (why_no_law(own.pruning, one.fraction, own.extra) for one in self.points)), "")

    @property
    def random_samples(self) -> bool:
        """Whether its training sets are random samples of the data, so that a law may describe the curve."""
        return not self.no_law


def fits_content(
    curves: list[MeasuredCurve], analyses: list[Analysis], length_of: Callable[[str], str]
) -> list[dict[str, Any]]:
    """Return the content of fits.json: the identity and the analysis of each curve. What is not known is null.

    length_of: from the name of a model to its training length in words.
    """
    return [
        {"curve": curve.identity.cells(), "metric": curve.metric}
        | {"length": length_of(curve.identity.model), "points": len(curve.points)}
        | {"still_improving": [asdict(one) for one in curve.convergence]}
        | ({"spread": spread_content(curve)} if curve.n_splits > 1 else {})
        | content(analysis)
        for curve, analysis in zip(curves, analyses, strict=True)
    ]


def spread_content(curve: MeasuredCurve) -> list[dict[str, Any]]:
    """Return the spread of the runs at each size between and within splits, in the form of JSON."""
    found = [(point, components_of(np.array(point.tests), np.array(point.split_seeds))) for point in curve.points]
    return [{"n_train": point.n_train} | asdict(one) for point, one in found]


def curves_of(rows: list[ResultRow], overlaps: Mapping[str, float] | None = None) -> list[MeasuredCurve]:
    """Return the curves in the rows of results.csv, in order of appearance; diverged replicas do not count.

    overlaps: test molecules per training molecule of each kind of split.
    """
    known = overlaps or {}
    groups: dict[tuple[CurveIdentity, str], dict[tuple[float, int], list[ResultRow]]] = {}
    for row in rows:
        at = groups.setdefault((row.curve.of_all_sizes, row.metric), {}).setdefault((row.fraction, row.n_train), [])
        if row.counts:
            at.append(row)
    return [
        MeasuredCurve(
            identity,
            metric,
            tuple(_point(*at, of) for at, of in sorted(points.items()) if of),
            known.get(identity.split, 0.0),
        )
        for (identity, metric), points in groups.items()
    ]


def _point(fraction: float, n_train: int, rows: list[ResultRow]) -> Point:
    late = sum(row.status != STOPPED and best_is_late(row.best_epoch, row.epochs) for row in rows)
    tested = [(row.test, row.seed, row.split_seed) for row in rows if row.test is not None]
    tests, seeds, split_seeds = zip(*tested, strict=True) if tested else ((), (), ())
    steps, epochs = (float(np.mean([getattr(row, name) for row in rows])) for name in ("steps", "epochs"))
    return Point(fraction, n_train, tests, late, epochs > 0, seeds, split_seeds, steps, epochs)


def paired_points(one: Point, other: Point, overlap: float) -> PairedMean | None:
    """Return the mean difference of two points over pairs of the same split and seed; None without such pairs.

    overlap: as in `paired_mean`
    """
    if not (one.seeds and other.seeds):  # the points of some other source
        return None
    sides = [dict(zip(zip(at.split_seeds, at.seeds, strict=True), at.tests, strict=True)) for at in (one, other)]
    both = sorted(sides[0].keys() & sides[1].keys())
    if not both:
        return None
    return paired_mean(
        np.array([sides[0][key] - sides[1][key] for key in both]), np.array([split for split, _ in both]), overlap
    )


def capacity_groups(curves: Sequence[MeasuredCurve]) -> list[list[MeasuredCurve]]:
    """Group curves that differ only in width and depth, ordered by number of parameters.

    Args:
        curves: Learning curves of one sweep.

    Returns:
        The groups that have several numbers of parameters.
    """
    groups: dict[CurveIdentity, list[MeasuredCurve]] = {}
    for curve in curves:
        groups.setdefault(replace(curve.identity.without_tuned, width=0, depth=0, params=0), []).append(curve)
    of_size = lambda curve: curve.identity.params
    ordered = [sorted(group, key=of_size) for group in groups.values()]
    return [group for group in ordered if of_size(group[0]) < of_size(group[-1])]


def rows_of(curve: MeasuredCurve, rows: list[ResultRow]) -> list[ResultRow]:
    """Return the rows of results.csv that the curve's points are made of, in their order."""
    own = [row for row in rows if row.counts and row.curve.of_all_sizes == curve.identity]
    return sorted(own, key=lambda row: (row.fraction, row.n_train))


def distinguishing(identities: list[CurveIdentity]) -> list[str]:
    """Return the columns of curves that it takes to distinguish them: each only where those before it do not."""
    chosen: list[str] = []
    columns = CurveIdentity.columns()
    if any(one.width == 0 for one in identities):  # classical models are known by their names
        columns = ("model", *(column for column in columns if column != "model"))
    for column in columns:
        apart = len({tuple(getattr(one, name) for name in chosen) for one in identities})
        if len({tuple(getattr(one, name) for name in (*chosen, column)) for one in identities}) > apart:
            chosen.append(column)
    return chosen


@dataclass(frozen=True)
class PointRow(Row):
    """A row of curves.csv: one point of a curve, with mean and standard deviation over its seeds and their splits."""

    curve: CurveIdentity
    fraction: float
    n_train: int
    metric: str
    mean: Rounded
    sd: Rounded
    n_seeds: int
    splits: int


def point_rows(curve: MeasuredCurve) -> list[PointRow]:
    """Return the rows of curves.csv that describe a curve."""
    return [
        PointRow(
            *(curve.identity, point.fraction, point.n_train, curve.metric),
            *(point.mean, point.sd, point.n_seeds, point.n_splits),
        )
        for point in curve.points
    ]
