"""How good the predictions of many models are: for each label, and for a model as a whole."""

import numpy as np
from scipy.special import expit

LARGEST_MARGIN = 10.0
"""Log odds at which a margin is cut off: the probability of the other class is then below a twenty-thousandth."""


def label_utilities(outputs: np.ndarray, labels: np.ndarray, spreads: np.ndarray | None) -> np.ndarray:
    """Return how good each prediction is, [M, q, T]; NaN where a label is missing.

    In classification it is the probability of the observed class; in regression minus the squared error in standard
    deviations of the label.

    Args:
        outputs: Of M models for q molecules, [M, q, T]: logits, or values in the unit of the labels.
        labels: [q, T], NaN for missing.
        spreads: Standard deviations of the labels, [T]; None in classification.
    """
    if spreads is None:
        return expit(margins(outputs, labels))
    return -(((outputs - labels) / spreads) ** 2)


def margins(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the log odds of the observed class, [M, q, T], cut off at LARGEST_MARGIN; arguments as above."""
    return np.clip(np.where(np.isnan(labels), np.nan, (2 * labels - 1) * outputs), -LARGEST_MARGIN, LARGEST_MARGIN)


def model_utilities(outputs: np.ndarray, labels: np.ndarray, spreads: np.ndarray | None) -> np.ndarray:
    """Return the utility of each model, [M]: the mean over all labels of `label_utilities`. NaN for a NaN output."""
    known = ~np.isnan(labels)
    return label_utilities(outputs, labels, spreads)[:, known].mean(axis=1)


def targets_of(outputs: np.ndarray, labels: np.ndarray, spreads: np.ndarray | None) -> np.ndarray:
    """Return the outputs that datamodels predict, [M, labels that are present].

    Those are margins in classification (Ilyas et al. 2022), and in regression minus squared errors, so that a larger
    output is a better one.
    """
    known = ~np.isnan(labels)
    found = margins(outputs, labels) if spreads is None else label_utilities(outputs, labels, spreads)
    return found[:, known]


def constant_utility(labels: np.ndarray, spreads: np.ndarray | None, means: np.ndarray) -> float:
    """Return the utility of a model that has learned from no molecule.

    It gives both classes the same probability, or predicts the mean of the training labels, [T].
    """
    constant = np.zeros_like(labels) if spreads is None else np.broadcast_to(means, labels.shape)
    return float(model_utilities(constant[None], labels, spreads)[0])
