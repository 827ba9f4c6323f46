"""Training dynamics, summed on the device while a model trains: area under the margin, and data maps.

Sources: Pleiss et al., Identifying Mislabeled Data using the Area Under the Margin Ranking (NeurIPS 2020);
Swayamdipta et al., Dataset Cartography (EMNLP 2020). Both are means over epochs of what the training step itself
predicts of a molecule, dropout included. With two classes, the margin is the log odds of the observed one.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from jaxmrl.training.losses import molecule_means


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class DynamicsState:
    """Sums over the times that each label was seen, [N, T].

    margins        of the margins
    probabilities  of the probabilities of the observed class
    squares        of their squares
    seen           how often it was seen
    """

    margins: jax.Array
    probabilities: jax.Array
    squares: jax.Array
    seen: jax.Array


@dataclass(frozen=True)
class Dynamics:
    """Sum, as a `replica.TrainingHook`, the margin and the probability of each observed label."""

    molecules: int
    tasks: int

    def start(self) -> DynamicsState:
        nothing = jnp.zeros((self.molecules, self.tasks), jnp.float32)
        return DynamicsState(nothing, nothing, nothing, nothing)

    def update(
        self, state: DynamicsState, ids: jax.Array, outputs: jax.Array, labels: jax.Array, present: jax.Array
    ) -> DynamicsState:
        margin = jnp.where(labels > 0.5, outputs, -outputs).astype(jnp.float32)
        probability = jax.nn.sigmoid(margin)
        new = DynamicsState(margin, probability, probability**2, jnp.ones_like(margin))
        beyond = jnp.where(ids >= 0, ids, self.molecules)

        def add(total: jax.Array, one: jax.Array) -> jax.Array:
            before = total[jnp.maximum(ids, 0)]
            return total.at[beyond].set(before + jnp.where(present, one, 0.0), mode="drop")

        return jax.tree.map(add, state, new)


def dynamics_scores(state: DynamicsState, ids: jax.Array, present: jax.Array) -> dict[str, jax.Array]:
    """Return the scores of the molecules `ids` [B], means over their labels present [B, T], {method: [B]}.

    aum is minus the mean margin and confidence one minus the mean probability of the observed class, so that the
    molecules with the largest scores are the hardest; variability is the standard deviation of that probability.
    """
    of = jax.tree.map(lambda sums: sums[ids], state)
    seen = jnp.maximum(of.seen, 1.0)
    mean = of.probabilities / seen
    spread = jnp.sqrt(jnp.maximum(of.squares / seen - mean**2, 0.0))
    values = {"aum": -of.margins / seen, "confidence": 1.0 - mean, "variability": spread}
    return {name: molecule_means(value, present) for name, value in values.items()}
