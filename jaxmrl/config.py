"""The commands' settings: frozen dataclasses, checked where values enter; TOML in, flags over it."""

import hashlib
import json
import math
import tomllib
import types
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from jaxmrl.errors import ConfigError

TASKS = ("classification", "regression")
CLASSIFICATION_METRICS = ("roc_auc", "average_precision")
METRIC_NAMES = (*CLASSIFICATION_METRICS, "rmse", "mae", "r2")
PRECISIONS = ("float32", "tf32", "bfloat16")
PRUNING_METHODS = (
    "random",
    "el2n",
    "grand",
    "grand-last",
    "entropy",
    "least-confidence",
    "forgetting",
    "herding",
    "kmeans",
)
MODALITIES = ("graph", "fingerprint", "smiles")
KEPT = ("hard", "easy")
SCORE_KINDS = (".csv", ".parquet", ".npz")
DEFAULT_EPOCHS = 30
STUDY_FRACTIONS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
_COUNTS = ("seeds", "epochs", "steps", "batch_size", "evaluate_every", "lanes", "score_seeds", "score_epochs")
_AXES = ("fractions", "width", "depth", "pruning", "methods", "modality")


@dataclass(frozen=True)
class ModelDefaults:
    """The model of a modality, and its settings where the user leaves them open."""

    model: str
    width: int
    depth: int
    dropout: float
    learning_rate: float


MODELS = {
    "graph": ModelDefaults("gin", width=64, depth=3, dropout=0.5, learning_rate=1e-3),
    "fingerprint": ModelDefaults("transformer", width=64, depth=1, dropout=0.1, learning_rate=1e-3),
    "smiles": ModelDefaults("transformer", width=64, depth=1, dropout=0.1, learning_rate=1e-3),
}
"""The transformers are the study's; its GIN has width 300 and depth 5."""

HEADS = 8
"""Of attention."""


@dataclass(frozen=True)
class Settings:
    """What every command is told that trains models: the data, and how one model is trained."""

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

    batch_size: int = 256
    """Molecules per batch; the last batch of an epoch may be smaller."""

    dropout: float | None = None
    """Dropout after every layer. Default: the model's own, 0.5 for the GIN, 0.1 for the transformers."""

    learning_rate: float | None = None
    """Default: the model's own, 1e-3."""

    fingerprint_radius: int = 2
    """Radius of the Morgan fingerprint; 2 is ECFP4."""

    fingerprint_bits: int = 1024
    """Its length; a multiple of 8."""

    fingerprint_chirality: bool = False
    """Whether it tells stereoisomers apart."""

    fingerprint_tokens: Literal["set", "all"] = "set"
    """What the transformer sees: the bits that are set, or all of them, as in the study."""

    lanes: int | Literal["auto"] = "auto"
    """Replicas trained side by side. auto: by a formula of the shapes, the queue, the memory and the device."""

    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """Of matrix products: full float32, the accelerator's fast float32, or bfloat16 operands with float32 sums."""

    keep: Literal["hard", "easy"] = "hard"
    """Which end of a score pruning keeps, where that is a choice; the study keeps the hard molecules."""

    def __post_init__(self):
        for f in fields(self):
            object.__setattr__(self, f.name, _typed(type(self), f.name, getattr(self, f.name)))
        if self.csv is None:
            for name in ("smiles_column", "task"):
                if getattr(self, name):
                    raise ConfigError(f"{_flag(name)} describes a file of your own: give --csv too")
        if self.task is not None:
            _choice("task", self.task, TASKS)
        if self.metric is not None:
            _choice("metric", self.metric, METRIC_NAMES)
        _choice("precision", self.precision, PRECISIONS)
        if self.keep not in KEPT:
            raise ConfigError(f"--keep is hard or easy; got {self.keep!r}. How much is kept is for --fractions to say")
        for name in _COUNTS:
            value = getattr(self, name, None)
            if value is not None and value != "auto" and value < 1:
                raise ConfigError(f"{_flag(name)} must be 1 or more; got {value}")
        for name in ("width", "depth"):
            values = getattr(self, name, None) or ()
            if min(values if isinstance(values, tuple) else (values,), default=1) < 1:
                raise ConfigError(f"{_flag(name)} must be 1 or more; got {values}")
        for name in _AXES:
            values = getattr(self, name, ())
            if isinstance(values, tuple) and len(set(values)) < len(values):
                raise ConfigError(f"{_flag(name)} has a value twice: {' '.join(map(str, values))}")
        _choice("fingerprint tokens", self.fingerprint_tokens, ("set", "all"))
        if self.fingerprint_bits < 8 or self.fingerprint_bits % 8:
            raise ConfigError(f"--fingerprint-bits must be a multiple of 8; got {self.fingerprint_bits}")
        if self.fingerprint_radius < 0:
            raise ConfigError(f"--fingerprint-radius must be 0 or more; got {self.fingerprint_radius}")
        for modality in self.modalities:
            _choice("modality", modality, MODALITIES)
            odd = [width for width in self.widths if width and width % HEADS]
            if MODELS[modality].model == "transformer" and odd:
                raise ConfigError(f"--width of a transformer must be a multiple of its {HEADS} heads; got {odd[0]}")
        if self.split_seed < 0:
            raise ConfigError(f"--split-seed must be 0 or more; got {self.split_seed}")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ConfigError(f"--dropout must be at least 0 and below 1; got {self.dropout:g}")
        if self.learning_rate is not None and not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise ConfigError(f"--learning-rate must be a positive number; got {self.learning_rate:g}")

    @property
    def modalities(self) -> tuple[str, ...]:
        """What the models see."""
        return ("graph",)

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the models, where they are set."""
        return ()

    def rate(self, modality: str) -> float:
        """The learning rate of a modality's model."""
        return self.learning_rate or MODELS[modality].learning_rate

    @property
    def name(self) -> str:
        """Of the data: the data set's, or the file's."""
        return self.csv.name.split(".")[0] if self.csv else self.dataset


@dataclass(frozen=True)
class SweepConfig(Settings):
    """A sweep: its data, its grid, its models and how they are trained.

    The defaults are a small study that two cores finish in about two minutes; configs/ has the published one.
    """

    fractions: tuple[float, ...] = STUDY_FRACTIONS
    """Fractions of the training molecules: the points of the curve."""

    seeds: int = 3
    """Replicas per fraction, with seeds 0, 1, ...: subset, initial weights, batch order, dropout."""

    epochs: int | None = None
    """Length of a replica in epochs; the study's is 100. Default: 30, unless --steps is given."""

    steps: int | None = None
    """Length in optimiser steps instead, the same for every fraction."""

    modality: tuple[str, ...] = ("graph",)
    """What the model sees: graph, fingerprint or smiles. Several make several curves."""

    width: tuple[int, ...] = ()
    """Width of the model; the study's GIN has 300. Several values make several curves. Default: 64."""

    depth: tuple[int, ...] = ()
    """Layers; the study's GIN has 5. Several values make several curves. Default: 3 for the GIN, 1 for transformers."""

    evaluate_every: int = 1
    """Epochs between validations; the last epoch is always validated."""

    pruning: tuple[str, ...] = ("random",)
    """How the molecules of a fraction are chosen: random, el2n, grand, grand-last, entropy, least-confidence,
    forgetting, herding, kmeans, or a column of --scores. Several make several curves."""

    scores: Path | None = None
    """Ready-made scores: a file with the columns molecule_id and <method>, or <method>_rank (1 is kept first)."""

    score_seeds: int = 5
    """Models whose scores are averaged, for --pruning without --scores."""

    score_epochs: int = 20
    """Epochs after which these models score the molecules, as in the study."""

    out: Path | None = None
    """Run directory; the same command on it resumes. Default: runs/NAME-HASH, by the settings."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("fractions", "pruning", "modality"):
            if not getattr(self, name):
                raise ConfigError(f"{_flag(name)} needs at least one value")
        for fraction in self.fractions:
            if not 0 < fraction <= 1:
                raise ConfigError(f"--fractions must be above 0 and at most 1; got {fraction:g}")
        if self.epochs is not None and self.steps is not None:
            raise ConfigError("give --epochs or --steps, not both")
        if self.scores is None:
            for method in self.pruning:
                _choice("pruning method", method, PRUNING_METHODS)

    @property
    def modalities(self) -> tuple[str, ...]:
        return self.modality

    @property
    def widths(self) -> tuple[int, ...]:
        return self.width

    @property
    def training_epochs(self) -> int:
        """Epochs of each replica, where `steps` does not say otherwise."""
        return self.epochs or DEFAULT_EPOCHS

    @property
    def length(self) -> str:
        """The training budget in words: equal epochs and equal steps give different exponents."""
        return f"{self.steps} steps each" if self.steps else f"{self.training_epochs} epochs each"


@dataclass(frozen=True)
class ScoreConfig(Settings):
    """Scores of every training molecule, by models trained on all of them."""

    methods: tuple[str, ...] = ()
    """random, el2n, grand, grand-last, entropy, least-confidence, forgetting, herding, kmeans. Default: all that
    have a meaning for the task."""

    seeds: int = 5
    """Models whose scores are averaged."""

    epochs: int = 20
    """Epochs after which they score the molecules; the study's are 20."""

    modality: str = "graph"
    """What the model sees: graph, fingerprint or smiles."""

    width: int | None = None
    """Width of the model; the study's GIN has 300. Default: 64."""

    depth: int | None = None
    """Layers; the study's GIN has 5. Default: 3 for the GIN, 1 for transformers."""

    out: Path = Path("scores.csv")
    """File of the scores: .csv, .parquet or .npz. A .json and a .png of the same name come beside it."""

    def __post_init__(self):
        super().__post_init__()
        for method in self.methods:
            _choice("method", method, PRUNING_METHODS)
        if self.out.suffix not in SCORE_KINDS:
            raise ConfigError(f"--out must end in {', '.join(SCORE_KINDS)}; got {self.out}")
        if self.csv and self.csv.resolve() == self.out.resolve():
            raise ConfigError(f"--out {self.out} would replace --csv {self.csv}; give another --out")

    @property
    def modalities(self) -> tuple[str, ...]:
        return (self.modality,)

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.width,) if self.width else ()


def default_directory(config: SweepConfig) -> Path:
    """runs/NAME-HASH: the same settings find the same directory."""
    digest = hashlib.blake2b(to_toml(config).encode(), digest_size=3).hexdigest()
    return Path("runs") / f"{config.name}-{digest}"


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"unknown {name} {value!r}; choose from {', '.join(choices)}")


def read_toml(path: Path, kind: type[Settings] = SweepConfig) -> dict[str, Any]:
    """Settings from a TOML file, as keyword arguments of `kind`. Raises ConfigError."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    for key in values:
        if key not in _kinds(kind):
            raise ConfigError(f"{path}: unknown setting {key!r}; the settings are {', '.join(_kinds(kind))}")
    return values


def to_toml(config: Settings) -> str:
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


_ACCEPTED = {float: (int, float), Path: (str, Path)}


@cache
def _kinds(settings: type[Settings]) -> dict[str, tuple[type, bool]]:
    """The type of each setting, and whether it is a list of them, by its annotation."""
    hints = get_type_hints(settings)
    return {f.name: _kind(hints[f.name]) for f in fields(settings)}


def _kind(hint: Any) -> tuple[type, bool]:
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True
    if get_origin(hint) is Literal:
        return str, False
    if get_origin(hint) in (Union, types.UnionType):
        return _kind(get_args(hint)[0])
    return hint, False


def _typed(settings: type[Settings], name: str, value: Any) -> Any:
    """The value of a setting in its own type: a list for a tuple, one value for a list of one, a string for a path."""
    kind, several = _kinds(settings)[name]
    if value is None or value == settings.__dataclass_fields__[name].default:
        return value
    if several:
        items = value if isinstance(value, list | tuple) else [value]
        return tuple(_scalar(name, item, kind) for item in items)
    return _scalar(name, value, kind)


def _scalar(name: str, value: Any, kind: type) -> Any:
    if not isinstance(value, _ACCEPTED.get(kind, kind)) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{_flag(name)} must be of type {kind.__name__}; got {value!r}")
    return kind(value)
