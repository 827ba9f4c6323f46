"""The queue of one model: trains the replicas that have no row in results.csv yet, here or on a cluster."""

import gc
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import jax

from jaxmrl.config import SweepConfig
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import ConfigError
from jaxmrl.progress import Progress
from jaxmrl.reports.expected import lanes_text
from jaxmrl.reports.terminal import Reporter
from jaxmrl.rows import FINISHED, STOPPED, ReplicaIdentity, ResultRow
from jaxmrl.runs.artifacts import (
    ReplicaArtifacts,
    collect_artifacts,
    complete_keys,
    describe,
    history_rows,
    keep_replica,
)
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.sweep.cluster import Cluster, WorkSpec
from jaxmrl.text import count, exact
from jaxmrl.trackers.base import Tracking
from jaxmrl.training import checkpoint
from jaxmrl.training.capacity import choose_devices, choose_lanes, fewer_lanes
from jaxmrl.training.dynamic_pruning import recorded
from jaxmrl.training.encoder import Initializations
from jaxmrl.training.engines import engines_for, training_spec_for
from jaxmrl.training.interrupts import Stop
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.outcome import Outcome
from jaxmrl.training.saved_model import save_trained
from jaxmrl.training.shapes import BatchShape, batch_shapes

_HIDDEN_SETTINGS = tuple(
    "evaluate_every freeze patience weight_decay clip_norm class_weight smiles_variants cutoff coordinates "
    "atom_references fingerprint_tokens readout descriptors virtual_node".split()
)
"""Settings that change results but that neither a row nor the digest of the data shows."""

_PRUNING_SETTINGS = ("keep", "score_seeds", "score_epochs")
"""The same, of sweeps that keep molecules by a score."""

Missing = dict[str, list[ReplicaIdentity]]
"""The identities of the rows that replicas fill, by the names of the replicas to be trained."""


@dataclass(frozen=True)
class GridPoint:
    """One place of the grid: the replica to train, and the identity of its row in results.csv.

    Several places may share a replica: at fraction 1, every pruning method keeps the same molecules.
    """

    replica: Replica
    identity: ReplicaIdentity


@dataclass(frozen=True)
class SweepContext:
    """A sweep under way: settings, data, splits, run directory, reporter, stop signal, cluster and tracker if any."""

    config: SweepConfig
    problems: list[TaskData]
    starts: Initializations
    run: RunDirectory
    reporter: Reporter
    stop: Stop
    cluster: Cluster | None = None
    tracking: Tracking | None = None

    @property
    def problem(self) -> TaskData:
        """The task data of the first split; all have the same table and features."""
        return self.problems[0]


def record_settings(run: RunDirectory, config: SweepConfig) -> None:
    """Save in run.json the settings that change results but that neither rows nor digests of the data show.

    Raises ConfigError if the run was started with others: config.toml may have been changed by hand.
    """
    names = (*_HIDDEN_SETTINGS, *(_PRUNING_SETTINGS if config.scored_prunings else ()))
    here, there = {name: getattr(config, name) for name in names}, run.metadata().get("settings", {})
    if differing := [name for name in names if there.get(name, here[name]) != here[name]]:
        changes = ", ".join(f"{name} was {there[name]}, not {here[name]}" for name in differing)
        raise ConfigError(
            f"{run.path} was started with settings that differ from its config.toml: {changes}. Restore these settings "
            "there, or choose another --out"
        )
    if not here.keys() <= there.keys():
        run.update_metadata("settings", there | here)


def check_rows(job: SweepContext, cells: list[GridPoint]) -> None:
    """Raise ConfigError where results.csv has rows that are not those of the plan, or lacks rows that it cannot get.

    Whoever changes config.toml by hand may add replicas to a run, but not change those that it has.
    """
    planned, rows = {cell.identity.key: cell for cell in cells}, job.run.read_results()
    for row in rows:
        if differing := _differing(row, planned.get(row.key), job):
            raise ConfigError(
                f"{job.run.results}, fraction {exact(row.fraction)}, seed {row.seed}: {differing}. Restore the "
                "original settings of the run in its config.toml (also those whose default has changed since), or "
                "choose another --out"
            )
    if len(rows) < len(planned):
        job.run.check_trainable()


def _differing(row: ResultRow, cell: GridPoint | None, job: SweepContext) -> str:
    """Return how a row of results.csv differs from its place in the grid, or ""."""
    if cell is None:
        return "the settings do not include this fraction and seed"
    replica, found = cell.replica, row.cells()
    expected = cell.identity.cells() | {"metric": job.problem.mean_metric}
    if row.status == FINISHED:  # others may have ended early
        epochs = replica.epochs(replica.steps, job.config.batch_size_of(row.curve.model))
        expected |= {"steps": str(replica.steps), "epochs": str(epochs)}
    if row.status == STOPPED and not (replica.patience and row.steps < replica.steps):
        return f"it stopped early, after {row.steps} of {replica.steps} steps, which the settings do not allow"
    differing = [name for name, value in expected.items() if found[name] != value]
    return ", ".join(f"{name} is {found[name]} there and {expected[name]} by the settings" for name in differing)


def unique_replicas(cells: list[GridPoint]) -> list[Replica]:
    """Return the replicas of the cells, each once."""
    return list({cell.replica.name: cell.replica for cell in cells}.values())


def lanes_of_run(job: SweepContext, spec: ModelSpec, cells: list[GridPoint]) -> int:
    """Return the lanes on each device for these cells, chosen once for the run."""
    choose, batch_size = job.cluster.choose_lanes if job.cluster else choose_lanes, job.config.batch_size_of(spec.model)
    lanes = choose(job.config.lanes, spec, unique_replicas(cells), job.problem, batch_size)
    return job.run.metadata_or_set(lanes_entry(spec), lanes)


def lanes_entry(spec: ModelSpec) -> str:
    """Return the name in run.json of a model's number of lanes."""
    return f"lanes of {spec.name}"


def share_rows(job: SweepContext, cells: list[GridPoint]) -> None:
    """Copy results to cells that share a finished replica with another cell, as a new pruning does at fraction 1."""
    rows, history = {row.key: row for row in job.run.read_results()}, job.run.read_history()
    ended = {cell.replica.name: cell.identity.key for cell in cells if cell.identity.key in rows}
    for cell in cells:
        if cell.identity.key not in rows and (other := ended.get(cell.replica.name)):
            curve = cell.identity.curve
            job.run.append_history([replace(one, curve=curve) for one in history[other]])
            job.run.append_result(replace(rows[other], curve=curve))


def where_text(job: SweepContext, spec: ModelSpec, cells: list[GridPoint], lanes: int) -> str:
    """Return in how many lanes, and on what, these cells are trained."""
    if job.cluster:
        return f"{count(lanes, 'lane')} on each device of {count(len(job.cluster.machines), 'machine')}"
    batch_size = job.config.batch_size_of(spec.model)
    devices = choose_devices(lanes, spec, unique_replicas(cells), job.problem, batch_size)
    return lanes_text(lanes, len(devices))


def train_queue(job: SweepContext, spec: ModelSpec, cells: list[GridPoint], progress: Progress) -> None:
    """Train the replicas of a model that have no row in results.csv yet, one program for each shape of batches and for
    each dynamic pruning that records scores.

    Both depend on the replica alone, so its bits do not depend on what else the queue trains.
    """
    for (shape, method), own in sorted(by_program(job, spec, cells).items()):
        train_program(job, spec, f"{shape.name}-{method}" if method else shape.name, own, progress)


def by_program(
    job: SweepContext, spec: ModelSpec, cells: list[GridPoint]
) -> dict[tuple[BatchShape, str], list[GridPoint]]:
    """Return the cells of each shape of batches and dynamic pruning that records scores, "" for none."""
    resources, batch_size = job.problem.features[spec.modality].resources(), job.config.batch_size_of(spec.model)
    replicas = unique_replicas(cells)
    shapes = batch_shapes(replicas, resources, batch_size)
    shape_of = {replica.name: shape for replica, shape in zip(replicas, shapes, strict=True)}
    found: dict[tuple[BatchShape, str], list[GridPoint]] = {}
    for cell in cells:
        program = shape_of[cell.replica.name], recorded(cell.replica.pruning) or ""
        found.setdefault(program, []).append(cell)
    return found


def train_program(job: SweepContext, spec: ModelSpec, program: str, cells: list[GridPoint], progress: Progress) -> None:
    """Train the replicas of one program, by its name, that have no row in results.csv yet, and add their rows as they
    end.

    If the devices lack the memory for so many lanes, continue with fewer.
    """
    cluster, rows = job.cluster, missing_rows(job, cells)
    folder = job.run.checkpoints / f"{spec.name}-{program}"
    train = partial(train_there, cluster) if cluster else partial(train_here, folder)
    if not rows:
        progress.skip(sum(replica.steps for replica in unique_replicas(cells)))
    while rows:
        job.stop.check()
        lanes = job.run.metadata()[lanes_entry(spec)]
        fewer = train(job, spec, unique_replicas(cells), rows, lanes, progress)
        if fewer:
            gc.collect()  # the error's traceback keeps the engines alive, and these keep the device's memory
            checkpoint.remove(folder)
            job.run.update_metadata(lanes_entry(spec), fewer)
            job.reporter.say(f"{spec.name}: not enough memory for {count(lanes, 'lane')}; continuing with {fewer}")
        rows = missing_rows(job, cells)
    checkpoint.remove(folder)


def missing_rows(job: SweepContext, cells: list[GridPoint]) -> Missing:
    """Return the rows that are not in results.csv yet, and those whose model or predictions are missing or damaged."""
    finished = complete_keys(job.run, job.config)
    rows: Missing = {}
    for cell in cells:
        if cell.identity.key not in finished:
            rows.setdefault(cell.replica.name, []).append(cell.identity)
    return rows


def train_here(
    folder: Path,
    job: SweepContext,
    spec: ModelSpec,
    replicas: list[Replica],
    rows: Missing,
    lanes: int,
    progress: Progress,
) -> int | None:
    """Train the replicas that `rows` names on this machine's devices, with checkpoints in `folder`.

    Returns the smaller number of lanes to continue with if these take more memory than a device has; otherwise None.
    """

    def on_result(engine: Engine, outcome: Outcome) -> None:
        left = collect_artifacts(engine, job.config, outcome, rows[outcome.name][0])
        keep(job, spec, engine.replica_of(outcome.name), left, rows)

    done = {replica.name for replica in replicas} - rows.keys()
    watch = partial(track_validations, job.tracking, rows)
    try:
        engines = engines_for(job.config, job.problem, spec, replicas, lanes)
        checkpoint.run(folder, engines, done, on_result, progress, job.stop, job.reporter.say, watch)
    except jax.errors.JaxRuntimeError as error:
        return fewer_lanes(lanes, error)
    return None


def track_validations(tracking: Tracking | None, rows: Missing, engine: Engine) -> None:
    """Tell the tracker of the validations that the lanes of an engine have made since the last call."""
    for slot in engine.slots if tracking else ():
        if tracking and slot:
            identity = rows[engine.replicas[slot.replica].name][0]
            tracking.validated(identity.key, history_rows(identity, slot.history[tracking.seen(identity.key) :]))


def train_there(
    cluster: Cluster,
    job: SweepContext,
    spec: ModelSpec,
    replicas: list[Replica],
    rows: Missing,
    lanes: int,
    progress: Progress,
) -> int | None:
    """Train the replicas that `rows` names on the cluster.

    Replicas that are not finished when the command is stopped start again from the beginning when it resumes.
    """
    progress.skip(sum(replica.steps for replica in replicas if replica.name not in rows))
    by_name = {replica.name: replica for replica in replicas}
    first_rows = {name: its_rows[0] for name, its_rows in rows.items()}
    work = WorkSpec(job.config, job.problem, spec, replicas, first_rows, lanes)

    def on_left(left: ReplicaArtifacts) -> None:
        replica = by_name[left.outcome.name]
        keep(job, spec, replica, left, rows)
        progress.drop(replica.steps - left.outcome.steps)

    return cluster.train(work, on_left, progress.advance, job.stop, job.reporter.say)


def keep(job: SweepContext, spec: ModelSpec, replica: Replica, left: ReplicaArtifacts, rows: Missing) -> None:
    """Write a replica's artifacts to the run directory."""

    def save(path: Path, row: ResultRow, weights: tuple) -> None:
        training_spec = training_spec_for(job.config, job.problem, spec).with_hyperparameters(replica.hyperparameters)
        model = describe(path, job.config, job.problem, training_spec, row)
        save_trained(model, weights, job.problem.table.ids[replica.train])

    save_model = None if left.weights is None else partial(save, weights=left.weights)
    written = keep_replica(job.run, job.problem, replica, left, rows[replica.name], save_model)
    track_result(job, rows[replica.name][0], written[0], left.outcome)


def track_result(job: SweepContext, identity: ReplicaIdentity, row: ResultRow, outcome: Outcome) -> None:
    """Tell the tracker of a replica that has ended, by the first of its rows: several prunings may share it."""
    if job.tracking:
        job.tracking.ended(row, history_rows(identity, outcome.history))
