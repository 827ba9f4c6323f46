"""Which column of a table has the molecules, and in which notation: by its name, and by what stands in it."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from jaxmrl.chem.molecules import EMPTY, UnusableMoleculeError, parse
from jaxmrl.chem.notations import INCHI, MOL_BLOCK, SMILES
from jaxmrl.errors import DataError
from jaxmrl.io.missing import SUMMARIES, is_mark, is_missing
from jaxmrl.io.records import Records, Rejected, column_index, column_names, is_permuted_header, one_column

SAMPLE = 50
"""Rows that show what stands in a column."""

_NAMES = (
    ("smiles",),
    ("canonicalsmiles", "isomericsmiles", "smilescanonical", "smilesisomeric", "rdkitsmiles", "cansmiles", "isosmiles"),
    ("smi", "cxsmiles", "smilesstring", "moleculesmiles", "compoundsmiles", "structuresmiles", "ligandsmiles"),
    ("mol", "molecule", "structure", "rdmol", "romol"),
)
"""Names of such columns without blanks and signs, by how well they fit; after the third, others with smiles in them."""

_OF_A_PART = re.compile(
    r"scaffold|murcko|framework|(?<![a-z])core|fragment|(?<!de)salt(?![-_ ]?(?:free|stripped|removed|less))"
    r"|r[-_ ]?group|(?<![a-z0-9])r\d+(?![a-z0-9])|reactant|reagent|product|catalyst|solvent|linker|warhead",
    re.IGNORECASE,
)
"""Words in the name of a column that has parts of the molecules, or others made of them."""

_LOOSE = 3
_SMALLEST_SHARE = 0.5
"""The share of sampled cells that must be SMILES in a column that is chosen by its name."""

_HEADER = "a repeated header"
_UNIT_ROWS = frozenset({"unit", "units", "[unit]", "(unit)", "string", "text", "object"})
"""What stands there in a row of units or types below the header."""

_RULE = re.compile(r"[-=_]{2,}")
"""A line below the header, as of SQL programs."""

_FIRST_WORD = re.compile(r"[a-z]+(?![a-z0-9@\[(=#/\\])")

_INCHI = re.compile(r"\s*(InChI=)?1S?/[A-Z0-9]")
_INCHI_KEY = re.compile(r"\s*[A-Z]{14}-[A-Z]{10}-[A-Z]\s*")
_MOL_BLOCK = re.compile(r"V[23]000|M  END")
_PLURALS = {INCHI: "InChI", MOL_BLOCK: "mol blocks"}


@dataclass(frozen=True)
class StructureColumn:
    """The column of the molecules. at: its index; notation: SMILES, INCHI or MOL_BLOCK; remarks: on the choice."""

    at: int
    notation: str = SMILES
    remarks: tuple[str, ...] = ()


def find_structures(path: Path, records: Records, name: str | None) -> StructureColumn:
    """Return the column of the molecules.

    That of SMILES whose name fits best, else one that has InChI or mol blocks.

    Args:
        path: The file.
        records: The first SAMPLE rows at least.
        name: The column that was asked for; None for the one that fits best.

    Raises:
        DataError: Where there is none, or it has InChIKeys, which do not say what the molecule is.
    """
    header = records.header
    if name is not None:
        at = column_index(path, header, name)
        _refuse_keys(path, records, at)
        return _described(records, at, _notation(records, at), [], asked_for=True)
    named = [k for k in range(len(header)) if _fit(header[k]) is not None]
    named.sort(key=lambda k: (_fit(header[k]), header[k] != "smiles", k))
    sound = [k for k in named if _share(records, k) >= _SMALLEST_SHARE]
    whole = [k for k in sound if not _OF_A_PART.search(header[k])]
    if whole:
        return _described(records, whole[0], SMILES, named)
    others = [(k, _notation(records, k)) for k in [*named, *(k for k in range(len(header)) if k not in named)]]
    if converted := [(k, one) for k, one in others if one != SMILES and not (sound and _OF_A_PART.search(header[k]))]:
        return _described(records, *converted[0], named)
    if sound:
        return _described(records, sound[0], SMILES, named)
    if not named:
        raise _none_named(path, records)
    _refuse_keys(path, records, named[0])
    likely = [header[k] for k in range(len(header)) if k not in named and _looks_like_smiles(records, k)]
    hint = [f"column {likely[0]} looks like SMILES; --smiles-column takes it"] if likely else []
    return StructureColumn(named[0], SMILES, (*_remarks(records, named[0], []), *hint))


def only_molecules(records: Records, column: StructureColumn) -> Records:
    """Return a table without the rows that name no molecule, which say nothing of what its columns have.

    They are empty there, repeat the header, or are a total of the others; `rejected` has them, and `empty` those below
    a header. A table of such rows alone remains as it is. Raises DataError for a header of other columns below rows.
    """
    name = records.header[column.at].lower()
    _check_headers(records)
    cells = [fields[column.at].strip() for *_, fields in records.rows]
    reasons = [_why_no_molecule("block" if text and column.notation == MOL_BLOCK else text, name) for text in cells]
    if all(reasons) or not any(reasons):
        return records
    kept = [row for row, reason in zip(records.rows, reasons, strict=True) if not reason]
    rejected = [
        Rejected(line, records.separator.join(fields), reason)
        for (_, line, fields), reason in zip(records.rows, reasons, strict=True)
        if reason
    ]
    below, of_header = [], True
    for (*_, fields), reason in zip(records.rows, reasons, strict=True):
        of_header = bool(reason) and (of_header or reason == _HEADER)
        below += [fields] if of_header and reason != _HEADER else []
    return replace(records, rows=kept, rejected=[*records.rejected, *rejected], empty=(*records.empty, *below))


def _check_headers(records: Records) -> None:
    """Raise DataError where a header within the table has the columns in another order."""
    for _, line, fields in records.rows:
        if is_permuted_header(records.header, fields):
            raise DataError(
                f"line {line} is a header with the columns in another order ({column_names(fields)[:80]}): put the two "
                "tables into files of their own"
            )


def _why_no_molecule(text: str, header: str) -> str:
    """Return why a cell names no molecule; empty if it may name one."""
    lower = text.lower()
    if is_missing(text):
        return EMPTY
    if lower == header:
        return _HEADER
    first = _FIRST_WORD.match(lower)
    if is_mark(text) or lower in _UNIT_ROWS or _RULE.fullmatch(text) or (first and first[0] in SUMMARIES):
        return f"{text[:40]!r} is no molecule"
    return ""


def _described(
    records: Records, at: int, notation: str, named: list[int], *, asked_for: bool = False
) -> StructureColumn:
    remarks = [] if asked_for else _remarks(records, at, named)
    if notation != SMILES:
        remarks = [f"molecules: column {records.header[at]} has {_PLURALS[notation]}, converted to SMILES"]
    return StructureColumn(at, notation, tuple(remarks))


def _notation(records: Records, at: int) -> str:
    """Return the notation of a column's molecules by its sampled cells; SMILES for what is no other."""
    cells = _cells(records, at)
    for notation, matches in ((INCHI, _INCHI.match), (MOL_BLOCK, _MOL_BLOCK.search)):
        if cells and sum(bool(matches(text)) for _, text in cells) >= _SMALLEST_SHARE * len(cells):
            return notation
    return SMILES


def _fit(name: str) -> int | None:
    """Return how well a column's name says that it has molecules, 0 best; None if it does not."""
    plain = re.sub(r"[^a-z]", "", name.lower())
    if "smiles" in plain and _OF_A_PART.search(name):
        return len(_NAMES) + 1
    for rank, names in enumerate(_NAMES):
        if plain in names:
            return rank if rank < _LOOSE else rank + 1
    return _LOOSE if "smiles" in plain else None


def _cells(records: Records, at: int) -> list[tuple[int, str]]:
    """Return (line, text) of the sampled cells that are not empty."""
    return [(line, fields[at]) for _, line, fields in records.rows[:SAMPLE] if fields[at].strip()]


def _share(records: Records, at: int) -> float:
    """Return the share of SMILES among the sampled cells; 0 if all are empty."""
    cells = _cells(records, at)
    return sum(_is_smiles(text) for _, text in cells) / len(cells) if cells else 0.0


def _is_smiles(text: str) -> bool:
    try:
        parse(text)
    except UnusableMoleculeError:
        return False
    return True


def _remarks(records: Records, at: int, named: list[int]) -> list[str]:
    header = records.header
    others = [k for k in named if k != at]
    if header[at].lower() == "smiles" and not others:
        return []
    said = f"molecules: column {header[at]}"
    if others:
        said += f"; not used: {column_names([header[k] for k in others])}"
    return [said]


def _refuse_keys(path: Path, records: Records, at: int) -> None:
    """Raise DataError if the column has InChIKeys, which are hashes of molecules."""
    cells = _cells(records, at)
    found = [(line, text) for line, text in cells if _INCHI_KEY.fullmatch(text)]
    if found and len(found) >= _SMALLEST_SHARE * len(cells):
        line, text = found[0]
        raise DataError(
            f"{path}, column {records.header[at]}, line {line}: {text.strip()!r} is an InChIKey, a hash that has no "
            "molecule; expected SMILES, InChI or mol blocks: name another column with --smiles-column"
        )


def _none_named(path: Path, records: Records) -> DataError:
    header = records.header
    for _, line, fields in records.rows[:SAMPLE]:
        if any(_fit(text) in (0, 1) for text in fields):
            raise DataError(
                f"{path}, line {line} looks like the header ({', '.join(fields)[:60]}): remove the lines before it"
            )
    said = f"{path} has no column named smiles; name it with --smiles-column: {column_names(header)}"
    if len(header) == 1 and len(header[0].split()) > 1:
        return one_column(path, header)
    filled = [k for k in range(len(header)) if _cells(records, k)]
    if likely := [header[k] for k in filled if _looks_like_smiles(records, k)]:
        said += f"; {likely[0] or 'the one without a name'} looks like SMILES"
    for k in filled:
        _refuse_keys(path, records, k)
    return DataError(said)


def _looks_like_smiles(records: Records, at: int) -> bool:
    cells = _cells(records, at)
    return any(len(text) > 5 for _, text in cells) and _share(records, at) > 0.9
