"""SMILES -> flat arrays of 2D molecular graphs. NumPy and RDKit only: worker processes import this without JAX.

Atoms carry their atomic number and chirality tag. Bonds never become edge arrays: each atom has up to
`NEIGHBOURS` neighbour indices and counts of its bonds by type and direction. The few atoms with more neighbours
keep the rest in an overflow row, to which their last neighbour index points.
"""

import re
from dataclasses import dataclass, fields

import numpy as np

VERSION = 2
"""Part of the key of the prepared cache: raise it when the arrays below change for the same SMILES."""

NEIGHBOURS = 4
ATOM_KINDS = 120
"""Atomic numbers 0 (dummy) to 118, and one index for an atom masked in pre-training."""

CHIRALITY_KINDS = 4
BOND_TYPES = 6
BOND_DIRECTIONS = 3
BOND_FEATURES = BOND_TYPES + BOND_DIRECTIONS
SELF_LOOP = 4
NO_NEIGHBOUR = -1
MAX_ATOMS = 5_000
MAX_LENGTH = 10 * MAX_ATOMS
"""Characters of a SMILES."""

MAX_RINGS = 500
"""Independent ones, of a molecule. The time to find them grows with the cube of their number."""

MAX_BONDS, MAX_BONDS_PER_ATOM = 24, 3
"""Of one atom, and of a molecule. Path fingerprints take time that grows with their seventh power."""

_REASON_LENGTH = 200
_MAX_ISOTOPE, _MAX_IN_BRACKETS = 999, 118
_BRACKETS = re.compile(r"\[(\d*)([^]:]*)")

_TYPES = {"SINGLE": 0, "DOUBLE": 1, "TRIPLE": 2, "AROMATIC": 3}
_DIRECTIONS = {"NONE": 0, "ENDUPRIGHT": 1, "ENDDOWNRIGHT": 2}
_CHIRALITY = {"CHI_UNSPECIFIED": 0, "CHI_TETRAHEDRAL_CW": 1, "CHI_TETRAHEDRAL_CCW": 2}
_OTHER_CHIRALITY = 3


@dataclass(frozen=True)
class Graphs:
    """The graphs of `N` molecules with `A` atoms and `V` overflow rows between them.

    size [N] int32            atoms of each molecule
    overflow_size [N] int32   overflow rows of each molecule
    atom [A] uint8            atomic number
    chirality [A] uint8
    neighbour [A, 4] int16    index within the molecule; -1 is none; -2 - j is the molecule's overflow row j
    bonds [A, 9] uint8        counts of the atom's bonds by type (6) and by direction (3), self-loop included
    overflow [V, D] int16     further neighbours, indices within the molecule; -1 is none
    """

    size: np.ndarray
    overflow_size: np.ndarray
    atom: np.ndarray
    chirality: np.ndarray
    neighbour: np.ndarray
    bonds: np.ndarray
    overflow: np.ndarray

    def __len__(self) -> int:
        return len(self.size)

    def resources(self) -> np.ndarray:
        """Node rows and overflow rows that each molecule takes of a batch, [N, 2]."""
        return np.stack([self.size, self.overflow_size], axis=1)

    def rows(self, limits: np.ndarray, batch_size: int) -> int:
        """Rows of a batch within `limits`."""
        return int(limits[0])


class UnusableMoleculeError(ValueError):
    """A SMILES that cannot become a graph; the message is the reason."""


def parse(smiles: str):
    """The RDKit molecule of `smiles`; raises UnusableMoleculeError with the reason."""
    from rdkit import rdBase

    written = smiles.strip()
    if not written:
        raise UnusableMoleculeError("empty SMILES")
    if len(written) > MAX_LENGTH:
        raise UnusableMoleculeError(f"{len(written)} characters; at most {MAX_LENGTH} are supported")
    _check_spelling(written)
    with rdBase.BlockLogs():
        try:
            return _parse(written)
        except UnusableMoleculeError:
            raise
        except (RuntimeError, ValueError):  # RDKit's own checks, which some SMILES trip over
            raise UnusableMoleculeError("RDKit fails on it") from None


def _parse(smiles: str):
    from rdkit import Chem

    if len(smiles) > 2 * MAX_RINGS:  # a shorter one cannot have so many
        _check_size(Chem.MolFromSmiles(smiles, sanitize=False))
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        raise UnusableMoleculeError(_why_unparsable(smiles))
    if molecule.GetNumAtoms() == 0:
        raise UnusableMoleculeError("molecule without atoms")
    _check_bonds(molecule)
    return molecule


def _check_spelling(smiles: str) -> None:
    """Refuses what RDKit would read as another molecule without a word.

    It ends at a line break, drops what is no ASCII at the end, and keeps the last 8 or 16 bits of a number.
    """
    text = re.split("[ \t]", smiles)[0]
    if "\n" in smiles or "\r" in smiles:
        raise UnusableMoleculeError("a SMILES has no line break")
    if not (text.isascii() and text.isprintable()):
        odd = next(character for character in text if not (character.isascii() and character.isprintable()))
        raise UnusableMoleculeError(f"a SMILES has no {odd!r}")
    for isotope, rest in _BRACKETS.findall(text) if "[" in text else ():
        numbers = [int(digits[:9]) for digits in re.findall(r"\d+", rest)]
        if int(isotope[:9] or 0) > _MAX_ISOTOPE or max(numbers, default=0) > _MAX_IN_BRACKETS:
            raise UnusableMoleculeError(f"a number in [{isotope}{rest[:20]}] is too large")


def _check_size(molecule) -> None:
    """Refuses a molecule, not yet sanitised, that has too many atoms or rings: finding rings may take hours."""
    from rdkit import Chem

    if molecule is None:
        return
    atoms = molecule.GetNumAtoms()
    if atoms > MAX_ATOMS:
        raise UnusableMoleculeError(f"{atoms} atoms; at most {MAX_ATOMS} are supported")
    rings = molecule.GetNumBonds() - atoms + len(Chem.GetMolFrags(molecule))
    if rings > MAX_RINGS:
        raise UnusableMoleculeError(f"{rings} rings; at most {MAX_RINGS} are supported")


def _check_bonds(molecule) -> None:
    atoms, bonds = molecule.GetNumAtoms(), molecule.GetNumBonds()
    if bonds > MAX_BONDS_PER_ATOM * atoms:
        raise UnusableMoleculeError(f"{bonds} bonds of {atoms} atoms; at most {MAX_BONDS_PER_ATOM} each are supported")
    most = max(atom.GetDegree() for atom in molecule.GetAtoms()) if bonds > MAX_BONDS else 0
    if most > MAX_BONDS:
        raise UnusableMoleculeError(f"an atom with {most} bonds; at most {MAX_BONDS} are supported")


def _why_unparsable(smiles: str) -> str:
    from rdkit import Chem

    raw = Chem.MolFromSmiles(smiles, sanitize=False)
    if raw is None:
        return "not a valid SMILES"
    problems = Chem.DetectChemistryProblems(raw)
    return problems[0].Message()[:_REASON_LENGTH] if problems else "RDKit cannot sanitise it"


def molecule_graph(molecule) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[list[int]]]:
    """atom, chirality, neighbour, bonds of one RDKit molecule, and its overflow rows as lists of neighbours."""
    count = molecule.GetNumAtoms()
    atoms = list(molecule.GetAtoms())
    atom = np.array([a.GetAtomicNum() for a in atoms], np.uint8)
    chirality = np.array([_CHIRALITY.get(a.GetChiralTag().name, _OTHER_CHIRALITY) for a in atoms], np.uint8)
    bonds = np.zeros((count, BOND_FEATURES), np.uint8)
    bonds[:, SELF_LOOP] = bonds[:, BOND_TYPES] = 1
    neighbours = [[] for _ in range(count)]
    for bond in molecule.GetBonds():
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        kind = _TYPES.get(bond.GetBondType().name, _TYPES["SINGLE"])
        direction = BOND_TYPES + _DIRECTIONS.get(bond.GetBondDir().name, 0)
        for a, b in ((i, j), (j, i)):
            bonds[a, kind] += 1
            bonds[a, direction] += 1
            neighbours[a].append(b)
    table = np.full((count, NEIGHBOURS), NO_NEIGHBOUR, np.int16)
    overflow = []
    for a, found in enumerate(neighbours):
        if len(found) > NEIGHBOURS:
            overflow.append(found[NEIGHBOURS - 1 :])
            found = [*found[: NEIGHBOURS - 1], -1 - len(overflow)]
        table[a, : len(found)] = found
    return atom, chirality, table, bonds, overflow


def featurise(smiles: list[str]) -> tuple[Graphs, list[str], dict[int, str]]:
    """Graphs and canonical SMILES of the usable molecules, in order, and {position: reason} of the others."""
    from rdkit import Chem

    parts, overflow, canonical, rejected = [], [], [], {}
    for position, text in enumerate(smiles):
        try:
            molecule = parse(text)
            name = Chem.MolToSmiles(molecule)
        except UnusableMoleculeError as reason:
            rejected[position] = str(reason)
            continue
        except (RuntimeError, ValueError):
            rejected[position] = "RDKit cannot write it as SMILES"
            continue
        *arrays, rows = molecule_graph(molecule)
        parts.append((*arrays, len(rows)))
        overflow.extend(rows)
        canonical.append(name)
    return _pack(parts, overflow), canonical, rejected


def _pack(parts: list[tuple], overflow_rows: list[list[int]]) -> Graphs:
    overflow = np.full((len(overflow_rows), max(map(len, overflow_rows), default=0)), NO_NEIGHBOUR, np.int16)
    for row, found in zip(overflow, overflow_rows, strict=True):
        row[: len(found)] = found
    empty = (
        np.zeros(0, np.uint8),
        np.zeros(0, np.uint8),
        np.zeros((0, NEIGHBOURS), np.int16),
        np.zeros((0, BOND_FEATURES), np.uint8),
    )
    atom, chirality, neighbour, bonds = (
        np.concatenate([none, *(part[k] for part in parts)]) for k, none in enumerate(empty)
    )
    return Graphs(
        size=np.array([len(part[0]) for part in parts], np.int32),
        overflow_size=np.array([part[4] for part in parts], np.int32),
        atom=atom,
        chirality=chirality,
        neighbour=neighbour,
        bonds=bonds,
        overflow=overflow,
    )


def concatenate(pieces: list[Graphs]) -> Graphs:
    """One Graphs of all `pieces`, in order."""
    widest = max((piece.overflow.shape[1] for piece in pieces), default=0)
    widen = lambda overflow: np.pad(overflow, ((0, 0), (0, widest - overflow.shape[1])), constant_values=NO_NEIGHBOUR)
    joined = {f.name: [getattr(piece, f.name) for piece in pieces] for f in fields(Graphs)}
    joined["overflow"] = [widen(overflow) for overflow in joined["overflow"]]
    return Graphs(**{name: np.concatenate(arrays) for name, arrays in joined.items()})


def pad(graphs: Graphs, molecules: int, atoms: int, rows: int, width: int) -> Graphs:
    """Graphs with arrays of these sizes; what is added belongs to no molecule, or to molecules without atoms."""
    lengths = {"size": molecules, "overflow_size": molecules, "overflow": rows}
    padded = {}
    for f in fields(Graphs):
        array = getattr(graphs, f.name)
        more = [(0, lengths.get(f.name, atoms) - len(array))] + [(0, 0)] * (array.ndim - 1)
        if f.name == "overflow":
            more[1] = (0, width - array.shape[1])
        padded[f.name] = np.pad(array, more, constant_values=NO_NEIGHBOUR if f.name == "overflow" else 0)
    return Graphs(**padded)


def take(graphs: Graphs, keep: np.ndarray) -> Graphs:
    """The molecules where `keep` [N] is true."""
    atoms, rows = np.repeat(keep, graphs.size), np.repeat(keep, graphs.overflow_size)
    masks = {"size": keep, "overflow_size": keep, "overflow": rows}
    return Graphs(**{f.name: getattr(graphs, f.name)[masks.get(f.name, atoms)] for f in fields(Graphs)})
