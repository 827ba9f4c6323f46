"""Adding to the grid of a run: what may be added to its settings, and the settings of both."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from jaxmrl.config import SweepConfig
from jaxmrl.config.names import ADDABLE
from jaxmrl.errors import ConfigError
from jaxmrl.modalities import registry
from jaxmrl.runs.identity import read_run
from jaxmrl.runs.saved_settings import run_settings

_OF_SCORES = ("scores", "score_seeds", "score_epochs", "keep")
"""Settings that decide nothing in a run without a pruning by scores, so that they may come with its first one."""


_OF_AN_AXIS = ("split_file", "embeddings", "group_column", "date_column")
"""Files and columns that add a value to an axis: each may be added to a run, and then not be another."""


def saved_settings(out: Path) -> dict[str, Any]:
    """Return the settings of the run in a directory, as keyword arguments of SweepConfig; none where there is no run.

    They are what a command with --extend does not name. Raises ConfigError for a damaged file.
    """
    path = out / "config.toml"
    return run_settings(path) if path.exists() else {}


def as_begun(config: SweepConfig, out: Path) -> SweepConfig:
    """Return the settings with one split where the run in `out` is of a version that knew no other.

    So the same command still resumes it. Raises ConfigError where the files of the run are damaged.
    """
    saved = read_run(out) if config.split_seeds == "auto" else None
    return config if saved is None or "split_seeds" in saved[1] else replace(config, split_seeds=1)


def extended(config: SweepConfig) -> SweepConfig:
    """Return the settings of the run in `config.out` with the fractions, seeds, ... of `config` added to its own.

    Every setting of `config` counts as asked for, also one at its default: `saved_settings` are those of the run. What
    was asked for all at once in the order of `config` comes out in that order. Raises ConfigError where there is
    no run, and where the settings differ in something that cannot be added.
    """
    if (out := config.out) is None:
        raise ConfigError("--extend needs the directory of a run: give it with --out")
    if not (settings := saved_settings(out)):
        raise ConfigError(f"--extend: {out} contains no run; omit --extend to start one there")
    saved, config = SweepConfig(**settings | {"out": out}).resolved(), config.resolved()
    files = {name: getattr(saved, name) for name in _OF_AN_AXIS}
    free = {*ADDABLE, *(() if saved.scored_prunings else _OF_SCORES)}
    fixed = [f.name for f in fields(SweepConfig) if f.name not in free]
    differing = [name for name in fixed if _plain(getattr(saved, name)) != _plain(getattr(config, name))]
    for name, there in files.items():
        if there and getattr(config, name) not in (None, there):
            differing.append(name)
    if not _keep_their_splits(saved, config):
        differing.append("split_seeds")
    if differing:
        changes = (
            f"{name} ({_text(getattr(saved, name))} there, {_text(getattr(config, name))} here)" for name in differing
        )
        raise ConfigError(
            f"--extend cannot change settings that {config.out} was trained with: {', '.join(changes)}. Omit them to "
            "keep those of the run, or choose another --out"
        )
    joined: dict[str, Any] = {
        name: _joined(values, getattr(config, name)) for name, values in _axes(saved, config, out).items()
    }
    return replace(
        config,
        **joined,
        seeds=max(saved.seeds, config.seeds),
        **{name: there or getattr(config, name) for name, there in files.items()},
        save_predictions=saved.save_predictions or config.save_predictions,
        save_all_models=saved.save_all_models or config.save_all_models,
    )


def _keep_their_splits(saved: SweepConfig, config: SweepConfig) -> bool:
    """Return whether all seeds of the run use the same splits by the settings of `config`: seed k uses split k modulo
    the number of splits. Beside the test set of a file, that is also the number of folds, which decides their size.
    """
    there, here = saved.split_seeds, config.split_seeds
    if there == here:
        return True
    if saved.split_file:
        return False
    if there == "auto" or here == "auto":  # one split, or one for each seed, as the number of molecules decides
        return saved.seeds == 1
    return all(seed % there == seed % here for seed in range(saved.seeds))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _axes(saved: SweepConfig, config: SweepConfig, out: Path) -> dict[str, tuple]:
    """Return the values of each axis in the saved run, by name: defaults as values if the other run names some."""
    defaults = {
        "modality": saved.modalities,
        "model": tuple(model for modality in saved.modalities for model in saved.models_of(modality)),
        "split": tuple(name for name in saved.splits if name != "file"),
    }
    for name in ("width", "depth"):
        trained = (registry.models()[model] for _, model in saved.trained_models)
        defaults[name] = tuple({getattr(model, name) for model in trained})
    axes = {name: getattr(saved, name) for name in ("fractions", "pruning", "init", "baselines", *defaults)}
    for name, default in defaults.items():
        values = axes[name] or default
        added = getattr(config, name) or (name == "split" and config.split_file and not saved.split_file)
        if not axes[name] and added:
            if name in ("width", "depth") and len(values) > 1:
                raise ConfigError(
                    f"--extend: the models of {out} have different defaults of --{name}; choose another --out"
                )
            axes[name] = values
        elif axes[name] and not getattr(config, name):
            given = " ".join(map(str, values))
            raise ConfigError(f"--extend: give --{name} {given}, as in {out / 'config.toml'}")
    return axes


def _joined(saved: tuple, new: tuple) -> tuple:
    """Return `new` if that has all of `saved`, else what it adds after `saved`."""
    return new if set(saved) <= set(new) else tuple(dict.fromkeys((*saved, *new)))


def _text(value: Any) -> str:
    """Return the value of a setting for an error."""
    return "not set" if value is None else str(value)
