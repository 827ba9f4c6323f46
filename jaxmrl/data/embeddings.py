"""The vectors of --embeddings, for the molecules of a table: those without one are rejected."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from jaxmrl.chem.parents import AS_WRITTEN
from jaxmrl.data.matching import Data, find_rows
from jaxmrl.data.parsing import ParsedMolecules
from jaxmrl.data.vectors import read_vectors
from jaxmrl.errors import DataError
from jaxmrl.io.records import Rejected
from jaxmrl.progress import ProgressReporter
from jaxmrl.text import count

_FEWEST = 0.5
"""The share of molecules that must have a vector: with fewer, the file is about other molecules."""


def with_vectors(
    prepared: ParsedMolecules,
    path: Path,
    reporter: ProgressReporter,
    *,
    standardize: str = AS_WRITTEN,
    smiles_column: str | None = None,
    targets: tuple[str, ...] = (),
    columns: tuple[str, ...] | None = None,
    source: Path | None = None,
    sheet: str | None = None,
) -> ParsedMolecules:
    """Return the molecules that have a vector in the file `path`, with it; the others join the rejected rows.

    Args:
        prepared: The molecules.
        path: The file.
        reporter: Gets what was read, and how rows were matched to molecules.
        standardize: The form of the molecules, as in `matching.Data`.
        smiles_column: The user's own name for the column of SMILES.
        targets, columns: As in `read_vectors`.
        source, sheet: As in `matching.Data`.

    Raises:
        DataError: For a file that cannot be read, or that lacks most of the molecules.
    """
    file = read_vectors(path, targets, columns)
    data = Data(prepared.table, prepared.canonical, standardize, smiles_column, source, sheet)
    found = find_rows(file.side, data, np.arange(len(prepared)))
    values = np.where((found.rows >= 0)[:, None], file.vectors.values[found.rows], np.nan)
    lacking, broken = found.rows < 0, ~np.isfinite(values).all(axis=1)
    _check_share(path, prepared, ~(lacking | broken), lacking)
    how = found.how.removeprefix(f"{path}: ")
    reporter.say(f"{file.said}; {how}{_said_of_copies(found.again, file.vectors.values)}")
    zeros = int((values == 0).all(axis=1).sum())
    if zeros:
        has = "has a vector" if zeros == 1 else "have vectors"
        reporter.say(f"{path}: {count(zeros, 'molecule')} {has} of zeros alone, as where an embedding failed")
    table, reasons = prepared.table, {True: f"no vector in {path.name}", False: _BROKEN.format(path.name)}
    rejected = [
        Rejected(int(table.lines[k]), table.smiles[k], reasons[bool(lacking[k])])
        for k in np.flatnonzero(lacking | broken)
    ]
    every = replace(prepared, vectors=file.vectors._replace(values=values))
    return every.take(~(lacking | broken), rejected)


_BROKEN = "its vector in {} has a value that is missing or not a finite number"


def _check_share(path: Path, prepared: ParsedMolecules, usable: np.ndarray, lacking: np.ndarray) -> None:
    """Raise DataError where so few molecules have a vector that the file must be about others."""
    if usable.mean() >= _FEWEST:
        return
    k = int(np.flatnonzero(~usable)[0])
    first = f"molecule_id {prepared.table.ids[k]} {prepared.table.smiles[k]}".strip()
    why = "no row" if lacking[k] else "a value that is missing or not a finite number"
    raise DataError(
        f"{path} has vectors for {int(usable.sum()):,} of {count(len(prepared), 'molecule')} (the first without has "
        f"{why}: {first}); expected one for each. Check that the file is about this data"
    )


def _said_of_copies(again: tuple[tuple[int, int], ...], values: np.ndarray) -> str:
    """Return in words for how many rows another row of the same molecule is used, where their vectors differ."""
    unlike = sum(not np.allclose(values[row], values[first], rtol=1e-3, atol=1e-6) for row, first in again)
    said = f"; {count(unlike, 'row')} with another vector of the same molecule; the first vector is used"
    return said if unlike else ""
