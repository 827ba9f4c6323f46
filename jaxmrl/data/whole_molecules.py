"""Molecules with several rows, which a split keeps in one part."""

import numpy as np

NOWHERE = -1
"""The part of rows for which no part has room."""


def fill_parts(canonical: np.ndarray, room: list[int]) -> np.ndarray:
    """Return the part of each row, [N]: a molecule goes to the first part that has room for all its rows.

    Without repeated molecules, each part takes the next rows until it is full.

    Args:
        canonical: A hash of the molecule of each row, [N], in the order in which parts are filled.
        room: How many rows each part takes.

    Returns:
        The place of the part in `room`, or NOWHERE where no part has room.
    """
    _, first, molecule, size = np.unique(canonical, return_index=True, return_inverse=True, return_counts=True)
    left, part_of = list(room), np.full(len(size), NOWHERE)
    for one in np.argsort(first).tolist():
        own = int(size[one])
        part = next((part for part, rows in enumerate(left) if own <= rows), NOWHERE)
        part_of[one] = part
        if part != NOWHERE:
            left[part] -= own
    return part_of[molecule]


def fill_in_turn(canonical: np.ndarray, picked: np.ndarray, room: tuple[int, int]) -> np.ndarray:
    """Return which of two parts takes each row, [N]: picked molecules go to the first and the second part in turn.

    A molecule for which its part has no room goes to the other part if that has room for it.

    Args:
        canonical: A hash of the molecule of each row, [N].
        picked: The place of a row of each molecule that is assigned, in order, [M].
        room: How many rows each part takes.

    Returns:
        0 or 1, or NOWHERE for all other rows.
    """
    different, molecule, size = np.unique(canonical, return_inverse=True, return_counts=True)
    left, part_of, turn = list(room), np.full(len(different), NOWHERE), 0
    for one in molecule[picked].tolist():
        part = next((part for part in (turn, 1 - turn) if size[one] <= left[part]), NOWHERE)
        if part != NOWHERE:
            part_of[one] = part
            left[part] -= int(size[one])
            turn = 1 - part
    return part_of[molecule]
