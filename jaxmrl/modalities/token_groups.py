"""What sequences of tokens of any kind take of a batch, which is laid out in groups of like length. NumPy only."""

import numpy as np

_SHARES = (0.5, 0.9)
_WIDTH_MULTIPLE = 8


class Sequences:
    """What sequences of `size` [N] tokens take of a batch, which is laid out in groups of like length."""

    @property
    def size(self) -> np.ndarray:
        """Tokens of each molecule, [N]."""
        raise NotImplementedError

    @property
    def widths(self) -> tuple[int, ...]:
        """Tokens of a row in each group, the narrowest first."""
        return group_widths(self.size)

    def resources(self) -> np.ndarray:
        """Return, for each molecule, whether it is too long for each group but the last, [N, groups - 1]."""
        return group_resources(self.size, self.widths)

    def rows(self, limits: np.ndarray, batch_size: int) -> int:
        """Return the rows of a batch within `limits`."""
        return sum(b * w for b, w in zip(group_rows(limits, batch_size), self.widths[::-1], strict=True))

    def pairs(self, limits: np.ndarray, batch_size: int) -> int:
        """Return the pairs of rows in the sequences of a batch within `limits`, padding included."""
        return sum(b * w * w for b, w in zip(group_rows(limits, batch_size), self.widths[::-1], strict=True))


def group_widths(size: np.ndarray) -> tuple[int, ...]:
    """Return the widths of the groups that a batch of sequences is laid out in: for half of them, nine tenths, all."""
    bounds = [*np.quantile(size, _SHARES), size.max()]
    return tuple(sorted({-(-int(bound) // _WIDTH_MULTIPLE) * _WIDTH_MULTIPLE for bound in bounds}))


def group_resources(size: np.ndarray, widths: tuple[int, ...]) -> np.ndarray:
    """Return, for each molecule, whether it is too long for each group but the last, [N, groups - 1]."""
    return np.array([size > width for width in widths[:-1]], np.int32).reshape(len(widths) - 1, len(size)).T


def group_rows(limits: np.ndarray | tuple[int, ...], molecules: int) -> list[int]:
    """Return the molecules of each group of a batch, the widest first.

    limits[g]: how many may be too long for group g.
    """
    longer = [molecules, *(min(int(count), molecules) for count in limits), 0]
    return [longer[g] - longer[g + 1] for g in reversed(range(len(longer) - 1))]
