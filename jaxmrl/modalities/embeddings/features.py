"""Vectors of molecules, and how models see them. NumPy only: worker processes import this without JAX."""

from dataclasses import dataclass

import numpy as np

from jaxmrl.modalities.descriptors.features import Descriptors
from jaxmrl.modalities.molgraph.properties import Scaling


@dataclass(frozen=True)
class Embeddings(Descriptors):
    """The vectors of `N` molecules as the file has them: `values` [N, D] float32, and no counts.

    scaling  the mean and the standard deviation of each column over the training molecules
    columns  the names of the D columns of a table; None for a matrix, which has none
    """

    scaling: Scaling
    columns: tuple[str, ...] | None = None

    def resources(self) -> np.ndarray:
        """Return what each molecule takes of a batch's budget: nothing that needs planning, [N, 0]."""
        return np.zeros((len(self.values), 0), np.int32)

    def standardized(self) -> np.ndarray:
        """Return the vectors in standard deviations from the mean, [N, D] float32."""
        return self.scaling.apply(self.values)


def as_embeddings(values: np.ndarray, scaling: Scaling, columns: tuple[str, ...] | None) -> Embeddings:
    """Return vectors [N, D] as features."""
    return Embeddings(np.zeros((len(values), 0), np.uint8), values, scaling, columns)
