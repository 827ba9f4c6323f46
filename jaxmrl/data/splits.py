"""Splits and nested subsets: index arrays into the table, nothing else."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from jaxmrl.chem.scaffolds import NO_SCAFFOLD
from jaxmrl.data.whole_molecules import NOWHERE, fill_in_turn
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.text import count

SHARES = (0.8, 0.1)
"""The shares of training and validation."""

IMBALANCED_SHARES, MOVED_SHARE = (0.7, 0.15), 0.05
PARTS = ("train", "valid", "test")
_SUBSET_STREAM = 1


@dataclass(frozen=True)
class Split:
    """Positions in the table, disjoint; together all of it, except at a cut date and where a cluster is left out.

    Attributes:
        train: Those of the training molecules.
        valid: Those of the validation molecules.
        test: Those of the test molecules.
        cut: The cut date (YYYY-MM-DD) of a rolling origin: molecules that came long after it are in no part. Empty for
            other splits.
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    cut: str = field(default="", kw_only=True)

    def parts(self) -> dict[str, np.ndarray]:
        return {"train": self.train, "valid": self.valid, "test": self.test}

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of molecules in each part."""
        return tuple(map(len, self.parts().values()))


@dataclass(frozen=True)
class SplitRepeat:
    """Which of the `count` repeated splits of a kind a split is.

    Attributes:
        seed: The split seed.
        place: Its place among them; the first has the seed of --split-seed.
        count: How many there are. Seed k of a sweep uses the split at place k modulo this number.
        cut: The cut date of a rolling origin, whose every split all seeds use; empty for other splits.
    """

    seed: int = 42
    place: int = 0
    count: int = 1
    cut: str = ""

    def seeds(self, of_sweep: int) -> range:
        """Return which of the seeds 0, 1, ... of a sweep use this split."""
        return range(of_sweep) if self.cut else range(self.place, of_sweep, self.count)


def split_label(name: str, seed: int, place: int) -> str:
    """Return the label of a split: its kind and, unless it is the first of that kind, its seed."""
    return f"{name} {seed}" if place else name


def random_split(ids: np.ndarray, rows: int, seed: int, sizes: tuple[int, int] | None = None) -> Split:
    """Return the random split: 80% train, 10% validation (or `sizes` of both) and the rest test, from a shuffle of the
    file's `rows` rows.

    ids [N] are the rows of the usable molecules; the others leave their places empty, so a molecule's part does not
    depend on what else can be used. The shuffle is Python's, as in the study's code (and that of Hu et al. 2020, on
    which it stands): with the same rows and seed the parts are the study's. Raises DataError where one is empty.
    """
    order = list(range(rows))
    random.Random(seed).shuffle(order)
    train, valid = sizes or tuple(int(share * rows) for share in SHARES)
    shuffled = _positions(ids, rows)[order]
    parts = (shuffled[:train], shuffled[train : train + valid], shuffled[train + valid :])
    split = Split(*(part[part >= 0] for part in parts))
    empty = [part for part, molecules in split.parts().items() if len(molecules) == 0]
    if empty:
        lost = f" ({rows - len(ids):,} of {count(rows, 'row')} were rejected)" if rows > len(ids) else ""
        remedy = "give another --split-seed" if len(ids) >= 10 else "at least 10 are needed"
        raise DataError(
            f"the random 80/10/10 split has no {empty[0]} molecules: {count(len(ids), 'usable molecule')} in all"
            f"{lost}; {'fix those rows, or ' if lost and len(ids) >= 10 else ''}{remedy}"
        )
    return split


def random_split_like(first: Split, ids: np.ndarray, rows: int, seed: int) -> Split:
    """Return the random split of another seed with parts as large as those of `first`.

    It is that of `random_split`, apart from molecules at the ends of its parts where rows could not be used: by those,
    the parts of two seeds would differ by a few molecules, and the points of their curve, too.
    """
    order = list(range(rows))
    random.Random(seed).shuffle(order)
    shuffled = _positions(ids, rows)[order]
    shuffled = shuffled[shuffled >= 0]
    return Split(*np.split(shuffled, np.cumsum([len(first.train), len(first.valid)])))


def _positions(ids: np.ndarray, rows: int) -> np.ndarray:
    """Return the position in the table of each of the file's rows; -1 for rows that could not be used."""
    position = np.full(rows, -1, np.int32)
    position[ids] = np.arange(len(ids), dtype=np.int32)
    return position


def scaffold_split(scaffolds: list[str], shares: tuple[float, float] = SHARES, seed: int | None = None) -> Split:
    """Return the scaffold split: groups of one scaffold go, the largest first, to train, else to validation, else to
    test.

    scaffolds [N]: the molecules of one scaffold stay together, those without rings too; one without a scaffold
    (NO_SCAFFOLD) is a group of its own. A group goes to train while that stays within its share of the molecules, to
    validation while both stay within theirs; among groups of one size, the one whose first row is last in the table
    comes first, as in the study's code (and that of Hu et al. 2020). With a seed, groups of a size come in random
    order, so that all seeds give splits of the same kind, with parts of the same size. Raises DataError where a part
    is empty.
    """
    groups: dict[object, list[int]] = {}
    for k, scaffold in enumerate(scaffolds):
        groups.setdefault(k if scaffold == NO_SCAFFOLD else scaffold, []).append(k)
    parts: dict[str, list[int]] = {part: [] for part in PARTS}
    train_most, both_most = shares[0] * len(scaffolds), sum(shares) * len(scaffolds)
    by_size = sorted(groups.values(), key=lambda group: (len(group), group[0]), reverse=True)
    if seed is not None:
        order = np.random.default_rng([seed, len(scaffolds)]).permutation(len(by_size))
        by_size = sorted((by_size[k] for k in order), key=len, reverse=True)
    for group in by_size:
        in_train, in_valid = len(parts["train"]), len(parts["valid"])
        fits_train = in_train + len(group) <= train_most
        fits_valid = in_train + in_valid + len(group) <= both_most
        parts["train" if fits_train else "valid" if fits_valid else "test"].extend(group)
    return _checked(parts, "scaffold")


def imbalanced_split(scaffolds: list[str], seed: int, *, shuffled: bool = False) -> Split:
    """Return a scaffold split of 70/15/15 after moving 5% of the molecules from validation, and as many from test, to
    train at random.

    The published code loses the molecules it takes from test and has those from validation twice. shuffled: whether
    scaffolds with equally many molecules come in random order, by the seed.
    """
    base = scaffold_split(scaffolds, IMBALANCED_SHARES, seed if shuffled else None)
    rng = np.random.default_rng([seed, len(scaffolds)])
    moved = int(MOVED_SHARE * len(scaffolds))
    valid, test = rng.permutation(base.valid), rng.permutation(base.test)
    train = np.concatenate([base.train, valid[:moved], test[:moved]])
    return _checked({"train": train, "valid": np.sort(valid[moved:]), "test": np.sort(test[moved:])}, "imbalanced")


def held_out(molecules: int) -> int:
    """Return how many of so many molecules validate and test."""
    return molecules - int(SHARES[0] * molecules)


def diverse_split(picked: np.ndarray, canonical: np.ndarray) -> Split:
    """Return the split that tests on the most diverse molecules, which go to test and to validation in turn; the others
    train. All rows of a molecule are in one part.

    Args:
        picked: The place of a row of each of the `held_out(N)` most diverse molecules, the most diverse first.
        canonical: A hash of the molecule of each row, [N].

    Raises:
        DataError: Where a part is empty.
    """
    valid = int(SHARES[1] * len(canonical))
    part_of = fill_in_turn(canonical, picked, (held_out(len(canonical)) - valid, valid))
    parts = {"train": NOWHERE, "valid": 1, "test": 0}
    return _checked({name: np.flatnonzero(part_of == part) for name, part in parts.items()}, "maxmin")


def given_split(parts: list[str]) -> Split:
    """Return the split by the name of each molecule's part, [N]: train, valid or test.

    Raise DataError if one is empty.
    """
    return _checked({part: [k for k, name in enumerate(parts) if name == part] for part in PARTS}, "given")


def _checked(parts: Mapping[str, list[int] | np.ndarray], name: str) -> Split:
    for part, molecules in parts.items():
        if len(molecules) == 0:
            raise DataError(f"the {name} split has no {part} molecules; use --split random, or a file of your own")
    return Split(*(np.asarray(parts[part], np.int64) for part in PARTS))


def subset_order(train: np.ndarray, seed: int) -> np.ndarray:
    """Return the shuffle of the training molecules whose prefixes are the subsets of `seed`: larger ones contain
    smaller ones.
    """
    return np.random.default_rng([seed, _SUBSET_STREAM]).permutation(train)


def subset_size(fraction: float, molecules: int) -> int:
    """Return floor(fraction * molecules), safe from binary rounding. Raise ConfigError if that is 0."""
    size = math.floor(fraction * molecules + 1e-9)
    if size < 1:
        raise ConfigError(
            f"fraction {fraction:g} of {molecules} training molecules is less than one molecule; "
            f"use {math.ceil(1e6 / molecules) / 1e6:g} or more"
        )
    return size


def shared_scaffolds(scaffolds: list[str], split: Split) -> int:
    """Return how many test molecules have the scaffold of a training molecule. scaffolds [N]: of all molecules."""
    train = {scaffolds[k] for k in split.train} - {NO_SCAFFOLD}
    return sum(scaffolds[k] in train for k in split.test)


def same_scaffolds(scaffolds: list[str], flat: list[str], split: Split) -> tuple[int, int]:
    """Return `shared_scaffolds` of scaffolds as they are, and of those without stereochemistry (`flat`)."""
    return shared_scaffolds(scaffolds, split), shared_scaffolds(flat, split)


def shared_molecules(canonical: np.ndarray, split: Split) -> int:
    """Return how many validation and test molecules also occur in another part, by canonical SMILES (`canonical`
    [N]).
    """
    train, valid, test = (canonical[ids] for ids in (split.train, split.valid, split.test))
    in_valid = np.isin(valid, train) | np.isin(valid, test)
    in_test = np.isin(test, train) | np.isin(test, valid)
    return int(in_valid.sum() + in_test.sum())


def shared_parents(canonical: np.ndarray, parents: np.ndarray, split: Split) -> int:
    """Count the test molecules that training lacks, but whose parent is that of a training molecule.

    Args:
        canonical: A hash of each molecule, [N].
        parents: A hash of each molecule's parent (of a salt, hydrate or ion), [N].
        split: The parts.
    """
    new = ~np.isin(canonical[split.test], canonical[split.train])
    return int((new & np.isin(parents[split.test], parents[split.train])).sum())
