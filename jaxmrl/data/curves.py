"""Learning curves in a CSV file of anyone's: a number of molecules and a metric in each row."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxmrl.config import CURVE_COLUMNS
from jaxmrl.data.table import Rejected, column_index, column_names, number_in, read_fields
from jaxmrl.errors import DataError

SIZE_NAMES = ("n", "n_train", "n_samples", "n_molecules", "molecules", "samples", "train_size", "size")
HIGHER = (
    "roc_auc auc auroc rocauc average_precision ap auprc pr_auc aupr map prc r2 r_squared accuracy acc f1 mcc kappa "
    "precision recall spearman pearson kendall score"
).split()
LOWER = "rmse mae mse error err loss nll log_loss logloss cross_entropy brier perplexity mape msle".split()
"""Names of metrics of which more, or less, is better."""

_GUESSES = (
    (0.0, "average_precision ap auprc pr_auc aupr prc r2 r_squared".split()),
    (0.5, "roc_auc auc auroc rocauc".split()),
)
"""The metric of guesses; those of precision come first, for their names may have auc in them."""

_TURNED = ("1_", "one_minus_", "minus_", "neg_", "negative_")
"""Beginnings of a name that turn a metric round."""

_MOST_WORDS = 20

_RUNS = ("test", "metric")
"""Columns of a sweep's results.csv: the value, and the name of the metric."""

RUN_NAMES = ("seed", "fold", "run", "repeat", "repetition", "rep", "replicate", "trial", "random_state", "random_seed")
"""Names of columns that number the runs of a curve; `split` is one where it holds numbers."""

_MEANS = ("mean", "sd", "n_seeds", "metric")
"""Columns of its curves.csv."""


@dataclass(frozen=True)
class CurveRows:
    """The rows of one curve: sizes n [R] and values [R] of the metric; NaN where a value is missing.

    identity   what the columns that tell curves apart say
    sd, runs   [R], where a row is a mean of `runs` runs with this standard deviation; else None
    run        [R] labels of the seed, fold or run of each row, such as "seed 0"; None where the file names none
    """

    identity: dict[str, str]
    n: np.ndarray
    value: np.ndarray
    sd: np.ndarray | None = None
    runs: np.ndarray | None = None
    run: np.ndarray | None = None


@dataclass(frozen=True)
class CurveFile:
    """The curves of a file, of one metric, and the rows that could not be used.

    by: the columns that tell curves apart; varying: others of words that differ from row to row, and may do so, too
    """

    metric: str
    by: tuple[str, ...]
    curves: tuple[CurveRows, ...]
    rejected: tuple[Rejected, ...]
    varying: tuple[str, ...] = ()


def read_curves(path: Path, n_column: str | None, metric_column: str | None, by: tuple[str, ...]) -> CurveFile:
    """The curves in a CSV or CSV.gz file; of results.csv and curves.csv of a sweep, too.

    n_column, metric_column: None finds them by their names. by: the columns that tell curves apart; where there are
    none, those of a sweep's files. Raises DataError where there is no such column, or no row of numbers.
    """
    header, rows, rejected = read_fields(path)
    if len(header) == 1 and (other := next((mark for mark in ";\t|" if mark in header[0]), None)):
        raise DataError(f"{path} has its columns separated by {other!r}; expected commas")
    size_at = column_index(path, header, n_column) if n_column else _size_index(path, header)
    value_at, name_at = _metric_indices(path, header, metric_column)
    by = by or _telling(header, rows)
    by_at = [column_index(path, header, name) for name in by]
    if wrong := [header[k] for k in by_at if k in (size_at, value_at)]:
        raise DataError(f"--by {wrong[0]} would make a curve of each row: it is the column of sizes or of the metric")
    more_at = [header.index(name) for name in _MEANS[1:3]] if _is_means(header, value_at) else []
    metrics = {fields[name_at] for *_, fields in rows} if name_at is not None else {header[value_at]}
    if len(metrics) > 1:
        raise DataError(f"{path} has several metrics, {', '.join(sorted(metrics))}: keep the rows of one")
    run_at = [k for k in _run_indices(header, rows) if k not in (size_at, value_at, *by_at)]
    groups: dict[tuple[str, ...], list[tuple[list[float], str]]] = {}
    for _, line, fields in rows:
        values = [number_in(fields[k]) for k in (size_at, value_at, *more_at)]
        if None in values:
            wrong = fields[(size_at, value_at, *more_at)[values.index(None)]]
            rejected.append(Rejected(line, ",".join(fields), f"{wrong!r} is not a finite number"))
        else:
            groups.setdefault(tuple(fields[k] for k in by_at), []).append(
                (values, ", ".join(f"{header[k]} {fields[k].strip()}" for k in run_at))
            )
    if not groups:
        why = f" (line {rejected[0].line}: {rejected[0].reason})" if rejected else ""
        raise DataError(f"{path} has no row of numbers in {header[size_at]} and {header[value_at]}{why}")
    curves = []
    for key, of in groups.items():
        columns = np.array([values for values, _ in of]).T
        run = np.array([label for _, label in of]) if run_at else None
        curves.append(CurveRows(dict(zip(by, key, strict=True)), *columns, run=run))
    used = {size_at, value_at, *by_at, *more_at, *run_at, *([] if name_at is None else [name_at])}
    varying = () if set(CURVE_COLUMNS) <= set(header) else _words(header, rows, used)
    return CurveFile(metrics.pop(), by, tuple(curves), tuple(rejected), varying)


def _telling(header: list[str], rows: list) -> tuple[str, ...]:
    """Of a sweep's columns, those that tell its curves apart: each one only where those before it do not."""
    if not set(CURVE_COLUMNS) <= set(header):
        return ()
    places = [header.index(name) for name in CURVE_COLUMNS]
    told: list[int] = []
    for at in places:
        apart = len({tuple(fields[k] for k in told) for *_, fields in rows})
        if len({tuple(fields[k] for k in (*told, at)) for *_, fields in rows}) > apart:
            told.append(at)
    return tuple(header[k] for k in told)


def _words(header: list[str], rows: list, used: set[int]) -> tuple[str, ...]:
    """Columns that hold a few different words, which are no numbers."""
    found = []
    for k in set(range(len(header))) - used:
        values = {fields[k] for *_, fields in rows}
        if 1 < len(values) <= _MOST_WORDS and any(number_in(value) is None for value in values):
            found.append(header[k])
    return tuple(sorted(found))


def _run_indices(header: list[str], rows: list) -> list[int]:
    """Return the columns that number the runs: seeds, folds, repeats; `split` where it holds whole numbers."""
    names = [plain_name(name) for name in header]
    found = [k for k, name in enumerate(names) if name in RUN_NAMES]
    if "split" in names and all(fields[names.index("split")].strip().isdigit() for *_, fields in rows):
        found.append(names.index("split"))
    return found


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
    """Whether more of a metric is better, by its name; None where that does not tell, as for 1 - AUC."""
    words = plain_name(metric)
    if words.startswith(_TURNED):
        return None
    found = {better for names, better in ((HIGHER, True), (LOWER, False)) if _names(words, names)}
    return found.pop() if len(found) == 1 else None


def plain_name(name: str) -> str:
    """Lower case, and _ for whatever is no letter or digit."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def guess_of(metric: str) -> float | None:
    """The metric of guesses, by its name: 0.5 of ROC-AUC, 0 of average precision and R2; None of others."""
    words = plain_name(metric)
    for guess, names in _GUESSES:
        if _names(words, names):
            return guess
    return None


def _names(words: str, names: list[str]) -> bool:
    """Whether one of the names stands in the words, whole."""
    return any(f"_{name}_" in f"_{words}_" for name in names)
