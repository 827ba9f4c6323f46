"""Values of every training molecule. `python -m jaxmrl.value`, or `value_molecules(ValueConfig(...))`."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxmrl.config import ValueConfig, to_toml
from jaxmrl.data.loading import load_problem
from jaxmrl.data.task_data import TaskData
from jaxmrl.errors import DataError, DivergedError
from jaxmrl.formats.writing import check_writable, table_bytes
from jaxmrl.io.files import remove_folder, write_whole
from jaxmrl.io.records import write_rejected
from jaxmrl.pruning.select import Scores
from jaxmrl.reports.terminal import Reporter, value_summary
from jaxmrl.runs import directory
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.training.capacity import device_name
from jaxmrl.training.interrupts import catch_signals
from jaxmrl.training.model_spec import model_specs
from jaxmrl.training.numerics import own_numerics
from jaxmrl.valuation.methods import value_methods_for
from jaxmrl.valuation.subset_models import SubsetModels
from jaxmrl.valuation.value_files import DataValues, value_facts, value_table
from jaxmrl.valuation.valuing import Workplace, compute_values

_SUSPECTS_SHOWN = 5


@own_numerics()
def value_molecules(config: ValueConfig, *, quiet: bool = True, max_seconds: float | None = None) -> DataValues:
    """Value all training molecules by models on random subsets, and write the values with a summary and a figure.

    The same call resumes a valuation that was interrupted.

    Args:
        config: The settings: data, methods, and the models that learn from subsets.
        quiet: Whether to print nothing.
        max_seconds: Stop after this many seconds as a signal would, with the state saved. None sets no limit.

    Returns:
        The values by each method, with their standard errors.

    Raises:
        UserError: For input or settings that cannot be used.
        StopRequestedError: When a signal or `max_seconds` stopped it. The state is saved; the same call resumes it.
    """
    started, reporter = time.monotonic(), Reporter(quiet=quiet)
    check_writable(config.out.suffix)
    beside = config.out.with_name(f"{config.out.name}.{directory.REJECTED}")
    try:
        problem = load_problem(config, reporter)
    except DataError as error:
        write_rejected(beside, error.rejected, reporter)
        raise
    config = replace(config, methods=value_methods_for(config.methods, problem.has_smiles))
    (spec,) = model_specs(config, problem)
    models = SubsetModels(config, problem, spec)
    work = RunDirectory(config.out.with_name(f"{config.out.name}.unfinished"), problem.table.tasks)
    metadata = directory.code_metadata() | {"device": device_name(), "data": problem.fingerprint()}
    with work.lock():
        work.create_or_resume(to_toml(config), metadata)
        work.check_trainable()
        try:
            with catch_signals(max_seconds, started) as stop:
                found = compute_values(models, Workplace(work, work.path, reporter, stop))
        except DivergedError:
            remove_folder(work.path)
            raise
        write_values(config, problem, found, metadata, reporter)
        write_rejected(beside, problem.table.rejected, reporter)
        remove_folder(work.path)
    return found


def write_values(
    config: ValueConfig, problem: TaskData, found: DataValues, metadata: dict[str, Any], reporter: Reporter
) -> None:
    """Write the values to `config.out`, and a .json and a .png file beside it."""
    from jaxmrl.reports.plots import render  # here, because Matplotlib is slow to import
    from jaxmrl.reports.score_figure import draw_scores

    settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(config).items()}
    content = {"settings": settings, **metadata, "molecules": len(found.molecules), **value_facts(found, problem)}
    scores = Scores(found.molecules, {name: one.value[None] for name, one in found.values.items()})
    figure = draw_scores(scores, problem, "hard", f"{config.name}: values of the training molecules")
    beside = {kind: config.out.with_suffix(kind) for kind in (".json", ".png")}
    write_whole(beside[".png"], render(figure, "png"))
    write_whole(beside[".json"], (json.dumps(content, indent=2) + "\n").encode())
    write_whole(config.out, table_bytes(value_table(found, problem), config.out.suffix))
    reporter.console.print(value_summary(content))
    say_suspects(found, problem, reporter)
    for line in content["warnings"]:
        reporter.say(line)
    reporter.say(f"Results for {len(found.molecules):,} molecules: {config.out}, {beside['.json']}, {beside['.png']}")


def say_suspects(found: DataValues, problem: TaskData, reporter: Reporter) -> None:
    """Report the molecules whose labels are suspected most."""
    table, values = problem.table, found.values[found.suspect_method].value
    order = np.argsort(values, kind="stable")[:_SUSPECTS_SHOWN]
    reporter.say(f"labels to check first, by the lowest {found.suspect_method}:")
    for molecule, value in zip(found.molecules[order].tolist(), values[order].tolist(), strict=True):
        name = f" {table.smiles[molecule]}" if problem.has_smiles else ""
        labels = ", ".join(f"{label:g}" for label in table.labels[molecule] if label == label)
        reporter.say(f"  molecule_id {table.ids[molecule]}:{name}, label {labels}, value {value:.3g}")
