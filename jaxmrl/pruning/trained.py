"""Scoring models that have been trained, as flat arrays for a file."""

import jax
import numpy as np

from jaxmrl.errors import DivergedError
from jaxmrl.io import storage
from jaxmrl.progress import ProgressReporter
from jaxmrl.training import programs
from jaxmrl.training.lanes import Engine
from jaxmrl.training.outcome import Outcome


def lane_arrays(engine: Engine, outcome: Outcome) -> dict[str, np.ndarray]:
    """Return the weights and hook state of a replica that has just ended, as flat arrays, and its status."""
    return arrays_in(engine, engine.lane_of(outcome.name)) | {"status": np.array(outcome.status)}


def arrays_in(engine: Engine, lane: int) -> dict[str, np.ndarray]:
    """Return the weights and hook state of the replica in a lane, as flat arrays."""
    model = {"weights": programs.weights_now(engine.lanes), "hook_state": engine.lanes.state.hook_state}
    arrays = storage.flatten(jax.tree.map(lambda x: x[lane], model))
    return {name: np.asarray(leaf) for name, leaf in arrays.items()}


def without_diverged(models: dict[int, dict], reporter: ProgressReporter) -> dict[int, dict]:
    """Return the models that finished, and report how many did not. Raise DivergedError if none did."""
    finished = {seed: model for seed, model in models.items() if str(model["status"]) == "finished"}
    if not finished:
        raise DivergedError(
            f"all {len(models)} scoring models diverged; give a lower --learning-rate, and another --out"
        )
    if len(finished) < len(models):
        reporter.say(f"{len(models) - len(finished)} of {len(models)} scoring models diverged and are left out")
    return finished
