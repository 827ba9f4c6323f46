"""Replicas of dynamic prunings in lanes: what the device records, and that company and interruptions change no bit."""

import itertools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.config.names import DYNAMIC_PRUNINGS
from jaxmrl.data.label_scaling import LabelScaler
from jaxmrl.io.weight_names import leaf_name
from jaxmrl.modalities.graph.dataset import GraphDataset
from jaxmrl.modalities.graph.features import featurize
from jaxmrl.training import checkpoint, programs
from jaxmrl.training.dynamic_pruning import DynamicPruning
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.replica import REFERENCE_RATE, DeviceTable, TrainingSpec

SPEC = TrainingSpec(ModelSpec(width=16, depth=2, dropout=0.5, tasks=1, precision="float32"), "regression", "rmse", 1e-2)
SMALL = replace(SPEC, model=replace(SPEC.model, width=8, depth=1))
"""For programs that no other test has; soft-random has those of ordinary training."""
BATCH, LANES = 32, 3
VALID = np.arange(100, 130)
METHODS = ("soft-random", "infobatch", pytest.param("molpeg", marks=pytest.mark.slow))
"""MolPeg has the lanes of InfoBatch, and only its scores differ."""


@pytest.fixture(scope="module")
def table(nci):
    smiles, labels = nci
    return DeviceTable(GraphDataset.to_device(featurize(smiles)[0]), jnp.asarray(labels))


def replica(name, method, size, seed=0, steps=12):
    train = np.random.default_rng(seed).permutation(100)
    scaler = LabelScaler(np.zeros(1, np.float32), np.ones(1, np.float32))
    return Replica(name, seed, train, VALID, VALID, steps, scaler, pruning=DynamicPruning(method, size))


def queue_of(method):
    return [
        *(replica("a", method, 40, 0, 12), replica("b", method, 50, 1, 10)),
        *(replica("c", method, 64, 2, 8), replica("d", method, 34, 3, 9)),
    ]


def engine_for(table, queue):
    spec = SPEC if queue[0].pruning is None or queue[0].pruning.method == "soft-random" else SMALL
    return Engine(spec, table, np.stack([table.store.size, table.store.overflow_size], axis=1), queue, LANES, BATCH)


def train(table, queue, engine=None, done=(), **options):
    outcomes = {}
    (engine or engine_for(table, queue)).run(set(done), lambda one: outcomes.update({one.name: one}), **options)
    return outcomes


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        for key, value in vars(one[name]).items():
            np.testing.assert_array_equal(value, vars(other[name])[key], err_msg=f"{name} {key}")


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_replica_makes_the_steps_of_a_random_subset_of_its_size(table, method):
    outcomes = train(table, queue_of(method))
    for one in queue_of(method):
        subset = replace(one, pruning=None, train=one.train[: one.pruning.size])
        assert one.epoch_steps(BATCH) == subset.epoch_steps(BATCH)
        assert (outcomes[one.name].steps, outcomes[one.name].epochs) == (one.steps, subset.epochs(one.steps, BATCH))


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_lane_equals_the_method_alone(table, method):
    queue = queue_of(method)
    together = train(table, queue)
    assert_same(together, train(table, queue[::-1]))
    for one in queue[:2]:
        others = [replace(other, name=f"x{k}", seed=9 + k) for k, other in enumerate(queue) if other.name != one.name]
        assert_same({one.name: together[one.name]}, {one.name: train(table, [one, *others])[one.name]})


@pytest.mark.slow
def test_methods_differ(table):
    assert len({train(table, queue_of(method))["a"].test for method in DYNAMIC_PRUNINGS}) == 3


@pytest.mark.slow
def test_soft_random_of_all_molecules_is_ordinary_training(table):
    soft = [replace(one, pruning=DynamicPruning("soft-random", 100)) for one in queue_of("soft-random")]
    assert_same(train(table, soft), train(table, [replace(one, pruning=None) for one in soft]))


class KilledError(Exception):
    pass


def is_within_an_epoch(engine):
    return [slot.step % engine.replicas[slot.replica].epoch_steps(BATCH) > 0 for slot in engine.slots if slot]


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_killed_and_resumed_is_uninterrupted(table, tmp_path, monkeypatch, method):
    """In chunks of one step, so that epochs are interrupted, too."""
    queue, before, rest = queue_of(method), {}, 0
    whole = train(table, queue)
    monkeypatch.setattr("jaxmrl.training.lanes.CHUNK_SECONDS", 0.0)

    def at_rest(engine):
        nonlocal rest
        rest += 1
        if rest >= 10 and any(is_within_an_epoch(engine)):
            checkpoint.save(tmp_path, engine)
            raise KilledError

    with pytest.raises(KilledError):
        engine_for(table, queue).run(set(), lambda one: before.update({one.name: one}), at_rest=at_rest)
    engine = engine_for(table, queue)
    assert checkpoint.restore(tmp_path, engine) is None
    assert any(is_within_an_epoch(engine))
    assert_same(before | train(table, queue, engine, before), whole)


def host(state):
    return jax.tree.map(lambda leaf: np.asarray(leaf[0]), replace(state, key=state.step))


def first_lane(table, method, steps):
    """An engine whose first lane has made so many steps, each in a chunk of its own; its states, ids and losses."""
    engine = engine_for(table, [replica("a", method, 40, steps=24)])
    engine.refill(iter([0]))
    states, ids, losses = [host(engine.lanes.state)], [], [0.0]
    for step in range(steps):
        engine.train_chunk(1)
        ids.append(engine.batch(0, step))
        states.append(host(engine.lanes.state))
        losses.append(engine.slots[0].loss)
    return engine, states, ids, np.diff(losses)


@pytest.mark.slow
def test_the_lane_records_the_losses_of_which_a_step_takes_the_weighted_mean(table):
    """A pass of three epochs of two steps, in which all weigh the same, and then the weights of InfoBatch."""
    engine, states, batches, losses = first_lane(table, "infobatch", 8)
    for step in (0, 6, 7):
        ids, before, after = batches[step], states[step].pruning, states[step + 1].pruning
        ids = ids[ids >= 0]
        assert np.isfinite(after.scores[ids]).all()
        np.testing.assert_array_equal(np.delete(after.scores, ids), np.delete(before.scores, ids))
        np.testing.assert_allclose((after.scores[ids] * after.weights[ids]).mean(), losses[step], rtol=1e-5)
    assert set(np.unique(states[6].pruning.weights)) == {0, 1}
    assert np.isfinite(states[6].pruning.scores[engine.replicas[0].train]).all()
    assert len(np.unique(states[8].pruning.weights)) == 3
    assert (states[8].pruning.weights > 0).sum() == 40


def test_a_choice_follows_the_recorded_losses(table):
    """The hardest molecules are kept with certainty, with the smallest weight."""
    _, states, *_ = first_lane(table, "infobatch", 7)
    train = np.flatnonzero(np.isfinite(states[6].pruning.scores))
    scores, weights = states[6].pruning.scores[train], states[7].pruning.weights[train]
    hardest = np.argsort(-scores)[: (weights == weights[weights > 0].min()).sum()]
    assert len(hardest) >= 10
    np.testing.assert_array_equal(weights[hardest], weights[weights > 0].min())


@pytest.mark.slow
def test_the_reference_model_follows_the_model_at_its_rate(table):
    _, states, *_ = first_lane(table, "molpeg", 2)
    close = lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    jax.tree.map(close, states[0].pruning.reference, states[0].params)
    for before, after in itertools.pairwise(states):
        follow = lambda slow, fast: slow + REFERENCE_RATE * (fast - slow)
        jax.tree.map(close, after.pruning.reference, jax.tree.map(follow, before.pruning.reference, after.params))
    first, second = (state.pruning.scores[np.isfinite(state.pruning.scores)] for state in states[1:])
    assert first.max() < 1e-5, "they begin as one model"
    assert second.max() > 1e-3


def test_a_reference_model_begins_as_the_pretrained_encoder(table):
    engine, *_ = first_lane(table, "molpeg", 0)
    paths = jax.tree_util.tree_leaves_with_path(engine.lanes.state.params)
    name, leaf = next((leaf_name(path), leaf[0]) for path, leaf in paths)
    engine.lanes = programs.put_weights(engine.lanes, 0, {name: jnp.full_like(leaf, 3.0)})
    for weights in (engine.lanes.state.params, engine.lanes.state.pruning.reference):
        assert any((np.asarray(one[0]) == 3.0).all() for one in jax.tree.leaves(weights))
