"""The sweep: from molecules to learning curves and their laws. `python -m jaxmrl.sweep`, or `sweep(SweepConfig(...))`.

Data flows one way: table -> features -> split -> replicas -> lanes -> results -> curves -> laws -> figure.
"""

import json
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxmrl.config import SweepConfig, default_directory, to_toml
from jaxmrl.data import splits
from jaxmrl.data.problem import Problem, load_problem
from jaxmrl.data.store import GraphStore
from jaxmrl.data.table import rejected_text
from jaxmrl.models.build import ModelShape
from jaxmrl.report import files, plots
from jaxmrl.report.files import Curve, RunDirectory, number
from jaxmrl.report.terminal import Progress, Reporter, duration, law_lines, sweep_table
from jaxmrl.scaling.fit import Fit, fit_law
from jaxmrl.scaling.laws import LAWS
from jaxmrl.text import count
from jaxmrl.training import checkpoint
from jaxmrl.training.batches import batches_per_epoch
from jaxmrl.training.capacity import choose_lanes, device_name
from jaxmrl.training.interrupts import Stop, catch_signals
from jaxmrl.training.lanes import Engine, Outcome, Replica
from jaxmrl.training.metrics import METRICS
from jaxmrl.training.replica import DeviceTable, Recipe

CHECKPOINT_SECONDS = 30.0


@dataclass(frozen=True)
class Cell:
    """One place of the grid: the replica to train, and what results.csv says of it beforehand."""

    replica: Replica
    row: dict[str, str]


@dataclass(frozen=True)
class SweepResult:
    """What a sweep found; `directory` holds it as files.

    rows are those of results.csv; fits are, for each of `curves`, the laws that could be fitted.
    """

    directory: Path
    rows: list[dict[str, str]]
    curves: list[Curve]
    fits: list[list[Fit]]


def sweep(config: SweepConfig, *, quiet: bool = True) -> SweepResult:
    """Trains every replica of the grid, fits the laws and writes the run directory; resumes what is there.

    Raises UserError for input or settings that cannot be used, and StopRequestedError when stopped by a signal, with
    the state saved.
    """
    reporter = Reporter(quiet=quiet)
    problem = load_problem(config, reporter)
    run = RunDirectory(config.out or default_directory(config), problem.table.tasks)
    grid = plan_grid(config, problem)
    facts = run.claim(to_toml(config), run_facts(config, problem, grid))
    write_inputs(run, config, problem)
    run.write_table("results.csv", run.columns, run.read_results())
    _announce(reporter, grid, facts["lanes"])

    started = time.monotonic()
    total = sum(cell.replica.steps for queue in grid.values() for cell in queue)
    with catch_signals() as stop, reporter.progress("training", total, "steps") as progress:
        for shape, queue in grid.items():
            train_queue(config, problem, shape, queue, facts["lanes"][shape.name], run, reporter, progress, stop)
    reporter.say(f"training took {duration(time.monotonic() - started)}")
    return write_report(config, problem, grid, run, reporter)


def plan_grid(config: SweepConfig, problem: Problem) -> dict[ModelShape, list[Cell]]:
    """Every replica of the sweep, by the program that trains it."""
    tasks = len(problem.table.tasks)
    shapes = [
        ModelShape(width=width, depth=depth, dropout=config.dropout, tasks=tasks, precision=config.precision)
        for width, depth in product(config.width, config.depth)
    ]
    orders = [splits.subset_order(problem.split.train, seed) for seed in range(config.seeds)]
    runs = list(product(sorted(config.fractions), enumerate(orders)))
    return {
        shape: [plan_cell(config, problem, shape, fraction, seed, order) for fraction, (seed, order) in runs]
        for shape in shapes
    }


def plan_cell(config: SweepConfig, problem: Problem, shape: ModelShape, fraction, seed, order) -> Cell:
    """The replica that trains on the first `fraction` of `order` [n_train], the seed's shuffled training molecules."""
    train = order[: splits.subset_size(fraction, len(order))]
    epoch = batches_per_epoch(len(train), config.batch_size)
    mean, scale = problem.label_standard(train)
    replica = Replica(
        name=f"{config.name} {shape.name} {config.precision} random {fraction:g} {seed}",
        seed=seed,
        train=train,
        valid=problem.split.valid,
        test=problem.split.test,
        steps=config.steps or config.training_epochs * epoch,
        label_mean=mean,
        label_scale=scale,
    )
    row = {
        "dataset": config.name,
        "modality": shape.modality,
        "model": shape.model,
        "split": "random",
        "pruning": "none",
        "init": "none",
        "width": str(shape.width),
        "depth": str(shape.depth),
        "params": str(shape.parameters),
        "precision": config.precision,
        "fraction": f"{fraction:g}",
        "n_train": str(len(train)),
        "seed": str(seed),
        "metric": problem.metric,
    }
    return Cell(replica, row)


def run_facts(config: SweepConfig, problem: Problem, grid: dict[ModelShape, list[Cell]]) -> dict:
    """What run.json keeps beside the settings. A run goes on only where its data, software and device are the same."""
    resources = problem.resources()
    lanes = {
        shape.name: choose_lanes(config.lanes, shape, [cell.replica for cell in queue], resources, config.batch_size)
        for shape, queue in grid.items()
    }
    return {
        "software": files.software_versions(),
        "device": device_name(),
        "lanes": lanes,
        "data": problem.fingerprint(),
        "molecules": {part: len(ids) for part, ids in problem.split.parts().items()},
        "rejected": len(problem.table.rejected),
        "shared_between_parts": problem.shared,
        "left_out_of_mean": problem.unjudged,
    }


def write_inputs(run: RunDirectory, config: SweepConfig, problem: Problem) -> None:
    """splits.npz, with molecule ids (rows of the source file), and rejected.csv.

    train_order_S is seed S's shuffle of the training molecules: each fraction's subset is a prefix of it.
    """
    ids = problem.table.ids
    arrays = {part: ids[positions] for part, positions in problem.split.parts().items()}
    for seed in range(config.seeds):
        arrays[f"train_order_{seed}"] = ids[splits.subset_order(problem.split.train, seed)]
    run.write_arrays("splits.npz", arrays)
    run.write("rejected.csv", rejected_text(problem.table.rejected))


def train_queue(
    config: SweepConfig,
    problem: Problem,
    shape: ModelShape,
    queue: list[Cell],
    lanes: int,
    run: RunDirectory,
    reporter: Reporter,
    progress: Progress,
    stop: Stop,
) -> None:
    """Trains the replicas of one program that have no row in results.csv yet, adding rows as they end."""
    rows = {cell.replica.name: cell.row for cell in queue}
    finished = {files.row_key(row) for row in run.read_results()}
    done = {name for name, row in rows.items() if files.row_key(row) in finished}
    replicas = [cell.replica for cell in queue]
    progress.skip(sum(replica.steps for replica in replicas if replica.name in done))
    folder = run.checkpoints / shape.name
    if len(done) == len(replicas):
        checkpoint.remove(folder)
        return

    recipe = Recipe(shape, problem.table.task, problem.metric, config.learning_rate)
    table = DeviceTable(GraphStore.put(problem.graphs), jnp.asarray(problem.table.labels))
    engine = Engine(recipe, table, replicas, lanes, config.batch_size, config.evaluate_every)
    if warning := checkpoint.restore(folder, engine):
        reporter.say(warning)
    progress.skip(sum(slot.step for slot in engine.slots if slot and replicas[slot.replica].name not in done))
    saver = checkpoint.Saver(folder, CHECKPOINT_SECONDS)

    def at_rest(engine: Engine) -> None:
        saver.save_if(engine, due_now=stop.requested)
        stop.check()

    def on_result(outcome: Outcome) -> None:
        run.append_result(rows[outcome.name] | outcome_cells(outcome, problem.table.tasks))

    engine.run(done, on_result, progress.advance, at_rest)
    checkpoint.remove(folder)


def outcome_cells(outcome: Outcome, tasks: tuple[str, ...]) -> dict[str, str]:
    """What results.csv says of a replica that has ended."""
    cells = {
        "status": outcome.status,
        "valid": number(outcome.valid),
        "test": number(outcome.test),
        "best_epoch": str(outcome.best_epoch),
        "epochs": str(outcome.epochs),
        "steps": str(outcome.steps),
    }
    return cells | {f"test_{task}": number(value) for task, value in zip(tasks, outcome.test_tasks, strict=True)}


def write_report(config, problem: Problem, grid, run: RunDirectory, reporter: Reporter) -> SweepResult:
    """Sorts results.csv by the grid, and writes curves.csv, fits.json and the figure."""
    order = [files.row_key(cell.row) for queue in grid.values() for cell in queue]
    rows = sorted(run.read_results(), key=lambda row: order.index(files.row_key(row)))
    run.write_table("results.csv", run.columns, rows)
    curves = files.curves_of(rows)
    points = [row for curve in curves for row in files.curve_rows(curve)]
    run.write_table("curves.csv", files.CURVE_FILE_COLUMNS, points)
    metric = METRICS[problem.metric]
    fits = [fit_curve(curve, metric.higher_is_better) for curve in curves]
    run.write("fits.json", json.dumps(files.fits_content(curves, fits, config.length), indent=2) + "\n")
    title = f"{config.name}, random split, {config.length}"
    figure = plots.draw_curves(curves, fits, metric_label=metric.label, unit=problem.unit, title=title)
    for kind in ("png", "svg"):
        run.write(f"curve.{kind}", plots.render(figure, kind))
    diverged = sum(row["status"] == "diverged" for row in rows)
    if diverged:
        reporter.say(f"{diverged} of {len(rows)} replicas diverged and are left out of the curves: see results.csv")
    reporter.console.print(sweep_table(curves, metric.label))
    for line in law_lines(curves, fits, metric):
        reporter.say(line)
    reporter.say(f"everything is in {run.path}")
    return SweepResult(run.path, rows, curves, fits)


def fit_curve(curve: Curve, higher_is_better: bool) -> list[Fit]:
    """The laws that can be fitted to a curve."""
    n = np.array([point.n_train for point in curve.points])
    mean = np.array([point.mean for point in curve.points])
    fits = [fit_law(law, n, mean, higher_is_better=higher_is_better) for law in LAWS]
    return [fit for fit in fits if fit]


def _announce(reporter: Reporter, grid: dict[ModelShape, list[Cell]], lanes: dict[str, int]) -> None:
    for shape, queue in grid.items():
        steps = sum(cell.replica.steps for cell in queue)
        reporter.say(
            f"{shape.name}: {shape.parameters:,} parameters, {count(len(queue), 'replica')}, {steps:,} steps "
            f"in {count(lanes[shape.name], 'lane')}"
        )


if __name__ == "__main__":
    from jaxmrl.commands import sweep_command

    sweep_command()
