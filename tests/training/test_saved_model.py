"""A trained model on disk, and its pass over molecules."""

from dataclasses import replace
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.data.label_scaling import LabelScaler, identity_scaler
from jaxmrl.errors import ConfigError
from jaxmrl.io import storage
from jaxmrl.modalities.graph.dataset import GraphDataset
from jaxmrl.training import batches
from jaxmrl.training import saved_model as trained_module
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.replica import DeviceTable, TrainingSpec, predict
from jaxmrl.training.saved_model import FORMAT, SavedModel, load_arrays, load_trained, predict_all, save_trained
from tests.support.rows import result_row

SHAPE = ModelSpec(width=8, depth=2, dropout=0.5, tasks=2, precision="float32")
TRAINING_SPEC = TrainingSpec(SHAPE, "regression", "rmse", 1e-3)
STANDARD = LabelScaler(np.array([3e8 + 0.123, 4]), np.array([2.0, 5.0]))
"""In float64: the first digits of a label may be those of its mean."""


@pytest.fixture(scope="module")
def weights():
    return (*jax.jit(SHAPE.init)(jax.random.key(7)), STANDARD)


def trained(path, **changes):
    known = SavedModel(path, result_row(), TRAINING_SPEC, ("a", "b"), True, {"bits": 8, "whole": False}, None)
    return replace(known, **changes)


@pytest.mark.parametrize("elements", [None, (1, 6, 92)])
def test_what_is_written_comes_back(tmp_path, weights, elements):
    model = trained(tmp_path / "models" / "a,b%2F ü", elements=elements)
    if elements:
        references = np.arange(6).reshape(3, 2) / 3
        weights = (*weights[:2], replace(STANDARD, references=references))
    train = np.array([5, 2, 2**31 - 1])
    for _ in range(2):
        save_trained(model, weights, train)
    assert load_trained(model.path) == model
    found, ids = load_arrays(model)
    assert ids.tolist() == train.tolist()
    assert jax.tree.structure(found) == jax.tree.structure(weights)
    jax.tree.map(np.testing.assert_array_equal, found, weights)
    assert {leaf.dtype for leaf in jax.tree.leaves(found[2])} == {np.dtype(np.float64)}


def test_another_format_and_damage_are_refused(tmp_path, weights):
    model = trained(tmp_path / "m")
    save_trained(model, weights, np.arange(3))
    host = storage.read_host(model.path)
    storage.write(tmp_path / "newer", {"a": np.zeros(1)}, host | {"format": FORMAT + 1})
    with pytest.raises(ConfigError, match=f"has format {FORMAT + 1}, and this version of jaxmrl reads format {FORMAT}"):
        load_trained(tmp_path / "newer")
    (model.path / "host.json").write_text("{}")
    with pytest.raises(ConfigError, match="is a damaged model of a sweep"):
        load_trained(model.path)


def test_every_molecule_gets_its_own_prediction(molecules, weights):
    count = len(molecules)
    table = DeviceTable(GraphDataset.to_device(molecules), jnp.zeros((0, 2)))
    asked = np.random.default_rng(0).permutation(count)[:-2]
    resources = molecules.resources()
    alone = table.with_budget(resources.max(axis=0))
    plain = (*weights[:2], identity_scaler(2))
    one = jax.jit(lambda k: predict(TRAINING_SPEC, alone, plain, k[None])[0])
    outputs = np.stack([one(jnp.int32(k)) for k in asked])
    for batch_size in (5, 100):
        found = predict_all(TRAINING_SPEC, table, resources, weights, asked, batch_size)
        np.testing.assert_allclose((found - STANDARD.mean) / STANDARD.scale, outputs, rtol=1e-5, atol=1e-6)
    logits = predict_all(replace(TRAINING_SPEC, task="classification"), table, resources, plain, asked, 100)
    np.testing.assert_allclose(logits, outputs, rtol=1e-5)


def test_like_molecules_side_by_side_do_not_make_batches_hard_to_fit(monkeypatch):
    monkeypatch.setattr(batches, "MAX_SWAPS_PER_BATCH", 1)
    monkeypatch.setattr(trained_module, "_outputs", lambda training_spec, table, model, ids: (ids[:, None],) * 2)
    table = SimpleNamespace(with_budget=lambda limits: table, labels=np.zeros((0, 1)), composition=None)
    resources = np.sort(np.random.default_rng(0).integers(5, 60, 2000))[:, None]
    found = predict_all(TRAINING_SPEC, table, resources, (identity_scaler(1),), np.arange(2000), 64)
    assert found[:, 0].tolist() == list(range(2000))
