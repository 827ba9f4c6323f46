"""The splits of an earlier run, for data that has grown since: validation and test molecules stay in their parts."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from jaxmrl.data.group_splits import lots
from jaxmrl.data.splits import Split, given_split
from jaxmrl.errors import ConfigError

HELD_OUT = ("valid", "test")
NO_PART = ""
"""The part of a molecule that is in none."""

NEW = -1
"""The place of a molecule that the earlier data lacks."""


@dataclass(frozen=True)
class EarlierSplits:
    """The molecules of an earlier run and their parts.

    Attributes:
        run: The directory of the run, for messages.
        smiles: The canonical SMILES of its molecules, in the order of its file, [M].
        parts: The part of each molecule (train, valid, test or NO_PART), [M], by the label of the split.
    """

    run: str
    smiles: list[str]
    parts: dict[str, list[str]]

    def split(self, label: str, smiles: list[str], groups: np.ndarray | None = None) -> Split:
        """Return a split of the data as it is now.

        New molecules are for training, and so is a further row of an earlier training molecule. A further row of a
        validation or test molecule is in no part, as is, in a split of groups, a new molecule of its group: in the
        training set, it would make the test easier, and in the test set, it would change it.

        Args:
            label: The label of the split, such as `random` or `random 43`.
            smiles: The canonical SMILES of the molecules, [N].
            groups: The group of each molecule, [N]; None for a split without groups.

        Raises:
            UserError: Where the earlier run has no such split, or nothing is left of a part.
        """
        if label not in self.parts:
            there = ", ".join(self.parts)
            raise ConfigError(
                f"{self.run} has no {label} split; its splits are {there}. Give --split and --split-seeds as in that "
                "run"
            )
        (rows, molecules), parts = find_same(smiles, self.smiles), self.parts[label]
        known = np.array([NO_PART if place == NEW else parts[place] for place in molecules.tolist()])
        tested = np.isin(known, HELD_OUT)
        alike = tested if groups is None else np.isin(groups, groups[tested])
        new = (rows == NEW) | (known == NO_PART)
        return given_split(np.where(new, np.where(alike, NO_PART, "train"), known).tolist())


def trimmed(several: list[Split], canonical: np.ndarray, seed: int) -> list[Split]:
    """Return splits whose training sets are as large as the smallest, because the runs of one curve need the same
    sizes.

    Args:
        several: The splits of a kind.
        canonical: A hash of each molecule, [N] uint64, which decides what is left out.
        seed: The seed of that choice.
    """
    size = min(len(split.train) for split in several)
    order = lots(canonical, seed)
    return [
        replace(split, train=np.sort(split.train[np.argsort(order[split.train], kind="stable")[:size]]))
        for split in several
    ]


def find_same(smiles: list[str], earlier: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return where molecules were in earlier data.

    Args:
        smiles: Canonical SMILES, [N]. The rows of a molecule that has several are matched in their order.
        earlier: Those of the earlier data, [M].

    Returns:
        The place of each row, NEW where the earlier data lacks it, [N]; and the place of its molecule, which for a
        further row is that of the last earlier one, [N].
    """
    places: dict[str, list[int]] = {}
    for place, text in enumerate(earlier):
        places.setdefault(text, []).append(place)
    seen: Counter[str] = Counter()
    rows, molecules = np.full(len(smiles), NEW), np.full(len(smiles), NEW)
    for k, text in enumerate(smiles):
        if own := places.get(text):
            rows[k] = own[seen[text]] if seen[text] < len(own) else NEW
            molecules[k] = own[min(seen[text], len(own) - 1)]
            seen[text] += 1
    return rows, molecules
