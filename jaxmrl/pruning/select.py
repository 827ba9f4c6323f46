"""Scores and what is kept by them."""

from dataclasses import dataclass, field

import numpy as np

from jaxmrl.errors import ConfigError


@dataclass(frozen=True)
class Scores:
    """Scores of `n` molecules by one or several methods.

    Attributes:
        molecules: [n] rows of the molecules in the table, sorted by canonical SMILES. Ties of scores are broken by this
            order.
        values: For each method, [S, n] float32: a row for each of `S` seeds, from models of its own. NaN for a molecule
            without a score.
        joint: For each method that scores by all seeds at once, [n]. Such a method's score is not the mean over seeds.
    """

    molecules: np.ndarray
    values: dict[str, np.ndarray]
    joint: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def seeds(self) -> int:
        """The number of seeds."""
        return len(next(iter(self.values.values())))

    def score(self, method: str) -> np.ndarray:
        """Return the score of each molecule over all seeds.

        Args:
            method: The name of a method.

        Returns:
            [n]: the mean over seeds, or the joint score if the method has one.
        """
        return self.joint[method] if method in self.joint else self.values[method].astype(np.float64).mean(axis=0)

    def spread(self, method: str) -> np.ndarray:
        """Return the standard deviation of each molecule's score over seeds.

        Args:
            method: The name of a method.

        Returns:
            [n]; NaN for a single seed.
        """
        values = self.values[method].astype(np.float64)
        return values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1], np.nan)

    def order(self, method: str, keep: str = "hard") -> np.ndarray:
        """Return the molecules in the order in which a method keeps them.

        Args:
            method: The name of a method.
            keep: `hard` keeps molecules with high scores first, and `easy` those with low scores.

        Returns:
            [n]: `molecules` in this order. The first `k` are the subset of size `k`.

        Raises:
            UserError: If `keep` is neither `hard` nor `easy`.
        """
        return self.molecules[keep_first(self.score(method), keep)]

    def rank(self, method: str, keep: str = "hard") -> np.ndarray:
        """Return each molecule's rank in the order in which a method keeps them.

        Args:
            method: The name of a method.
            keep: `hard` keeps molecules with high scores first, and `easy` those with low scores.

        Returns:
            [n]: 1 for the molecule that is kept first.

        Raises:
            UserError: If `keep` is neither `hard` nor `easy`.
        """
        places = keep_first(self.score(method), keep)
        rank = np.empty(len(places), np.int64)
        rank[places] = np.arange(1, len(places) + 1)
        return rank


def canonical_order(molecules: np.ndarray, canonical: np.ndarray) -> np.ndarray:
    """Return `molecules`, rows of the table, sorted by their hashes in `canonical` [N].

    The order does not depend on the table's order.
    """
    return molecules[np.lexsort((molecules, canonical[molecules]))]


def keep_first(values: np.ndarray, keep: str) -> np.ndarray:
    """Return the places of `values` [n] in the order of keeping.

    The hardest or the easiest come first, the first of equals before the others, and NaN last.
    """
    if keep not in ("hard", "easy"):
        raise ConfigError(f"keep is hard or easy; got {keep!r}")
    return np.argsort(-values if keep == "hard" else values, kind="stable")


def subset(order: np.ndarray, budget: int) -> np.ndarray:
    """Return the first `budget` molecules of `order`. Raise ConfigError for none, or for more than there are."""
    if not 1 <= budget <= len(order):
        raise ConfigError(f"a subset keeps from 1 to all {len(order)} molecules; got {budget}")
    return order[:budget]
