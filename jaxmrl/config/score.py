"""The settings of a scoring."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from jaxmrl.config.data import MODALITY_CHOICES, MODEL_CHOICES, Settings
from jaxmrl.config.names import PRUNING_METHODS, SCORE_KINDS
from jaxmrl.errors import ConfigError, check_choice


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

    modality: Annotated[
        str | None,
        arg(help=f"What the model sees: {MODALITY_CHOICES}. Default: geometry for data with positions, else graph."),
    ] = None

    model: Annotated[str | None, arg(help=f"{MODEL_CHOICES}. Default: the modality's own, painn for geometry.")] = None

    width: int | None = None
    """Width of the model; the study's GIN has 300, its SchNet and PaiNN 128. Default: 64."""

    depth: int | None = None
    """Layers; the study's GIN has 5, its SchNet and PaiNN 6. Default: 3, or 1 for transformers."""

    out: Path = Path("scores.csv")
    """File of the scores: .csv, .parquet or .npz. A .json and a .png of the same name come beside it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for method in self.methods:
            check_choice("method", method, PRUNING_METHODS)
        if self.out.suffix not in SCORE_KINDS:
            raise ConfigError(f"--out must end in {', '.join(SCORE_KINDS)}; got {self.out}")
        if self.file and self.file.resolve() == self.out.resolve():
            kind = "csv" if self.csv else "npz"
            raise ConfigError(f"--out {self.out} would replace --{kind} {self.file}; give another --out")
        if len(self.splits) > 1:
            raise ConfigError("give --split or --split-file, not both: scores are of one split's training molecules")
