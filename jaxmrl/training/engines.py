"""The engines that train the replicas of one program, by the settings of a sweep."""

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
    engines = []
    for device in jax.local_devices()[: len(replicas)]:
        with jax.default_device(device):
            engines.append(engine_for(config, problem, shape, replicas, lanes))
    return engines
