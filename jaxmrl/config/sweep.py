"""The settings of a sweep."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from jaxmrl.config.base import flag
from jaxmrl.config.data import MODALITY_CHOICES, MODEL_CHOICES, Settings
from jaxmrl.config.names import (
    DEFAULT_EPOCHS,
    DEFAULT_MIN_STEPS,
    PRUNING_METHODS,
    SCRATCH,
    STUDY_FRACTIONS,
)
from jaxmrl.errors import ConfigError, check_choice
from jaxmrl.modalities.registry import MODALITIES, get_modality


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

    modality: Annotated[
        tuple[str, ...],
        arg(
            help=f"What the model sees: {MODALITY_CHOICES}. Several make several curves. Default: geometry for data "
            "with positions, else graph."
        ),
    ] = ()

    model: Annotated[
        tuple[str, ...],
        arg(help=f"{MODEL_CHOICES}. Several make several curves. Default: the modality's own, painn for geometry."),
    ] = ()

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
                check_choice("pruning method", method, PRUNING_METHODS)
        if self.freeze and not self.checkpoints:
            raise ConfigError("--freeze trains the head of a pre-trained encoder alone: give --init a checkpoint")
        if self.checkpoints and not all(get_modality(name).pretrained for name in self.modalities):
            fitting = [modality.name for modality in MODALITIES if modality.pretrained]
            raise ConfigError(f"--init is for --modality {' or '.join(fitting)}; got {' '.join(self.modalities)}")

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
