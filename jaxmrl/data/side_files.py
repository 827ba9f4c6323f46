"""Files about the molecules of a table, such as scores and the parts of a split: read, not yet matched."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxmrl.errors import ConfigError, DataError, UserError
from jaxmrl.formats.parquet import import_parquet
from jaxmrl.formats.reading import read_records
from jaxmrl.io import cells
from jaxmrl.io.cache import read_arrays
from jaxmrl.io.records import Rejected, column_names


@dataclass(frozen=True)
class SideFile:
    """The rows of a file about molecules.

    columns   {name: its cells}, text or values
    lines     of each row: its line in a text file; None for other files, whose rows have numbers only
    ragged    rows of a text file that have too many or too few fields
    separator of a text file's columns
    """

    path: Path
    columns: dict[str, list]
    lines: list[int] | None = None
    ragged: tuple[Rejected, ...] = ()
    separator: str = ","

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def place(self, row: int) -> str:
        """Return where a row (from 0) stands."""
        return f"line {self.lines[row]}" if self.lines else f"row {row}"

    def name_of(self, wanted: str) -> str | None:
        """Return the name of a column as it is written in the file; None where there is none in any case."""
        return next((name for name in self.columns if name.strip().lower() == wanted.lower()), None)


def read_side_file(path: Path) -> SideFile:
    """Read a .csv, .csv.gz, .npz or .parquet file. Raises DataError where it is no table."""
    if path.suffix not in (".npz", ".parquet"):
        records = read_records(path)
        columns = {name: [fields[k] for *_, fields in records.rows] for k, name in enumerate(records.header)}
        lines = [line for _, line, _ in records.rows]
        return SideFile(path, columns, lines, tuple(records.rejected), records.separator)
    try:
        if path.suffix == ".npz":
            columns = {name: array.tolist() for name, array in read_arrays(path).items() if array.ndim == 1}
        else:
            columns = import_parquet()[1].read_table(path).to_pydict()
        (_,) = {len(column) for column in columns.values()}
    except UserError:
        raise
    except Exception as error:  # NumPy and pyarrow raise many kinds; the remedy is the same
        raise DataError(f"cannot read {path} as a table with columns of one length: {error}") from None
    return SideFile(path, columns)


def read_numbers(side: SideFile, column: str) -> list[float]:
    """Return the numbers in a column; NaN for an empty cell. Raises DataError at the first cell that is no number."""
    found = side.columns[column]
    texts = ["" if value is None else str(value) for value in found]
    if side.lines is None and all(value is None or isinstance(value, int | float) for value in found):
        return [math.nan if value is None else float(value) for value in found]
    numbers = cells.read_numbers(texts, side.separator)
    odd = np.flatnonzero(~np.isin(numbers.kinds, (cells.NUMBER, cells.MISSING)))
    if len(odd):
        row = int(odd[0])
        raise DataError(f"{side.path}, {side.place(row)}, column {column}: expected numbers; got {texts[row][:60]!r}")
    return numbers.values.tolist()


def has_column(side: SideFile, *names: str) -> str:
    """Return the first of `names` that is a column. Raises ConfigError where none is."""
    for name in names:
        if name in side.columns:
            return name
    raise ConfigError(f"{side.path} has no column {names[0]!r}; its columns are {column_names(list(side.columns))}")
