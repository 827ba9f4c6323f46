"""Where a file of learning curves has its sizes: in a column, or in the header, with a column for each size."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from jaxmrl.config import CurvesConfig
from jaxmrl.curves.cells import sizes_in
from jaxmrl.curves.metric_names import DEVIATION, ERROR_OF_MEAN, direction_of, has_name, plain_name
from jaxmrl.errors import DataError
from jaxmrl.io.cells import number_in
from jaxmrl.io.records import Records, column_names, one_column, plain_names

SIZE_NAMES = (
    "n n_train n_training num_train n_samples n_molecules n_compounds n_examples num_samples num_molecules "
    "num_examples number_of_samples number_of_molecules molecules samples compounds examples mols "
    "train_size train_sizes training_size training_sizes train_set_size training_set_size train_samples "
    "training_samples training_molecules train_molecules train_n train_sizes_abs size_train anchor anchors "
    "dataset_size data_size sample_size sizes size"
).split()
"""Names of the column of sizes, those that say it most clearly first."""

_SHARES = (
    "fraction train_fraction training_fraction fraction_train data_fraction dataset_fraction subset_fraction "
    "sample_fraction train_frac"
).split()
"""Names of the column of sizes in files that have only shares of the data."""

_MANY = frozenset("n num nr no nb number count size sizes".split())
_THINGS = frozenset("train training samples molecules compounds examples mols".split())
_NOT_TRAINED = frozenset("test valid val validation dev".split())
"""A column of sizes has in its name one of the first and one of the second words, as nr_of_training_compounds, and none
of the third."""

_OF_TIME = re.compile(r"(?:^|_)(?:epochs?|steps|iterations?|iters|batches|hours|minutes|seconds|time|batch_size)$")
"""The end of a name that is of how long a model trains, as num_train_epochs."""

_LEAST_CLEAR, _MOST_RUNS = "n", 100
"""The name that may be that of the runs, too, and how many of them there are at most."""

_THOUSANDS = re.compile(
    r"[\s_]*(?:[(\[]\s*k\s*[)\]]|[(\[]?\s*(?:(?:in )?thousands?|[x×*]\s?1[, ]?000)\s*[)\]]?)\s*$", re.IGNORECASE
)
"""The end of a column's name that says that its sizes are in thousands."""

_TITLES = 10
"""Rows above the header in which it is looked for."""

_FEWEST_COLUMNS = 3
"""Columns named by sizes from which a table is one of a column for each size."""

_SIZE_IN_HEADER = re.compile(
    r"(?:(?:n|n_train|size|train)[\s_=:]*)?(\d\S*)(?:\s+(?:molecules|compounds|samples))?", re.I
)
_REPEATED = re.compile(r"\.\d+$")
_SIZE, _VALUE, _METRIC, _ROWS = "n", "value", "metric", "row"


def size_index(path: Path, header: list[str], rows: list) -> int:
    """Return the column of sizes by its name: of several, the first that has different sizes.

    rows: (row, line, fields) each. Raises DataError if no column has such a name.
    """
    found = [k for k in _candidates(header) if not _is_count(header, rows, k)]
    if found:
        return next((k for k in found if len({fields[k] for *_, fields in rows}) > 1), found[0])
    if len(header) == 1:
        raise one_column(path, header)
    raise DataError(f"{path} has no column named n; name the one of sizes with --n-column: {column_names(header)}")


def size_choice(header: list[str], size: int) -> list[str]:
    """Return a remark on which column has the sizes, at `size`, where another one is called n."""
    plain = [plain_name(name) for name in header]
    if _LEAST_CLEAR not in plain or plain[size] == _LEAST_CLEAR:
        return []
    return [f"sizes: column {header[size]}, not {header[plain.index(_LEAST_CLEAR)]}"]


def in_thousands(name: str, sizes: np.ndarray) -> bool:
    """Return whether sizes [R] are in thousands, as their column's name says. Shares, and 1,000 and more, are not."""
    known = sizes[np.isfinite(sizes)]
    return _THOUSANDS.search(name) is not None and bool((known < 1000).any()) and _without_unit(name) not in _SHARES


def count_index(header: list[str], rows: list, size: int) -> int | None:
    """Return the column called n beside the sizes at `size`, if it has numbers of runs: few, and fewer than sizes."""
    plain = [plain_name(name) for name in header]
    at = plain.index(_LEAST_CLEAR) if _LEAST_CLEAR in plain else size
    numbers = [(number_in(fields[at]), number_in(fields[size])) for *_, fields in rows]
    few = all(n is not None and most is not None and 1 <= n <= _MOST_RUNS and n < most for n, most in numbers)
    return at if few and at != size else None


def _is_count(header: list[str], rows: list, at: int) -> bool:
    """Return whether a column called n has the number of runs, or of all molecules, beside a clearer column of sizes.

    In tables of means with a standard deviation, n is the number of runs if it is smaller than the sizes. A column with
    train in its name has the sizes if n is larger.
    """
    plain = [plain_name(name) for name in header]
    if plain[at] != _LEAST_CLEAR:
        return False
    spread = any(has_name(name, [*DEVIATION, *ERROR_OF_MEAN]) for name in plain)
    for k in _candidates(header):
        numbers = [(number_in(fields[at]), number_in(fields[k])) for *_, fields in rows]
        if k == at or plain[k] in _SHARES or not all(None not in pair for pair in numbers):
            continue
        total = "train" in plain[k] and all(n > size for n, size in numbers if n is not None and size is not None)
        if total or (spread and count_index(header, rows, k) is not None):
            return True
    return False


def _without_unit(name: str) -> str:
    return plain_name(_THOUSANDS.sub("", name))


def _candidates(header: list[str]) -> list[int]:
    """Return the columns whose names are those of sizes, the clearest first."""
    plain = [_without_unit(name) for name in header]
    found = [plain.index(name) for name in SIZE_NAMES if name in plain]
    composed = [k for k, name in enumerate(plain) if _is_size(name) and k not in found]
    found += composed if len(composed) == 1 else []
    return found + [plain.index(name) for name in _SHARES if name in plain]


def with_sizes(path: Path, records: Records, config: CurvesConfig) -> tuple[Records, list[str]]:
    """Return a table with a column of sizes, and remarks on what was done for that.

    Lines above the header, such as a title, are skipped. A table with a column for each size gets a row for each of its
    cells. Other tables are returned as they are.
    """
    if _has_size(records.header, config):
        return records, []
    for k, (_, line, fields) in enumerate(records.rows[:_TITLES]):
        header = plain_names(fields)
        if _has_size(header, config):
            return replace(records, header=header, rows=records.rows[k + 1 :]), [f"the header is line {line}"]
    sizes = {} if config.n_column else _sizes_in_header(records.header)
    if len(set(sizes.values())) < _FEWEST_COLUMNS:
        return records, []
    said = f"{len(sizes)} columns are sizes: {column_names([records.header[k] for k in sizes], most=5)}"
    named = [name for name in config.metric_column if name not in records.header]
    return _melted(path, records, sizes, named[0] if named else None), [said]


def _has_size(header: list[str], config: CurvesConfig) -> bool:
    """Return whether a header has the column of sizes, by the settings or by its name."""
    if config.n_column:
        return config.n_column in header
    plain = [_without_unit(name) for name in header]
    return any(name in SIZE_NAMES or name in _SHARES or _is_size(name) for name in plain)


def _is_size(plain: str) -> bool:
    """Return whether the words of a column's name say that it has sizes of training sets."""
    words = set(plain.split("_"))
    return bool(words & _MANY and words & _THINGS) and not words & _NOT_TRAINED and not _OF_TIME.search(plain)


def _sizes_in_header(header: list[str]) -> dict[int, float]:
    """Return the columns named by a size, such as 100, n=100 and 1k; another column of the same name is called 100.1.

    A size of one digit may be the number of a run.
    """
    found = {}
    for k, name in enumerate(header):
        base = _REPEATED.sub("", name)
        match = _SIZE_IN_HEADER.fullmatch(base if base in header else name)
        n = sizes_in([match[1]], "\t")[0][0] if match else np.nan
        if np.isfinite(n) and n == round(n) and n >= 10:
            found[k] = float(n)
    return found


def _melted(path: Path, records: Records, sizes: dict[int, float], metric: str | None) -> Records:
    """Return a table with a row for each cell of the columns of sizes.

    Without a name of the metric, that is the name of the file, if it says whether more is better.
    """
    others = [k for k in range(len(records.header)) if k not in sizes]
    names = [records.header[k] for k in others]
    if metric is None and others and direction_of(names[0]) is not None and not _has_numbers(records, others[0]):
        metric, names[0] = names[0], _ROWS  # the name of the metric stands in the corner, above those of the rows
    stem = path.name.split(".")[0]
    metric = metric or (_VALUE if _METRIC in names or direction_of(stem) is None else stem)
    rows = [
        (row, line, [*(fields[k] for k in others), f"{n:.15g}", fields[at]])
        for row, line, fields in records.rows
        for at, n in sizes.items()
    ]
    return replace(records, header=[*names, _SIZE, metric], rows=rows)


def _has_numbers(records: Records, at: int) -> bool:
    return any(number_in(fields[at]) is not None for *_, fields in records.rows)
