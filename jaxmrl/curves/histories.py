"""Tables that have a row for each epoch of a training, which are no runs of a learning curve."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from jaxmrl.curves.cells import numbers
from jaxmrl.curves.metric_names import plain_name
from jaxmrl.curves.observations import Observations
from jaxmrl.errors import DataError

_TIMES = frozenset("epoch step iteration iter global_step train_step training_step".split())
"""Names of columns that say when in a training a row was written. `epochs` and `best_epoch` are measured of a run."""


def refuse_histories(path: Path, header: list[str], found: Observations, by_at: list[int]) -> None:
    """Raise DataError if a column has several epochs or steps of each training: they are not independent runs.

    by_at: the columns that distinguish curves.
    """
    found = found.take(np.flatnonzero(np.isfinite(found.value)))
    for at, name in enumerate(header):
        if plain_name(name) in _TIMES and at not in by_at:
            times, *_ = numbers(found.column(at), ",")
            if _is_history(_groups(found, by_at, times)):
                first = ", ".join(f"{one:g}" for one in np.unique(times[np.isfinite(times)])[:3])
                raise DataError(
                    f"{path}: the rows of one training at different values of {name} ({first}, ...) are not "
                    "independent runs: keep one row of each training, such as that of its best epoch by validation, or "
                    "give --pool to count all rows"
                )


def _groups(found: Observations, by_at: list[int], times: np.ndarray) -> list[np.ndarray]:
    """Return the different times of each curve, size and run, in order."""
    groups: dict[tuple, set[float]] = defaultdict(set)
    for k, time in enumerate(times.tolist()):
        run = None if found.run is None else found.run[k]
        groups[(*(found.fields[k][at] for at in by_at), found.n[k], run)].add(time)
    return [np.array(sorted(group)) for group in groups.values()]


def _is_history(groups: list[np.ndarray]) -> bool:
    """Return whether the times of most groups are those of one training: the same in all, or at equal distances.

    The last distance may be shorter. The epochs at which several runs stopped early are neither.
    """
    several = [group for group in groups if len(group) > 1 and np.isfinite(group).all()]
    if len(several) < max(2, len(groups) / 2):
        return False
    return all(np.array_equal(group, several[0]) for group in several) or all(map(_at_equal_distances, several))


def _at_equal_distances(times: np.ndarray) -> bool:
    distances = np.diff(times)
    if len(distances) > 2 and distances[-1] < distances[0]:
        distances = distances[:-1]
    return len(distances) > 1 and np.allclose(distances, distances[0])
