"""Data-OOB: how well trees predict a molecule that they did not learn from.

Source: Kwon & Zou, Data-OOB: Out-of-bag Estimate as a Simple and Efficient Data Value (ICML 2023). The weak
learners are the trees of a random forest (Breiman 2001), each of which learns from a bootstrap sample.
"""

from collections.abc import Callable

import numpy as np

from jaxmrl.baselines.views import Scaling
from jaxmrl.io.limits import usable_cores
from jaxmrl.modalities.descriptors.features import Descriptors
from jaxmrl.valuation.estimates import Values

_BLOCK = 25
"""Trees that are grown between two looks at whether to stop."""


def out_of_bag(
    features: Descriptors,
    labels: np.ndarray,
    classes: bool,
    trees: int,
    seed: int,
    grown: Callable[[int], None] = lambda trees: None,
) -> Values:
    """Return the Data-OOB value of each molecule: the mean over its labels of what `task_values` gives.

    Args:
        features: Of n molecules.
        labels: [n, T], NaN for missing.
        classes: Whether labels are 0 and 1; else they are numbers.
        trees: The number of trees for each task.
        seed: Of the forests.
        grown: Called with the number of trees that were just grown; it may raise to stop.
    """
    rows = np.arange(len(labels))
    matrix = Scaling.of(features.values).view(features, rows).matrix()
    values, squares = np.full(labels.shape, np.nan), np.full(labels.shape, np.nan)
    for task, column in enumerate(labels.T):
        known = ~np.isnan(column)
        if known.any():
            one = task_values(matrix[known], column[known], classes, trees, seed, grown)
            values[known, task], squares[known, task] = one.value, one.error**2
    present = (~np.isnan(values)).sum(axis=1)
    share = np.where(present > 0, present, np.nan)
    return Values(np.nansum(values, axis=1) / share, np.sqrt(np.nansum(squares, axis=1)) / share)


def task_values(
    matrix: np.ndarray,
    labels: np.ndarray,
    classes: bool,
    trees: int,
    seed: int,
    grown: Callable[[int], None] = lambda trees: None,
) -> Values:
    """Return the values of molecules by their labels of one task, [n].

    The value of a molecule is the share of the trees without it that predict its class, or in regression minus their
    mean squared error in standard deviations of the label. A molecule that every tree has learned from has none.

    Args:
        matrix: The columns that trees split on, [n, C].
        labels: [n], none missing.
        classes: As in `out_of_bag`, as are `trees`, `seed` and `grown`.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    settings = {"random_state": seed, "warm_start": True, "n_jobs": usable_cores()}
    forest = (
        RandomForestClassifier(max_features="sqrt", **settings)
        if classes
        else RandomForestRegressor(max_features=1 / 3, **settings)
    )
    for total in range(_BLOCK, trees + _BLOCK, _BLOCK):
        before, now = total - _BLOCK, min(total, trees)
        forest.set_params(n_estimators=now).fit(matrix, labels)
        grown(now - before)
    spread = 1.0 if classes else labels.std() or 1.0
    sums = np.zeros((3, len(labels)))
    for tree, drawn in zip(forest.estimators_, forest.estimators_samples_, strict=True):
        outside = np.ones(len(labels), bool)
        outside[drawn] = False
        predicted = tree.predict(matrix[outside])  # a class is its place among the sorted classes
        observed = np.searchsorted(forest.classes_, labels[outside]) if classes else labels[outside]
        quality = predicted == observed if classes else -(((predicted - observed) / spread) ** 2)
        sums[:, outside] += np.stack([np.ones(outside.sum()), quality, np.square(quality, dtype=np.float64)])
    many = np.where(sums[0] > 0, sums[0], np.nan)
    mean = sums[1] / many
    return Values(mean, np.sqrt(np.maximum(sums[2] / many - mean**2, 0.0) / many))
