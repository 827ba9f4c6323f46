"""The settings of commands that train models to predict: the data, and how one model is trained."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

from jaxmrl.config.base import TrainingConfig, flag
from jaxmrl.config.names import (
    CENSORED,
    DEDUPLICATE,
    GEOMETRY_DATASETS,
    KEPT,
    METRIC_NAMES,
    SPLITS,
    TASKS,
)
from jaxmrl.errors import ConfigError, check_choice
from jaxmrl.modalities import registry
from jaxmrl.modalities.registry import FeatureSettings
from jaxmrl.text import one_of

AXES = ("fractions", "width", "depth", "pruning", "methods", "modality", "model", "split", "init")


MODALITY_CHOICES, MODEL_CHOICES = one_of(registry.modality_names()), one_of(registry.models())
"""Of --modality and --model, for their help."""


@dataclass(frozen=True)
class DataSettings(TrainingConfig):
    """The data of commands that train models to predict, and what models of every modality have in common."""

    dataset: str = "nci"
    """Data set by name; --list-datasets names them. Not used with --csv."""

    csv: Path | None = None
    """A text table of your own, its columns separated by commas, semicolons, tabs or vertical bars; gzip is fine."""

    npz: Path | None = None
    """A file of geometries of your own, as qm9_eV.npz is: R [atoms, 3] in Å, Z [atoms], N [molecules], and targets."""

    smiles_column: str | None = None
    """Column of the SMILES in --csv. Default: the one named smiles, or the one whose name and content fit best."""

    target_columns: tuple[str, ...] = ()
    """Columns, or arrays of --npz, to predict. Default: the data set's tasks, or the columns of numbers of like scale
    or of two classes that are no ids, dates or splits, or all floating-point arrays."""

    task: Literal["classification", "regression"] | None = None
    """Kind of the targets in a file of your own. Default: classification where all have two classes, as 0 and 1."""

    censored: Literal["drop", "bound"] = "drop"
    """What becomes of labels with a sign, such as >30, in --csv. drop: they are missing labels. bound: their numbers
    are used as they stand."""

    metric: str | None = None
    """roc_auc, average_precision, rmse, mae or r2. Default: the data set's own; roc_auc or rmse for --csv, mae for
    --npz."""

    deduplicate: Literal["mean", "median", "first", "drop"] | None = None
    """Make one row of all that have the same canonical SMILES. Their labels fill each other's gaps; equal rows count
    once. Of labels that differ, take the mean (as --deduplicate alone does), the median or the first, or drop them.
    Contradicting classes are dropped unless the first is asked for. Without SMILES, of molecules with the same
    distances the first is kept. Default: every row stays."""

    parent: bool = False
    """Replace each molecule by its parent: the largest organic fragment, uncharged. Salts and hydrates of a compound
    become the same molecule. predict does the same with the models of such a sweep."""

    split_seed: int = 42
    """Seed of the random 80/10/10 split, and of what the imbalanced one moves."""

    split_file: Path | None = None
    """File of your own split (.csv, .parquet or .npz): a column split with train, valid or test, and a column of
    SMILES, by which rows are matched to molecules. Without SMILES, a column molecule_id (row of the data, from 0)
    matches them, and without both there must be a row for each row of the data."""

    batch_size: int = 256
    """Molecules per batch; the last batch of an epoch may be smaller."""

    dropout: float | None = None
    """Dropout after every layer. Default: the model's own, 0.5 for the GIN, 0.1 for transformers. SchNet and PaiNN
    have none."""

    learning_rate: float | None = None
    """Default: the model's own, 1e-3, or 5e-4 for SchNet and PaiNN."""


@dataclass(frozen=True)
class Settings(FeatureSettings, DataSettings):
    """Settings of the commands that train models to predict: the data, its features, and how one model is trained."""

    lanes: int | Literal["auto"] = "auto"
    """Replicas trained side by side on each device; each core of a CPU is one. auto: by a formula of the shapes, the
    queue, the memory and the device."""

    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """Of matrix products: full float32, the accelerator's fast float32, or bfloat16 operands with float32 sums."""

    keep: Literal["hard", "easy"] = "hard"
    """Which end of a score pruning keeps, where that is a choice; the study keeps the hard molecules."""

    def __post_init__(self) -> None:
        if isinstance(self.deduplicate, bool):  # as TOML files of version 0.1 have it
            object.__setattr__(self, "deduplicate", DEDUPLICATE[0] if self.deduplicate else None)
        super().__post_init__()
        if self.deduplicate is not None:
            check_choice("way to deduplicate", self.deduplicate, DEDUPLICATE)
        if self.csv and self.npz:
            raise ConfigError("give --csv or --npz, not both")
        if self.csv is None and self.npz is None and self.task:
            raise ConfigError("--task describes a file of your own: give --csv or --npz too")
        if self.csv is None and self.censored != "drop":
            raise ConfigError("--censored describes a table of your own: give --csv too")
        check_choice("censored", self.censored, CENSORED)
        if self.task is not None:
            check_choice("task", self.task, TASKS)
        if self.metric is not None:
            check_choice("metric", self.metric, METRIC_NAMES)
        if self.keep not in KEPT:
            raise ConfigError(f"--keep is hard or easy; got {self.keep!r}. How much is kept is for --fractions to say")
        for name in AXES:
            values = getattr(self, name, ())
            if isinstance(values, tuple) and len(set(values)) < len(values):
                raise ConfigError(f"{flag(name)} has a value twice: {' '.join(map(str, values))}")
        self.check_features()
        self._check_models()
        for name in self.axis("split"):
            check_choice("split", name, SPLITS)
        if self.split_seed < 0:
            raise ConfigError(f"--split-seed must be 0 or more; got {self.split_seed}")

    def _check_models(self) -> None:
        for modality in self.modalities:
            check_choice("modality", modality, registry.modality_names())
            for name in self.models_of(modality):
                heads = registry.models()[name].heads
                if odd := [width for width in self.widths if width % heads]:
                    raise ConfigError(f"--width of a {name} must be a multiple of its {heads} heads; got {odd[0]}")
        for name in self.models:
            check_choice("model", name, tuple(registry.models()))
            fitting = registry.modalities_of(name)
            if not set(fitting) & set(self.modalities):
                raise ConfigError(f"--model {name} is for --modality {' or '.join(fitting)}")

    def axis(self, name: str) -> tuple:
        """The values of a setting that is one or several or none."""
        value = getattr(self, name, None)
        return value if isinstance(value, tuple) else () if value is None else (value,)

    @property
    def modalities(self) -> tuple[str, ...]:
        """What the models see: as asked, else geometry where the data has positions, else what --model is for."""
        if asked := self.axis("modality"):
            return asked
        if self.npz or (not self.csv and self.dataset in GEOMETRY_DATASETS):
            return tuple(modality.name for modality in registry.MODALITIES if modality.sees_positions)[:1]
        fitting = (registry.modalities_of(name)[:1] for name in self.models)
        return tuple(dict.fromkeys(chain.from_iterable(fitting))) or registry.modality_names()[:1]

    @property
    def splits(self) -> tuple[str, ...]:
        """As asked, and `file` with --split-file; else random."""
        return (*self.axis("split"), *(("file",) if self.split_file else ())) or ("random",)

    @property
    def models(self) -> tuple[str, ...]:
        """Those that are asked for."""
        return self.axis("model")

    @property
    def widths(self) -> tuple[int, ...]:
        """Those that are asked for."""
        return self.axis("width")

    def models_of(self, modality: str) -> tuple[str, ...]:
        """The models of a modality: those of them that are asked for, else its default."""
        fitting = tuple(model.name for model in registry.get_modality(modality).models)
        return tuple(name for name in self.models if name in fitting) or fitting[:1]

    def rate(self, model: str) -> float:
        """The learning rate of a model."""
        return self.learning_rate or registry.models()[model].learning_rate
