"""The learning curves in the rows of results.csv, and the rows that describe them."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from jaxmrl.config.names import CURVE_COLUMNS
from jaxmrl.curves.sampling import PRUNING, is_random_sample
from jaxmrl.io.files import number
from jaxmrl.scaling.analysis import Analysis, content
from jaxmrl.scaling.convergence import Convergence, best_is_late
from jaxmrl.text import exact
from jaxmrl.training.outcome import COUNTED


@dataclass(frozen=True)
class Point:
    """One point of a curve: the test metrics of its finished seeds, and how many of these were still improving."""

    fraction: float
    n_train: int
    tests: tuple[float, ...]
    late: int = 0

    @property
    def mean(self) -> float:
        return float(np.mean(self.tests))

    @property
    def sd(self) -> float:
        """Standard deviation over the seeds; NaN for one."""
        return float(np.std(self.tests, ddof=1)) if len(self.tests) > 1 else math.nan

    @property
    def n_seeds(self) -> int:
        return len(self.tests)

    @property
    def still_improving(self) -> str:
        """How many of the replicas had their best validation in the last tenth of training, in words."""
        return f"{self.late} of {self.n_seeds}"


@dataclass(frozen=True)
class LearningCurve:
    """Metric against number of training molecules, for one combination of CURVE_COLUMNS."""

    identity: dict[str, str]
    metric: str
    points: tuple[Point, ...]

    @property
    def convergence(self) -> tuple[Convergence, ...]:
        """Of each point, how many of its replicas were still improving at the end of training."""
        return tuple(Convergence(point.n_train, point.late, point.n_seeds) for point in self.points)

    @property
    def random_samples(self) -> bool:
        """Whether its molecules are random samples of the data, so that a law may describe it."""
        return all(is_random_sample(self.identity[PRUNING], point.fraction) for point in self.points)


def fits_content(curves: list[LearningCurve], analyses: list[Analysis], length: str) -> list[dict[str, Any]]:
    """The content of fits.json: for each curve its identity and all that is made of it. What is not known is null."""
    return [
        {"curve": curve.identity, "metric": curve.metric, "length": length, "points": len(curve.points)}
        | {"still_improving": [asdict(one) for one in curve.convergence]}
        | content(analysis)
        for curve, analysis in zip(curves, analyses, strict=True)
    ]


def curves_of(rows: list[dict[str, str]]) -> list[LearningCurve]:
    """The curves in the rows of results.csv, in order of appearance; diverged replicas do not count."""
    groups: dict[tuple, dict[tuple, list[tuple[float, bool]]]] = {}
    for row in rows:
        points = groups.setdefault((*(row[c] for c in CURVE_COLUMNS), row["metric"]), {})
        runs = points.setdefault((float(row["fraction"]), int(row["n_train"])), [])
        if row["status"] in COUNTED:
            runs.append((float(row["test"]), _is_late(row)))
    return [
        LearningCurve(
            identity=dict(zip(CURVE_COLUMNS, identity, strict=False)),
            metric=identity[-1],
            points=tuple(_point(at, runs) for at, runs in sorted(points.items()) if runs),
        )
        for identity, points in groups.items()
    ]


def _point(at: tuple[float, int], runs: list[tuple[float, bool]]) -> Point:
    return Point(*at, tests=tuple(test for test, _ in runs), late=sum(late for _, late in runs))


def _is_late(row: dict[str, str]) -> bool:
    """Whether a finished replica was still improving at the end of its training."""
    return best_is_late(int(row["best_epoch"]), int(row["epochs"]))


def rows_of(curve: LearningCurve, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows of results.csv that the curve's points are made of, in their order."""
    own = [row for row in rows if row["status"] in COUNTED and curve.identity.items() <= row.items()]
    return sorted(own, key=lambda row: (float(row["fraction"]), int(row["n_train"])))


def distinguishing(identities: list[dict[str, str]]) -> list[str]:
    """Return the columns of curves that it takes to distinguish them: each only where those before it do not."""
    chosen: list[str] = []
    for column in CURVE_COLUMNS:
        apart = len({tuple(one[name] for name in chosen) for one in identities})
        if len({tuple(one[name] for name in (*chosen, column)) for one in identities}) > apart:
            chosen.append(column)
    return chosen


def curve_rows(curve: LearningCurve) -> list[dict[str, str]]:
    """The rows of curves.csv."""
    return [
        {
            **curve.identity,
            "fraction": exact(point.fraction),
            "n_train": str(point.n_train),
            "metric": curve.metric,
            "mean": number(point.mean),
            "sd": number(point.sd),
            "n_seeds": str(point.n_seeds),
        }
        for point in curve.points
    ]


CURVE_FILE_COLUMNS = (*CURVE_COLUMNS, "fraction", "n_train", "metric", "mean", "sd", "n_seeds")
