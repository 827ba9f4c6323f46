"""Whether the runs of a learning curve were trained long enough for it to be a curve of data alone."""

import math
from dataclasses import dataclass

import numpy as np

from jaxmrl.stats import binomial_sf
from jaxmrl.text import count

LAST_PART = 0.1
"""Share of a run's epochs, at its end, in which a best validation says that the run was still improving."""

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Convergence:
    """How many of the `runs` of one size had their best validation in the last tenth of their epochs (`late`)."""

    n: int
    late: int
    runs: int

    @property
    def is_short(self) -> bool:
        """Whether half of the runs or more were still improving."""
        return 2 * self.late >= self.runs > 0

    def chance(self, late: int) -> float:
        """Return the probability that so many of the runs or more are late, if each epoch is as likely the best as
        another.
        """
        return float(binomial_sf(late - 1, self.runs, LAST_PART))


def best_is_late(best_epoch: int, epochs: int) -> bool:
    """Return whether the best validation of a run of `epochs` epochs lies in the last tenth, or in the last one.

    Never of a model that is fitted at once, without epochs.
    """
    return epochs > 0 and best_epoch > epochs - max(1, math.ceil(LAST_PART * epochs))


def convergence_of(n: np.ndarray, best_epoch: np.ndarray, epochs: np.ndarray) -> tuple[Convergence, ...]:
    """Return how the runs of each size have converged, in order of size. n, best_epoch, epochs [R]: of each finished
    run.
    """
    late = np.array([best_is_late(*run) for run in zip(best_epoch, epochs, strict=True)], bool)
    sizes = np.unique(n)
    return tuple(Convergence(int(size), int(late[n == size].sum()), int((n == size).sum())) for size in sizes)


def training_flags(found: tuple[Convergence, ...]) -> tuple[str, ...]:
    """Return flags for a curve some of whose sizes were trained too briefly; empty if chance may explain them."""
    short = [one for one in found if one.is_short]
    if not short or not _beyond_chance(found, len(short)):
        return ()
    late, runs = sum(one.late for one in short), sum(one.runs for one in short)
    return (
        f"{late} of {count(runs, 'replica')} at {sizes_text([one.n for one in short])} molecules had their best "
        "validation in the last tenth of training: the curve reflects training length as well as data; give more "
        "--epochs, --steps or --min-steps",
    )


def sizes_text(sizes: list[int]) -> str:
    """Return two sizes by name, more of them by the first and the last."""
    if len(sizes) > 2:
        return f"{len(sizes)} sizes from {sizes[0]:,} to {sizes[-1]:,}"
    return " and ".join(f"{size:,}" for size in sizes)


def _beyond_chance(found: tuple[Convergence, ...], short: int) -> bool:
    """Return whether so many short sizes, or one of them by itself, are more than chance gives in one curve of
    twenty.
    """
    several = np.ones(1)  # probability of 0, 1, ... short sizes
    for one in found:
        each = one.chance(math.ceil(one.runs / 2))
        several = np.convolve(several, [1 - each, each])
    alone = len(found) * min(one.chance(one.late) for one in found)
    return min(several[short:].sum(), alone) < SIGNIFICANT
