"""Shapley and Banzhaf values of many players, estimated from the utilities of random subsets. NumPy only."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Values:
    """The estimated value of each player, [n], and its standard error, [n]; NaN where there is none."""

    value: np.ndarray
    error: np.ndarray

    @property
    def reliability(self) -> float:
        """The share of the variance of the values that is not estimation error, from 0 to 1."""
        spread = float(np.nanvar(self.value))
        return max(0.0, 1 - float(np.nanmean(self.error**2)) / spread) if spread > 0 else 0.0


def half_subsets(players: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return random subsets in which each player is with probability 1/2, none empty, [count, players] bool."""
    return _drawn_again(lambda number: rng.random((number, players)) < 0.5, count)


def shapley_subsets(players: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return random subsets of 1 to n - 1 of n >= 2 players for `shapley_reuse`, [count, players] bool.

    The probability of a size k is proportional to 1 / (k (n - k)), and all subsets of a size are equally likely.
    """
    sizes = np.arange(1, players)
    odds = 1 / (sizes * (players - sizes))
    drawn = rng.choice(sizes, size=count, p=odds / odds.sum())
    ranks = np.argsort(rng.random((count, players)), axis=1).argsort(axis=1)
    return ranks < drawn[:, None]


def _drawn_again(draw: Callable[[int], np.ndarray], count: int) -> np.ndarray:
    members = draw(count)
    while (empty := ~members.any(axis=1)).any():
        members[empty] = draw(int(empty.sum()))
    return members


def banzhaf_reuse(members: np.ndarray, utilities: np.ndarray) -> Values:
    """Return Banzhaf values from `half_subsets`: the mean utility of the subsets with a player minus that without.

    Every subset is used for every player (maximum sample reuse; Wang & Jia, Data Banzhaf, AISTATS 2023).

    Args:
        members: The subsets, [M, n] bool.
        utilities: Their utilities, [M].

    Returns:
        The values. A player that is in fewer than two subsets, or outside fewer than two, has none.
    """
    (mean_in, squared_in), (mean_out, squared_out) = (_mean_and_error(side, utilities) for side in (members, ~members))
    return Values(mean_in - mean_out, np.sqrt(squared_in + squared_out))


def _mean_and_error(side: np.ndarray, utilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean utility over each player's subsets [M, n], and its squared standard error; [n] both."""
    many = side.sum(axis=0).astype(np.float64)
    many[many < 2] = np.nan
    middle = utilities.mean()
    centered = utilities - middle
    mean = centered @ side / many
    variance = (centered**2 @ side / many - mean**2) * many / (many - 1)
    return middle + mean, np.maximum(variance, 0.0) / many


def shapley_reuse(members: np.ndarray, utilities: np.ndarray, whole: float, nothing: float) -> Values:
    """Return Shapley values from `shapley_subsets`; every subset is used for every player.

    The Shapley value is (v(N) - v(0)) / n + 2 H E[v(S) (1[i in S] - |S| / n)] over these subsets, where H is the
    (n - 1)-th harmonic number (unbiased KernelSHAP, Covert & Lee 2021; SHAP-IQ, Fumagalli et al. 2023). A function
    of |S| alone may be subtracted from v(S) without a change of the mean; a cubic in log(|S| / (n - |S|)), fitted to
    the utilities, takes away the variance of the sizes.

    Args:
        members: The subsets, [M, n] bool, with M above 4.
        utilities: Their utilities, [M].
        whole: The utility of all players.
        nothing: The utility of none.
    """
    count, players = members.shape
    sizes = members.sum(axis=1)
    scale = 2 * (1 / np.arange(1, players)).sum()
    terms = scale * _without_size(sizes, players, utilities)[:, None] * (members - sizes[:, None] / players)
    return Values((whole - nothing) / players + terms.mean(axis=0), terms.std(axis=0, ddof=1) / np.sqrt(count))


def _without_size(sizes: np.ndarray, players: int, utilities: np.ndarray) -> np.ndarray:
    """Return the residuals of the utilities [M] from a cubic in the log odds of the subset's share of players."""
    odds = np.log(sizes / (players - sizes))
    basis = np.vander(odds / max(1.0, np.abs(odds).max()), 4)
    return utilities - basis @ np.linalg.lstsq(basis, utilities, rcond=None)[0]


def shapley_permutations(
    utility: Callable[[np.ndarray], float], players: int, permutations: int, rng: np.random.Generator
) -> Values:
    """Return Shapley values as means over random orders of what each player adds to those before it.

    Source: Castro, Gomez & Tejada 2009; Ghorbani & Zou 2019, without truncation. Each order takes n utilities, so this
    is for models that train in an instant.

    Args:
        utility: Of a subset, [n] bool.
        players: The number of players, n.
        permutations: The number of orders, 2 or more.
        rng: Draws the orders.
    """
    added = np.empty((permutations, players))
    nothing = utility(np.zeros(players, bool))
    for row in added:
        members, before = np.zeros(players, bool), nothing
        for player in rng.permutation(players):
            members[player] = True
            after = utility(members)
            row[player], before = after - before, after
    return Values(added.mean(axis=0), added.std(axis=0, ddof=1) / np.sqrt(permutations))
