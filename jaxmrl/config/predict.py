"""The settings of a prediction."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from jaxmrl.config.base import Config
from jaxmrl.config.names import PREDICTION_KINDS
from jaxmrl.errors import ConfigError
from jaxmrl.modalities.embeddings.modality import check_kind

_RUN_TABLES = ("results.csv", "curves.csv", "pruning.csv", "molecules.csv", "rejected.csv")
"""Files of a run that a prediction could replace by mistake."""


@dataclass(frozen=True)
class PredictConfig(Config):
    """The settings of a prediction of molecules by the models of a sweep.

    Flags of the command are the names with dashes.

    Raises:
        UserError: For a setting that cannot be used.
    """

    run: Annotated[Positional[Path], arg(metavar="RUN_DIR")]
    """Predict with the models in this run directory of a sweep."""

    csv: Path
    """Read molecules from this table, in any format that --csv of the sweep takes. Only its molecules are used; the
    output has a row for each of its rows."""

    smiles_column: str | None = None
    """Read molecules from this column of --csv: SMILES, InChI or mol blocks. Default: the column named smiles, or the
    one whose name and content fit best."""

    keep_columns: tuple[str, ...] = ()
    """Copy these columns of --csv to the output. Default: all columns."""

    curve: str | None = None
    """Predict with the models of this curve, if the sweep has several. Default: the curve with the best mean validation
    metric."""

    embeddings: Path | None = None
    """Read the vectors of the molecules of --csv from this file, for models that learned from --embeddings. It has the
    layout of the file that the sweep read. Default: none."""

    batch_size: int = 256
    """Set the number of molecules per batch."""

    out: Path = Path("predictions.csv")
    """Write the predictions to this .csv or .parquet file. The column reason says why a row has no prediction."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.out.suffix not in PREDICTION_KINDS:
            raise ConfigError(f"--out must end in {' or '.join(PREDICTION_KINDS)}; got {self.out}")
        check_kind(self.embeddings)
        object.__setattr__(self, "keep_columns", tuple(dict.fromkeys(self.keep_columns)))
        if self.csv.resolve() == self.out.resolve():
            raise ConfigError(f"--out {self.out} would replace --csv {self.csv}; give another --out")
        if self.out.resolve() in [(self.run / name).resolve() for name in _RUN_TABLES]:
            raise ConfigError(f"--out {self.out} would replace what the sweep has written; give another --out")
