"""Predictions of molecules by the models of an ensemble that were not trained on them. NumPy only."""

from dataclasses import dataclass

import numpy as np

MOST_CALIBRATED = 5_000
"""The most molecules that calibrate predictions: quantiles of so many err by less than half a hundredth."""


@dataclass(frozen=True)
class HeldOut:
    """Predictions of `m` validation molecules, each by the models that have not learned from it.

    Attributes:
        mean: [m, T] mean over these models.
        spread: [m, T] standard deviation over these models; NaN for a single one.
        similarity: [m] to the nearest molecule that one of these models has learned from.
        labels: [m, T] in the unit of the predictions; NaN where there is none.
    """

    mean: np.ndarray
    spread: np.ndarray
    similarity: np.ndarray
    labels: np.ndarray


def hold_out(values: np.ndarray, learned: np.ndarray, similarity: np.ndarray, labels: np.ndarray) -> HeldOut:
    """Return the predictions of each molecule by the models that have not learned from it; there is at least one.

    With a split for each seed, these are fewer models than those that predict a new molecule, so the errors tend to be
    larger than those of new molecules, and intervals tend to be too wide. With one split, they are the same models.

    Args:
        values: [K, m, T] predictions of each model.
        learned: [K, m] whether a model has learned from a molecule.
        similarity: [K, m] Tanimoto similarity of each molecule to the nearest that a model has learned from.
        labels: [m, T] of the molecules.
    """
    weight = (~learned).astype(float)[..., None]
    models = weight.sum(axis=0)
    mean = (weight * values).sum(axis=0) / models
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (weight * (values - mean) ** 2).sum(axis=0) / (models - 1)
    spread = np.where(models > 1, np.sqrt(variance), np.nan)
    return HeldOut(mean, spread, np.where(learned, -np.inf, similarity).max(axis=0), labels)


def choose_molecules(parts: list[np.ndarray], most: int = MOST_CALIBRATED) -> np.ndarray:
    """Return the molecules of several parts, ascending, or a sample of so many.

    Args:
        parts: Ids, such as those of the validation molecules of each split.
        most: The size of the sample.
    """
    ids = np.unique(np.concatenate(parts))
    if len(ids) > most:
        ids = np.sort(np.random.default_rng(0).choice(ids, most, replace=False))
    return ids
