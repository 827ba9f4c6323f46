"""How far molecules are from each other: by the bits of their fingerprints, by vectors, or by a kernel. NumPy only."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, Self

import numpy as np


class Space(Protocol):
    """Molecules with a distance between any two."""

    def __len__(self) -> int: ...

    def take(self, rows: np.ndarray) -> Self:
        """Return the space of some of the molecules."""

    def distances(self, row: int) -> np.ndarray:
        """Return the distance of every molecule to that of a row, [n]."""


@dataclass(frozen=True)
class Fingerprints:
    """Molecules at their Tanimoto distance: 1 less the bits that two share, by those that either has.

    packed [n, w] uint8   eight bits a byte; w is a multiple of 8
    """

    packed: np.ndarray

    def __len__(self) -> int:
        return len(self.packed)

    def take(self, rows: np.ndarray) -> "Fingerprints":
        return Fingerprints(self.packed[rows])

    def distances(self, row: int) -> np.ndarray:
        shared = np.bitwise_count(self._words & self._words[row]).sum(axis=1, dtype=np.int32)
        either = self._set + self._set[row] - shared
        return 1 - np.divide(shared, either, out=np.ones(len(self)), where=either > 0)

    @cached_property
    def _words(self) -> np.ndarray:
        return np.ascontiguousarray(self.packed).view(np.uint64)

    @cached_property
    def _set(self) -> np.ndarray:
        return np.bitwise_count(self._words).sum(axis=1, dtype=np.int32)


@dataclass(frozen=True)
class Kernel:
    """Molecules whose similarity [n, n] is known, from 0 to 1 for equal ones. Their distance is 1 less it."""

    similarity: np.ndarray

    def __len__(self) -> int:
        return len(self.similarity)

    def take(self, rows: np.ndarray) -> "Kernel":
        return Kernel(self.similarity[np.ix_(rows, rows)])

    def distances(self, row: int) -> np.ndarray:
        return 1 - self.similarity[row].astype(np.float64)
