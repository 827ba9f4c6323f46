"""Seeds and folds that are present at all sizes: what they share is a level, not noise in the curve's shape."""

from dataclasses import dataclass

import numpy as np

_FEWEST_CELLS = 0.75
_FILL_STEPS = 100


@dataclass(frozen=True)
class Blocks:
    """A curve whose runs are the same blocks (seeds, folds) at every size, as a two-way layout of relative errors.

    mean [N]      mean error, of all blocks: a missing run is filled in by its size and its block
    squares [N]   sums of squared deviations from size and block, relative to the mean
    freedom [N]   degrees of freedom of these sums
    level         standard deviation of the mean level of the blocks, as a share of the error
    spread        standard deviation of the level of one block, as a share of the error
    count         number of blocks
    """

    mean: np.ndarray
    squares: np.ndarray
    freedom: np.ndarray
    level: float
    spread: float
    count: int

    @property
    def matter(self) -> bool:
        """Whether the blocks differ by more than the noise between sizes."""
        return bool(self.spread**2 > self.squares.sum() / self.freedom.sum())


def blocks_of(sizes: int, place: np.ndarray, error: np.ndarray, block: np.ndarray) -> Blocks | None:
    """Return the two-way layout of runs; None where the blocks are not present at (nearly) all sizes.

    Every error is about the mean of its size times a level of its block: the additive two-way analysis of variance of
    relative errors. Several runs of one block at one size count as their mean; a few missing ones, such as failed
    runs, are filled in by iteration (Yates 1933) and cost their degree of freedom.

    Args:
        sizes: number of sizes S.
        place: [R] the index of each run's size.
        error: [R] errors.
        block: [R] the index of each run's block.
    """
    count = int(block.max()) + 1
    runs = np.zeros((sizes, count))
    cells = np.zeros((sizes, count))
    np.add.at(runs, (place, block), 1)
    np.add.at(cells, (place, block), error)
    seen = runs > 0
    enough = seen.mean() >= _FEWEST_CELLS and (seen.sum(axis=0) > 1).all() and (seen.sum(axis=1) > 1).all()
    freedom = (sizes - 1) * (count - 1) - (~seen).sum()
    if not enough or freedom <= 0:
        return None
    cells = _filled(cells / np.maximum(runs, 1), seen)
    mean = cells.mean(axis=1)
    if not (mean > 0).all():
        return None
    relative = cells / mean[:, None] - 1
    levels = relative.mean(axis=0)
    squares = np.where(seen, (relative - levels) ** 2, 0.0).sum(axis=1)
    noise = squares.sum() / freedom
    variance = max(0.0, (levels**2).sum() / (count - 1) - noise / sizes)
    return Blocks(
        mean=mean,
        squares=squares,
        freedom=freedom * seen.sum(axis=1) / seen.sum(),
        level=float(np.sqrt(variance / count)),
        spread=float(np.sqrt(variance)),
        count=count,
    )


def _filled(cells: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Errors [S, B] with missing ones as the mean of the size times the level of the block."""
    if seen.all():
        return cells
    cells = np.where(seen, cells, (cells * seen).sum(axis=1, keepdims=True) / seen.sum(axis=1, keepdims=True))
    for _ in range(_FILL_STEPS):
        mean = cells.mean(axis=1, keepdims=True)
        cells = np.where(seen, cells, mean * (cells / mean).mean(axis=0, keepdims=True))
    return cells
