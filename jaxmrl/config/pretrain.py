"""The settings of a pre-training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jaxmrl.config.base import TrainingConfig
from jaxmrl.errors import ConfigError
from jaxmrl.modalities.graph.modality import GIN


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

    width: int = GIN.width
    """Width of the encoder; the study's is 300."""

    depth: int = GIN.depth
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

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.mask_rate < 1:
            raise ConfigError(f"--mask-rate must be above 0 and below 1; got {self.mask_rate:g}")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"--seed must be 0 or more and below 2^32; got {self.seed}")
