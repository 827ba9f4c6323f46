"""Scores that cover the data, on planted examples."""

import numpy as np
import pytest

from jaxmrl.pruning.coresets import coverage_order, moderate, prototypicality


def ring(radii, center=(0.0, 0.0)):
    """Pairs of opposite points at these distances from a center."""
    steps = np.array([[radius, 0.0] for radius in radii])
    return np.concatenate([steps, -steps]) + center


def test_moderate_molecules_are_at_the_median_distance_from_their_class_center():
    embeddings = np.concatenate([ring([1, 2, 3, 4, 5]), ring([10, 20, 30, 40, 50], center=(500, 0))])
    labels = np.repeat([[0.0], [1.0]], 10, axis=0)
    scores = moderate(embeddings, labels, classes=True)
    distances = np.concatenate([np.tile([1, 2, 3, 4, 5], 2), np.tile([10, 20, 30, 40, 50], 2)])
    ranks = distances.argsort(kind="stable").argsort(kind="stable")
    np.testing.assert_allclose(scores, 1 - np.abs(2 * (ranks + 0.5) / 20 - 1), rtol=1e-6)
    kept = np.argsort(-scores, kind="stable")[:4]
    assert sorted(distances[kept]) == [5, 5, 10, 10], "a window around the median of all distances"


def test_moderate_takes_the_mean_over_labels_and_one_center_in_regression():
    embeddings = ring([1, 2, 3, 4])
    one, missing = np.zeros((8, 1)), np.full((8, 1), np.nan)
    expected = moderate(embeddings, one, classes=True)
    np.testing.assert_array_equal(moderate(embeddings, np.hstack([one, missing]), classes=True), expected)
    np.testing.assert_array_equal(
        moderate(embeddings, np.random.default_rng(0).random((8, 1)), classes=False), expected
    )
    missing[1:] = 0.0
    assert np.isnan(moderate(embeddings, missing, classes=True)).tolist() == [True] + [False] * 7


def test_the_molecules_far_from_prototypes_are_those_between_clusters():
    rng = np.random.default_rng(0)
    centers = np.array([[0, 0], [100, 0], [0, 100], [100, 100]])
    embeddings = np.concatenate([center + rng.normal(size=(10, 2)) for center in centers] + [[[20.0, 20.0]]])
    scores = prototypicality(embeddings, seed=1)
    assert scores.argmax() == 40
    assert scores.mean() == pytest.approx(1.0)
    np.testing.assert_allclose(prototypicality(7 * embeddings, seed=1), scores, rtol=1e-4)


def test_every_budget_covers_the_strata_and_the_hardest_come_last():
    rng = np.random.default_rng(0)
    difficulty = np.concatenate([rng.uniform(0, 0.1, 900), rng.uniform(0.1, 0.9, 50), rng.uniform(0.95, 1, 106)])
    order = coverage_order(difficulty, seed=3)
    assert sorted(order) == list(range(1056))
    hardest = np.argsort(-difficulty)[:105]
    assert order[-105:].tolist() == hardest[::-1].tolist(), "a tenth, the hardest of all at the end"
    low, high = difficulty[order[:-105]].min(), difficulty[order[:-105]].max()
    for budget in (60, 200, 500):
        strata = np.minimum(((difficulty[order] - low) / (high - low) * 50).astype(int), 49)
        kept, present = (np.bincount(one, minlength=50) for one in (strata[:budget], strata[:-105]))
        open_ones = kept[kept < present]
        assert open_ones.max() - open_ones.min() <= 1, "equal shares, but for strata that are used up"
        assert kept[kept == present].max() <= open_ones.max()
    assert (coverage_order(difficulty, seed=4)[:60] != order[:60]).any()


def test_molecules_without_a_difficulty_come_last_and_few_are_enough():
    assert coverage_order(np.array([np.nan, 0.2, 0.1, np.nan]), 0).tolist()[2:] == [0, 3]
    assert coverage_order(np.full(2, np.nan), 0).tolist() == [0, 1]
    assert sorted(coverage_order(np.full(30, 0.5), 0)) == list(range(30))
