"""The files of a valuation: the table of values, and what to make of it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jaxmrl.data.matching import identity_columns
from jaxmrl.data.task_data import TaskData
from jaxmrl.stats import average_ranks, rank_correlation
from jaxmrl.valuation.estimates import Values
from jaxmrl.valuation.methods import METHODS, SUSPECT_BY

UNRELIABLE = 0.5
"""A reliability below which most of the variance of the values is estimation error."""

SUSPECT_RANK = "suspect_rank"
_ENDS = ("", "_se", "_rank")
"""What follows the name of a method in the names of its columns."""


@dataclass(frozen=True)
class DataValues:
    """Values of `n` training molecules by one or several methods.

    Attributes:
        molecules: [n] rows of the molecules in the table, sorted by canonical SMILES.
        values: For each method, the value of each molecule [n] and its standard error [n]. NaN for a molecule without
            a value.
        facts: What is known of the models: how many learned and diverged, their utilities, and the linear datamodeling
            scores.
    """

    molecules: np.ndarray
    values: dict[str, Values]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def suspect_method(self) -> str:
        """The method by which labels are suspected."""
        return next(name for name in SUSPECT_BY if name in self.values)

    def suspects(self) -> np.ndarray:
        """Return the molecules, rows of the table, in the order in which their labels are suspected.

        Returns:
            [n]: the lowest value by `suspect_method` first; molecules without one last.
        """
        return self.molecules[np.argsort(self.values[self.suspect_method].value, kind="stable")]


def value_table(found: DataValues, problem: TaskData) -> dict[str, np.ndarray]:
    """Return the columns of a values file, with a row for each molecule in order of its id.

    molecule_id, smiles (or molecule_digest, where molecules have positions), the labels; for each method its value,
    <method>_se, the standard error, and <method>_rank, 1 for the most valuable molecule; suspect_rank, 1 for the
    molecule whose label is suspected most. A label that is called like one of these becomes "label <name>".
    """
    rows = np.argsort(problem.table.ids[found.molecules])
    molecules = found.molecules[rows]
    columns = identity_columns(
        problem, molecules, {SUSPECT_RANK, *(f"{name}{end}" for name in METHODS for end in _ENDS)}
    )
    for name, one in found.values.items():
        ranks = _ranks(-one.value)
        columns |= zip(
            (name, f"{name}_se", f"{name}_rank"), (one.value[rows], one.error[rows], ranks[rows]), strict=True
        )
    return columns | {SUSPECT_RANK: _ranks(found.values[found.suspect_method].value)[rows]}


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return the rank of each value [n], 1 for the smallest; the first of equals before the others, NaN last."""
    ranks = np.empty(len(values), np.int64)
    ranks[np.argsort(values, kind="stable")] = np.arange(1, len(values) + 1)
    return ranks


def value_facts(found: DataValues, problem: TaskData) -> dict[str, Any]:
    """Return what the values say together: spread, error, reliability, and rank correlations with plain properties."""
    properties = {"heavy_atoms": problem.heavy_atoms()[found.molecules].astype(np.float64)}
    labels = zip(problem.table.tasks, problem.table.labels[found.molecules].T, strict=True)
    properties |= {f"label {task}": column for task, column in labels}
    methods = {name: _method_facts(name, one, properties) for name, one in found.values.items()}
    return {"methods": methods, "suspects_by": found.suspect_method, **found.facts, "warnings": _warnings(methods)}


def _method_facts(name: str, one: Values, properties: dict[str, np.ndarray]) -> dict[str, Any]:
    return {
        "measures": METHODS[name].measures,
        "source": METHODS[name].source,
        "mean": _rounded(np.nanmean(one.value)),
        "sd": _rounded(np.nanstd(one.value)),
        "standard_error": _rounded(np.sqrt(np.nanmean(one.error**2))),
        "reliability": round(one.reliability, 4),
        "rank_correlation_with": {label: _correlation(one.value, values) for label, values in properties.items()},
    }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return Spearman's rank correlation over the molecules that have both; None if one of them is constant."""
    both = ~(np.isnan(one) | np.isnan(other))
    if both.sum() < 3 or np.ptp(average_ranks(one[both])) == 0 or np.ptp(other[both]) == 0:
        return None
    return round(rank_correlation(one[both], other[both]), 4)


def _warnings(methods: dict[str, dict[str, Any]]) -> list[str]:
    few = [name for name, facts in methods.items() if facts["reliability"] < UNRELIABLE]
    if not few:
        return []
    return [
        f"most of the variance of {', '.join(few)} is estimation error: the values of single molecules are unreliable. "
        "More --subsets (for oob, --trees) reduce it"
    ]
