"""SMILES -> flat arrays of 2D molecular graphs. NumPy and RDKit only: worker processes import this without JAX.

Atoms carry their atomic number and chirality tag. Bonds never become edge arrays: each atom has up to
`NEIGHBORS` neighbor indices and counts of its bonds by type and direction. The few atoms with more neighbors
keep the rest in an overflow row, to which their last neighbor index points.
"""

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from jaxmrl.chem.molecules import UnusableMoleculeError, canonicalize

if TYPE_CHECKING:
    from rdkit.Chem import Mol

VERSION = 4
"""Part of the key of the prepared cache: raise it when the arrays below or the canonical SMILES of a text change."""

NEIGHBORS = 4
ATOM_KINDS = 120
"""Atomic numbers 0 (dummy) to 118, and one index for an atom masked in pre-training."""

CHIRALITY_KINDS = 4
BOND_TYPES = 6
BOND_DIRECTIONS = 3
BOND_FEATURES = BOND_TYPES + BOND_DIRECTIONS
SELF_LOOP = 4
NO_NEIGHBOR = -1

_ORDERS = {"SINGLE": 1.0, "DOUBLE": 2.0, "TRIPLE": 3.0, "AROMATIC": 1.5}
_TYPES = np.zeros(16, np.int64)
"""Types of bonds, by twice their order; all others count as single."""
_TYPES[[4, 6, 3]] = 1, 2, 3
_LATER = 8.0
"""More than the order of any bond."""

_MAX_MATRIX = 200
"""Atoms up to which a matrix of all pairs is faster than a loop over bonds."""

_CHIRAL, _DIRECTED = "@", re.compile(r"[/\\]")
"""What a SMILES has whose molecule has chiral atoms, or directed bonds."""

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
    overflow [V, D] int16     further neighbors, indices within the molecule; -1 is none
    """

    ROWS_OF: ClassVar[dict[str, str | None]] = {
        "size": None,
        "overflow_size": None,
        "atom": "size",
        "chirality": "size",
        "neighbour": "size",
        "bonds": "size",
        "overflow": "overflow_size",
    }

    size: np.ndarray
    overflow_size: np.ndarray
    atom: np.ndarray
    chirality: np.ndarray
    neighbour: np.ndarray  # spelled as in the files of the cache
    bonds: np.ndarray
    overflow: np.ndarray

    def __len__(self) -> int:
        return len(self.size)

    def resources(self) -> np.ndarray:
        """Return the node rows and overflow rows that each molecule takes of a batch, [N, 2]."""
        return np.stack([self.size, self.overflow_size], axis=1)

    def rows(self, limits: np.ndarray, batch_size: int) -> int:
        """Return the rows of a batch within `limits`."""
        return int(limits[0])


class _Bonds(NamedTuple):
    """The bonds of one molecule from both their ends, [2 B] each.

    atom, neighbor   the ends
    order             RDKit's; for bonds that close rings, plus _LATER times the bond's index, so that they sort last
    direction
    """

    atom: np.ndarray
    neighbor: np.ndarray
    order: np.ndarray
    direction: np.ndarray


def _bonds(molecule: "Mol", smiles: str) -> _Bonds:
    """Return the bonds of an RDKit molecule, an atom's neighbors in the order of their bonds.

    To walk over RDKit's bonds takes ten times as long as its matrix of bond orders. The matrix lists neighbors by the
    index of the atom, which is the order of the bonds except for those that close rings: these come last.
    """
    from rdkit import Chem

    atoms, bonds = molecule.GetNumAtoms(), molecule.GetNumBonds()
    if atoms > _MAX_MATRIX or _DIRECTED.search(smiles):
        return _bonds_one_by_one(molecule)
    # Otherwise RDKit returns the matrix of ones that it may have made while it wrote the SMILES.
    orders = Chem.GetAdjacencyMatrix(molecule, useBO=True, force=True)
    pieces = 1 + smiles.count(".")
    for place in range(max(atoms - pieces, 0), bonds):
        bond = molecule.GetBondWithIdx(place)
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        orders[i, j] = orders[j, i] = orders[i, j] + _LATER * (place + 1)
    atom, neighbor = np.nonzero(orders)
    if len(atom) != 2 * bonds:  # some have the order 0
        return _bonds_one_by_one(molecule)
    return _Bonds(atom, neighbor, orders[atom, neighbor], np.zeros(2 * bonds, np.int64))


def _bonds_one_by_one(molecule: "Mol") -> _Bonds:
    rows: list[tuple[int, int, float, int]] = []
    for place, bond in enumerate(molecule.GetBonds()):
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        order = _ORDERS.get(bond.GetBondType().name, _ORDERS["SINGLE"]) + _LATER * (place + 1)
        direction = _DIRECTIONS.get(bond.GetBondDir().name, _DIRECTIONS["NONE"])
        rows += (i, j, order, direction), (j, i, order, direction)
    atom, neighbor, orders, directions = np.array(rows, np.float64).reshape(-1, 4).T
    return _Bonds(atom.astype(np.int64), neighbor.astype(np.int64), orders, directions.astype(np.int64))


def featurize(smiles: list[str]) -> tuple[Graphs, list[str], dict[int, str]]:
    """Return graphs and canonical SMILES of the usable molecules, in order, and {position: reason} of the others.

    A graph is made of the molecule in its canonical form, whatever the spelling.
    """
    atoms, bonds, canonical, rejected = [], [], [], {}
    for position, text in enumerate(smiles):
        try:
            name, molecule = canonicalize(text)
        except UnusableMoleculeError as reason:
            rejected[position] = str(reason)
            continue
        atoms.append(_atoms(molecule, name))
        bonds.append(_bonds(molecule, name))
        canonical.append(name)
    return _pack(atoms, bonds), canonical, rejected


def _atoms(molecule: "Mol", smiles: str) -> tuple[list[int], list[int]]:
    """Return atomic numbers and chirality."""
    numbers = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
    if _CHIRAL not in smiles:
        return numbers, [_CHIRALITY["CHI_UNSPECIFIED"]] * len(numbers)
    tags = (atom.GetChiralTag().name for atom in molecule.GetAtoms())
    return numbers, [_CHIRALITY.get(tag, _OTHER_CHIRALITY) for tag in tags]


def _pack(atoms: list[tuple[list[int], list[int]]], bonds: list[_Bonds]) -> Graphs:
    size = np.array([len(numbers) for numbers, _ in atoms], np.int32)
    count, first = int(size.sum()), np.cumsum(size) - size
    flat = lambda kind: np.fromiter(chain.from_iterable(one[kind] for one in atoms), np.uint8, count)
    none = _Bonds(*(np.zeros(0, kind) for kind in (np.int64, np.int64, np.float64, np.int64)))
    atom, neighbor, order, direction = (np.concatenate(arrays) for arrays in zip(none, *bonds, strict=True))
    atom += np.repeat(first, [len(one.atom) for one in bonds])
    later, order = np.divmod(order, _LATER)
    kind = _TYPES[(2 * order).astype(np.int64)]
    sort = np.lexsort((neighbor, later, atom))
    owner = np.repeat(np.arange(len(size)), size)
    table, overflow_owner, overflow = _neighbor_tables(atom[sort], neighbor[sort], owner)
    return Graphs(
        size=size,
        overflow_size=np.bincount(overflow_owner, minlength=len(size)).astype(np.int32),
        atom=flat(0),
        chirality=flat(1),
        neighbour=table,
        bonds=_count_bonds(atom, kind, direction, count),
        overflow=overflow,
    )


def _neighbor_tables(atom: np.ndarray, neighbor: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the arrays neighbour and overflow of `Graphs`, with each overflow row's molecule.

    atom, neighbor [2 B]: bonds from both ends, sorted by atom; owner [A]: each atom's molecule.
    """
    degree = np.bincount(atom, minlength=len(owner))
    place = np.arange(len(atom)) - np.repeat(np.cumsum(degree) - degree, degree)
    many = degree > NEIGHBORS
    rows, owners = np.flatnonzero(many), owner[many]
    width = degree[rows].max(initial=NEIGHBORS - 1) - (NEIGHBORS - 1)
    table = np.full((len(owner), NEIGHBORS), NO_NEIGHBOR, np.int16)
    overflow = np.full((len(rows), width), NO_NEIGHBOR, np.int16)
    beyond = many[atom] & (place >= NEIGHBORS - 1)
    table[atom[~beyond], place[~beyond]] = neighbor[~beyond]
    table[rows, NEIGHBORS - 1] = -2 - (np.arange(len(rows)) - np.searchsorted(owners, owners))
    overflow[np.searchsorted(rows, atom[beyond]), place[beyond] - (NEIGHBORS - 1)] = neighbor[beyond]
    return table, owners, overflow


def _count_bonds(atom: np.ndarray, kind: np.ndarray, direction: np.ndarray, atoms: int) -> np.ndarray:
    """Return the array bonds of `Graphs`."""
    size = atoms * BOND_FEATURES
    of_kind, of_direction = (
        np.bincount(atom * BOND_FEATURES + feature, minlength=size) for feature in (kind, BOND_TYPES + direction)
    )
    bonds = (of_kind + of_direction).reshape(atoms, BOND_FEATURES)
    bonds[:, [SELF_LOOP, BOND_TYPES]] += 1
    return bonds.astype(np.uint8)
