import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxmrl.data.clusters import find_clusters, maxmin_order
from jaxmrl.data.group_splits import (
    folds_beside_test,
    group_split,
    group_splits,
    leave_cluster_out,
    lots,
    stratified_split,
    whole_groups,
)
from jaxmrl.data.splits import diverse_split, held_out
from jaxmrl.errors import DataError

GROUPS = st.lists(st.integers(0, 30), min_size=30, max_size=300).filter(lambda groups: len(set(groups)) > 2)


def hashes(molecules: int) -> np.ndarray:
    return lots(np.arange(molecules, dtype=np.uint64), 7)


def prints(molecules: int, seed: int = 0) -> np.ndarray:
    """Return fingerprints of families: each a common pattern with some bits changed."""
    rng = np.random.default_rng(seed)
    family = rng.random((max(1, molecules // 5), 1024)) < 0.05
    bits = family[rng.integers(0, len(family), molecules)] ^ (rng.random((molecules, 1024)) < 0.01)
    return np.packbits(bits, axis=1)


def assert_whole(split, molecules: int, groups: np.ndarray | None = None) -> None:
    parts = list(split.parts().values())
    assert sorted(np.concatenate(parts)) == list(range(molecules))
    assert all(len(part) for part in parts)
    if groups is not None:
        found = [set(groups[part].tolist()) for part in parts]
        assert not found[0] & (found[1] | found[2])
        assert not found[1] & found[2]


REPEATED = st.lists(st.integers(1, 7), min_size=40, max_size=200)
"""The number of rows of each molecule."""


def rows_of(repeats, seed: int) -> np.ndarray:
    """Return the hash of each row's molecule, rows in random order."""
    return np.random.default_rng(seed).permutation(np.repeat(hashes(len(repeats)), repeats))


@given(GROUPS, st.integers(0, 100))
def test_no_group_straddles_parts(groups, seed):
    array = np.array(groups)
    assert_whole(group_split(array, hashes(len(array)), seed, "group"), len(array), array)


@given(GROUPS, st.integers(0, 100), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_the_names_of_groups_matter(groups, seed, random):
    array, canonical = np.array(groups), hashes(len(groups))
    order = np.array(random.sample(range(len(groups)), len(groups)))
    names = np.array(random.sample(range(31), 31))
    first = group_split(array, canonical, seed, "group")
    again = group_split(names[array][order], canonical[order], seed, "group")
    for name, part in first.parts().items():
        assert set(order[again.parts()[name]].tolist()) == set(part.tolist())


def test_each_seed_leaves_another_cluster_out():
    clusters = np.random.default_rng(0).permutation(np.repeat(np.arange(8), [5, 40, 3, 30, 12, 25, 4, 1]))
    found = leave_cluster_out(clusters, hashes(120), range(42, 45))
    assert [set(clusters[split.test].tolist()) for split in found] == [{1}, {3}, {5}]
    assert [len(split.test) for split in found] == [40, 30, 25]
    for split in found:
        assert (len(split.train), len(split.valid)) == (120 - 40 - 12, 12)
        assert len(set(np.concatenate(list(split.parts().values())).tolist())) == 80 + len(split.test)
    with pytest.raises(DataError, match="leaves out 8 clusters, one for each split seed, and needs more"):
        leave_cluster_out(clusters, hashes(120), range(8))
    with pytest.raises(DataError, match="the largest cluster has 9 of 10 molecules"):
        leave_cluster_out(np.array([0] * 9 + [1]), hashes(10), range(1))


def test_folds_beside_a_fixed_test_set():
    in_test = np.arange(57) % 5 == 0
    found = folds_beside_test(in_test, hashes(57), range(7, 11))
    for split in found:
        assert split.test.tolist() == np.flatnonzero(in_test).tolist()
        assert len(split.valid) == 11
        assert sorted(np.concatenate(list(split.parts().values()))) == list(range(57))
    assert len(set(np.concatenate([split.valid for split in found]).tolist())) == 44
    with pytest.raises(DataError, match="46 folds need at least as many molecules"):
        folds_beside_test(in_test, hashes(57), range(46))
    assert [len(split.valid) for split in folds_beside_test(in_test, hashes(57), range(45))] == [1] * 45


def test_sizes_are_met_where_groups_of_one_fill_the_parts():
    groups = np.array([k // 7 for k in range(500)] + list(range(1000, 1500)))
    several = group_splits(groups, hashes(1000), range(42, 46), "group")
    assert len(several) == 4
    for split in several:
        assert [len(part) for part in split.parts().values()] == [800, 100, 100]
        assert_whole(split, 1000, groups)
    assert set(several[0].test) != set(several[1].test)


def test_few_groups_and_one_split_where_sizes_cannot_be_met():
    groups = np.repeat([0, 1, 2], [50, 30, 20])
    assert_whole(group_split(groups, hashes(100), 1, "group"), 100, groups)
    uneven = np.repeat(np.arange(5), [1000, 501, 251, 127, 64])
    assert len(group_splits(uneven, hashes(len(uneven)), range(8), "group")) in (1, 8)
    with pytest.raises(DataError, match="at least three groups"):
        group_split(np.repeat([0, 1], 50), hashes(100), 1, "group")


@given(st.integers(10, 300), st.integers(0, 50), st.sampled_from(["classification", "regression"]))
def test_stratified_parts_have_like_labels(molecules, seed, task):
    rng = np.random.default_rng(seed)
    labels = rng.random((molecules, 1))
    labels = (labels < 0.3).astype(float) if task == "classification" else labels
    split = stratified_split(labels, hashes(molecules), task, seed)
    assert_whole(split, molecules)
    if molecules >= 100:
        assert abs(labels[split.test].mean() - labels.mean()) < 0.12
        assert abs(len(split.train) - 0.8 * molecules) <= 10


def test_stratified_spreads_the_rarest_class_of_several_tasks():
    rng = np.random.default_rng(0)
    labels = (rng.random((1000, 3)) < [0.5, 0.04, 0.2]).astype(float)
    labels[rng.random((1000, 3)) < 0.3] = np.nan
    rare = np.flatnonzero(labels[:, 1] == 1)
    split = stratified_split(labels, hashes(1000), "classification", 1)
    assert abs(np.isin(rare, split.test).sum() - len(rare) / 10) <= 2
    other = stratified_split(labels, hashes(1000), "classification", 2)
    assert len(other.test) == len(split.test)
    assert set(other.test) != set(split.test)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_neither_units_nor_which_class_is_called_positive_change_a_stratified_split(task):
    rng = np.random.default_rng(0)
    if task == "classification":
        labels = (rng.random((300, 3)) < [0.5, 0.04, 0.8]).astype(float)
        other = np.abs(labels - [1, 1, 0])
    else:
        labels = rng.normal(0, [1, 30, 0], (300, 3))
        other = labels * [1000, 0.001, 1] + [-5, 7, 3]
    missing = rng.random((300, 3)) < 0.4
    labels[missing] = other[missing] = np.nan
    one, same = (stratified_split(either, hashes(300), task, 1) for either in (labels, other))
    assert one.test.tolist() == same.test.tolist()
    key = np.where(np.isnan(labels[:, 1]), 0, labels[:, 1])
    assert one.test.tolist() != stratified_split(key[:, None], hashes(300), task, 1).test.tolist(), "all tasks decide"


def test_clusters_are_those_of_a_plain_leader_algorithm():
    packed, canonical = prints(300), hashes(300)
    bits = np.unpackbits(packed, axis=1).astype(int)
    expected, leaders = np.full(300, -1), []
    for k in np.argsort(lots(canonical, 0)):
        shared = [(bits[k] & bits[one]).sum() / (bits[k] | bits[one]).sum() for one in leaders]
        near = [place for place, value in enumerate(shared) if value >= 0.4]
        expected[k] = near[0] if near else len(leaders)
        leaders += [] if near else [k]
    assert np.array_equal(find_clusters(packed, canonical), expected)


def test_clusters_do_not_depend_on_the_order_of_rows_and_count_progress():
    packed, canonical, done = prints(400), hashes(400), []
    first = find_clusters(packed, canonical, done.append)
    assert sum(done) == 400
    order = np.random.default_rng(1).permutation(400)
    assert np.array_equal(find_clusters(packed[order], canonical[order]), first[order])


def test_molecules_without_bits_are_clusters_of_their_own_and_equal_ones_share_one():
    packed = np.repeat(prints(50), 2, axis=0)
    packed[:2] = 0
    clusters = find_clusters(packed, np.repeat(hashes(50), 2))
    assert np.array_equal(clusters[2::2], clusters[3::2])
    assert clusters[0] not in clusters[2:]


def test_maxmin_tests_on_molecules_unlike_training():
    packed, canonical = prints(200), hashes(200)
    split = diverse_split(maxmin_order(packed, canonical, held_out(200), 42), canonical)
    assert_whole(split, 200)
    assert [len(part) for part in split.parts().values()] == [160, 20, 20]
    order = np.random.default_rng(1).permutation(200)
    again = diverse_split(maxmin_order(packed[order], canonical[order], held_out(200), 42), canonical[order])
    assert set(order[again.test].tolist()) == set(split.test.tolist())


def assert_molecules_whole(split, canonical: np.ndarray) -> None:
    parts = [set(canonical[part].tolist()) for part in split.parts().values()]
    assert all(parts)
    assert sum(map(len, parts)) == len(set.union(*parts))


@given(REPEATED, st.integers(0, 100), st.sampled_from(["classification", "regression"]))
def test_stratified_parts_share_no_molecule_and_have_one_size(repeats, seed, task):
    canonical = rows_of(repeats, seed)
    labels = np.random.default_rng(seed).integers(0, 2, (len(canonical), 1)).astype(float)
    found = [stratified_split(labels, canonical, task, one) for one in range(seed, seed + 3)]
    for split in found:
        assert_molecules_whole(split, canonical)
        assert sum(split.sizes) == len(canonical)
    assert len({split.sizes for split in found}) == 1
    order = np.random.default_rng(seed + 1).permutation(len(canonical))
    again = stratified_split(labels[order], canonical[order], task, seed)
    assert set(order[again.test].tolist()) == set(found[0].test.tolist()), "whatever the order of the rows"


@given(REPEATED, st.integers(0, 100), st.integers(2, 6))
def test_folds_share_no_molecule_and_train_on_equally_many(repeats, seed, folds):
    canonical = rows_of(repeats, seed)
    in_test = np.isin(canonical, canonical[:3])
    found = folds_beside_test(in_test, canonical, range(seed, seed + folds))
    for split in found:
        assert_molecules_whole(split, canonical)
        assert len(split.train) == (~in_test).sum() - (~in_test).sum() // folds
    validating = np.concatenate([np.unique(canonical[split.valid]) for split in found])
    assert len(set(validating.tolist())) == len(validating), "no molecule validates in two folds"


def test_folds_of_few_molecules_with_many_rows_are_refused():
    with pytest.raises(DataError, match="4 folds of 5 rows cannot be made without dividing molecules"):
        folds_beside_test(np.zeros(20, bool), np.repeat(hashes(3), [1, 1, 18]), range(4))


@given(REPEATED, st.integers(0, 100))
def test_validation_beside_a_cluster_shares_no_molecule_with_training(repeats, seed):
    canonical = rows_of(repeats, seed)
    clusters = (canonical % np.uint64(6)).astype(int)
    clusters = np.unique(clusters, return_inverse=True)[1]
    found = leave_cluster_out(clusters, canonical, range(seed, seed + 2))
    for split in found:
        assert_molecules_whole(split, canonical)
    assert len({len(split.train) for split in found}) == 1


@given(REPEATED, st.integers(0, 100))
def test_maxmin_parts_share_no_molecule(repeats, seed):
    canonical = rows_of(repeats, seed)
    picked = np.random.default_rng(seed).permutation(np.unique(canonical, return_index=True)[1])
    split = diverse_split(picked[: held_out(len(canonical))], canonical)
    assert_molecules_whole(split, canonical)
    assert sum(split.sizes) == len(canonical)


def test_rows_without_a_group_join_their_molecule():
    names = np.array(["b", "", "", "", "a", "", "c"], object)
    canonical = np.array([1, 1, 2, 2, 3, 4, 1], np.uint64)
    assert whole_groups(names, canonical).tolist() == [0, 0, 1, 1, 2, 3, 4]
