"""Replicas of classical models fitted side by side in worker processes, one thread each. Workers import no JAX."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from pathlib import Path

import numpy as np

from jaxmrl.baselines.assignment import Assignment
from jaxmrl.data.bounds import Bounds
from jaxmrl.errors import UserError
from jaxmrl.io.limits import usable_cores
from jaxmrl.modalities.descriptors.features import Descriptors
from jaxmrl.training.interrupts import Stop

_IDLE_SECONDS = 300
"""After which a worker process without work ends."""

_LOOK_SECONDS = 0.2
"""Between looks at whether to stop."""


def fit_side_by_side(
    assignments: list[tuple[str, Assignment]],
    features: dict[str, Descriptors],
    labels: np.ndarray,
    stop: Stop,
    bounds: Bounds | None = None,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the place of each assignment, as it ends, and what it predicts, as of `fit_and_predict`.

    Args:
        assignments: Each with the name of its modality; those that come first are begun first.
        features: Of the whole table, by modality.
        labels: [N, T] of the whole table.
        stop: Asked between results.
        bounds: Censored labels of the whole table; None where there are none.

    Raises:
        StopRequestedError: When stopped; what has not ended is given up.
        UserError: Where a worker process dies.
    """
    # joblib's own: its Parallel, which the same process may use later, fails on an executor that is only loky's.
    from joblib.executor import get_memmapping_executor

    if not assignments:
        return
    with tempfile.TemporaryDirectory(prefix="jaxmrl-", ignore_cleanup_errors=True) as folder:
        _write_table(Path(folder), features, labels, bounds)
        executor = get_memmapping_executor(min(len(assignments), usable_cores()), timeout=_IDLE_SECONDS)
        futures = {executor.submit(_fit, folder, *one): place for place, one in enumerate(assignments)}
        try:
            yield from _results(futures, stop)
        except BaseException:
            executor.shutdown(wait=True, kill_workers=True)
            raise


def _results(futures: dict[Future, int], stop: Stop) -> Iterator[tuple[int, np.ndarray]]:
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
        for one in done:
            try:
                yield futures[one], one.result()
            except BrokenProcessPool:
                raise UserError(
                    "a worker process that fits a classical model died: memory ran out, or it was killed. Free "
                    "memory or leave the model out, and run the command again"
                ) from None
        stop.check()


def _write_table(folder: Path, features: dict[str, Descriptors], labels: np.ndarray, bounds: Bounds | None) -> None:
    """Write what all workers read; they map it into memory, so that it is there once."""
    np.save(folder / "labels.npy", labels)
    if bounds is not None:
        np.save(folder / "bounds.npy", bounds.values)
        np.save(folder / "sides.npy", bounds.sides)
    for modality, one in features.items():
        np.save(folder / f"{modality}-counts.npy", one.counts)
        np.save(folder / f"{modality}-values.npy", one.values)


@lru_cache(maxsize=1)
def _read_table(folder: str, modality: str) -> tuple[Descriptors, np.ndarray, Bounds | None]:
    read = lambda name: np.lib.format.open_memmap(Path(folder) / f"{name}.npy", mode="r")
    bounds = Bounds(read("bounds"), read("sides")) if (Path(folder) / "bounds.npy").exists() else None
    return Descriptors(read(f"{modality}-counts"), read(f"{modality}-values")), read("labels"), bounds


def _fit(folder: str, modality: str, assignment: Assignment) -> np.ndarray:
    # Here, because the command itself fits nothing, and scikit-learn takes long to import. And before anything is
    # fitted: a library that is loaded later would not keep to one thread.
    from jaxmrl.baselines.fitting import fit_and_predict

    return fit_and_predict(assignment, *_read_table(folder, modality))
