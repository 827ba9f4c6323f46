"""Learning curves that a program saved as arrays, in JSON, JSON lines or a NumPy archive, as the table that they are.

scikit-learn's `learning_curve` returns the sizes [N] and matrices of scores [N, R]; each of the R runs becomes a
column.
"""

import io
import json
import math
import re
import zipfile
from pathlib import Path
from typing import Any

from jaxmrl.errors import DataError
from jaxmrl.io import cache
from jaxmrl.io.records import Records, plain_names

_HEAD = 4096
_LARGEST = 64_000_000
"""Bytes of a file of curves; one with more is no file of curves."""

_JSON = re.compile(r'\s*(?:\{\s*["}]|\[\s*[{\["])')
_RESULTS = ("train_sizes", "train_scores", "test_scores", "fit_times", "score_times")
_UNNAMED = {f"arr_{k}": name for k, name in enumerate(_RESULTS)}
"""Names of the arrays that `numpy.savez(file, *learning_curve(...))` numbers."""

_CURVE = "curve"
"""The column with the names of curves that a file has one below the other."""

Columns = dict[str, Any]
"""By name, a value of all rows or a list of one value for each row, which may be a list of runs."""


def read_arrays(path: Path) -> Records | None:
    """Return the table in a file of arrays; None for a file of another format.

    Raises:
        DataError: The arrays are no table, or the file is damaged.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"PK") and _is_numpy(path):
        return _records(path, _numpy_columns(path))
    if not _JSON.match(head.removeprefix(b"\xef\xbb\xbf").decode("latin-1")) or path.stat().st_size > _LARGEST:
        return None
    return _records(path, _columns(path, _parsed(path)))


def _is_numpy(path: Path) -> bool:
    """Return whether a zip archive is one of NumPy arrays."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            small = sum(one.file_size for one in archive.infolist()) <= _LARGEST
    except zipfile.BadZipFile:
        return False
    return small and bool(names) and all(name.endswith(".npy") for name in names)


def _numpy_columns(path: Path) -> Columns:
    try:
        found = {name: array.tolist() for name, array in cache.read_arrays(path).items()}
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as a NumPy archive: {error}") from None
    return {_UNNAMED.get(name, name): values for name, values in found.items()}


def _parsed(path: Path) -> Any:
    """Return the content of a file of JSON, or the list of those of its lines."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        try:
            return json.loads(text)
        except ValueError as error:
            if "Extra data" not in str(error):
                raise
            return [json.loads(line) for line in io.StringIO(text) if line.strip()]
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as JSON: {error}") from None


def _columns(path: Path, found: Any) -> Columns:
    """Return the columns of a list of rows, a table as pandas writes it, columns, or curves by their names."""
    if isinstance(found, dict) and isinstance(found.get("data"), list):  # orient="split" or "table" of pandas
        names = found.get("columns")
        found = [names, *found["data"]] if isinstance(names, list) else found["data"]
    if isinstance(found, list):
        return _of_rows(path, found)
    if all(isinstance(value, dict) for value in found.values()):
        if any(isinstance(value, list) for one in found.values() for value in one.values()):
            return _of_curves(path, found)
        index = dict.fromkeys(key for cells in found.values() for key in cells)
        return {name: [cells.get(key) for key in index] for name, cells in found.items()}  # the default of pandas
    return found


def _of_rows(path: Path, rows: list) -> Columns:
    """Return the columns of rows, each by its names, or of lists below a list of names."""
    if rows and all(isinstance(row, dict) for row in rows):
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: [row.get(name) for row in rows] for name in names}
    lists = all(isinstance(row, list) for row in rows) and len(rows) > 1 and len(set(map(len, rows))) == 1
    if not lists or not all(isinstance(name, str) for name in rows[0]):
        raise _no_table(path)
    return dict(zip(plain_names(rows[0]), map(list, zip(*rows[1:], strict=True)), strict=True))


def _of_curves(path: Path, curves: dict[str, dict]) -> Columns:
    """Return the columns of curves, one below the other, with the column _CURVE of their names."""
    rows = []
    for name, columns in curves.items():
        whole = _whole(path, columns)
        size = max(map(len, whole.values()))
        rows += [{_CURVE: name} | {key: values[k] for key, values in whole.items()} for k in range(size)]
    return _of_rows(path, rows)


def _whole(path: Path, columns: Columns) -> dict[str, list]:
    """Return every column as a list of as many values as there are rows; matrices [R, N] are turned round."""
    flat = [len(values) for values in columns.values() if isinstance(values, list) and not _is_matrix(values)]
    rows = max(flat, default=0)
    found = {}
    for name, values in columns.items():
        if not isinstance(values, list):
            values = [values] * rows
        elif len(values) != rows and _is_matrix(values) and {len(row) for row in values} == {rows}:
            values = [list(row) for row in zip(*values, strict=True)]
        if len(values) != rows:
            raise DataError(
                f"{path}: {name} has {len(values):,} values, where other columns have {rows:,}; expected one value, or "
                "one list of runs, for each size"
            )
        found[name] = values
    if not rows:
        raise _no_table(path)
    return found


def _is_matrix(values: list) -> bool:
    return bool(values) and all(isinstance(row, list) for row in values)


def _records(path: Path, columns: Columns) -> Records:
    """Return columns as a table of texts, where a column of lists becomes a column for each run."""
    names: list[str] = []
    cells: list[list[str]] = []
    for name, values in _whole(path, columns).items():
        runs = max((len(one) for one in values if isinstance(one, list)), default=0)
        lists = [one if isinstance(one, list) else [one] for one in values]  # a number beside lists is of one run
        names += [name] if runs < 2 else [f"{name}_{k}" for k in range(runs)]
        found = [[one[k] if k < len(one) else None for one in lists] for k in range(runs)]
        cells += [[_text(path, one) for one in column] for column in (found or [values])]
    rows = [(k, k + 1, list(fields)) for k, fields in enumerate(zip(*cells, strict=True))]
    return Records(plain_names(names), rows, [])


def _text(path: Path, value: Any) -> str:
    """Return the cell of a value."""
    if isinstance(value, list | dict):
        raise _no_table(path)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _no_table(path: Path) -> DataError:
    return DataError(
        f"{path} has no table of learning curves; expected columns, as {{'n': [100, 200], 'rmse': [0.6, 0.5]}}, or rows"
    )
