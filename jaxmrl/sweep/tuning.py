"""`--tune N`: settings chosen by successive halving (Jamieson & Talwalkar 2016) on the validation molecules.

Each setting is a lane of one compiled program. Every rung trains its settings from scratch, so that the learning rate
goes through its whole schedule: to a ninth of the steps, then to a third, then to the end. A third of the settings go
on, and the default always does. What the test molecules are labeled plays no part: replicas are tested on the
validation molecules.
"""

import gc
import math
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import jax

from jaxmrl.config import SweepConfig
from jaxmrl.config.names import PER_SD, RANDOM
from jaxmrl.data import splits
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import ConfigError
from jaxmrl.io.files import append_rows
from jaxmrl.reports.expected import lanes_text
from jaxmrl.reports.tuning_table import tuning_lines
from jaxmrl.rows import ReplicaIdentity
from jaxmrl.runs.tuning import (
    DEFAULT_CANDIDATE,
    NO,
    TUNING_FILE,
    YES,
    Choices,
    StudyKey,
    TuningRow,
    chosen_rows,
    read_tuning,
    study_key,
    with_settings,
)
from jaxmrl.sweep.candidates import negatives_per_positive, ranges_for, sample
from jaxmrl.sweep.grid import plan_cell
from jaxmrl.sweep.queue import SweepContext
from jaxmrl.text import count
from jaxmrl.trackers.purposes import TUNING, observer_of
from jaxmrl.training import checkpoint
from jaxmrl.training.capacity import choose_devices, choose_lanes, fewer_lanes
from jaxmrl.training.encoder import Initializations
from jaxmrl.training.engines import engines_for, training_spec_for
from jaxmrl.training.hyperparameters import Hyperparameters
from jaxmrl.training.lanes import Engine, Replica
from jaxmrl.training.metrics import METRICS
from jaxmrl.training.model_spec import ModelSpec, model_specs
from jaxmrl.training.outcome import Outcome

KEPT_SHARE, MOST_RUNGS = 3, 3
"""One of so many settings goes on to the next rung, which trains so many times as long; and the most rungs."""

SEED = 0
"""The seed of the subset and of the initial weights by which settings are chosen."""


@dataclass(frozen=True)
class Study:
    """One choice: the settings of a model from some initial weights, on one split, at one fraction.

    Attributes:
        spec: The model.
        identity: Its place in the grid, with the default setting.
        replica: The replica there. Its test molecules are those of the validation set.
        metric: The name of the metric.
        candidates: The settings to choose from, the default first.
    """

    spec: ModelSpec
    identity: ReplicaIdentity
    replica: Replica
    metric: str
    candidates: tuple[Hyperparameters, ...]

    @property
    def key(self) -> StudyKey:
        """What the settings are chosen for."""
        return study_key(self.identity.curve, self.identity.fraction)


@dataclass(frozen=True)
class Trial:
    """One setting of a study, at one rung."""

    study: Study
    rung: int
    candidate: int

    @property
    def key(self) -> tuple[StudyKey, int, int]:
        """Study, rung and candidate, as of `TuningRow.trial`."""
        return self.study.key, self.rung, self.candidate

    @property
    def replica(self) -> Replica:
        """What is trained."""
        own = self.study.replica
        return replace(
            own,
            name=f"{own.name} tuning {self.rung} {self.candidate}",
            steps=math.ceil(own.steps / divisors(len(self.study.candidates))[self.rung - 1]),
            hyperparameters=self.study.candidates[self.candidate],
        )

    @property
    def identity(self) -> ReplicaIdentity:
        """The place of the study in the grid, with the setting."""
        place = self.study.identity
        return replace(place, curve=with_settings(place.curve, self.study.candidates[self.candidate]))

    @property
    def tracked(self) -> ReplicaIdentity:
        """The identity for a tracker, which names rung and setting."""
        purpose = f"{TUNING} rung {self.rung} setting {self.candidate}"
        return replace(self.identity, curve=replace(self.identity.curve, pruning=purpose))

    def row(self, outcome: Outcome) -> TuningRow:
        """Return the row of tuning.csv while the rung is under way."""
        return TuningRow(
            **vars(self.identity),
            rung=self.rung,
            candidate=self.candidate,
            steps=outcome.steps,
            status=outcome.status,
            metric=self.study.metric,
            valid=outcome.valid,
            best_epoch=outcome.best_epoch,
            rank=0,
            kept="",
            chosen=NO,
        )


def divisors(candidates: int) -> tuple[int, ...]:
    """Return by what the number of steps is divided in each rung.

    Fewer than nine settings begin with a third of the steps, and fewer than three with all: a rung that keeps a third
    needs three to choose from.
    """
    rungs = min(MOST_RUNGS, 1 + int(math.log(candidates + 0.5, KEPT_SHARE)))
    return tuple(KEPT_SHARE**k for k in reversed(range(rungs)))


def plan_studies(config: SweepConfig, problems: list[TaskData], starts: Initializations) -> list[Study]:
    """Return what settings are to be chosen for: each model, split and initialization, at the largest fraction or,
    with `tune_each_size`, at each.
    """
    fractions = sorted(config.fractions) if config.tune_each_size else [max(config.fractions)]
    return [
        _study(config, problem, spec, start, fraction)
        for spec, problem, start, fraction in product(
            model_specs(config, problems[0]), problems, starts.items(), fractions
        )
    ]


def _study(config: SweepConfig, problem: TaskData, spec: ModelSpec, start: tuple, fraction: float) -> Study:
    shuffle = splits.subset_order(problem.split.train, SEED)
    cell = plan_cell(config, problem, spec, start, RANDOM, fraction, SEED, shuffle, None, {})
    training_spec = training_spec_for(config, problem, spec)
    balance = None if config.class_weight else negatives_per_positive(problem, cell.replica.train)
    ranges = ranges_for(training_spec, balance)
    assert config.tune is not None, "else there is nothing to choose"
    return Study(
        spec=spec,
        identity=cell.identity,
        replica=replace(cell.replica, test=cell.replica.valid),
        metric=problem.mean_metric,
        candidates=sample(training_spec.hyperparameters, ranges, config.tune),
    )


def most_trials(study: Study) -> list[Replica]:
    """Return as many replicas as the study may train, of the lengths that they have."""
    many, found = len(study.candidates), []
    for rung, _ in enumerate(divisors(many), start=1):
        found += [Trial(study, rung, candidate).replica for candidate in range(many)]
        many = min(many, max(1, many // KEPT_SHARE) + 1)
    return found


def tune(job: SweepContext) -> Choices:
    """Return the settings that `--tune` chooses, none without it, after the trials that tuning.csv lacks.

    Raises StopRequestedError when stopped. The trials that have ended, and the state of those under way, are saved.
    """
    config = job.config
    if config.tune is None:
        return {}
    studies, rows = plan_studies(config, job.problems, job.starts), read_tuning(job.run.path)
    missing = _undecided(studies, rows, config)
    if missing:
        job.run.check_trainable()
        wanted = {one.key for one in missing} | chosen_rows(rows).keys()
        _write(job, [row for row in rows if row.study in wanted])
        if job.cluster:
            job.reporter.say("settings are tuned on this machine; the cluster trains what follows")
    for spec in dict.fromkeys(one.spec for one in missing):
        run_studies(job, spec, [one for one in missing if one.spec == spec])
    rows = _in_order(read_tuning(job.run.path), [one.key for one in studies])
    _write(job, rows)
    for line in tuning_lines(rows):
        job.reporter.say(line)
    return choices(config, rows)


def _undecided(studies: list[Study], rows: list[TuningRow], config: SweepConfig) -> list[Study]:
    """Return the studies without a choice. One at any fraction is enough, unless each size has its own: a run that is
    extended keeps its settings.
    """
    decided = chosen_rows(rows).keys()
    if config.tune_each_size:
        return [one for one in studies if one.key not in decided]
    curves = {curve for curve, _ in decided}
    return [one for one in studies if one.key[0] not in curves]


def choices(config: SweepConfig, rows: list[TuningRow]) -> Choices:
    """Return the chosen settings at each fraction of a sweep."""
    chosen = {study: row.settings for study, row in chosen_rows(rows).items()}
    if config.tune_each_size:
        return chosen
    return {(curve, fraction): one for (curve, _), one in chosen.items() for fraction in config.fractions}


def run_studies(job: SweepContext, spec: ModelSpec, studies: list[Study]) -> None:
    """Choose the settings of all studies of a model: the trials of a rung share lanes and one compiled program."""
    every = range(len(studies[0].candidates))
    kept: dict[StudyKey, list[int]] = {study.key: list(every) for study in studies}
    rungs = divisors(len(every))
    for rung, _ in enumerate(rungs, start=1):
        trials = [Trial(study, rung, candidate) for study in studies for candidate in kept[study.key]]
        train_trials(job, spec, rung, trials)
        rows = read_tuning(job.run.path)
        of_rung: dict[StudyKey, list[TuningRow]] = {}
        for row in rows:
            if row.rung == rung and row.study in kept:
                of_rung.setdefault(row.study, []).append(row)
        ranked = [row for own in of_rung.values() for row in rank(own, is_last=rung == len(rungs))]
        kept = {key: [row.candidate for row in ranked if row.study == key and row.kept == YES] for key in kept}
        new = {row.trial: row for row in ranked}
        _write(job, [new.get(row.trial, row) for row in rows])


def rank(rows: list[TuningRow], *, is_last: bool) -> list[TuningRow]:
    """Return the rows of a study at one rung with their ranks, and whether each is kept.

    A third of them is kept, and the default. In the last rung, the best is chosen.
    """
    higher = METRICS[rows[0].metric.removesuffix(PER_SD)].higher_is_better
    value = lambda row: math.inf if row.valid is None else -row.valid if higher else row.valid
    # The default first among equals: also where every setting diverged.
    places = sorted(range(len(rows)), key=lambda k: (value(rows[k]), rows[k].candidate))
    ranks = {place: k for k, place in enumerate(places, start=1)}
    most = 1 if is_last else max(1, len(rows) // KEPT_SHARE)
    found = []
    for place, row in enumerate(rows):
        kept = ranks[place] <= most or (row.candidate == DEFAULT_CANDIDATE and not is_last)
        said = YES if kept else NO
        found.append(replace(row, rank=ranks[place], kept=said, chosen=said if is_last else NO))
    return found


def train_trials(job: SweepContext, spec: ModelSpec, rung: int, trials: list[Trial]) -> None:
    """Train the trials of a rung that have no row in tuning.csv, adding rows as they end.

    Where the devices have not the memory for so many lanes, it goes on with fewer.
    """
    folder, name = job.run.checkpoints / f"tuning-{spec.name}-{rung}", f"tuning lanes of {spec.name}"
    queue = spec, [trial.replica for trial in trials], job.problem, job.config.batch_size_of(spec.model)
    lanes = job.run.metadata_or_set(name, choose_lanes(job.config.lanes, *queue))
    where = lanes_text(lanes, len(choose_devices(lanes, *queue)))
    job.reporter.say(f"{spec.name}: tuning, {count(len(trials), 'replica')} of rung {rung} in {where}")
    while len(done := _done(job, trials)) < len(trials):
        job.stop.check()
        if fewer := _train(job, spec, trials, done, lanes, folder):
            gc.collect()  # the error's traceback holds the engines, and they the device's memory
            checkpoint.remove(folder)
            job.run.update_metadata(name, fewer)
            job.reporter.say(f"{spec.name}: not enough memory for {count(lanes, 'lane')}; continuing with {fewer}")
            lanes = fewer
    checkpoint.remove(folder)


def _train(
    job: SweepContext, spec: ModelSpec, trials: list[Trial], done: set[str], lanes: int, folder: Path
) -> int | None:
    """Train the trials whose replicas are not `done`. Returns how many lanes to go on with where these are too many."""
    by_name = {trial.replica.name: trial for trial in trials}
    replicas = [trial.replica for trial in trials]
    tracked = {name: trial.tracked for name, trial in by_name.items()}
    observer = observer_of(job.tracking, tracked, job.problem.mean_metric)

    def on_result(engine: Engine, outcome: Outcome) -> None:
        row = by_name[outcome.name].row(outcome)
        append_rows(job.run.path / TUNING_FILE, TuningRow.columns(), [row.cells()])
        observer.ended(outcome)

    try:
        engines = engines_for(job.config, job.problem, spec, replicas, lanes)
        with job.reporter.progress("tuning", sum(replica.steps for replica in replicas), "steps") as progress:
            checkpoint.run(folder, engines, done, on_result, progress, job.stop, job.reporter.say, observer.watch)
    except jax.errors.JaxRuntimeError as error:
        return fewer_lanes(lanes, error)
    return None


def _done(job: SweepContext, trials: list[Trial]) -> set[str]:
    """Return the names of the replicas that have a row. Raise ConfigError where that is of another setting."""
    rows, done = {row.trial: row for row in read_tuning(job.run.path)}, set()
    for trial in trials:
        if row := rows.get(trial.key):
            if row.settings != trial.study.candidates[trial.candidate]:
                raise ConfigError(
                    f"{job.run.path / TUNING_FILE}: setting {trial.candidate} is {row.settings}, not "
                    f"{trial.study.candidates[trial.candidate]}: the file was changed, or another version of SciPy "
                    "drew its settings. Delete the file to tune anew, or choose another --out"
                )
            done.add(trial.replica.name)
    return done


def _in_order(rows: list[TuningRow], studies: list[StudyKey]) -> list[TuningRow]:
    """Return the rows in the order of the studies, those of others last, then of rungs and candidates."""
    place = {key: k for k, key in enumerate(studies)}
    return sorted(rows, key=lambda row: (place.get(row.study, len(place)), row.rung, row.candidate))


def _write(job: SweepContext, rows: list[TuningRow]) -> None:
    job.run.write_rows(TUNING_FILE, TuningRow.columns(), rows)
