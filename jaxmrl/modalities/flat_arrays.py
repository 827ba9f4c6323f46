"""Molecules of different sizes in flat arrays, as the features of graphs keep them on the host. NumPy only."""

from typing import ClassVar, Protocol, TypeVar

import numpy as np

WIDEST = "overflow"
"""The array whose number of columns depends on the molecules. What fills its rows is NONE; other arrays end in 0."""

NONE = -1


class FlatArrays(Protocol):
    """The arrays of `N` molecules, each molecule's rows after those of the one before.

    ROWS_OF names the arrays. Its values name the array [N] that counts each molecule's rows; None where that is one.
    """

    ROWS_OF: ClassVar[dict[str, str | None]]

    def __len__(self) -> int: ...


T = TypeVar("T", bound=FlatArrays)


def arrays_by_name(molecules: FlatArrays) -> dict[str, np.ndarray]:
    """Return the arrays by their names."""
    return {name: getattr(molecules, name) for name in molecules.ROWS_OF}


def concatenate(pieces: list[T]) -> T:
    """Return all molecules of one or more `pieces`, in order."""
    widest = max(getattr(piece, WIDEST).shape[1] for piece in pieces)
    joined = {}
    for name in pieces[0].ROWS_OF:
        arrays = [getattr(piece, name) for piece in pieces]
        joined[name] = np.concatenate([_resized(a, len(a), widest) for a in arrays] if name == WIDEST else arrays)
    return type(pieces[0])(**joined)


def take(molecules: T, keep: np.ndarray) -> T:
    """Return the molecules where `keep` [N] is true."""
    kept = {}
    for name, count in molecules.ROWS_OF.items():
        rows = keep if count is None else np.repeat(keep, getattr(molecules, count))
        kept[name] = getattr(molecules, name)[rows]
    return type(molecules)(**kept)


def pad(molecules: T, shapes: dict[str, tuple[int, ...]]) -> T:
    """Return molecules whose arrays have these shapes. Padding belongs to no molecule, or to molecules without rows."""
    padded = {}
    for name, array in arrays_by_name(molecules).items():
        rows, *_ = shapes[name]
        if name == WIDEST:
            padded[name] = _resized(array, *shapes[name])
        else:
            padded[name] = np.pad(array, [(0, rows - len(array))] + [(0, 0)] * (array.ndim - 1))
    return type(molecules)(**padded)


def _resized(overflow: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return `overflow` with so many rows and columns."""
    more = [(0, rows - len(overflow)), (0, columns - overflow.shape[1])]
    return np.pad(overflow, more, constant_values=NONE)
