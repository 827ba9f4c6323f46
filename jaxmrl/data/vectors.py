"""Files of vectors of molecules, such as the embeddings of a foundation model: read, not yet matched to molecules."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxmrl.data.matching import ID
from jaxmrl.data.side_files import SideFile
from jaxmrl.errors import DataError, UserError
from jaxmrl.formats.parquet import import_parquet
from jaxmrl.formats.reading import read_records
from jaxmrl.io import cells
from jaxmrl.io.cache import read_arrays
from jaxmrl.io.records import column_names
from jaxmrl.modalities.base import Vectors
from jaxmrl.text import count

LAYOUT = (
    "expected a matrix with a row for each molecule (.npz), a column of lists of one length (.parquet), or a column "
    "for each number, and beside it SMILES or molecule_id"
)
MOST_NUMBERS = 2**16
"""The most numbers in a vector: what has more is no embedding of a molecule."""

_USUAL = ("embeddings", "embedding", "vectors", "vector")
"""Names that decide between several matrices, or several columns of lists."""

_IDS = re.compile(r"(?:.*[ _])?(?:id|index|cid)", re.IGNORECASE)
"""Names of columns of whole numbers that name a molecule instead of describing it."""

_SAMPLE = 50
"""Cells that tell whether a column of text has numbers."""


@dataclass(frozen=True)
class VectorFile:
    """The rows of a file of vectors.

    side     the columns that say which molecule a row is about
    vectors  of each row; NaN where it has none
    said     in words, what was read and what was left out
    """

    side: SideFile
    vectors: Vectors
    said: str


def read_vectors(path: Path, targets: tuple[str, ...], columns: tuple[str, ...] | None = None) -> VectorFile:
    """Read the file of vectors at `path`.

    Args:
        path: A .npz, .parquet, .csv or .csv.gz file.
        targets: Names of labels, which are no part of a vector.
        columns: The columns to read, in this order, of a file that has a column for each number; None reads all that
            have numbers and neither ids nor labels.

    Raises:
        DataError: For a file without vectors of one length, or with values that are not numbers.
    """
    side, found, said = _read(path, targets, columns)
    if not len(found.values):
        raise DataError(f"{path} has no rows; {LAYOUT}")
    many = found.values.shape[1]
    if not 0 < many <= MOST_NUMBERS:
        raise DataError(f"{path} has vectors of {count(many, 'number')}; expected 1 to {MOST_NUMBERS:,}")
    return VectorFile(side, found, f"{path}: {count(len(found.values), 'vector')} of {count(many, 'number')}{said}")


def _read(path: Path, targets: tuple[str, ...], columns: tuple[str, ...] | None) -> tuple[SideFile, Vectors, str]:
    if path.suffix == ".npz":
        arrays = _npz_arrays(path)
        if matrices := {name: array for name, array in arrays.items() if array.ndim > 1}:
            return _from_matrix(path, arrays, matrices)
        table = {name: _plain(array) for name, array in arrays.items()}
        return _from_columns(path, table, targets, columns)
    if path.suffix == ".parquet":
        return _from_parquet(path, targets, columns)
    records = read_records(path)
    texts = {name: [fields[k] for *_, fields in records.rows] for k, name in enumerate(records.header)}
    lines, separator = [line for _, line, _ in records.rows], records.separator
    numbers = {name: _as_numbers(column, separator) for name, column in texts.items()}
    read = {name: texts[name] if array is None else array for name, array in numbers.items()}
    side, vectors, said = _from_columns(path, read, targets, columns)
    keys = {name: texts[name] for name in side.columns if name in texts} or side.columns
    return SideFile(path, keys, lines, tuple(records.rejected), separator), vectors, said


def _npz_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        return read_arrays(path)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:
        text = "; save SMILES as np.array(smiles, dtype=str)" if "Object arrays" in str(error) else ""
        raise DataError(f"{path} is not an .npz file of plain arrays ({error}){text}; {LAYOUT}") from None


def _plain(array: np.ndarray) -> Any:
    """Return an array of text as a list of str, and any other as it is."""
    if array.dtype.kind == "S":
        return [text.decode("utf-8", "replace") for text in array.tolist()]
    return array.tolist() if array.dtype.kind == "U" else array


def _from_matrix(
    path: Path, arrays: dict[str, np.ndarray], matrices: dict[str, np.ndarray]
) -> tuple[SideFile, Vectors, str]:
    name = _choose(path, list(matrices), "matrices")
    matrix = matrices[name]
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiub":
        shape = ", ".join(map(str, matrix.shape))
        raise DataError(f"{path}: {name} is of type {matrix.dtype} and shape [{shape}]; {LAYOUT}")
    others = {key: array for key, array in arrays.items() if array.ndim == 1}
    lengths = {key: len(array) for key, array in others.items() if len(array) != len(matrix)}
    if lengths:
        key, length = next(iter(lengths.items()))
        raise DataError(f"{path}: {name} has {count(len(matrix), 'row')}, but {key} has {length:,}; {LAYOUT}")
    keys = {key: list(_plain(array)) for key, array in others.items()}
    return _side(path, keys, len(matrix)), Vectors(_float32(matrix)), f", array {name}"


def _choose(path: Path, names: list[str], what: str) -> str:
    """Return the only name, or the one that is called as vectors are. Raises DataError where there are several."""
    usual = [name for wanted in _USUAL for name in names if name.lower() == wanted]
    if len(names) > 1 and not usual:
        raise DataError(f"{path} has several {what}: {column_names(names)}; call the one to use {_USUAL[0]}")
    return usual[0] if usual else names[0]


def _from_parquet(
    path: Path, targets: tuple[str, ...], columns: tuple[str, ...] | None
) -> tuple[SideFile, Vectors, str]:
    pyarrow, parquet = import_parquet()
    try:
        table = parquet.read_table(path)
        is_list = (pyarrow.types.is_list, pyarrow.types.is_large_list, pyarrow.types.is_fixed_size_list)
        lists = [field.name for field in table.schema if any(check(field.type) for check in is_list)]
        plain = {name: _parquet_column(table[name]) for name in table.column_names if name not in lists}
        if not lists:
            return _from_columns(path, plain, targets, columns)
        name = _choose(path, lists, "columns of lists")
        matrix = _stack_lists(path, name, table[name])
        keys = {key: list(column) for key, column in plain.items()}
        return _side(path, keys, len(matrix)), Vectors(matrix), f", column {name}"
    except UserError:
        raise
    except Exception as error:  # pyarrow raises many kinds; the remedy is the same
        raise DataError(f"cannot read {path} ({error}); {LAYOUT}") from None


def _parquet_column(column: Any) -> Any:
    """Return a column of numbers as an array, NaN for null, and any other as a list."""
    pyarrow, _ = import_parquet()
    if pyarrow.types.is_integer(column.type) or pyarrow.types.is_floating(column.type):
        return column.to_numpy()
    return column.to_pylist()


def _stack_lists(path: Path, name: str, column: Any) -> np.ndarray:
    """Return a column of lists as a matrix, NaN for null. Raises DataError for lists of several lengths."""
    from pyarrow import compute

    length = compute.list_value_length(column).to_numpy()
    known = ~np.isnan(length.astype(float))
    if not known.any():
        raise DataError(f"{path}, column {name}: every list is missing; {LAYOUT}")
    first = int(length[known][0])
    if (odd := np.flatnonzero(known & (length != first))).size:
        row = int(odd[0])
        raise DataError(
            f"{path}, row {row}, column {name}: the vector has {count(int(length[row]), 'number')}, and that of row "
            f"{int(np.flatnonzero(known)[0])} has {first:,}; {LAYOUT}"
        )
    values = compute.list_flatten(column.drop_null()).to_numpy()
    if values.dtype.kind not in "fiu":
        raise DataError(f"{path}, column {name}: expected lists of numbers; got {column.type}")
    matrix = np.full((len(column), first), np.nan, np.float32)
    matrix[known] = _float32(values.reshape(-1, first))
    return matrix


def _from_columns(
    path: Path, table: dict[str, Any], targets: tuple[str, ...], columns: tuple[str, ...] | None
) -> tuple[SideFile, Vectors, str]:
    """Return the vectors in a table's columns of numbers, those of ids, row numbers and labels left out."""
    lengths = {len(column) for column in table.values()}
    if len(lengths) != 1:
        raise DataError(f"{path} has columns of different lengths; {LAYOUT}")
    (rows,) = lengths
    numeric = {name: one for name, one in table.items() if isinstance(one, np.ndarray) and one.dtype.kind in "fiub"}
    if columns is not None:
        if lacking := [name for name in columns if name not in numeric]:
            raise DataError(
                f"{path} has no column of numbers {lacking[0]!r}, which the vectors of the run have; expected the "
                f"{count(len(columns), 'column')} {column_names(list(columns), most=3)}"
            )
        used = list(columns)
    else:
        used = [name for name, one in numeric.items() if not (name in targets or _is_key(name, one))]
    if not used:
        raise DataError(f"{path} has no column of numbers that could be a vector; {LAYOUT}")
    keys = {name: list(column) for name, column in table.items() if name not in used}
    left = [name for name in numeric if name not in used and name.lower() != ID]
    said = f", columns {used[0]} to {used[-1]}" + (
        f"; left out: {column_names([name or 'one without a name' for name in left])}" if left else ""
    )
    matrix = np.stack([_float32(numeric[name]) for name in used], axis=1)
    return _side(path, keys, rows), Vectors(matrix, tuple(used)), said


def _is_key(name: str, values: np.ndarray) -> bool:
    """Return whether a column names molecules: by its name, or because it counts the rows."""
    whole = values.dtype.kind in "iu" or bool(np.all(values == np.round(values)))
    counts = len(values) > 1 and bool(np.all(np.diff(values.astype(np.float64)) == 1))
    return whole and (counts or _IDS.fullmatch(name.strip()) is not None)


def _as_numbers(texts: list[str], separator: str) -> np.ndarray | None:
    """Return the cells of a column as numbers, NaN for what is none; None where most are text."""
    written = [text for text in texts if text.strip()]
    if written and not _are_numbers(written[:_SAMPLE], separator):
        return None
    try:
        return np.array([text if text.strip() else "nan" for text in texts], np.float64)
    except ValueError:
        return np.array(cells.read_numbers(texts, separator).known) if _are_numbers(written, separator) else None


def _are_numbers(texts: Iterable[str], separator: str) -> bool:
    return cells.read_numbers(list(texts), separator).share > 0.5


def _side(path: Path, keys: dict[str, list], rows: int) -> SideFile:
    """Return the columns beside the vectors; without any, one that says nothing, as the rows are still counted."""
    return SideFile(path, keys or {"": [""] * rows})


def _float32(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # what is too large for a model becomes infinite, and is then rejected
        return values.astype(np.float32)
