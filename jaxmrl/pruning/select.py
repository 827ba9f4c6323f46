"""Scores and what is kept by them."""

from dataclasses import dataclass, field

import numpy as np

from jaxmrl.errors import ConfigError


@dataclass(frozen=True)
class Scores:
    """Scores of `n` molecules.

    molecules [n]   positions in the table, in order of their canonical SMILES, which breaks ties
    values          {method: [S, n] float32}, one row for each seed, by models of its own; NaN where a molecule has none
    joint           {method: [n]}, of methods that score by all seeds at once: a mean of orders has not their property
    """

    molecules: np.ndarray
    values: dict[str, np.ndarray]
    joint: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def seeds(self) -> int:
        """How many seeds have scores."""
        return len(next(iter(self.values.values())))

    def score(self, method: str) -> np.ndarray:
        """The score by all seeds [n]: their mean, unless the method has its own way."""
        return self.joint[method] if method in self.joint else self.values[method].astype(np.float64).mean(axis=0)

    def spread(self, method: str) -> np.ndarray:
        """Standard deviation over seeds [n]; NaN for a single one."""
        values = self.values[method].astype(np.float64)
        return values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1], np.nan)

    def order(self, method: str, keep: str = "hard") -> np.ndarray:
        """`molecules` in order of keeping: `keep_first` by the score."""
        return self.molecules[keep_first(self.score(method), keep)]

    def rank(self, method: str, keep: str = "hard") -> np.ndarray:
        """Of each molecule [n]: 1 for the one that is kept first."""
        places = keep_first(self.score(method), keep)
        rank = np.empty(len(places), np.int64)
        rank[places] = np.arange(1, len(places) + 1)
        return rank


def canonical_order(molecules: np.ndarray, canonical: np.ndarray) -> np.ndarray:
    """`molecules` (positions in the table) in the order of their `canonical` [N] hashes: theirs in any table."""
    return molecules[np.lexsort((molecules, canonical[molecules]))]


def keep_first(values: np.ndarray, keep: str) -> np.ndarray:
    """Places of `values` [n] in order of keeping, the hardest or the easiest first; of equals the first, NaN last."""
    if keep not in ("hard", "easy"):
        raise ConfigError(f"keep is hard or easy; got {keep!r}")
    return np.argsort(-values if keep == "hard" else values, kind="stable")


def subset(order: np.ndarray, budget: int) -> np.ndarray:
    """The first `budget` of `order`. Raises ConfigError for none, or more than there are."""
    if not 1 <= budget <= len(order):
        raise ConfigError(f"a subset keeps from 1 to all {len(order)} molecules; got {budget}")
    return order[:budget]
