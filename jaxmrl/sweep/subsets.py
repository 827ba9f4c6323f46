"""Which molecules each pruning keeps first: by the scores of a file, or of models trained here."""

from pathlib import Path

import numpy as np

from jaxmrl.config import SweepConfig
from jaxmrl.data import splits
from jaxmrl.data.matching import Data
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import ConfigError, DivergedError
from jaxmrl.formats.writing import table_bytes
from jaxmrl.io.files import write_whole
from jaxmrl.pruning.methods import methods_for
from jaxmrl.pruning.score_files import has_scores, read_orders, read_scores, score_table
from jaxmrl.pruning.scoring_models import ScoringTask
from jaxmrl.pruning.select import canonical_order
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.sweep.queue import SweepContext
from jaxmrl.text import count
from jaxmrl.trackers.purposes import scoring_observer
from jaxmrl.training import checkpoint
from jaxmrl.training.model_spec import ModelSpec


def check(config: SweepConfig, problem: TaskData, reporter: Reporter) -> dict[str, np.ndarray]:
    """Raise UserError for what would otherwise fail only after the run directory is taken and models are trained.

    Returns, with --scores, {pruning: training molecules in order of keeping [S, n] of the seeds that use the split}; no
    random.
    """
    for fraction in () if problem.repeat.cut else config.fractions:
        splits.subset_size(fraction, len(problem.split.train))
    if config.class_weight is not None and problem.table.task != "classification":
        raise ConfigError("--class-weight is for classification, and the targets are numbers; omit it")
    if config.scores:
        orders, how = read_kept_first(config, problem, config.scores, config.seeds)
        reporter.say(how)
        own = problem.repeat.seeds(config.seeds)
        return {pruning: by_seed[own.start : own.stop : own.step] for pruning, by_seed in orders.items()}
    methods_for(config.pruning, problem.table.task, problem.has_smiles)
    return {}


def kept_first(job: SweepContext, spec: ModelSpec, problem: TaskData) -> dict[str, np.ndarray]:
    """Return {pruning: training molecules in order of keeping [S, n] of the seeds that use the split}, by scores of
    this model.
    """
    config, run = job.config, job.run
    names, seeds = scored_prunings(config), len(problem.repeat.seeds(config.seeds))
    path, name = scores_path(run, spec, problem), of_split(problem, spec.name)
    if names and not has_scores(path, names, seeds):
        run.check_trainable()
        folder = run.checkpoints / f"scoring-{name}"
        task = ScoringTask(config, problem, spec, names, seeds, config.score_epochs, config.score_seeds)
        kept = read_scores(path, task.molecules, side_data(config, problem))
        observer = scoring_observer(job.tracking, task)
        scores = task.scores(run, folder, job.reporter, job.stop, kept, observer)
        if scores.seeds < seeds:
            raise DivergedError(
                f"all scoring models for {count(seeds - scores.seeds, 'seed')} of {seeds} "
                "diverged; give a lower --learning-rate or more --score-seeds, and another --out"
            )
        write_whole(path, table_bytes(score_table(scores, problem, config.keep), ".csv"))
        checkpoint.remove(folder)
    return read_kept_first(config, problem, path, seeds)[0] if names else {}


def scores_path(run: RunDirectory, spec: ModelSpec, problem: TaskData) -> Path:
    """Return the file of the scores of a run's own, by models of this shape."""
    return run.path / f"scores_{of_split(problem, spec.name)}.csv"


def of_split(problem: TaskData, name: str) -> str:
    """Return the path `name` in the run directory, with the split unless that is the first random one."""
    split = problem.split_label.replace(" ", "_")
    return name if split == "random" else f"{split}_{name}"


def scored_prunings(config: SweepConfig) -> tuple[str, ...]:
    """Return the prunings that keep molecules by a score."""
    return tuple(name for name in config.pruning if name != "random")


def read_kept_first(
    config: SweepConfig, problem: TaskData, path: Path, seeds: int
) -> tuple[dict[str, np.ndarray], str]:
    """Return {pruning: each seed's molecules in order of keeping [S, n]}, and how the file of scores was matched.

    seeds: how many, from 0 on, the file has or one column of it is for.
    """
    molecules = canonical_order(problem.split.train, problem.canonical)
    given = molecules, side_data(config, problem), config.keep, seeds
    return read_orders(path, scored_prunings(config), *given)


def side_data(config: SweepConfig, problem: TaskData) -> Data:
    """Return what files of scores are about."""
    return Data(problem.table, problem.canonical, config.standardize, config.smiles_column)
