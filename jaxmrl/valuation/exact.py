"""Exact Shapley and Banzhaf values of small games, by enumeration. NumPy only.

A game gives each subset of n players a utility, [2^n]: bit i of a place says whether player i is in. Estimates from
random subsets are tested against these values.
"""

from math import comb

import numpy as np

from jaxmrl.errors import ConfigError

MOST_PLAYERS = 16
"""The most players of a game: each further player doubles the number of subsets."""


def all_subsets(players: int) -> np.ndarray:
    """Return the members of every subset, [2^n, n] bool. Raise ConfigError for more than MOST_PLAYERS players."""
    if not 1 <= players <= MOST_PLAYERS:
        raise ConfigError(f"subsets are enumerated for 1 to {MOST_PLAYERS} players; got {players}")
    return (np.arange(2**players)[:, None] >> np.arange(players) & 1).astype(bool)


def exact_shapley(utilities: np.ndarray) -> np.ndarray:
    """Return the Shapley value of each player, [n]; utilities [2^n].

    It is the mean over the sizes k of a subset without the player, from 0 to n - 1, of what the player adds on average
    to the subsets of that size (Shapley 1953).
    """
    players = _players(utilities)
    weights = np.array([1 / (players * comb(players - 1, size)) for size in range(players)])
    return np.array([_added(utilities, player) @ weights[_sizes_without(players, player)] for player in range(players)])


def exact_banzhaf(utilities: np.ndarray) -> np.ndarray:
    """Return the Banzhaf value of each player, [n]: what it adds on average to all subsets without it (Banzhaf 1965).

    utilities [2^n].
    """
    return np.array([_added(utilities, player).mean() for player in range(_players(utilities))])


def _players(utilities: np.ndarray) -> int:
    players = len(utilities).bit_length() - 1
    if len(utilities) != 2**players or not 1 <= players <= MOST_PLAYERS:
        raise ConfigError(
            f"a game has 2^n utilities, one for each subset of 1 to {MOST_PLAYERS} players; got {len(utilities)}"
        )
    return players


def _without(players: int, player: int) -> np.ndarray:
    """Return the places of the subsets without a player, [2^(n - 1)]."""
    places = np.arange(2**players)
    return places[places >> player & 1 == 0]


def _sizes_without(players: int, player: int) -> np.ndarray:
    return np.bitwise_count(_without(players, player)).astype(np.int64)


def _added(utilities: np.ndarray, player: int) -> np.ndarray:
    """Return what a player adds to each subset without it, [2^(n - 1)]."""
    without = _without(_players(utilities), player)
    return utilities[without | 1 << player] - utilities[without]
