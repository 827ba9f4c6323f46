"""A small problem with two tasks and missing labels, its rows in any order, and a model for it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmrl.config import Settings
from jaxmrl.data.label_scaling import LabelScaler
from jaxmrl.data.parsing import prepare
from jaxmrl.data.splits import Split
from jaxmrl.data.table import Table
from jaxmrl.data.task_data import TaskData
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.replica import TrainingSpec
from tests.support.compiled import init

TRAIN, VALID = 120, 140
BATCH = 32


@pytest.fixture(scope="session")
def labels(nci):
    """[160, 2]: is it greasy, is it very greasy; every fifth value of the second is missing."""
    values = nci[1]
    labels = np.concatenate([values > 1.5, values > 3], axis=1).astype(np.float32)
    labels[::5, 1] = np.nan
    return labels


@pytest.fixture
def problem_of(nci, labels, cache):
    """A function of an order of the rows, and the task: the same molecules in that order, the same split."""

    def build(order=None, task="classification"):
        order = np.arange(160) if order is None else order
        values = labels if task == "classification" else np.concatenate([nci[1], nci[1] ** 2], axis=1)
        table = Table(
            ids=np.arange(160),
            lines=np.arange(160) + 2,
            smiles=[nci[0][k] for k in order],
            labels=values[order],
            tasks=("greasy", "very"),
            task=task,
            rows=160,
        )
        prepared = prepare(table)
        place = np.argsort(order)
        split = Split(place[:TRAIN], place[TRAIN:VALID], place[VALID:])
        metric = "roc_auc" if task == "classification" else "rmse"
        molecules = prepared.table, {"graph": prepared.graphs}, prepared.canonical
        return TaskData(*molecules, split, metric, "", 0, {}, canonical_smiles=prepared.canonical_smiles)

    return build


@pytest.fixture
def problem(problem_of):
    return problem_of()


@pytest.fixture(scope="session")
def shape():
    return ModelSpec(width=8, depth=2, dropout=0.5, tasks=2, precision="float32")


@pytest.fixture(scope="session")
def settings():
    return Settings(dataset="nci", batch_size=BATCH)


@pytest.fixture(scope="session")
def weights(shape):
    """Weights as `predict` takes them: not fresh ones, so that nothing is 0 or 1 by design."""
    params, stats = init(shape, jax.random.key(0))
    keys = iter(jax.random.split(jax.random.key(1), 100))
    params = jax.tree.map(lambda x: x + 0.1 * jax.random.normal(next(keys), x.shape), params)
    stats = jax.tree.map(lambda x: x + 0.1 * jax.random.uniform(next(keys), x.shape), stats)
    return params, stats, LabelScaler(jnp.array([0.5, 1.0]), jnp.array([2.0, 3.0]))


@pytest.fixture(scope="session")
def training_spec(shape):
    return TrainingSpec(shape, "classification", "roc_auc", 1e-2)
