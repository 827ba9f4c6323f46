"""InChI and mol blocks -> SMILES, by RDKit."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from jaxmrl.chem.molecules import MAX_LENGTH, UnusableMoleculeError, check_problems, check_size
from jaxmrl.io import cache

if TYPE_CHECKING:
    from rdkit.Chem import Mol

VERSION = 2
SMILES, INCHI, MOL_BLOCK = "SMILES", "InChI", "mol block"

_LONG_BLOCK = 500
"""Lines of a mol block, and characters of an InChI, beyond which its size is checked before its rings are found."""

_MAX_BLOCK = 1_000_000


def convert(texts: list[str], notation: str) -> list[tuple[str, str]]:
    """Return (SMILES, reason) of each text: one of the two is empty, and the reason says what is wrong with it.

    Stereochemistry is kept: of a mol block, what its wedges or its 3D coordinates say. Converted in parallel processes,
    and cached.

    Args:
        texts: Molecules.
        notation: INCHI or MOL_BLOCK.
    """
    if not texts:
        return []
    lines = cache.cached_lines(f"smiles-of-{notation.split()[0].lower()}", VERSION, texts, _CONVERTERS[notation])
    return [("", line[1:]) if line.startswith("!") else (line, "") for line in lines]


def _from_inchi(texts: list[str]) -> list[str]:
    return [_line(text, _read_inchi) for text in texts]


def _from_mol_block(texts: list[str]) -> list[str]:
    return [_line(text, read_mol_block) for text in texts]


_CONVERTERS = {INCHI: _from_inchi, MOL_BLOCK: _from_mol_block}


def _line(text: str, read: "Callable[[str], Mol | None]") -> str:
    """Return the SMILES of a text, or ! and the reason why it has none."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        try:
            molecule = read(text)
            if molecule is None:
                return "!RDKit cannot read it"
            return "!molecule without atoms" if not molecule.GetNumAtoms() else Chem.MolToSmiles(molecule)
        except UnusableMoleculeError as error:
            return f"!{' '.join(str(error).split())}"
        except (RuntimeError, ValueError):
            return "!RDKit fails on it"


def _read_inchi(text: str) -> "Mol | None":
    from rdkit import Chem

    text = text.strip()
    if len(text) > MAX_LENGTH:
        raise UnusableMoleculeError(f"{len(text)} characters; at most {MAX_LENGTH} are supported")
    if not text.isascii() or not text.startswith(("InChI=", "1/", "1S/")):
        raise UnusableMoleculeError("not a valid InChI")
    text = text if text.startswith("InChI=") else f"InChI={text}"
    if len(text) > _LONG_BLOCK:
        check_size(Chem.MolFromInchi(text, sanitize=False, removeHs=False))
    molecule = Chem.MolFromInchi(text)
    if molecule is None:
        raise UnusableMoleculeError("not a valid InChI")
    return molecule


def read_mol_block(text: str, *, hydrogens: bool = False) -> "Mol | None":
    """Return the molecule of a mol block; None if RDKit gives no reason why there is none.

    Raises UnusableMoleculeError with the reason.

    Args:
        text: The mol block.
        hydrogens: Whether its hydrogens stay atoms.
    """
    from rdkit import Chem

    if len(text) > _MAX_BLOCK:
        raise UnusableMoleculeError(f"{len(text)} characters; at most {_MAX_BLOCK} are supported")
    if "\n" not in text:  # JSON and some databases write line breaks as two characters
        text = text.replace("\\r", "").replace("\\n", "\n")
    text = _aligned(text)
    if text.count("\n") > _LONG_BLOCK:
        check_size(Chem.MolFromMolBlock(text, sanitize=False, removeHs=False))
    molecule = Chem.MolFromMolBlock(text, removeHs=not hydrogens)
    if molecule is None:
        check_problems(Chem.MolFromMolBlock(text, sanitize=False, removeHs=False), "not a valid mol block")
        return None
    _refuse_aliases(molecule)
    return molecule


def _refuse_aliases(molecule: "Mol") -> None:
    """Raise UnusableMoleculeError for an abbreviation such as OMe in place of atoms, which RDKit reads as one atom."""
    for atom in molecule.GetAtoms():
        alias = atom.GetProp("molFileAlias").strip() if atom.HasProp("molFileAlias") else ""
        symbol = re.escape(atom.GetSymbol())
        if alias and alias != "*" and not re.fullmatch(rf"(?:H\d?)?{symbol}(?:H\d?|\d{{1,3}})?[+-]?", alias):
            raise UnusableMoleculeError(f"the abbreviation {alias[:20]!r} in place of atoms; expand it")


def _aligned(block: str) -> str:
    """Return a mol block with its counts in the fourth line, where programs have cut off empty lines before it."""
    lines = block.splitlines()
    at = next((k for k, line in enumerate(lines[:4]) if line.rstrip().endswith(("V2000", "V3000"))), 3)
    return "\n".join([*[""] * (3 - at), *lines]) + "\n"
