"""How labels become what models learn: float64 on the host, float32 on the device, standardized by each replica."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmrl.errors import DataError

REFERENCE_SHARE = 0.9
"""The share of a target's variance that its atoms must explain to count as extensive."""

_MOST_COMPARED, _MOST_MERGED = 10_000, 0.05
"""The most different labels that are compared, and the share of them that may become equal in float32."""


SPREADS_SAID = (
    "{metric} of each task is divided by the standard deviation of its training labels before the mean over tasks; "
    "test_<task> in results.csv stays in the task's unit"
)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LabelScaler:
    """Labels and outputs of a model: label = output * scale + mean + what the molecule's atoms add.

    On the device it is in float32 and of the device's labels (see `LabelUnits`); on disk it is in float64 and of the
    labels as they were given.

    mean, scale [T]     0 and 1 in classification
    references [E, T]   what an atom of each element adds; None where no target is extensive
    """

    mean: jax.Array | np.ndarray
    scale: jax.Array | np.ndarray
    references: jax.Array | np.ndarray | None = None

    def transform(self, labels: jax.Array, composition: jax.Array | None) -> jax.Array:
        """Return what a model learns instead of `labels` [B, T], of molecules of `composition` [B, E]."""
        return (labels - self._baseline(composition)) / self.scale[None, :]

    def inverse_transform(self, outputs: jax.Array, composition: jax.Array | None) -> jax.Array:
        """Return the labels [B, T] of a model's `outputs` [B, T]."""
        return outputs * self.scale[None, :] + self._baseline(composition)

    def _baseline(self, composition: Any) -> Any:
        mean = self.mean[None, :]
        if self.references is None:
            return mean
        return mean + jnp.matmul(composition, self.references, precision=jax.lax.Precision.HIGHEST)

    def inverse_transform_on_host(self, outputs: np.ndarray, composition: np.ndarray | None) -> np.ndarray:
        """Return the `inverse_transform` in float64, computed on the host by a scaler in float64."""
        values = np.asarray(outputs, np.float64) * self.scale + self.mean
        return values if self.references is None else values + np.asarray(composition, np.float64) @ self.references


@dataclass(frozen=True)
class LabelUnits:
    """What is taken off all labels in float64, so that float32 on the device keeps their differences.

    label = offset + step * (label on the device + what the molecule's atoms add by `references`)

    This is arithmetic alone: whatever it takes off, each replica's own scaler adds again, so no replica learns
    anything of other molecules by it.

    offset [T]          float64: one of the labels, so adding a constant to all labels changes only the offset
    step [T]            float64: a power of two, by which division is exact
    references [E, T]   float64, in steps; None where no target is extensive
    """

    offset: np.ndarray
    step: np.ndarray
    references: np.ndarray | None = None

    def shift(self, labels: np.ndarray) -> np.ndarray:
        """Return (labels - offset) / step of labels [n, T], in float64."""
        return (np.asarray(labels, np.float64) - self.offset) / self.step

    def to_device(self, labels: np.ndarray, composition: np.ndarray | None) -> np.ndarray:
        """Return the device's float32 labels [n, T] of molecules of `composition` [n, E]."""
        shifted = self.shift(labels)
        if self.references is not None:
            shifted = shifted - np.asarray(composition, np.float64) @ self.references
        return shifted.astype(np.float32)

    def device_scaler(self, shifted: LabelScaler) -> LabelScaler:
        """Return the scaler of the device's labels in float32, from that of shifted labels in float64."""
        references = shifted.references
        if references is not None and self.references is not None:
            references = references - self.references
        return LabelScaler(
            mean=shifted.mean.astype(np.float32),
            scale=shifted.scale.astype(np.float32),
            references=None if references is None else references.astype(np.float32),
        )

    def label_scaler(self, on_device: LabelScaler) -> LabelScaler:
        """Return the scaler of the labels as they were given in float64, from that of the device's labels."""
        mean, scale = (np.asarray(array, np.float64) for array in (on_device.mean, on_device.scale))
        references = on_device.references
        if references is not None:
            references = np.asarray(references, np.float64)
            references = self.step * (references if self.references is None else references + self.references)
        return LabelScaler(self.offset + self.step * mean, self.step * scale, references)


def identity_scaler(tasks: int) -> LabelScaler:
    """Return the scaler by which outputs are labels."""
    return LabelScaler(np.zeros(tasks, np.float32), np.ones(tasks, np.float32))


def no_units(tasks: int) -> LabelUnits:
    """Return the units in which the device's labels are the labels as they were given."""
    return LabelUnits(np.zeros(tasks), np.ones(tasks))


def find_units(labels: np.ndarray, composition: np.ndarray | None, extensive: np.ndarray | None) -> LabelUnits:
    """Return the units of labels [N, T]; of `extensive` [T] targets their composition [N, E] is taken off, too.

    The offset is the lower median, and the step the power of two nearest to the median distance from it.
    """
    present = ~np.isnan(labels)
    offset, step = np.zeros(labels.shape[1]), np.ones(labels.shape[1])
    for k, column in enumerate(labels.T.astype(np.float64)):
        ordered = np.sort(column[present[:, k]])
        if len(ordered):
            offset[k] = ordered[(len(ordered) - 1) // 2]
    shifted = labels.astype(np.float64) - offset
    whole = fit_scaler(shifted, composition, extensive)
    references = whole.references
    left = shifted if references is None else shifted - np.asarray(composition, np.float64) @ references
    for k, column in enumerate(left.T):
        step[k] = _power_of_two(column[present[:, k]])
    return LabelUnits(offset, step, None if references is None else np.asarray(references) / step)


def spreads(labels: np.ndarray, units: LabelUnits) -> np.ndarray:
    """Return the standard deviation of each task's labels [n, T], [T]; NaN where they are all the same."""
    columns = [column[~np.isnan(column)] for column in units.shift(labels).T]
    found = [column.std() if len(column) and np.ptp(column) > 0 else np.nan for column in columns]
    return units.step * np.array(found)


def _power_of_two(values: np.ndarray) -> float:
    """Return the power of two nearest to the median absolute value, without zeros; 1 if all are 0.

    A standard deviation would not do: one extreme label would scale all others to nearly 0.
    """
    sizes = np.abs(values[values != 0])
    return float(2.0 ** np.round(np.log2(np.median(sizes)))) if len(sizes) else 1.0


def check_units(labels: np.ndarray, tasks: tuple[str, ...]) -> None:
    """Raise DataError, naming the task, where labels [N, T] that differ would be equal in float32.

    Among millions of labels some lie closer than a ten-millionth of their spread, which harms nothing. So at most
    10,000 are compared, taken evenly by rank, and a twentieth of them may merge.
    """
    units = find_units(labels, None, None)
    for name, column, offset, step in zip(tasks, labels.T, units.offset, units.step, strict=True):
        values = np.unique(column[~np.isnan(column)])
        values = values[:: max(1, -(-len(values) // _MOST_COMPARED))]
        left = len(np.unique(((values - offset) / step).astype(np.float32)))
        if left < (1 - _MOST_MERGED) * len(values):
            raise DataError(
                f"target {name}: {len(values):,} different labels from {values[0]:.9g} to {values[-1]:.9g} would be "
                f"{left:,} in float32, the numbers that models are trained with; expected differences above a "
                "ten-millionth of the spread. Remove outliers, or transform the labels, for example to logarithms"
            )


def fit_scaler(labels: np.ndarray, composition: np.ndarray | None, extensive: np.ndarray | None) -> LabelScaler:
    """Return the scaler of the labels [n, T] of a replica's molecules; `extensive` [T] targets also use their
    composition [n, E].

    References are the least-squares fit with a constant (the one of least norm where counts of atoms are collinear),
    so adding a constant to all labels does not change them; mean and standard deviation are those of what it leaves, 0
    and 1 where there is none. All are in float64.
    """
    tasks = labels.shape[1]
    mean, scale = np.zeros(tasks), np.ones(tasks)
    references = None if composition is None else np.zeros((composition.shape[1], tasks))
    for k, column in enumerate(labels.T.astype(np.float64)):
        present = ~np.isnan(column)
        if not present.any():
            continue
        left = column[present]
        if references is not None and composition is not None and extensive is not None and extensive[k]:
            references[:, k], left = _fit_atoms(composition[present], left)
        mean[k], spread = left.mean(), left.std()
        # The rounding errors of constant labels are not a spread.
        scale[k] = spread if spread > 1e-9 * np.abs(column[present]).max() else 1.0
    return LabelScaler(mean, scale, references)


def _fit_atoms(composition: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what an atom of each element adds [E], by least squares with a constant, and what is left of values
    [n].
    """
    atoms = composition.astype(np.float64)
    references = np.linalg.lstsq(atoms - atoms.mean(axis=0), values - values.mean(), rcond=None)[0]
    return references, values - atoms @ references


def find_extensive(labels: np.ndarray, composition: np.ndarray) -> np.ndarray:
    """Return the share [T] of each target's variance that a regression of labels [n, T] on `composition` [n, E]
    explains.
    """
    shares = np.zeros(labels.shape[1])
    for k, column in enumerate(labels.T.astype(np.float64)):
        present = ~np.isnan(column)
        values = column[present]
        if len(values) and values.std() > 0:
            shares[k] = 1 - _fit_atoms(composition[present], values)[1].var() / values.var()
    return shares
