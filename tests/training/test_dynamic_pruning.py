"""Which molecules an epoch of a dynamic pruning trains on, by NumPy alone."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from jaxmrl.config.names import DYNAMIC_PRUNINGS
from jaxmrl.training.batches import budget
from jaxmrl.training.dynamic_pruning import DynamicPruning, infobatch_weights, molpeg_weights
from jaxmrl.training.epochs import chosen_weights, plan_epoch
from jaxmrl.training.shapes import batch_shapes

MOLECULES, SIZE, EPOCHS = 90, 20, 24
LOSSES = np.random.default_rng(0).gamma(0.5, 1.0, MOLECULES)


def scores_of(method, losses=LOSSES):
    return None if method == "soft-random" else losses


def choices(method, epochs=range(EPOCHS), entropy=(3, 5), losses=LOSSES, size=SIZE):
    pruning = DynamicPruning(method, size)
    return [pruning.weights(MOLECULES, epoch, EPOCHS, entropy, scores_of(method, losses)) for epoch in epochs]


@pytest.mark.parametrize("method", DYNAMIC_PRUNINGS)
def test_an_epoch_has_its_size_and_weights_of_mean_one(method):
    for weights in choices(method):
        assert (weights > 0).sum() == SIZE
        assert weights.dtype == np.float32
        assert weights.sum() == pytest.approx(SIZE, rel=1e-5)


@pytest.mark.parametrize("method", DYNAMIC_PRUNINGS)
def test_a_choice_is_a_function_of_identity_epoch_and_scores(method):
    first = choices(method)
    np.testing.assert_array_equal(choices(method, reversed(range(EPOCHS)))[::-1], first)
    assert any((one != other).any() for one, other in zip(choices(method, entropy=(4, 5)), first, strict=True))
    assert any((one != other).any() for one, other in zip(choices(method, entropy=(3, 6)), first, strict=True))
    other_losses = choices(method, losses=LOSSES[::-1])
    assert np.array_equal(other_losses, first) == (method == "soft-random")
    assert method == "molpeg" or len({weights.tobytes() for weights in first}) == EPOCHS, "each epoch anew"


@pytest.mark.parametrize("method", DYNAMIC_PRUNINGS)
def test_an_epoch_of_all_molecules_has_them_with_weight_one(method):
    np.testing.assert_array_equal(choices(method, size=MOLECULES), np.ones((EPOCHS, MOLECULES)))


@pytest.mark.parametrize("method", ["infobatch", "molpeg"])
def test_scored_methods_first_pass_over_all_molecules(method):
    seen = np.sum(choices(method, range(5)), axis=0)
    assert seen.min() == 1
    assert seen.sum() == 5 * SIZE


def test_infobatch_ends_with_a_pass_over_all_molecules():
    """An eighth of 48 epochs is six, and a pass takes five."""
    pruning = DynamicPruning("infobatch", SIZE)
    last = [pruning.weights(MOLECULES, epoch, 48, (3, 5), LOSSES) for epoch in range(42, 47)]
    assert set(np.unique(last)) == {0, 1}
    assert np.sum(last, axis=0).min() == 1
    assert len(np.unique(pruning.weights(MOLECULES, 41, 48, (3, 5), LOSSES))) > 2


def test_infobatch_keeps_what_is_above_the_mean_and_weighs_the_others():
    """Of ten molecules, two are above the mean; five of six places are left for eight others."""
    losses = np.array([1.0, 1, 1, 1, 1, 1, 1, 1, 9, 9])
    weights = infobatch_weights(losses, 6, np.random.default_rng(0)) * 10 / 6
    np.testing.assert_allclose(weights[8:], 1)
    assert sorted(np.round(weights[:8], 5)) == [0, 0, 0, 0, 2, 2, 2, 2]


def test_infobatch_raises_its_threshold_where_too_many_are_above_the_mean():
    losses = np.array([0.0, 0, 0, 0, 5, 6, 7, 8, 9, 10])
    weights = infobatch_weights(losses, 4, np.random.default_rng(0)) * 10 / 4
    np.testing.assert_allclose(weights[8:], 1)
    assert sorted(weights[:8])[-2:] == pytest.approx([4, 4])


@pytest.mark.parametrize("size", [9, 36, 70])
def test_infobatch_is_unbiased(size):
    """The mean over choices of the weighted sum of anything, here of gradients, is the mean over all molecules."""
    rng, values = np.random.default_rng(1), np.random.default_rng(2).normal(1, 1, MOLECULES) * LOSSES
    found = np.array([infobatch_weights(LOSSES, size, rng) @ values / size for _ in range(4_000)])
    assert found.mean() == pytest.approx(values.mean(), abs=4 * found.std() / np.sqrt(len(found)))


def test_molpeg_keeps_the_largest_differences():
    scores = np.array([0.1, 0.5, 0.0, 0.5, 0.3, np.inf])
    kept = lambda size: set(np.flatnonzero(molpeg_weights(scores, size, np.random.default_rng(0))))
    assert kept(3) == {1, 3, 5}
    assert kept(4) == {1, 3, 4, 5}


@pytest.mark.parametrize("method", ["infobatch", "molpeg"])
def test_scores_that_are_not_finite_do_not_stop_a_choice(method):
    for losses in (np.full(MOLECULES, np.nan), np.full(MOLECULES, np.inf), np.where(LOSSES > 1, np.nan, LOSSES)):
        (weights,) = choices(method, [10], losses=losses)
        assert (weights > 0).sum() == SIZE
        assert np.isfinite(weights).all()


def learner(method, size, train=None, steps=24):
    pruning = DynamicPruning(method, size) if method else None
    ids = np.arange(300) if train is None else train
    epochs = lambda step, batch_size: -(-step // -(-size // batch_size))
    valid = np.arange(300, 330)
    return SimpleNamespace(
        name="a", seed=1, train=ids, valid=valid, test=valid, steps=steps, pruning=pruning, epochs=epochs
    )


def test_batches_have_each_chosen_molecule_once_and_none_of_the_others():
    resources = np.random.default_rng(0).gamma(4.5, 5.5, (330, 1)).astype(int) + 3
    one = learner("soft-random", 80)
    for epoch in range(3):
        weights = chosen_weights(one, epoch, 32)
        plan = plan_epoch(one, epoch, resources, 32, weights)
        assert plan.shape == (3, 32)
        assert sorted(plan[plan >= 0]) == np.flatnonzero(weights).tolist()


def test_soft_random_of_all_molecules_has_the_batches_of_ordinary_training():
    resources = np.random.default_rng(0).gamma(4.5, 5.5, (330, 1)).astype(int) + 3
    soft, ordinary = learner("soft-random", 300), learner(None, 300)
    for epoch in range(3):
        plan = plan_epoch(ordinary, epoch, resources, 32, chosen_weights(ordinary, epoch, 32))
        np.testing.assert_array_equal(plan_epoch(soft, epoch, resources, 32, chosen_weights(soft, epoch, 32)), plan)


def test_a_choice_of_large_molecules_fits_the_rows_in_smaller_batches():
    resources = np.sort(np.random.default_rng(0).gamma(4.5, 5.5, (330, 1)).astype(int) + 3, axis=0)[::-1]
    one = learner("molpeg", 64)
    (shape,) = batch_shapes([one], resources, 32)
    weights = np.where(np.arange(300) < 64, 1.0, 0.0)
    plan = plan_epoch(one, 0, resources, 32, weights)
    assert len(plan) > 2
    assert sorted(plan[plan >= 0]) == list(range(64))
    assert (np.where(plan >= 0, resources[plan, 0], 0).sum(axis=1) <= shape.limits).all()


def test_scored_methods_have_room_for_an_eighth_more_rows():
    resources = np.random.default_rng(0).gamma(4.5, 5.5, (330, 1)).astype(int) + 3
    soft, scored = learner("soft-random", 150), learner("infobatch", 150)
    need = budget([soft.train], resources, 32)
    assert (np.array(batch_shapes([scored], resources, 32)[0].rows) >= need * 9 / 8).all()
    assert batch_shapes([soft], resources, 32) == batch_shapes([learner(None, 150)], resources, 32)
    assert batch_shapes([replaced(soft, 20)], resources, 32)[0].rows <= batch_shapes([soft], resources, 32)[0].rows


def replaced(one, size):
    return SimpleNamespace(**vars(one) | {"pruning": replace(one.pruning, size=size)})
