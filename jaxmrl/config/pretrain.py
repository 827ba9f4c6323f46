"""The settings of a pre-training."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

from jaxmrl.chem.parents import FORMS
from jaxmrl.config.base import TrainingConfig
from jaxmrl.errors import ConfigError, check_choice
from jaxmrl.modalities.base import CorpusFeatures
from jaxmrl.modalities.registry import get_modality, modalities_of, models


@dataclass(frozen=True)
class PretrainConfig(TrainingConfig):
    """The settings of pre-training an encoder by GraphMAE, on molecules without labels.

    Flags of the command are the names with dashes.

    Raises:
        UserError: For a setting that cannot be used.
    """

    dataset: str = "wehi"
    """Use the molecules of this data set without its labels; --list-datasets prints all names. The published study uses
    pcqm4mv2."""

    csv: Path | None = None
    """Read molecules from this table of any length, in any format that --csv of the sweep takes. Default: none;
    --dataset names the data."""

    sheet: str | None = None
    """Read this sheet of --csv, if that is an Excel workbook. Default: the first sheet whose header names SMILES, else
    the first one with rows."""

    smiles_column: str | None = None
    """Read molecules from this column of --csv: SMILES, InChI or mol blocks. Default: the column named smiles, or the
    one whose name and content fit best."""

    standardize: Literal["none", "parent", "tautomer"] = "none"
    """Replace each molecule by its parent, the largest organic fragment with charges neutralized, or by the canonical
    tautomer of its parent."""

    model: Literal["gin", "dmpnn", "gine"] = "gin"
    """Pre-train the encoder of this model. The published study uses the GIN."""

    width: int | None = None
    """Set the width of the encoder; the published study uses 300. Default: that of the model in a sweep."""

    depth: int | None = None
    """Set the number of layers of the encoder; the published study uses 5. Default: that of the model in a sweep."""

    dropout: float = 0.0
    """Apply dropout at this rate after every layer during pre-training."""

    epochs: int = 30
    """Train for this many passes over the molecules."""

    batch_size: int = 256
    """Set the number of molecules per batch."""

    learning_rate: float = 1e-3
    """Set the learning rate of Adam."""

    mask_rate: float = 0.15
    """Mask this fraction of each molecule's atoms, and at least one atom."""

    seed: int = 0
    """Draw the initial weights, the order of the molecules and the masks with this seed."""

    precision: Literal["float32", "tf32", "bfloat16"] = "float32"
    """Compute matrix products in full float32, in the accelerator's fast tf32, or with bfloat16 operands and float32
    sums."""

    out: Path = Path("pretrained")
    """Write the encoder to this folder, which --init of a sweep reads; the same command resumes the run."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("standardize", self.standardize, FORMS)
        check_choice("model", self.model, tuple(model.name for model in models().values() if model.autoencoder))
        if not 0 < self.mask_rate < 1:
            raise ConfigError(f"--mask-rate must be above 0 and below 1; got {self.mask_rate:g}")
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"--seed must be 0 or more and below 2^32; got {self.seed}")

    @property
    def sizes(self) -> tuple[int, int]:
        """Width and depth; those of the model where they are not set."""
        default = models()[self.model]
        return self.width or default.width, self.depth or default.depth

    def resolved(self) -> Self:
        """Return these settings with the sizes that they stand for, as a run saves them."""
        width, depth = self.sizes
        return replace(self, width=width, depth=depth)

    @property
    def corpus(self) -> CorpusFeatures:
        """What is made of the molecules."""
        features = get_modality(modalities_of(self.model)[0]).corpus
        assert features is not None, "a model with an autoencoder has one"
        return features
