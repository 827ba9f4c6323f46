"""The engines that train the replicas of one program, by the settings of a sweep."""

from collections.abc import Callable

import jax

from jaxmrl.config import SweepConfig
from jaxmrl.data.problem import Problem
from jaxmrl.models.build import ModelShape
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.replica import Recipe, device_table


def recipe_for(config: SweepConfig, problem: Problem, shape: ModelShape) -> Recipe:
    """How a sweep trains and judges a model."""
    rate = config.rate(shape.model)
    return Recipe(shape, problem.table.task, problem.metric, rate, freeze=config.freeze)


def engine_for(config: SweepConfig, problem: Problem, shape: ModelShape, replicas: list[Replica], lanes: int) -> Engine:
    """One on the default device."""
    table, resources = device_table(problem, shape.modality), problem.features[shape.modality].resources()
    settings = config.batch_size, config.evaluate_every
    return Engine(recipe_for(config, problem, shape), table, resources, replicas, lanes, *settings)


def engines_for(
    config: SweepConfig, problem: Problem, shape: ModelShape, replicas: list[Replica], lanes: int
) -> list[Engine]:
    """One on each device of this machine, with so many lanes."""
    return on_each_device(lambda: engine_for(config, problem, shape, replicas, lanes), len(replicas))


def on_each_device(make: Callable[[], Engine], most: int) -> list[Engine]:
    """An engine by `make` on each device of this machine, `most` at most."""
    engines = []
    for device in jax.local_devices()[:most]:
        with jax.default_device(device):
            engines.append(make())
    return engines
