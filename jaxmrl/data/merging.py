"""One label and one weight for the rows of a molecule."""

import numpy as np


def merged_label(labels: np.ndarray, weights: np.ndarray | None, how: str, task: str) -> np.ndarray:
    """Return one label for each task, [T]; NaN where there is none.

    Args:
        labels: Those of the rows of a molecule, [n, T]; NaN for missing ones. Equal rows of equal weight count once.
        weights: The weight of each row, [n]; None where all count the same.
        how: mean, median, first or drop.
        task: classification, whose labels are not averaged, or regression.
    """
    weights = np.ones(len(labels)) if weights is None else weights
    rows = distinct_rows(labels, weights)
    label = np.full(labels.shape[1], np.nan)
    for k, column in enumerate(labels[rows].T):
        there = ~np.isnan(column)
        known, own = column[there], weights[rows][there]
        if len(known) and (how == "first" or known.min() == known.max()):
            label[k] = known[0]
        elif len(known) and how != "drop" and task != "classification":
            label[k] = weighted_median(known, own) if how == "median" else np.average(known, weights=own)
    return label


def merged_weight(labels: np.ndarray, label: np.ndarray, weights: np.ndarray) -> float:
    """Return the weight of a merged molecule: the sum of the weights of its rows, as of one over squared errors.

    Rows that lack the label of a task are not part of the sum for that task, and the weight is the mean over the tasks
    that have a label. Without an exact label, it is the mean weight of the rows.

    Args:
        labels: Those of the rows, [n, T].
        label: The merged label of each task, [T].
        weights: The weight of each row, [n].
    """
    rows, tasks = distinct_rows(labels, weights), ~np.isnan(label)
    if not tasks.any():
        return float(weights.mean())
    known = ~np.isnan(labels[rows][:, tasks])
    return float((weights[rows, None] * known).sum(axis=0).mean())


def distinct_rows(labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the places of rows that differ in a label or in the weight, in order."""
    found: dict[bytes, int] = {}
    for place, row in enumerate(np.column_stack([labels, weights]) + 0.0):  # so that -0 and 0 are equal
        found.setdefault(row.tobytes(), place)
    return np.array(list(found.values()))


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the number with half of the weight on either side; between two such numbers, their mean.

    Args:
        values: The numbers, [n].
        weights: Their weights, [n], all above 0.
    """
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    low, high = total[-1] / 2 * (1 + np.array([-1e-9, 1e-9]))  # sums of weights are rounded
    return float((values[order[np.searchsorted(total, low)]] + values[order[np.searchsorted(total, high)]]) / 2)
