"""Calibrated predictions of all tasks: intervals in regression, probabilities with bounds in classification."""

from dataclasses import dataclass, field

import numpy as np

from jaxmrl.config.names import SINGLE_SPLITS, UNGROUPED_SPLITS
from jaxmrl.predict.conformal import BLOCK_DRIFT, Intervals, fewest_to_fit, fit_intervals
from jaxmrl.predict.held_out import HeldOut
from jaxmrl.predict.sigmoid import fit_sigmoid
from jaxmrl.predict.venn_abers import FEWEST_OF_CLASS, combined, fit_venn_abers
from jaxmrl.text import count

FEW = 100
"""Calibration molecules of the rarer class with which Venn-Abers prediction and a sigmoid have the same weight.
Isotonic regression, which the former uses, needs about a thousand molecules to be better than a sigmoid
(Niculescu-Mizil & Caruana 2005)."""


@dataclass(frozen=True)
class Calibrated:
    """What calibration adds to the predictions of n molecules and T tasks; NaN for a task with too few molecules.

    Attributes:
        lower: [n, T] of an interval in regression, of the probability in classification.
        upper: [n, T] likewise.
        probability: [n, T] calibrated; None in regression.
        notes: How the calibration was made, in sentences for the user.
    """

    lower: np.ndarray
    upper: np.ndarray
    probability: np.ndarray | None = None
    notes: tuple[str, ...] = field(default=())


def shift_of(splits: set[str]) -> tuple[bool, float]:
    """Return how new molecules differ from validation molecules by the kinds of split: `shifted` and `drift`."""
    return bool(splits - set(UNGROUPED_SPLITS)), BLOCK_DRIFT if splits & set(SINGLE_SPLITS) else 0.0


def calibrate_values(
    known: HeldOut,
    mean: np.ndarray,
    spread: np.ndarray,
    similarity: np.ndarray,
    coverage: float,
    *,
    shifted: bool = False,
    drift: float = 0.0,
) -> Calibrated:
    """Return prediction intervals that contain the label with probability `coverage`.

    Args:
        known: The molecules that calibrate.
        mean: [n, T] predictions of new molecules.
        spread: [n, T] standard deviation between the models; NaN where it is not known.
        similarity: [n] to the nearest training molecule.
        coverage: Above 0 and below 1.
        shifted, drift: As of `fit_intervals`.
    """
    half = np.full(mean.shape, np.nan)
    found: list[Intervals | None] = []
    for task in range(mean.shape[1]):
        usable = ~np.isnan(known.labels[:, task] - known.mean[:, task])
        errors = np.abs(known.labels - known.mean)[usable, task]
        of_task = known.spread[usable, task], known.similarity[usable]
        intervals = fit_intervals(errors, *of_task, coverage, shifted=shifted, drift=drift)
        found.append(intervals)
        if intervals is not None:
            half[:, task] = intervals.half_width(spread[:, task], similarity)
    return Calibrated(mean - half, mean + half, notes=_interval_notes(found, coverage))


def _interval_notes(found: list[Intervals | None], coverage: float) -> tuple[str, ...]:
    made, lacking = [one for one in found if one is not None], sum(one is None for one in found)
    notes = []
    if made:
        molecules = sorted({int(one.molecules.sum()) for one in made})
        many = f"{molecules[0]:,}" if len(molecules) == 1 else f"{molecules[0]:,} to {molecules[-1]:,}"
        notes.append(
            f"{coverage:.0%} intervals from the errors of {many} validation molecules, by similarity to training"
            f"{_bins_text(made[0]) if len(found) == 1 else ''}"
        )
    if lacking:
        few = f"fewer than {fewest_to_fit(coverage)} validation molecules have a label"
        notes.append(f"no {coverage:.0%} interval for {count(lacking, 'task')}: {few}; a lower --coverage needs fewer")
    return tuple(notes)


def _bins_text(intervals: Intervals) -> str:
    """Return the bins of similarity in words, with their molecules."""
    pairs = zip(intervals.starts.tolist(), intervals.molecules.tolist(), strict=True)
    return f" ({', '.join(f'{molecules:,} from {start:g}' for start, molecules in pairs)})"


def calibrated_probabilities(
    raw: np.ndarray, labels: np.ndarray, new: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return calibrated probabilities of new molecules, [n], and lower and upper bounds; None for too few of a class.

    The probability is a weighted mean of that of Venn-Abers prediction, which assumes nothing but follows the noise of
    few molecules, and that of a sigmoid, which has two parameters only. With FEW molecules of the rarer class, both
    have the same weight; with more, the sigmoid has less. The bounds are those of Venn-Abers prediction, and contain
    the mean.

    Args:
        raw: [m] probabilities of molecules that no model has learned from.
        labels: [m] their labels, 0 or 1.
        new: [n] raw probabilities of the new molecules.
    """
    calibration = fit_venn_abers(raw, labels)
    if calibration is None:
        return None
    lower, upper = calibration.probabilities(new)
    rarer = min(labels.sum(), len(labels) - labels.sum())
    share = rarer / (rarer + FEW)
    mean = share * combined(lower, upper) + (1 - share) * fit_sigmoid(raw, labels).probabilities(new)
    return mean, np.minimum(lower, mean), np.maximum(upper, mean)


def calibrate_probabilities(known: HeldOut, mean: np.ndarray) -> Calibrated:
    """Return calibrated probabilities, with bounds.

    Args:
        known: The molecules that calibrate.
        mean: [n, T] raw probabilities of new molecules.
    """
    probability, lower, upper = (np.full(mean.shape, np.nan) for _ in range(3))
    lacking, numbers = 0, []
    for task in range(mean.shape[1]):
        usable = ~np.isnan(known.labels[:, task] - known.mean[:, task])
        found = calibrated_probabilities(known.mean[usable, task], known.labels[usable, task], mean[:, task])
        if found is None:
            lacking += 1
            continue
        numbers.append(int(usable.sum()))
        probability[:, task], lower[:, task], upper[:, task] = found
    notes = []
    if numbers:
        fewest, most = min(numbers), max(numbers)
        many = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
        notes.append(f"probabilities calibrated on {many} validation molecules")
    if lacking:
        few = f"fewer than {FEWEST_OF_CLASS} validation molecules of a class"
        notes.append(f"no calibrated probability for {count(lacking, 'task')}: {few}")
    return Calibrated(lower, upper, probability, tuple(notes))
