"""Calibrated probabilities of one task by inductive Venn-Abers prediction: pure functions of arrays, NumPy and SciPy.

Two isotonic regressions of the labels on the scores give two probabilities for a molecule: one takes it in as inactive,
and the other as active (Vovk, Petej & Fedorova 2015). If the molecule is exchangeable with the calibration molecules,
one of the two is calibrated, however wrong the raw probability is. They lie far apart where there are few molecules of
similar scores, and so say how well the probability is known.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

FEWEST_OF_CLASS = 5
"""Calibration molecules of each class, below which there is no calibration."""


@dataclass(frozen=True)
class VennAbers:
    """The calibration of a task's scores.

    Attributes:
        scores: [U] distinct scores of the calibration molecules, ascending.
        molecules: [U] how many molecules have each score.
        active: [U] how many of these are active.
    """

    scores: np.ndarray
    molecules: np.ndarray
    active: np.ndarray

    def probabilities(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and the upper probability [n] of molecules with `scores` [n]."""
        place = np.searchsorted(self.scores, scores)
        found = np.minimum(place, len(self.scores) - 1)
        # All scores between two neighbors in the calibration have the same two probabilities.
        kinds, inverse = np.unique(2 * place + (self.scores[found] == scores), return_inverse=True)
        both = [(self._probability(kind, 0), self._probability(kind, 1)) for kind in kinds.tolist()]
        lower, upper = np.array(both, float).reshape(-1, 2)[inverse].T
        return lower, upper

    def _probability(self, kind: int, label: int) -> float:
        """Return the isotonic regression at one more molecule with a label.

        kind: Twice its place among the scores, plus 1 if it has the score at that place.
        """
        place, tied = divmod(kind, 2)
        molecules, active = self.molecules.astype(float), self.active.astype(float)
        if tied:
            molecules[place] += 1
            active[place] += label
        else:
            molecules, active = np.insert(molecules, place, 1), np.insert(active, place, label)
        return float(isotonic_regression(active / molecules, weights=molecules).x[place])


def fit_venn_abers(scores: np.ndarray, labels: np.ndarray) -> VennAbers | None:
    """Return the calibration by molecules that no model has learned from; None for too few of a class.

    Args:
        scores: [n] of any scale; larger for active molecules.
        labels: [n] 0 or 1.
    """
    if min((labels == 0).sum(), (labels == 1).sum()) < FEWEST_OF_CLASS:
        return None
    distinct, inverse = np.unique(scores, return_inverse=True)
    active = np.bincount(inverse, weights=labels, minlength=len(distinct))
    return VennAbers(distinct, np.bincount(inverse, minlength=len(distinct)), active.astype(int))


def combined(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Return one probability [n] for two: that with the least worst regret in logarithmic loss (Vovk et al. 2015)."""
    return upper / (1 - lower + upper)
