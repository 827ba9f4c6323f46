"""The concordance of predictions with labels, some of them bounds."""

import numpy as np
import pytest

from jaxmrl.reports.concordance import concordance


def pair_by_pair(scores, labels, sides):
    pairs = right = 0
    for i, j in np.ndindex(len(labels), len(labels)):
        exact = sides[i] == sides[j] == 0
        known = i != j and sides[i] <= 0 <= sides[j] and not np.isnan(labels[[i, j]]).any()
        if known and (labels[i] < labels[j] or (labels[i] == labels[j] and not exact)):
            pairs += 1
            right += 1.0 if scores[i] < scores[j] else 0.5 * (scores[i] == scores[j])
    return right / pairs if pairs else None


@pytest.mark.parametrize("molecules", [0, 1, 2, 3, 7, 8, 9, 33])
def test_it_counts_pairs_as_the_definition_does(molecules):
    rng = np.random.default_rng(molecules)
    for _ in range(20):
        labels = np.where(rng.random(molecules) < 0.1, np.nan, rng.integers(0, 6, molecules))
        scores, sides = 0.3 * rng.integers(0, 8, molecules), rng.choice([-1, 0, 0, 1], molecules)
        assert concordance(scores, labels, sides) == pytest.approx(pair_by_pair(scores, labels, sides), abs=1e-12)


def test_the_order_of_a_value_and_a_bound_is_known_on_one_side():
    labels, sides = np.array([5.0, 6.0]), np.array([0, 1])
    assert concordance(np.array([1.0, 2.0]), labels, sides) == 1
    assert concordance(np.array([2.0, 1.0]), labels, sides) == 0
    assert concordance(np.array([1.0, 1.0]), labels, sides) == 0.5
    assert concordance(np.array([1.0, 2.0]), np.array([7.0, 6.0]), sides) is None
    assert concordance(np.array([1.0, 2.0]), np.array([4.0, 6.0]), np.array([-1, 1])) == 1
    assert concordance(np.array([1.0, 2.0]), np.array([4.0, 6.0]), np.array([1, 1])) is None
