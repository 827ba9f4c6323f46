"""Replicas that end before their length: they free their lane, and nothing else of any replica changes."""

from dataclasses import replace

import pytest

from jaxmrl.rows import FINISHED, STOPPED
from jaxmrl.training import checkpoint
from jaxmrl.training.lanes import Engine
from jaxmrl.training.outcome import LaneState, Validation, status_of
from tests.training.test_lanes import (
    BATCH,
    LANES,
    QUEUE,
    TRAINING_SPEC,
    KilledError,
    assert_same,
    kill_after,
    resources_of,
    table,  # noqa: F401
    train,
)

LONG = [replace(replica, steps=20 * replica.epoch_steps(BATCH)) for replica in QUEUE]
PATIENT = [replace(replica, patience=2) for replica in LONG]


@pytest.mark.parametrize(
    ("valid", "higher_is_better", "count"),
    [
        ([], False, 0),
        ([3.0, 2.0, 1.0], False, 0),
        ([3.0, 2.0, 2.0, 2.5], False, 2),
        ([0.6, 0.7, 0.7], True, 1),
        ([float("nan"), float("nan")], True, 2),
        ([0.5, float("nan"), 0.6], True, 0),
    ],
)
def test_a_validation_counts_unless_it_is_better_than_all_before(valid, higher_is_better, count):
    slot = LaneState(0, history=[Validation(k, k, 0.0, one) for k, one in enumerate(valid)])
    assert slot.validations_without_improvement(higher_is_better) == count


def test_only_a_replica_with_a_result_is_stopped_early():
    assert status_of(diverged=False, share=0.5, has_metrics=True, all_tasks=True) == STOPPED
    assert status_of(diverged=False, share=1, has_metrics=True, all_tasks=True) == FINISHED
    assert status_of(diverged=False, share=0.5, has_metrics=False, all_tasks=True) == "diverged"


@pytest.mark.slow
def test_a_replica_stops_after_so_many_validations_without_improvement(table):  # noqa: F811
    full, early = train(table, LONG), train(table, PATIENT)
    assert STOPPED in {one.status for one in early.values()}
    for replica in LONG:
        whole, ended = full[replica.name], early[replica.name]
        assert ended.history == whole.history[: len(ended.history)], "every step is that of the whole training"
        if ended.status == STOPPED:
            assert ended.steps < whole.steps
            assert len(ended.history) - ended.best_epoch == 2
        else:
            assert (ended.status, ended.steps, ended.test) == (FINISHED, whole.steps, whole.test)


@pytest.mark.nightly
def test_killed_and_resumed_with_patience_is_uninterrupted(table, tmp_path):  # noqa: F811
    before = {}
    engine = Engine(TRAINING_SPEC, table, resources_of(table), PATIENT, LANES, BATCH)
    with pytest.raises(KilledError):
        engine.run(set(), lambda one: before.update({one.name: one}), at_rest=kill_after(16, tmp_path))
    engine = Engine(TRAINING_SPEC, table, resources_of(table), PATIENT, LANES, BATCH)
    assert checkpoint.restore(tmp_path, engine) is None
    after = train(table, PATIENT, engine=engine, done=before)
    assert_same(before | after, train(table, PATIENT))
