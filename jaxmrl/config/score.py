"""The settings of a scoring."""

from dataclasses import dataclass
from pathlib import Path

from jaxmrl.config.names import PRUNING_METHODS, ROLLING, SCORE_KINDS
from jaxmrl.config.pruning import PruningSettings
from jaxmrl.errors import ConfigError, check_choice


@dataclass(frozen=True)
class ScoreConfig(PruningSettings):
    """The settings of a scoring of all training molecules, for pruning.

    Flags of the command are the names with dashes.

    Raises:
        UserError: For a setting that cannot be used.
    """

    methods: tuple[str, ...] = ()
    """Compute scores by these methods. Default: all that are defined for the task."""

    seeds: int = 5
    """Train this many scoring models, one for each seed of a sweep. The file has the scores of each model and, for most
    methods, their mean over the models."""

    epochs: int = 20
    """Train the models for this many epochs before they score the molecules; the published study uses 20."""

    split: str | None = None
    """Score the training molecules of this split. Default: random, or the split of --split-file."""

    modality: str | None = None
    """Represent molecules in this way. Default: geometry for data with positions, else the first that --model
    takes, or molgraph without --model."""

    model: str | None = None
    """Train this model. Default: the first model of the modality, such as dmpnn for molgraph and painn for
    geometry."""

    width: int | None = None
    """Set the width of the model. The published study uses 300 for the GIN and 128 for SchNet and PaiNN. Default:
    128 for D-MPNN, GINE and the MLP, else 64."""

    depth: int | None = None
    """Set the number of layers. The published study uses 5 for the GIN and 6 for SchNet and PaiNN. Default: 3,
    2 for the MLP, or 1 for transformers."""

    out: Path = Path("scores.csv")
    """Write the scores to this .csv, .parquet or .npz file. A .json and a .png file of the same name are written beside
    it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for method in self.methods:
            check_choice("method", method, PRUNING_METHODS)
        if self.censored == "loss":
            raise ConfigError("scores are computed from exact labels: give --censored drop or bound instead of loss")
        if self.out.suffix not in SCORE_KINDS:
            raise ConfigError(f"--out must end in {', '.join(SCORE_KINDS)}; got {self.out}")
        if self.file and self.file.resolve() == self.out.resolve():
            kind = "csv" if self.csv else "npz"
            raise ConfigError(f"--out {self.out} would replace --{kind} {self.file}; give another --out")
        if self.classical_models:
            raise ConfigError(
                f"scores come from neural networks that are trained for them; got --model {self.classical_models[0][1]}"
            )
        if len(self.modalities) > 1:
            raise ConfigError("give --modality or --embeddings, not both: scores are of one model")
        if self.split == ROLLING:
            raise ConfigError("--split rolling works only with sweep: scores need the training molecules of one split")
        if len(self.splits) > 1:
            raise ConfigError("give --split or --split-file, not both: scores are of one split's training molecules")
