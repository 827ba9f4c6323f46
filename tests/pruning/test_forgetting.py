from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.data.label_scaling import identity_scaler
from jaxmrl.pruning.forgetting import Forgetting, ForgettingState, forgetting
from jaxmrl.training import batches, programs
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.replica import device_table
from tests.pruning.conftest import BATCH

EPOCHS = 6


def replayed(outputs_by_step, problem):
    """Toneva's counts in plain Python: {(molecule, task): score}."""
    last, events, seen, ever = {}, {}, {}, set()
    for ids, outputs in outputs_by_step:
        for molecule, row in zip(ids.tolist(), outputs.tolist(), strict=True):
            for task, value in enumerate(row if molecule >= 0 else []):
                label = problem.table.labels[molecule, task]
                if np.isnan(label):
                    continue
                key, right = (molecule, task), (value > 0) == (label == 1)
                events[key] = events.get(key, 0) + (last.get(key, False) and not right)
                seen[key] = seen.get(key, 0) + 1
                last[key] = right
                ever |= {key} if right else set()
    return {key: events[key] if key in ever else seen[key] for key in events}


@dataclass(frozen=True)
class Recording:
    """Forgetting, and each molecule's latest training outputs beside it."""

    counting: Forgetting

    def start(self):
        return self.counting.start(), jnp.zeros((self.counting.molecules, self.counting.tasks))

    def update(self, state, ids, outputs, labels, present):
        counts, latest = state
        latest = latest.at[jnp.where(ids >= 0, ids, len(latest))].set(outputs, mode="drop")
        return self.counting.update(counts, ids, outputs, labels, present), latest


@pytest.mark.slow
def test_counts_are_those_of_a_replay_of_the_training_outputs(problem, training_spec, monkeypatch):
    monkeypatch.setattr(programs, "MAX_CHUNK", 1)
    table = device_table(problem, "graph")
    training_spec = replace(training_spec, hook=Recording(Forgetting(*problem.table.labels.shape)))
    train, valid = problem.split.train, problem.split.valid
    steps = EPOCHS * batches.batches_per_epoch(len(train), BATCH)
    replicas = [Replica(f"r{seed}", seed, train, valid, valid, steps, identity_scaler(2)) for seed in range(2)]
    engine = Engine(training_spec, table, problem.features["graph"].resources(), replicas, 2, BATCH)
    recorded, found = {0: [], 1: []}, {}

    def record(_):
        for lane, slot in enumerate(engine.slots):
            step = len(recorded[lane])
            if slot and slot.step > step:  # not at rest after a validation or test
                ids = engine.batch(lane, step)
                latest = np.asarray(engine.lanes.state.hook_state[1][lane])
                recorded[lane].append((ids, latest[ids]))

    def keep(outcome):
        found[outcome.name] = jax.tree.map(
            lambda x: np.asarray(x[engine.lane_of(outcome.name)]), engine.lanes.state.hook_state
        )

    engine.run(set(), keep, at_rest=record)
    for lane, replica in enumerate(replicas):
        assert len(recorded[lane]) == steps
        counts, _ = found[replica.name]
        scores = np.where(counts.learned, counts.events, counts.seen)
        expected = np.zeros_like(scores)
        for key, value in replayed(recorded[lane], problem).items():
            expected[key] = value
        np.testing.assert_array_equal(scores, expected)
        assert counts.events.sum() > 30
        assert not counts.learned[train].all()


def test_events_step_by_step(strict):
    hook = Forgetting(3, 1)
    state = hook.start()
    labels, present = jnp.ones((2, 1)), jnp.ones((2, 1), jnp.bool)
    for output in (1.0, -1.0, -1.0, 1.0, -1.0):
        state = hook.update(state, jnp.array([1, -1]), jnp.array([[output], [5.0]]), labels, present)
    state = hook.update(state, jnp.array([2, -1]), -labels, labels, present)
    assert state.events[:, 0].tolist() == [0, 2, 0], "right to wrong, twice; padding counts nowhere"
    assert state.seen[:, 0].tolist() == [0, 5, 1]
    scores = forgetting(state, jnp.arange(3), jnp.ones((3, 1), jnp.bool))
    assert scores.tolist() == [0.0, 2.0, 1.0], "never right counts as often as it was seen"


def test_never_learned_is_most_forgotten_and_missing_labels_do_not_count():
    shape = (2, 2)
    state = ForgettingState(
        events=jnp.array([[3, 0], [0, 0]], jnp.int16),
        right=jnp.zeros(shape, jnp.bool),
        learned=jnp.array([[True, False], [False, True]]),
        seen=jnp.full(shape, 9, jnp.int16),
    )
    present = jnp.array([[True, False], [True, True]])
    assert forgetting(state, jnp.arange(2), present).tolist() == [3.0, 4.5]
