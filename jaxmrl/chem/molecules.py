"""SMILES -> RDKit molecules in canonical form: one molecule, one text, one order of atoms. RDKit only."""

import re
from typing import TYPE_CHECKING, Any

from jaxmrl.io.cells import INVISIBLE

if TYPE_CHECKING:
    from rdkit.Chem import Mol

CANONICAL_VERSION = 4
"""The version of the canonical form. Raise it when the form changes, so that nothing cached has the form before."""

MAX_ATOMS = 5_000
MAX_LENGTH = 10 * MAX_ATOMS
"""The most characters of a SMILES."""

MAX_RINGS = 500
"""The most independent rings of a molecule. The time to find them grows with the cube of their number."""

MAX_BONDS, MAX_BONDS_PER_ATOM = 24, 3
"""The most bonds of one atom, and of a molecule. Path fingerprints take time that grows with their seventh power."""

_REASON_LENGTH = 200
_MAX_ISOTOPE, _MAX_IN_BRACKETS = 999, 118
_BRACKETS = re.compile(r"\[(\d*)([^]:]*)")
_ATOM_MAP = re.compile(r"\[[^]:]*:\d+\]")
_SMARTS = re.compile(r"\[#\d+\]\d*[-=#:~]|[-=#:~]\[#\d+\]")
"""An atom of SMARTS beside a bond, as programs write them."""

_REST = re.compile(r"\.\s*[A-Z\[].*|(?!\()(?=.*(?:\(=|=O|#N|c1|C1))[BCNOPSFIHclnospr\d@+\-\[\]()=#/\\.%]+")
"""Text after a blank that is no name, but more of a SMILES."""

_SHOWN = 40
"""The most characters of a text that a message repeats."""


EMPTY = "empty SMILES"
"""The reason of a cell without a molecule."""


class UnusableMoleculeError(ValueError):
    """A SMILES that cannot become a molecule; the message is the reason."""


def spelling(text: str) -> str:
    """Return the SMILES in `text`: what stands before its first blank.

    After it come a name or a CXSMILES extension in many files. Neither is part of the molecule here. Raises
    UnusableMoleculeError for a text that has no SMILES, or several lines.
    """
    words = text.translate(INVISIBLE).split(maxsplit=1)
    if not words:
        raise UnusableMoleculeError(EMPTY)
    if "\n" in text.strip() or "\r" in text.strip():
        raise UnusableMoleculeError("a SMILES cannot contain a line break")
    if len(words) > 1 and _REST.fullmatch(words[1]):
        raise UnusableMoleculeError("a blank within the SMILES")
    return words[0]


def canonicalize(text: str) -> tuple[str, Any]:
    """Return a molecule's canonical SMILES and the RDKit molecule that is read from it.

    Reading the canonical SMILES and writing it gives it again. RDKit's chirality tags, bond directions and order of
    atoms depend on the text that was read, so features are made of this molecule and of no other. Atom-map numbers are
    removed: they distinguish atoms that are equal, which can make a center chiral that is not. Raises
    UnusableMoleculeError with the reason.
    """
    read: dict[str, Any] = {}
    smiles = spelling(text)
    while smiles not in read:
        read[smiles] = parse(smiles)
        smiles = _write(read[smiles], mapped=":" in smiles)
    # Nearly always this is the form that was read last. If RDKit's forms repeat in a cycle, each of them leads here.
    texts = list(read)
    smiles = min(texts[texts.index(smiles) :])
    return smiles, read[smiles]


def ignored_parts(smiles: list[str], lines: list[int]) -> list[str]:
    """Return what of these texts is no part of their molecules, a sentence for each kind of it.

    lines: of the file, where each text stands.
    """
    found, total = [], f"{len(smiles):,} SMILES"
    split = [(line, text.split(maxsplit=1)) for line, text in zip(lines, smiles, strict=True)]
    after = [(line, words[1]) for line, words in split if len(words) > 1]
    if after:
        found.append(
            f"{len(after):,} of {total}: more text after a blank (line {after[0][0]}: {after[0][1][:_SHOWN]!r}); names "
            "and CXSMILES extensions are not part of the molecule and are ignored"
        )
    mapped = [line for line, text in zip(lines, smiles, strict=True) if _ATOM_MAP.search(text)]
    if mapped:
        found.append(f"{len(mapped):,} of {total}: atom-map numbers (line {mapped[0]}), which are ignored")
    return found


def _write(molecule: "Mol", mapped: bool) -> str:
    from rdkit import Chem

    try:
        if mapped:
            for atom in molecule.GetAtoms():
                atom.SetAtomMapNum(0)
        return Chem.MolToSmiles(molecule)
    except (RuntimeError, ValueError):
        raise UnusableMoleculeError("RDKit cannot write it as SMILES") from None


def parse(text: str) -> "Mol":
    """Return the RDKit molecule of the SMILES in `text`, as it is spelled.

    Raises UnusableMoleculeError with the reason.
    """
    from rdkit import rdBase

    smiles = spelling(text)
    if len(smiles) > MAX_LENGTH:
        raise UnusableMoleculeError(f"{len(smiles)} characters; at most {MAX_LENGTH} are supported")
    _check_spelling(smiles)
    with rdBase.BlockLogs():
        try:
            return _parse(smiles)
        except UnusableMoleculeError:
            raise
        except (RuntimeError, ValueError):  # RDKit's own checks, which some SMILES trip over
            raise UnusableMoleculeError("RDKit fails on it") from None


def _parse(smiles: str) -> "Mol":
    from rdkit import Chem

    if len(smiles) > 2 * MAX_RINGS:  # a shorter one cannot have so many
        check_size(Chem.MolFromSmiles(smiles, sanitize=False))
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        raise UnusableMoleculeError(_why_unparsable(smiles))
    if molecule.GetNumAtoms() == 0:
        raise UnusableMoleculeError("molecule without atoms")
    _check_bonds(molecule)
    return molecule


def _check_spelling(smiles: str) -> None:
    """Refuse what RDKit would read as another molecule without saying so.

    It drops what is no ASCII at the end, keeps the last 8 or 16 bits of a number, and reads the atoms of SMARTS such as
    [#6]-[#8] as atoms without hydrogens.
    """
    if _SMARTS.search(smiles):
        raise UnusableMoleculeError("it is SMARTS, which describes patterns; expected SMILES")
    if not (smiles.isascii() and smiles.isprintable()):
        odd = next(character for character in smiles if not (character.isascii() and character.isprintable()))
        raise UnusableMoleculeError(f"a SMILES cannot contain {odd!r}")
    for isotope, rest in _BRACKETS.findall(smiles) if "[" in smiles else ():
        numbers = [int(digits[:9]) for digits in re.findall(r"\d+", rest)]
        if int(isotope[:9] or 0) > _MAX_ISOTOPE or max(numbers, default=0) > _MAX_IN_BRACKETS:
            raise UnusableMoleculeError(f"a number in [{(isotope + rest)[:20]}] is too large")


def check_size(molecule: "Mol | None") -> None:
    """Refuse a molecule, not yet sanitized, that has too many atoms or rings: finding rings may take hours."""
    from rdkit import Chem

    if molecule is None:
        return
    atoms = molecule.GetNumAtoms()
    if atoms > MAX_ATOMS:
        raise UnusableMoleculeError(f"{atoms} atoms; at most {MAX_ATOMS} are supported")
    rings = molecule.GetNumBonds() - atoms + len(Chem.GetMolFrags(molecule))
    if rings > MAX_RINGS:
        raise UnusableMoleculeError(f"{rings} rings; at most {MAX_RINGS} are supported")


def _check_bonds(molecule: "Mol") -> None:
    atoms, bonds = molecule.GetNumAtoms(), molecule.GetNumBonds()
    if bonds > MAX_BONDS_PER_ATOM * atoms:
        raise UnusableMoleculeError(f"{bonds} bonds of {atoms} atoms; at most {MAX_BONDS_PER_ATOM} each are supported")
    most = max(atom.GetDegree() for atom in molecule.GetAtoms()) if bonds > MAX_BONDS else 0
    if most > MAX_BONDS:
        raise UnusableMoleculeError(f"an atom with {most} bonds; at most {MAX_BONDS} are supported")


def _why_unparsable(smiles: str) -> str:
    from rdkit import Chem

    if smiles.startswith("InChI="):
        return "an InChI in a column of SMILES"
    if smiles.count(">") == 2:
        return "a reaction, not a molecule"
    try:
        check_problems(Chem.MolFromSmiles(smiles, sanitize=False), "not a valid SMILES")
    except UnusableMoleculeError as error:
        return str(error)
    return "RDKit cannot sanitize it"


def check_problems(molecule: "Mol | None", unread: str) -> None:
    """Raise UnusableMoleculeError with the first problem of a molecule that is not sanitized.

    unread: the reason where there is no molecule.
    """
    from rdkit import Chem

    if molecule is None:
        raise UnusableMoleculeError(unread)
    if problems := Chem.DetectChemistryProblems(molecule):
        raise UnusableMoleculeError(problems[0].Message()[:_REASON_LENGTH])
