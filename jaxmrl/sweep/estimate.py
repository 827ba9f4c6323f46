"""What a sweep would take, before it is run: `--dry-run` or `--estimate`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np

from jaxmrl.config import SweepConfig
from jaxmrl.data.loading import load_problems
from jaxmrl.reports.terminal import Reporter, duration
from jaxmrl.sweep.grid import plan_grid
from jaxmrl.sweep.queue import lanes_text, unique_replicas
from jaxmrl.sweep.subsets import check, scored_prunings
from jaxmrl.text import count
from jaxmrl.training import programs
from jaxmrl.training.capacity import choose_devices, choose_lanes, engine_bytes, makespan
from jaxmrl.training.devices import side_by_side
from jaxmrl.training.encoder import load_starts
from jaxmrl.training.engines import engine_for, engines_for
from jaxmrl.training.lanes import Engine, replica_keys
from jaxmrl.training.model_spec import model_specs
from jaxmrl.training.numerics import own_numerics
from jaxmrl.training.replica import init_replica, train_step

TIMED_STEPS = 5


@dataclass(frozen=True)
class Expected:
    """What one program would take.

    replicas     of a sweep; None for a pre-training
    steps        optimiser steps of all its replicas
    lanes        on each device
    devices      on which it would be trained
    operations   floating-point operations of these steps, without evaluations
    memory       bytes on each device, an upper estimate: table and lanes; of a CPU, on all devices, which share it
    seconds      by timing a few steps and an evaluation here; None where that was not asked for
    """

    name: str
    parameters: int
    replicas: int | None
    steps: int
    lanes: int
    devices: int
    operations: float
    memory: int
    seconds: float | None


@own_numerics()
def estimate(config: SweepConfig, *, timed: bool = False, quiet: bool = True) -> list[Expected]:
    """What each program of the sweep would take; nothing is written. Raises UserError as `run_sweep` does."""
    reporter = Reporter(quiet=quiet)
    problems = load_problems(config, reporter)
    for problem in problems:
        check(config, problem, reporter)
    # Which molecules a score would keep is not known, and how many does not depend on it.
    orders = {
        (shape, problem.split_name): dict.fromkeys(
            scored_prunings(config), np.broadcast_to(problem.split.train, (config.seeds, len(problem.split.train)))
        )
        for shape in model_specs(config, problems[0])
        for problem in problems
    }
    starts = load_starts(config.init, model_specs(config, problems[0]))
    expected = []
    for shape, cells in plan_grid(config, problems, orders, starts).items():
        replicas = unique_replicas(cells)
        queue = shape, replicas, problems[0], config.batch_size
        lanes = choose_lanes(config.lanes, *queue)
        given = config, problems[0], shape, replicas, lanes
        engines = engines_for(*given) if timed else [engine_for(*given)]
        devices, memory = len(choose_devices(lanes, *queue)), engine_bytes(lanes, *queue)
        expected.append(_expect(engines, devices, memory, timed))
    for one in expected:
        reporter.say(said(one))
    if scored_prunings(config) and not config.scores:
        reporter.say(
            f"and before that, for each model, {config.seeds * config.score_seeds} more of {config.score_epochs} "
            "epochs to score"
        )
    return expected


def _expect(engines: list[Engine], devices: int, memory: int, timed: bool) -> Expected:
    engine = engines[0]
    shape, steps = engine.recipe.shape, sum(replica.steps for replica in engine.replicas)
    return Expected(
        name=shape.name,
        parameters=shape.parameters,
        replicas=len(engine.replicas),
        steps=steps,
        lanes=len(engine.slots),
        devices=devices,
        operations=steps * step_operations(engine),
        memory=memory * (devices if engine.device.platform == "cpu" else 1),
        seconds=_seconds(engines) if timed else None,
    )


def step_operations(engine: Engine) -> float:
    """Floating-point operations of one step of one replica, as XLA counts them, padding included."""
    replica = engine.replicas[0]
    init = lambda: init_replica(engine.recipe, *replica_keys(replica), replica.standard, replica.steps)
    return operations_of(partial(train_step, engine.recipe), engine.table, jax.eval_shape(init), engine.batch_size)


def operations_of(step, table, state, batch_size: int) -> float:
    """Floating-point operations of a step, as XLA counts them."""
    ids = jax.ShapeDtypeStruct((batch_size,), np.int32)
    return float(jax.jit(step).lower(table, state, ids).cost_analysis()["flops"])


def _seconds(engines: list[Engine]) -> float:
    """Of the whole queue, by the time of a few steps and of one evaluation on all devices, compiled before."""
    lanes = list(range(len(engines[0].slots)))

    def evaluate(engine: Engine) -> None:
        np.asarray(engine.evaluate(programs.weights_now(engine.lanes), "valid", lanes))

    def begin(engine: Engine) -> None:
        engine.refill(iter(lanes))
        engine.train_chunk(1)
        evaluate(engine)

    side_by_side(engines, begin)
    one_step = seconds_of(lambda: side_by_side(engines, lambda engine: engine.train_chunk(TIMED_STEPS))) / TIMED_STEPS
    one_evaluation = seconds_of(lambda: side_by_side(engines, evaluate))
    in_all = len(lanes) * len(engines)
    steps = makespan([replica.steps for replica in engines[0].replicas], in_all)
    return steps * one_step + engines[0].evaluations() / in_all * one_evaluation


def seconds_of(function: Callable[[], object]) -> float:
    """The time that a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def said(one: Expected) -> str:
    """In words."""
    replicas = "" if one.replicas is None else f"{count(one.replicas, 'replica')}, "
    on = "" if jax.default_backend() == "cpu" else " on a device"
    time_here = "" if one.seconds is None else f", about {duration(one.seconds)} here"
    return (
        f"{one.name}: {one.parameters:,} parameters, {replicas}{one.steps:,} steps "
        f"in {lanes_text(one.lanes, one.devices)}, {one.operations:.2g} floating-point operations to train, "
        f"{one.memory / 2**20:,.0f} MiB{on}{time_here}"
    )
