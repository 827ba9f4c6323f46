"""The noise of an assay, from molecules that were measured several times, and the error that it leaves any model."""

from dataclasses import dataclass

import numpy as np

from jaxmrl.stats import chi2_ppf

FEWEST_DOF = 10
"""Degrees of freedom from which replicates say how large the noise is."""

_MOST_LINES = 3
"""Tasks whose noise is reported in words."""

LEVEL = 0.9
"""The level of the interval of a noise."""

_MEDIAN_OF_NORMAL = 0.6744897501960817
"""The median of |x| of a standard normal x."""

_MEAN_OF_NORMAL = float(np.sqrt(2 / np.pi))
"""The mean of |x| of a standard normal x."""


@dataclass(frozen=True)
class Noise:
    """The noise of one task's labels, from replicates of a molecule.

    task       the name of the task
    sd         standard deviation of one measurement, in the label's unit: the pooled variance within molecules
    low, high  its interval at LEVEL, for normal noise
    dof        degrees of freedom: measurements of repeated molecules, less these molecules
    floor_sd   a standard deviation that is not too large: the smaller one of `low` and that by the median deviation,
               which is 0 where most replicates are copies, and does not see a few gross errors
    single, root  mean over all labels of 1 / n and 1 / sqrt(n), where a label is a mean or median of n rows
    """

    task: str
    sd: float
    low: float
    high: float
    dof: int
    floor_sd: float
    single: float = 1.0
    root: float = 1.0

    def floor(self, metric: str) -> float:
        """Return the error, by the metric rmse or mae, of predictions of the true values; 0 for another metric.

        For normal noise, the mean absolute value is sqrt(2 / pi) standard deviations. The noise of a median of n rows
        is at least that of their mean, which is taken for both.
        """
        if metric == "rmse":
            return self.floor_sd * float(np.sqrt(self.single))
        return self.floor_sd * _MEAN_OF_NORMAL * self.root if metric == "mae" else 0.0


def find_noise(canonical: np.ndarray, labels: np.ndarray, tasks: tuple[str, ...], *, averaged: bool) -> list[Noise]:
    """Return the noise of each task that has FEWEST_DOF or more, and labels of a molecule that differ.

    Rows with the same label count as replicates that agree. So copies of a value make the noise too small, and never
    too large.

    Args:
        canonical: A hash of each row's molecule, [N].
        labels: [N, T] of numbers, NaN for missing.
        tasks: Names of the tasks.
        averaged: Whether the rows of a molecule become one label, their mean or median.
    """
    found = (_noise_of(canonical, column, task, averaged) for task, column in zip(tasks, labels.T, strict=True))
    return [noise for noise in found if noise]


def _noise_of(canonical: np.ndarray, labels: np.ndarray, task: str, averaged: bool) -> Noise | None:
    known = ~np.isnan(labels)
    _, first, group, size = np.unique(canonical[known], return_index=True, return_inverse=True, return_counts=True)
    values, dof = labels[known].astype(np.float64), int((size - 1).sum())
    values = values - values[first][group]  # so that copies differ by 0, not by rounding
    if dof < FEWEST_DOF:
        return None
    means = np.bincount(group, values) / size
    deviation = (values - means[group])[size[group] > 1]
    variance = float((deviation**2).sum() / dof)
    if variance <= 0:
        return None
    of_group = size[group][size[group] > 1]
    scaled = np.abs(deviation) * np.sqrt(of_group / (of_group - 1))
    sd = float(np.sqrt(variance))
    low, high = (sd * float(np.sqrt(dof / chi2_ppf(q, dof))) for q in ((1 + LEVEL) / 2, (1 - LEVEL) / 2))
    floor_sd = min(low, float(np.median(scaled)) / _MEDIAN_OF_NORMAL)
    single, root = (float(np.mean(size**-power)) if averaged else 1.0 for power in (1.0, 0.5))
    return Noise(task, sd, low, high, dof, floor_sd, single, root)


@dataclass(frozen=True)
class AssayNoise:
    """The noise of one task's labels within assays, by replicates of a molecule in the same assay.

    task    the name of the task
    within  the noise over all assays; the offsets between assays are not part of it
    each    the noise of each assay with FEWEST_DOF or more, by its name
    """

    task: str
    within: Noise
    each: dict[str, Noise]

    @property
    def text(self) -> str:
        """This in words."""
        said = (
            f"{self.task}: within an assay, the noise has a standard deviation of {self.within.sd:.3g} "
            f"({LEVEL:.0%} interval {self.within.low:.3g} to {self.within.high:.3g})"
        )
        shown = [f"{name} {noise.sd:.3g}" for name, noise in list(self.each.items())[:_MOST_LINES]]
        more = ", ..." if len(self.each) > _MOST_LINES else ""
        return said + (f"; by assay: {', '.join(shown)}{more}" if shown else "")


def find_assay_noise(
    canonical: np.ndarray, labels: np.ndarray, tasks: tuple[str, ...], assays: np.ndarray
) -> list[AssayNoise]:
    """Return the noise within assays of each task that has enough replicates there.

    Args:
        canonical: A hash of each row's molecule, [N].
        labels: [N, T] of numbers, NaN for missing.
        tasks: Names of the tasks.
        assays: The assay of each row, [N] object; rows with an empty one are left out.
    """
    names, assay = np.unique(assays.astype(str), return_inverse=True)
    _, molecule = np.unique(canonical, return_inverse=True)
    both, known = molecule * len(names) + assay, assays != ""
    found = []
    for within in find_noise(both[known], labels[known], tasks, averaged=False):
        column = labels[:, [tasks.index(within.task)]]
        of_each = {
            str(name): noise
            for k, name in enumerate(names)
            if name
            for noise in find_noise(canonical[assay == k], column[assay == k], (within.task,), averaged=False)
        }
        found.append(AssayNoise(within.task, within, of_each))
    return found


def noise_floor(noise: list[Noise], metric: str, tasks: tuple[str, ...], divisors: np.ndarray) -> float:
    """Return the error of a mean over tasks that no model is expected to go below; 0 where nothing is known.

    Args:
        noise: Of the tasks where it is known; it counts as 0 in the others.
        metric: The name of the metric.
        tasks: Names of all tasks.
        divisors: By what the error of each task is divided, [T]; NaN for a task that the mean leaves out.
    """
    floors = {one.task: one.floor(metric) for one in noise}
    known = ~np.isnan(divisors)
    each = np.array([floors.get(task, 0.0) for task in tasks])
    return float(np.mean(each[known] / divisors[known])) if known.any() else 0.0


def noise_lines(noise: list[Noise]) -> list[str]:
    """Return the noise of the first tasks in words, a line each."""
    return [
        f"{one.task}: the noise of one measurement, by replicates, has a standard deviation of {one.sd:.3g} "
        f"({LEVEL:.0%} interval {one.low:.3g} to {one.high:.3g}, {one.dof:,} degrees of freedom)"
        for one in noise[:_MOST_LINES]
    ]
