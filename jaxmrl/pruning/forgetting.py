"""Forgetting events, counted on the device while a model trains.

Source: Toneva et al., An Empirical Study of Example Forgetting during Deep Neural Network Learning (ICLR 2019). An
event is a label that was right when the molecule was last in a batch and is wrong now, by the outputs of the
training step itself. A label that was never right counts as forgotten most: once for each time it was seen.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxmrl.training.losses import molecule_means


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ForgettingState:
    """What is counted of each label, [N, T].

    events   how often it was forgotten so far
    right    whether it was right when it was last seen
    learned  whether it was ever right
    seen     how often it was seen
    """

    events: jax.Array
    right: jax.Array
    learned: jax.Array
    seen: jax.Array


@dataclass(frozen=True)
class Forgetting:
    """Count, as a `replica.TrainingHook`, how often each label is forgotten."""

    molecules: int
    tasks: int

    def start(self) -> ForgettingState:
        nothing = jnp.zeros((self.molecules, self.tasks), jnp.int16)
        return ForgettingState(nothing, nothing.astype(jnp.bool), nothing.astype(jnp.bool), nothing)

    def update(
        self, state: ForgettingState, ids: jax.Array, outputs: jax.Array, labels: jax.Array, present: jax.Array
    ) -> ForgettingState:
        right = (outputs > 0) == (labels > 0.5)
        one = jax.tree.map(lambda array: array[jnp.maximum(ids, 0)], state)
        new = ForgettingState(
            events=one.events + (one.right & ~right & present).astype(jnp.int16),
            right=jnp.where(present, right, one.right),
            learned=one.learned | (right & present),
            seen=one.seen + present.astype(jnp.int16),
        )
        beyond = jnp.where(ids >= 0, ids, self.molecules)
        return jax.tree.map(lambda array, rows: array.at[beyond].set(rows, mode="drop"), state, new)


def forgetting(state: ForgettingState, ids: jax.Array, present: jax.Array) -> jax.Array:
    """Return the mean number of forgetting events [B] over the labels present [B, T] of the molecules `ids` [B]."""
    events = jnp.where(state.learned, state.events, state.seen)[ids]
    return molecule_means(events, present)
