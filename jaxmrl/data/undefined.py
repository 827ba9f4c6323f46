"""Tasks that a replica cannot learn or a metric cannot judge: with too few different labels in a part of the split."""

import numpy as np

from jaxmrl.config.names import CLASSIFICATION_METRICS, ERROR_METRICS
from jaxmrl.data import splits
from jaxmrl.data.table import Table
from jaxmrl.errors import DataError


def lacking_text(metric: str, needed: int) -> str:
    """Return what a task has too little of, where it has fewer than `needed` different labels."""
    if metric in CLASSIFICATION_METRICS:
        return "one class only"
    return "one value only" if needed > 1 else "no label"


def values_needed(metric: str, part: str, tasks: int) -> int:
    """Return how many different labels a task must have in a part of the split: 1 or 2."""
    if metric in CLASSIFICATION_METRICS:
        return 2
    if part == "train":
        return 2 if metric in ERROR_METRICS and tasks > 1 else 1  # a standard deviation to divide by
    return 1 if metric in ERROR_METRICS else 2


def find_unjudged(table: Table, split: splits.Split, metric: str) -> dict[str, list[str]]:
    """Return the tasks that no replica can learn, and those that `metric` cannot judge, by part of the split.

    Raises DataError where that is all of them, and where every target is constant over the whole table.
    """
    if not any(has_values(column, 2) for column in table.labels.T):
        lacking = "a single class" if table.task == "classification" else "a single value"
        raise DataError(f"there is nothing to learn: all labels of a task have {lacking} ({', '.join(table.tasks)})")
    unjudged = {}
    for part, molecules in split.parts().items():
        labels, needed = table.labels[molecules], values_needed(metric, part, len(table.tasks))
        undefined = [not has_values(column, needed) for column in labels.T]
        unjudged[part] = [name for name, lacks in zip(table.tasks, undefined, strict=True) if lacks]
        if all(undefined):
            raise DataError(
                f"no task can be evaluated: {lacking_text(metric, needed)} among the {part} labels of every task"
            )
    return unjudged


def unjudged_lines(unjudged: dict[str, list[str]], metric: str, tasks: int) -> list[str]:
    """Return, for each part of the split, a line on the tasks that its mean leaves out, and why."""
    lines = []
    for part, names in unjudged.items():
        why = lacking_text(metric, values_needed(metric, part, tasks))
        mean = f"every mean ({why} in training)" if part == "train" else f"the {part} mean ({why})"
        lines += [f"left out of {mean}: {', '.join(names)}"] if names else []
    return lines


def has_values(column: np.ndarray, needed: int) -> bool:
    """Return whether a column [n] has so many different labels: 1 or 2."""
    known = column[~np.isnan(column)]
    return len(known) > 0 and (needed < 2 or bool((known != known[0]).any()))
