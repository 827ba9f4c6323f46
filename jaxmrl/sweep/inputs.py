"""What a sweep reads before it takes its run directory, and what it writes there of its molecules before it trains."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from jaxmrl.baselines.spec import left_out_lines
from jaxmrl.config import SweepConfig
from jaxmrl.data import splits
from jaxmrl.data.loading import load_problems
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import DataError
from jaxmrl.io.records import rejected_text
from jaxmrl.modalities.descriptors.features import Descriptors
from jaxmrl.modalities.geometry.conformers import FROM_FILE
from jaxmrl.modalities.geometry.features import Geometries
from jaxmrl.modalities.registry import get_modality
from jaxmrl.reports.summary import Orders
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs import directory as files
from jaxmrl.runs.artifacts import write_geometries, write_molecules, write_vectors
from jaxmrl.runs.labels import SPLITS, write_labels
from jaxmrl.sweep.grid import FitGrid, plan_fits
from jaxmrl.sweep.previous import CHANGE_COLUMNS, CHANGES, DataChanges, changes_since, read_previous
from jaxmrl.sweep.queue import SweepContext
from jaxmrl.sweep.subsets import check, of_split
from jaxmrl.training.encoder import Initializations, load_starts, start_remarks
from jaxmrl.training.model_spec import model_specs


@dataclass(frozen=True)
class SweepInputs:
    """What a sweep has read and checked.

    Attributes:
        problems: The data of each split; all have the same table and features.
        given: For each split, the orders of `--scores` in which each pruning keeps the training molecules, for the
            seeds that use the split.
        fits: The replicas of classical models, by their specifications.
        starts: The weights that replicas start from.
        changes: What has changed since the run of `--previous`; None without it.
    """

    problems: list[TaskData]
    given: dict[str, dict[str, np.ndarray]]
    fits: FitGrid
    starts: Initializations
    changes: DataChanges | None


def read_inputs(config: SweepConfig, out: Path, reporter: Reporter) -> SweepInputs:
    """Read and check all that could stop a sweep before its run directory `out` is taken.

    Raises UserError for what cannot be used. The rejected rows are then kept beside `out`.
    """
    problems: list[TaskData] = []
    try:
        previous = read_previous(config)
        problems = load_problems(config, reporter, previous.splits if previous else None, config.extra)
        changes = changes_since(previous, problems) if previous else None
        if changes:
            reporter.say(changes.said)
        given = {problem.split_label: check(config, problem, reporter) for problem in problems}
        fits = plan_fits(config, problems, given)
        largest = max(len(one.split.train) for one in problems)
        for line in left_out_lines(config, largest, problems[0].extra_molecules):
            reporter.say(line)
        starts = load_starts(config.init, model_specs(config, problems[0]))
        for remark in start_remarks(starts, config.standardize):
            reporter.say(remark)
    except DataError as error:
        rejected = problems[0].table.rejected if problems else error.rejected
        if kept := files.keep_rejected(out, rejected):
            reporter.say(f"the rejected rows are in {kept}")
        raise
    return SweepInputs(problems, given, fits, starts, changes)


def write_inputs(job: SweepContext, orders: Orders, changes: DataChanges | None) -> None:
    """Write splits.npz, with molecule ids (rows of the source file), molecules.csv, labels.npz and rejected.csv; and
    changes.csv with --previous.

    train_order_S is seed S's shuffle of the training molecules: each fraction's random subset is a prefix of it.
    <pruning>_order_<model>_S is the order in which a pruning keeps them for seed S. Names of other splits than the
    first random one begin with theirs, and each split has the orders of its own seeds. With --extra, `extra` are the
    molecules of that file that train.
    """
    problem = job.problem
    arrays: dict[str, np.ndarray] = {}
    pruned = defaultdict(list)
    for (spec, label), by_pruning in orders.items():
        pruned[label].append((spec, by_pruning))
    for split in job.problems:
        molecules = split.split.parts() | ({} if split.extra is None else {"extra": split.extra})
        seeds = split.repeat.seeds(job.config.seeds)
        for seed in seeds:
            molecules[f"train_order_{seed}"] = splits.subset_order(split.split.train, seed)
        for spec, by_pruning in pruned[split.split_label]:
            molecules |= {
                f"{pruning}_order_{spec.name}_{seed}": order
                for pruning, by_seed in by_pruning.items()
                for seed, order in zip(seeds, by_seed, strict=True)
            }
        arrays |= {of_split(split, name): positions for name, positions in molecules.items()}
    job.run.write_arrays(SPLITS, {name: problem.table.ids[positions] for name, positions in arrays.items()})
    for modality, features in problem.features.items():
        for name, text in get_modality(modality).files(features).items():
            job.run.write(name, text)
    if problem.has_smiles:
        write_molecules(job.run, problem.table, problem.canonical_smiles)
        write_labels(job.run, problem.table)
        if problem.geometries is not None and job.config.coordinates == FROM_FILE:
            # Predictions are calibrated with them.
            write_geometries(job.run, problem.table, cast(Geometries, problem.geometries))
    for modality in {modality for modality in problem.features if get_modality(modality).sees_vectors}:
        # Predictions need those of molecules that classical models learned from, and of all validation molecules.
        write_vectors(job.run, problem.table, cast(Descriptors, problem.features[modality]).values)
    if changes:
        job.run.write_table(CHANGES, CHANGE_COLUMNS, changes.rows)
    job.run.write(files.REJECTED, rejected_text(problem.table.rejected))
