import numpy as np
import pytest

from jaxmrl.modalities.geometry.features import Conformers, concatenate, find_pairs, why_unusable


@pytest.fixture
def molecules():
    """Five molecules of 1 to 9 atoms at random places."""
    rng = np.random.default_rng(0)
    size = np.array([4, 1, 9, 4, 2], np.int32)
    return Conformers(size, rng.integers(1, 10, 20).astype(np.uint8), rng.uniform(0, 6, (20, 3)).astype(np.float32))


@pytest.mark.parametrize("cutoff", [0.01, 3.0, 5.0, 100.0])
def test_pairs_are_those_of_a_plain_search(molecules, cutoff):
    found = find_pairs(molecules, cutoff)
    row = first_pair = 0
    for molecule, size in enumerate(molecules.size):
        position = molecules.position[row : row + size]
        expected = [
            (i, j)
            for i in range(size)
            for j in range(i + 1, size)
            if np.linalg.norm(position[i] - position[j]) < cutoff
        ]
        count = found.pair_count[molecule]
        assert [tuple(ends) for ends in found.ends[first_pair : first_pair + count].tolist()] == expected
        for atom in range(size):
            listed = found.pairs[row + atom]
            assert listed[listed < count].tolist() == [k for k, pair in enumerate(expected) if atom in pair]
            assert (listed[listed >= count] == np.iinfo(np.uint16).max).all()
        row, first_pair = row + size, first_pair + count
    assert first_pair == len(found.ends)


def test_more_pairs_than_sixteen_bits_count():
    rng = np.random.default_rng(1)
    crowd = Conformers(np.array([400], np.int32), np.ones(400, np.uint8), rng.uniform(0, 2, (400, 3)))
    found = find_pairs(crowd, 5.0)
    assert found.pair_count.tolist() == [400 * 399 // 2]
    assert found.pairs.dtype == np.uint32
    assert (found.ends[found.pairs[399]].max(axis=1) == 399).all()


def test_composition_and_take(molecules):
    found = find_pairs(molecules, 5.0)
    elements = np.unique(molecules.atom)
    composition = found.composition()
    assert composition.shape == (5, len(elements))
    assert composition.sum(axis=1).tolist() == [4, 1, 9, 4, 2]
    assert composition[1].tolist() == [int(element == molecules.atom[4]) for element in elements]
    kept = molecules.take(np.array([True, False, False, True, False]))
    assert kept.size.tolist() == [4, 4]
    np.testing.assert_array_equal(kept.position, np.concatenate([molecules.position[:4], molecules.position[14:18]]))
    again = concatenate([molecules.take(np.arange(5) < 2), molecules.take(np.arange(5) >= 2)])
    np.testing.assert_array_equal(again.position, molecules.position)


@pytest.mark.parametrize(
    ("atoms", "positions", "reason"),
    [
        ([], [], "without atoms"),
        ([6, 1], [[0, 0, 0], [0, 0, np.nan]], "not a finite number"),
        ([6, 0], [[0, 0, 0], [0, 0, 1]], "from 1 to 99 are expected; got 0 to 6"),
        ([100], [[0, 0, 0]], "got 100 to 100"),
        ([6, 1], [[0, 0, 0], [0, 0, 0.05]], r"closer than 0.1 Å"),
        ([6, 1], [[0, 0, 0], [0, 0, 1.1]], None),
        ([2], [[0, 0, 0]], None),
    ],
)
def test_what_cannot_be_a_molecule(atoms, positions, reason):
    found = why_unusable(np.array(atoms, np.uint8), np.array(positions, np.float32).reshape(-1, 3))
    assert found is None if reason is None else reason in found


def test_composition_counts_the_elements_that_it_is_asked_for(molecules):
    found = find_pairs(molecules, 1.0)
    everything = found.composition()
    assert everything.sum(axis=1).tolist() == molecules.size.tolist()
    elements = found.elements().tolist()
    assert everything.shape == (5, len(elements))
    asked = [elements[2], 50, elements[0], 99]
    counts = found.composition(np.sort(asked))
    np.testing.assert_array_equal(counts[:, :2], everything[:, [0, 2]])
    assert not counts[:, 2:].any()
