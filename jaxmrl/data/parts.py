"""The parts of a split that a file gives."""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from jaxmrl.data.matching import Data, match
from jaxmrl.data.side_files import SideFile, read_side_file
from jaxmrl.data.splits import PARTS
from jaxmrl.data.targets import part_word
from jaxmrl.errors import DataError
from jaxmrl.io.records import column_names

_NAMES = {
    "train": ("train", "training", "tr", "trn"),
    "valid": ("valid", "validation", "val", "dev"),
    "test": ("test", "testing", "te", "tst"),
}
_PART_OF = {name: part for part, names in _NAMES.items() for name in names}
_COLUMN = re.compile(r"(?<![a-z])(splits?|sets?|subset|partition|folds?|part)(?![a-z])")
"""Words in the name of a column with parts, if none is called split."""

_PURPOSE = {
    "train": "models learn from training molecules",
    "valid": "validation molecules decide which epoch of a training is kept",
    "test": "curves are of the metric on test molecules",
}


def read_parts(path: Path, data: Data, needed: tuple[str, ...] = PARTS) -> tuple[list[str], str]:
    """Read the part of each molecule of the table (train, valid or test) [N], and how the file was matched.

    Raises DataError for a file that does not give every molecule one part, or leaves one of the `needed` parts empty.
    """
    side = read_side_file(path)
    column = _part_column(side)
    parts = [_part(cell) for cell in side.columns[column]]
    found = match(side, data, np.arange(len(data.table)))
    given = found.take(column, parts)
    for row, part in zip(found.rows.tolist(), given, strict=True):
        if part not in PARTS:
            raise DataError(
                f"{path}, {side.place(row)}: expected {', '.join(PARTS)} in {column}; "
                f"got {str(side.columns[column][row])[:60]!r}"
            )
    _check_parts(path, given, needed)
    return given, found.how


def _folds(lacking: list[str]) -> str:
    """Return another remedy for a file that only lacks validation molecules."""
    return ", or validate on folds of the training molecules with --split-seeds 5" if lacking == ["valid"] else ""


def _part(cell: object) -> str:
    text = part_word(str(cell))
    return _PART_OF.get(text, text)


def _part_column(side: SideFile) -> str:
    """Return the column called split, else the only one that is called alike and has parts."""
    if (column := side.name_of("split")) is not None:
        return column
    alike = [name for name in side.columns if _COLUMN.search(name.lower().replace("_", " "))]
    giving = [name for name in alike if {_part(cell) for cell in side.columns[name]} & set(PARTS)]
    if len(giving) == 1:
        return giving[0]
    raise DataError(f"{side.path} has no column 'split'; its columns are {column_names(list(side.columns))}")


def _check_parts(path: Path, parts: list[str], needed: tuple[str, ...]) -> None:
    """Raise DataError where no molecule is in one of the needed parts."""
    there = Counter(parts)
    lacking = [part for part in needed if part not in there]
    if lacking:
        has = " and ".join(f"{there[part]:,} {part}" for part in PARTS if part in there)
        raise DataError(
            f"{path} puts {has} molecules of the data into parts, and none into {lacking[0]}; expected some in each "
            f"of {', '.join(needed)}: {_PURPOSE[lacking[0]]}. Mark some rows as {lacking[0]}{_folds(lacking)}"
        )
