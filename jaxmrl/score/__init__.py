"""Scores of every training molecule for pruning. `python -m jaxmrl.score`, or `score_molecules(ScoreConfig(...))`."""

import json
import time
from pathlib import Path
from typing import Any

from jaxmrl.config import ScoreConfig, to_toml
from jaxmrl.data.loading import load_problem
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import DataError, DivergedError
from jaxmrl.formats.writing import check_writable, table_bytes
from jaxmrl.io.files import remove_folder, write_whole
from jaxmrl.io.records import write_rejected
from jaxmrl.pruning.score_files import score_facts, score_table
from jaxmrl.pruning.scoring_models import ScoringTask
from jaxmrl.pruning.select import Scores
from jaxmrl.reports.terminal import Reporter, score_summary
from jaxmrl.runs import directory
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.trackers.base import Tracker
from jaxmrl.trackers.opening import FOLDER, check_tracker, open_tracker
from jaxmrl.trackers.purposes import scoring_observer
from jaxmrl.training.capacity import device_name
from jaxmrl.training.interrupts import catch_signals
from jaxmrl.training.model_spec import model_specs
from jaxmrl.training.numerics import own_numerics


@own_numerics()
def score_molecules(
    config: ScoreConfig,
    *,
    tracker: str | Tracker | None = None,
    quiet: bool = True,
    max_seconds: float | None = None,
) -> Scores:
    """Score all training molecules for pruning, and write the scores with a summary and a figure.

    The same call resumes a scoring that was interrupted.

    Args:
        config: The settings: data, methods, and the models that score.
        tracker: Where the training of the models is recorded, as for `run_sweep`. One by name writes to a folder beside
            the scores. None records it nowhere.
        quiet: Whether to print nothing.
        max_seconds: Stop after this many seconds as a signal would, with the state saved. None sets no limit.

    Returns:
        The scores of each method, for each seed.

    Raises:
        UserError: For input or settings that cannot be used.
        StopRequestedError: When a signal or `max_seconds` stopped it. The state is saved; the same call resumes it.
    """
    started, reporter = time.monotonic(), Reporter(quiet=quiet)
    check_writable(config.out.suffix)
    check_tracker(tracker)
    beside = config.out.with_name(f"{config.out.name}.{directory.REJECTED}")
    try:
        problem = load_problem(config, reporter)
    except DataError as error:
        write_rejected(beside, error.rejected, reporter)
        raise
    (spec,) = model_specs(config, problem)
    task = ScoringTask(config, problem, spec, config.methods, config.seeds, config.epochs)
    work = RunDirectory(config.out.with_name(f"{config.out.name}.unfinished"), problem.table.tasks)
    metadata = directory.code_metadata() | {"device": device_name(), "data": problem.fingerprint()}
    with work.lock():
        work.create_or_resume(to_toml(config), metadata)
        work.check_trainable()
        try:
            with (
                open_tracker(
                    tracker, config.out, reporter.say, config.out.with_name(f"{config.out.name}.{FOLDER}")
                ) as own,
                catch_signals(max_seconds, started) as stop,
            ):
                scores = task.scores(work, work.path, reporter, stop, observer=scoring_observer(own, task))
        except DivergedError:
            remove_folder(work.path)
            raise
        write_scores(config, problem, scores, metadata, reporter)
        write_rejected(beside, problem.table.rejected, reporter)
        remove_folder(work.path)
    return scores


def write_scores(
    config: ScoreConfig, problem: TaskData, scores: Scores, metadata: dict[str, Any], reporter: Reporter
) -> None:
    """Write the scores to `config.out`, and a .json and a .png file beside it."""
    from jaxmrl.reports.plots import render  # here, because Matplotlib is slow to import
    from jaxmrl.reports.score_figure import draw_scores

    settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(config).items()}
    content = {"settings": settings, **metadata, "molecules": len(scores.molecules), "seeds": scores.seeds}
    content |= score_facts(scores, problem, config.keep)
    figure = draw_scores(scores, problem, config.keep, f"{config.name}, {scores.seeds} seeds, {config.epochs} epochs")
    beside = {kind: config.out.with_suffix(kind) for kind in (".json", ".png")}
    write_whole(beside[".png"], render(figure, "png"))
    write_whole(beside[".json"], (json.dumps(content, indent=2) + "\n").encode())
    write_whole(config.out, table_bytes(score_table(scores, problem, config.keep), config.out.suffix))
    reporter.console.print(score_summary(content))
    for line in content["warnings"]:
        reporter.say(line)
    reporter.say(f"Results for {len(scores.molecules):,} molecules: {config.out}, {beside['.json']}, {beside['.png']}")
