"""Replicas of classical models: the same as scikit-learn gives, task by task, the same each time."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import Ridge
from sklearn.svm import SVR

from jaxmrl.baselines import estimators
from jaxmrl.baselines.assignment import Assignment
from jaxmrl.baselines.estimators import ESTIMATORS, GP_NOISE, FitTask, gaussian_process, logits
from jaxmrl.baselines.fitting import fit_and_predict
from jaxmrl.baselines.views import View, similarity, tanimoto
from jaxmrl.modalities.descriptors.features import Descriptors

MODELS = [name for name in ESTIMATORS if name != "lightgbm" or find_spec("lightgbm")]


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(estimators, "TREES", 20)


def data(tasks=1, classes=False):
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.7, (90, 12)).astype(np.uint8)
    labels = counts[:, :3] @ rng.normal(size=(3, tasks)) + 0.1 * rng.normal(size=(90, tasks)) + 7
    labels = (labels > np.median(labels, axis=0)).astype(float) if classes else labels
    return Descriptors(counts, np.zeros((90, 0), np.float32)), labels


def assigned(model, classes=False):
    return Assignment(model, classes, np.arange(50), np.arange(50, 70), np.arange(50, 90), seed=5)


@pytest.mark.parametrize("classes", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_gives_the_same_bytes_whatever_the_order_of_the_molecules(model, classes):
    one = assigned(model, classes)
    first, again = (fit_and_predict(one, *data(classes=classes)) for _ in range(2))
    shuffled = replace(one, train=np.random.default_rng(1).permutation(50))
    assert first.tobytes() == again.tobytes() == fit_and_predict(shuffled, *data(classes=classes)).tobytes()
    assert first.shape == (40, 1)


@pytest.mark.parametrize("classes", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_every_model_learns_by_weights(model, classes):
    """Equal weights change nothing, except which molecules a forest draws; a molecule of next to no weight does not
    count, whatever its label.
    """
    one, (features, labels) = assigned(model, classes), data(classes=classes)
    if model != "rf":
        same = fit_and_predict(replace(one, weights=np.ones(50)), features, labels)
        np.testing.assert_allclose(same, fit_and_predict(one, features, labels), rtol=1e-6)
    wrong = labels.copy()
    wrong[:25] = 1 - labels[:25] if classes else 20 - labels[:25]
    weights, shuffle = np.where(np.arange(50) < 25, 1e-6, 1.0), np.random.default_rng(2).permutation(50)
    weighted = replace(one, train=shuffle, weights=weights[shuffle])
    truth = np.full((40, 1), round(labels[25:50].mean()) if classes else labels[25:50].mean())
    truth = truth if model == "mean" else labels[50:]
    error = lambda found: np.mean(((found > 0 if classes else found) - truth) ** 2)
    found, misled = (fit_and_predict(assigned, features, wrong) for assigned in (weighted, one))
    assert error(found) < error(misled) or (error(found) == 0 and model == "mean")


@pytest.mark.parametrize("classes", [False, True])
@pytest.mark.parametrize("model", [name for name in MODELS if name != "mean"])
def test_every_model_learns(model, classes):
    """Of validation and test molecules alike, better than the mean."""
    features, labels = data(classes=classes)
    predicted, truth = fit_and_predict(assigned(model, classes), features, labels)[20:, 0], labels[70:, 0]
    if classes:
        assert predicted[truth == 1].mean() > predicted[truth == 0].mean() + 0.5
    else:
        assert np.mean((predicted - truth) ** 2) < 0.8 * truth.var()


def test_tasks_are_fitted_alone_without_their_missing_labels():
    features, labels = data(tasks=3)
    labels[::3, 1] = np.nan
    labels[:70, 2] = np.nan
    one = assigned("ridge")
    both = fit_and_predict(one, features, labels)
    np.testing.assert_array_equal(both[:, :1], fit_and_predict(one, features, labels[:, :1]))
    known = ~np.isnan(labels[:, 1])
    fewer = replace(one, train=one.train[known[one.train]], valid=one.valid[known[one.valid]])
    np.testing.assert_array_equal(both[:, 1:2], fit_and_predict(fewer, features, labels[:, 1:2]))
    assert (both[:, 2] == 0).all()


@pytest.mark.parametrize("model", MODELS)
def test_a_task_of_one_class_or_one_value_is_that(model):
    features, labels = data(classes=True)
    labels[:70] = 1
    assert (fit_and_predict(assigned(model, True), features, labels) > 10).all()
    assert (fit_and_predict(assigned(model), features, labels * 3) == 3).all()


@pytest.mark.parametrize("classes", [False, True])
def test_a_forest_is_that_of_scikit_learn(classes):
    features, labels = data(classes=classes)
    x, y = features.counts.astype(np.float32), labels[:, 0]
    if classes:
        direct = RandomForestClassifier(20, max_features="sqrt", random_state=5).fit(x[:50], y[:50])
        expected = logits(direct.predict_proba(x[50:])[:, 1])
    else:
        mean, sd = y[:50].mean(), y[:50].std()
        direct = RandomForestRegressor(20, max_features=1 / 3, random_state=5).fit(x[:50], (y[:50] - mean) / sd)
        expected = direct.predict(x[50:]) * sd + mean
    np.testing.assert_array_equal(fit_and_predict(assigned("rf", classes), features, labels)[:, 0], expected)


def test_svm_and_ridge_are_those_of_scikit_learn_at_the_best_setting_on_validation():
    features, labels = data()
    counts, y = features.counts, labels[:, 0]
    mean, sd = y[:50].mean(), y[:50].std()
    scaled, kernel = (y[:50] - mean) / sd, tanimoto(counts, counts[:50])
    machines = [SVR(kernel="precomputed", C=c, epsilon=0.1).fit(kernel[:50], scaled) for c in (1, 10, 100)]
    linear = [Ridge(alpha).fit(counts[:50].astype(float), scaled) for alpha in (1, 10, 100, 1000)]
    for name, candidates, x in (("svm", machines, kernel), ("ridge", linear, counts.astype(float))):
        predicted = [one.predict(x[50:]) * sd + mean for one in candidates]
        best = min(predicted, key=lambda one: np.mean((one[:20] - y[50:70]) ** 2))
        np.testing.assert_allclose(fit_and_predict(assigned(name), features, labels)[:, 0], best, rtol=1e-12)


def test_a_gaussian_process_is_that_of_scikit_learn():
    """At the variance and noise of the largest marginal likelihood; scikit-learn's kernel is a Gaussian."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=(60, 4))
    y = np.sin(values[:, 0]) + 0.3 * rng.normal(size=60)
    y = (y - y[:40].mean()) / y[:40].std()
    no_counts = np.zeros((60, 0), np.uint8)
    train, asked = View(no_counts[:40], values[:40]), View(no_counts[40:], values[40:])
    task = FitTask(False, train, y[:40], asked, y[40:], asked, seed=0)
    found, best = gaussian_process(task), (-np.inf, None)
    for noise in GP_NOISE:
        kernel = similarity(train, train) + noise * np.eye(40)
        variance = y[:40] @ np.linalg.solve(kernel, y[:40]) / 40
        kernels = ConstantKernel(variance) * RBF(np.sqrt(2)) + WhiteKernel(variance * noise)
        model = GaussianProcessRegressor(kernels, optimizer=None, alpha=0).fit(values[:40], y[:40])
        best = max(best, (model.log_marginal_likelihood(), noise), key=lambda one: one[0])
        if best[1] == noise:
            expected = model.predict(values[40:])
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
