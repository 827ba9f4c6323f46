"""Seeds and folds that are present at all sizes: what they share is a level, not noise in the curve's shape."""

from dataclasses import dataclass

import numpy as np

from jaxmrl.text import size_text

_FEWEST_CELLS = 0.5
_FILL_STEPS = 100
_MOST_NAMED = 3
_FAR = 2.0
"""The multiple of the median level of the others beyond which a single block is named."""


@dataclass(frozen=True)
class Blocks:
    """A curve whose runs are the same blocks (seeds, folds) at every size, as a two-way layout of relative errors.

    mean [N]      mean error, of all blocks: a missing run is filled in by its size and its block
    squares [N]   sums of squared deviations from size and block, relative to the mean
    dof [N]       degrees of freedom of these sums
    level         standard deviation of the mean level of the blocks, as a share of the error
    spread        standard deviation of the level of one block, as a share of the error
    levels [B]    mean level of each block, as a share of the error, about 0
    seen [N, B]   whether a block has a run at a size
    """

    mean: np.ndarray
    squares: np.ndarray
    dof: np.ndarray
    level: float
    spread: float
    levels: np.ndarray
    seen: np.ndarray

    @property
    def count(self) -> int:
        """Number of blocks."""
        return len(self.levels)

    @property
    def matter(self) -> bool:
        """Whether the blocks differ by more than the noise between sizes."""
        return bool(self.spread**2 > self.squares.sum() / self.dof.sum())


def blocks_of(sizes: int, place: np.ndarray, error: np.ndarray, block: np.ndarray) -> Blocks | None:
    """Return the two-way layout of runs; None where the blocks are not present at most sizes.

    Every error is about the mean of its size times a level of its block: the additive two-way analysis of variance of
    relative errors. Several runs of one block at one size count as their mean; missing ones, such as failed runs or
    the folds that a large size was not repeated with, are filled in by iteration (Yates 1933) and cost their degree of
    freedom.

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
    dof = (sizes - 1) * (count - 1) - (~seen).sum()
    if seen.mean() < _FEWEST_CELLS or not _connected(seen) or dof <= 0:
        return None
    cells = _filled(cells / np.maximum(runs, 1), seen)
    mean = cells.mean(axis=1)
    if not (mean > 0).all():
        return None
    relative = cells / mean[:, None] - 1
    levels = relative.mean(axis=0)
    squares = np.where(seen, (relative - levels) ** 2, 0.0).sum(axis=1)
    noise = squares.sum() / dof
    variance = max(0.0, (levels**2).sum() / (count - 1) - noise / sizes)
    return Blocks(
        mean=mean,
        squares=squares,
        dof=dof * seen.sum(axis=1) / seen.sum(),
        level=float(np.sqrt(variance / count)),
        spread=float(np.sqrt(variance)),
        levels=levels,
        seen=seen,
    )


def _connected(seen: np.ndarray) -> bool:
    """Return whether blocks connect all sizes [S, B]: sizes that share none with the others cannot be compared with
    them.
    """
    blocks = seen[0]
    for _ in range(len(seen)):
        blocks = seen[(seen & blocks).any(axis=1)].any(axis=0)
    return bool(blocks.all() and seen.any(axis=1).all())


def _filled(cells: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Return errors [S, B] with missing ones as the mean of the size times the level of the block."""
    if seen.all():
        return cells
    cells = np.where(seen, cells, (cells * seen).sum(axis=1, keepdims=True) / seen.sum(axis=1, keepdims=True))
    for _ in range(_FILL_STEPS):
        mean = cells.mean(axis=1, keepdims=True)
        cells = np.where(seen, cells, mean * (cells / mean).mean(axis=0, keepdims=True))
    return cells


def block_note(blocks: Blocks, sizes: np.ndarray, labels: np.ndarray, kind: str) -> list[str]:
    """Return what to say of blocks in one sentence, where they differ by more than the noise between sizes.

    Args:
        blocks: the layout of the runs.
        sizes: [S] numbers of molecules.
        labels: [B] of the blocks, such as "seed 0".
        kind: what the blocks are: "runs", "splits", or "folds", whose test molecules together are the whole set.
    """
    if not blocks.matter:
        return []
    missing = _missing_text(blocks.seen, sizes, labels)
    said = (
        f"the same {blocks.count} {kind} at {missing or 'all sizes'}: their common levels (sd {blocks.spread:.2g} of "
    )
    said += "the error) do not count as noise between sizes"
    said += "; missing ones are filled in by these levels" if missing else ""
    said += _far_text(blocks.levels, labels)
    return [f"{said}; intervals are for the mean of these folds" if kind == "folds" else said]


def _missing_text(seen: np.ndarray, sizes: np.ndarray, labels: np.ndarray) -> str:
    """Return which sizes lack which runs; empty if none does."""
    lacking: dict[str, list[str]] = {}
    for k in np.flatnonzero(~seen.all(axis=0)):
        lacking.setdefault(_listed(list(map(size_text, sizes[~seen[:, k]]))), []).append(str(labels[k]))
    if len(lacking) > _MOST_NAMED:
        return f"most sizes ({(~seen).sum()} of {seen.size} combinations are missing)"
    said = [f"{_listed(names)} {'are' if len(names) > 1 else 'is'} missing at {at}" for at, names in lacking.items()]
    return f"most sizes ({'; '.join(said)})" if said else ""


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _far_text(levels: np.ndarray, labels: np.ndarray) -> str:
    """Return which run is far from all others at every size, as a seed that never trains is."""
    said = []
    for k, label in enumerate(labels):
        others = 1 + np.delete(levels, k)
        times = (1 + levels[k]) / others
        if times.min() >= _FAR or times.max() <= 1 / _FAR:
            far = (1 + levels[k]) / np.median(others)
            said.append(f"; the error of {label} is {far:.2g} times that of the others")
    return "".join(said) if len(levels) > 2 and len(said) == 1 else ""
