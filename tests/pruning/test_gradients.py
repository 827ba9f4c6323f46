import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.data.label_scaling import LabelScaler
from jaxmrl.pruning import gradients
from jaxmrl.pruning.passes import grand, judge
from jaxmrl.training import replica
from jaxmrl.training.losses import LOSSES
from jaxmrl.training.replica import DeviceTable
from tests.support.compiled import gather, predict


def device_table(problem):
    return replica.device_table(problem, "graph")


def resources_of(problem):
    return problem.features["graph"].resources()


def one_loss(training_spec, problem, weights, molecule):
    """The loss of one molecule as a plain function of the parameters, by a batch of one."""
    table = device_table(problem)
    batch = gather(table.store.with_budget(resources_of(problem).max(axis=0)), jnp.array([molecule]))
    _, stats, scaler = weights
    mean, scale = scaler.mean, scaler.scale
    values = problem.device_labels("graph")[molecule]
    present = np.flatnonzero(~np.isnan(values))

    def loss(params):
        outputs = predict(training_spec.model, params, stats, batch)[0]
        losses = [LOSSES[training_spec.task](outputs[t], (values[t] - mean[t]) / scale[t]) for t in present]
        return sum(losses) / len(losses)

    return loss


def norm(tree):
    return math.sqrt(sum(float(np.sum(np.asarray(leaf, np.float64) ** 2)) for leaf in jax.tree.leaves(tree)))


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_grand_is_the_loop_over_molecules(problem_of, training_spec, weights, task, monkeypatch):
    monkeypatch.setattr(gradients, "MOST_IN_BLOCK", {"cpu": 5})
    problem, training_spec = problem_of(task=task), replace(training_spec, task=task)
    molecules = problem.split.train[:12]
    scores = grand(training_spec, device_table(problem), problem.features["graph"], weights, molecules)
    for score, molecule in zip(scores, molecules, strict=True):
        expected = norm(jax.grad(one_loss(training_spec, problem, weights, int(molecule)))(weights[0]))
        assert score == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_grand_last_is_the_gradient_by_the_head(problem_of, training_spec, weights, task, strict):
    problem, training_spec = problem_of(task=task), replace(training_spec, task=task)
    ids = problem.split.train[:10]
    table = device_table(problem)
    table = DeviceTable(table.store.with_budget(resources_of(problem)[ids].sum(axis=0)), table.labels)
    scores, _ = judge(training_spec, table, weights, {}, jnp.asarray(ids))
    for score, molecule in zip(scores["grand-last"], ids, strict=True):
        gradient = jax.grad(one_loss(training_spec, problem, weights, int(molecule)))(weights[0])
        assert score == pytest.approx(norm(gradient["head"]), rel=1e-5)


def test_el2n_is_the_distance_to_the_label(strict):
    outputs = jnp.array([[0.0, 100.0], [-100.0, 3.0], [1.0, 1.0]])
    targets = jnp.array([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    present = jnp.array([[True, True], [True, False], [False, False]])
    scores = gradients.el2n("classification", outputs, targets, present)
    np.testing.assert_allclose(scores, [0.25, 1.0, np.nan], rtol=1e-6)
    scores = gradients.el2n("regression", outputs, targets, present)
    np.testing.assert_allclose(scores, [50.0, 101.0, np.nan], rtol=1e-6)


def test_the_number_of_labels_does_not_raise_a_score(problem, training_spec, weights):
    """A molecule whose second label repeats its first scores as with the first alone."""
    ids = problem.split.train[:10]
    params, stats, scaler = weights
    double = lambda head: jax.tree.map(lambda x: jnp.repeat(x[..., :1], 2, axis=-1), head)
    params = jax.tree.map(lambda x: x, params)
    params["head"] = double(params["head"])
    weights = params, stats, LabelScaler(scaler.mean[:1].repeat(2), scaler.scale[:1].repeat(2))
    both = problem.table.labels[:, :1].repeat(2, axis=1)
    one = both.copy()
    one[:, 1] = np.nan
    found = []
    for labels in (one, both):
        store = device_table(problem).store.with_budget(resources_of(problem)[ids].sum(axis=0))
        table = DeviceTable(store, jnp.asarray(labels))
        found.append(judge(training_spec, table, weights, {}, jnp.asarray(ids))[0])
    for name in ("el2n", "entropy", "least-confidence"):
        np.testing.assert_allclose(found[0][name], found[1][name], rtol=1e-5)


def test_a_molecule_without_labels_has_no_score(problem, training_spec, weights):
    ids = problem.split.train[:4]
    labels = problem.table.labels.copy()
    labels[ids[0]] = np.nan
    resources = resources_of(problem)
    table = DeviceTable(device_table(problem).store, jnp.asarray(labels))
    assert np.isnan(grand(training_spec, table, problem.features["graph"], weights, ids)).tolist() == [
        True,
        False,
        False,
        False,
    ]
    table = DeviceTable(table.store.with_budget(resources[ids].sum(axis=0)), table.labels)
    for name, values in judge(training_spec, table, weights, {}, jnp.asarray(ids))[0].items():
        assert np.isnan(values).tolist() == [True, False, False, False], name


def test_a_task_of_one_class_is_scored_as_any_other(problem, training_spec, weights):
    ids = problem.split.train[:8]
    labels = problem.table.labels.copy()
    labels[:, 1] = 0.0
    table = DeviceTable(device_table(problem).store, jnp.asarray(labels))
    assert np.isfinite(grand(training_spec, table, problem.features["graph"], weights, ids)).all()


def test_size_buckets_hold_each_molecule_once():
    sizes = np.random.default_rng(0).geometric(0.03, 3000)
    buckets = gradients.size_buckets(sizes)
    assert sorted(np.concatenate(buckets)) == list(range(3000))
    assert all(len(bucket) >= 64 for bucket in buckets[:-1])
    assert 4 < len(buckets) < 16
    padded = sum(len(bucket) * sizes[bucket].max() for bucket in buckets)
    assert padded < 1.4 * sizes.sum(), "little of it is padding"
    assert [bucket.tolist() for bucket in gradients.size_buckets(np.array([3, 90]))] == [[0, 1]]


def test_blocks_follow_memory(training_spec):
    small = gradients.block_size(training_spec, 32, "cpu", 2**20)
    assert 1 <= small < gradients.block_size(training_spec, 32, "cpu", 2**34) == 64
    assert gradients.block_size(training_spec, 32, "gpu", 2**37) == 1024
