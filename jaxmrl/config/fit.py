"""The settings of a fit of laws to anyone's curves."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from jaxmrl.config.base import flag
from jaxmrl.config.names import MOST_MOLECULES
from jaxmrl.errors import ConfigError


@dataclass(frozen=True)
class FitConfig:
    """Laws of the learning curves in a CSV file."""

    csv: Annotated[Positional[Path], arg(metavar="CURVES.csv")]
    """A CSV or CSV.gz file with a number of molecules and a metric in each row. The same number again is another run,
    as is another column of the metric; means may have their standard deviation beside or behind them."""

    n_column: str | None = None
    """Column of the numbers of molecules. Default: the one named n, n_train, molecules or the like."""

    metric_column: tuple[str, ...] = ()
    """Column of the metric; several columns are runs of one metric. Default: the only metric by the columns' names,
    such as rmse, test_scores_mean, or roc_auc_0 and roc_auc_1."""

    sd_column: str | None = None
    """Column of the standard deviation over the runs behind each row, or, where its name has se or sem, of the standard
    error of their mean. Default: the one named std, sd, sem or the like beside the metric."""

    runs_column: str | None = None
    """Column of the number of runs behind each row, or that number itself. Default: the one named n_seeds, n_runs or
    count."""

    by: tuple[str, ...] = ()
    """Columns that distinguish curves; all curves are compared with the first. Default: in the files of a sweep those
    that do, else settings such as learning_rate where runs of the same size differ by them."""

    pool: bool = False
    """Count rows with different settings, or of the same size and seed, as runs of one curve."""

    higher_is_better: bool = False
    """Higher values of the metric are better. Default: by the metric's name."""

    lower_is_better: bool = False
    """Lower values of the metric are better, as of an error. Default: by the metric's name."""

    best: float | None = None
    """The metric of a perfect model; the error is its distance from there. Default, by the metric's name and values: 1,
    or 100 in percent, where higher values are better, and 0 for errors and for neg_ metrics."""

    guess: float | None = None
    """The metric of guesses, which some laws begin from. Default, by the metric's name: 0.5 for ROC-AUC, 0 for average
    precision and R2."""

    predict: tuple[float, ...] = ()
    """Numbers of molecules at which to forecast the metric. Default: 2, 4 and 10 times the largest."""

    target: float | None = None
    """A metric: how many molecules does it take?"""

    json: bool = False
    """Print everything as one JSON object, and nothing else."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "csv", Path(self.csv))
        for name in ("by", "metric_column"):
            value = getattr(self, name)
            value = (value,) if isinstance(value, str) else tuple(dict.fromkeys(value or ()))
            object.__setattr__(self, name, value)
        object.__setattr__(self, "predict", tuple(map(float, self.predict)))
        if self.higher_is_better and self.lower_is_better:
            raise ConfigError("give --higher-is-better or --lower-is-better, not both")
        for n in self.predict:
            if not 0 < n < MOST_MOLECULES:
                raise ConfigError(
                    f"--predict takes numbers of molecules, above 0 and below {MOST_MOLECULES:g}; got {n:g}"
                )
        if self.runs_column and self.runs_column.isdigit() and int(self.runs_column) < 1:
            raise ConfigError("--runs-column takes a column or a number of runs, 1 or more; got 0")
        for name in ("guess", "target", "best"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ConfigError(f"{flag(name)} must be a finite number; got {value:g}")
