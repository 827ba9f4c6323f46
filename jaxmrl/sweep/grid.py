"""The grid of a sweep: every replica that it asks for, by the program that trains it or the model that is fitted."""

from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from jaxmrl.baselines.spec import BaselineSpec, baseline_specs
from jaxmrl.config import SweepConfig
from jaxmrl.config.lengths import length_of
from jaxmrl.config.names import BALANCED, DYNAMIC_PRUNINGS, RANDOM, SCRATCH
from jaxmrl.data import splits
from jaxmrl.data.label_scaling import identity_scaler
from jaxmrl.data.task_data import TaskData, by_kind
from jaxmrl.reports.summary import Orders
from jaxmrl.rows import NO_EXTRA, CurveIdentity, ReplicaIdentity
from jaxmrl.runs.tuning import Choices, study_key, with_settings
from jaxmrl.sweep.queue import GridPoint
from jaxmrl.text import exact
from jaxmrl.training.batches import batches_per_epoch
from jaxmrl.training.dynamic_pruning import DynamicPruning
from jaxmrl.training.encoder import Encoder, Initializations
from jaxmrl.training.lanes import Replica
from jaxmrl.training.losses import balanced_weights
from jaxmrl.training.model_spec import ModelSpec

Grid = dict[ModelSpec, list[GridPoint]]
"""Every cell of a sweep that lanes train, by its program."""

FitGrid = dict[BaselineSpec, list[GridPoint]]
"""Every cell of a sweep that is fitted on the host, by its model."""


def plan_grid(
    config: SweepConfig, problems: list[TaskData], orders: Orders, starts: Initializations, chosen: Choices
) -> Grid:
    """Return every replica of the sweep; those of all splits of a model share its program.

    chosen: the settings of replicas whose settings are tuned.
    """
    grid: Grid = {}
    for spec, several in product(dict.fromkeys(spec for spec, _ in orders), by_kind(problems).values()):
        places = _places(config, several)
        grid.setdefault(spec, []).extend(
            plan_cell(
                *(config, at.problem, spec, start, pruning, at.fraction, at.seed, at.order),
                order_of_seed(orders[spec, at.problem.split_label], pruning, at.problem, at.seed),
                chosen,
                extra,
            )
            for start, pruning, extra, at in product(starts.items(), config.pruning, config.extras, places)
        )
    return grid


class _Place(NamedTuple):
    """A fraction and a seed: the task data, and the order [n_train] whose prefix is a random subset of that fraction.

    At a cut date, the order is that of the dates, and the prefix has all molecules before it.
    """

    fraction: float
    seed: int
    problem: TaskData
    order: np.ndarray


def _places(config: SweepConfig, several: list[TaskData]) -> list[_Place]:
    """Return the fractions and seeds of the splits of a kind; cut dates are fractions of what the last one knows."""
    if several[0].repeat.cut:
        known = [one.split.train for one in several]
        order = np.concatenate([known[0], *(np.setdiff1d(new, old) for old, new in pairwise(known))])
        return [
            _Place(_short_fraction(len(one.split.train), len(order)), seed, one, order)
            for one in several
            for seed in range(config.seeds)
        ]
    of_seed = [several[seed % len(several)] for seed in range(config.seeds)]
    orders = [splits.subset_order(one.split.train, seed) for seed, one in enumerate(of_seed)]
    return [
        _Place(fraction, seed, of_seed[seed], orders[seed])
        for fraction, seed in product(sorted(config.fractions), range(config.seeds))
    ]


def _short_fraction(size: int, molecules: int) -> float:
    """Return a fraction with few digits from which `subset_size` makes this size: the next one above the quotient."""
    unit = 10 ** len(str(molecules))
    return -(-size * unit // molecules) / unit


def order_of_seed(by_score: dict[str, np.ndarray], pruning: str, problem: TaskData, seed: int) -> np.ndarray | None:
    """Return the order in which a pruning keeps the molecules of a seed's split; None for random subsets.

    by_score: {pruning: orders [S, n] of the S seeds that use the split}
    """
    orders = by_score.get(pruning)
    return None if orders is None else orders[problem.repeat.seeds(seed + 1).index(seed)]


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
    chosen: Choices,
    extra: str = NO_EXTRA,
) -> GridPoint:
    """Return the replica that trains on the first `fraction` of the seed's order, or of its `shuffle` [n_train].

    by_score: the seed's order by its own scores [n_train]; None for random subsets. The whole set is the same whatever
    the pruning, and so is its replica. A dynamic pruning trains on as many molecules in each epoch, chosen from all.
    chosen: the settings of replicas whose settings are tuned. extra: the source whose molecules train besides.
    """
    own, pruned = subset(fraction, shuffle, by_score)
    train, dynamic = with_extra(problem, own, extra), None
    epoch_steps = batches_per_epoch(len(train), config.batch_size_of(spec.model))
    steps, validate_every = length_of(config, spec.model, epoch_steps)
    if pruning in DYNAMIC_PRUNINGS and len(own) < len(shuffle):
        pruned, dynamic, train = True, DynamicPruning(pruning, len(own)), shuffle
    share, kept = exact(fraction), f"{pruning} " if pruned else ""
    init, encoder = start
    begun = f"{encoder.digest} " if encoder else ""
    curve = _curve_of(config, problem, spec, init, pruning, extra)
    settings = chosen.get(study_key(curve, fraction))
    replica = Replica(
        name=f"{config.name} {spec.name} {config.precision} {problem.split_label} {begun}{kept}{share} {seed}"
        f"{extra_text(extra)}",
        seed=seed,
        train=train,
        valid=problem.split.valid,
        test=problem.split.test,
        steps=steps,
        scaler=problem.label_scaler(train, spec.modality),
        divisors=problem.divisors(own),
        start=encoder,
        validate_every=validate_every,
        class_weight=class_weight_of(config, problem, train),
        patience=config.patience,
        hyperparameters=settings,
        pruning=dynamic,
    )
    curve = with_settings(curve, settings) if settings else curve
    return GridPoint(replica, ReplicaIdentity(curve, problem.repeat.seed, fraction, len(own), seed))


def with_extra(problem: TaskData, train: np.ndarray, extra: str) -> np.ndarray:
    """Return the molecules `train` [n] of the main source, and after them those of the extra source, if it trains."""
    if extra == NO_EXTRA or problem.extra is None:
        return train
    return np.concatenate([train, problem.extra])


def extra_text(extra: str) -> str:
    """Return the end of a replica's name by its extra source."""
    return "" if extra == NO_EXTRA else f" with {extra}"


def _curve_of(
    config: SweepConfig, problem: TaskData, spec: ModelSpec, init: str, pruning: str, extra: str
) -> CurveIdentity:
    """Return the identity of a curve, with the settings that it has if they are not tuned."""
    return CurveIdentity(
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
        batch_size=config.batch_size_of(spec.model),
        weight_decay=config.weight_decay,
        tuning=config.tuning,
        extra=extra,
    )


def class_weight_of(config: SweepConfig, problem: TaskData, train: np.ndarray) -> np.ndarray | None:
    """Return the weight of positive labels of each task for a replica that learns from `train`, [T]; None for 1."""
    if config.class_weight == BALANCED:
        return balanced_weights(problem.table.labels[train])
    return None if config.class_weight is None else np.full(len(problem.table.tasks), config.class_weight, np.float32)


def subset(fraction: float, shuffle: np.ndarray, by_score: np.ndarray | None) -> tuple[np.ndarray, bool]:
    """Return the molecules of a fraction of a seed's order by its scores, or of its shuffle, and whether scores count.

    shuffle, by_score [n_train]; of the whole set, order does not matter.
    """
    size = splits.subset_size(fraction, len(shuffle))
    pruned = by_score is not None and size < len(shuffle)
    return (by_score if by_score is not None and pruned else shuffle)[:size], pruned


def plan_fits(config: SweepConfig, problems: list[TaskData], given: dict[str, dict[str, np.ndarray]]) -> FitGrid:
    """Return every replica of the sweep's classical models, on the subsets and splits of all others.

    given: of each split, {pruning: its seeds' training molecules in order of keeping [S, n]} by --scores. Raises
    ConfigError where a model cannot learn from so many molecules.
    """
    grid: FitGrid = {}
    for spec in baseline_specs(config):
        cells = grid.setdefault(spec, [])
        extras = {extra: problems[0].extra_molecules if extra != NO_EXTRA else 0 for extra in spec.extras(config)}
        largest = max(splits.subset_size(max(config.fractions), len(one.split.train)) for one in problems)
        spec.check(largest + max(extras.values()))
        prunings = (RANDOM,) if spec.optional else config.classical_prunings
        for several, pruning, (extra, more) in product(by_kind(problems).values(), prunings, extras.items()):
            for at in _places(config, several):
                if spec.can_learn_from(splits.subset_size(at.fraction, len(at.order)) + more):
                    by_score = order_of_seed(given[at.problem.split_label], pruning, at.problem, at.seed)
                    cells.append(plan_fit(config, at, spec, pruning, by_score, extra))
    return {spec: cells for spec, cells in grid.items() if cells}


def plan_fit(
    config: SweepConfig, place: _Place, spec: BaselineSpec, pruning: str, by_score: np.ndarray | None, extra: str
) -> GridPoint:
    """Return the replica of a classical model that learns from a fraction of a seed's molecules, and those of `extra`.

    It has no size, no steps and no settings of training: these columns are 0 in its rows.
    """
    fraction, seed, problem, order = place
    own, pruned = subset(fraction, order, by_score)
    kept = f"{pruning} " if pruned else ""
    replica = Replica(
        name=f"{config.name} {spec.name} {problem.split_label} {kept}{exact(fraction)} {seed}{extra_text(extra)}",
        seed=seed,
        train=with_extra(problem, own, extra),
        valid=problem.split.valid,
        test=problem.split.test,
        steps=0,
        scaler=identity_scaler(len(problem.table.tasks)),
        divisors=problem.divisors(own),
    )
    curve = CurveIdentity(
        dataset=config.name,
        modality=spec.modality,
        model=spec.model,
        split=problem.split_name,
        pruning=pruning,
        init=SCRATCH,
        width=0,
        depth=0,
        params=0,
        precision="float64",
        learning_rate=0.0,
        dropout=0.0,
        batch_size=0,
        extra=extra,
    )
    return GridPoint(replica, ReplicaIdentity(curve, problem.repeat.seed, fraction, len(own), seed))
