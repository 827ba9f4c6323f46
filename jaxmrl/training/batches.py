"""Host-side planning: which molecule goes into which batch, so that every batch fits one fixed budget.

NumPy only. A plan is a pure function of the replica's ids and a seed sequence, so a resumed run plans the same.
"""

import numpy as np

from jaxmrl.modalities.flat_rows import NO_MOLECULE

MAX_SWAPS_PER_BATCH = 1000
MOST_CANDIDATES = 256
"""The most molecules of each batch that a swap tries: the largest of one and the smallest of the other."""


def batches_per_epoch(molecules: int, batch_size: int) -> int:
    """Return how many batches `molecules` fill; the last one may be smaller, as in the study."""
    return -(-molecules // batch_size)


def budget(id_sets: list[np.ndarray], resources: np.ndarray, batch_size: int) -> np.ndarray:
    """Return the rows of each resource [R] that a batch must have so that every plan over any of `id_sets` fits.

    The largest mean batch plus the largest molecule: while some batch is over that, another is below its mean, and
    swapping a larger molecule of the one for a smaller of the other helps (for one resource alone that ends in a
    plan that fits). Each resource beyond the first gets the room of three more of its largest molecules, or, where it
    is scarce, twice its need.
    """
    needs = []
    for ids in id_sets:
        taken = resources[ids]
        if len(ids) <= batch_size:
            needs.append(taken.sum(axis=0))
        else:
            mean, largest = taken.mean(axis=0) * batch_size, taken.max(axis=0)
            roomy = np.minimum(mean + 4 * largest, 2 * (mean + largest))
            needs.append(np.concatenate([mean[:1] + largest[:1], roomy[1:]]))
    return np.ceil(np.max(needs, axis=0)).astype(np.int64)


def plan(
    ids: np.ndarray, resources: np.ndarray, limits: np.ndarray, batch_size: int, rng: np.random.Generator | None
) -> np.ndarray:
    """Return batches [n, batch_size] that contain each of `ids` once, the last filled up with NO_MOLECULE.

    `resources` [N, R] and `limits` [R]: no batch takes more than its limits. `rng` shuffles; None keeps the order,
    as for evaluation. Where a batch does not fit, molecules are swapped between batches: nothing is dropped.
    Raises ValueError if no plan is found; with limits from `budget` that has not been seen.
    """
    ids = np.asarray(ids)
    order = ids if rng is None else rng.permutation(ids)
    count = batches_per_epoch(len(order), batch_size)
    batches = np.full((count, batch_size), NO_MOLECULE, np.int32)
    batches.reshape(-1)[: len(order)] = order
    taken = np.where((batches >= 0)[..., None], resources[batches], 0)
    load, molecules = taken.sum(axis=1), (batches >= 0).sum(axis=1)
    for _ in range(MAX_SWAPS_PER_BATCH * count):
        excess = np.maximum(load - limits, 0)
        if not excess.any():
            return batches
        over = int((excess / np.maximum(limits, 1)).sum(axis=1).argmax())
        resource = int((load[over] - limits).argmax())
        under = int((load[:, resource] / molecules).argmin())
        _swap(batches, taken, load, limits, over, under)
    raise ValueError(f"no batches of {batch_size} molecules fit {limits.tolist()} rows; loads {load.tolist()}")


def _swap(batches: np.ndarray, taken: np.ndarray, load: np.ndarray, limits: np.ndarray, over: int, under: int) -> None:
    """Swap the molecules of batches `over` and `under` that leave the least excess in both."""
    mine, theirs = np.flatnonzero(batches[over] >= 0), np.flatnonzero(batches[under] >= 0)
    if max(len(mine), len(theirs)) > MOST_CANDIDATES:
        resource = int((load[over] - limits).argmax())
        mine = mine[np.argsort(-taken[over, mine, resource], kind="stable")[:MOST_CANDIDATES]]
        theirs = theirs[np.argsort(taken[under, theirs, resource], kind="stable")[:MOST_CANDIDATES]]
    mine, theirs = mine[_first_of_each(taken[over, mine])], theirs[_first_of_each(taken[under, theirs])]
    moved = taken[over, mine][:, None] - taken[under, theirs][None, :]
    left = np.maximum(load[over] - moved - limits, 0) + np.maximum(load[under] + moved - limits, 0)
    i, j = np.unravel_index((left / np.maximum(limits, 1)).sum(axis=-1).argmin(), moved.shape[:2])
    step, i, j = moved[i, j].copy(), mine[i], theirs[j]
    batches[over, i], batches[under, j] = batches[under, j], batches[over, i]
    taken[over, i], taken[under, j] = taken[under, j].copy(), taken[over, i].copy()
    load[over] -= step
    load[under] += step


def _first_of_each(rows: np.ndarray) -> np.ndarray:
    """Return the places of the first of each of `rows` [n, R] of integers, in order: equal molecules make equal
    swaps.
    """
    sizes = np.concatenate([[1], np.cumprod(rows[:, :-1].max(axis=0) + 1, dtype=np.int64)])
    return np.sort(np.unique(rows @ sizes, return_index=True)[1])
