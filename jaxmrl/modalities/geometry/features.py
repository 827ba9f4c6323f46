"""Molecules in three dimensions: atoms, positions, and the pairs of atoms within a cutoff. NumPy only.

A pair stands once, not once for each direction: what a model computes from a distance serves both ends.
"""

from dataclasses import dataclass, fields

import numpy as np

ELEMENTS = 100
"""Atomic numbers 0, which no atom has, to 99, as the published models know them."""

CLOSEST = 0.1
"""Å between two atoms, below which the positions cannot be a molecule's."""

MOST_ATOMS, FARTHEST = 1000, 1e5
"""The most atoms of a molecule, and Å from the origin. Beyond that, float32 does not resolve distances of 0.01 Å."""

MOST_PAIRS = 2**20
"""The number of pairs whose distances are computed at once."""


@dataclass(frozen=True)
class Geometries:
    """The geometries of `N` molecules with `A` atoms and `P` pairs between them.

    size [N] int32          atoms of each molecule
    pair_count [N] int32    its pairs of atoms within `cutoff` Å
    atom [A] uint8          atomic number
    position [A, 3] float32 in Å
    ends [P, 2] uint16      the two atoms of each pair, within the molecule, the first the lower
    pairs [A, K] uint16     each atom's pairs, within the molecule; the type's largest number where there is none;
                            uint32 where a molecule has so many pairs
    """

    size: np.ndarray
    pair_count: np.ndarray
    atom: np.ndarray
    position: np.ndarray
    ends: np.ndarray
    pairs: np.ndarray
    cutoff: float

    def __len__(self) -> int:
        return len(self.size)

    def resources(self) -> np.ndarray:
        """Return the pair rows and node rows that each molecule takes of a batch, [N, 2]."""
        return np.stack([self.pair_count, self.size], axis=1)

    def rows(self, limits: np.ndarray, batch_size: int) -> int:
        """Return the rows of a batch within `limits`."""
        return int(limits.sum())

    def molecule(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Return atomic numbers [n] and positions [n, 3] of one molecule."""
        start = int(self.size[:place].sum())
        rows = slice(start, start + int(self.size[place]))
        return self.atom[rows], self.position[rows]

    def heavy_atoms(self) -> np.ndarray:
        """Return the number of atoms of each molecule without hydrogens, [N]."""
        molecule = np.repeat(np.arange(len(self)), self.size)
        return np.bincount(molecule[self.atom > 1], minlength=len(self))

    def elements(self) -> np.ndarray:
        """Return the atomic numbers that the table has, in ascending order, [E]."""
        return np.unique(self.atom)

    def composition(self, elements: np.ndarray | None = None) -> np.ndarray:
        """Return the atoms of each of `elements` [E], or of each element of the table: [N, E] int32. Others are not
        counted.
        """
        elements = self.elements() if elements is None else np.asarray(elements)
        column = np.minimum(np.searchsorted(elements, self.atom), len(elements) - 1)
        counted = elements[column] == self.atom
        molecule = np.repeat(np.arange(len(self)), self.size)
        counts = np.zeros((len(self), len(elements)), np.int32)
        np.add.at(counts, (molecule[counted], column[counted]), 1)
        return counts


@dataclass(frozen=True)
class Conformers:
    """Atoms and positions alone: size [N], atom [A], position [A, 3], as in `Geometries`."""

    size: np.ndarray
    atom: np.ndarray
    position: np.ndarray

    def take(self, keep: np.ndarray) -> "Conformers":
        """Return the molecules where `keep` [N] is true."""
        atoms = np.repeat(keep, self.size)
        return Conformers(self.size[keep], self.atom[atoms], self.position[atoms])


def concatenate(pieces: list[Conformers]) -> Conformers:
    """Return one Conformers of all `pieces`, in order."""
    return Conformers(*(np.concatenate([getattr(piece, f.name) for piece in pieces]) for f in fields(Conformers)))


def find_pairs(conformers: Conformers, cutoff: float) -> Geometries:
    """Return the molecules with their pairs of atoms closer than `cutoff` Å."""
    count = np.zeros(len(conformers.size), np.int32)
    found = [(molecules, *_pairs_of_size(conformers, molecules, cutoff)) for molecules in _by_size(conformers.size)]
    molecule = np.concatenate([molecules[row] for molecules, row, _ in found])
    ends = np.concatenate([ends for *_, ends in found])
    in_order = np.argsort(molecule, kind="stable")
    np.add.at(count, molecule, 1)
    ends = ends[in_order].astype(np.uint16)
    pairs = _pairs_of_atoms(conformers.size, count, ends)
    return Geometries(conformers.size, count, conformers.atom, conformers.position, ends, pairs, cutoff)


def why_unusable(atom: np.ndarray, position: np.ndarray) -> str | None:
    """Return why atoms [n] at `position` [n, 3] are not a molecule; None if they may be one."""
    if len(atom) == 0:
        return "molecule without atoms"
    if not np.isfinite(position).all():
        return "a position is not a finite number"
    if len(atom) > MOST_ATOMS:
        return f"{len(atom)} atoms; at most {MOST_ATOMS} are supported"
    if np.abs(position).max() > FARTHEST:
        return f"an atom is farther than {FARTHEST:,.0f} Å from the origin"
    if atom.min() < 1 or atom.max() >= ELEMENTS:
        return f"atomic numbers from 1 to {ELEMENTS - 1} are expected; got {atom.min()} to {atom.max()}"
    if len(atom) > 1 and _distances(position[None].astype(np.float64), *np.triu_indices(len(atom), 1)).min() < CLOSEST:
        return f"two atoms closer than {CLOSEST:g} Å"
    return None


def _by_size(size: np.ndarray) -> list[np.ndarray]:
    """Yield the places of the molecules of each size, in blocks of about MOST_PAIRS pairs."""
    order = np.argsort(size, kind="stable")
    blocks = []
    for places in np.split(order, np.flatnonzero(np.diff(size[order])) + 1):
        at_once = max(1, 2 * MOST_PAIRS // max(1, int(size[places[0]])) ** 2)
        blocks += [places[start : start + at_once] for start in range(0, len(places), at_once)]
    return blocks


def _pairs_of_size(conformers: Conformers, molecules: np.ndarray, cutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """Return, for `molecules` of one size, each pair's place in them [p] and its two atoms [p, 2]."""
    atoms = int(conformers.size[molecules[0]])
    starts = np.cumsum(conformers.size, dtype=np.int64) - conformers.size
    first, second = np.triu_indices(atoms, 1)
    position = conformers.position[starts[molecules][:, None] + np.arange(atoms)]
    row, pair = np.nonzero(_distances(position, first, second) < cutoff)
    return row, np.stack([first[pair], second[pair]], axis=1)


def _distances(position: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the distances [m, p] of atom pairs in molecules at `position` [m, n, 3]."""
    return np.sqrt(((position[:, first] - position[:, second]) ** 2).sum(axis=2))


def _pairs_of_atoms(size: np.ndarray, count: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return each atom's pairs [A, K], within its molecule, in ascending order."""
    first_atom = np.repeat(np.cumsum(size, dtype=np.int64) - size, count)
    first_pair = np.repeat(np.cumsum(count, dtype=np.int64) - count, count)
    pair = np.arange(len(ends)) - first_pair
    atom = np.concatenate([first_atom + ends[:, 0], first_atom + ends[:, 1]])
    pair = np.concatenate([pair, pair])
    order = np.lexsort((pair, atom))
    atom, pair = atom[order], pair[order]
    degree = np.bincount(atom, minlength=int(size.sum()))
    rank = np.arange(len(atom)) - np.repeat(np.cumsum(degree) - degree, degree)
    kind = np.uint16 if count.max(initial=0) < np.iinfo(np.uint16).max else np.uint32
    table = np.full((len(degree), max(1, degree.max(initial=0))), np.iinfo(kind).max, kind)
    table[atom, rank] = pair
    return table
