"""Files about the molecules of a table: the parts of a split."""

from pathlib import Path

import numpy as np

from jaxmrl.data.splits import PARTS
from jaxmrl.data.table import column_index, read_fields
from jaxmrl.errors import DataError


def read_parts(path: Path, ids: np.ndarray, rows: int) -> list[str]:
    """The part of each molecule `ids` [N], rows of a source with `rows` rows, by a CSV file's column split.

    A column molecule_id says which row a part is of; without it, the file has a row for each row of the source.
    Raises DataError for a file that does not say so of every molecule.
    """
    header, found, ragged = read_fields(path)
    if ragged:
        raise DataError(f"{path}, line {ragged[0].line}: {ragged[0].reason}")
    column = column_index(path, header, "split")
    parts = [fields[column].strip().lower() for *_, fields in found]
    for (_, line, fields), part in zip(found, parts, strict=True):
        if part not in PARTS:
            raise DataError(f"{path}, line {line}: expected {', '.join(PARTS)} in split; got {fields[column]!r}")
    if "molecule_id" in header:
        named = header.index("molecule_id")
        by_id = dict(zip((fields[named].strip() for *_, fields in found), parts, strict=True))
        if len(by_id) < len(found):
            raise DataError(f"{path} has a molecule_id twice")
        missing = [int(one) for one in ids if str(one) not in by_id]
        if missing:
            raise DataError(f"{path} lacks {len(missing)} molecules, the first with molecule_id {missing[0]}")
        return [by_id[str(one)] for one in ids]
    if len(parts) != rows:
        raise DataError(f"{path} has {len(parts)} rows, the data {rows}: give a column molecule_id, or a row for each")
    return [parts[one] for one in ids]
