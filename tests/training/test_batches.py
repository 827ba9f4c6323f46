import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmrl.modalities.flat_rows import NO_MOLECULE
from jaxmrl.training import batches
from jaxmrl.training.batches import budget, plan


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 3)), min_size=1, max_size=150),
    batch_size=st.integers(1, 40),
    seed=st.integers(0, 5),
)
def test_every_plan_fits_and_loses_nothing(sizes, batch_size, seed):
    resources = np.array(sizes)
    ids = np.random.default_rng(seed).permutation(len(sizes))[: max(1, len(sizes) - seed)]
    limits = budget([ids], resources, batch_size)
    for rng in (np.random.default_rng(seed), None):
        batches = plan(ids, resources, limits, batch_size, rng)
        assert sorted(batches[batches >= 0]) == sorted(ids)
        assert (batches[:-1] >= 0).all()
        load = np.where((batches >= 0)[..., None], resources[batches], 0).sum(axis=1)
        assert (load <= limits).all()
        padding = batches[-1] == NO_MOLECULE
        assert not np.any(padding[:-1] & ~padding[1:]), "padding comes last"


def test_budget_sits_near_the_mean():
    rng = np.random.default_rng(0)
    sizes = np.clip(rng.normal(25, 12, 30_000), 1, 222).astype(int)
    resources = np.stack([sizes, np.zeros_like(sizes)], axis=1)
    ids = np.arange(len(sizes))
    assert budget([ids], resources, 256)[0] < 1.05 * 256 * sizes.mean()


def test_one_heavy_molecule_among_many():
    resources = np.array([[500, 0]] + [[1, 0]] * 99)
    ids = np.arange(100)
    batches = plan(ids, resources, budget([ids], resources, 10), 10, np.random.default_rng(0))
    assert batches.shape == (10, 10)


def test_an_impossible_budget_is_an_error():
    with pytest.raises(ValueError, match="fit"):
        plan(np.arange(4), np.array([[5, 0]] * 4), np.array([9, 0]), 2, None)


def test_same_seed_same_plan():
    resources = np.random.default_rng(0).integers(1, 50, (300, 2))
    ids = np.arange(300)
    limits = budget([ids], resources, 32)
    one, two = (plan(ids, resources, limits, 32, np.random.default_rng([3, 4])) for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("resources", [1, 2, 3])
def test_swaps_of_equal_molecules_are_tried_once(resources, monkeypatch):
    rng = np.random.default_rng(resources)
    taken = rng.integers(0, [40, 3, 5][:resources], size=(300, resources)) + [1, 0, 0][:resources]
    limits = budget([np.arange(300)], taken, 16)
    few = plan(np.arange(300), taken, limits, 16, np.random.default_rng(0))
    tried = []

    def all_of_them(rows):
        tried.append(len(rows))
        return np.arange(len(rows))

    monkeypatch.setattr(batches, "_first_of_each", all_of_them)
    np.testing.assert_array_equal(few, plan(np.arange(300), taken, limits, 16, np.random.default_rng(0)))
    assert tried, "some batch was too full"
