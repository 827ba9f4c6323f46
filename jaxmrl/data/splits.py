"""Splits and nested subsets: index arrays into the table, nothing else."""

import math
import random
from dataclasses import dataclass

import numpy as np

from jaxmrl.errors import ConfigError, DataError

TRAIN_SHARE, VALID_SHARE = 0.8, 0.1
_SUBSET_STREAM = 1


@dataclass(frozen=True)
class Split:
    """Positions in the table: disjoint, and together all of it."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray

    def parts(self) -> dict[str, np.ndarray]:
        return {"train": self.train, "valid": self.valid, "test": self.test}


def random_split(ids: np.ndarray, rows: int, seed: int, sizes: tuple[int, int] | None = None) -> Split:
    """80 % train, 10 % validation, or `sizes` of both, and the rest test, of a shuffle of the file's `rows` rows.

    ids [N] are the rows of the usable molecules; the others leave their places empty, so a molecule's part does not
    depend on what else can be used. The shuffle is Python's, as in the study's code (and that of Hu et al. 2020, on
    which it stands): with the same rows and seed the parts are the study's. Raises DataError where one is empty.
    """
    order = list(range(rows))
    random.Random(seed).shuffle(order)
    position = np.full(rows, -1, np.int32)
    position[ids] = np.arange(len(ids), dtype=np.int32)
    train, valid = sizes or (int(TRAIN_SHARE * rows), int(VALID_SHARE * rows))
    shuffled = position[order]
    parts = (shuffled[:train], shuffled[train : train + valid], shuffled[train + valid :])
    split = Split(*(part[part >= 0] for part in parts))
    if min(map(len, split.parts().values())) == 0:
        raise DataError(f"{len(ids)} usable molecules are too few for an 80/10/10 split; at least 10 are needed")
    return split


def subset_order(train: np.ndarray, seed: int) -> np.ndarray:
    """The shuffle of the training molecules whose prefixes are the subsets of `seed`: larger ones hold smaller."""
    return np.random.default_rng([seed, _SUBSET_STREAM]).permutation(train)


def subset_size(fraction: float, molecules: int) -> int:
    """floor(fraction * molecules), safe from binary rounding. Raises ConfigError where that is none."""
    size = math.floor(fraction * molecules + 1e-9)
    if size < 1:
        raise ConfigError(
            f"fraction {fraction:g} of {molecules} training molecules is less than one molecule; "
            f"use {math.ceil(1e6 / molecules) / 1e6:g} or more"
        )
    return size


def shared_molecules(canonical: np.ndarray, split: Split) -> int:
    """How many validation and test molecules also stand in another part, by canonical SMILES (`canonical` [N])."""
    train, valid, test = (canonical[ids] for ids in (split.train, split.valid, split.test))
    in_valid = np.isin(valid, train) | np.isin(valid, test)
    in_test = np.isin(test, train) | np.isin(test, valid)
    return int(in_valid.sum() + in_test.sum())
