"""The settings of a valuation."""

from dataclasses import dataclass
from pathlib import Path

from jaxmrl.config.data import Settings
from jaxmrl.config.names import ROLLING, SCORE_KINDS, VALUE_METHODS
from jaxmrl.errors import ConfigError, check_choice
from jaxmrl.modalities import registry

FEWEST_SUBSETS = 10
"""The fewest subsets: each fifth of them judges datamodels that are fitted to the others."""

_SMALL_MODEL = "gin"
"""The default model of molecules with SMILES: it trains fastest."""


@dataclass(frozen=True)
class ValueConfig(Settings):
    """The settings of a valuation of all training molecules.

    Flags of the command are the names with dashes.

    Raises:
        UserError: For a setting that cannot be used.
    """

    methods: tuple[str, ...] = ()
    """Compute values by these methods. Default: all that the molecules allow; oob needs SMILES."""

    subsets: int = 1000
    """Train this many models on random halves of the training molecules, for banzhaf and datamodel, and as many on
    random subsets of all sizes, for shapley."""

    epochs: int = 20
    """Train each model for this many epochs."""

    trees: int = 500
    """Grow this many trees for each task, for oob."""

    seed: int = 0
    """Draw the subsets, the initial weights and the trees with this seed."""

    split: str | None = None
    """Value the training molecules of this split by the predictions of its validation molecules. Default: random, or
    the split of --split-file."""

    modality: str | None = None
    """Represent molecules in this way. Default: geometry for data with positions, else the first that --model
    takes, or graph without --model."""

    model: str | None = None
    """Train this model. Default: gin for molecules with SMILES, unless --modality or --embeddings is given; else the
    first model of the modality."""

    width: int = 32
    """Set the width of the model."""

    depth: int = 2
    """Set the number of layers."""

    batch_size: int | None = 64
    """Set the number of molecules per batch; the last batch of an epoch may be smaller."""

    dropout: float | None = 0.0
    """Apply dropout at this rate after every layer; SchNet and PaiNN have none."""

    out: Path = Path("values.csv")
    """Write the values to this .csv, .parquet or .npz file. A .json and a .png file of the same name are written beside
    it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model is None and self.modality is None and not (self.lacks_smiles or self.embeddings):
            object.__setattr__(self, "model", _SMALL_MODEL)
        for method in self.methods:
            check_choice("method", method, VALUE_METHODS)
        if self.subsets < FEWEST_SUBSETS:
            raise ConfigError(f"--subsets must be {FEWEST_SUBSETS} or more; got {self.subsets}")
        if self.seed < 0:
            raise ConfigError(f"--seed must be 0 or more; got {self.seed}")
        self._check_output()
        self._check_one_model()

    def _check_output(self) -> None:
        if self.out.suffix not in SCORE_KINDS:
            raise ConfigError(f"--out must end in {', '.join(SCORE_KINDS)}; got {self.out}")
        if self.file and self.file.resolve() == self.out.resolve():
            kind = "csv" if self.csv else "npz"
            raise ConfigError(f"--out {self.out} would replace --{kind} {self.file}; give another --out")

    def _check_one_model(self) -> None:
        """Raise ConfigError for settings that name several models or splits, or what values are not defined for."""
        if self.censored == "loss":
            raise ConfigError("values are computed from exact labels: give --censored drop or bound instead of loss")
        if self.classical_models:
            raise ConfigError(
                f"values come from neural networks and the trees of oob; got --model {self.classical_models[0][1]}"
            )
        if len(self.modalities) > 1:
            raise ConfigError("give --modality or --embeddings, not both: values are of one model")
        if self.split == ROLLING:
            raise ConfigError("--split rolling works only with sweep: values need the training molecules of one split")
        if len(self.splits) > 1:
            raise ConfigError("give --split or --split-file, not both: values are of one split's training molecules")

    @property
    def featurized(self) -> tuple[str, ...]:
        """The modalities whose features are made: that of the model, and the fingerprints of the trees."""
        trees = () if self.lacks_smiles or (self.methods and "oob" not in self.methods) else (self.tree_modality,)
        return tuple(dict.fromkeys((*self.modalities, *trees)))

    @property
    def tree_modality(self) -> str:
        """The modality of the trees."""
        return registry.modalities_of("rf")[0]
