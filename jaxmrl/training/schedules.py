"""How a model is optimized: Adam or AdamW, and the learning rate over a replica's own steps.

Schedules are of step / total, so that a small fraction goes through the same course as a large one: the published
code's fixed numbers of warm-up steps tie the learning rate to the data's size.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    clip_norm: the largest norm of a gradient over all parameters (Pascanu et al. 2013); None for no limit.
    """

    optimizer: optax.GradientTransformation
    factor: Callable[[jax.Array], jax.Array]
    clip_norm: float | None = None

    def update(self, gradients: Any, opt_state: Any, params: Any) -> tuple[Any, Any]:
        """Return the updates of one step, before they are multiplied by the learning rate, and the new state."""
        if self.clip_norm is not None:
            gradients, _ = optax.clip_by_global_norm(self.clip_norm).update(gradients, optax.EmptyState())
        return self.optimizer.update(gradients, opt_state, params)


OPTIMIZERS = {"adam": optax.scale_by_adam(), "adamw": optax.scale_by_adam(b1=0.9, b2=0.98, eps=1e-6)}
"""adam has the usual constants; adamw has those of the study for SMILES, with a weight decay of 0.01."""

SCHEDULES = {"constant": constant, "warm_up": warm_up, "cosine": cosine}


def decay_weights(updates: Any, params: Any, decay: float | jax.Array) -> Any:
    """Return `updates` with decoupled weight decay added, before they are multiplied by the learning rate."""
    if isinstance(decay, float) and decay == 0.0:
        return updates
    return jax.tree.map(lambda update, param: update + decay * param, updates, params)


def optimization_of(modality: Modality, clip_norm: float | None = None) -> Optimization:
    """Return how the models of a modality are optimized, with gradients of at most `clip_norm`."""
    return Optimization(OPTIMIZERS[modality.optimizer], SCHEDULES[modality.schedule], clip_norm)
