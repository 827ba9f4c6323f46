"""Leverage in the embedding, on points whose distribution is known."""

import numpy as np
import pytest

from jaxmrl.ensemble.leverage import describe


def points(rng, n, scale=1.0):
    """Points of 6 numbers: two directions differ in size, two are alike, one is constant."""
    some = scale * rng.normal(size=(n, 4)) * [3.0, 1.0, 0.1, 1.0]
    return np.concatenate([some, some[:, 3:], np.full((n, 1), 7.0)], axis=1)


@pytest.mark.parametrize("n", [12, 40, 1000])
def test_it_is_about_1_for_molecules_like_those_of_training(n):
    rng = np.random.default_rng(0)
    found = [describe(points(rng, n)).leverage(points(rng, 200)).mean() for _ in range(20)]
    assert np.mean(found) == pytest.approx(1, abs=0.15)


def test_it_grows_with_the_square_of_the_distance_in_standard_deviations():
    rng = np.random.default_rng(1)
    domain = describe(points(rng, 1000))
    far = np.array([[30.0, 0, 0, 0, 0, 7], [0, 10.0, 0, 0, 0, 7], [60.0, 0, 0, 0, 0, 7], [0, 0, 0, 0, 0, 7]])
    one, other, twice, none = domain.leverage(far)
    assert one == pytest.approx(other, rel=0.2)
    assert twice == pytest.approx(4 * one, rel=0.05)
    assert none < 0.1 < 3 < one


def test_training_molecules_at_one_place_describe_nothing():
    assert describe(np.ones((5, 3))) is None
    assert describe(np.ones((1, 3))) is None
