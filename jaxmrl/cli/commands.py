"""The command line: flags from the config dataclasses, short errors, exit codes.

0: done. 1: the reader of the output closed it, as `head` does. 2: input, settings or an environment that cannot be
used. 130: stopped by a signal or by --max-time, with the state saved.
"""

import functools
import io
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal

import jaxmrl
from jaxmrl.cli.options import options_type, values_of
from jaxmrl.cli.parsing import SomeSettings, end, parse, parse_flags
from jaxmrl.config import (
    CompareConfig,
    FitConfig,
    PlanConfig,
    PredictConfig,
    PretrainConfig,
    ScoreConfig,
    SelectConfig,
    ServeConfig,
    SweepConfig,
    ValueConfig,
)
from jaxmrl.data.datasets import DATASETS
from jaxmrl.errors import ConfigError, UserError
from jaxmrl.startup import USAGE
from jaxmrl.sweep.extend import extended
from jaxmrl.text import count, one_line, seconds_in
from jaxmrl.training.capacity import check_devices, use_cores
from jaxmrl.training.compiled import keep_compiled
from jaxmrl.training.interrupts import StopRequestedError, stop_signals

STOPPED = 130


@dataclass(frozen=True)
class PlainFlags:
    """The flags of every command."""

    version: bool = False
    """Print the version and exit."""


@dataclass(frozen=True, kw_only=True)
class _Flags(PlainFlags, Generic[SomeSettings]):
    settings: SomeSettings

    config: Path | None = None
    """Read settings from this TOML file; options on the command line override them. Default: none."""

    max_time: str | None = None
    """Stop after this time, such as 3h, 90min or 2h30m, and save the state; the same command resumes the run. Default:
    no limit."""

    list_datasets: bool = False
    """Print the data sets and exit."""

    def __post_init__(self) -> None:
        if self.max_time is not None and not self.max_seconds:
            raise ConfigError(f"--max-time must be a time such as 3h, 90min or 2h30m; got {self.max_time!r}")

    @property
    def max_seconds(self) -> float | None:
        """The time of --max-time."""
        return None if self.max_time is None else seconds_in(self.max_time)


@dataclass(frozen=True, kw_only=True)
class _TrackedFlags(_Flags[SomeSettings]):
    tracker: Literal["tensorboard", "wandb", "mlflow"] | None = None
    """Also record training with this program: TensorBoard, Weights & Biases (offline) or MLflow (a local database). Its
    files are written to the folder trackers in --out or, if --out is a file of scores, to a folder beside it. Nothing
    is sent anywhere unless environment variables of the program say so. Default: none."""


@dataclass(frozen=True, kw_only=True)
class _LongFlags(_TrackedFlags[SomeSettings]):
    dry_run: bool = False
    """Print the number of steps and floating-point operations of the run (for a sweep, also the number of replicas) and
    the memory that it needs, and exit."""

    estimate: bool = False
    """Print what --dry-run prints, time a few steps, print how long the run takes on this machine, and exit."""


@dataclass(frozen=True, kw_only=True)
class SweepFlags(_LongFlags[SweepConfig]):
    """The flags of `jaxmrl sweep`."""

    cluster: str | None = None
    """Train on the machines of the Ray cluster at this address; local starts Ray on this machine alone. Default: none;
    this process trains."""

    extend: bool = False
    """Add fractions, seeds, pruning methods, modalities, models, widths, depths, splits, baselines, initializations,
    --save-predictions or --save-all-models to the run in --out. Existing results stay, and only what is missing is
    trained. Settings that are not given are those of the run."""


@dataclass(frozen=True, kw_only=True)
class ScoreFlags(_TrackedFlags[ScoreConfig]):
    """The flags of `jaxmrl score`."""


@dataclass(frozen=True, kw_only=True)
class ValueFlags(_Flags[ValueConfig]):
    """The flags of `jaxmrl value`."""


@dataclass(frozen=True, kw_only=True)
class PretrainFlags(_LongFlags[PretrainConfig]):
    """The flags of `jaxmrl pretrain`."""


OPTIONS: dict[str, tuple[type, type]] = {
    "sweep": (SweepConfig, SweepFlags),
    "score": (ScoreConfig, ScoreFlags),
    "value": (ValueConfig, ValueFlags),
    "pretrain": (PretrainConfig, PretrainFlags),
    "predict": (PredictConfig, PlainFlags),
    "select": (SelectConfig, PlainFlags),
    "fit": (FitConfig, PlainFlags),
    "plan": (PlanConfig, PlainFlags),
    "compare": (CompareConfig, PlainFlags),
    "serve": (ServeConfig, PlainFlags),
}
"""The settings and the flags of each command; their fields are its options."""


def sweep_command() -> None:
    """Run `python -m jaxmrl.sweep`."""
    from jaxmrl.sweep import run_sweep

    def act(flags: SweepFlags) -> None:
        if flags.dry_run or flags.estimate:
            from jaxmrl.sweep.estimate import estimate

            estimate(extended(flags.settings) if flags.extend else flags.settings, timed=flags.estimate, quiet=False)
        else:
            run_sweep(
                flags.settings,
                cluster=flags.cluster,
                extend=flags.extend,
                tracker=flags.tracker,
                max_seconds=flags.max_seconds,
                quiet=False,
            )

    run_command(lambda: _run("sweep", run_sweep, act, sys.argv[1:]))


def score_command() -> None:
    """Run `python -m jaxmrl.score`."""
    from jaxmrl.score import score_molecules

    act = lambda flags: score_molecules(
        flags.settings, tracker=flags.tracker, quiet=False, max_seconds=flags.max_seconds
    )
    run_command(lambda: _run("score", score_molecules, act, sys.argv[1:]))


def value_command() -> None:
    """Run `python -m jaxmrl.value`."""
    from jaxmrl.value import value_molecules

    act = lambda flags: value_molecules(flags.settings, quiet=False, max_seconds=flags.max_seconds)
    run_command(lambda: _run("value", value_molecules, act, sys.argv[1:]))


def pretrain_command() -> None:
    """Run `python -m jaxmrl.pretrain`."""
    from jaxmrl.pretrain import pretrain_encoder

    def act(flags: PretrainFlags) -> None:
        if flags.dry_run or flags.estimate:
            from jaxmrl.pretrain.estimate import estimate_pretraining

            estimate_pretraining(flags.settings, timed=flags.estimate, quiet=False)
        else:
            pretrain_encoder(flags.settings, tracker=flags.tracker, quiet=False, max_seconds=flags.max_seconds)

    run_command(lambda: _run("pretrain", pretrain_encoder, act, sys.argv[1:]))


def fit_command() -> None:
    """Run `python -m jaxmrl.fit`."""
    from jaxmrl.fit import fit_curves

    run_command(lambda: _run_plain("fit", fit_curves, sys.argv[1:]))


def plan_command() -> None:
    """Run `python -m jaxmrl.plan`."""
    from jaxmrl.plan import plan_purchase

    run_command(lambda: _run_plain("plan", plan_purchase, sys.argv[1:]))


def compare_command() -> None:
    """Run `python -m jaxmrl.compare`."""
    from jaxmrl.compare import compare_sweeps

    run_command(lambda: _run_plain("compare", compare_sweeps, sys.argv[1:]))


def serve_command() -> None:
    """Run `python -m jaxmrl.serve`."""
    from jaxmrl.serve import serve_runs

    run_command(lambda: _run_plain("serve", serve_runs, sys.argv[1:]))


def predict_command() -> None:
    """Run `python -m jaxmrl.predict`."""
    from jaxmrl.predict import predict_molecules

    run_command(lambda: _run_plain("predict", predict_molecules, sys.argv[1:], computes=True))


def select_command() -> None:
    """Run `python -m jaxmrl.select`."""
    from jaxmrl.select import select_molecules
    from jaxmrl.select.simulate import simulate_selection

    @functools.wraps(select_molecules)
    def act(config: SelectConfig, *, quiet: bool) -> None:
        (simulate_selection if config.simulate else select_molecules)(config, quiet=quiet)

    run_command(lambda: _run_plain("select", act, sys.argv[1:], computes=True))


def _program(name: str) -> str:
    """Return the command's name: `jaxmrl sweep` if it was run by that name."""
    called = f"jaxmrl {name}"
    return called if sys.argv[0] == called else f"python -m jaxmrl.{name}"


def _run_plain(name: str, function: Callable, arguments: list[str], computes: bool = False) -> None:
    """Run a command whose settings are flags alone. computes: whether it needs one of JAX's devices."""
    if "--version" in arguments:
        print(f"jaxmrl {jaxmrl.__version__}")
    else:
        options = parse_flags(options_type(OPTIONS[name], {}), _program(name), _summary(function), arguments)
        values = values_of(options)
        del values["version"]
        if computes:
            check_devices()
        function(OPTIONS[name][0](**values), quiet=False)


def _summary(function: Callable) -> str:
    """Return the first line of a docstring; empty where Python leaves them out."""
    return (function.__doc__ or "").split("\n")[0]


def _run(name: str, function: Callable, act: Callable, arguments: list[str]) -> None:
    """Run a command that may take settings from a file. function: its docstring says what the command does."""
    if "--version" in arguments:
        print(f"jaxmrl {jaxmrl.__version__}")
    elif "--list-datasets" in arguments:
        print(datasets_text())
    else:
        flags = parse(*OPTIONS[name], _program(name), _summary(function), arguments)
        check_devices()
        act(flags)


def run_command(command: Callable[[], None]) -> None:
    """Run a command and end the process. An error that a user can cause becomes one line on standard error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a locale without ± is no reason to end without a result
    keep_compiled()
    use_cores()
    # If a command is not training when it is asked to stop, it ends as with Ctrl-C, with its worker processes.
    for number in stop_signals():
        signal.signal(number, signal.default_int_handler)
    try:
        command()
        if sys.stdout:  # else it was closed
            sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has closed the output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except UserError as error:
        end(f"error: {one_line(str(error))}", USAGE)
    except StopRequestedError as error:
        why = f": {error}" if str(error) else ""
        end(f"stopped{why}; the state is saved. Run the same command to resume", STOPPED)
    except KeyboardInterrupt:
        end("stopped", STOPPED)
    except RuntimeError as error:
        from jaxmrl.training.capacity import lacks_memory  # here, because it imports JAX

        if not lacks_memory(error):
            raise
        end("error: a device does not have enough memory: give fewer --lanes, or a smaller --batch-size", USAGE)


def datasets_text() -> str:
    """Return the list of data sets, a line for each: name, kind, metric, tasks, description and source."""
    widths = (10, 14, 17)
    lines = []
    for dataset in DATASETS.values():
        names = (dataset.name, dataset.task, dataset.metric)
        columns = "  ".join(text.ljust(width) for text, width in zip(names, widths, strict=True))
        lines.append(f"{columns}  {count(dataset.tasks, 'task'):<11}  {dataset.about} ({dataset.citation})")
    return "\n".join(lines)
