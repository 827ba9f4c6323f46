"""The engines that train the replicas of one program, by the settings of a sweep."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import jax

from jaxmrl.config import SweepConfig
from jaxmrl.data.task_data import TaskData
from jaxmrl.training.capacity import choose_devices
from jaxmrl.training.compiled import release_programs
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.numerics import own_numerics
from jaxmrl.training.replica import TrainingSpec, device_table


def training_spec_for(config: SweepConfig, problem: TaskData, spec: ModelSpec) -> TrainingSpec:
    """Return how a sweep trains and evaluates a model."""
    return TrainingSpec(
        spec,
        problem.table.task,
        problem.metric,
        config.rate(spec.model),
        freeze=config.freeze,
        weight_decay=config.weight_decay,
        clip_norm=config.clip_norm,
    )


def engine_for(config: SweepConfig, problem: TaskData, spec: ModelSpec, replicas: list[Replica], lanes: int) -> Engine:
    """Return an engine on the default device."""
    table, resources = device_table(problem, spec.modality), problem.features[spec.modality].resources()
    training_spec, units = training_spec_for(config, problem, spec), problem.label_units(spec.modality)
    batch_size = config.batch_size_of(spec.model)
    return Engine(training_spec, table, resources, replicas, lanes, batch_size, units)


def engines_for(
    config: SweepConfig, problem: TaskData, spec: ModelSpec, replicas: list[Replica], lanes: int
) -> list[Engine]:
    """Return an engine on each device of this machine that helps, with so many lanes."""
    devices = choose_devices(lanes, spec, replicas, problem, config.batch_size_of(spec.model))
    return on_each(devices, lambda: engine_for(config, problem, spec, replicas, lanes))


def on_each(devices: list[jax.Device], make: Callable[[], Engine]) -> list[Engine]:
    """Return an engine by `make` on each of these devices, made at the same time: each compiles its own programs."""

    @own_numerics()  # which a thread does not inherit
    def on(device: jax.Device) -> Engine:
        with jax.default_device(device):
            return make()

    release_programs()
    with ThreadPoolExecutor(len(devices)) as threads:
        return list(threads.map(on, devices))
