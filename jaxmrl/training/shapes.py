"""Shapes of the arrays of a program: what decides in which order its sums are added, and so the last bits of a result.

A shape is a function of a replica's own molecules and of the table. What else a command asks for decides nothing, so a
replica has the same bits in any queue. Only few shapes are in use, so that most queues are one program: for most
subsets of a table, the rows of `batch_size` random molecules and a margin are enough.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from jaxmrl.modalities.flat_rows import NO_MOLECULE
from jaxmrl.training import batches
from jaxmrl.training.dynamic_pruning import DynamicPruning, recorded

EVALUATED_SHARE = 10
"""Validation and test have a tenth of the molecules each. Where so many take less than half of the rows of a full
batch, subsets that are no larger have a shape of their own, which saves them most rows."""

FEWEST_EVALUATED = 2
"""An evaluation has room for so many batches at least: its molecules may be a little too large for one."""

SMALL_SHARE = 20
"""Subsets as small as a twentieth of the molecules should seldom need more rows than larger ones."""

STEPS = 8
"""Subsets of larger molecules than usual, as a pruning may keep, have batches that are larger in steps of an eighth."""


class MoleculeSets(Protocol):
    """What a replica trains and is evaluated on: molecule ids, and how each epoch chooses from `train`, if it does."""

    @property
    def train(self) -> np.ndarray: ...

    @property
    def pruning(self) -> DynamicPruning | None: ...

    @property
    def valid(self) -> np.ndarray: ...

    @property
    def test(self) -> np.ndarray: ...


@dataclass(frozen=True, order=True)
class BatchShape:
    """The shape of a program's arrays.

    Attributes:
        rows: The rows of each resource that a batch has room for, [R].
        evaluated: The number of batches that an evaluation has room for.
    """

    rows: tuple[int, ...]
    evaluated: int

    @property
    def name(self) -> str:
        """The shape as a part of the name of a file."""
        return "-".join(map(str, (*self.rows, self.evaluated)))

    @property
    def limits(self) -> np.ndarray:
        """The rows of each resource, [R]."""
        return np.array(self.rows, np.int64)


def batch_shapes(replicas: Sequence[MoleculeSets], resources: np.ndarray, batch_size: int) -> list[BatchShape]:
    """Return the shape that each replica is trained in.

    Args:
        replicas: What they train and are evaluated on.
        resources: What each molecule of the table takes of a batch, [N, R].
        batch_size: The number of molecules of a batch.
    """
    usual = usual_rows(resources, batch_size)
    evaluated: dict[tuple[tuple[int, ...], int], int] = {}
    found = []
    for replica in replicas:
        rows = _rows_for(_needed_rows(replica, resources, batch_size), usual)
        for ids in (replica.valid, replica.test):
            if (rows, id(ids)) not in evaluated:
                plan = evaluation_plan(ids, resources, np.array(rows), batch_size)
                evaluated[rows, id(ids)] = len(plan)
        longest = max(evaluated[rows, id(replica.valid)], evaluated[rows, id(replica.test)])
        found.append(BatchShape(rows, 2 ** math.ceil(math.log2(max(longest, FEWEST_EVALUATED)))))
    return found


def planned_rows(replica: MoleculeSets, resources: np.ndarray, batch_size: int) -> np.ndarray:
    """Return the rows [R] that the batches of a replica of a dynamic pruning are planned within.

    They are those of its shape, whatever molecules an epoch chooses. The arguments are those of `batch_shapes`.
    """
    need = _needed_rows(replica, resources, batch_size)
    return np.array(_rows_for(need, usual_rows(resources, batch_size)), np.int64)


def _needed_rows(replica: MoleculeSets, resources: np.ndarray, batch_size: int) -> np.ndarray:
    """Return the rows [R] that the batches of a replica need.

    A dynamic pruning by scores may choose molecules that are larger than most, for which there is an eighth more.
    """
    pruning = replica.pruning
    if pruning is None:
        return batches.budget([replica.train], resources, batch_size)
    rows = batches.budget([replica.train], resources, min(batch_size, pruning.size))
    return rows + -(-rows // STEPS) if recorded(pruning) else rows


def common_shape(replicas: Sequence[MoleculeSets], resources: np.ndarray, batch_size: int) -> BatchShape:
    """Return the smallest shape that all replicas fit; the arguments are those of `batch_shapes`."""
    shapes = set(batch_shapes(replicas, resources, batch_size))
    rows = np.max([shape.rows for shape in shapes], axis=0)
    # Batches of more rows take at least as many molecules, so no evaluation needs more of them.
    return BatchShape(tuple(rows.tolist()), max(shape.evaluated for shape in shapes))


def usual_rows(resources: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Return the rows [R] of the one or two shapes of batches that most subsets of a table fit, the smaller first."""
    few = _rows_of_random(resources, -(-len(resources) // EVALUATED_SHARE))
    full = _rows_of_random(resources, batch_size)
    return [few, full] if (2 * few < full)[:1].any() else [full]


def _rows_of_random(resources: np.ndarray, molecules: int) -> np.ndarray:
    """Return the rows [R] that a plan of batches of so many random molecules of a table needs, and a margin.

    The mean batch of a small subset varies. The margin is two standard deviations of that of a twentieth of the table,
    but at most one of a single batch, beside the room that the largest molecule of the table has.
    """
    rows = batches.budget([np.arange(len(resources))], resources, molecules)
    if len(resources) <= molecules:  # no subset takes more
        return rows
    share = min(1.0, 2 / math.sqrt(len(resources) / SMALL_SHARE / molecules))
    return rows + np.ceil(share * resources.std(axis=0) * math.sqrt(molecules)).astype(np.int64)


def _rows_for(need: np.ndarray, usual: list[np.ndarray]) -> tuple[int, ...]:
    """Return the rows of the smallest shape that `need` [R] fits."""
    for rows in usual:
        if (need <= rows).all():
            return tuple(rows.tolist())
    largest = usual[-1]
    steps = math.ceil(STEPS * (need / np.maximum(largest, 1) - 1).max())
    return tuple((largest + -(-largest * steps // STEPS)).tolist())


def evaluation_plan(
    ids: np.ndarray,
    resources: np.ndarray,
    limits: np.ndarray,
    batch_size: int,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Return the batches [n, batch_size] of an evaluation within `limits` [R], in order, or shuffled by `rng`.

    Batches have fewer molecules where so many do not fit: an evaluation does not depend on how it is divided.
    """
    size = batch_size
    while ((own := batches.budget([ids], resources, size)) > limits).any():
        assert size > 1, "every molecule of the table fits"
        size -= -(-size // STEPS)
    plan = batches.plan(ids, resources, own, size, rng)
    return np.pad(plan, ((0, 0), (0, batch_size - size)), constant_values=NO_MOLECULE)
