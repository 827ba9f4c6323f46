"""What a replica subtracts from its labels, and divides them by: from its own training molecules alone."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

REFERENCE_SHARE = 0.9
"""Of a target's variance that its atoms must explain to count as extensive."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LabelStandard:
    """Labels and outputs of a model: label = output * scale + mean + what the molecule's atoms add.

    mean, scale [T]     0 and 1 in classification
    references [E, T]   what an atom of each element adds; None where no target is extensive
    """

    mean: jax.Array | np.ndarray
    scale: jax.Array | np.ndarray
    references: jax.Array | np.ndarray | None = None

    def targets(self, labels: jax.Array, composition: jax.Array | None) -> jax.Array:
        """What a model learns instead of `labels` [B, T], of molecules of `composition` [B, E]."""
        return (labels - self._baseline(composition)) / self.scale[None, :]

    def values(self, outputs: jax.Array, composition: jax.Array | None) -> jax.Array:
        """The inverse: labels [B, T] of a model's `outputs` [B, T]."""
        return outputs * self.scale[None, :] + self._baseline(composition)

    def _baseline(self, composition):
        mean = self.mean[None, :]
        if self.references is None:
            return mean
        return mean + jnp.matmul(composition, self.references, precision=jax.lax.Precision.HIGHEST)


def no_standard(tasks: int) -> LabelStandard:
    """Outputs are labels."""
    return LabelStandard(np.zeros(tasks, np.float32), np.ones(tasks, np.float32))


def fit_standard(labels: np.ndarray, composition: np.ndarray | None, extensive: np.ndarray) -> LabelStandard:
    """From the labels [n, T] of a replica's molecules, and for `extensive` [T] targets their composition [n, E].

    References are the least-squares fit (the one of least norm where atoms do not tell elements apart); mean and
    standard deviation are those of what it leaves, 0 and 1 where there is none.
    """
    tasks = labels.shape[1]
    mean, scale = np.zeros(tasks), np.ones(tasks)
    references = None if composition is None else np.zeros((composition.shape[1], tasks))
    for k, column in enumerate(labels.T.astype(np.float64)):
        present = ~np.isnan(column)
        if not present.any():
            continue
        left = column[present]
        if references is not None and extensive[k]:
            atoms = composition[present].astype(np.float64)
            references[:, k] = np.linalg.lstsq(atoms, left, rcond=None)[0]
            left = left - atoms @ references[:, k]
        mean[k], spread = left.mean(), left.std()
        # What rounding leaves of constant labels is no spread.
        scale[k] = spread if spread > 1e-9 * np.abs(column[present]).max() else 1.0
    as_float = lambda array: None if array is None else array.astype(np.float32)
    return LabelStandard(as_float(mean), as_float(scale), as_float(references))


def find_extensive(labels: np.ndarray, composition: np.ndarray) -> np.ndarray:
    """The share of each target's variance that a regression on `composition` [n, E] explains, [T]; labels [n, T]."""
    shares = np.zeros(labels.shape[1])
    for k, column in enumerate(labels.T.astype(np.float64)):
        present = ~np.isnan(column)
        atoms, values = composition[present].astype(np.float64), column[present]
        if len(values) and values.std() > 0:
            left = values - atoms @ np.linalg.lstsq(atoms, values, rcond=None)[0]
            shares[k] = 1 - (left**2).mean() / values.var()
    return shares
