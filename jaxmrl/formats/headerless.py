"""Tables without a header, as .smi files are: their first line has a molecule."""

from jaxmrl.chem.molecules import UnusableMoleculeError, parse

_SHARE = 0.9
"""The share of SMILES from which a column is one of molecules."""

_LONG = 2
"""Characters beyond which a text that RDKit reads is a SMILES and not the name of a column, such as C or CN."""


def names_of_headerless(records: list[list[str]], *, named: bool) -> tuple[str, ...]:
    """Return names for the columns of a table whose first line has a molecule; none for one that has a header.

    records: the fields of the first lines. named: whether the first line has the name of a column of SMILES. The
    molecules become `smiles`, what follows them in a table of two columns of text `name`, and others "column 3".
    """
    if named or not records:
        return ()
    first, *rows = records
    at = next((k for k, text in enumerate(first) if _is_molecule(text) and _are_molecules(rows, k)), None)
    if at is None or (not rows and len(first[at]) <= _LONG):
        return ()
    names = [f"column {k + 1}" for k in range(len(first))]
    names[at] = "smiles"
    if at + 1 < len(first) and not any(is_number(row[at + 1]) for row in records if len(row) > at + 1):
        names[at + 1] = "name"
    return tuple(names)


def _are_molecules(rows: list[list[str]], at: int) -> bool:
    texts = [row[at] for row in rows if len(row) > at and row[at].strip()]
    if rows and not any(len(text) > _LONG for text in texts):
        return False
    return sum(map(_is_molecule, texts)) >= _SHARE * len(texts)


def is_long_molecule(text: str) -> bool:
    """Return whether a cell is a molecule, and too long to be the name of a column or a word."""
    return len(text.strip()) > _LONG and _is_molecule(text)


def _is_molecule(text: str) -> bool:
    if not text.strip() or is_number(text):  # RDKit is imported for what may be a molecule alone
        return False
    try:
        parse(text)
    except UnusableMoleculeError:
        return False
    return True


def is_number(text: str) -> bool:
    """Return whether a cell is a number, with a decimal point or comma."""
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True
