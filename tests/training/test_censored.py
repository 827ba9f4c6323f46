"""Learning from bounds: the one-sided loss, and lanes that use it."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from jaxmrl.data.label_scaling import LabelScaler
from jaxmrl.modalities.graph.dataset import GraphDataset
from jaxmrl.modalities.graph.features import featurize
from jaxmrl.training import losses
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.replica import DeviceBounds, DeviceTable, TrainingSpec, batch_bounds, judged_labels
from tests.support.compiled import init_replica, predict_molecules, train_step

SPEC = TrainingSpec(ModelSpec(width=8, depth=1, dropout=0.0, tasks=1, precision="float32"), "regression", "rmse", 3e-2)
MOLECULES = 48


@pytest.fixture(scope="module")
def exact(nci):
    """A table of the number of atoms, standardized."""
    graphs = featurize(nci[0][:MOLECULES])[0]
    size = graphs.size.astype(np.float32)
    return DeviceTable(GraphDataset.to_device(graphs), jnp.asarray((size - size.mean()) / size.std())[:, None])


def censored_above(table, limit):
    """The table with labels above a limit censored."""
    beyond = table.labels > limit
    labels = jnp.where(beyond, jnp.nan, table.labels)
    return replace(table, labels=labels, bounds=bounds_at(beyond, limit))


def bounds_at(which, limit):
    return DeviceBounds(jnp.where(which, limit, jnp.nan).astype(jnp.float32), which.astype(jnp.int8))


def with_budget(table):
    resources = np.stack([table.store.size, table.store.overflow_size], axis=1)
    return table.with_budget(resources.sum(axis=0)), resources


def started():
    scaler = LabelScaler(np.zeros(1, np.float32), np.ones(1, np.float32))
    return init_replica(SPEC, jax.random.key(0), jax.random.key(1), scaler, 10)


@pytest.mark.slow
def test_the_loss_is_weighted(exact):
    """By equal weights it is that without any; a molecule without weight does not count."""
    table, _ = with_budget(exact)
    ids = jnp.arange(8)
    plain, same, without = (
        train_step(SPEC, replace(table, weights=weights), started(), ids)[1]
        for weights in (None, jnp.ones(MOLECULES), jnp.where(jnp.arange(MOLECULES) < 4, 0.0, 2.0))
    )
    assert plain == same
    later = replace(table, labels=table.labels.at[:4].set(jnp.nan))
    np.testing.assert_allclose(without, train_step(SPEC, later, started(), ids)[1], rtol=1e-6)


def test_it_is_the_likelihood_of_the_tail():
    outputs, sd = jnp.array([-3.0, -1.0, 0.2, 2.0, 0.2]), losses.RESIDUAL_SD
    limits, sides = jnp.array([0.0, 0.5, 0.1, 1.0, 0.1]), jnp.array([1, 1, 1, 1, -1], jnp.int8)
    found = losses.one_sided(outputs, limits, sides)
    below = -2 * sd**2 * norm.logsf(np.asarray(limits - outputs) / sd)
    below[-1] = -2 * sd**2 * norm.logcdf(0.0 - 0.1 / sd)
    np.testing.assert_allclose(found, below, rtol=1e-5)


def test_far_from_the_bound_it_is_the_squared_error_and_beyond_it_nothing():
    at = lambda x: losses.one_sided(x, jnp.float32(0), jnp.int8(1))
    far = jnp.array([-1e4, -100.0, -20.1 * losses.RESIDUAL_SD, -19.9 * losses.RESIDUAL_SD, 30.0])
    slopes = jax.vmap(jax.grad(at))(far)
    assert np.isfinite(at(far)).all()
    np.testing.assert_allclose(slopes[:4], 2 * far[:4], rtol=0.01)
    assert slopes[4] == 0
    assert at(far)[4] == 0


def test_bounds_of_other_molecules_change_nothing(exact):
    table, ids = with_budget(exact)[0], np.arange(20, dtype=np.int32)
    others = np.arange(MOLECULES)[:, None] >= 20
    both = table, replace(table, bounds=bounds_at(jnp.asarray(others), 0.5))
    one, other = ((state.params, loss) for state, loss in (train_step(SPEC, some, started(), ids) for some in both))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), one, other)


def test_rows_without_a_molecule_have_no_bound(exact):
    table = censored_above(with_budget(exact)[0], -9.0)
    _, sides = batch_bounds(table, jnp.array([0, -1, 3], jnp.int32))
    assert sides[:, 0].tolist() == [1, 0, 1]
    assert batch_bounds(exact, jnp.arange(3)) is None


def test_validation_counts_by_how_much_a_bound_is_missed(exact):
    ids = jnp.array([0, 1, 2, -1], jnp.int32)
    everyone = jnp.ones((MOLECULES, 1), bool)
    table = replace(exact, labels=jnp.where(everyone, jnp.nan, 0.0), bounds=bounds_at(everyone, 0.5))
    scores = jnp.array([[0.25], [0.5], [2.0], [9.0]])
    found, labels, used = judged_labels(SPEC, table, ids, scores, True)
    np.testing.assert_array_equal((found - labels)[:3, 0], [-0.25, 0, 0])
    assert used[:, 0].tolist() == [True, True, True, False]
    assert not judged_labels(SPEC, table, ids, scores, False)[2].any()


@pytest.mark.slow
def test_lanes_learn_that_values_lie_beyond_a_bound(exact):
    limit = 0.3
    censored = censored_above(exact, limit)
    beyond = np.flatnonzero(np.asarray(exact.labels[:, 0]) > limit)
    everyone = np.arange(MOLECULES)
    scaler = LabelScaler(np.zeros(1, np.float32), np.ones(1, np.float32))
    means = []
    for table in (censored, replace(censored, bounds=None)):
        table, resources = with_budget(table)
        replicas = [Replica(f"r{seed}", seed, everyone, everyone, everyone, 200, scaler) for seed in range(4)]
        engine = Engine(SPEC, table, resources, replicas, 4, MOLECULES)
        found = []

        def keep(outcome, engine=engine, found=found):
            weights = engine.best_weights(outcome.name)
            found.append(predict_molecules(SPEC, engine.table, weights, beyond.astype(np.int32))[:, 0])

        engine.run(set(), keep)
        means.append(np.mean(found, axis=0))
    with_bounds, without = means
    assert (with_bounds > limit).mean() > (without > limit).mean()
    assert with_bounds.mean() > without.mean() + 0.3
