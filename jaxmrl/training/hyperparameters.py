"""The hyperparameters that may differ between the lanes of one compiled program."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

Scalar = float | jax.Array


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
