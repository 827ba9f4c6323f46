"""How a model is optimized: Adam or AdamW, and the learning rate over a replica's own steps.

Schedules are of step / total, so that a small fraction goes through the same course as a large one: the published
code's fixed numbers of warm-up steps tie the learning rate to the data's size.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax

from jaxmrl.modalities.base import Modality


def constant(progress: jax.Array) -> jax.Array:
    """Return 1, always."""
    return jnp.ones_like(progress)


def warm_up(progress: jax.Array) -> jax.Array:
    """Return a factor that rises linearly to 1 over the first tenth."""
    return jnp.minimum(progress / 0.1, 1.0)


def cosine(progress: jax.Array) -> jax.Array:
    """Return a factor that rises linearly to 1 over the first fortieth, as the study's 10,000 of 430,000 steps, then
    falls as half a cosine to 0.
    """
    warm = 1 / 40
    fall = 0.5 * (1.0 + jnp.cos(jnp.pi * jnp.maximum(progress - warm, 0.0) / (1 - warm)))
    return jnp.minimum(progress / warm, fall)


@dataclass(frozen=True)
class Optimization:
    """An optimizer whose updates are of learning rate 1, and the factor of that rate at a step.

    factor: of progress, (step + 1) / total, in (0, 1].
    """

    optimizer: optax.GradientTransformation
    factor: Callable[[jax.Array], jax.Array]


def adamw() -> optax.GradientTransformation:
    """Return the study's optimizer for SMILES: betas 0.9 and 0.98, epsilon 1e-6, decoupled weight decay 0.01."""
    return optax.chain(optax.scale_by_adam(b1=0.9, b2=0.98, eps=1e-6), optax.add_decayed_weights(0.01))


OPTIMIZERS = {"adam": optax.scale_by_adam(), "adamw": adamw()}
SCHEDULES = {"constant": constant, "warm_up": warm_up, "cosine": cosine}


def optimization_of(modality: Modality) -> Optimization:
    """Return how the models of a modality are optimized."""
    return Optimization(OPTIMIZERS[modality.optimizer], SCHEDULES[modality.schedule])
