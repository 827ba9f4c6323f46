import random
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxmrl.chem.scaffolds import NO_SCAFFOLD
from jaxmrl.data.splits import (
    Split,
    given_split,
    imbalanced_split,
    random_split,
    random_split_like,
    same_scaffolds,
    scaffold_split,
    shared_molecules,
    shared_parents,
    subset_order,
    subset_size,
)
from jaxmrl.errors import ConfigError, DataError


@given(molecules=st.integers(10, 5000), seed=st.integers(0, 100))
def test_disjoint_exhaustive_and_of_the_stated_sizes(molecules, seed):
    split = random_split(np.arange(molecules), molecules, seed)
    together = np.concatenate(list(split.parts().values()))
    assert sorted(together) == list(range(molecules))
    assert len(split.train) == int(0.8 * molecules)
    assert len(split.valid) == int(0.1 * molecules)


@given(seed=st.integers(0, 100), lost=st.sets(st.integers(0, 299), max_size=100))
def test_a_molecules_part_does_not_depend_on_other_rows(seed, lost):
    whole = random_split(np.arange(300), 300, seed)
    ids = np.array([k for k in range(300) if k not in lost])
    some = random_split(ids, 300, seed)
    together = np.concatenate(list(some.parts().values()))
    assert sorted(together) == list(range(len(ids)))
    for name, part in some.parts().items():
        assert list(ids[part]) == [k for k in whole.parts()[name] if k not in lost]


def test_the_shuffle_is_the_studys():
    """Python's own, first 80 %, next 10 %, rest."""
    order = list(range(50))
    random.seed(42)
    random.shuffle(order)
    split = random_split(np.arange(50), 50, 42)
    assert [*split.train, *split.valid, *split.test] == order


def test_seed_decides():
    ids = np.arange(100)
    assert np.array_equal(random_split(ids, 100, 42).train, random_split(ids, 100, 42).train)
    assert not np.array_equal(random_split(ids, 100, 42).train, random_split(ids, 100, 43).train)


def test_other_seeds_give_splits_of_the_same_kind_and_size():
    ids, scaffolds = np.array([k for k in range(300) if k % 7]), [str(k // 3) for k in range(100)] + ["big"] * 157
    first = random_split(ids, 300, 42)
    other = random_split_like(first, ids, 300, 43)
    assert set(other.test) != set(first.test)
    several = [[first, other], [scaffold_split(scaffolds), *(scaffold_split(scaffolds, seed=k) for k in (43, 44))]]
    several.append([imbalanced_split(scaffolds, 42), imbalanced_split(scaffolds, 43, shuffled=True)])
    for one, *others in several:
        for again in others:
            assert [len(part) for part in again.parts().values()] == [len(part) for part in one.parts().values()]
            assert sorted(np.concatenate(list(again.parts().values()))) == list(range(257))
            assert set(again.test) != set(one.test)
    whole = random_split_like(random_split(np.arange(300), 300, 42), np.arange(300), 300, 43)
    assert np.array_equal(whole.test, random_split(np.arange(300), 300, 43).test)


@pytest.mark.parametrize(
    ("usable", "rows", "message"),
    [
        (9, 9, "9 usable molecules in all; at least 10 are needed"),
        (9, 20, "9 usable molecules in all (11 of 20 rows were rejected); at least 10 are needed"),
        (10, 200, "(190 of 200 rows were rejected); fix those rows, or give another --split-seed"),
    ],
)
def test_too_few_molecules(usable, rows, message):
    shuffled = list(range(rows))
    random.Random(42).shuffle(shuffled)
    with pytest.raises(DataError, match=re.escape(message)):
        random_split(np.sort(shuffled[:usable]), rows, 42)


def test_subsets_are_nested_and_differ_by_seed():
    train = random_split(np.arange(500), 500, 42).train
    order = subset_order(train, 0)
    assert sorted(order) == sorted(train)
    assert np.array_equal(order, subset_order(train, 0))
    assert not np.array_equal(order, subset_order(train, 1))
    assert not np.array_equal(order, train)


@given(molecules=st.integers(100, 10**6), percent=st.integers(1, 100))
def test_subset_size_is_not_fooled_by_binary_fractions(molecules, percent):
    assert subset_size(percent / 100, molecules) == percent * molecules // 100


def test_less_than_one_molecule_is_an_error():
    with pytest.raises(ConfigError, match=r"less than one molecule; use 0\.02"):
        subset_size(0.01, 50)


def test_shared_molecules_are_counted():
    canonical = np.array([1, 2, 3, 1, 5, 3, 7], np.uint64)
    split = Split(np.array([0, 1, 2]), np.array([3, 4]), np.array([5, 6]))
    assert shared_molecules(canonical, split) == 2
    assert shared_molecules(np.arange(7, dtype=np.uint64), split) == 0


def test_test_molecules_like_those_of_training_are_counted():
    split = Split(np.array([0, 1]), np.array([2]), np.array([3, 4, 5, 6]))
    scaffolds, flat = (
        ["a", NO_SCAFFOLD, "b", "a", "b", NO_SCAFFOLD, "A"],
        ["a", NO_SCAFFOLD, "b", *"ab", NO_SCAFFOLD, "a"],
    )
    assert same_scaffolds(scaffolds, flat, split) == (1, 2), "no scaffold is no scaffold in common"
    canonical, parents = np.array([1, 2, 3, 1, 4, 5, 6]), np.array([1, 2, 3, 1, 2, 3, 6])
    assert shared_parents(canonical, parents, split) == 1, "the first test molecule is in training itself"


def hu_et_al(scaffolds, train_share, valid_share):
    """A plain reading of the scaffold split of Hu et al. 2020, on which the study's code stands."""
    by_scaffold = {}
    for index, scaffold in enumerate(scaffolds):
        by_scaffold.setdefault(scaffold, []).append(index)
    ordered = [
        members for _, members in sorted(by_scaffold.items(), key=lambda item: (len(item[1]), item[1][0]), reverse=True)
    ]
    train, valid, test = [], [], []
    for members in ordered:
        if len(train) + len(members) > train_share * len(scaffolds):
            if len(train) + len(valid) + len(members) > (train_share + valid_share) * len(scaffolds):
                test += members
            else:
                valid += members
        else:
            train += members
    return train, valid, test


@given(st.lists(st.sampled_from([""] * 3 + list("abcdefghijklmnopqrst")), min_size=60, max_size=300))
def test_the_scaffold_split_is_its_definition(scaffolds):
    expected = hu_et_al(scaffolds, 0.8, 0.1)
    if not all(expected):
        with pytest.raises(DataError, match="has no"):
            scaffold_split(scaffolds)
        return
    split = scaffold_split(scaffolds)
    assert tuple(part.tolist() for part in split.parts().values()) == expected
    found = [{scaffolds[k] for k in part} for part in split.parts().values()]
    assert not found[0] & found[1] | found[0] & found[2] | found[1] & found[2]


def test_molecules_without_rings_stay_together_and_those_without_a_scaffold_do_not():
    names = [""] * 4 + [NO_SCAFFOLD] * 10 + list("abcdefghij")
    split = scaffold_split(names)
    parts = [[names[k] for k in part] for part in split.parts().values()]
    assert sum("" in part for part in parts) == 1
    assert sum(NO_SCAFFOLD in part for part in parts) > 1


@given(molecules=st.integers(100, 400), seed=st.integers(0, 20))
def test_the_imbalanced_split_moves_each_molecule_once(molecules, seed):
    names = [str(k % 60) for k in range(molecules)]
    base, split = scaffold_split(names, (0.7, 0.15)), imbalanced_split(names, seed)
    together = np.concatenate(list(split.parts().values()))
    assert sorted(together) == list(range(molecules))
    moved = int(0.05 * molecules)
    assert len(split.train) == len(base.train) + 2 * moved
    assert set(split.valid) < set(base.valid)
    assert set(split.test) < set(base.test)
    assert len(split.test) == len(base.test) - moved
    again = imbalanced_split(names, seed)
    assert [part.tolist() for part in again.parts().values()] == [part.tolist() for part in split.parts().values()]


def test_shuffled_scaffolds_of_an_imbalanced_split_begin_from_the_scaffold_split_of_the_seed():
    names = [str(k % 60) for k in range(300)]
    base = scaffold_split(names, (0.7, 0.15), 5)
    assert set(base.test) != set(scaffold_split(names, (0.7, 0.15)).test)
    assert set(imbalanced_split(names, 5, shuffled=True).test) < set(base.test)


def test_a_split_of_ones_own():
    split = given_split(["test", "train", "valid", "train"])
    assert [part.tolist() for part in split.parts().values()] == [[1, 3], [2], [0]]
    with pytest.raises(DataError, match="the given split has no valid molecules"):
        given_split(["train", "test"])
