"""The sweep, from molecules to learning curves and laws: `python -m jaxmrl.sweep`, or `run_sweep(SweepConfig(...))`.

Data flows one way: table -> features -> split -> (scores ->) replicas -> lanes -> results -> curves -> laws -> figure.
"""

import json
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from jaxmrl.config import SweepConfig, default_directory, to_toml
from jaxmrl.data import splits
from jaxmrl.data.matching import Data
from jaxmrl.data.task_data import TaskData, load_problems
from jaxmrl.errors import DataError, DivergedError
from jaxmrl.io.files import write_whole
from jaxmrl.io.records import rejected_text
from jaxmrl.pruning.methods import methods_for
from jaxmrl.pruning.scoring_models import ScoringTask
from jaxmrl.pruning.select import canonical_order
from jaxmrl.reports.summary import Orders, summarise
from jaxmrl.reports.terminal import Reporter, duration
from jaxmrl.runs import directory as files
from jaxmrl.runs.artifacts import drop_incomplete_rows, drop_other_models, sort_results, write_molecules
from jaxmrl.runs.curves import LearningCurve
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.runs.metadata import run_facts
from jaxmrl.runs.score_files import has_scores, read_orders, read_scores, score_table, table_bytes
from jaxmrl.scaling.analysis import Analysis
from jaxmrl.sweep.cluster import connect
from jaxmrl.sweep.extend import extended
from jaxmrl.sweep.queue import (
    GridPoint,
    SweepContext,
    check_rows,
    settle_lanes,
    settle_room,
    settle_settings,
    share_rows,
    train_queue,
    unique_replicas,
    where_text,
)
from jaxmrl.text import count, exact
from jaxmrl.training import checkpoint
from jaxmrl.training.batches import batches_per_epoch
from jaxmrl.training.capacity import device_name
from jaxmrl.training.encoder import Initializations, load_starts, start_remarks
from jaxmrl.training.interrupts import catch_signals
from jaxmrl.training.lanes import Replica
from jaxmrl.training.model_spec import ModelSpec, model_shapes
from jaxmrl.training.numerics import own_numerics

Grid = dict[ModelSpec, list[GridPoint]]
"""Every cell of a sweep, by the program that trains it."""


@dataclass(frozen=True)
class SweepResult:
    """What a sweep found; `directory` holds it as files.

    rows are those of results.csv; analyses are, for each of `curves`, its laws and what they foretell.
    """

    directory: Path
    rows: list[dict[str, str]]
    curves: list[LearningCurve]
    analyses: list[Analysis]


@own_numerics()
def run_sweep(
    config: SweepConfig,
    *,
    cluster: str | None = None,
    extend: bool = False,
    quiet: bool = True,
    max_seconds: float | None = None,
) -> SweepResult:
    """Trains every replica of the grid, fits the laws and writes the run directory; resumes what is there.

    cluster: the address of a Ray cluster whose machines train the replicas, or `local`; None for this process alone.
    extend: add to the grid of the run that is there; what it has stays, and only what is missing is trained. Every
    value in `config` counts as asked for; `extend.saved_settings` are those of the run.
    max_seconds: after which it stops as by a signal.
    Raises UserError for input or settings that cannot be used, and StopRequestedError when stopped by a signal, with
    the state saved.
    """
    started, reporter = time.monotonic(), Reporter(quiet=quiet)
    config = extended(config) if extend else config
    out, problems = config.out or default_directory(config), []
    try:
        problems = load_problems(config, reporter)
        given = {problem.split_name: check(config, problem, reporter) for problem in problems}
        starts = load_starts(config.init, model_shapes(config, problems[0]))
        for remark in start_remarks(starts, config.parent):
            reporter.say(remark)
    except DataError as error:
        rejected = problems[0].table.rejected if problems else error.rejected
        if kept := files.keep_rejected(out, rejected):
            reporter.say(f"the rejected rows are in {kept}")
        raise
    run = RunDirectory(out, problems[0].table.tasks)
    with run.held(), connect(cluster) as machines:
        device = machines.device if machines else device_name()
        run.claim(to_toml(config), run_facts(config, problems, starts, device), extend)
        settle_settings(run, config)
        if incomplete := drop_incomplete_rows(run, config):
            reporter.say(
                f"{count(incomplete, 'result')} without a sound model or predictions: "
                f"{'its replica is' if incomplete == 1 else 'their replicas are'} trained again"
            )
        with catch_signals(max_seconds, started) as stop:
            job = SweepContext(config, problems, starts, run, reporter, stop, machines)
            orders = {
                (shape, problem.split_name): given[problem.split_name] or kept_first(job, shape, problem)
                for shape, problem in product(model_shapes(config, job.problem), problems)
            }
            grid = plan_grid(config, problems, orders, starts)
            check_rows(job, [cell for cells in grid.values() for cell in cells])
            write_inputs(job, orders)
            share_rows(job, [cell for cells in grid.values() for cell in cells])
            train_grid(job, grid)
        return write_report(job, grid, orders)


def check(config: SweepConfig, problem: TaskData, reporter: Reporter) -> dict[str, np.ndarray]:
    """Raises UserError for what would else fail only after the run directory is taken and models are trained.

    Returns, with --scores, {pruning: each seed's training molecules in order of keeping [S, n]}; no random.
    """
    for fraction in config.fractions:
        splits.subset_size(fraction, len(problem.split.train))
    if config.scores:
        orders, how = read_kept_first(config, problem, config.scores)
        reporter.say(how)
        return orders
    methods_for(config.pruning, problem.table.task, problem.has_smiles)
    return {}


def kept_first(job: SweepContext, shape: ModelSpec, problem: TaskData) -> dict[str, np.ndarray]:
    """Return {pruning: each seed's training molecules in order of keeping [S, n]}, by scores of this model."""
    config, run = job.config, job.run
    names = scored_prunings(config)
    path, name = scores_path(run, shape, problem), of_split(problem, shape.name)
    if names and not has_scores(path, names, config.seeds):
        run.check_trainable()
        folder = run.checkpoints / f"scoring-{name}"
        task = ScoringTask(config, problem, shape, names, config.seeds, config.score_epochs, config.score_seeds)
        kept = read_scores(path, task.molecules, side_data(config, problem))
        scores = task.scores(run, folder, job.reporter, job.stop, kept)
        if scores.seeds < config.seeds:
            raise DivergedError(
                f"all models that were to score for {count(config.seeds - scores.seeds, 'seed')} of {config.seeds} "
                "diverged; give a lower --learning-rate or more --score-seeds, and another --out"
            )
        write_whole(path, table_bytes(score_table(scores, problem, config.keep), ".csv"))
        checkpoint.remove(folder)
    return read_kept_first(config, problem, path)[0] if names else {}


def scores_path(run: RunDirectory, shape: ModelSpec, problem: TaskData) -> Path:
    """The file of the scores of a run's own, by models of this shape."""
    return run.path / f"scores_{of_split(problem, shape.name)}.csv"


def of_split(problem: TaskData, name: str) -> str:
    """`name` in the run directory, with the split where that is not random."""
    return name if problem.split_name == "random" else f"{problem.split_name}_{name}"


def scored_prunings(config: SweepConfig) -> tuple[str, ...]:
    """Those that keep molecules by a score."""
    return tuple(name for name in config.pruning if name != "random")


def read_kept_first(config: SweepConfig, problem: TaskData, path: Path) -> tuple[dict[str, np.ndarray], str]:
    """Return {pruning: each seed's molecules in order of keeping [S, n]}, and how the file of scores was matched."""
    molecules = canonical_order(problem.split.train, problem.canonical)
    given = molecules, side_data(config, problem), config.keep, config.seeds
    return read_orders(path, scored_prunings(config), *given)


def side_data(config: SweepConfig, problem: TaskData) -> Data:
    """Return what files of scores are about."""
    return Data(problem.table, problem.canonical, config.parent, config.smiles_column)


def plan_grid(config: SweepConfig, problems: list[TaskData], orders: Orders, starts: Initializations) -> Grid:
    """Every replica of the sweep; those of all splits of a model share its program."""
    grid: Grid = {}
    for (shape, split), by_score in orders.items():
        problem = next(problem for problem in problems if problem.split_name == split)
        shuffles = {seed: splits.subset_order(problem.split.train, seed) for seed in range(config.seeds)}
        grid.setdefault(shape, []).extend(
            plan_cell(config, problem, shape, start, pruning, fraction, seed, shuffles[seed], by_score.get(pruning))
            for start, pruning, fraction, seed in product(
                starts.items(), config.pruning, sorted(config.fractions), shuffles
            )
        )
    return grid


def plan_cell(
    config, problem: TaskData, shape: ModelSpec, start, pruning, fraction, seed, shuffle, by_score
) -> GridPoint:
    """Return the replica that trains on the first `fraction` of the seed's order, or of its `shuffle` [n_train].

    by_score: each seed's order by its own scores [S, n_train]; None for random subsets. The whole set is the same
    whatever the pruning, and so is its replica.
    """
    size, share = splits.subset_size(fraction, len(shuffle)), exact(fraction)
    pruned = by_score is not None and size < len(shuffle)
    train = (by_score[seed] if pruned else shuffle)[:size]
    steps, validate_every = config.length_of(batches_per_epoch(len(train), config.batch_size))
    kept = f"{pruning} " if pruned else ""
    init, encoder = start
    begun = f"{encoder.digest} " if encoder else ""
    replica = Replica(
        name=f"{config.name} {shape.name} {config.precision} {problem.split_name} {begun}{kept}{share} {seed}",
        seed=seed,
        train=train,
        valid=problem.split.valid,
        test=problem.split.test,
        steps=steps,
        standard=problem.label_standard(train, shape.modality),
        divisors=problem.divisors(train),
        start=encoder,
        validate_every=validate_every,
    )
    row = {
        "dataset": config.name,
        "modality": shape.modality,
        "model": shape.model,
        "split": problem.split_name,
        "pruning": pruning,
        "init": init,
        "width": str(shape.width),
        "depth": str(shape.depth),
        "params": str(shape.parameters),
        "precision": config.precision,
        "learning_rate": exact(config.rate(shape.model)),
        "dropout": exact(shape.dropout),
        "batch_size": str(config.batch_size),
        "split_seed": str(config.split_seed),
        "fraction": share,
        "n_train": str(len(train)),
        "seed": str(seed),
        "metric": problem.mean_metric,
    }
    return GridPoint(replica, row)


def write_inputs(job: SweepContext, orders: Orders) -> None:
    """splits.npz, with molecule ids (rows of the source file), molecules.csv and rejected.csv.

    train_order_S is seed S's shuffle of the training molecules: each fraction's random subset is a prefix of it.
    <pruning>_order_<model>_S is the order in which a pruning keeps them for seed S. Names of other splits than random
    begin with theirs.
    """
    problem, arrays = job.problem, {}
    for split in job.problems:
        molecules = split.split.parts()
        for seed in range(job.config.seeds):
            molecules[f"train_order_{seed}"] = splits.subset_order(split.split.train, seed)
        for (shape, name), by_pruning in orders.items():
            if name == split.split_name:
                molecules |= {
                    f"{pruning}_order_{shape.name}_{seed}": order
                    for pruning, by_seed in by_pruning.items()
                    for seed, order in enumerate(by_seed)
                }
        arrays |= {of_split(split, name): positions for name, positions in molecules.items()}
    job.run.write_arrays("splits.npz", {name: problem.table.ids[positions] for name, positions in arrays.items()})
    if "smiles" in problem.features:
        job.run.write("vocabulary.json", json.dumps(problem.features["smiles"].vocabulary) + "\n")
    if problem.has_smiles:
        write_molecules(job.run, problem.table, problem.canonical_smiles)
    job.run.write(files.REJECTED, rejected_text(problem.table.rejected))


def train_grid(job: SweepContext, grid: Grid) -> None:
    """Trains what has no row in results.csv yet, one program after the other."""
    lanes = {}
    for shape, cells in grid.items():
        replicas, lanes[shape] = unique_replicas(cells), settle_lanes(job, shape, cells)
        settle_room(job, shape, replicas)
        job.reporter.say(
            f"{shape.name}: {shape.parameters:,} parameters, {count(len(replicas), 'replica')}, "
            f"{sum(replica.steps for replica in replicas):,} steps "
            f"in {where_text(job, shape, cells, lanes[shape])}"
        )
    started = time.monotonic()
    total = sum(replica.steps for cells in grid.values() for replica in unique_replicas(cells))
    with job.reporter.progress("training", total, "steps") as progress:
        for shape, cells in grid.items():
            train_queue(job, shape, cells, lanes[shape], progress)
    job.reporter.say(f"training took {duration(time.monotonic() - started)}")


def write_report(job: SweepContext, grid: Grid, orders: Orders) -> SweepResult:
    """Sorts results.csv and history.csv by the grid, and writes what follows from them."""
    rows = sort_results(job.run, [cell.row for cells in grid.values() for cell in cells])
    drop_other_models(job.run, job.config, rows)
    curves, analyses = summarise(job.run, rows, job.config, job.problems, orders, job.reporter)
    return SweepResult(job.run.path, rows, curves, analyses)
