"""The settings of a prediction."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from jaxmrl.config.base import Config
from jaxmrl.config.names import PREDICTION_KINDS
from jaxmrl.errors import ConfigError

_RUN_TABLES = ("results.csv", "curves.csv", "pruning.csv", "molecules.csv", "rejected.csv")
"""Files of a run that a prediction could replace by mistake."""


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

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.out.suffix not in PREDICTION_KINDS:
            raise ConfigError(f"--out must end in {' or '.join(PREDICTION_KINDS)}; got {self.out}")
        object.__setattr__(self, "keep_columns", tuple(dict.fromkeys(self.keep_columns)))
        if self.csv.resolve() == self.out.resolve():
            raise ConfigError(f"--out {self.out} would replace --csv {self.csv}; give another --out")
        if self.out.resolve() in [(self.run / name).resolve() for name in _RUN_TABLES]:
            raise ConfigError(f"--out {self.out} would replace what the sweep has written; give another --out")
