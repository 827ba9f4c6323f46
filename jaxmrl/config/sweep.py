"""The settings of a sweep."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

from jaxmrl.config.base import flag
from jaxmrl.config.names import (
    CONTINUED_SPLITS,
    DEFAULT_BASELINES,
    DEFAULT_FRACTIONS,
    DYNAMIC_PRUNINGS,
    FEW_MOLECULES,
    FILE_SPLIT,
    LEAVE_CLUSTER_OUT,
    MOST_TUNED,
    PRUNING_METHODS,
    RANDOM,
    ROLLING,
    SCRATCH,
    SINGLE_SPLITS,
    SPLITS_WITHOUT_EXTRA,
)
from jaxmrl.config.pruning import PruningSettings
from jaxmrl.errors import ConfigError, check_choice
from jaxmrl.modalities.geometry.conformers import FROM_FILE
from jaxmrl.modalities.graph.modality import GRAPH
from jaxmrl.modalities.registry import MODALITIES, get_modality, modalities_of, models
from jaxmrl.rows import AT_EACH_SIZE, NO_EXTRA, UNTUNED
from jaxmrl.text import one_of

NO_BASELINE = "none"
"""The value of --baselines that asks for none."""


@dataclass(frozen=True)
class SweepConfig(PruningSettings):
    """The settings of a sweep: data, grid, models and training.

    The defaults are a small study, which two cores finish in about three minutes. The folder configs/ of the
    repository has the settings of the published study. Flags of the command are the names with dashes.

    Raises:
        UserError: For a setting that cannot be used.
    """

    fractions: tuple[float, ...] = DEFAULT_FRACTIONS
    """Train on these fractions of the training molecules; they are the points of the curve. The published study has
    0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8 and 1."""

    seeds: int = 3
    """Train this many replicas per fraction, with seeds 0, 1, ...; a seed sets the subset, initial weights, batch order
    and dropout."""

    epochs: int | None = None
    """Train each replica for this many epochs; the published study uses 100. Default: 20 for D-MPNN and GINE,
    else 30, unless --steps is given."""

    steps: int | None = None
    """Train each replica for this many optimizer steps instead of --epochs, at every fraction. Default: none."""

    min_steps: int | None = None
    """Train each replica for at least this many optimizer steps; small fractions train for more epochs to reach it.
    Default: 500, or no minimum with --epochs or --steps."""

    split: tuple[str, ...] = ()
    """Split the data in this way; several values make several curves. Default: random, or the split of --split-file."""

    split_seeds: int | Literal["auto"] = "auto"
    """Split the data in each way this many times, with the split seeds that follow --split-seed. Seed k trains and is
    tested on split k modulo this number, so more splits take no more time, and intervals cover the choice of the split.
    With --split-file, the file's training and validation molecules are divided into this many folds, seed k validates
    on fold k modulo this number, and the test set is the same for all. The value auto is one split for each seed with
    fewer than 5,000 molecules or with --split leave-cluster-out. Otherwise, and with --scores, --tune or --split-file,
    it is one split for all seeds."""

    modality: tuple[str, ...] = ()
    """Represent molecules in this way; several values make several curves. Default: geometry for data with positions,
    else the first that each --model takes, or molgraph without --model (graph with --init)."""

    model: tuple[str, ...] = ()
    """Train this model; several values make several curves. Default: the first model of the modality, such as
    dmpnn for molgraph and painn for geometry."""

    baselines: tuple[str, ...] | None = None
    """Fit these classical models as well, for comparison, or none. Sizes that are too large for a model are left out.
    Default: svm mean."""

    width: tuple[int, ...] = ()
    """Set the width of the model; several values make several curves. The published study uses 300 for the GIN and 128
    for SchNet and PaiNN. Default: 128 for D-MPNN, GINE and the MLP, else 64."""

    depth: tuple[int, ...] = ()
    """Set the number of layers; several values make several curves. The published study uses 5 for the GIN and 6 for
    SchNet and PaiNN. Default: 3, 2 for the MLP, or 1 for transformers."""

    init: tuple[str, ...] = (SCRATCH,)
    """Start from fresh weights (none) or from the encoder in this folder, which the pretrain command writes; several
    values make several curves. Without --model, the model is then the GIN."""

    freeze: bool = False
    """Train only the head, on the frozen encoder of --init (linear probing). With --init none, the encoder keeps its
    random initial weights."""

    evaluate_every: int = 1
    """Set the number of epochs between validations; the last epoch is always validated. A replica with more epochs
    because of --min-steps is validated about as many times as the others, at longer intervals."""

    patience: int | None = None
    """Stop a replica after this many validations in a row without improvement; its lane is then free for the next
    replica. --evaluate-every sets how often it is validated. Default: train to the end."""

    class_weight: float | Literal["balanced", "none"] | None = None
    """Multiply the loss of positive labels by this number in classification. The value balanced is the number of
    negative labels divided by that of positive ones, for each task and the replica's own training molecules, limited
    to the range from 0.01 to 100. Scoring models and classical models have no weights. Default: none."""

    pruning: tuple[str, ...] = (RANDOM,)
    """Choose the molecules of a fraction by this method, or by this column of --scores; several values make several
    curves. The methods soft-random, infobatch and molpeg choose new molecules for each epoch from all training
    molecules, so they need all labels and save only compute."""

    scores: Path | None = None
    """Read scores from this file (.csv, .parquet or .npz) instead of training models for them. It needs either a column
    METHOD_seed_0, METHOD_seed_1, ... for each seed of the sweep, or one column METHOD or METHOD_rank (rank 1 is kept
    first) for all seeds. Its rows are matched to molecules by SMILES, molecule_id or both, as in --split-file. With one
    column, all seeds train on the same subset, and the intervals of pruning.csv are wider. Default: none."""

    score_seeds: int = 1
    """Average the scores of this many models for each seed, for --pruning without --scores. No two seeds share a model,
    so subsets are independent, and intervals over seeds include the variation from the choice of subset."""

    score_epochs: int = 20
    """Train scoring models for this many epochs before they score the molecules; the published study uses 20."""

    tune: int | None = None
    """Choose learning rate, weight decay, dropout and, for classes, the weight of positive labels for each model by the
    validation molecules, from this many settings. The first is the default; the others are spread around it.
    Successive halving drops two thirds of them after a ninth of the steps, and again after a third. The file tuning.csv
    has all of them. Default: none."""

    tune_each_size: bool = False
    """Tune at each fraction. Otherwise --tune chooses once, with the largest fraction, for all of them."""

    save_predictions: bool = False
    """Save each replica's predictions for validation and test molecules, made with its best weights, in predictions/.
    The report then has intervals that cover the choice of test molecules and, where seeds share a split
    (--split-seeds), their ensemble at each size."""

    save_all_models: bool = False
    """Save the models of every fraction, so that predict --fraction can use them. Otherwise, those of the largest
    fraction are saved."""

    previous: Path | None = None
    """Keep the validation and test molecules of this run in their parts, after rows were added to its file. New
    molecules are used for training; a scaffold or group split leaves out those that share the scaffold or group of a
    validation or test molecule. The file changes.csv of the new run lists what has changed, and the compare command
    compares the two. This works for random, stratified, scaffold and group splits. Default: none."""

    extra: Path | None = None
    """Train each curve a second time, on the same subsets, splits and seeds, with the molecules of this table of
    related data added to every training set. The report says how many molecules of the main data the table is worth at
    each size. The table needs the target columns of the main data, and the same options apply to it. Its molecules are
    in no validation or test set and do not count toward fractions. Those that are also in validation or test are left
    out. Default: none."""

    out: Path | None = None
    """Write the run to this directory; the same command resumes it. Default: runs/NAME-HASH, based on the settings."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("fractions", "pruning", "init"):
            if not getattr(self, name):
                raise ConfigError(f"{flag(name)} needs at least one value")
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
                check_choice("pruning method", method, (*PRUNING_METHODS, *DYNAMIC_PRUNINGS))
            if self.censored == "loss" and self.scored_prunings:
                raise ConfigError(
                    "--censored loss: pruning methods score molecules by exact labels, so a molecule that has only "
                    "censored ones has no score; use --censored drop or bound, or omit --pruning"
                )
        if self.freeze and not self.checkpoints:
            raise ConfigError("--freeze trains only the head of a pre-trained encoder: give its folder with --init")
        if self.censored == "loss":  # which concordance.csv is computed from
            object.__setattr__(self, "save_predictions", True)
        self._check_class_weight()
        self._check_splits()
        self._check_baselines()
        self._check_tuning()
        self._check_previous()
        self._check_extra()
        trained = tuple(dict.fromkeys(modality for modality, _ in self.trained_models))
        if self.checkpoints and not (trained and all(get_modality(name).corpus for name in trained)):
            fitting = [modality.name for modality in MODALITIES if modality.corpus]
            raise ConfigError(
                f"--init is for --modality {' or '.join(fitting)}; got {' '.join(trained or self.modalities)}"
            )

    def _check_class_weight(self) -> None:
        """Put None in the place of none. Raise ConfigError for a number that is no weight."""
        weight = None if self.class_weight == "none" else self.class_weight
        if isinstance(weight, float) and not (weight > 0 and math.isfinite(weight)):
            raise ConfigError(f"--class-weight must be a positive number, balanced or none; got {weight:g}")
        object.__setattr__(self, "class_weight", weight)

    def _check_splits(self) -> None:
        """Raise ConfigError for more splits than seeds, for several where there is one, and for cut dates of pruned or
        tuned runs.
        """
        if ROLLING in self.splits and (self.tune is not None or self.pruning != (RANDOM,)):
            raise ConfigError("--split rolling trains on all molecules before each date; omit --pruning and --tune")
        if set(self.splits) == {ROLLING} and self.fractions not in (DEFAULT_FRACTIONS, (1.0,)):
            raise ConfigError("--split rolling has cut dates (--cuts) instead of fractions; omit --fractions")
        if self.split_seeds == "auto" or self.split_seeds == 1:
            return
        if self.split_seeds > self.seeds:
            raise ConfigError(
                f"--split-seeds {self.split_seeds} needs at least as many seeds, because each seed uses one split; got "
                f"--seeds {self.seeds}"
            )
        if set(self.splits) <= set(SINGLE_SPLITS):
            raise ConfigError(
                f"--split-seeds {self.split_seeds}: --split {self.splits[0]} has one split; omit --split-seeds"
            )
        if self.tune is not None:
            raise ConfigError(
                f"--split-seeds {self.split_seeds}: --tune chooses settings on the validation molecules of one split, "
                "which other splits test on; omit --split-seeds or --tune"
            )

    def _check_previous(self) -> None:
        """Raise ConfigError where the parts of an earlier run cannot be kept."""
        if self.previous is None:
            return
        if self.npz is not None:
            raise ConfigError("--previous finds molecules again by their SMILES, and --npz has none; omit --previous")
        if odd := [name for name in self.splits if name not in CONTINUED_SPLITS]:
            raise ConfigError(
                f"--previous keeps the parts of a {one_of(CONTINUED_SPLITS)} split; got --split {odd[0]}, whose parts "
                "depend on all molecules, so that new ones would change them. Omit --previous, or give the parts of "
                "all molecules with --split-file instead"
            )

    def _check_extra(self) -> None:
        """Raise ConfigError for settings with which molecules of another file cannot train beside the data."""
        if self.extra is None:
            return
        unfit = {
            "--npz": (self.lacks_smiles, "has no SMILES, by which test molecules are found in the extra file"),
            "--embeddings": (self.embeddings, "has no vectors for the molecules of the extra file"),
            "--coordinates file": (self.coordinates == FROM_FILE, "has no coordinates for the extra file"),
            "--pruning": (self.pruning != (RANDOM,), "chooses among molecules of the main data only"),
            "--tune": (self.tune is not None, "chooses settings for training on the main data only"),
            "--previous": (self.previous, "compares with a run on the main data only"),
        }
        for name, (given, why) in unfit.items():
            if given:
                raise ConfigError(f"--extra cannot be combined with {name}, which {why}; omit one of the two")
        for name in self.splits:
            if would := SPLITS_WITHOUT_EXTRA.get(name):
                raise ConfigError(
                    f"--extra cannot be combined with --split {name}: molecules of the extra file {would}"
                )
        if self.extra_name == NO_EXTRA:
            raise ConfigError(
                f"--extra {self.extra}: the name none means a curve without an extra source; rename the file"
            )

    @property
    def extra_name(self) -> str:
        """What the column `extra` of results.csv calls the file of `extra`: its name without endings."""
        return self.extra.name.split(".")[0] if self.extra else NO_EXTRA

    @property
    def extras(self) -> tuple[str, ...]:
        """The values of the column `extra`: each curve is trained without the file of `extra`, and then with it."""
        return (NO_EXTRA, self.extra_name) if self.extra else (NO_EXTRA,)

    def split_count(self, kind: str, molecules: int) -> int:
        """Return how many splits of a kind are made.

        Args:
            kind: The kind of split.
            molecules: The number of usable molecules.
        """
        if kind in SINGLE_SPLITS:
            return 1
        if self.split_seeds == "auto":
            few = molecules < FEW_MOLECULES or kind == LEAVE_CLUSTER_OUT
            several = few and kind != FILE_SPLIT and self.scores is None and self.tune is None
            return self.seeds if several else 1
        return self.split_seeds

    def _check_baselines(self) -> None:
        """Put the names of the baselines in the place of None and none. Raise ConfigError where there is no such."""
        names = DEFAULT_BASELINES if self.baselines is None else self.baselines
        names = () if names == (NO_BASELINE,) else names
        classical = tuple(name for name, model in models().items() if model.classical)
        for name in names:
            check_choice("baseline", name, (*classical, NO_BASELINE) if len(names) == 1 else classical)
        object.__setattr__(self, "baselines", tuple(dict.fromkeys(names)))

    def _check_tuning(self) -> None:
        if self.tune is None:
            if self.tune_each_size:
                raise ConfigError("--tune-each-size needs --tune N, the number of settings to choose from")
            return
        if not 2 <= self.tune <= MOST_TUNED:
            raise ConfigError(f"--tune must be a number of settings from 2 to {MOST_TUNED:,}; got {self.tune}")
        if not self.trained_models:
            raise ConfigError(
                "--tune is for neural networks; classical models choose their settings on the validation molecules by "
                "themselves. Omit --tune, or add a neural network to --model"
            )

    @property
    def tuning(self) -> str:
        """What the column `tuning` of results.csv says of a neural network."""
        if self.tune is None:
            return UNTUNED
        return f"{self.tune} {AT_EACH_SIZE}" if self.tune_each_size else str(self.tune)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities: those asked for, else one that fits the data and `model`; with `init`, that of the GIN."""
        if not self.checkpoints or self.modality or self.model:
            return super().modalities
        return (GRAPH.name,)

    def resolved(self) -> Self:
        """Return these settings with the modalities and models that they stand for, as a run saves them."""
        names = tuple(dict.fromkeys(name for _, name in (*self.trained_models, *self.classical_models)))
        return replace(self, modality=self.modalities, model=names)

    @property
    def reference_models(self) -> tuple[tuple[str, str], ...]:
        """Modality and name of each baseline that is not among the models that are asked for and fits the data."""
        asked = {model for _, model in self.classical_models}
        found = ((modalities_of(name)[0], name) for name in self.baselines or () if name not in asked)
        return tuple(both for both in found if not (self.lacks_smiles and get_modality(both[0]).needs_smiles))

    @property
    def featurized(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.modalities, *(modality for modality, _ in self.reference_models))))

    @property
    def scored_prunings(self) -> tuple[str, ...]:
        """The prunings that keep a subset of the molecules by a score."""
        return tuple(name for name in self.pruning if name not in (RANDOM, *DYNAMIC_PRUNINGS))

    @property
    def classical_prunings(self) -> tuple[str, ...]:
        """The prunings of classical models, which have no epochs and train no model that scores: random subsets, and
        with --scores those of its file.
        """
        return tuple(name for name in self.pruning if name not in DYNAMIC_PRUNINGS) if self.scores else (RANDOM,)

    @property
    def checkpoints(self) -> tuple[Path, ...]:
        """The folders of pre-trained encoders that replicas start from."""
        return tuple(Path(init) for init in self.init if init != SCRATCH)
