"""The settings of commands that train models to predict: the data, and how one model is trained."""

import math
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

from jaxmrl.chem.parents import AS_WRITTEN, FORMS
from jaxmrl.config.base import TrainingConfig, flag
from jaxmrl.config.names import (
    CENSORED,
    COMPUTED_DATASETS,
    CONCENTRATIONS,
    DEDUPLICATE,
    FILE_SPLIT,
    GEOMETRY_DATASETS,
    METRIC_NAMES,
    SPLIT_COLUMNS,
    SPLITS,
    TASKS,
)
from jaxmrl.errors import ConfigError, check_choice
from jaxmrl.modalities import registry
from jaxmrl.modalities.embeddings.modality import EMBEDDINGS
from jaxmrl.modalities.geometry.conformers import FROM_FILE
from jaxmrl.modalities.registry import FeatureSettings
from jaxmrl.text import one_of

AXES = ("fractions", "width", "depth", "pruning", "methods", "modality", "model", "split", "init")


@dataclass(frozen=True)
class DataSettings(TrainingConfig):
    """The data of commands that train models to predict, and what models of every modality have in common."""

    dataset: str = "nci"
    """Use this data set; --list-datasets prints all names."""

    csv: Path | None = None
    """Read molecules and labels from this table: a text file with any separator, an SD file, a .smi file, an Excel
    workbook or a Parquet file, which may be compressed. The content decides, not the name. Default: none; --dataset
    names the data."""

    npz: Path | None = None
    """Read 3D geometries from this file. It has the layout of qm9_eV.npz: positions R [atoms, 3] in Å, atomic numbers Z
    [atoms], the number of atoms of each molecule N [molecules], and an array [molecules] for each target. Default:
    none."""

    sheet: str | None = None
    """Read this sheet of --csv, if that is an Excel workbook. Default: the first sheet whose header names SMILES, else
    the first one with rows."""

    smiles_column: str | None = None
    """Read molecules from this column of --csv: SMILES, InChI or mol blocks. Default: the column named smiles, or the
    one whose name and content fit best."""

    target_columns: tuple[str, ...] = ()
    """Predict these columns of --csv (with --assay-column, these assays), or these arrays of --npz. Default: the tasks
    of the data set; in --csv, columns that have numbers of similar scale or two classes, except ids, dates and splits,
    or all assays; in --npz, all floating-point arrays."""

    assay_column: str | None = None
    """Read the assay of each row from this column. With --value-column, --csv is a table in long format: each assay
    becomes a task, and rows of a molecule are merged as --deduplicate says, by their mean if it says nothing. Without
    it, the table has a column for each task, and the noise of replicates is also reported within each assay.
    Default: none."""

    value_column: str | None = None
    """Read the values of a table in long format from this column of --csv. Default: none."""

    pic50: Literal["M", "mM", "uM", "nM", "pM"] | None = None
    """Predict pIC50, -log10 of the concentration in mol/L, of target columns that have concentrations in this unit.
    Values of 0 or less are treated as missing. Default: predict the values as they are."""

    log10: bool = False
    """Predict the decimal logarithm of the targets. Values of 0 or less are treated as missing."""

    task: Literal["classification", "regression"] | None = None
    """Treat the targets of your own file as classes or as numbers. Default: classification if every target has two
    classes, else regression."""

    censored: Literal["drop", "bound", "loss"] = "drop"
    """Choose how to use censored labels of --csv, such as >30: drop treats them as missing, bound uses the number
    without its < or > sign, and loss uses it as a bound, because the true value lies beyond it (as in the Tobit model):
    neural networks are trained with a one-sided loss, and classical models with the value that is expected beyond the
    bound. With loss, test errors such as RMSE leave these labels out. A sweep then saves predictions, and
    concordance.csv says how well they rank all labels, censored ones included."""

    metric: str | None = None
    """Measure performance by this metric. Default: the data set's own; for your own file, roc_auc for classes, and for
    numbers, rmse with --csv or mae with --npz."""

    deduplicate: Literal["mean", "median", "first", "drop"] | None = None
    """Merge rows that have the same canonical SMILES. Labels that one row lacks are taken from the others, and equal
    rows count once. If labels differ, the merged row has their mean (also if no value is given), their median, the
    first of them, or, with drop, no label. The mean and the median are weighted by --weight-column, and weights are
    summed; rows of equal labels and equal weights still count once. Contradictory classes give no label unless first is
    chosen. In data without SMILES, molecules with the same interatomic distances are merged into the first of them.
    Default: keep every row."""

    standardize: Literal["none", "parent", "tautomer"] = "none"
    """Replace each molecule by its parent, the largest organic fragment with charges neutralized, so that the salts and
    hydrates of a compound become the same molecule; or by the canonical tautomer of its parent, which takes about 20 ms
    for each molecule. The predict and select commands treat new molecules in the same way. With none, models see
    molecules as they are written, and salts of the same compound that are in training and in test are reported."""

    split_seed: int = 42
    """Seed the random 80/10/10 split, and the choice of molecules that the imbalanced split moves. Repeated splits have
    this seed and those that follow it."""

    group_column: str | None = None
    """Keep rows with the same text in this column of --csv together, such as a series, a project or a laboratory, for
    --split group. Default: none."""

    date_column: str | None = None
    """Read the date of each row from this column of --csv, for --split time or rolling. Rows without a date are
    rejected. Default: none."""

    weight_column: str | None = None
    """Multiply the training loss of each row by the number in this column of --csv, such as 1 / (standard error)^2.
    Weights are divided by their mean. Classical models use them too. Rows without a weight, or with 0, are rejected.
    Metrics and scores for pruning give every molecule the same weight. Default: none."""

    cuts: int = 7
    """Use this many cut dates with --split rolling. At each date, models are trained on all molecules before it and
    tested on the next block. From the second date on, the report compares the result with a forecast from the earlier
    blocks."""

    split_file: Path | None = None
    """Read your own split from this file (.csv, .parquet or .npz). It needs a column named split with train, valid or
    test (without valid, give --split-seeds of 2 or more to validate on folds), and a column of SMILES, by which rows
    are matched to molecules. Without SMILES, rows are matched by a column molecule_id (row of the data, counted from
    0); without both, the file needs one row for each row of the data. Default: none."""

    batch_size: int | None = None
    """Set the number of molecules per batch; the last batch of an epoch may be smaller. Default: 32 for D-MPNN
    and GINE, 64 for the MLP, else 256."""

    dropout: float | None = None
    """Apply dropout at this rate after every layer; SchNet and PaiNN have none. Default: 0.5 for the GIN, 0.2
    for the MLP, 0.1 for transformers, 0 for D-MPNN and GINE."""

    learning_rate: float | None = None
    """Set the learning rate of the optimizer. Default: 1e-3 for D-MPNN and GINE with descriptors and 3e-3 without, 5e-4
    for SchNet and PaiNN, else 1e-3."""

    weight_decay: float | None = None
    """Shrink the weights at each step by this number times the learning rate (decoupled weight decay, as in AdamW).
    Default: 0.01 for the transformer on SMILES, else 0."""

    clip_norm: float | None = None
    """Scale the gradient of a replica down to this norm where its norm over all parameters is larger. Default: no
    limit."""


@dataclass(frozen=True)
class Settings(FeatureSettings, DataSettings):
    """The settings of commands that train models to predict: the data, its features, and how one model is trained."""

    lanes: int | Literal["auto"] = "auto"
    """Train this many replicas side by side on each device; each core of a CPU is a device. The value auto depends on
    the array shapes, the number of replicas, the memory and the device."""

    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """Compute matrix products in full float32, in the accelerator's fast tf32, or with bfloat16 operands and float32
    sums."""

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
        if self.censored == "loss" and self.task == "classification":
            raise ConfigError("--censored loss needs numeric labels; it cannot be used with --task classification")
        check_choice("standardize", self.standardize, FORMS)
        self._check_table()
        if self.task is not None:
            check_choice("task", self.task, TASKS)
        if self.metric is not None:
            check_choice("metric", self.metric, METRIC_NAMES)
        if self.weight_decay is not None and not (self.weight_decay >= 0 and math.isfinite(self.weight_decay)):
            raise ConfigError(f"--weight-decay must be 0 or a positive number; got {self.weight_decay:g}")
        if self.clip_norm is not None and not (self.clip_norm > 0 and math.isfinite(self.clip_norm)):
            raise ConfigError(f"--clip-norm must be a positive number; got {self.clip_norm:g}")
        for name in AXES:
            values = getattr(self, name, ())
            if isinstance(values, tuple) and len(set(values)) < len(values):
                raise ConfigError(f"{flag(name)} has a value twice: {' '.join(map(str, values))}")
        self.check_features()
        self._check_models()
        for name in self.axis("split"):
            check_choice("split", name, SPLITS)
        self._check_split_columns()
        if self.split_seed < 0:
            raise ConfigError(f"--split-seed must be 0 or more; got {self.split_seed}")

    def _check_table(self) -> None:
        """Check the settings of tables in long format and of logarithms."""
        for name in ("assay_column", "value_column", "pic50", "log10", "weight_column"):
            if self.csv is None and getattr(self, name):
                raise ConfigError(f"{flag(name)} describes a table of your own: give --csv too")
        if self.value_column and not self.assay_column:
            raise ConfigError("--value-column needs --assay-column too, for a table in long format")
        if self.value_column and self.weight_column:
            raise ConfigError(
                "--weight-column is a weight for each molecule, and in a table in long format the rows of a molecule "
                "are merged; omit it, or give a table with one row for each molecule"
            )
        if self.value_column and self.deduplicate is None:
            object.__setattr__(self, "deduplicate", DEDUPLICATE[0])
        if self.pic50 is not None:
            check_choice("unit of --pic50", self.pic50, CONCENTRATIONS)
        if (self.pic50 or self.log10) and self.task == "classification":
            raise ConfigError("--pic50 and --log10 are for numbers; --task classification is for classes")
        if self.pic50 and self.log10:
            raise ConfigError("give --pic50 or --log10, not both")

    def _check_split_columns(self) -> None:
        """Raise ConfigError for a split by a column without its name, for one of dates with merged labels, and for a
        column that no split uses.
        """
        for split in self.axis("split"):
            if split in SPLIT_COLUMNS and not getattr(self, SPLIT_COLUMNS[split]):
                raise ConfigError(f"--split {split} needs a column of --csv: name it with {flag(SPLIT_COLUMNS[split])}")
        dated = [name for name in self.axis("split") if SPLIT_COLUMNS.get(name) == "date_column"]
        if dated and self.deduplicate in ("mean", "median"):
            raise ConfigError(
                f"--split {dated[0]} trains on the past, and the {self.deduplicate} of a molecule's labels may have "
                "later ones: use --deduplicate first, with the rows in the order of their dates, or drop"
            )
        for name in dict.fromkeys(SPLIT_COLUMNS.values()):
            using = [split for split, own in SPLIT_COLUMNS.items() if own == name]
            if getattr(self, name) and self.csv is None:
                raise ConfigError(f"{flag(name)} describes a table of your own: give --csv too")
            if getattr(self, name) and not set(using) & set(self.axis("split")):
                raise ConfigError(f"{flag(name)} is for --split {one_of(using)}; give that too, or omit {flag(name)}")

    def _check_models(self) -> None:
        for modality in self.modalities:
            check_choice("modality", modality, registry.modality_names())
        self._check_coordinates()
        for modality in self.modalities:
            if modality == EMBEDDINGS.name and self.embeddings is None:
                raise ConfigError("--modality embeddings needs vectors of the molecules: give a file with --embeddings")
            for name in self.models_of(modality):
                heads = registry.models()[name].heads
                if odd := [width for width in self.widths if width % heads]:
                    raise ConfigError(f"--width of a {name} must be a multiple of its {heads} heads; got {odd[0]}")
        if self.virtual_node and ("molgraph", "gine") not in self.trained_models:
            raise ConfigError("--virtual-node is for --model gine: add it to --model, or omit --virtual-node")
        for name in self.models:
            check_choice("model", name, tuple(registry.models()))
            fitting = registry.modalities_of(name)
            if not set(fitting) & set(self.modalities):
                raise ConfigError(
                    f"--model {name} is for --modality {' or '.join(fitting)}; got {' '.join(self.modalities)}"
                )

    def _check_coordinates(self) -> None:
        """Raise ConfigError for coordinates of a file without a table, a model that sees them, or other molecules."""
        if self.coordinates != FROM_FILE:
            return
        if self.csv is None:
            raise ConfigError("--coordinates file needs an SD file with 3D coordinates: give it with --csv")
        if not any(registry.get_modality(name).sees_positions for name in self.modalities):
            raise ConfigError("--coordinates file is for models of 3D geometries: give --modality geometry")
        if self.standardize != AS_WRITTEN:
            raise ConfigError(
                f"--coordinates file has the atoms of the file, and --standardize {self.standardize} changes them; "
                "omit one of the two"
            )

    def axis(self, name: str) -> tuple:
        """Return the values of a setting that takes one value, several or none.

        Args:
            name: The name of the setting.
        """
        value = getattr(self, name, None)
        return value if isinstance(value, tuple) else () if value is None else (value,)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities: those asked for, else geometry for data with positions, else those of `model`.

        With `embeddings`, that modality is always among them. It stands for the default, and for the one of a model
        that it has.
        """
        given = (EMBEDDINGS.name,) if self.embeddings else ()
        if asked := self.axis("modality"):
            return tuple(dict.fromkeys((*asked, *given)))
        if self.lacks_smiles:
            return tuple(modality.name for modality in registry.MODALITIES if modality.sees_positions)[:1] + given
        fitting = (self._modality_of(name, given) for name in self.models)
        return tuple(dict.fromkeys((*chain.from_iterable(fitting), *given))) or registry.modality_names()[:1]

    @staticmethod
    def _modality_of(model: str, given: tuple[str, ...]) -> tuple[str, ...]:
        """Return the modality in which a model is trained unless one is asked for; empty if the model is unknown."""
        known = registry.modalities_of(model)
        return tuple(name for name in given if name in known) or known[:1]

    @property
    def lacks_smiles(self) -> bool:
        """Whether the data has positions of atoms and no SMILES."""
        return self.npz is not None or (not self.csv and self.dataset in GEOMETRY_DATASETS)

    @property
    def featurized(self) -> tuple[str, ...]:
        """The modalities whose features are made."""
        return self.modalities

    @property
    def sees_descriptors(self) -> bool:
        """Whether D-MPNN and GINE see descriptors beside their graphs."""
        computed = self.file is None and self.dataset in COMPUTED_DATASETS
        return super().sees_descriptors and not (computed and self.descriptors == "auto")

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits: those asked for, and `file` with `split_file`; else random."""
        return (*self.axis("split"), *((FILE_SPLIT,) if self.split_file else ())) or ("random",)

    def split_count(self, kind: str, molecules: int) -> int:
        """Return how many splits of a kind are made: one, except in a sweep.

        Args:
            kind: The kind of split.
            molecules: The number of usable molecules.
        """
        return 1

    @property
    def models(self) -> tuple[str, ...]:
        """The models that are asked for."""
        return self.axis("model")

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths that are asked for."""
        return self.axis("width")

    def models_of(self, modality: str) -> tuple[str, ...]:
        """Return the models of a modality that are asked for, or else its default.

        Args:
            modality: The name of the modality.
        """
        fitting = tuple(model.name for model in registry.get_modality(modality).models)
        return tuple(name for name in self.models if name in fitting) or fitting[:1]

    @property
    def trained_models(self) -> tuple[tuple[str, str], ...]:
        """Modality and name of each model that lanes train."""
        return tuple(both for both in self._all_models if not registry.models()[both[1]].classical)

    @property
    def classical_models(self) -> tuple[tuple[str, str], ...]:
        """Modality and name of each classical model, which is fitted on the host and has no width or depth."""
        return tuple(both for both in self._all_models if registry.models()[both[1]].classical)

    @property
    def _all_models(self) -> list[tuple[str, str]]:
        return [(modality, model) for modality in self.modalities for model in self.models_of(modality)]

    def rate(self, model: str) -> float:
        """Return the learning rate of a model.

        Args:
            model: The name of the model.
        """
        usual = registry.models()[model]
        own = usual.rate_with_descriptors if self.sees_descriptors else None
        return self.learning_rate or own or usual.learning_rate

    def batch_size_of(self, model: str) -> int:
        """Return the number of molecules per batch of a model.

        Args:
            model: The name of the model.
        """
        return self.batch_size or registry.models()[model].batch_size
