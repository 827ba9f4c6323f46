"""The settings of commands that read anyone's learning curves, and of the one that fits laws to them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from jaxmrl.config.base import flag
from jaxmrl.config.names import MOST_MOLECULES
from jaxmrl.errors import ConfigError
from jaxmrl.io.cells import LARGEST


@dataclass(frozen=True)
class CurvesConfig:
    """The settings by which learning curves are read from files and run directories.

    Raises:
        UserError: For a setting that cannot be used.
    """

    csv: Annotated[Positional[tuple[Path, ...]], arg(metavar="CURVES.csv|RUN ...")]
    """Read learning curves from these tables (CSV, Excel, Parquet and others) and run directories of sweeps. A table
    has a number of molecules and a metric in each row. Rows with the same number of molecules are repeated runs, and so
    are several columns of the metric. A mean may have its standard deviation in another column or in the same cell. The
    curves of several tables are compared with the first one."""

    n_column: str | None = None
    """Read the number of molecules from this column. Default: the column named n, n_train, molecules or similar."""

    metric_column: tuple[str, ...] = ()
    """Read the metric from this column; several columns are runs of one metric. Default: the only metric among the
    column names, such as rmse, test_scores_mean, or roc_auc_0 and roc_auc_1."""

    sd_column: str | None = None
    """Read the standard deviation over each row's runs from this column, or the standard error of their mean if the
    column's name has se or sem. Default: the column named std, sd, sem or similar beside the metric."""

    runs_column: str | None = None
    """Read the number of runs of each row from this column, or use this number for all rows. Default: the column named
    n_seeds, n_runs or count."""

    by: tuple[str, ...] = ()
    """Fit one curve for each combination of values in these columns; all curves are compared with the first. Default:
    in the files of a sweep, those that identify a curve; else settings such as learning_rate that differ between runs
    of the same size."""

    pool: bool = False
    """Count rows as runs of one curve even if their settings differ or the same size and seed occur more
    than once."""

    higher_is_better: bool = False
    """Treat higher values of the metric as better. Default: based on the metric's name."""

    lower_is_better: bool = False
    """Treat lower values of the metric as better, as for an error. Default: based on the metric's name."""

    best: float | None = None
    """Set the metric of a perfect model; the error is the distance from it. Default: based on the metric's name and
    values: 1, or 100 for percentages, if higher values are better, and 0 for errors and for neg_ metrics."""

    guess: float | None = None
    """Set the metric of random guessing, which some laws approach with few molecules. Default: based on the metric's
    name: 0.5 for ROC-AUC, 0 for average precision and R2."""

    no_prior: bool = False
    """Forecast curves of three to five sizes by their laws alone, without the prior from learning curves of other
    molecular models, for example if the curves are not of molecular models."""

    target: float | None = None
    """Estimate the number of molecules at which the metric reaches this value. Default: none."""

    def __post_init__(self) -> None:
        given = (self.csv,) if isinstance(self.csv, str | Path) else self.csv
        object.__setattr__(self, "csv", tuple(map(Path, given)))
        if not self.csv:
            raise ConfigError("no learning curves were given; give a CSV file or a run directory of a sweep")
        for name in ("by", "metric_column"):
            value = getattr(self, name)
            value = (value,) if isinstance(value, str) else tuple(dict.fromkeys(value or ()))
            object.__setattr__(self, name, value)
        if self.higher_is_better and self.lower_is_better:
            raise ConfigError("give --higher-is-better or --lower-is-better, not both")
        if self.runs_column and self.runs_column.isdigit() and int(self.runs_column) < 1:
            raise ConfigError("--runs-column takes a column or a number of runs, 1 or more; got 0")
        for name in ("guess", "target", "best"):
            value = getattr(self, name)
            if value is not None and not abs(value) <= LARGEST:
                raise ConfigError(f"{flag(name)} must be a finite number of at most {LARGEST:.2g}; got {value:g}")


@dataclass(frozen=True)
class FitConfig(CurvesConfig):
    """The settings of fitting laws to learning curves in files and run directories.

    Flags of the command are the names with dashes.

    Raises:
        UserError: For a setting that cannot be used.
    """

    predict: tuple[float, ...] = ()
    """Forecast the metric at these numbers of molecules. Default: 2, 4 and 10 times the largest size."""

    params_column: str | None = None
    """Read the number of parameters of the model from this column, make one curve for each number, and fit a joint law
    of data and model size to curves that differ only in this number. Default: no joint law."""

    json: bool = False
    """Print all results as one JSON object, and nothing else."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "predict", tuple(map(float, self.predict)))
        for n in self.predict:
            if not 0 < n < MOST_MOLECULES:
                raise ConfigError(
                    f"--predict takes numbers of molecules, above 0 and below {MOST_MOLECULES:g}; got {n:g}"
                )
