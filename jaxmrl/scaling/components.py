"""How much of the spread of runs is between splits, and how much is within them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Components:
    """The spread of the runs at one size, in the unit of the metric.

    Attributes:
        splits: The number of splits.
        runs: The number of runs.
        sd: The standard deviation of all runs; None for a single one.
        between: The standard deviation between splits of what their runs share; None where no split has several runs.
        within: The standard deviation between the runs of one split, which differ by their subsets and seeds; None
            where no split has several runs.
    """

    splits: int
    runs: int
    sd: float | None
    between: float | None
    within: float | None


def components_of(values: np.ndarray, split: np.ndarray) -> Components:
    """Return the variance components of the runs of several splits.

    The estimator is that of the one-way analysis of variance with random effects and unequal groups (Searle, Casella &
    McCulloch 1992, section 3.6); a negative variance between splits counts as 0.

    Args:
        values: [R] the metric of each run.
        split: [R] the split of each run.
    """
    values = np.asarray(values, float)
    _, group, counts = np.unique(split, return_inverse=True, return_counts=True)
    runs, splits = len(values), len(counts)
    sd = float(values.std(ddof=1)) if runs > 1 else None
    if runs == splits:
        return Components(splits, runs, sd, None, None)
    means = np.bincount(group, values) / counts
    within = float(((values - means[group]) ** 2).sum() / (runs - splits))
    if splits == 1:
        return Components(splits, runs, sd, None, within**0.5)
    between_square = float((counts * (means - values.mean()) ** 2).sum() / (splits - 1))
    per_split = (runs - (counts**2).sum() / runs) / (splits - 1)
    between = max(0.0, (between_square - within) / per_split)
    return Components(splits, runs, sd, float(between**0.5), within**0.5)
