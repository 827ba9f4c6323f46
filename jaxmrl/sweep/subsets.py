"""Which molecules each pruning keeps first: by the scores of a file, or of models trained here."""

import math
from itertools import product
from pathlib import Path

import numpy as np

from jaxmrl.config import SweepConfig
from jaxmrl.config.lengths import length_of
from jaxmrl.config.names import DYNAMIC_PRUNINGS, INFOBATCH, SOFT_RANDOM
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
from jaxmrl.text import count, exact
from jaxmrl.trackers.purposes import scoring_observer
from jaxmrl.training import checkpoint
from jaxmrl.training.batches import batches_per_epoch
from jaxmrl.training.dynamic_pruning import pruned_until
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
    for line in () if problem.repeat.cut or problem.repeat.place else _never_pruned(config, len(problem.split.train)):
        reporter.say(line)
    if config.scores:
        orders, how = read_kept_first(config, problem, config.scores, config.seeds)
        reporter.say(how)
        own = problem.repeat.seeds(config.seeds)
        return {pruning: by_seed[own.start : own.stop : own.step] for pruning, by_seed in orders.items()}
    static = tuple(name for name in config.pruning if name not in DYNAMIC_PRUNINGS)
    methods_for(static, problem.table.task, problem.has_smiles)
    return {}


def kept_first(job: SweepContext, spec: ModelSpec, problem: TaskData) -> dict[str, np.ndarray]:
    """Return {pruning: training molecules in order of keeping [S, n] of the seeds that use the split}, by scores of
    this model.
    """
    config, run = job.config, job.run
    names, seeds = config.scored_prunings, len(problem.repeat.seeds(config.seeds))
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


def read_kept_first(
    config: SweepConfig, problem: TaskData, path: Path, seeds: int
) -> tuple[dict[str, np.ndarray], str]:
    """Return {pruning: each seed's molecules in order of keeping [S, n]}, and how the file of scores was matched.

    seeds: how many, from 0 on, the file has or one column of it is for.
    """
    molecules = canonical_order(problem.split.train, problem.canonical)
    given = molecules, side_data(config, problem), config.keep, seeds
    return read_orders(path, config.scored_prunings, *given)


def side_data(config: SweepConfig, problem: TaskData) -> Data:
    """Return what files of scores are about."""
    own = config.standardize, config.smiles_column, config.csv, config.sheet
    return Data(problem.table, problem.canonical, *own)


def _never_pruned(config: SweepConfig, molecules: int) -> list[str]:
    """Return where a training is too short for a dynamic pruning, which first passes over all molecules.

    InfoBatch does not prune its last epochs either.
    """
    scored = [name for name in config.pruning if name in DYNAMIC_PRUNINGS and name != SOFT_RANDOM]
    lines = []
    for (_, model), fraction in product(config.trained_models if scored else (), sorted(config.fractions)):
        size = splits.subset_size(fraction, molecules)
        epoch_steps = batches_per_epoch(size, config.batch_size_of(model))
        epochs = math.ceil(length_of(config, model, epoch_steps)[0] / epoch_steps)
        first = math.ceil(molecules / size)
        if never := [name for name in scored if fraction < 1 and pruned_until(name, epochs) <= first]:
            last = epochs - pruned_until(INFOBATCH, epochs) if INFOBATCH in never and epochs > first else 0
            unpruned = f", and {INFOBATCH} does not prune in the last {last}" if last else ""
            lines.append(
                f"{model}, fraction {exact(fraction)}: {' and '.join(never)} never prune{'s' * (len(never) == 1)} "
                f"here: the first pass over all molecules takes {first} of {count(epochs, 'epoch')}{unpruned}; give "
                "more --epochs or --steps"
            )
    return lines
