"""Learning curves in a CSV file of anyone's: a number of molecules and a metric in each row."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxmrl.data.table import Rejected, column_index, column_names, number_in, read_fields
from jaxmrl.errors import DataError

SIZE_NAMES = ("n", "n_train", "n_samples", "n_molecules", "molecules", "samples", "train_size", "size")
HIGHER = (
    "roc_auc auc auroc rocauc average_precision ap auprc pr_auc aupr map prc r2 r_squared accuracy acc f1 mcc kappa "
    "precision recall spearman pearson kendall score enrichment"
).split()
LOWER = "rmse mae mse error err loss nll log_loss logloss cross_entropy brier perplexity mape msle".split()
"""Names of metrics of which more, or less, is better."""

_RUNS = ("test", "metric")
"""Columns of a sweep's results.csv: the value, and the name of the metric."""

_MEANS = ("mean", "sd", "n_seeds", "metric")
"""Columns of its curves.csv."""


@dataclass(frozen=True)
class CurveRows:
    """The rows of one curve: sizes n [R] and values [R] of the metric; NaN where a value is missing.

    identity   what the columns that tell curves apart say
    sd, runs   [R], where a row is a mean of `runs` runs with this standard deviation; else None
    """

    identity: dict[str, str]
    n: np.ndarray
    value: np.ndarray
    sd: np.ndarray | None = None
    runs: np.ndarray | None = None


@dataclass(frozen=True)
class CurveFile:
    """The curves of a file, of one metric, and the rows that could not be used."""

    metric: str
    curves: tuple[CurveRows, ...]
    rejected: tuple[Rejected, ...]


def read_curves(path: Path, n_column: str | None, metric_column: str | None, by: tuple[str, ...]) -> CurveFile:
    """The curves in a CSV or CSV.gz file; of results.csv and curves.csv of a sweep, too.

    n_column, metric_column: None finds them by their names. by: the columns that tell curves apart. Raises DataError
    where there is no such column, or no row of numbers.
    """
    header, rows, rejected = read_fields(path)
    size_at = column_index(path, header, n_column) if n_column else _size_index(path, header)
    value_at, name_at = _metric_indices(path, header, metric_column)
    by_at = [column_index(path, header, name) for name in by]
    more_at = [header.index(name) for name in _MEANS[1:3]] if _is_means(header, value_at) else []
    metrics = {fields[name_at] for *_, fields in rows} if name_at is not None else {header[value_at]}
    if len(metrics) > 1:
        raise DataError(f"{path} has several metrics, {', '.join(sorted(metrics))}: keep the rows of one")
    groups: dict[tuple[str, ...], list[list[float]]] = {}
    for _, line, fields in rows:
        values = [number_in(fields[k]) for k in (size_at, value_at, *more_at)]
        if None in values:
            wrong = fields[(size_at, value_at, *more_at)[values.index(None)]]
            rejected.append(Rejected(line, ",".join(fields), f"{wrong!r} is not a finite number"))
        else:
            groups.setdefault(tuple(fields[k] for k in by_at), []).append(values)
    if not groups:
        raise DataError(f"{path} has no row of numbers in {header[size_at]} and {header[value_at]}")
    curves = tuple(CurveRows(dict(zip(by, key, strict=True)), *np.array(of).T) for key, of in groups.items())
    return CurveFile(metrics.pop(), curves, tuple(rejected))


def _is_means(header: list[str], value_at: int) -> bool:
    return header[value_at] == "mean" and {"sd", "n_seeds"} <= set(header)


def _size_index(path: Path, header: list[str]) -> int:
    plain = [plain_name(name) for name in header]
    for name in SIZE_NAMES:
        if name in plain:
            return plain.index(name)
    raise DataError(f"{path} has no column named n; name the one of sizes with --n-column: {column_names(header)}")


def _metric_indices(path: Path, header: list[str], name: str | None) -> tuple[int, int | None]:
    """The column of the metric's values, and that of its name, which a sweep's files have."""
    if name:
        return column_index(path, header, name), None
    for columns in (_MEANS, _RUNS):
        if set(columns) <= set(header):
            return header.index(columns[0]), header.index("metric")
    known = [k for k, column in enumerate(header) if direction_of(column) is not None]
    if len(known) == 1:
        return known[0], None
    found = f"{len(known)} columns that may be one" if known else "no column whose name is a metric's"
    raise DataError(f"{path} has {found}; name it with --metric-column: {column_names(header)}")


def direction_of(metric: str) -> bool | None:
    """Whether more of a metric is better, by its name; None where that does not tell."""
    words = plain_name(metric)
    found = {better for names, better in ((HIGHER, True), (LOWER, False)) if _names(words, names)}
    return found.pop() if len(found) == 1 else None


def plain_name(name: str) -> str:
    """Lower case, and _ for whatever is no letter or digit."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _names(words: str, names: list[str]) -> bool:
    """Whether one of the names stands in the words, whole."""
    return any(f"_{name}_" in f"_{words}_" for name in names)
