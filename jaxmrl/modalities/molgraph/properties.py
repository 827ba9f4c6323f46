"""RDKit's 2D descriptors beside a graph: standardized by the molecules that some model trains on. NumPy only."""

from dataclasses import dataclass

import numpy as np

FARTHEST = 10.0
"""Standard deviations at which descriptors are cut off: some have far outliers."""


@dataclass(frozen=True)
class Scaling:
    """The mean and the standard deviation of each of D descriptors over training molecules, as JSON can hold them."""

    mean: list[float]
    sd: list[float]

    @classmethod
    def of(cls, values: np.ndarray) -> "Scaling":
        """Return the scaling by training molecules [n, D]; NaN, which RDKit could not compute, does not count."""
        known = np.isfinite(values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0.0).sum(axis=0, dtype=np.float64) / count
        sd = np.sqrt(np.where(known, (values - mean) ** 2, 0.0).sum(axis=0) / count)
        return cls(mean.tolist(), np.where(sd > 0, sd, 1.0).tolist())

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return descriptors [N, D] in standard deviations from the mean, float32; 0 for NaN."""
        scaled = (values - np.array(self.mean)) / np.array(self.sd)
        return np.clip(np.where(np.isfinite(scaled), scaled, 0.0), -FARTHEST, FARTHEST).astype(np.float32)
