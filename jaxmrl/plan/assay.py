"""What a cleaner assay is worth: the same forecast with less noise in the labels.

The squared RMSE on measured labels is that of the model on the true values plus the variance of the assay. If every
molecule is measured k times, this variance is divided by k. A target for such labels is thus as hard as a
larger one is for single measurements. That models also learn more from cleaner labels is not counted.
"""

import math
from dataclasses import dataclass, replace

from jaxmrl.errors import ConfigError
from jaxmrl.plan.curves import CurvePlan
from jaxmrl.scaling.purchase import Purchase, Terms, reach_target

REPEATS = (2, 4)
"""How many times each molecule might be measured."""


@dataclass(frozen=True)
class CleanerAssay:
    """The plan if every molecule, including the test molecules, is measured several times.

    Attributes:
        repeats: The measurements of each molecule.
        sd: The standard deviation of their mean.
        purchase: What to buy; None if the current molecules would reach the target.
    """

    repeats: int
    sd: float
    purchase: Purchase | None


def noise_share(plan: CurvePlan, sd: float) -> float:
    """Return the share of the present squared RMSE that is the assay's variance.

    Raises ConfigError if the noise of the assay is not below the present RMSE.
    """
    share = (sd / plan.metric) ** 2
    if share >= 1:
        raise ConfigError(
            f"--assay-sd {sd:g} is not below the present RMSE, {plan.metric:.4g}, which includes the noise of the "
            "assay; give the standard deviation of repeated measurements in the unit of the metric"
        )
    return share


def cleaner_assays(plan: CurvePlan, target: float, sd: float, terms: Terms) -> list[CleanerAssay]:
    """Return the plan for each of REPEATS; the cost of a molecule is multiplied by the number of repeats."""
    found = []
    for repeats in REPEATS:
        # RMSE² - sd² (1 - 1 / k) is the squared RMSE on means of k measurements.
        easier = math.sqrt(target**2 + sd**2 * (1 - 1 / repeats))
        reached = plan.metric <= easier
        at = replace(terms, cost=terms.cost * repeats)
        bought = None if reached else reach_target(plan.forecast, easier, at)
        found.append(CleanerAssay(repeats, sd / math.sqrt(repeats), bought))
    return found
