"""The task of a worker process. It imports neither JAX nor scikit-learn, because both sides use it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Assignment:
    """What to fit and what to predict with it: places of molecules in the table, the name of the model, its seed.

    weights: of the training molecules in the loss, in their order [n]; None if all count the same.
    """

    model: str
    classes: bool
    train: np.ndarray
    valid: np.ndarray
    asked: np.ndarray
    seed: int
    weights: np.ndarray | None = None
