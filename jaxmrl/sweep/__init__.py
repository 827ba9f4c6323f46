"""The sweep, from molecules to learning curves and laws: `python -m jaxmrl.sweep`, or `run_sweep(SweepConfig(...))`.

Data flows one way: table -> features -> split -> (scores ->) replicas -> lanes -> results -> curves -> laws -> figure.
"""

import time
from itertools import product

import numpy as np

from jaxmrl.config import SweepConfig, default_directory, to_toml
from jaxmrl.reports.summary import Orders, summarize
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs.artifacts import drop_incomplete_rows, drop_other_models, sort_results
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.runs.live import own_progress
from jaxmrl.runs.metadata import run_metadata
from jaxmrl.sweep.cluster import connect
from jaxmrl.sweep.extend import as_begun, extended
from jaxmrl.sweep.fits import fit_grid
from jaxmrl.sweep.grid import Grid, plan_grid
from jaxmrl.sweep.inputs import SweepInputs, read_inputs, write_inputs
from jaxmrl.sweep.queue import (
    GridPoint,
    SweepContext,
    check_rows,
    lanes_of_run,
    record_settings,
    share_rows,
    train_queue,
    unique_replicas,
    where_text,
)
from jaxmrl.sweep.result import LearningCurve, SweepResult
from jaxmrl.sweep.subsets import kept_first
from jaxmrl.sweep.tuning import tune
from jaxmrl.text import count, duration
from jaxmrl.trackers.base import Tracker
from jaxmrl.trackers.opening import check_tracker, open_tracker
from jaxmrl.training.capacity import device_name
from jaxmrl.training.interrupts import catch_signals, resumable
from jaxmrl.training.model_spec import model_specs
from jaxmrl.training.numerics import own_numerics


@own_numerics()
def run_sweep(
    config: SweepConfig,
    *,
    cluster: str | None = None,
    extend: bool = False,
    tracker: str | Tracker | None = None,
    quiet: bool = True,
    max_seconds: float | None = None,
) -> SweepResult:
    """Train learning curves of molecular models, fit their scaling laws, and write a report to a run directory.

    The same call on the directory of a run that was interrupted resumes it, and on that of a finished run it trains
    nothing.

    Args:
        config: The settings: data, grid, models and training.
        cluster: The address of a Ray cluster whose machines train the replicas, or `local`. None trains them in this
            process alone.
        extend: Whether to add to the grid of the run that is already in the directory. Its results stay, and only what
            is missing is trained. Every value in `config` counts as asked for; `sweep.extend.saved_settings` returns
            those of the run.
        tracker: Where trainings are recorded as well: `tensorboard`, `wandb` or `mlflow`, or an object of your own with
            the methods of `jaxmrl.Tracker`. None records them in history.csv alone.
        quiet: Whether to print nothing.
        max_seconds: Stop after this many seconds as a signal would, with the state saved. None sets no limit.

    Returns:
        The rows of results.csv, and the curves with their laws.

    Raises:
        UserError: For input or settings that cannot be used.
        StopRequestedError: When a signal, as from the stop button of a notebook, or `max_seconds` stopped it. The state
            is saved; the same call resumes it.
    """
    started, reporter = time.monotonic(), Reporter(quiet=quiet)
    check_tracker(tracker)
    config = config if extend else config.resolved()
    out = config.out or default_directory(config)
    config = as_begun(config, out)
    config = extended(config) if extend else config
    inputs = read_inputs(config, out, reporter)
    run = RunDirectory(out, inputs.problems[0].table.tasks)
    with run.lock(), connect(cluster) as machines:
        device = machines.device if machines else device_name()
        metadata = run_metadata(config, inputs.problems, inputs.starts, device)
        metadata |= inputs.changes.record.entry if inputs.changes else {}
        run.create_or_resume(to_toml(config), metadata, extend)
        record_settings(run, config)
        if incomplete := drop_incomplete_rows(run, config):
            reporter.say(
                f"{count(incomplete, 'result')} without an intact model or predictions: "
                f"{'its replica is' if incomplete == 1 else 'their replicas are'} trained again"
            )
        reporter.folder = run.path
        with (
            own_progress(run.path),
            open_tracker(tracker, run.path, reporter.say) as tracking,
            resumable(f"Call run_sweep with the same settings to resume the run in {run.path}"),
            catch_signals(max_seconds, started) as stop,
        ):
            job = SweepContext(config, inputs.problems, inputs.starts, run, reporter, stop, machines, tracking)
            cells, orders = train_missing(job, inputs)
        return write_report(job, cells, orders, inputs.given)


def train_missing(job: SweepContext, inputs: SweepInputs) -> tuple[list[GridPoint], Orders]:
    """Plan the grid and train what results.csv lacks; return the grid, and the order in which each pruning keeps."""
    orders = {
        (spec, problem.split_label): inputs.given[problem.split_label] or kept_first(job, spec, problem)
        for spec, problem in product(model_specs(job.config, job.problem), job.problems)
    }
    grid = plan_grid(job.config, job.problems, orders, inputs.starts, tune(job))
    cells = [cell for some in (*grid.values(), *inputs.fits.values()) for cell in some]
    check_rows(job, cells)
    write_inputs(job, orders, inputs.changes)
    share_rows(job, cells)
    fit_grid(job, inputs.fits)
    train_grid(job, grid)
    return cells, orders


def train_grid(job: SweepContext, grid: Grid) -> None:
    """Train every replica that has no row in results.csv yet, one model after the other."""
    if not grid:
        return
    for spec, cells in grid.items():
        replicas, lanes = unique_replicas(cells), lanes_of_run(job, spec, cells)
        job.reporter.say(
            f"{spec.name}: {spec.parameters:,} parameters, {count(len(replicas), 'replica')}, "
            f"{'at most ' if job.config.patience else ''}{sum(replica.steps for replica in replicas):,} steps "
            f"in {where_text(job, spec, cells, lanes)}"
        )
    started = time.monotonic()
    total = sum(replica.steps for cells in grid.values() for replica in unique_replicas(cells))
    with job.reporter.progress("training", total, "steps") as progress:
        for spec, cells in grid.items():
            train_queue(job, spec, cells, progress)
    job.reporter.say(f"training took {duration(time.monotonic() - started)}")


def write_report(
    job: SweepContext, cells: list[GridPoint], orders: Orders, given: dict[str, dict[str, np.ndarray]]
) -> SweepResult:
    """Sort results.csv and history.csv in the order of the grid, and write the figures, tables and report.

    orders, given: as in `summarize`.
    """
    rows = sort_results(job.run, [cell.identity.key for cell in cells])
    drop_other_models(job.run, job.config, rows)
    measured, analyses, ensembles = summarize(job.run, rows, job.config, job.problems, orders, given, job.reporter)
    curves = [LearningCurve.of(*one) for one in zip(measured, analyses, strict=True)]
    return SweepResult(job.run.path, rows, curves, ensembles=ensembles)
