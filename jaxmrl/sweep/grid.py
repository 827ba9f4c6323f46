"""The grid of a sweep: every replica that it asks for, by the program that trains it."""

from itertools import product

import numpy as np

from jaxmrl.config import SweepConfig
from jaxmrl.data import splits
from jaxmrl.data.task_data import TaskData
from jaxmrl.reports.summary import Orders
from jaxmrl.rows import CurveIdentity, ReplicaIdentity
from jaxmrl.sweep.queue import GridPoint
from jaxmrl.text import exact
from jaxmrl.training.batches import batches_per_epoch
from jaxmrl.training.encoder import Encoder, Initializations
from jaxmrl.training.lanes import Replica
from jaxmrl.training.model_spec import ModelSpec

Grid = dict[ModelSpec, list[GridPoint]]
"""Every cell of a sweep, by the program that trains it."""


def plan_grid(config: SweepConfig, problems: list[TaskData], orders: Orders, starts: Initializations) -> Grid:
    """Return every replica of the sweep; those of all splits of a model share its program."""
    grid: Grid = {}
    for (spec, split), by_score in orders.items():
        problem = next(problem for problem in problems if problem.split_name == split)
        shuffles = {seed: splits.subset_order(problem.split.train, seed) for seed in range(config.seeds)}
        grid.setdefault(spec, []).extend(
            plan_cell(config, problem, spec, start, pruning, fraction, seed, shuffles[seed], by_score.get(pruning))
            for start, pruning, fraction, seed in product(
                starts.items(), config.pruning, sorted(config.fractions), shuffles
            )
        )
    return grid


def plan_cell(
    config: SweepConfig,
    problem: TaskData,
    spec: ModelSpec,
    start: tuple[str, Encoder | None],
    pruning: str,
    fraction: float,
    seed: int,
    shuffle: np.ndarray,
    by_score: np.ndarray | None,
) -> GridPoint:
    """Return the replica that trains on the first `fraction` of the seed's order, or of its `shuffle` [n_train].

    by_score: each seed's order by its own scores [S, n_train]; None for random subsets. The whole set is the same
    whatever the pruning, and so is its replica.
    """
    size, share = splits.subset_size(fraction, len(shuffle)), exact(fraction)
    pruned = by_score is not None and size < len(shuffle)
    train = (by_score[seed] if by_score is not None and pruned else shuffle)[:size]
    steps, validate_every = config.length_of(batches_per_epoch(len(train), config.batch_size))
    kept = f"{pruning} " if pruned else ""
    init, encoder = start
    begun = f"{encoder.digest} " if encoder else ""
    replica = Replica(
        name=f"{config.name} {spec.name} {config.precision} {problem.split_name} {begun}{kept}{share} {seed}",
        seed=seed,
        train=train,
        valid=problem.split.valid,
        test=problem.split.test,
        steps=steps,
        scaler=problem.label_scaler(train, spec.modality),
        divisors=problem.divisors(train),
        start=encoder,
        validate_every=validate_every,
    )
    curve = CurveIdentity(
        dataset=config.name,
        modality=spec.modality,
        model=spec.model,
        split=problem.split_name,
        pruning=pruning,
        init=init,
        width=spec.width,
        depth=spec.depth,
        params=spec.parameters,
        precision=config.precision,
        learning_rate=config.rate(spec.model),
        dropout=spec.dropout,
        batch_size=config.batch_size,
        split_seed=config.split_seed,
    )
    return GridPoint(replica, ReplicaIdentity(curve, fraction, len(train), seed))
