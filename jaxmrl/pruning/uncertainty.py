"""How unsure a model is of a molecule, from its logits: entropy and least confidence.

Source: Settles, Active Learning Literature Survey (2009), section 3.1. Each task is a class of its own, yes or no;
a molecule's score is the mean over the tasks it has a label for.
"""

import jax
import jax.numpy as jnp

from jaxmrl.training.losses import molecule_means


def entropy(logits: jax.Array, present: jax.Array) -> jax.Array:
    """Return the mean entropy of the predicted probabilities, in nats, [B]. logits [B, T], present [B, T]."""
    p = jax.nn.sigmoid(logits)
    return molecule_means(p * jax.nn.softplus(-logits) + (1 - p) * jax.nn.softplus(logits), present)


def least_confidence(logits: jax.Array, present: jax.Array) -> jax.Array:
    """Return the mean probability of the class that is not predicted, [B]: 0 is sure, 1/2 undecided."""
    return molecule_means(jax.nn.sigmoid(-jnp.abs(logits)), present)
