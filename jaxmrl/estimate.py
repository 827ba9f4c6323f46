"""What a sweep would take, before it is run: `python -m jaxmrl.sweep ... --dry-run` or `--estimate`."""

import time
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np

from jaxmrl.config import SweepConfig
from jaxmrl.data.problem import load_problems
from jaxmrl.models.build import ModelShape, model_shapes
from jaxmrl.report.terminal import Reporter, duration
from jaxmrl.sweep import check, engine_for, plan_grid, scored_prunings, unique_replicas
from jaxmrl.text import count
from jaxmrl.training import programs
from jaxmrl.training.capacity import choose_lanes, lane_bytes
from jaxmrl.training.lanes import Engine, replica_keys
from jaxmrl.training.pretrained import load_starts
from jaxmrl.training.replica import init_replica, train_step

TIMED_STEPS = 5


@dataclass(frozen=True)
class Expected:
    """What one program of a sweep would take.

    steps        optimiser steps of all its replicas
    operations   floating-point operations of these steps, without evaluations
    memory       bytes on the device, an upper estimate: table and lanes
    seconds      by timing a few steps and an evaluation here; None where that was not asked for
    """

    shape: ModelShape
    replicas: int
    steps: int
    lanes: int
    operations: float
    memory: int
    seconds: float | None


def estimate(config: SweepConfig, *, timed: bool = False, quiet: bool = True) -> list[Expected]:
    """What each program of the sweep would take; nothing is written. Raises UserError as `sweep` does."""
    reporter = Reporter(quiet=quiet)
    problems = load_problems(config, reporter)
    for problem in problems:
        check(config, problem)
    # Which molecules a score would keep is not known, and how many does not depend on it.
    orders = {
        (shape, problem.split_name): dict.fromkeys(scored_prunings(config), problem.split.train)
        for shape in model_shapes(config, problems[0])
        for problem in problems
    }
    starts = load_starts(config.init, model_shapes(config, problems[0]))
    expected = []
    for shape, cells in plan_grid(config, problems, orders, starts).items():
        replicas = unique_replicas(cells)
        features = problems[0].features[shape.modality]
        lanes = choose_lanes(config.lanes, shape, replicas, features, config.batch_size)
        engine = engine_for(config, problems[0], shape, replicas, lanes)
        expected.append(_expect(engine, features, timed))
    for one in expected:
        reporter.say(said(one))
    if scored_prunings(config) and not config.scores:
        reporter.say(
            f"and before that, for each model, {config.score_seeds} more of {config.score_epochs} epochs to score"
        )
    return expected


def _expect(engine: Engine, features, timed: bool) -> Expected:
    shape, lanes = engine.recipe.shape, len(engine.slots)
    steps = sum(replica.steps for replica in engine.replicas)
    rows = features.rows(engine.limits, engine.batch_size)
    table = sum(leaf.nbytes for leaf in jax.tree.leaves(engine.table))
    return Expected(
        shape=shape,
        replicas=len(engine.replicas),
        steps=steps,
        lanes=lanes,
        operations=steps * step_operations(engine),
        memory=table + lanes * lane_bytes(shape, rows),
        seconds=_seconds(engine) if timed else None,
    )


def step_operations(engine: Engine) -> float:
    """Floating-point operations of one step of one replica, as XLA counts them, padding included."""
    replica = engine.replicas[0]
    init = lambda: init_replica(engine.recipe, *replica_keys(replica), replica.standard, replica.steps)
    ids = jax.ShapeDtypeStruct((engine.batch_size,), np.int32)
    step = jax.jit(partial(train_step, engine.recipe))
    return float(step.lower(engine.table, jax.eval_shape(init), ids).cost_analysis()["flops"])


def _seconds(engine: Engine) -> float:
    """Of the whole queue, by the time of a few steps and of one evaluation, compilation left out."""
    lanes = list(range(len(engine.slots)))
    engine.refill(iter(lanes))
    engine.train_chunk(1)
    one_step = _time(lambda: engine.train_chunk(TIMED_STEPS)) / TIMED_STEPS
    evaluate = lambda: np.asarray(engine.evaluate(programs.weights_now(engine.lanes), "valid", lanes))
    evaluate()
    one_evaluation = _time(evaluate) / len(lanes)
    steps = sum(replica.steps for replica in engine.replicas)
    return steps / len(lanes) * one_step + engine.evaluations() * one_evaluation


def _time(function) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def said(one: Expected) -> str:
    """In words."""
    time_here = "" if one.seconds is None else f", about {duration(one.seconds)} here"
    return (
        f"{one.shape.name}: {one.shape.parameters:,} parameters, {count(one.replicas, 'replica')}, {one.steps:,} steps "
        f"in {count(one.lanes, 'lane')}, {one.operations:.2g} floating-point operations to train, "
        f"{one.memory / 2**20:,.0f} MiB{time_here}"
    )
