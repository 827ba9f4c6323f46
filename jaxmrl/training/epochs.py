"""The molecules and the batches of one epoch of a replica: pure functions of the replica, and of what it recorded."""

from typing import Protocol

import numpy as np

from jaxmrl.training import batches
from jaxmrl.training.shapes import MoleculeSets, evaluation_plan, planned_rows
from jaxmrl.training.streams import Named, entropy


class Learner(Named, MoleculeSets, Protocol):
    """What a replica learns from, and how long."""

    @property
    def steps(self) -> int: ...

    def epochs(self, step: int, batch_size: int) -> int: ...


def chosen_weights(
    replica: Learner, epoch: int, batch_size: int, scores: np.ndarray | None = None
) -> np.ndarray | None:
    """Return the weight of each training molecule in an epoch, 0 for one that is left out; None without pruning.

    Args:
        replica: The replica.
        epoch: The epoch, from 0.
        batch_size: The number of molecules of a batch.
        scores: What training has recorded of its molecules, [n], for a dynamic pruning that needs it.
    """
    if replica.pruning is None:
        return None
    epochs, molecules = replica.epochs(replica.steps, batch_size), len(replica.train)
    return replica.pruning.weights(molecules, epoch, epochs, entropy(replica), scores)


def plan_epoch(
    replica: Learner, epoch: int, resources: np.ndarray, batch_size: int, weights: np.ndarray | None
) -> np.ndarray:
    """Return the batches of an epoch, [m, B], in the order in which it trains on them.

    Where a dynamic pruning has chosen molecules that are much larger than most, fewer of them fit into a batch. There
    are then more batches than an epoch has steps, and the last ones are not used.

    Args:
        replica: The replica.
        epoch: The epoch, from 0.
        resources: What each molecule of the table takes of a batch, [N, R].
        batch_size: The number of molecules of a batch, B.
        weights: The weights by `chosen_weights`; only whether a weight is 0 matters.
    """
    rng = np.random.default_rng([*entropy(replica), epoch])
    if weights is None:
        limits = batches.budget([replica.train], resources, batch_size)
        return batches.plan(replica.train, resources, limits, batch_size, rng)
    limits = planned_rows(replica, resources, batch_size)
    return evaluation_plan(replica.train[weights > 0], resources, limits, batch_size, rng)
