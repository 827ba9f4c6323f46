"""The sweep's settings: one frozen dataclass, checked where values enter; TOML in, flags over it."""

import hashlib
import json
import math
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from jaxmrl.errors import ConfigError

TASKS = ("classification", "regression")
CLASSIFICATION_METRICS = ("roc_auc", "average_precision")
METRIC_NAMES = (*CLASSIFICATION_METRICS, "rmse", "mae", "r2")
PRECISIONS = ("float32", "tf32", "bfloat16")
DEFAULT_EPOCHS = 30
STUDY_FRACTIONS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class SweepConfig:
    """A sweep: its data, its grid, its model and how it is trained.

    The defaults are a small study that two cores finish in about two minutes; configs/ has the published one.
    """

    dataset: str = "nci"
    """Data set by name; --list-datasets names them. Not used with --csv."""

    csv: Path | None = None
    """A CSV or CSV.gz file of your own."""

    smiles_column: str | None = None
    """Column of the SMILES in --csv. Default: the one named smiles."""

    target_columns: tuple[str, ...] = ()
    """Columns to predict; empty values are missing labels. Default: the data set's tasks, or every numeric column."""

    task: Literal["classification", "regression"] | None = None
    """Kind of the targets in --csv. Default: classification where all are 0 or 1."""

    metric: str | None = None
    """roc_auc, average_precision, rmse, mae or r2. Default: the data set's own; roc_auc or rmse for --csv."""

    deduplicate: bool = False
    """Keep only the first of molecules with the same canonical SMILES."""

    split_seed: int = 42
    """Seed of the random 80/10/10 split."""

    fractions: tuple[float, ...] = STUDY_FRACTIONS
    """Fractions of the training molecules: the points of the curve."""

    seeds: int = 3
    """Replicas per fraction, with seeds 0, 1, ...: subset, initial weights, batch order, dropout."""

    epochs: int | None = None
    """Length of a replica in epochs; the study's is 100. Default: 30, unless --steps is given."""

    steps: int | None = None
    """Length in optimiser steps instead, the same for every fraction."""

    batch_size: int = 256
    """Molecules per batch; the last batch of an epoch may be smaller."""

    width: tuple[int, ...] = (64,)
    """Width of the GIN; the study's is 300. Several values make several curves."""

    depth: tuple[int, ...] = (3,)
    """Layers of the GIN; the study's are 5. Several values make several curves."""

    dropout: float = 0.5
    """Dropout after every layer."""

    learning_rate: float = 1e-3
    """Of Adam."""

    evaluate_every: int = 1
    """Epochs between validations; the last epoch is always validated."""

    lanes: int | Literal["auto"] = "auto"
    """Replicas trained side by side. auto: by a formula of the shapes, the queue, the memory and the device."""

    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """Of matrix products: full float32, the accelerator's fast float32, or bfloat16 operands with float32 sums."""

    out: Path | None = None
    """Run directory; the same command on it resumes. Default: runs/NAME-HASH, by the settings."""

    def __post_init__(self):
        for f in fields(self):
            object.__setattr__(self, f.name, _typed(f.name, getattr(self, f.name)))
        if self.csv is None:
            for name in ("smiles_column", "task"):
                if getattr(self, name):
                    raise ConfigError(f"{_flag(name)} describes a file of your own: give --csv too")
        if self.task is not None:
            _choice("task", self.task, TASKS)
        if self.metric is not None:
            _choice("metric", self.metric, METRIC_NAMES)
        _choice("precision", self.precision, PRECISIONS)
        if not self.fractions:
            raise ConfigError("--fractions needs at least one value")
        for fraction in self.fractions:
            if not 0 < fraction <= 1:
                raise ConfigError(f"--fractions must be above 0 and at most 1; got {fraction:g}")
        for name in ("fractions", "width", "depth"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ConfigError(f"{_flag(name)} has a value twice: {' '.join(map(str, getattr(self, name)))}")
        for name in ("seeds", "epochs", "steps", "batch_size", "evaluate_every", "lanes"):
            value = getattr(self, name)
            if value is not None and value != "auto" and value < 1:
                raise ConfigError(f"{_flag(name)} must be 1 or more; got {value}")
        for name in ("width", "depth"):
            if not getattr(self, name) or min(getattr(self, name)) < 1:
                raise ConfigError(f"{_flag(name)} must be 1 or more; got {getattr(self, name)}")
        if self.split_seed < 0:
            raise ConfigError(f"--split-seed must be 0 or more; got {self.split_seed}")
        if self.epochs is not None and self.steps is not None:
            raise ConfigError("give --epochs or --steps, not both")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"--dropout must be at least 0 and below 1; got {self.dropout:g}")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise ConfigError(f"--learning-rate must be a positive number; got {self.learning_rate:g}")

    @property
    def name(self) -> str:
        """Of the data: the data set's, or the file's."""
        return self.csv.name.split(".")[0] if self.csv else self.dataset

    @property
    def training_epochs(self) -> int:
        """Epochs of each replica, where `steps` does not say otherwise."""
        return self.epochs or DEFAULT_EPOCHS

    @property
    def length(self) -> str:
        """The training budget in words: equal epochs and equal steps give different exponents."""
        return f"{self.steps} steps each" if self.steps else f"{self.training_epochs} epochs each"


def default_directory(config: SweepConfig) -> Path:
    """runs/NAME-HASH: the same settings find the same directory."""
    digest = hashlib.blake2b(to_toml(config).encode(), digest_size=3).hexdigest()
    return Path("runs") / f"{config.name}-{digest}"


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"unknown {name} {value!r}; choose from {', '.join(choices)}")


def read_toml(path: Path) -> dict[str, Any]:
    """Settings from a TOML file, as keyword arguments of SweepConfig. Raises ConfigError."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    for key in values:
        if key not in _DEFAULTS:
            raise ConfigError(f"{path}: unknown setting {key!r}; the settings are {', '.join(_DEFAULTS)}")
    return values


def to_toml(config: SweepConfig) -> str:
    """The settings as TOML that `read_toml` reads back, without those that are not set.

    `out` is left out, for the file lies in it, and so is `dataset` where a file takes its place.
    """
    left_out = ("out", "dataset") if config.csv else ("out",)
    lines = []
    for f in fields(config):
        value = getattr(config, f.name)
        if value is None or f.name in left_out:
            continue
        value = list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
        lines.append(f"{f.name} = {json.dumps(value, ensure_ascii=False)}\n")
    return "".join(lines)


_KINDS = {
    **dict.fromkeys(("csv", "out"), Path),
    **dict.fromkeys(("dropout", "learning_rate", "fractions"), float),
    **dict.fromkeys(("split_seed", "seeds", "epochs", "steps", "batch_size", "evaluate_every", "width", "depth"), int),
    "lanes": int,
    "deduplicate": bool,
}
"""The kind of each setting that is no string."""

_LISTS = ("target_columns", "fractions", "width", "depth")
_ACCEPTED = {float: (int, float), Path: (str, Path)}


def _typed(name: str, value: Any) -> Any:
    """The value of a setting in its own type: a list for a tuple, one value for a list of one, a string for a path."""
    if value is None or value == _DEFAULTS[name]:
        return value
    if name in _LISTS:
        items = value if isinstance(value, list | tuple) else [value]
        return tuple(_scalar(name, item) for item in items)
    return _scalar(name, value)


def _scalar(name: str, value: Any) -> Any:
    kind = _KINDS.get(name, str)
    if not isinstance(value, _ACCEPTED.get(kind, kind)) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{_flag(name)} must be of type {kind.__name__}; got {value!r}")
    return kind(value)


_DEFAULTS = {f.name: f.default for f in fields(SweepConfig)}
