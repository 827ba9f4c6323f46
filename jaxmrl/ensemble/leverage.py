"""How far molecules are from training in what a network has learned: leverage in its embedding. NumPy only."""

from dataclasses import dataclass

import numpy as np

MOST_DESCRIBING = 2_000
"""The most training molecules that describe where a model has learned."""

USUAL_LEVERAGE = 3.0
"""Leverage, in means of training molecules, above which a molecule is far from what a model has learned: the warning
limit of Williams plots (Gramatica, Principles of QSAR models validation, 2007)."""

_RIDGE = 1e-3
"""The share of the mean variance that is added to the variance along each direction, as some directions have none."""


@dataclass(frozen=True)
class EmbeddingDomain:
    """Where the training molecules of a model are in its embedding of `d` numbers.

    Attributes:
        mean: [d] of training molecules.
        whitening: [d, d]; the leverage is the squared norm of a deviation from the mean times this matrix.
    """

    mean: np.ndarray
    whitening: np.ndarray

    def leverage(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the leverage [n] of molecules by their embeddings [n, d], in means of training molecules.

        It is the squared Mahalanobis distance from the mean of the training molecules, divided by the mean of this
        distance over the training molecules, where each is left out of the others in turn. The mean over new molecules
        that are like those of training is therefore about 1.
        """
        return np.sum(((embeddings - self.mean) @ self.whitening) ** 2, axis=1)


def describe(embeddings: np.ndarray) -> EmbeddingDomain | None:
    """Return where training molecules are in the embedding, [n, d]; None where all of them are at one place."""
    mean = embeddings.mean(axis=0)
    centered = (embeddings - mean).astype(np.float64)
    variances, axes = np.linalg.eigh(centered.T @ centered)
    variances = np.maximum(variances, 0.0) + _RIDGE * variances.mean()
    if not variances[-1] > 0:
        return None  # also for a single molecule
    whitening = axes / np.sqrt(variances)
    hat = np.sum((centered @ whitening) ** 2, axis=1)
    # Without a molecule, mean and scatter are others, and its own leverage is this one (Sherman & Morrison 1950).
    more = len(centered) / (len(centered) - 1)
    usual = float(np.mean(more**2 * hat / np.maximum(1 - more * hat, 1e-6)))
    return EmbeddingDomain(mean.astype(np.float64), whitening / np.sqrt(usual))
