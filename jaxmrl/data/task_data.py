"""The prepared data of a command: read, checked, split, and how it is judged."""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from jaxmrl.config.names import ERROR_METRICS, PER_SD
from jaxmrl.data import label_scaling, splits
from jaxmrl.data.bounds import Bounds
from jaxmrl.data.label_scaling import LabelScaler, LabelUnits
from jaxmrl.data.replicates import Noise, noise_floor
from jaxmrl.data.similarity import share_text
from jaxmrl.data.splits import SplitRepeat
from jaxmrl.data.table import Table
from jaxmrl.data.undefined import has_values
from jaxmrl.modalities.base import AtomFeatures, Features, arrays_of
from jaxmrl.modalities.graph.modality import GRAPH
from jaxmrl.modalities.registry import get_modality


def arrays_digest(texts: list[str], arrays: list[np.ndarray]) -> str:
    """Return a digest of texts and arrays."""
    digest = hashlib.blake2b("\n".join(texts).encode(), digest_size=16)
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()


def find_geometries(features: dict[str, Features]) -> AtomFeatures | None:
    """Return those features of a table that have its atoms in space, if there are any."""
    found = next((some for name, some in features.items() if get_modality(name).sees_positions), None)
    return cast(AtomFeatures | None, found)  # `Modality.sees_positions` promises it


@dataclass(frozen=True)
class TaskData:
    """A table with its features and one split.

    features   {modality: its features}; graph is there wherever molecules have SMILES
    canonical [N] uint64   hash of each canonical SMILES
    metric     name of the metric it is judged by; `unit` of the labels, if any
    shared     validation and test molecules that also stand in another part
    unjudged   {part: tasks whose labels there leave the metric without a meaning}
    split_name its kind, of `config.names.SPLITS` or file
    repeat     which of the repeated splits of that kind it is
    near       share of test molecules with a near relative in training, see `overlap`; None without SMILES
    kin        test molecules that are in training as another salt, hydrate or ion; None without SMILES
    same_scaffold  test molecules with the scaffold of a training molecule, as it is and without stereochemistry; None
               without SMILES
    facts      what run.json says of the molecules
    extensive  [T] whether models learn what the atoms' references leave of a target; None: of none
    canonical_smiles [N]   what features are made of; empty where molecules have no SMILES
    noise      of the labels, as replicates show it, of the tasks where they do
    extra [E]  places of the molecules of --extra that replicas of its curves train on; None without it
    """

    table: Table
    features: dict[str, Features]
    canonical: np.ndarray
    split: splits.Split
    metric: str
    unit: str
    shared: int
    unjudged: dict[str, list[str]]
    split_name: str = "random"
    repeat: SplitRepeat = field(default_factory=SplitRepeat)
    near: float | None = None
    extensive: np.ndarray | None = None
    canonical_smiles: list[str] = field(default_factory=list, repr=False)
    kin: int | None = None
    same_scaffold: tuple[int, int] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    noise: tuple[Noise, ...] = ()
    extra: np.ndarray | None = None

    def fingerprint(self) -> str:
        """Return a digest of all that a replica learns from or is evaluated on: molecules, features, labels, split."""
        features = [array for one in self.features.values() for array in arrays_of(one)]
        return arrays_digest(self.table.smiles, [*self._labels, *self._parts, *features])

    def digests(self) -> dict[str, str]:
        """Return a digest of the molecules, labels and split, and one of the features of each modality."""
        labels = arrays_digest(self.table.smiles, [*self._labels, *self._parts])
        features = {
            f"features of {name}": arrays_digest([], arrays_of(one)) for name, one in sorted(self.features.items())
        }
        return {f"data of the {self.split_label} split": labels} | features

    @property
    def _labels(self) -> list[np.ndarray]:
        """The arrays of all labels, censored ones included, and of their weights in the loss."""
        bounds, weights = self.table.bounds, self.table.side.weights
        more = [] if bounds is None else [bounds.values, bounds.sides]
        return [self.table.labels, *more, *([] if weights is None else [weights])]

    @property
    def _parts(self) -> list[np.ndarray]:
        """The places of the molecules of each part, and of those of --extra that may train."""
        return [*self.split.parts().values(), *([] if self.extra is None else [self.extra])]

    @property
    def extra_molecules(self) -> int:
        """The number of usable molecules of --extra, whether or not they may train in this split; 0 without it."""
        return 0 if self.table.first_extra is None else len(self.table) - self.table.first_extra

    @property
    def split_label(self) -> str:
        """The name of the split: its kind and, unless it is the first of that kind, its seed."""
        return splits.split_label(self.split_name, self.repeat.seed, self.repeat.place)

    @property
    def overlap(self) -> float:
        """Test molecules per training molecule, on which depends how far repeated splits are independent."""
        return len(self.split.test) / len(self.split.train)

    @property
    def has_smiles(self) -> bool:
        """Whether the molecules have SMILES; else they have positions."""
        return GRAPH.name in self.features

    @property
    def geometries(self) -> AtomFeatures | None:
        """The features of a modality that sees positions, if there is one."""
        return find_geometries(self.features)

    def heavy_atoms(self) -> np.ndarray:
        """Return the number of atoms of each molecule without hydrogens, [N]."""
        return self.features[GRAPH.name].size if self.has_smiles else self._atoms.heavy_atoms()

    @property
    def _atoms(self) -> AtomFeatures:
        if self.geometries is None:
            raise ValueError("the molecules have no positions")
        return self.geometries

    @cached_property
    def composition(self) -> np.ndarray | None:
        """Atoms of each element in each molecule [N, E], if a target is extensive."""
        return None if self.extensive is None else self._atoms.composition()

    def composition_for(self, modality: str) -> np.ndarray | None:
        """Return `composition`, which only models that see positions subtract."""
        return self.composition if get_modality(modality).sees_positions else None

    @property
    def over_atoms(self) -> str:
        """Whether models of geometries give a sum over atoms, as energies ask for, or a mean."""
        return "sum" if self.extensive is not None and self.extensive.all() else "mean"

    @property
    def near_text(self) -> str | None:
        """The share of test molecules with a close analog in training (`near`), in words."""
        return None if self.near is None else share_text(self.near, self.split.test)

    @property
    def standardized(self) -> bool:
        """Whether the mean over tasks is one of errors in standard deviations: tasks may differ in their units."""
        return len(self.table.tasks) > 1 and self.metric in ERROR_METRICS

    @property
    def mean_metric(self) -> str:
        """The name of the mean over tasks, which results.csv and curves are of."""
        return self.metric + (PER_SD if self.standardized else "")

    @property
    def mean_unit(self) -> str:
        """The unit of the mean over tasks, if any."""
        return "" if self.standardized else self.unit

    @cached_property
    def task_divisors(self) -> np.ndarray:
        """The divisor of the metric of each task before the mean over tasks, [T] float64.

        Where the mean is of errors in standard deviations, it is the standard deviation of the label over all training
        molecules at every fraction, so that the curve does not reflect changes of the divisor. NaN without any spread.
        """
        if not self.standardized:
            return np.ones(len(self.table.tasks))
        return label_scaling.spreads(self.table.labels[self.split.train], self._units)

    @property
    def noise_floor(self) -> float:
        """The mean error over tasks that the noise of the labels leaves a perfect model; 0 where it is not known."""
        return noise_floor(list(self.noise), self.metric, self.table.tasks, self.task_divisors)

    def divisors(self, molecules: np.ndarray) -> np.ndarray:
        """Return `task_divisors` [T] of a replica that trains on `molecules`: NaN for a task that its mean leaves out.

        These are the tasks that it cannot learn: its molecules have no label of them, or in classification one class.
        """
        labels = self.table.labels[molecules]
        needed = 2 if self.table.task == "classification" else 1
        learned = [has_values(column, needed) for column in labels.T]
        return np.where(learned, self.task_divisors, np.nan)

    @cached_property
    def _units(self) -> LabelUnits:
        return label_scaling.find_units(self.table.labels[: self.table.first_extra], None, None)

    @cached_property
    def _units_without_atoms(self) -> LabelUnits:
        """The units of the labels of the main source, so that no label of --extra changes a curve without it."""
        first = self.table.first_extra
        composition = None if self.composition is None else self.composition[:first]
        return label_scaling.find_units(self.table.labels[:first], composition, self.extensive)

    def label_units(self, modality: str) -> LabelUnits:
        """Return the units of the labels on the device for a modality's models; the same for all splits of a table."""
        if self.table.task == "classification":
            return label_scaling.no_units(len(self.table.tasks))
        # R2 needs the variance of the labels themselves, with what their atoms add.
        atoms = self.composition_for(modality) is not None and self.metric != "r2"
        return self._units_without_atoms if atoms else self._units

    def device_labels(self, modality: str) -> np.ndarray:
        """Return the labels [N, T] float32 that a modality's models see on the device, NaN for missing."""
        return self.label_units(modality).to_device(self.table.labels, self.composition_for(modality))

    def device_bounds(self, modality: str) -> Bounds | None:
        """Return the bounds of censored labels as `device_labels` are, in float32; None where there are none."""
        bounds = self.table.bounds
        if bounds is None:
            return None
        units, composition = self.label_units(modality), self.composition_for(modality)
        return replace(bounds, values=units.to_device(bounds.values, composition))

    def label_scaler(self, molecules: np.ndarray, modality: str) -> LabelScaler:
        """Return how a replica of a modality's model that trains on these molecules standardizes the device's
        labels.
        """
        if self.table.task == "classification":
            return label_scaling.identity_scaler(len(self.table.tasks))
        units, composition = self.label_units(modality), self.composition_for(modality)
        some = None if composition is None else composition[molecules]
        return units.device_scaler(
            label_scaling.fit_scaler(units.shift(self.table.labels[molecules]), some, self.extensive)
        )


def comparable(
    problem: TaskData, modality: str, scores: np.ndarray, labels: np.ndarray, divisors: np.ndarray | float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and labels [M, T] in float32 that have the same metric as these; NaN stays NaN.

    What they have in common is taken off in float64: of labels far from zero float32 would leave nothing. An error
    metric is that of scores and labels divided by `divisors` [T].
    """
    if problem.metric in ERROR_METRICS:
        scores, labels = (scores - labels) / divisors, np.where(np.isnan(labels), labels, 0.0)
    elif problem.table.task == "regression":
        units = problem.label_units(modality)
        scores, labels = units.shift(scores), units.shift(labels)
    return scores.astype(np.float32), labels.astype(np.float32)


def by_kind(problems: list[TaskData]) -> dict[str, list[TaskData]]:
    """Return the task data of each kind of split, in order of the splits' places."""
    kinds: dict[str, list[TaskData]] = {}
    for problem in problems:
        kinds.setdefault(problem.split_name, []).append(problem)
    return kinds
