"""Group splits, stratified splits and folds: from arrays to index arrays.

They do not depend on the order of the rows, on how SMILES are written or on the names of groups: random choices come
from a hash of the molecule. All rows of a molecule are in one part, unless they are in different groups.
"""

import numpy as np

from jaxmrl.data.splits import PARTS, SHARES, Split
from jaxmrl.data.whole_molecules import NOWHERE, fill_parts
from jaxmrl.errors import DataError
from jaxmrl.text import count

_GOLDEN, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_BLOCK = 10
_TRIES = 20


def lots(canonical: np.ndarray, seed: int) -> np.ndarray:
    """Return a pseudorandom number for each molecule, [N] uint64: the step of SplitMix64 (Steele et al. 2014).

    Args:
        canonical: A hash of each molecule, [N] uint64.
        seed: The seed of the numbers.
    """
    with np.errstate(over="ignore"):
        mixed = canonical.astype(np.uint64) + _GOLDEN * np.uint64(seed + 1)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
        return mixed ^ (mixed >> np.uint64(31))


def group_split(
    groups: np.ndarray, canonical: np.ndarray, seed: int, kind: str, shares: tuple[float, float] = SHARES
) -> Split:
    """Return a split of whole groups: 80% for training, 10% for validation and the rest for testing, if they fit.

    Groups are assigned in random order, groups of one molecule last. Each group goes to a random part, in proportion to
    the shares, if it fits there; otherwise to the first part in which it fits, or else to the part with the most room.
    If there are enough groups of one molecule to fill the parts, the sizes of the parts are the same for all seeds.

    Args:
        groups: The group of each molecule, [N].
        canonical: A hash of each molecule, [N] uint64, the source of randomness.
        seed: The seed of the order.
        kind: The name of the split in messages.
        shares: The shares of training and validation.

    Raises:
        DataError: With fewer than three groups.
    """
    _, group, size = np.unique(groups, return_inverse=True, return_counts=True)
    if len(size) < len(PARTS):
        raise DataError(
            f"the {kind} split needs at least three groups, for training, validation and test; got {len(size)}"
        )
    lot = np.zeros(len(size), np.uint64)
    np.add.at(lot, group, lots(canonical, seed))  # wraps around, so that only equal groups have equal sums
    order = np.lexsort((lot, size == 1))
    chance = lots(lot, seed + 1) / 2.0**64
    part_of = _fill(size, order, chance, shares)
    _give_each_a_group(part_of, size, lot)
    return Split(*(np.flatnonzero(part_of[group] == part) for part in range(len(PARTS))))


def whole_groups(names: np.ndarray, canonical: np.ndarray) -> np.ndarray:
    """Return the group of each row, [N], by the names of groups, and where a row has none, by its molecule.

    Args:
        names: The name of each row's group, [N]; empty for a row without a group. It belongs to the group of another
            row of its molecule, of several the first one in alphabetical order, or else is a group with all of them.
        canonical: A hash of the molecule of each row, [N].
    """
    pairs = list(zip(names.tolist(), canonical.tolist(), strict=True))
    named: dict[int, str] = {}
    for name, molecule in sorted(pair for pair in pairs if pair[0]):
        named.setdefault(molecule, name)
    keys = [name or named.get(molecule, molecule) for name, molecule in pairs]
    number = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys])


def group_splits(groups: np.ndarray, canonical: np.ndarray, seeds: range, kind: str) -> list[Split]:
    """Return the group split of each seed, with parts of the same sizes as for the first seed; only the first split if
    there are no such splits.

    With parts of other sizes, the runs of one curve would be at different sizes. Arguments as for `group_split`.
    """
    first = group_split(groups, canonical, seeds[0], kind)
    found = [first]
    for seed in seeds[1:]:
        tries = (group_split(groups, canonical, seed + (k << 32), kind) for k in range(_TRIES))
        alike = next((split for split in tries if split.sizes == first.sizes), None)
        if alike is None:
            return [first]
        found.append(alike)
    return found


def leave_cluster_out(clusters: np.ndarray, canonical: np.ndarray, seeds: range) -> list[Split]:
    """Return splits that test on one cluster each: the first on the largest, the next on the second largest, and so on.

    A random tenth of the molecules is for validation, and others train. All training sets are as large as the smallest,
    because the runs of one curve need the same sizes; so some molecules are in no part.

    Args:
        clusters: The cluster of each molecule, [N], counted from 0.
        canonical: A hash of each molecule, [N] uint64, the source of randomness.
        seeds: A seed of the random choices for each split.

    Raises:
        DataError: With no more clusters than splits, or too few molecules outside a cluster.
    """
    size = np.bincount(clusters)
    if len(size) <= len(seeds):
        raise DataError(
            f"the leave-cluster-out split leaves out {count(len(seeds), 'cluster')}, one for each split seed, and "
            f"needs more clusters than that; got {len(size)}. Give fewer --split-seeds, or use --split random"
        )
    lot = np.zeros(len(size), np.uint64)
    np.add.at(lot, clusters, lots(canonical, 0))  # so that ties do not depend on the order of the rows
    largest = np.lexsort((lot, -size))[: len(seeds)]
    valid = max(1, int(SHARES[1] * len(clusters)))
    train = len(clusters) - int(size.max()) - valid
    if train < 1:
        raise DataError(
            f"the largest cluster has {int(size.max())} of {len(clusters)} molecules, and too few remain for training: "
            "use --split random"
        )
    found = []
    for seed, cluster in zip(seeds, largest, strict=True):
        others = np.flatnonzero(clusters != cluster)
        others = others[np.argsort(lots(canonical[others], seed), kind="stable")]
        in_valid = fill_parts(canonical[others], [valid]) != NOWHERE
        if not in_valid.any():
            raise DataError(
                f"every molecule has more rows than the {valid} of the validation set: merge its rows with "
                "--deduplicate mean"
            )
        train_ids, valid_ids = np.sort(others[~in_valid][:train]), np.sort(others[in_valid])
        found.append(Split(train_ids, valid_ids, np.flatnonzero(clusters == cluster)))
    return found


def folds_beside_test(in_test: np.ndarray, canonical: np.ndarray, seeds: range) -> list[Split]:
    """Return a split for each seed that validates on another fold of the molecules outside the test set.

    The folds are random and equally large: if the number of molecules is not a multiple of that of the folds, the
    remaining ones are always in training. All rows of a molecule are in one fold. Where repeated molecules leave a fold
    smaller than the others, as many other rows are in no part, so that all training sets are equally large.

    Args:
        in_test: Which molecules are in the test set of all splits, [N].
        canonical: A hash of each molecule, [N] uint64, the source of randomness.
        seeds: A seed for each fold, the first of which decides the folds.

    Raises:
        DataError: With fewer molecules outside the test set than folds, or so many rows of one that a fold is empty.
    """
    others = np.flatnonzero(~in_test)
    size = len(others) // len(seeds)
    if size < 1:
        raise DataError(f"{len(seeds)} folds need at least as many molecules outside the test set; got {len(others)}")
    others = others[np.argsort(lots(canonical[others], seeds[0]), kind="stable")]
    fold_of = fill_parts(canonical[others], [size] * len(seeds))
    if len(set(fold_of.tolist()) - {NOWHERE}) < len(seeds):
        raise DataError(
            f"{len(seeds)} folds of {count(size, 'row')} cannot be made without dividing molecules, because some have "
            f"many of the {len(others)} rows outside the test set: give fewer --split-seeds, or --deduplicate mean"
        )
    test, train = np.flatnonzero(in_test), len(others) - size
    return [
        Split(np.sort(others[fold_of != fold][:train]), np.sort(others[fold_of == fold]), test)
        for fold in range(len(seeds))
    ]


def _fill(size: np.ndarray, order: np.ndarray, chance: np.ndarray, shares: tuple[float, float]) -> np.ndarray:
    """Return the part of each group [G], which come in `order`."""
    total = int(size.sum())
    train, valid = (int(share * total) for share in shares)
    room = [train, valid, total - train - valid]
    part_of = np.zeros(len(size), np.int8)
    for one in order.tolist():
        by_chance = 0 if chance[one] < shares[0] else 1 if chance[one] < sum(shares) else 2
        fitting = [part for part in (by_chance, 0, 1, 2) if size[one] <= room[part]]
        part = fitting[0] if fitting else int(np.argmax(room))
        part_of[one], room[part] = part, room[part] - int(size[one])
    return part_of


def _give_each_a_group(part_of: np.ndarray, size: np.ndarray, lot: np.ndarray) -> None:
    """Move the smallest group of the part with the most groups to each empty part; ties are broken at random."""
    for part in range(len(PARTS)):
        if not (part_of == part).any():
            largest = np.bincount(part_of, minlength=len(PARTS)).argmax()
            own = np.flatnonzero(part_of == largest)
            part_of[own[np.lexsort((lot[own], size[own]))[0]]] = part


def stratified_split(labels: np.ndarray, canonical: np.ndarray, task: str, seed: int) -> Split:
    """Return a random split whose parts have the same distribution of labels.

    Molecules are sorted by their number of rows and by label, and assigned at random in blocks of ten: eight to
    training, one to validation and one to testing. In a block, only molecules with equally many rows exchange parts, so
    that the sizes of the parts are the same for all seeds. With several tasks, the label is the task of the rarest
    class that a molecule has, or the mean of its standardized numbers; of several rows, the smallest.

    Args:
        labels: Labels of all molecules, [N, T], NaN for missing.
        canonical: A hash of each molecule, [N] uint64.
        task: classification or regression.
        seed: The seed of the random choices.

    Raises:
        DataError: With fewer than ten molecules.
    """
    different, molecule, size = np.unique(canonical, return_inverse=True, return_counts=True)
    if len(different) < _BLOCK:
        raise DataError(f"the stratified split needs at least 10 molecules; got {len(different)}")
    stratum = np.full(len(different), np.inf)
    np.minimum.at(stratum, molecule, _stratum(labels, task))
    order = np.lexsort((lots(different, seed), stratum, size))
    rng = np.random.default_rng([seed, len(order)])
    template = np.array([0, 0, 0, 0, 1, 0, 0, 0, 0, 2])
    part_of = np.empty(len(order), np.int8)
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        place = np.empty(len(block), np.int64)
        place[np.lexsort((rng.permutation(len(block)), size[block]))] = np.arange(len(block))
        part_of[block] = template[place]
    return Split(*(np.flatnonzero(part_of[molecule] == part) for part in range(len(PARTS))))


def _stratum(labels: np.ndarray, task: str) -> np.ndarray:
    """Return a sort key for each molecule [N]: molecules with similar labels have similar keys."""
    known = ~np.isnan(labels)
    if task == "classification":
        rare = np.nan_to_num(np.nanmean(np.where(known.any(axis=0), labels, 0.0), axis=0)) > 0.5
        positive = known & (labels == np.where(rare, 0.0, 1.0))
        ranked = np.argsort(positive.sum(axis=0), kind="stable")
        own = positive[:, ranked]
        return np.where(own.any(axis=1), own.argmax(axis=1), labels.shape[1])
    spread = np.array([column[~np.isnan(column)].std() if (~np.isnan(column)).any() else 1.0 for column in labels.T])
    center = np.array([column[~np.isnan(column)].mean() if (~np.isnan(column)).any() else 0.0 for column in labels.T])
    scaled = np.where(known, (labels - center) / np.where(spread > 0, spread, 1.0), 0.0)
    return scaled.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
