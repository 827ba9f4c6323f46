"""The settings of a prediction."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from jaxmrl.config.base import Config, flag
from jaxmrl.config.names import PREDICTION_KINDS
from jaxmrl.errors import ConfigError, check_choice
from jaxmrl.modalities.embeddings.modality import check_kind
from jaxmrl.text import one_of

_RUN_TABLES = ("results.csv", "curves.csv", "pruning.csv", "molecules.csv", "rejected.csv")
"""Files of a run that a prediction could replace by mistake."""

ENSEMBLES = ("curve", "best", "all")
"""Which models are averaged."""


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

    sheet: str | None = None
    """Read this sheet of --csv, if that is an Excel workbook. Default: the first sheet whose header names SMILES, else
    the first one with rows."""

    smiles_column: str | None = None
    """Read molecules from this column of --csv: SMILES, InChI or mol blocks. Default: the column named smiles, or the
    one whose name and content fit best."""

    keep_columns: tuple[str, ...] = ()
    """Copy these columns of --csv to the output. Default: all columns."""

    curve: str | None = None
    """Predict with the models of this curve, if the sweep has several. Default: the curve with the best mean validation
    metric."""

    model: str | None = None
    """Predict with curves of this model only, such as dmpnn or svm. Default: all models."""

    fraction: float | None = None
    """Predict with the models that learned from this fraction of the training molecules, from a sweep with
    --save-all-models. Default: the largest fraction."""

    ensemble: Literal["curve", "best", "all"] = "curve"
    """Choose the models that predict: curve averages the models of one curve, which differ in seed and split, best uses
    the single model with the best validation metric, and all averages the models of all curves with the same kind of
    split."""

    coverage: float = 0.9
    """In regression, write prediction intervals that contain the label with this probability."""

    neighbors: int = 0
    """Add this many of the nearest training molecules for each molecule, with their similarity and labels."""

    explain: int = 0
    """Draw this many of the molecules with the highest predictions on an HTML page next to --out. The color of each
    atom shows how much it raises or lowers the prediction. With 0, no page is written."""

    embeddings: Path | None = None
    """Read the vectors of the molecules of --csv from this file, for models that learned from --embeddings. It has the
    layout of the file that the sweep read. Default: none."""

    batch_size: int = 256
    """Set the number of molecules per batch."""

    out: Path = Path("predictions.csv")
    """Write the predictions to this file: .csv, .parquet, .xlsx or .sdf. The column reason says why a row has no
    prediction."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.out.suffix not in PREDICTION_KINDS:
            raise ConfigError(f"--out must end in {one_of(PREDICTION_KINDS)}; got {self.out}")
        check_choice("ensemble", self.ensemble, ENSEMBLES)
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise ConfigError(f"--fraction must be above 0 and at most 1; got {self.fraction:g}")
        if not 0 < self.coverage < 1:
            raise ConfigError(f"--coverage must be above 0 and below 1, such as 0.9; got {self.coverage:g}")
        for name in ("neighbors", "explain"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{flag(name)} must be 0 or more; got {getattr(self, name)}")
        check_kind(self.embeddings)
        object.__setattr__(self, "keep_columns", tuple(dict.fromkeys(self.keep_columns)))
        if self.csv.resolve() == self.out.resolve():
            raise ConfigError(f"--out {self.out} would replace --csv {self.csv}; give another --out")
        if self.out.resolve() in [(self.run / name).resolve() for name in _RUN_TABLES]:
            raise ConfigError(f"--out {self.out} would replace what the sweep has written; give another --out")
