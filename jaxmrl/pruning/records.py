"""What is recorded of every molecule while scoring models train: the hooks that the methods need, as one."""

from dataclasses import dataclass
from typing import Any

import jax

from jaxmrl.pruning.dynamics import Dynamics, dynamics_scores
from jaxmrl.pruning.forgetting import Forgetting, forgetting
from jaxmrl.training.replica import TrainingHook

OF_DYNAMICS = ("aum", "confidence", "variability")
"""The methods that `Dynamics` records."""


@dataclass(frozen=True)
class Records:
    """Several hooks as one `replica.TrainingHook`; its state is {name: state of the hook}."""

    hooks: tuple[tuple[str, TrainingHook], ...]

    def start(self) -> dict[str, Any]:
        return {name: hook.start() for name, hook in self.hooks}

    def update(
        self, state: dict[str, Any], ids: jax.Array, outputs: jax.Array, labels: jax.Array, present: jax.Array
    ) -> dict[str, Any]:
        return {name: hook.update(state[name], ids, outputs, labels, present) for name, hook in self.hooks}


def records_for(names: tuple[str, ...], molecules: int, tasks: int) -> Records | None:
    """Return the hook that methods need on a table of so many molecules and tasks; None if they need none."""
    hooks: list[tuple[str, TrainingHook]] = []
    if "forgetting" in names:
        hooks.append(("forgetting", Forgetting(molecules, tasks)))
    if set(names) & set(OF_DYNAMICS):
        hooks.append(("dynamics", Dynamics(molecules, tasks)))
    return Records(tuple(hooks)) if hooks else None


def recorded_scores(state: dict[str, Any], ids: jax.Array, present: jax.Array) -> dict[str, jax.Array]:
    """Return the scores from a state of `Records` of the molecules `ids` [B]; present [B, T]; {method: [B]}."""
    scores: dict[str, jax.Array] = {}
    if "forgetting" in state:
        scores["forgetting"] = forgetting(state["forgetting"], ids, present)
    if "dynamics" in state:
        scores |= dynamics_scores(state["dynamics"], ids, present)
    return scores
