"""The joint laws of data and model size of a file of learning curves."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jaxmrl.curves.table import CurveFile, CurveRows
from jaxmrl.errors import DataError
from jaxmrl.io.cells import number_in
from jaxmrl.scaling.joint import JointAnalysis, analyze_joint
from jaxmrl.scaling.joint_cells import GridRuns
from jaxmrl.scaling.scale import Scale


@dataclass(frozen=True)
class FileJoint:
    """The joint law of the curves of a file that differ only in the number of parameters.

    Attributes:
        identity: What these curves have in common, by column.
        analysis: The law.
    """

    identity: dict[str, str]
    analysis: JointAnalysis

    @property
    def name(self) -> str:
        """What these curves have in common, in words."""
        return ", ".join(f"{column} {value}" for column, value in self.identity.items())


def file_joints(file: CurveFile, column: str, scale: Scale) -> list[FileJoint]:
    """Return the joint law of each group of curves of random samples that differ only in the size of their model.

    Columns of numbers that the number of parameters determines, such as a width, are part of that size. Curves without
    parameters, such as those of classical models, take no part.

    Args:
        file: The curves, one for each number of parameters.
        column: The column with these.
        scale: The scale of the metric.

    Raises:
        DataError: If the column has no number above 0 in any curve.
    """
    sized = [(rows, params) for rows in file.curves if rows.random and (params := _params(rows, column))]
    if not sized:
        raise DataError(
            f"{column} has no number of parameters above 0, so there is no joint law of data and model size"
        )
    sizes = _sizes([rows for rows, _ in sized], column)
    groups: dict[tuple[tuple[str, str], ...], list[tuple[CurveRows, float]]] = defaultdict(list)
    for rows, params in sized:
        groups[tuple((name, value) for name, value in rows.identity.items() if name not in sizes)].append(
            (rows, params)
        )
    several = {key: group for key, group in groups.items() if len(group) > 1} or groups
    return [
        FileJoint(dict(key), analyze_joint(_grid(group), higher_is_better=scale.higher, best=scale.best))
        for key, group in several.items()
    ]


def _params(rows: CurveRows, column: str) -> float | None:
    """Return the number of parameters of a curve; None for one that has none."""
    text = rows.identity[column]
    number = number_in(text) if text.strip() else 0.0
    if number is None or not np.isfinite(number):
        raise DataError(f"{column}: {text!r} is not a number of parameters; name the column that has these")
    return number if number > 0 else None


def _sizes(curves: list[CurveRows], column: str) -> set[str]:
    """Return the columns that describe the size of a model: `column`, and numbers that it determines."""
    found = {column}
    for name in curves[0].identity:
        pairs = {(rows.identity[column], rows.identity[name]) for rows in curves}
        numeric = all(number_in(value) is not None for _, value in pairs)
        if numeric and len(pairs) == len({params for params, _ in pairs}):
            found.add(name)
    return found


def _grid(group: Sequence[tuple[CurveRows, float]]) -> GridRuns:
    """Return the rows of curves with their numbers of parameters."""
    curves = [rows for rows, _ in group]
    runs, splits = [rows.run for rows in curves], [rows.split for rows in curves]
    joined = lambda parts: np.concatenate(parts)
    means = all(rows.sd is not None for rows in curves)
    return GridRuns(
        n=joined([rows.n for rows in curves]),
        p=joined([np.full(len(rows.n), params) for rows, params in group]),
        metric=joined([rows.value for rows in curves]),
        run=None if any(one is None for one in runs) else joined(runs),
        split=None if any(one is None for one in splits) else joined(splits),
        sd=joined([rows.sd for rows in curves]) if means else None,
        runs=joined([np.full(len(rows.n), np.nan) if rows.runs is None else rows.runs for rows in curves])
        if means
        else None,
    )
