"""Data-OOB: the definition, and wrong labels that it finds."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from jaxmrl.modalities.descriptors.features import Descriptors
from jaxmrl.valuation.out_of_bag import out_of_bag, task_values


@pytest.fixture(scope="module")
def molecules():
    """200 molecules whose first count decides the label, with 10 labels flipped: counts, labels, flipped."""
    rng = np.random.default_rng(0)
    counts = rng.integers(4, size=(200, 6)).astype(np.uint8)
    flipped = np.zeros(200, bool)
    flipped[rng.permutation(200)[:10]] = True
    return counts, ((counts[:, 0] > 1) ^ flipped).astype(np.float64), flipped


def test_a_value_is_the_share_of_trees_without_the_molecule_that_are_right(molecules):
    counts, labels, _ = molecules
    found = task_values(counts.astype(np.float32), labels, True, trees=60, seed=3)
    forest = RandomForestClassifier(60, max_features="sqrt", random_state=3).fit(counts, labels)
    for molecule in range(0, 200, 40):
        without = [
            tree
            for tree, drawn in zip(forest.estimators_, forest.estimators_samples_, strict=True)
            if molecule not in drawn
        ]
        right = [tree.predict(counts[[molecule]])[0] == labels[molecule] for tree in without]
        assert found.value[molecule] == pytest.approx(np.mean(right))
        assert found.error[molecule] == pytest.approx(np.std(right) / np.sqrt(len(right)))


def test_flipped_labels_have_the_lowest_values(molecules):
    counts, labels, flipped = molecules
    values = task_values(counts.astype(np.float32), labels, True, trees=50, seed=0).value
    assert set(np.argsort(values)[:10]) == set(np.flatnonzero(flipped))


def test_numbers_out_of_all_proportion_have_the_lowest_values(molecules):
    counts, _, flipped = molecules
    labels = counts[:, 0] + np.where(flipped, 5.0, 0.0)
    values = task_values(counts.astype(np.float32), labels, False, trees=50, seed=0).value
    assert (values <= 0).all()
    assert set(np.argsort(values)[:10]) == set(np.flatnonzero(flipped))


def test_a_molecule_has_the_mean_over_its_labels_that_are_present(molecules):
    counts, labels, _ = molecules
    features = Descriptors(counts, np.zeros((200, 0), np.float32))
    two = np.stack([labels, labels], axis=1)
    two[:20, 1] = np.nan
    two[0] = np.nan
    grown = []
    found = out_of_bag(features, two, True, trees=30, seed=0, grown=grown.append)
    assert grown == [25, 5, 25, 5]
    assert np.isnan(found.value[0])
    first, second = (task_values(counts[k:].astype(np.float32), labels[k:], True, 30, 0) for k in (1, 20))
    np.testing.assert_allclose(found.value[1:20], first.value[:19])
    np.testing.assert_allclose(found.value[20:], (first.value[19:] + second.value) / 2)
