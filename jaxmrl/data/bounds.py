"""Censored labels as bounds: >30 says that the true value lies above 30."""

from dataclasses import dataclass, field

import numpy as np

from jaxmrl.io.cells import ABOVE, BELOW


@dataclass(frozen=True)
class Bounds:
    """The censored labels of `N` molecules and `T` tasks.

    values [N, T] float64   the bound, in the label's unit; NaN where a label is exact or missing
    sides [N, T] int8       ABOVE (1) or BELOW (-1): where the true value lies; 0 where there is no bound
    """

    values: np.ndarray = field(repr=False)
    sides: np.ndarray = field(repr=False)

    def take(self, keep: np.ndarray) -> "Bounds | None":
        """Return the rows where `keep` [N]; None where these have no bound."""
        return bounds_of(self.values[keep], self.sides[keep])

    def count(self) -> int:
        """Return the number of bounds."""
        return int((self.sides != 0).sum())


def bounds_of(labels: np.ndarray, sides: np.ndarray) -> Bounds | None:
    """Return the bounds among labels [N, T]; None where there are none.

    Args:
        labels: The numbers of all labels, NaN for missing.
        sides: [N, T] as of `io.cells`: 0 for an exact label.
    """
    bounded = np.isin(sides, (ABOVE, BELOW)) & ~np.isnan(labels)
    if not bounded.any():
        return None
    return Bounds(np.where(bounded, labels, np.nan), np.where(bounded, sides, 0).astype(np.int8))


def tightest(values: np.ndarray, sides: np.ndarray) -> tuple[float, int]:
    """Return one bound and its side for those [n] of one molecule: the tightest on the side of the first.

    Args:
        values: Bounds; NaN where a row has none.
        sides: Their sides; 0 where a row has none.

    Returns:
        The bound and its side; NaN and 0 where no row has one.
    """
    known = np.flatnonzero(sides)
    if not len(known):
        return np.nan, 0
    side = int(sides[known[0]])
    own = values[sides == side]
    return float(own.max() if side == ABOVE else own.min()), side
