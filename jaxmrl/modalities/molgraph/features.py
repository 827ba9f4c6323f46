"""SMILES -> flat arrays of molecular graphs with featurized atoms and bonds. NumPy and RDKit only.

Atoms and bonds have the categories of chemprop 2 (Heid et al. 2024), each as a small whole number; the device expands
them. Chirality differs: it is the CIP label of the atom, for RDKit's tags depend on the order of atoms in the text. E
and trans are one category of bonds, and so are Z and cis.
"""

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from jaxmrl.chem.molecules import UnusableMoleculeError, canonicalize, parse
from jaxmrl.io import cache
from jaxmrl.modalities.flat_arrays import NONE, arrays_by_name, concatenate
from jaxmrl.modalities.molgraph.properties import Scaling

if TYPE_CHECKING:
    from rdkit.Chem import Mol

VERSION = 1
"""Part of the key of the cache: raise it when the arrays below change for the same SMILES."""

INCOMING = 4
"""Bonds of an atom that its own row lists; an overflow row has the others."""

ATOM_CATEGORIES = {"element": 38, "degree": 7, "charge": 6, "chirality": 6, "hydrogens": 6, "hybridization": 8}
"""Categories of each column of `MolGraphs.atom` that is expanded, the last of each for what is rare."""

BOND_CATEGORIES = {"kind": 5, "stereo": 4}

ATOM_WIDTH = sum(ATOM_CATEGORIES.values()) + 2
"""Numbers that describe an atom: its categories, whether it is aromatic, and its mass."""

BOND_WIDTH = sum(BOND_CATEGORIES.values()) + 2
"""Numbers that describe a bond: its categories, and whether it is conjugated and in a ring."""

ELEMENTS = (*range(1, 37), 53)
"""Atomic numbers with a category of their own; the last category is for all others."""

_LOWEST_CHARGE, _HIGHEST_CHARGE = -2, 2
_CIP = {"R": 1, "S": 2}
_UNLABELED = {"CHI_TETRAHEDRAL_CW": 3, "CHI_TETRAHEDRAL_CCW": 4}
"""Of centers that depend on one another, as in 1,3-dimethylcyclobutane; the canonical SMILES settles their order."""

_OTHER_CHIRALITY = 5
_CHIRAL = "@"
"""What a SMILES has whose molecule has chiral atoms."""

_HYBRIDIZATIONS = {"S": 0, "SP": 1, "SP2": 2, "SP2D": 3, "SP3": 4, "SP3D": 5, "SP3D2": 6}
_BOND_KINDS = {"SINGLE": 0, "DOUBLE": 1, "TRIPLE": 2, "AROMATIC": 3}
_STEREO = {"STEREONONE": 0, "STEREOZ": 1, "STEREOCIS": 1, "STEREOE": 2, "STEREOTRANS": 2}
_MASS_UNIT = 0.01


@dataclass(frozen=True)
class MolGraphs:
    """The graphs of `N` molecules with `A` atoms, `B` bonds and `V` overflow rows between them.

    Bond b of a molecule is its directed edges 2 b, from the first of its ends to the second, and 2 b + 1, back.

    size [N] int32            atoms of each molecule
    bond_count [N] int32      bonds of each molecule
    overflow_size [N] int32   overflow rows of each molecule
    atom [A, 7] uint8         columns of ATOM_CATEGORIES, and whether the atom is aromatic
    mass [A] float32          in units of 100 Da
    bond [B, 4] uint8         columns of BOND_CATEGORIES, and whether the bond is conjugated and in a ring
    ends [B, 2] int16         the bond's atoms, within the molecule
    incoming [A, 4] int16     directed edges that end at the atom, within the molecule; -1 is none
    overflow_atom [V] int16   an atom with more of them, within the molecule
    overflow [V, D] int16     further edges that end at that atom, within the molecule; -1 is none
    readout                   how models pool a molecule's atoms: "sum", "mean" or "attention"
    virtual_node              whether GINE has a virtual node
    properties [N, P] float32 RDKit's descriptors of each molecule after `scaling`; None where models do not see them
    """

    ROWS_OF: ClassVar[dict[str, str | None]] = {
        "size": None,
        "bond_count": None,
        "overflow_size": None,
        "atom": "size",
        "mass": "size",
        "bond": "bond_count",
        "ends": "bond_count",
        "incoming": "size",
        "overflow_atom": "overflow_size",
        "overflow": "overflow_size",
    }

    size: np.ndarray
    bond_count: np.ndarray
    overflow_size: np.ndarray
    atom: np.ndarray
    mass: np.ndarray
    bond: np.ndarray
    ends: np.ndarray
    incoming: np.ndarray
    overflow_atom: np.ndarray
    overflow: np.ndarray
    readout: str = field(default="sum", kw_only=True)
    virtual_node: bool = field(default=False, kw_only=True)
    properties: np.ndarray | None = field(default=None, kw_only=True)
    scaling: Scaling | None = field(default=None, kw_only=True)

    def __len__(self) -> int:
        return len(self.size)

    def resources(self) -> np.ndarray:
        """Return the rows of atoms, bonds and overflow that each molecule takes of a batch, [N, 3]."""
        return np.stack([self.size, self.bond_count, self.overflow_size], axis=1)

    def rows(self, limits: np.ndarray, batch_size: int) -> int:
        """Return the rows of a batch within `limits`: of atoms, and of directed edges."""
        return int(limits[0] + 2 * limits[1])


class _Raw(NamedTuple):
    """What RDKit says of one molecule: a row of whole numbers for each atom and each bond, and the atoms' masses."""

    atoms: list[tuple[int, ...]]
    masses: list[float]
    bonds: list[tuple[int, ...]]


def cached_molgraphs(smiles: list[str], progress: cache.CountDone | None = None) -> MolGraphs:
    """Return the graphs of molecules given by their canonical SMILES, [N]. Cached on disk."""

    def compute() -> dict[str, np.ndarray]:
        return arrays_by_name(concatenate([piece for _, piece in cache.in_chunks(featurize, smiles, progress)]))

    arrays = cache.cached("molgraphs", VERSION, smiles, set(MolGraphs.ROWS_OF), compute, progress)
    return MolGraphs(*(arrays[name] for name in MolGraphs.ROWS_OF))


def featurize(smiles: list[str]) -> MolGraphs:
    """Return the graphs of molecules given by their canonical SMILES, [N]."""
    return _pack([_read(parse(text), text) for text in smiles])


def featurize_texts(smiles: list[str]) -> tuple[MolGraphs, list[str], dict[int, str]]:
    """Return graphs and canonical SMILES of the usable molecules, in order, and {position: reason} of the others."""
    canonical, rejected = [], {}
    for position, text in enumerate(smiles):
        try:
            canonical.append(canonicalize(text)[0])
        except UnusableMoleculeError as reason:
            rejected[position] = str(reason)
    return featurize(canonical), canonical, rejected


def _read(molecule: "Mol", smiles: str) -> _Raw:
    chirality = _chirality(molecule) if _CHIRAL in smiles else {}
    atoms: list[tuple[int, ...]] = []
    bonds: list[tuple[int, ...]] = []
    masses = []
    for place, atom in enumerate(molecule.GetAtoms()):
        valence = atom.GetTotalDegree(), atom.GetFormalCharge(), chirality.get(place, 0), atom.GetTotalNumHs()
        atoms.append((atom.GetAtomicNum(), *valence, atom.GetHybridization(), atom.GetIsAromatic()))
        masses.append(atom.GetMass())
    # By their places: RDKit's iterator over bonds takes twice as long.
    for place in range(molecule.GetNumBonds()):
        bond = molecule.GetBondWithIdx(place)
        kinds = bond.GetBondType(), bond.GetStereo(), bond.GetIsConjugated(), bond.IsInRing()
        bonds.append((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx(), *kinds))
    return _Raw(atoms, masses, bonds)


def _chirality(molecule: "Mol") -> dict[int, int]:
    """Return the category of each chiral atom."""
    found = {}
    for atom in molecule.GetAtoms():
        tag = atom.GetChiralTag().name
        if atom.HasProp("_CIPCode"):
            found[atom.GetIdx()] = _CIP[atom.GetProp("_CIPCode")]
        elif tag != "CHI_UNSPECIFIED":
            found[atom.GetIdx()] = _UNLABELED.get(tag, _OTHER_CHIRALITY)
    return found


def _pack(molecules: list[_Raw]) -> MolGraphs:
    size = np.array([len(one.atoms) for one in molecules], np.int32)
    bond_count = np.array([len(one.bonds) for one in molecules], np.int32)
    atoms, bonds = _rows([one.atoms for one in molecules], 7), _rows([one.bonds for one in molecules], 6)
    ends = bonds[:, :2]
    first = (np.cumsum(size) - size).astype(np.int64)
    owner = np.repeat(np.arange(len(size)), size)
    first_edge = (2 * (np.cumsum(bond_count) - bond_count)).astype(np.int64)
    target = (ends[:, ::-1] + np.repeat(first, bond_count)[:, None]).ravel()
    incoming, overflow_atom, overflow = _incoming_tables(target, first_edge[owner])
    return MolGraphs(
        size=size,
        bond_count=bond_count,
        overflow_size=np.bincount(owner[overflow_atom], minlength=len(size)).astype(np.int32),
        atom=_atom_categories(atoms),
        mass=np.array([mass for one in molecules for mass in one.masses], np.float32) * np.float32(_MASS_UNIT),
        bond=_bond_categories(bonds[:, 2:]),
        ends=ends.astype(np.int16),
        incoming=incoming,
        overflow_atom=(overflow_atom - first[owner[overflow_atom]]).astype(np.int16),
        overflow=overflow,
    )


def _rows(molecules: list[list[tuple[int, ...]]], width: int) -> np.ndarray:
    """Return the rows of all molecules, [rows, width]. NumPy takes ten times as long for nested lists."""
    rows = sum(map(len, molecules))
    numbers = chain.from_iterable(chain.from_iterable(molecules))
    return np.fromiter(numbers, np.int64, rows * width).reshape(rows, width)


def _incoming_tables(target: np.ndarray, first_edge: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `incoming` of `MolGraphs`, the atoms that have overflow rows, and `overflow`.

    Args:
        target: The atom where each directed edge ends, [2 B].
        first_edge: The first directed edge of each atom's molecule, [A].
    """
    edge = np.argsort(target, kind="stable")
    atom = target[edge]
    degree = np.bincount(atom, minlength=len(first_edge))
    place = np.arange(len(atom)) - np.repeat(np.cumsum(degree) - degree, degree)
    local, inside = edge - first_edge[atom], place < INCOMING
    table = np.full((len(first_edge), INCOMING), NONE, np.int16)
    table[atom[inside], place[inside]] = local[inside]
    rows = np.flatnonzero(degree > INCOMING)
    overflow = np.full((len(rows), degree[rows].max(initial=INCOMING) - INCOMING), NONE, np.int16)
    overflow[np.searchsorted(rows, atom[~inside]), place[~inside] - INCOMING] = local[~inside]
    return table, rows, overflow


def _atom_categories(raw: np.ndarray) -> np.ndarray:
    """Return the array atom of `MolGraphs` from rows of RDKit's numbers, [A, 7]."""
    from rdkit.Chem import HybridizationType

    number, degree, charge, chirality, hydrogens, hybridization, aromatic = raw.T
    element = np.full(256, len(ELEMENTS))
    element[list(ELEMENTS)] = np.arange(len(ELEMENTS))
    known_charge = (charge >= _LOWEST_CHARGE) & (charge <= _HIGHEST_CHARGE)
    columns = (
        element[number],
        np.minimum(degree, ATOM_CATEGORIES["degree"] - 1),
        np.where(known_charge, charge - _LOWEST_CHARGE, ATOM_CATEGORIES["charge"] - 1),
        chirality,
        np.minimum(hydrogens, ATOM_CATEGORIES["hydrogens"] - 1),
        _categories(HybridizationType.names, _HYBRIDIZATIONS)[hybridization],
        aromatic,
    )
    return np.stack(columns, axis=1).astype(np.uint8)


def _bond_categories(raw: np.ndarray) -> np.ndarray:
    """Return the array bond of `MolGraphs` from rows of RDKit's numbers, [B, 4]."""
    from rdkit.Chem import BondStereo, BondType

    kind, stereo, conjugated, ring = raw.T
    columns = _categories(BondType.names, _BOND_KINDS)[kind], _categories(BondStereo.names, _STEREO)[stereo]
    return np.stack([*columns, conjugated, ring], axis=1).astype(np.uint8)


def _categories(names: dict[str, int], known: dict[str, int]) -> np.ndarray:
    """Return the category of each value of one of RDKit's enumerations: that of `known`, else the one after them."""
    table = np.zeros(1 + max(int(value) for value in names.values()), np.int64)
    for name, value in names.items():
        table[int(value)] = known.get(name, max(known.values()) + 1)
    return table
