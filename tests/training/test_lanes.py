import gc
import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.metrics import roc_auc_score, root_mean_squared_error

from jaxmrl.data.label_scaling import LabelScaler
from jaxmrl.modalities.graph.dataset import GraphDataset
from jaxmrl.modalities.graph.features import featurize
from jaxmrl.training import checkpoint, programs
from jaxmrl.training.hyperparameters import Hyperparameters
from jaxmrl.training.lanes import Engine, LaneState, Replica, waiting
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.replica import DeviceTable, TrainingSpec
from jaxmrl.training.streams import name_hash, replica_keys
from tests.support.compiled import init_replica, predict_molecules, train_step

SHAPE = ModelSpec(width=16, depth=2, dropout=0.5, tasks=1, precision="float32")
TRAINING_SPEC = TrainingSpec(SHAPE, "regression", "rmse", 1e-2)
BATCH = 32
LANES = 3
VALID, TEST = np.arange(100, 130), np.arange(130, 160)


@pytest.fixture(scope="module")
def table(nci):
    smiles, labels = nci
    return DeviceTable(GraphDataset.to_device(featurize(smiles)[0]), jnp.asarray(labels))


def resources_of(table):
    return np.stack([table.store.size, table.store.overflow_size], axis=1)


def replica(name, molecules=40, seed=0, steps=6, scale=1.0):
    order = np.random.default_rng(seed).permutation(100)[:molecules]
    scaler = LabelScaler(np.zeros(1, np.float32), np.full(1, scale, np.float32))
    return Replica(name, seed, order, VALID, TEST, steps, scaler)


QUEUE = [
    replica("a", 70, 0, 9),
    replica("b", 40, 1, 6),
    replica("c", 20, 2, 4),
    replica("d", 100, 3, 8),
    replica("e", 33, 4, 5),
]


def train(table, queue, lanes=LANES, training_spec=TRAINING_SPEC, done=(), engine=None, **options):
    engine = engine or Engine(training_spec, table, resources_of(table), queue, lanes, BATCH)
    outcomes = {}
    engine.run(set(done), lambda outcome: outcomes.update({outcome.name: outcome}), **options)
    return outcomes


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        a, b = vars(one[name]), vars(other[name])
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=f"{name} {key}")


def test_every_replica_ends_once_with_its_own_length(table):
    outcomes = train(table, QUEUE)
    assert set(outcomes) == {"a", "b", "c", "d", "e"}
    for r in QUEUE:
        assert outcomes[r.name].steps == r.steps
        assert outcomes[r.name].epochs == math.ceil(r.steps / math.ceil(len(r.train) / BATCH))
        assert 1 <= outcomes[r.name].best_epoch <= outcomes[r.name].epochs
        assert math.isfinite(outcomes[r.name].test)


def test_lanes_and_neighbors_change_no_bit(table):
    """The same replicas in other lanes, beside others and refilled at other moments."""
    outcomes = train(table, QUEUE)
    assert_same(outcomes, train(table, QUEUE[::-1]))
    others = [replace(QUEUE[0], name="x", seed=9), *QUEUE[1:3], replica("y", 100, 7, 3), QUEUE[3]]
    beside = train(table, others)
    shared = outcomes.keys() & beside.keys()
    assert shared == {"b", "c", "d"}
    assert_same({k: outcomes[k] for k in shared}, {k: beside[k] for k in shared})


def test_streams_come_from_the_name(table):
    twins = [replica("one"), replica("other")]
    outcomes = train(table, twins)
    assert outcomes["one"].test != outcomes["other"].test
    first, second = (replica_keys(twin) for twin in twins)
    assert jnp.array_equal(jax.random.key_data(first[0]), jax.random.key_data(second[0])), "same initial weights"
    assert not jnp.array_equal(jax.random.key_data(first[1]), jax.random.key_data(second[1]))
    assert name_hash("one") != name_hash("other")


def test_lanes_draw_different_dropout_masks(table):
    """Under vmap, only threefry keys give each lane its own bits."""
    keys = jnp.stack([replica_keys(r)[1] for r in QUEUE])
    bits = jax.vmap(lambda key: jax.random.bits(key, (8,)))(keys)
    assert len({tuple(row) for row in np.asarray(bits).tolist()}) == len(QUEUE)
    assert jax.random.key_impl(keys) == "threefry2x32"


def assert_same_gradients(ours, reference):
    """To 1e-5 as one vector, and leaf by leaf: a bias before a batch norm has no gradient, its leaf is rounding alone.

    Adam's first moments after one step are the gradients, scaled.
    """
    norm = lambda tree: float(optax.tree.norm(tree))
    whole = norm(reference)
    differences = jax.tree.map(jnp.subtract, ours, reference)
    assert norm(differences) < 1e-5 * whole
    for difference, leaf in zip(jax.tree.leaves(differences), jax.tree.leaves(reference), strict=True):
        assert norm(difference) < 1e-4 * norm(leaf) + 1e-6 * whole


def test_one_step_in_lanes_is_one_step_alone(table):
    engine = Engine(TRAINING_SPEC, table, resources_of(table), QUEUE, LANES, BATCH)
    engine.refill(iter([0, 1, 3]))
    ids = np.stack([engine.batch(k, 0) for k in (0, 1, 3)])
    chunk = np.full((programs.most_steps(), LANES, BATCH), -1, np.int32)
    chunk[0] = ids
    lanes, losses = programs.train(TRAINING_SPEC, engine.table, engine.lanes, chunk, 1)
    for lane, index in enumerate((0, 1, 3)):
        r = QUEUE[index]
        alone = init_replica(TRAINING_SPEC, *replica_keys(r), r.scaler, r.steps)
        alone, loss = train_step(TRAINING_SPEC, engine.table, alone, ids[lane])
        np.testing.assert_allclose(losses[0, lane], loss, rtol=1e-5)
        stats = jax.tree.map(lambda x, lane=lane: x[lane], lanes.state.stats)
        moments = jax.tree.map(lambda x, lane=lane: x[lane], lanes.state.opt_state.mu)
        assert_same_gradients(moments, alone.opt_state.mu)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), stats, alone.stats)


@pytest.mark.slow
def test_one_compilation_however_many_replicas(table):
    shape = replace(SHAPE, depth=1)
    training_spec = replace(TRAINING_SPEC, model=shape)
    counted = (programs.train, programs.evaluate, programs.keep_best, programs.fill)
    before = [program._cache_size() for program in counted]
    train(table, QUEUE, lanes=2, training_spec=training_spec)
    assert [program._cache_size() - b for program, b in zip(counted, before, strict=True)] == [1, 1, 1, 1]


@pytest.mark.slow
def test_device_memory_does_not_grow_with_the_queue(table):
    def peak(queue):
        gc.collect()
        gc.freeze()  # so that what follows is quick: it looks through what this run makes alone
        others, most = jax.live_arrays(), 0
        known = {id(array) for array in others}

        def watch(engine):
            nonlocal most
            gc.collect()
            most = max(most, sum(array.nbytes for array in jax.live_arrays() if id(array) not in known))

        train(table, queue, lanes=2, at_rest=watch)
        return most

    few = [replica(f"r{k}", 100, k, 2) for k in range(3)]
    many = few + [replica(f"r{k}", 100, k, 2) for k in range(3, 9)]
    peak(few)
    one_replica = 4 * SHAPE.parameters
    assert 0 < peak(many) < peak(few) + one_replica


def test_idle_lanes_spoil_nothing(table):
    outcomes = train(table, QUEUE[:2])
    assert len(outcomes) < LANES
    whole = train(table, QUEUE)
    assert_same(outcomes, {name: whole[name] for name in outcomes})


@pytest.mark.slow
def test_outcome_is_the_best_epochs_on_the_test_set(table):
    """The reported numbers, recomputed on the host from the weights that were kept."""
    r = replica("long", 64, 0, 20)
    engine = Engine(TRAINING_SPEC, table, resources_of(table), [r], 1, BATCH)
    validated = []

    def watch(engine):
        weights = jax.tree.map(lambda x: x[0], programs.weights_now(engine.lanes))
        validated.append(host_rmse(engine, weights, VALID))

    outcome = train(table, [r], engine=engine, at_rest=watch)["long"]
    best = jax.tree.map(lambda x: x[0], programs.weights_best(engine.lanes))
    assert outcome.valid == pytest.approx(host_rmse(engine, best, VALID), rel=1e-5)
    assert outcome.test == pytest.approx(host_rmse(engine, best, TEST), rel=1e-5)
    assert outcome.valid == pytest.approx(min(validated), rel=1e-5)
    assert outcome.best_epoch == 10 or outcome.valid < validated[-1]


def host_rmse(engine, weights, ids):
    parts = [ids[k : k + BATCH] for k in range(0, len(ids), BATCH)]
    outputs = [predict_molecules(TRAINING_SPEC, engine.table, weights, jnp.asarray(part)) for part in parts]
    return root_mean_squared_error(np.asarray(engine.table.labels)[ids, 0], np.concatenate(outputs)[:, 0])


def test_evaluate_is_scikit_learns_on_the_lanes_that_are_due(table):
    labels = np.where(np.arange(160) % 5 == 0, np.nan, np.asarray(table.labels)[:, 0] > 1.5).astype(np.float32)
    table = DeviceTable(table.store, jnp.asarray(labels[:, None]))
    training_spec = TrainingSpec(SHAPE, "classification", "roc_auc", 1e-2)
    engine = Engine(training_spec, table, resources_of(table), QUEUE, LANES, BATCH)
    engine.refill(iter([0, 1, 2]))
    metrics = engine.evaluate(programs.weights_now(engine.lanes), "test", [2, 0])
    for place, lane in enumerate((2, 0)):
        weights = jax.tree.map(lambda x, lane=lane: x[lane], programs.weights_now(engine.lanes))
        scores = predict_molecules(training_spec, engine.table, weights, jnp.asarray(np.append(TEST, [-1, -1])))[:30, 0]
        known = ~np.isnan(labels[TEST])
        assert float(metrics[place, 0]) == pytest.approx(roc_auc_score(labels[TEST][known], scores[known]), abs=1e-6)
    assert np.isnan(metrics[2]).all()


@pytest.mark.slow
def test_evaluate_every_thins_out_but_keeps_the_last_epoch(table):
    r = replace(replica("r", 20, 0, 7), validate_every=5)
    sparse = Engine(TRAINING_SPEC, table, resources_of(table), [r], 1, BATCH)
    validated, evaluate = [], sparse.evaluate
    sparse.evaluate = lambda weights, part, due: (
        validated.append((part, sparse.slots[0].step)),
        evaluate(weights, part, due),
    )[1]
    train(table, [r], engine=sparse)
    assert validated == [("valid", 5), ("valid", 7), ("test", 7)]


def test_history_has_every_validation_and_the_best_one(table):
    outcomes = train(table, QUEUE)
    for r in QUEUE:
        one = outcomes[r.name]
        assert [v.epoch for v in one.history] == list(range(1, one.epochs + 1))
        assert one.history[-1].step == r.steps
        best = min(one.history, key=lambda v: v.valid)
        assert (best.epoch, best.valid) == (one.best_epoch, one.valid)


@pytest.mark.slow
def test_history_does_not_depend_on_how_chunks_are_cut(table, monkeypatch):
    """Chunks are cut by the speed of the machine; the losses of an epoch add up to the same bits."""
    r = replica("r", 100, 0, 12)
    whole = train(table, [r], lanes=1)
    monkeypatch.setattr("jaxmrl.training.lanes.CHUNK_SECONDS", 0.0)
    chunks = []
    assert_same(whole, train(table, [r], lanes=1, on_progress=lambda steps, timed: chunks.append(steps)))
    assert chunks == [1] * 12


@pytest.mark.slow
def test_steps_of_a_new_engine_tell_nothing_of_the_time_left(table):
    """Its programs are compiled in the first chunk and the first validation."""
    told = []
    train(table, [replica("r", 100, 0, 12)], lanes=1, on_progress=lambda steps, timed: told.append((steps, timed)))
    first = sum(steps for steps, timed in told if not timed)
    assert first == 4, "one epoch"
    assert all(timed for _, timed in told[-2:])


def test_histories_have_a_loss(table):
    whole = train(table, QUEUE[:2])
    assert all(math.isfinite(v.loss) and v.loss > 0 for one in whole.values() for v in one.history)


@pytest.mark.nightly
def test_a_small_model_overfits(table):
    shape = replace(SHAPE, width=32, dropout=0.0)
    training_spec = TrainingSpec(shape, "regression", "rmse", 3e-3)
    r = replace(replica("fit", 32, 0, 400), valid=np.arange(32), test=np.arange(32), train=np.arange(32))
    outcome = train(table, [r], lanes=1, training_spec=training_spec)["fit"]
    spread = np.asarray(table.labels)[:32].std()
    assert outcome.test < 0.15 * spread


def test_a_diverged_replica_is_told_and_its_neighbors_are_not_touched(table):
    """A label scale so small that the loss is infinite."""
    sick = replica("a", 70, 0, 9, scale=1e-30)
    outcomes = train(table, [sick, *QUEUE[1:]])
    healthy = train(table, QUEUE)
    assert outcomes["a"].status == "diverged"
    assert math.isnan(outcomes["a"].test)
    assert_same({k: v for k, v in outcomes.items() if k != "a"}, {k: v for k, v in healthy.items() if k != "a"})


@pytest.mark.parametrize(("after", "status"), [(14, "diverged late"), (6, "diverged")])
def test_a_replica_that_diverges_late_keeps_its_best_sound_epoch(table, after, status):
    """Its weights are spoiled after so many of 20 steps; at d7d420c it had no result in either case."""
    r = replica("r", 64, 0, 20)
    engine, sound, found = Engine(TRAINING_SPEC, table, resources_of(table), [r], 1, BATCH), {}, {}

    def spoil(engine):
        slot = engine.slots[0]
        if slot and slot.step == slot.validated == after and "valid" not in sound:
            sound["valid"], sound["epoch"] = (
                float(one[0]) for one in (engine.lanes.best_metric, engine.lanes.best_epoch)
            )
            params = jax.tree.map(lambda leaf: leaf * jnp.nan, engine.lanes.state.params)
            engine.lanes = replace(engine.lanes, state=replace(engine.lanes.state, params=params))

    engine.run(set(), lambda one: found.update({one.name: (one, engine.best_weights("r"))}), at_rest=spoil)
    outcome, weights = found["r"]
    assert (outcome.status, outcome.counts) == (status, status == "diverged late")
    if outcome.counts:
        assert (outcome.valid, outcome.best_epoch) == (sound["valid"], sound["epoch"])
        assert outcome.test == pytest.approx(host_rmse(engine, weights, TEST), rel=1e-5)
    else:
        assert math.isnan(outcome.test)


class KilledError(Exception):
    pass


def kill_after(calls, folder=None):
    def at_rest(engine):
        nonlocal calls
        calls -= 1
        if folder and calls >= 0:
            checkpoint.save(folder, engine)
        if calls <= 0:
            raise KilledError

    return at_rest


def interrupted(table, folder, chunks):
    """Outcomes of a run killed after some chunks and evaluations, each followed by a checkpoint."""
    outcomes = {}
    engine = Engine(TRAINING_SPEC, table, resources_of(table), QUEUE, LANES, BATCH)
    with pytest.raises(KilledError):
        engine.run(set(), lambda o: outcomes.update({o.name: o}), at_rest=kill_after(chunks, folder))
    return outcomes


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(1, marks=pytest.mark.nightly),
        pytest.param(4, marks=pytest.mark.nightly),
        pytest.param(9, marks=pytest.mark.slow),
    ],
)
def test_killed_and_resumed_is_uninterrupted(table, tmp_path, chunks):
    before = interrupted(table, tmp_path, chunks)
    engine = Engine(TRAINING_SPEC, table, resources_of(table), QUEUE, LANES, BATCH)
    assert checkpoint.restore(tmp_path, engine) is None
    assert any(slot and slot.step for slot in engine.slots)
    after = train(table, QUEUE, engine=engine, done=before)
    assert not before.keys() & after.keys()
    assert_same(before | after, train(table, QUEUE))


@pytest.mark.slow
@pytest.mark.parametrize("before", ["validation", pytest.param("test", marks=pytest.mark.nightly)])
def test_killed_before_an_evaluation_and_resumed_is_uninterrupted(table, tmp_path, before):
    def at_rest(engine):
        for slot in filter(None, engine.slots):
            steps = QUEUE[slot.replica].epoch_steps(BATCH)
            at_end = slot.step == QUEUE[slot.replica].steps
            validated = slot.validated == slot.step
            if (at_end and validated) if before == "test" else (slot.step == 2 * steps and not validated):
                checkpoint.save(tmp_path, engine)
                raise KilledError

    found = {}
    engine = Engine(TRAINING_SPEC, table, resources_of(table), QUEUE, LANES, BATCH)
    with pytest.raises(KilledError):
        engine.run(set(), lambda o: found.update({o.name: o}), at_rest=at_rest)
    engine = Engine(TRAINING_SPEC, table, resources_of(table), QUEUE, LANES, BATCH)
    assert checkpoint.restore(tmp_path, engine) is None
    steps_and_validations = [(slot.step, slot.validated) for slot in engine.slots if slot]
    assert any((step == validated) == (before == "test") for step, validated in steps_and_validations)
    assert_same(found | train(table, QUEUE, engine=engine, done=found), train(table, QUEUE))


def test_only_two_checkpoints_are_kept(table, tmp_path):
    interrupted(table, tmp_path, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000002", "00000003"]


def flip_a_byte(checkpoint_folder):
    largest = max((p for p in (checkpoint_folder / "arrays").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(data)


def test_a_flipped_byte_falls_back_to_the_checkpoint_before(table, tmp_path):
    before = interrupted(table, tmp_path, 4)
    flip_a_byte(tmp_path / "00000003")
    engine = Engine(TRAINING_SPEC, table, resources_of(table), QUEUE, LANES, BATCH)
    assert "00000003" in checkpoint.restore(tmp_path, engine)
    assert any(slot and slot.step for slot in engine.slots)
    after = train(table, QUEUE, engine=engine, done=before)
    assert_same(before | after, train(table, QUEUE))


def test_damaged_checkpoints_mean_starting_again(table, tmp_path):
    before = interrupted(table, tmp_path, 4)
    flip_a_byte(tmp_path / "00000003")
    host = tmp_path / "00000002" / "host.json"
    host.write_text(host.read_text().replace('"step": ', '"step": 1'))
    engine = Engine(TRAINING_SPEC, table, resources_of(table), QUEUE, LANES, BATCH)
    assert checkpoint.restore(tmp_path, engine)
    assert_same(before | train(table, QUEUE, engine=engine, done=before), train(table, QUEUE))


def test_what_waits_is_held_by_nobody_and_each_replica_by_one(table):
    engines = [Engine(TRAINING_SPEC, table, resources_of(table), QUEUE, 2, BATCH) for _ in range(2)]
    engines[0].slots = [LaneState(0, step=3), LaneState(4)]
    engines[1].slots = [LaneState(0, step=2), LaneState(2)]
    assert waiting(engines, {"e"}) == [3, 1]
    assert [engine.slots for engine in engines] == [[LaneState(0, step=3), None], [None, LaneState(2)]]


SETTINGS = [Hyperparameters(3e-2, 1e-2, 0.25), Hyperparameters(1e-3, 0.0, 0.0), Hyperparameters(1e-2, 1e-1, 0.4)]


@pytest.mark.slow
def test_a_lane_with_its_own_hyperparameters_equals_the_setting_alone(table):
    queue = [replace(r, hyperparameters=SETTINGS[k % 3]) for k, r in enumerate(QUEUE)]
    together = train(table, queue)
    for r in queue[:2]:
        alone = train(table, [r, *(replace(q, hyperparameters=r.hyperparameters) for q in QUEUE if q.name != r.name)])
        assert_same({r.name: alone[r.name]}, {r.name: together[r.name]})
    assert len({outcome.test for outcome in together.values()}) == len(queue)


@pytest.mark.slow
def test_one_compilation_for_64_settings_each_as_alone(table):
    """Bit for bit at the same number of lanes: the setting alone leaves the other lanes idle."""
    spec = replace(TRAINING_SPEC, model=replace(SHAPE, width=8, depth=1, dropout=0.1))
    known = [Hyperparameters(10 ** (-1 - k / 32), 10 ** (-k % 5), k / 128) for k in range(64)]
    queue = [replace(QUEUE[2], name=f"setting {k}", hyperparameters=one) for k, one in enumerate(known)]
    counted = (programs.train, programs.evaluate, programs.keep_best, programs.fill)
    before = [program._cache_size() for program in counted]
    together = train(table, queue, lanes=8, training_spec=spec)
    for k in (0, 31, 63):
        alone = train(table, [queue[k]], lanes=8, training_spec=spec)
        assert_same(alone, {queue[k].name: together[queue[k].name]})
    assert [program._cache_size() - b for program, b in zip(counted, before, strict=True)] == [1, 1, 1, 1]
    assert len({outcome.valid for outcome in together.values()}) == 64


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
def test_hyperparameters_of_a_lane_do_what_those_of_the_specification_do(table, setting):
    """The same loss and, without the weight decay that a specification does not set, nearly the same step."""
    shape, own = replace(SHAPE, dropout=setting.dropout), replace(setting, weight_decay=0.0)
    known = TrainingSpec(shape, "regression", "rmse", setting.learning_rate)
    ids, r = jnp.arange(BATCH), QUEUE[0]
    (first, loss), (second, its_loss) = (
        train_step(spec, table, init_replica(spec, *replica_keys(r), r.scaler, 9, hyperparameters), ids)
        for spec, hyperparameters in ((known, None), (TRAINING_SPEC, own))
    )
    assert float(its_loss) == pytest.approx(float(loss), rel=1e-5)
    weights = lambda state: jnp.concatenate([leaf.ravel() for leaf in jax.tree.leaves(state.params)])
    assert float(jnp.abs(weights(first) - weights(second)).mean()) < 0.01 * setting.learning_rate


@pytest.mark.slow
def test_weight_decay_shrinks_weights(table):
    def norm(decay):
        r = replace(QUEUE[0], hyperparameters=Hyperparameters(1e-2, decay, 0.0))
        engine = Engine(TRAINING_SPEC, table, resources_of(table), [r], 1, BATCH)
        train(table, [], engine=engine)
        return float(optax.tree.norm(engine.lanes.state.params))

    assert norm(10.0) < 0.6 * norm(0.0)
