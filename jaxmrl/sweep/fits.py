"""The classical models of a sweep: fits the replicas that have no row in results.csv yet, in worker processes."""

from pathlib import Path
from typing import cast

import numpy as np

from jaxmrl.baselines.outcome import outcome_of
from jaxmrl.baselines.saved import SavedBaseline, save_baseline, software_of
from jaxmrl.baselines.spec import BaselineSpec
from jaxmrl.baselines.workers import fit_side_by_side
from jaxmrl.modalities.descriptors.features import Descriptors
from jaxmrl.modalities.registry import get_modality
from jaxmrl.rows import ResultRow
from jaxmrl.runs.artifacts import ReplicaArtifacts, keep_replica, keeps_model, row_of_model
from jaxmrl.sweep.grid import FitGrid
from jaxmrl.sweep.queue import Missing, SweepContext, missing_rows, track_result, unique_replicas
from jaxmrl.text import count
from jaxmrl.training.lanes import Replica


def fit_grid(job: SweepContext, grid: FitGrid) -> None:
    """Fit the replicas that have no row in results.csv yet, the largest first, and add their rows as they end.

    Raises StopRequestedError when stopped. Replicas that were being fitted start again when the command resumes.
    """
    rows = {spec: missing_rows(job, cells) for spec, cells in grid.items()}
    waiting = [
        (spec, replica)
        for spec, cells in grid.items()
        for replica in unique_replicas(cells)
        if replica.name in rows[spec]
    ]
    waiting.sort(key=lambda one: -len(one[1].train))
    total = sum(len(unique_replicas(cells)) for cells in grid.values())
    if grid:
        names = ", ".join(spec.name for spec in grid)
        job.reporter.say(f"{names}: {count(total, 'replica')}, fitted in worker processes on this machine")
    asked = [
        spec.assignment(replica, job.problem.table, np.concatenate([replica.valid, replica.test]))
        for spec, replica in waiting
    ]
    work = [(spec.modality, one) for (spec, _), one in zip(waiting, asked, strict=True)]
    features = {modality: cast(Descriptors, job.problem.features[modality]) for modality, _ in work}
    with job.reporter.progress("fitting", total, "models") as progress:
        progress.skip(total - len(waiting))
        table = job.problem.table
        for place, predicted in fit_side_by_side(work, features, table.labels, job.stop, table.bounds):
            keep_fit(job, *waiting[place], predicted, rows[waiting[place][0]])
            progress.advance(1)


def keep_fit(job: SweepContext, spec: BaselineSpec, replica: Replica, predicted: np.ndarray, rows: Missing) -> None:
    """Write the row, the predictions and the model of a replica that has been fitted.

    predicted [v + t, T]: of its validation and then its test molecules.
    """
    identities = rows[replica.name]
    outcome = outcome_of(job.problem, spec.modality, replica, predicted)
    kept = predicted if outcome.counts and job.config.save_predictions else None
    keeps = outcome.counts and keeps_model(job.config, identities[0])

    def save(path: Path, row: ResultRow) -> None:
        problem, assignment = job.problem, spec.assignment(replica, job.problem.table, replica.test)
        model = SavedBaseline(
            path=path,
            row=row_of_model(row),
            tasks=problem.table.tasks,
            has_smiles=problem.has_smiles,
            features=get_modality(spec.modality).settings(job.config, problem.features[spec.modality]),
            standardize=job.config.standardize,
            task=problem.table.task,
            metric_name=problem.metric,
            seed=assignment.seed,
            software=software_of(spec.model),
        )
        save_baseline(model, problem, assignment)

    left = ReplicaArtifacts(outcome, predictions=kept)
    written = keep_replica(job.run, job.problem, replica, left, identities, save if keeps else None)
    track_result(job, identities[0], written[0], outcome)
