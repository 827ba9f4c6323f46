"""Shapley and Banzhaf values: exact ones against the definitions, estimates against the exact ones."""

from itertools import combinations
from math import comb, factorial

import numpy as np
import pytest

from jaxmrl.errors import ConfigError
from jaxmrl.valuation.estimates import (
    banzhaf_reuse,
    half_subsets,
    shapley_permutations,
    shapley_reuse,
    shapley_subsets,
)
from jaxmrl.valuation.exact import all_subsets, exact_banzhaf, exact_shapley

PLAYERS = 12


@pytest.fixture(scope="module")
def game():
    """A game of 12 players with diminishing returns and interactions of pairs, [2^12]."""
    rng = np.random.default_rng(0)
    members = all_subsets(PLAYERS)
    pairs = rng.normal(size=(PLAYERS, PLAYERS)) / PLAYERS
    return np.sqrt(members @ rng.random(PLAYERS)) + np.einsum("si,ij,sj->s", members, pairs, members)


def place_of(subset):
    return sum(1 << player for player in subset)


def utilities_of(game, members):
    return game[members @ (1 << np.arange(PLAYERS))]


def by_definition(game, weight):
    """Each player's weighted sum of what it adds to the subsets of the others, in plain Python."""
    values = []
    for player in range(PLAYERS):
        others = [one for one in range(PLAYERS) if one != player]
        values.append(
            sum(
                weight(size) * (game[place_of((*subset, player))] - game[place_of(subset)])
                for size in range(PLAYERS)
                for subset in combinations(others, size)
            )
        )
    return np.array(values)


def test_enumerated_values_are_those_of_the_definitions(game):
    shapley = by_definition(game, lambda k: factorial(k) * factorial(PLAYERS - k - 1) / factorial(PLAYERS))
    banzhaf = by_definition(game, lambda k: 2.0 ** (1 - PLAYERS))
    np.testing.assert_allclose(exact_shapley(game), shapley, atol=1e-6, rtol=0)
    np.testing.assert_allclose(exact_banzhaf(game), banzhaf, atol=1e-6, rtol=0)
    assert exact_shapley(game).sum() == pytest.approx(game[-1] - game[0]), "efficiency"


def test_values_of_an_additive_game_are_its_terms():
    terms = np.array([3.0, -1.0, 0.0, 0.5])
    game = all_subsets(4) @ terms
    np.testing.assert_allclose(exact_shapley(game), terms, atol=1e-12)
    np.testing.assert_allclose(exact_banzhaf(game), terms, atol=1e-12)


@pytest.mark.parametrize("utilities", [np.zeros(6), np.zeros(1), np.zeros(2**17)])
def test_only_small_games_are_enumerated(utilities):
    with pytest.raises(ConfigError, match="one for each subset of 1 to 16 players"):
        exact_shapley(utilities)
    with pytest.raises(ConfigError, match="1 to 16 players; got 17"):
        all_subsets(17)


def estimates(game, count, seed):
    rng = np.random.default_rng(seed)
    halves, sizes = half_subsets(PLAYERS, count, rng), shapley_subsets(PLAYERS, count, rng)
    return {
        "banzhaf": banzhaf_reuse(halves, utilities_of(game, halves)),
        "shapley": shapley_reuse(sizes, utilities_of(game, sizes), game[-1], game[0]),
        "permutations": shapley_permutations(
            lambda one: utilities_of(game, one[None])[0], PLAYERS, count // 100, np.random.default_rng(seed)
        ),
    }


def test_estimates_converge_to_the_exact_values_and_know_their_errors(game):
    truth = {"banzhaf": exact_banzhaf(game), "shapley": exact_shapley(game), "permutations": exact_shapley(game)}
    runs = [estimates(game, 10_000, seed) for seed in range(20)]
    for name, exact in truth.items():
        errors = np.array([run[name].value - exact for run in runs])
        claimed = np.sqrt(np.mean([run[name].error ** 2 for run in runs]))
        assert np.abs(errors).max() < 5 * claimed, name
        assert np.abs(errors.mean(axis=0)).max() < 4 * claimed / np.sqrt(20), f"{name} has no bias"
        assert np.sqrt(np.mean(errors**2)) == pytest.approx(claimed, rel=0.2), name
        assert claimed < 0.15 * exact.std(), name


def test_the_fitted_cubic_takes_away_what_the_sizes_explain():
    """In a game of the size alone, all players are equal; without the cubic, estimates would differ by far."""
    members = shapley_subsets(50, 2_000, np.random.default_rng(1))
    utilities = np.log1p(members.sum(axis=1))
    found = shapley_reuse(members, utilities, np.log1p(50), 0.0)
    np.testing.assert_allclose(found.value, np.log1p(50) / 50, rtol=0.2)


def test_subsets_have_the_sizes_that_the_estimators_need():
    rng = np.random.default_rng(0)
    halves = half_subsets(3, 4_000, rng)
    assert halves.any(axis=1).all(), "no model learns from nothing"
    np.testing.assert_allclose(halves.mean(), 4 / 7, atol=0.02)
    sizes = shapley_subsets(5, 20_000, rng).sum(axis=1)
    expected = np.array([1 / (k * (5 - k)) for k in range(1, 5)])
    np.testing.assert_allclose(np.bincount(sizes, minlength=6)[1:5] / 20_000, expected / expected.sum(), atol=0.02)
    assert comb(5, 2) == len({tuple(row) for row in shapley_subsets(5, 2_000, rng).tolist() if sum(row) == 2})


def test_reliability_is_the_share_of_variance_that_is_no_error():
    rng = np.random.default_rng(0)
    members = half_subsets(100, 3_000, rng)
    effects = rng.normal(size=100)
    strong = banzhaf_reuse(members, members @ effects)
    assert strong.reliability == pytest.approx(1 - np.mean(strong.error**2) / strong.value.var())
    assert strong.reliability > 0.8
    assert banzhaf_reuse(members, rng.normal(size=3_000)).reliability < 0.3


def test_errors_of_banzhaf_values_are_those_of_two_means():
    rng = np.random.default_rng(5)
    members, utilities = half_subsets(6, 40, rng), rng.normal(3, 1, 40)
    members[:, 4], members[:, 5] = np.arange(40) < 2, np.arange(40) < 1
    utilities[:2] += 5
    found = banzhaf_reuse(members, utilities)
    for player in range(5):
        inside, outside = utilities[members[:, player]], utilities[~members[:, player]]
        variance = inside.var(ddof=1) / len(inside) + outside.var(ddof=1) / len(outside)
        np.testing.assert_allclose(found.value[player], inside.mean() - outside.mean())
        np.testing.assert_allclose(found.error[player], variance**0.5)
    assert np.isnan(found.value[5]), "in one subset alone"
