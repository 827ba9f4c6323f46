"""The row of a side file for each molecule of a table: by canonical SMILES, molecule_id, or the order of the rows."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxmrl.chem.notations import SMILES
from jaxmrl.chem.parents import AS_WRITTEN, canonical_hashes, find_parents
from jaxmrl.data.side_files import SideFile
from jaxmrl.data.smiles_column import SAMPLE, find_structures
from jaxmrl.data.table import Table
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import DataError
from jaxmrl.formats.reading import read_records
from jaxmrl.io.cells import number_in
from jaxmrl.io.files import label_columns
from jaxmrl.io.records import Records
from jaxmrl.text import count

ID, DIGEST = "molecule_id", "molecule_digest"
"""Columns of the row of the data, from 0, and of `digest_text`, which files about molecules without SMILES have."""

_INDEX = frozenset({"", "index", "idx", "row", "unnamed: 0"})
"""Names of a column that may have numbers of rows."""

_MANY = 0.5
"""The share of molecules whose ids a file must have to be about them."""

_NAMED = 3
"""Molecules that an error names."""


@dataclass(frozen=True)
class Data:
    """The molecules that a side file is about.

    canonical [N] uint64   hash of each molecule, as of `ParsedMolecules`
    standardize            the form of the molecules, which those of the file get, too
    smiles_column          the user's own name for the column of SMILES
    source, sheet          the file of the table and its sheet, whose ids a file without SMILES may have
    """

    table: Table
    canonical: np.ndarray
    standardize: str = AS_WRITTEN
    smiles_column: str | None = None
    source: Path | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class Match:
    """The row of a side file for each of `n` molecules.

    rows [n]   rows of the file; -1 for a molecule without one
    again      (row, earlier row) of the same molecule, which must not contradict each other
    how        in words, for the screen
    """

    side: SideFile
    rows: np.ndarray
    again: tuple[tuple[int, int], ...]
    how: str

    def take(self, name: str, values: list) -> list:
        """Return the value of each molecule [n], by the value of each row of the file.

        Raises DataError where the same molecule has two values.
        """
        for row, first in self.again:
            one, other = values[first], values[row]
            if one != other and not (one != one and other != other):  # NaN differs from itself
                raise DataError(
                    f"{self.side.path}, {self.side.place(row)}: {_spelled(self.side, row)} has {name} {other}, but "
                    f"{one} in {self.side.place(first)}: expected one value for each molecule"
                )
        return [values[row] for row in self.rows]


def digest_text(canonical: np.ndarray) -> np.ndarray:
    """Return the hash of each molecule as text [N], for a file about molecules without SMILES."""
    return np.array([f"{int(one):016x}" for one in canonical])


def identity_columns(problem: TaskData, molecules: np.ndarray, taken: set[str]) -> dict[str, np.ndarray]:
    """Return the columns by which a file about molecules names them, and their labels.

    molecule_id, smiles (or molecule_digest, where molecules have positions), and a column for each task. A task whose
    name is one of these or of `taken` becomes "label <name>".

    Args:
        problem: The data.
        molecules: Rows of the molecules in the table, [n].
        taken: Names of the other columns of the file.
    """
    table = problem.table
    columns = {ID: table.ids[molecules]}
    if problem.has_smiles:
        columns["smiles"] = np.array([table.smiles[k] for k in molecules])
    else:
        columns[DIGEST] = digest_text(problem.canonical[molecules])
    names = label_columns(table.tasks, {ID, "smiles", DIGEST, *taken})
    return columns | dict(zip(names, table.labels[molecules].T, strict=True))


def match(side: SideFile, data: Data, wanted: np.ndarray, *, what: str = "molecules", by_id: bool = False) -> Match:
    """Return the row of a side file for each molecule of `wanted` (positions in the table, [n]).

    Args:
        side: The file.
        data: The molecules of the table.
        wanted: Those that need a row.
        what: What these are called in an error.
        by_id: As in `find_rows`.

    Raises:
        DataError: For molecules without a row, and as in `find_rows`.
    """
    found = find_rows(side, data, wanted, by_id=by_id)
    if (found.rows < 0).any():
        raise _missing(side, data, wanted[found.rows < 0], len(wanted), what)
    return found


def find_rows(side: SideFile, data: Data, wanted: np.ndarray, *, by_id: bool = False) -> Match:
    """Find the row of a side file for each molecule of `wanted` (positions in the table, [n]), -1 where it has none.

    Molecules are matched by canonical SMILES (or digest) where the file has a column of it; copies of a molecule in
    the data share a row. A molecule_id beside it is checked. Without SMILES, molecule_id decides, without both a column
    of ids that the data has, too, and without that the order of the rows.

    Args:
        side: The file.
        data: The molecules of the table.
        wanted: Those whose rows are looked for.
        by_id: Rows of copies of a molecule may differ where molecule_id says which is which.

    Raises:
        DataError: Where molecule_id and SMILES are of different molecules, or nothing says which row is which.
    """
    kind, keys, readable = _keys(side, data)
    ids = _ids(side, needed=kind is None)
    if kind is None and ids is None:
        return _by_column(side, data, wanted) or _by_order(side, data, wanted)
    if kind and ids:
        _check(side, data, kind, keys, readable, ids)
    by_key: dict[int, int] = {}
    for row in np.flatnonzero(readable).tolist():
        by_key.setdefault(int(keys[row]), row)
    at_id = {one: row for row, one in enumerate(ids)} if ids and (by_id or kind is None) else {}
    rows = np.array([at_id.get(int(one), -1) for one in data.table.ids[wanted]], np.int64)
    others = data.canonical[wanted[rows < 0]].tolist()
    rows[rows < 0] = [by_key.get(key, -1) for key in others]
    how = " and ".join(filter(None, (kind, ID if ids else None)))
    said = f"{side.path}: matched by {how}" + ("" if kind else "; it has no SMILES to check this with")
    said += f"; {count(len(side.ragged), 'row')} with a wrong number of fields left out" if side.ragged else ""
    again = _again(keys, readable, by_key, set(others))
    return Match(side, rows, again, said + _strangers(side, data, kind, keys, readable))


def _again(keys: np.ndarray, readable: np.ndarray, by_key: dict[int, int], used: set[int]) -> tuple:
    """Return (row, earlier row) of the same molecule, of those whose row is found by the molecule."""
    places = enumerate(zip(keys.tolist(), readable.tolist(), strict=True))
    return tuple((row, by_key[key]) for row, (key, good) in places if good and key in used and by_key[key] != row)


def _keys(side: SideFile, data: Data) -> tuple[str | None, np.ndarray, np.ndarray]:
    """Return by what molecules can be recognized (None: by nothing), each row's hash, and which rows have one."""
    none = np.zeros(len(side), np.uint64), np.zeros(len(side), bool)
    column = _smiles_of(side, data.smiles_column)
    if any(data.table.smiles) and column is not None:
        keys, readable = _hashes([str(text or "").strip() for text in side.columns[column]], data)
        return ("SMILES", keys, readable) if readable.any() else (None, *none)
    if not any(data.table.smiles) and (column := side.name_of(DIGEST)):
        try:
            return "digest", np.array([int(text, 16) for text in side.columns[column]], np.uint64), ~none[1]
        except (TypeError, ValueError, OverflowError):
            raise DataError(f"{side.path}: expected 16 hexadecimal digits in column {column}") from None
    return None, *none


def _smiles_of(side: SideFile, own: str | None) -> str | None:
    if own in side.columns:
        return own
    rows = enumerate(zip(*side.columns.values(), strict=True))
    sample = [(k, k, [str(cell) for cell in cells]) for k, cells in itertools.islice(rows, SAMPLE)]
    try:
        found = find_structures(side.path, Records(list(side.columns), sample, []), None)
    except DataError:
        return None
    return list(side.columns)[found.at] if found.notation == SMILES else None


def _hashes(texts: list[str], data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Return the hash of each molecule as the data has it, and which could be read. Texts of the data are known."""
    known = dict(zip(data.table.smiles, data.canonical.tolist(), strict=True))
    new = list(dict.fromkeys(text for text in texts if text not in known))
    written = data.standardize == AS_WRITTEN
    hashes, readable = canonical_hashes(new if written else find_parents(new, form=data.standardize).smiles)
    known |= {text: one for text, one, good in zip(new, hashes.tolist(), readable, strict=True) if good}
    keys = np.array([known.get(text, 0) for text in texts], np.uint64)
    return keys, np.array([text in known for text in texts], bool)


def _ids(side: SideFile, *, needed: bool) -> list[int] | None:
    """Return the molecule_id of each row; None where there is none, or none `needed` and it is no number of a row."""
    column = side.name_of(ID)
    if column is None:
        return None
    found = [_whole(value) for value in side.columns[column]]
    ids = [one for one in found if one is not None]
    if len(ids) < len(found):
        row = found.index(None)
        if not needed:
            return None
        raise DataError(
            f"{side.path}, {side.place(row)}: expected a row of the data, from 0, in {column}; got "
            f"{str(side.columns[column][row])[:60]!r}. Give a column of SMILES to match by molecule"
        )
    if len(set(ids)) < len(ids):
        twice = next(one for one, times in Counter(ids).items() if times > 1)
        rows = [side.place(row) for row, one in enumerate(ids) if one == twice]
        raise DataError(f"{side.path} has a molecule_id twice: {twice}, in {rows[0]} and {rows[1]}")
    return ids


def _whole(value: Any) -> int | None:
    """Return a whole number, be it written 7, 7.0 or as text; None for anything else."""
    try:
        return int(value) if isinstance(value, int) or str(value).strip().isdecimal() else _from_float(float(value))
    except (TypeError, ValueError, OverflowError):
        return None


def _from_float(value: float) -> int | None:
    return int(value) if value.is_integer() else None


def _check(side: SideFile, data: Data, kind: str, keys: np.ndarray, readable: np.ndarray, ids: list[int]) -> None:
    """Raise DataError at the first row whose molecule_id and SMILES (or digest) are of different molecules."""
    position = {one: k for k, one in enumerate(data.table.ids.tolist())}
    for row, one in enumerate(ids):
        k = position.get(one)
        if k is not None and not (readable[row] and keys[row] == data.canonical[k]):
            there = data.table.smiles[k] or f"{int(data.canonical[k]):016x}"
            raise DataError(
                f"{side.path}, {side.place(row)}: molecule_id {one} has {kind} {_spelled(side, row)}, but in the data "
                f"it is {there}. The file is about other data or other rows: make it again, or remove its column "
                "molecule_id to match by molecule"
            )


def _spelled(side: SideFile, row: int) -> str:
    """Return the molecule of a row as the file spells it."""
    column = _smiles_of(side, None) or side.name_of(DIGEST) or side.name_of(ID)
    return "" if column is None else str(side.columns[column][row])


def _by_column(side: SideFile, data: Data, wanted: np.ndarray) -> Match | None:
    """Find rows by a column of ids that the data has, too, or by the numbers of its rows.

    Columns of two names are one only if their values have letters or both names are those of ids: ranks may be equal to
    ids by chance. None where there is no such column. Raises DataError where ids with letters are others in the data.
    """
    own = {name: texts for name, column in side.columns.items() if (texts := _ids_in(column))}
    there = _id_columns(data) if own else {}
    rows = data.table.ids[wanted].tolist()
    lettered = {name for name, texts in own.items() if all(any(map(str.isalpha, text)) for text in texts)}
    pairs = [(one, other) for one in own for other in there if one.lower() == other.lower()]
    pairs += [(one, other) for one in own for other in there if one in lettered or (_is_id(one) and _is_id(other))]
    for name, other in dict.fromkeys(pairs):
        at = {text.lower(): row for row, text in enumerate(own[name])}
        found = np.array([at.get(there[other].get(row, "").lower(), -1) for row in rows], np.int64)
        named = name.lower() == other.lower() and name in lettered
        if (found >= 0).all() or (named and (found >= 0).mean() >= _MANY):
            by = (name or "without a name") + (
                "" if name == other else f", which has the values of {other} in the data"
            )
            return Match(side, found, (), f"{side.path}: matched by column {by}; it has no SMILES to check this with")
        if named:
            lost = there[other].get(rows[int(np.argmin(found))], "")
            raise DataError(
                f"{side.path} and the data have a column {name}, but the file lacks {lost!r} there and has no SMILES: "
                "give a column of SMILES, or remove the column to match by row order"
            )
    return next(filter(None, (_by_index(side, data, rows, name, own[name]) for name in own)), None)


def _by_index(side: SideFile, data: Data, rows: list[int], name: str, texts: list[str]) -> Match | None:
    """Find rows by a column of row numbers of the data, as pandas writes its index; None where it is none."""
    if name.strip().lower() not in _INDEX or len(side) != data.table.rows:
        return None
    numbers = [_whole(text) for text in texts]
    first = next((first for first in (0, 1) if set(numbers) == set(range(first, first + len(side)))), None)
    if first is None:
        return None
    at = {number: row for row, number in enumerate(numbers)}
    said = f"matched by column {name or 'without a name'}, as the row of the data from {first}"
    found = np.array([at[row + first] for row in rows], np.int64)
    return Match(side, found, (), f"{side.path}: {said}; it has no SMILES to check this with")


def _id_columns(data: Data) -> dict[str, dict[int, str]]:
    """Return the columns of the data's file that may be ids and are no labels: {name: {row: text}}."""
    if data.source is None:
        return {}
    records, kept = read_records(data.source, data.sheet), set(data.table.ids.tolist())
    rows = [(row, fields) for row, _, fields in records.rows if row in kept]
    columns = zip(records.header, zip(*(fields for _, fields in rows), strict=True), strict=True) if rows else ()
    return {
        name: dict(zip((row for row, _ in rows), texts, strict=True))
        for name, cells in columns
        if name not in data.table.asked_for and (texts := _ids_in(cells))
    }


def _ids_in(cells: Iterable[object]) -> list[str]:
    """Return the texts of a column if they may be ids: several, all different in lower case, none empty and no numbers
    with decimals; else none.
    """
    texts = [str(cell).strip() for cell in cells]
    whole = [_whole(text) for text in texts]
    if any(number is None and number_in(text) is not None for text, number in zip(texts, whole, strict=True)):
        return []
    texts = [text if number is None else str(number) for text, number in zip(texts, whole, strict=True)]
    return texts if len({text.lower() for text in texts}) == len(texts) > 1 and all(texts) else []


def _is_id(name: str) -> bool:
    """Return whether a column is one of ids by its name."""
    return "id" in re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())


def _by_order(side: SideFile, data: Data, wanted: np.ndarray) -> Match:
    if side.ragged:
        raise DataError(f"{side.path}, line {side.ragged[0].line}: {side.ragged[0].reason}")
    if len(side) != data.table.rows:
        raise DataError(
            f"{side.path} has {len(side)} rows, the data {data.table.rows}, and no SMILES or molecule_id: give a "
            "column of SMILES, a column molecule_id (row of the data, from 0), or a row for each row of the data"
        )
    said = f"{side.path}: matched by row order: it has no SMILES or molecule_id; add SMILES to have the order checked"
    return Match(side, data.table.ids[wanted], (), said)


def _missing(side: SideFile, data: Data, missing: np.ndarray, wanted: int, what: str) -> DataError:
    missing = missing[np.argsort(data.table.ids[missing])]
    named = ", ".join(f"molecule_id {data.table.ids[k]} {data.table.smiles[k]}".strip() for k in missing[:_NAMED])
    more = ", ..." if len(missing) > _NAMED else ""
    said = f"{side.path} lacks {len(missing)} of the {wanted} {what}, the first with {named}{more}"
    if side.ragged:
        said += f"; line {side.ragged[0].line} cannot be read: {side.ragged[0].reason}"
    return DataError(said)


def _strangers(side: SideFile, data: Data, kind: str | None, keys: np.ndarray, readable: np.ndarray) -> str:
    """Return in words how many rows are about no molecule of the data."""
    if kind is None:
        return ""
    strangers = int((readable & ~np.isin(keys, data.canonical)).sum())
    unreadable = len(side) - int(readable.sum())
    said = f"; {count(strangers, 'row')} about molecules that the data lacks" if strangers else ""
    return said + (f"; {count(unreadable, 'row')} with SMILES that cannot be read" if unreadable else "")
