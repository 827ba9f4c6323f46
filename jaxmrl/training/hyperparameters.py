"""The hyperparameters that may differ between the lanes of one compiled program."""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import qmc

Scalar = float | jax.Array

_RATE_FACTOR = 10.0
_DECAYS = 1e-6, 1e-1
_MOST_DROPOUT = 0.5


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Hyperparameters:
    """The hyperparameters of one replica: numbers on the host, scalars on the device, arrays [L] in lanes.

    Attributes:
        learning_rate: The learning rate, before its schedule.
        weight_decay: The decoupled weight decay (Loshchilov & Hutter 2019), per unit of learning rate.
        dropout: The dropout rate, rounded to a multiple of 1 / 256.
        positive_weight: The weight of the loss of positive labels; that of negative ones is 1. Classification only.
    """

    learning_rate: Scalar
    weight_decay: Scalar = 0.0
    dropout: Scalar = 0.0
    positive_weight: Scalar = 1.0

    def on_device(self) -> "Hyperparameters":
        """Return the same as float32 scalars."""
        return jax.tree.map(jnp.float32, self)

    def values(self) -> dict[str, float]:
        """Return {name: number}."""
        return {name: float(value) for name, value in vars(self).items()}


def sample(default: Hyperparameters, count: int, *, positive_share: float | None) -> list[Hyperparameters]:
    """Return `count` settings to try: the default, then points of a scrambled Sobol sequence, the same each time.

    Learning rates are within a factor of 10 of the default, and weight decays between 1e-6 and 0.1, both on a
    logarithmic scale. Dropout is between 0 and 0.5. The weight of positive labels is between 1, or the default, and the
    number of negative labels per positive one, on a logarithmic scale.

    Args:
        default: The setting that is tried first.
        count: The number of settings, 1 or more.
        positive_share: The share of positive labels in the training set; None for regression.
    """
    axes = len(vars(default))
    points = qmc.Sobol(axes, seed=np.random.default_rng(0)).random_base2(max(count - 1, 1).bit_length())
    return [default, *(_setting(default, point, positive_share) for point in points[: count - 1])]


def _setting(default: Hyperparameters, point: np.ndarray, positive_share: float | None) -> Hyperparameters:
    """Return the setting at a point of the unit cube [4]."""
    rate, decay, dropout, positive = point.tolist()
    most = 1.0 if positive_share is None else max(1.0, (1 - positive_share) / max(positive_share, 1e-6))
    return replace(
        default,
        learning_rate=_round(float(default.learning_rate) * _between(1 / _RATE_FACTOR, _RATE_FACTOR, rate)),
        weight_decay=_round(_between(*_DECAYS, decay)),
        dropout=_round(dropout * _MOST_DROPOUT),
        positive_weight=_round(_between(1.0, most, positive)),
    )


def _between(low: float, high: float, share: float) -> float:
    """Return the number at a share of the way from low to high, on a logarithmic scale."""
    return low * (high / low) ** share


def _round(value: float) -> float:
    """Return the number with three digits, as people would write it."""
    return float(f"{value:.3g}")
