"""Shapes of batches: a function of a replica's own molecules, and few of them."""

from types import SimpleNamespace

import numpy as np
import pytest

from jaxmrl.modalities.flat_rows import NO_MOLECULE
from jaxmrl.training.batches import budget
from jaxmrl.training.shapes import EVALUATED_SHARE, batch_shapes, common_shape, evaluation_plan, usual_rows


def resources_of(molecules, seed=0):
    """Atoms, and rows of a scarce resource, of molecules whose sizes vary as those of real ones."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.gamma(4.5, 5.5, molecules).astype(int) + 3, rng.poisson(0.05, molecules)], axis=1)


def replicas_of(molecules, fractions, seeds):
    """Subsets of each fraction and seed of a random split."""
    order = np.random.default_rng(7).permutation(molecules)
    train, valid, test = np.split(order, [int(0.8 * molecules), int(0.9 * molecules)])
    shuffles = [np.random.default_rng([1, seed]).permutation(train) for seed in range(seeds)]
    return [
        SimpleNamespace(train=shuffle[: max(1, int(fraction * len(train)))], valid=valid, test=test, pruning=None)
        for shuffle in shuffles
        for fraction in fractions
    ]


def test_a_shape_does_not_depend_on_other_replicas():
    resources = resources_of(600)
    many = replicas_of(600, (0.02, 0.1, 0.3, 1.0), 4)
    together = batch_shapes(many, resources, 64)
    assert together == [batch_shapes([one], resources, 64)[0] for one in many]


@pytest.mark.parametrize("batch_size", [32, 64, 256])
@pytest.mark.parametrize("molecules", [160, 1_000, 8_000])
def test_random_subsets_share_one_or_two_shapes(molecules, batch_size):
    """Few batches of a small table may have larger molecules than usual: at most one replica in twenty."""
    resources = resources_of(molecules)
    shapes = batch_shapes(replicas_of(molecules, (0.02, 0.05, 0.1, 0.2, 0.5, 1.0), 10), resources, batch_size)
    usual = [tuple(rows.tolist()) for rows in usual_rows(resources, batch_size)]
    others = [shape for shape in shapes if shape.rows not in usual]
    assert len(others) <= len(shapes) / 20
    assert len(usual) == (2 if molecules < 4 * batch_size else 1)


def test_everything_fits_its_shape():
    resources = resources_of(500)
    replicas = replicas_of(500, (0.02, 0.2, 1.0), 5)
    largest = np.argsort(-resources[:, 0])[:200]  # as of a pruning that keeps large molecules
    replicas.append(SimpleNamespace(train=largest, valid=np.arange(50), test=np.arange(50, 100), pruning=None))
    for replica, shape in zip(replicas, batch_shapes(replicas, resources, 64), strict=True):
        assert (budget([replica.train], resources, 64) <= shape.limits).all()
        for ids in (replica.valid, replica.test):
            assert len(evaluation_plan(ids, resources, shape.limits, 64)) <= shape.evaluated
    common = common_shape(replicas, resources, 64)
    for shape in batch_shapes(replicas, resources, 64):
        assert (shape.limits <= common.limits).all()
        assert shape.evaluated <= common.evaluated


def test_a_shape_is_hardly_larger_than_its_molecules_need():
    resources = resources_of(40_000)
    replicas = replicas_of(40_000, (0.1, 1.0), 2)
    need = max(budget([one.train], resources, 256)[0] for one in replicas)
    (shape,) = set(batch_shapes(replicas, resources, 256))
    assert shape.rows[0] <= 1.04 * need


def test_small_subsets_are_not_padded_to_a_full_batch():
    resources = resources_of(160)
    (small,) = set(batch_shapes(replicas_of(160, (0.05, 0.1), 3), resources, 256))
    (whole,) = set(batch_shapes(replicas_of(160, (1.0,), 3), resources, 256))
    assert small.rows[0] < 2.5 * whole.rows[0] / EVALUATED_SHARE
    assert whole.rows[0] == resources[:, 0].sum()


def test_an_evaluation_has_more_batches_where_so_many_molecules_do_not_fit():
    resources = resources_of(300)
    ids = np.argsort(-resources[:, 0])[:90]
    limits = budget([np.arange(300)], resources, 64)
    plan = evaluation_plan(ids, resources, limits, 64)
    assert plan.shape == (3, 64)
    assert sorted(plan[plan != NO_MOLECULE].tolist()) == sorted(ids.tolist())
    loads = np.where((plan >= 0)[..., None], resources[plan], 0).sum(axis=1)
    assert (loads <= limits).all()
    for batch in plan:
        assert (batch[(batch >= 0).sum() :] == NO_MOLECULE).all(), "empty places are the last"


def test_features_without_rows_have_one_shape():
    (shape,) = set(batch_shapes(replicas_of(100, (0.1, 1.0), 2), np.zeros((100, 0), int), 16))
    assert shape.rows == ()
