"""What a sweep would take, before it is run: `--dry-run` or `--estimate`."""

import numpy as np

from jaxmrl.config import SweepConfig
from jaxmrl.data.loading import load_problems
from jaxmrl.data.task_data import TaskData
from jaxmrl.reports.expected import Expected, said
from jaxmrl.reports.terminal import Reporter
from jaxmrl.sweep.grid import plan_fits, plan_grid
from jaxmrl.sweep.previous import read_previous
from jaxmrl.sweep.queue import unique_replicas
from jaxmrl.sweep.subsets import check
from jaxmrl.sweep.tuning import most_trials, plan_studies
from jaxmrl.text import count
from jaxmrl.training import programs
from jaxmrl.training.capacity import choose_devices, choose_lanes, engine_bytes, makespan
from jaxmrl.training.cost import seconds_of, step_operations
from jaxmrl.training.devices import side_by_side
from jaxmrl.training.dynamic_pruning import recorded
from jaxmrl.training.encoder import Initializations, load_starts
from jaxmrl.training.engines import engine_for, engines_for
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.model_spec import ModelSpec, model_specs
from jaxmrl.training.numerics import own_numerics

TIMED_STEPS = 5

Queue = tuple[str, ModelSpec, list[Replica]]
"""The replicas of one program, and what it is called."""


@own_numerics()
def estimate(config: SweepConfig, *, timed: bool = False, quiet: bool = True) -> list[Expected]:
    """Return what each program of the sweep would take; nothing is written. Raise UserError as `run_sweep` does."""
    reporter = Reporter(quiet=quiet)
    previous = read_previous(config)
    problems = load_problems(config, reporter, previous.splits if previous else None, config.extra)
    given = {problem.split_label: check(config, problem, reporter) for problem in problems}
    for fit, cells in plan_fits(config, problems, given).items():
        reporter.say(f"{fit.name}: {count(len(unique_replicas(cells)), 'replica')}, fitted in worker processes")
    # It is not known which molecules a score would keep, but their number does not depend on it.
    orders = {
        (spec, problem.split_label): dict.fromkeys(
            config.scored_prunings, np.broadcast_to(problem.split.train, (config.seeds, len(problem.split.train)))
        )
        for spec in model_specs(config, problems[0])
        for problem in problems
    }
    starts = load_starts(config.init, model_specs(config, problems[0]))
    grid = plan_grid(config, problems, orders, starts, {})
    queues = [queue for spec, cells in grid.items() for queue in _queues(spec, unique_replicas(cells))]
    queues = _trials(config, problems, starts) + queues
    expected = [_expect(config, problems[0], name, spec, replicas, timed) for name, spec, replicas in queues]
    for one in expected:
        reporter.say(said(one))
    if config.patience:
        reporter.say("with --patience, replicas may stop early: these are the most steps and the longest time")
    if config.scored_prunings and not config.scores:
        reporter.say(
            f"before that, for each model: {config.seeds * config.score_seeds} scoring models, trained for "
            f"{config.score_epochs} epochs each"
        )
    return expected


def _queues(spec: ModelSpec, replicas: list[Replica]) -> list[Queue]:
    """Return name, model and replicas of each program: dynamic prunings that record scores have their own."""
    methods = sorted({recorded(one.pruning) or "" for one in replicas})
    of = lambda method: [one for one in replicas if (recorded(one.pruning) or "") == method]
    return [(f"{spec.name} {method}".strip(), spec, of(method)) for method in methods]


def _trials(config: SweepConfig, problems: list[TaskData], starts: Initializations) -> list[Queue]:
    """Return name, model and replicas of what `--tune` trains of each model: as many as it may be."""
    if config.tune is None:
        return []
    replicas: dict[ModelSpec, list[Replica]] = {}
    for study in plan_studies(config, problems, starts):
        replicas.setdefault(study.spec, []).extend(most_trials(study))
    return [(f"tuning {spec.name}", spec, its_replicas) for spec, its_replicas in replicas.items()]


def _expect(
    config: SweepConfig, problem: TaskData, name: str, spec: ModelSpec, replicas: list[Replica], timed: bool
) -> Expected:
    queue = spec, replicas, problem, config.batch_size_of(spec.model)
    lanes = choose_lanes(config.lanes, *queue)
    job = config, problem, spec, replicas, lanes
    engines = engines_for(*job) if timed else [engine_for(*job)]
    engine, devices, memory = engines[0], len(choose_devices(lanes, *queue)), engine_bytes(lanes, *queue)
    steps = sum(replica.steps for replica in engine.replicas)
    return Expected(
        name=name,
        parameters=spec.parameters,
        replicas=len(engine.replicas),
        steps=steps,
        lanes=len(engine.slots),
        devices=devices,
        operations=steps * step_operations(engine),
        memory=memory * (devices if engine.device.platform == "cpu" else 1),
        seconds=_seconds(engines) if timed else None,
    )


def _seconds(engines: list[Engine]) -> float:
    """Return the seconds of the whole queue, from the time of a few compiled steps and one evaluation on all
    devices.
    """
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
