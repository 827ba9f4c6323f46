"""A table in a file -> every row of a file as it is, so that what is computed of some of them can stand beside all."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxmrl.formats.reading import read_records
from jaxmrl.io.records import column_index


@dataclass(frozen=True)
class InputRows:
    """The `R` rows of a file with `C` columns, those that cannot be used included.

    lines [R]      line where each row ends
    cells [R][C]   texts; of a row with a wrong number of fields the first C, and empty ones for those that it lacks
    """

    header: list[str]
    lines: list[int]
    cells: list[list[str]]

    def __len__(self) -> int:
        return len(self.lines)

    def columns(self, names: tuple[str, ...], taken: set[str]) -> dict[str, np.ndarray]:
        """Return the columns `names`, or all for none, as arrays of text [R], in order of the file.

        One that is called like one of `taken` becomes "input <name>".
        """
        columns = {}
        for k, name in enumerate(self.header):
            if names and name not in names:
                continue
            while name in taken or name in columns:
                name = f"input {name}"
            columns[name] = np.array([row[k] for row in self.cells], object)
        return columns


def read_input_rows(path: Path, names: tuple[str, ...] = (), sheet: str | None = None) -> InputRows:
    """Return every row of the table in the file `path`. Raises DataError where it has no column of one of `names`.

    sheet: as of `read_records`.
    """
    records = read_records(path, sheet)
    for name in names:
        column_index(path, records.header, name)
    width = len(records.header)
    found = [(line, fields) for _, line, fields in records.rows]
    for row in records.rejected:
        fields = row.text.split(records.separator)
        found.append((row.line, [*fields, *[""] * width][:width]))
    found.sort()
    return InputRows(records.header, [line for line, _ in found], [fields for _, fields in found])
