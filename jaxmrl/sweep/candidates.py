"""The settings that `--tune` chooses from: the default, and a sample around it."""

import numpy as np

from jaxmrl.data.task_data import TaskData
from jaxmrl.training.hyperparameters import Hyperparameters
from jaxmrl.training.losses import MOST_WEIGHT
from jaxmrl.training.replica import TrainingSpec

RATE_FACTOR = 10.0
"""By how much a learning rate may be above or below the default."""

DECAYS = (1e-5, 1.0)
"""Weight decays, per unit of learning rate: the lowest changes nothing, and the highest takes a hundredth of the
weights in ten steps at a learning rate of 1e-3."""

MOST_DROPOUT = 0.5

Ranges = dict[str, tuple[float, float, bool]]
"""{hyperparameter: (one end, the other, whether its scale is logarithmic)}."""


def ranges_for(training_spec: TrainingSpec, negatives_per_positive: float | None) -> Ranges:
    """Return the ranges of the hyperparameters that a model has.

    A model without dropout has no range of it, and a frozen encoder neither that nor one of weight decay.

    Args:
        training_spec: How the model is trained.
        negatives_per_positive: The weight of positive labels that balances the classes; None in regression, and where
            the weight is not tuned.
    """
    default = training_spec.hyperparameters
    rate = float(default.learning_rate)
    ranges: Ranges = {"learning_rate": (rate / RATE_FACTOR, rate * RATE_FACTOR, True)}
    if not training_spec.freeze:
        ranges["weight_decay"] = (*DECAYS, True)
        if training_spec.model.has_dropout:
            ranges["dropout"] = (0.0, MOST_DROPOUT, False)
    if negatives_per_positive is not None:
        ranges["positive_weight"] = (1.0, negatives_per_positive, True)
    return ranges


def negatives_per_positive(problem: TaskData, molecules: np.ndarray) -> float | None:
    """Return the number of negative labels per positive one among these molecules, over all tasks; None in regression.

    It is at most MOST_WEIGHT and at least the inverse.
    """
    if problem.table.task != "classification":
        return None
    labels = problem.table.labels[molecules]
    positive, negative = int((labels == 1).sum()), int((labels == 0).sum())
    return float(np.clip(negative / max(positive, 1), 1 / MOST_WEIGHT, MOST_WEIGHT))


def sample(default: Hyperparameters, ranges: Ranges, count: int) -> tuple[Hyperparameters, ...]:
    """Return `count` settings: the default, then points of a scrambled Sobol sequence, the same each time.

    Args:
        default: The first setting.
        ranges: Of the hyperparameters that differ; the others are those of the default.
        count: The number of settings, 2 or more.
    """
    from scipy.stats import qmc  # here, because it takes a second or two to import

    sequence = qmc.Sobol(len(ranges), seed=np.random.default_rng(0))
    points = sequence.random_base2((count - 1).bit_length())[: count - 1].tolist()
    return default, *(_setting(default, ranges, point) for point in points)


def _setting(default: Hyperparameters, ranges: Ranges, point: list[float]) -> Hyperparameters:
    """Return the setting at a point of the unit cube, with three digits, as people would write it."""
    found = {
        name: low * (high / low) ** share if logarithmic else low + (high - low) * share
        for share, (name, (low, high, logarithmic)) in zip(point, ranges.items(), strict=True)
    }
    return Hyperparameters(**vars(default) | {name: float(f"{value:.3g}") for name, value in found.items()})
