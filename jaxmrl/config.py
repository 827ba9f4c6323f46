"""The commands' settings: frozen dataclasses, checked where values enter; TOML in, flags over it."""

import hashlib
import json
import math
import tomllib
import types
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from tyro.conf import Positional, arg

from jaxmrl.errors import ConfigError

TASKS = ("classification", "regression")
CLASSIFICATION_METRICS = ("roc_auc", "average_precision")
ERROR_METRICS = ("rmse", "mae")
"""Those in the label's unit."""

PER_SD = " / sd"
"""What the name of a metric ends with where it is a mean over tasks of errors in standard deviations."""

METRIC_NAMES = (*CLASSIFICATION_METRICS, *ERROR_METRICS, "r2")
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
MODALITIES = ("graph", "geometry", "fingerprint", "smiles")
ATOM_REFERENCES = ("auto", "on", "off")
GEOMETRY_DATASETS = ("qm9",)
"""Those that come with positions instead of SMILES."""

CENSORED = ("drop", "bound")
KEPT = ("hard", "easy")
DEDUPLICATE = ("mean", "median", "first", "drop")
"""What becomes of labels of one molecule that differ; the first is that of --deduplicate alone."""

MOST_MOLECULES = 1e15
"""That anyone may ask about."""

SCORE_KINDS = (".csv", ".parquet", ".npz")
PREDICTION_KINDS = (".csv", ".parquet")
RUN_TABLES = ("results.csv", "curves.csv", "pruning.csv", "molecules.csv", "rejected.csv")
"""Files of a sweep that a prediction could be told to replace."""

DEFAULT_EPOCHS, DEFAULT_MIN_STEPS = 30, 240
"""Length of a replica, where neither --epochs nor --steps is given: so many epochs, and so many steps at least."""

STUDY_FRACTIONS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
SCRATCH = "none"
"""The `init` of replicas that begin from fresh weights."""

SPLITS = ("random", "scaffold", "imbalanced")
_COUNTS = (
    "seeds",
    "epochs",
    "steps",
    "min_steps",
    "batch_size",
    "evaluate_every",
    "lanes",
    "score_seeds",
    "score_epochs",
    "smiles_variants",
)
_AXES = ("fractions", "width", "depth", "pruning", "methods", "modality", "model", "split", "init")


ADDABLE = (
    "fractions",
    "seeds",
    "pruning",
    "modality",
    "model",
    "width",
    "depth",
    "split",
    "split_file",
    "init",
    "save_predictions",
    "out",
)
"""Settings of a sweep that may grow in a run that is there, without a change of what it has. `out` is where that is."""


CURVE_COLUMNS = (
    "dataset",
    "modality",
    "model",
    "split",
    "pruning",
    "init",
    "width",
    "depth",
    "params",
    "precision",
    "learning_rate",
    "dropout",
    "batch_size",
    "split_seed",
)
"""What distinguishes curves, also those of several sweeps. A row of results.csv begins with these."""


@dataclass(frozen=True)
class ModelDefaults:
    """What a model is for, and its settings where the user leaves them open."""

    modalities: tuple[str, ...]
    width: int
    depth: int
    dropout: float
    learning_rate: float


MODELS = {
    "gin": ModelDefaults(("graph",), width=64, depth=3, dropout=0.5, learning_rate=1e-3),
    "painn": ModelDefaults(("geometry",), width=64, depth=3, dropout=0.0, learning_rate=5e-4),
    "schnet": ModelDefaults(("geometry",), width=64, depth=3, dropout=0.0, learning_rate=5e-4),
    "transformer": ModelDefaults(("fingerprint", "smiles"), width=64, depth=1, dropout=0.1, learning_rate=1e-3),
}
"""The first that fits a modality is its default. The transformer is the study's; its GIN has width 300 and depth 5, its
SchNet and PaiNN 128 and 6."""

HEADS = 8
"""Of attention."""


class Config:
    """What settings of every command have in common: values in their own types."""

    dataset: str
    csv: Path | None
    npz: Path | None = None

    def __post_init__(self):
        for f in fields(self):
            object.__setattr__(self, f.name, _typed(type(self), f.name, getattr(self, f.name)))
        for name in _COUNTS:
            value = getattr(self, name, None)
            if value is not None and value != "auto" and value < 1:
                raise ConfigError(f"{_flag(name)} must be 1 or more; got {value}")
        if self.csv is None and self.smiles_column:
            raise ConfigError("--smiles-column describes a file of your own: give --csv too")

    @property
    def name(self) -> str:
        """Of the data: the data set's, or the file's."""
        return self.file.name.split(".")[0] if self.file else self.dataset

    @property
    def file(self) -> Path | None:
        """A file of the user's own."""
        return self.csv or self.npz


class TrainingConfig(Config):
    """What settings of the commands that train have in common."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("width", "depth"):
            values = getattr(self, name, None) or ()
            if min(values if isinstance(values, tuple) else (values,), default=1) < 1:
                raise ConfigError(f"{_flag(name)} must be 1 or more; got {values}")
        _choice("precision", self.precision, PRECISIONS)
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise ConfigError(f"--dropout must be at least 0 and below 1; got {self.dropout:g}")
        if self.learning_rate is not None and not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise ConfigError(f"--learning-rate must be a positive number; got {self.learning_rate:g}")


@dataclass(frozen=True)
class Settings(TrainingConfig):
    """What every command is told that trains models to predict: the data, and how one model is trained."""

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

    cutoff: float = 5.0
    """Distance in Å up to which atoms see each other, in geometries."""

    atom_references: Literal["auto", "on", "off"] = "auto"
    """Whether models of geometries learn what a regression on the atoms of each element leaves of a target. auto: of
    targets that it explains to nine tenths, as energies. Where that is all of them, models sum over atoms; else they
    average."""

    smiles_variants: int = 1
    """SMILES of each molecule that training draws from: its own and random ones, seeded. 1: its own alone."""

    fingerprint_radius: int = 2
    """Radius of the Morgan fingerprint; 2 is ECFP4."""

    fingerprint_bits: int = 1024
    """Its length; a multiple of 8."""

    fingerprint_chirality: bool = False
    """Whether it tells stereoisomers apart."""

    fingerprint_tokens: Literal["set", "all"] = "set"
    """What the transformer sees: the bits that are set, or all of them, as in the study."""

    lanes: int | Literal["auto"] = "auto"
    """Replicas trained side by side on each device; each core of a CPU is one. auto: by a formula of the shapes, the
    queue, the memory and the device."""

    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """Of matrix products: full float32, the accelerator's fast float32, or bfloat16 operands with float32 sums."""

    keep: Literal["hard", "easy"] = "hard"
    """Which end of a score pruning keeps, where that is a choice; the study keeps the hard molecules."""

    def __post_init__(self):
        if isinstance(self.deduplicate, bool):  # as TOML files of version 0.1 have it
            object.__setattr__(self, "deduplicate", DEDUPLICATE[0] if self.deduplicate else None)
        super().__post_init__()
        if self.deduplicate is not None:
            _choice("way to deduplicate", self.deduplicate, DEDUPLICATE)
        if self.csv and self.npz:
            raise ConfigError("give --csv or --npz, not both")
        if self.csv is None and self.npz is None and self.task:
            raise ConfigError("--task describes a file of your own: give --csv or --npz too")
        if self.csv is None and self.censored != "drop":
            raise ConfigError("--censored describes a table of your own: give --csv too")
        _choice("censored", self.censored, CENSORED)
        if self.task is not None:
            _choice("task", self.task, TASKS)
        if self.metric is not None:
            _choice("metric", self.metric, METRIC_NAMES)
        if self.keep not in KEPT:
            raise ConfigError(f"--keep is hard or easy; got {self.keep!r}. How much is kept is for --fractions to say")
        for name in _AXES:
            values = getattr(self, name, ())
            if isinstance(values, tuple) and len(set(values)) < len(values):
                raise ConfigError(f"{_flag(name)} has a value twice: {' '.join(map(str, values))}")
        _choice("fingerprint tokens", self.fingerprint_tokens, ("set", "all"))
        if self.fingerprint_bits < 8 or self.fingerprint_bits % 8:
            raise ConfigError(f"--fingerprint-bits must be a multiple of 8; got {self.fingerprint_bits}")
        if self.fingerprint_radius < 0:
            raise ConfigError(f"--fingerprint-radius must be 0 or more; got {self.fingerprint_radius}")
        if not (self.cutoff > 0 and math.isfinite(self.cutoff)):
            raise ConfigError(f"--cutoff must be a positive number of Å; got {self.cutoff:g}")
        _choice("atom references", self.atom_references, ATOM_REFERENCES)
        self._check_models()
        for name in self.axis("split"):
            _choice("split", name, SPLITS)
        if self.split_seed < 0:
            raise ConfigError(f"--split-seed must be 0 or more; got {self.split_seed}")

    def _check_models(self) -> None:
        for modality in self.modalities:
            _choice("modality", modality, MODALITIES)
            odd = [width for width in self.widths if width % HEADS]
            if "transformer" in self.models_of(modality) and odd:
                raise ConfigError(f"--width of a transformer must be a multiple of its {HEADS} heads; got {odd[0]}")
        for name in self.models:
            _choice("model", name, tuple(MODELS))
            if not set(MODELS[name].modalities) & set(self.modalities):
                raise ConfigError(f"--model {name} is for --modality {' or '.join(MODELS[name].modalities)}")

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
            return ("geometry",)
        first = (MODELS[name].modalities[0] for name in self.models if name in MODELS)
        return tuple(dict.fromkeys(first)) or ("graph",)

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
        fitting = tuple(name for name, model in MODELS.items() if modality in model.modalities)
        return tuple(name for name in self.models if name in fitting) or fitting[:1]

    def rate(self, model: str) -> float:
        """The learning rate of a model."""
        return self.learning_rate or MODELS[model].learning_rate


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

    min_steps: int | None = None
    """Fewest optimizer steps of a replica, however small its fraction: it trains for more epochs until it has them.
    Default: 240, or no minimum with --epochs or --steps."""

    split: tuple[str, ...] = ()
    """random, scaffold or imbalanced. Several make several curves. Default: random, or the one of --split-file."""

    modality: tuple[str, ...] = ()
    """What the model sees: graph, geometry, fingerprint or smiles. Several make several curves. Default: geometry for
    data with positions, else graph."""

    model: tuple[str, ...] = ()
    """gin, painn, schnet or transformer. Several make several curves. Default: the modality's own, painn for
    geometry."""

    width: tuple[int, ...] = ()
    """Width of the model; the study's GIN has 300, its SchNet and PaiNN 128. Several values make several curves.
    Default: 64."""

    depth: tuple[int, ...] = ()
    """Layers; the study's GIN has 5, its SchNet and PaiNN 6. Several values make several curves. Default: 3, or 1 for
    transformers."""

    init: tuple[str, ...] = (SCRATCH,)
    """none, for fresh weights, or a folder that `python -m jaxmrl.pretrain` wrote. Several make several curves."""

    freeze: bool = False
    """Train the head alone, on what the encoder makes of each molecule: linear probing. For --init; with none among its
    values, the head of an encoder that is left as it was drawn."""

    evaluate_every: int = 1
    """Epochs between validations; the last epoch is always validated. A replica whose epochs --min-steps multiplies is
    validated as often as the others."""

    pruning: tuple[str, ...] = ("random",)
    """How the molecules of a fraction are chosen: random, el2n, grand, grand-last, entropy, least-confidence,
    forgetting, herding, kmeans, or a column of --scores. Several make several curves."""

    scores: Path | None = None
    """Ready-made scores (.csv, .parquet or .npz): columns <method>_seed_0, <method>_seed_1, ... for the seeds of the
    sweep, or one column <method>, or <method>_rank (1 is kept first), for all of them; and SMILES or molecule_id, or
    both, by which rows are matched to molecules as for --split-file. With one column all seeds learn from the same
    subset, and the intervals of pruning.csv are wider for it."""

    score_seeds: int = 1
    """Models whose scores are averaged for each seed, for --pruning without --scores. No two seeds share a model, so
    that their subsets are independent and intervals over seeds include the luck of the subset."""

    score_epochs: int = 20
    """Epochs after which these models score the molecules, as in the study."""

    save_predictions: bool = False
    """Keep every replica's predictions of its validation and test molecules, by its best weights, in predictions/."""

    out: Path | None = None
    """Run directory; the same command on it resumes. Default: runs/NAME-HASH, by the settings."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("fractions", "pruning", "init"):
            if not getattr(self, name):
                raise ConfigError(f"{_flag(name)} needs at least one value")
        for fraction in self.fractions:
            if not 0 < fraction <= 1:
                raise ConfigError(f"--fractions must be above 0 and at most 1; got {fraction:g}")
        object.__setattr__(self, "init", tuple(init if init == SCRATCH else str(Path(init)) for init in self.init))
        if self.epochs is not None and self.steps is not None:
            raise ConfigError("give --epochs or --steps, not both")
        if self.steps is not None and self.min_steps is not None:
            raise ConfigError("give --steps or --min-steps, not both: --steps already sets the length of every replica")
        if self.scores is None:
            for method in self.pruning:
                _choice("pruning method", method, PRUNING_METHODS)
        if self.freeze and not self.checkpoints:
            raise ConfigError("--freeze trains the head of a pre-trained encoder alone: give --init a checkpoint")
        if self.checkpoints and set(self.modalities) != {"graph"}:
            raise ConfigError(f"--init is for --modality graph; got {' '.join(self.modalities)}")

    @property
    def checkpoints(self) -> tuple[Path, ...]:
        """Of pre-training, that replicas begin from."""
        return tuple(Path(init) for init in self.init if init != SCRATCH)

    @property
    def training_epochs(self) -> int:
        """Epochs of each replica, where `steps` does not say otherwise."""
        return self.epochs or DEFAULT_EPOCHS

    @property
    def fewest_steps(self) -> int:
        """Of a replica whose length is in epochs; 1 where there is no minimum."""
        asked = self.min_steps or (1 if self.epochs else DEFAULT_MIN_STEPS)
        return 1 if self.steps else asked

    def length_of(self, epoch_steps: int) -> tuple[int, int]:
        """A replica's length in optimizer steps, and the epochs between its validations.

        epoch_steps: optimizer steps of one of its epochs
        """
        if self.steps:
            return self.steps, self.evaluate_every
        epochs = max(self.training_epochs, math.ceil(self.fewest_steps / epoch_steps))
        return epochs * epoch_steps, self.evaluate_every * max(1, epochs // self.training_epochs)

    @property
    def length(self) -> str:
        """The training budget in words: equal epochs and equal steps give different exponents."""
        least = f", {self.fewest_steps} steps at least" if self.fewest_steps > 1 else ""
        length = f"{self.steps} steps each" if self.steps else f"{self.training_epochs} epochs each{least}"
        return f"{length}, heads alone" if self.freeze else length


@dataclass(frozen=True)
class ScoreConfig(Settings):
    """Scores of every training molecule, by models trained on all of them."""

    methods: tuple[str, ...] = ()
    """random, el2n, grand, grand-last, entropy, least-confidence, forgetting, herding, kmeans. Default: all that
    have a meaning for the task."""

    seeds: int = 5
    """Models that score. The file has the scores of each, for as many seeds of a sweep, and their average."""

    epochs: int = 20
    """Epochs after which they score the molecules; the study's are 20."""

    split: str | None = None
    """random, scaffold or imbalanced. Default: random, or the one of --split-file."""

    modality: str | None = None
    """What the model sees: graph, geometry, fingerprint or smiles. Default: geometry for data with positions, else
    graph."""

    model: str | None = None
    """gin, painn, schnet or transformer. Default: the modality's own, painn for geometry."""

    width: int | None = None
    """Width of the model; the study's GIN has 300, its SchNet and PaiNN 128. Default: 64."""

    depth: int | None = None
    """Layers; the study's GIN has 5, its SchNet and PaiNN 6. Default: 3, or 1 for transformers."""

    out: Path = Path("scores.csv")
    """File of the scores: .csv, .parquet or .npz. A .json and a .png of the same name come beside it."""

    def __post_init__(self):
        super().__post_init__()
        for method in self.methods:
            _choice("method", method, PRUNING_METHODS)
        if self.out.suffix not in SCORE_KINDS:
            raise ConfigError(f"--out must end in {', '.join(SCORE_KINDS)}; got {self.out}")
        if self.file and self.file.resolve() == self.out.resolve():
            kind = "csv" if self.csv else "npz"
            raise ConfigError(f"--out {self.out} would replace --{kind} {self.file}; give another --out")
        if len(self.splits) > 1:
            raise ConfigError("give --split or --split-file, not both: scores are of one split's training molecules")


@dataclass(frozen=True)
class PretrainConfig(TrainingConfig):
    """Pre-training of the GIN's encoder on molecules without labels, by GraphMAE."""

    dataset: str = "wehi"
    """Data set by name, its labels unused; --list-datasets names them, pcqm4mv2 is the study's. Not used with --csv."""

    csv: Path | None = None
    """A CSV or CSV.gz file of your own; of any length."""

    smiles_column: str | None = None
    """Column of the SMILES in --csv. Default: the one named smiles, or the one whose name and content fit best."""

    parent: bool = False
    """Replace each molecule by its parent: the largest organic fragment, uncharged."""

    width: int = MODELS["gin"].width
    """Width of the encoder; the study's is 300."""

    depth: int = MODELS["gin"].depth
    """Its layers; the study's has 5."""

    dropout: float = 0.0
    """Dropout after every layer, in pre-training."""

    epochs: int = 30
    """Passes over the molecules."""

    batch_size: int = 256
    """Molecules per batch."""

    learning_rate: float = 1e-3
    """Of Adam."""

    mask_rate: float = 0.15
    """Share of each molecule's atoms that are masked; one at least."""

    seed: int = 0
    """Of initial weights, order of the molecules, and masks."""

    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """Of matrix products: full float32, the accelerator's fast float32, or bfloat16 operands with float32 sums."""

    out: Path = Path("pretrained")
    """Folder of the checkpoint, for --init of a sweep; the same command on it resumes."""

    def __post_init__(self):
        super().__post_init__()
        if not 0 < self.mask_rate < 1:
            raise ConfigError(f"--mask-rate must be above 0 and below 1; got {self.mask_rate:g}")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"--seed must be 0 or more and below 2^32; got {self.seed}")


@dataclass(frozen=True)
class FitConfig:
    """Laws of the learning curves in a CSV file."""

    csv: Annotated[Positional[Path], arg(metavar="CURVES.csv")]
    """A CSV or CSV.gz file with a number of molecules and a metric in each row. The same number again is another run,
    as is another column of the metric; means may have their standard deviation beside or behind them."""

    n_column: str | None = None
    """Column of the numbers of molecules. Default: the one named n, n_train, molecules or the like."""

    metric_column: tuple[str, ...] = ()
    """Column of the metric; several columns are runs of one metric. Default: the only metric by the columns' names,
    such as rmse, test_scores_mean, or roc_auc_0 and roc_auc_1."""

    sd_column: str | None = None
    """Column of the standard deviation over the runs behind each row, or, where its name has se or sem, of the standard
    error of their mean. Default: the one named std, sd, sem or the like beside the metric."""

    runs_column: str | None = None
    """Column of the number of runs behind each row, or that number itself. Default: the one named n_seeds, n_runs or
    count."""

    by: tuple[str, ...] = ()
    """Columns that distinguish curves; all curves are compared with the first. Default: in the files of a sweep those
    that do, else settings such as learning_rate where runs of the same size differ by them."""

    pool: bool = False
    """Count rows with different settings, or of the same size and seed, as runs of one curve."""

    higher_is_better: bool = False
    """Higher values of the metric are better. Default: by the metric's name."""

    lower_is_better: bool = False
    """Lower values of the metric are better, as of an error. Default: by the metric's name."""

    best: float | None = None
    """The metric of a perfect model; the error is its distance from there. Default, by the metric's name and values: 1,
    or 100 in percent, where higher values are better, and 0 for errors and for neg_ metrics."""

    guess: float | None = None
    """The metric of guesses, which some laws begin from. Default, by the metric's name: 0.5 for ROC-AUC, 0 for average
    precision and R2."""

    predict: tuple[float, ...] = ()
    """Numbers of molecules to foretell the metric at. Default: 2, 4 and 10 times the largest."""

    target: float | None = None
    """A metric: how many molecules does it take?"""

    json: bool = False
    """Print everything as one JSON object, and nothing else."""

    def __post_init__(self):
        object.__setattr__(self, "csv", Path(self.csv))
        for name in ("by", "metric_column"):
            value = getattr(self, name)
            value = (value,) if isinstance(value, str) else tuple(dict.fromkeys(value or ()))
            object.__setattr__(self, name, value)
        object.__setattr__(self, "predict", tuple(map(float, self.predict)))
        if self.higher_is_better and self.lower_is_better:
            raise ConfigError("give --higher-is-better or --lower-is-better, not both")
        for n in self.predict:
            if not 0 < n < MOST_MOLECULES:
                raise ConfigError(
                    f"--predict takes numbers of molecules, above 0 and below {MOST_MOLECULES:g}; got {n:g}"
                )
        if self.runs_column and self.runs_column.isdigit() and int(self.runs_column) < 1:
            raise ConfigError("--runs-column takes a column or a number of runs, 1 or more; got 0")
        for name in ("guess", "target", "best"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ConfigError(f"{_flag(name)} must be a finite number; got {value:g}")


@dataclass(frozen=True)
class PredictConfig(Config):
    """Predictions of molecules that nobody has assayed, by the models that a sweep has left."""

    run: Annotated[Positional[Path], arg(metavar="RUN_DIR")]
    """Run directory of a sweep."""

    csv: Path
    """A CSV or CSV.gz file of molecules. Only its SMILES are read; the output has a row for each of its rows."""

    smiles_column: str | None = None
    """Their column. Default: the one named smiles."""

    keep_columns: tuple[str, ...] = ()
    """Columns of --csv that the output repeats. Default: all."""

    curve: str | None = None
    """Whose models predict, where the sweep has several curves. Default: the best by its mean validation metric."""

    batch_size: int = 256
    """Molecules per batch."""

    out: Path = Path("predictions.csv")
    """File of the predictions: .csv or .parquet. Its column reason says why a row has no prediction."""

    def __post_init__(self):
        super().__post_init__()
        if self.out.suffix not in PREDICTION_KINDS:
            raise ConfigError(f"--out must end in {' or '.join(PREDICTION_KINDS)}; got {self.out}")
        object.__setattr__(self, "keep_columns", tuple(dict.fromkeys(self.keep_columns)))
        if self.csv.resolve() == self.out.resolve():
            raise ConfigError(f"--out {self.out} would replace --csv {self.csv}; give another --out")
        if self.out.resolve() in [(self.run / name).resolve() for name in RUN_TABLES]:
            raise ConfigError(f"--out {self.out} would replace what the sweep has written; give another --out")


def default_directory(config: SweepConfig) -> Path:
    """runs/NAME-HASH: the same settings find the same directory."""
    digest = hashlib.blake2b(to_toml(config).encode(), digest_size=3).hexdigest()
    return Path("runs") / f"{config.name}-{digest}"


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"unknown {name} {value!r}; choose from {', '.join(choices)}")


def read_toml(path: Path, kind: type[Config] = SweepConfig) -> dict[str, Any]:
    """Settings from a TOML file, as keyword arguments of `kind`. Raises ConfigError."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    for key in values:
        if key not in _kinds(kind):
            raise ConfigError(f"{path}: unknown setting {key!r}; the settings are {', '.join(_kinds(kind))}")
    return values


def to_toml(config: Config) -> str:
    """The settings as TOML that `read_toml` reads back, without those that are not set.

    `out` is left out, for the file lies in it, and so is `dataset` where a file takes its place.
    """
    left_out = ("out", "dataset") if config.file else ("out",)
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
def _kinds(settings: type[Config]) -> dict[str, tuple[type, bool]]:
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


def _typed(settings: type[Config], name: str, value: Any) -> Any:
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
    if isinstance(value, int) and abs(value) >= 2**32:
        shown = value if value.bit_length() < 100 else f"a number of {value.bit_length()} bits"
        raise ConfigError(f"{_flag(name)} must be below 2^32; got {shown}")
    if kind in (str, Path) and not _is_plain(str(value)):
        raise ConfigError(f"{_flag(name)} must be text without NUL, in UTF-8; got {str(value)!r}")
    return kind(value)


def _is_plain(text: str) -> bool:
    """Whether a text can be a file's name, and be written to one."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
