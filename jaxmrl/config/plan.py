"""The settings of a plan: what molecules cost, and what the metric has to reach."""

import math
from dataclasses import dataclass
from pathlib import Path

from jaxmrl.config.base import flag
from jaxmrl.config.fit import CurvesConfig
from jaxmrl.config.names import MOST_MOLECULES
from jaxmrl.errors import ConfigError
from jaxmrl.io.cells import LARGEST

_POSITIVE = ("value", "budget", "assay_sd")


@dataclass(frozen=True)
class PlanConfig(CurvesConfig):
    """The settings of a plan of how many more molecules to buy.

    Flags of the command are the names with dashes.

    Raises:
        UserError: For a setting that cannot be used.
    """

    target: float | None = None
    """Plan to reach this value of the metric. Give either --target or --value. Default: none."""

    value: float | None = None
    """Plan without a target: an improvement of the metric by 1 is worth this much, in the currency of --cost. Give
    either --target or --value. Default: none."""

    cost: tuple[str, ...] = ("1",)
    """Set the cost of one more molecule, in any currency. NAME=COST sets the cost for the curve with this name, or with
    this value in its name, such as assay_b=40. By default, a molecule costs 1, so costs are numbers of molecules."""

    budget: float | None = None
    """Spend at most this much, in the currency of --cost. Default: the cost of 9 times as many molecules as you
    have."""

    batch: float | None = None
    """Buy molecules in batches of this size. Default: a fifth of the molecules that you have, or more if --deadline
    requires it."""

    deadline: int | None = None
    """Buy at most this many batches. Default: no limit."""

    least_chance: float = 0.2
    """Recommend stopping if the chance of reaching the target with all molecules that can be bought is below this."""

    assay_sd: float | None = None
    """Set the standard deviation of repeated measurements, in the unit of the metric, to estimate how much a cleaner
    assay would help. The metric must be an RMSE. Default: none."""

    out: Path = Path("plan")
    """Write plan.json and plan.html to this folder."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "out", Path(self.out))
        given = (self.cost,) if isinstance(self.cost, str | int | float) else self.cost
        object.__setattr__(self, "cost", tuple(map(str, given)))
        if (self.target is None) == (self.value is None):
            raise ConfigError(
                "a plan needs --target, the metric to reach, or --value, what an improvement of the metric by 1 is "
                f"worth; got {'neither' if self.target is None else 'both'}"
            )
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and not 0 < value <= LARGEST:
                raise ConfigError(f"{flag(name)} must be a number above 0 and at most {LARGEST:.2g}; got {value:g}")
        if self.batch is not None and not 1 <= self.batch < MOST_MOLECULES:
            raise ConfigError(f"--batch must be 1 or more and below {MOST_MOLECULES:g} molecules; got {self.batch:g}")
        if self.deadline is not None and self.deadline < 1:
            raise ConfigError(f"--deadline is a number of batches, 1 or more; got {self.deadline}")
        if not 0 <= self.least_chance < 1:
            raise ConfigError(f"--least-chance must be at least 0 and below 1; got {self.least_chance:g}")
        self.costs  # noqa: B018  rejected where it enters

    @property
    def costs(self) -> dict[str, float]:
        """The cost of one molecule for each named curve; that of all others has the name "".

        Raises:
            ConfigError: For a cost that is not a number above 0, and for one that is given twice.
        """
        found: dict[str, float] = {}
        for text in self.cost:
            name, _, number = text.rpartition("=")
            try:
                cost = float(number)
            except ValueError:
                cost = math.nan
            if not 0 < cost <= LARGEST:
                raise ConfigError(
                    f"--cost takes a number above 0 and at most {LARGEST:.2g}, or NAME=COST; got {text!r}"
                )
            if name in found:
                raise ConfigError(f"--cost is given twice for {name or 'all curves'}; give it once")
            found[name] = cost
        return {"": 1.0} | found
