"""The classical models: each fits one task of one replica and predicts. scikit-learn and NumPy; no JAX.

What a model chooses for itself (C, alpha, noise) comes from the training labels or from a few values tried on the
validation molecules, whose labels stop the neural networks, too.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC, SVR

from jaxmrl.baselines.views import View, similarity

TREES = 500
NEIGHBORS = 5
SVM_C = (1.0, 10.0, 100.0)
RIDGE_ALPHA = (1.0, 10.0, 100.0, 1000.0)
GP_NOISE = tuple(np.geomspace(1e-3, 10.0, 25).tolist())
"""Variances of the noise that are tried, in units of the kernel's."""

_SVR_EPSILON = 0.1
"""Standard deviations of the label within which support vector regression ignores errors."""

_BLOCK = 1024
"""Molecules whose similarity to all training molecules is computed at a time."""

_SURE = 1e-6
"""A probability is no nearer to 0 or 1."""


@dataclass(frozen=True)
class FitTask:
    """One task of a replica: molecules with a label to learn from and to choose by, and those to predict.

    classes    whether labels are 0 and 1; else they are numbers in standard deviations of the training labels
    train, labels        the training molecules and their labels [n]
    valid, valid_labels  the validation molecules and their labels [v]; v may be 0
    asked      the molecules to predict, m
    seed       of the model's random numbers
    weights [n]  of the training molecules in the loss; None if all count the same
    """

    classes: bool
    train: View
    labels: np.ndarray
    valid: View
    valid_labels: np.ndarray
    asked: View
    seed: int
    weights: np.ndarray | None = None

    @property
    def mean(self) -> float:
        """The mean of the training labels, weighted."""
        return float(np.average(self.labels, weights=self.weights))


def random_forest(task: FitTask) -> np.ndarray:
    """Fit 500 trees (Breiman 2001), each split choosing from sqrt(columns) in classification, else from a third."""
    if task.classes:
        forest = RandomForestClassifier(TREES, max_features="sqrt", random_state=task.seed)
        forest.fit(task.train.matrix(), task.labels, task.weights)
        return logits(forest.predict_proba(task.asked.matrix())[:, 1])
    forest = RandomForestRegressor(TREES, max_features=1 / 3, random_state=task.seed)
    return forest.fit(task.train.matrix(), task.labels, task.weights).predict(task.asked.matrix())


def support_vectors(task: FitTask) -> np.ndarray:
    """Fit a support vector machine to the kernel of `views.similarity`, with the C that is best on validation."""
    kernel = similarity(task.train, task.train)

    def candidates() -> Iterable[Callable[[np.ndarray], np.ndarray]]:
        for c in SVM_C:
            machine = SVC(kernel="precomputed", C=c) if task.classes else None
            machine = machine or SVR(kernel="precomputed", C=c, epsilon=_SVR_EPSILON)
            machine.fit(kernel, task.labels, task.weights)
            yield machine.decision_function if task.classes else machine.predict

    return _best_by_kernel(task, candidates())


def gaussian_process(task: FitTask) -> np.ndarray:
    """Fit a Gaussian process to the same kernel; its variance and noise maximize the marginal likelihood.

    Classes are regressed as -1 and 1 (Rasmussen & Williams 2006, sections 2.3, 5.4 and 6.5). A weight divides the
    variance of a molecule's noise.
    """
    target = 2 * task.labels - 1 if task.classes else task.labels
    center, kernel = np.average(target, weights=task.weights), similarity(task.train, task.train)
    root = np.ones(len(target)) if task.weights is None else np.sqrt(task.weights)
    # With W the weights: (K + noise / W)^-1 = root (root K root + noise)^-1 root.
    eigenvalues, vectors = np.linalg.eigh(root[:, None] * kernel * root)
    projected = vectors.T @ (root * (target - center))

    def evidence(noise: float) -> float:
        """Return the log marginal likelihood at the best variance of the kernel, up to a constant."""
        spectrum = np.maximum(eigenvalues, 0) + noise
        return -0.5 * (len(target) * np.log((projected**2 / spectrum).sum()) + np.log(spectrum).sum())

    noise = max(GP_NOISE, key=evidence)
    weights = root * (vectors @ (projected / (np.maximum(eigenvalues, 0) + noise)))
    return _best_by_kernel(task, [lambda between: between @ weights + center])


def ridge(task: FitTask) -> np.ndarray:
    """Fit a linear model with a squared penalty, logistic in classification, with the penalty best on validation."""
    columns = [np.concatenate([view.counts, view.values], axis=1) for view in (task.train, task.valid, task.asked)]
    train, valid, asked = columns

    def predictions() -> Iterable[tuple[np.ndarray, np.ndarray]]:
        for alpha in RIDGE_ALPHA:
            if task.classes:
                logistic = LogisticRegression(C=1 / alpha, max_iter=1000).fit(train, task.labels, task.weights)
                yield _over(logistic.decision_function, valid), logistic.decision_function(asked)
            else:
                linear = Ridge(alpha).fit(train, task.labels, task.weights)
                yield _over(linear.predict, valid), linear.predict(asked)

    return max(predictions(), key=lambda both: quality(task, both[0]))[1]


def nearest_neighbors(task: FitTask) -> np.ndarray:
    """Average the labels of the 5 most similar training molecules, weighted by their similarity."""
    own = np.ones(len(task.labels)) if task.weights is None else task.weights
    values = np.empty(len(task.asked))
    for start in range(0, len(values), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(values)))
        between = similarity(task.asked.select(block), task.train)
        nearest = np.argsort(-between, axis=1, kind="stable")[:, :NEIGHBORS]
        weights = (np.take_along_axis(between, nearest, axis=1) + 1e-9) * own[nearest]
        values[block] = (weights * task.labels[nearest]).sum(axis=1) / weights.sum(axis=1)
    return logits(values) if task.classes else values


def boosted_trees(task: FitTask) -> np.ndarray:
    """Fit LightGBM (Ke et al. 2017) with a learning rate of 0.05, stopped early by the validation molecules."""
    import lightgbm

    settings = {
        "objective": "binary" if task.classes else "regression",
        "learning_rate": 0.05,
        "min_data_in_leaf": int(np.clip(len(task.labels) // 20, 1, 20)),
        "seed": task.seed,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(task.train.matrix(), task.labels, weight=task.weights)
    watched: dict[str, Any] = {}
    if len(task.valid_labels):
        watched["valid_sets"] = [data.create_valid(task.valid.matrix(), task.valid_labels)]
        watched["callbacks"] = [lightgbm.early_stopping(50, verbose=False)]
    predicted = np.asarray(lightgbm.train(settings, data, 1000, **watched).predict(task.asked.matrix()))
    return logits(predicted) if task.classes else predicted


def training_mean(task: FitTask) -> np.ndarray:
    """Predict the mean of the training labels, or the frequency of class 1."""
    mean = np.full(len(task.asked), task.mean)
    return logits(mean) if task.classes else mean


ESTIMATORS: dict[str, Callable[[FitTask], np.ndarray]] = {
    "rf": random_forest,
    "svm": support_vectors,
    "gp": gaussian_process,
    "ridge": ridge,
    "knn": nearest_neighbors,
    "lightgbm": boosted_trees,
    "mean": training_mean,
}
"""Each fits a task and returns logits of class 1 or standardized numbers of the molecules asked for, [m]."""


def logits(probabilities: np.ndarray) -> np.ndarray:
    """Return log(p / (1 - p)) of probabilities, none nearer to 0 or 1 than a millionth."""
    p = np.clip(probabilities, _SURE, 1 - _SURE)
    return np.log(p) - np.log1p(-p)


def quality(task: FitTask, predicted: np.ndarray) -> float:
    """Return how good predictions of the validation molecules are: ROC-AUC, or minus the mean squared error.

    It is 0 if the validation labels cannot rank candidates; the first of them is then kept.
    """
    labels = task.valid_labels
    if len(labels) == 0 or (task.classes and len(set(labels)) < 2):
        return 0.0
    return float(roc_auc_score(labels, predicted) if task.classes else -((labels - predicted) ** 2).mean())


def _best_by_kernel(task: FitTask, candidates: Iterable[Callable[[np.ndarray], np.ndarray]]) -> np.ndarray:
    """Predict by the candidate that is best on validation; each maps a kernel [m, n] to outputs [m].

    In classification the outputs become logits by a sigmoid that is fitted to the validation molecules (Platt 1999).
    """
    to_valid, to_asked = similarity(task.valid, task.train), similarity(task.asked, task.train)
    scored = [(_over(predict, to_valid), predict) for predict in candidates]
    on_valid, predict = max(scored, key=lambda one: quality(task, one[0]))
    outputs = predict(to_asked)
    if not task.classes or len(set(task.valid_labels)) < 2:
        return outputs
    sigmoid = LogisticRegression(C=1e6).fit(on_valid[:, None], task.valid_labels)
    slope, intercept = float(sigmoid.coef_[0, 0]), float(sigmoid.intercept_[0])
    return slope * outputs + intercept if slope > 0 else outputs


def _over(predict: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
    """Return the outputs of some rows, or of none."""
    return predict(rows) if len(rows) else np.zeros(0)
