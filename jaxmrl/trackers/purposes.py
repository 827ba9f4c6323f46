"""Trainings that give no result of a sweep: to choose settings, to score molecules, and to pre-train.

A tracker receives them as rows whose pruning says what they are for, such as `scoring`.
"""

from jaxmrl.config.names import SCRATCH
from jaxmrl.pruning.scoring_models import ScoringTask
from jaxmrl.rows import CurveIdentity, ReplicaIdentity, ResultRow
from jaxmrl.runs.artifacts import history_rows, kept_name
from jaxmrl.trackers.base import Tracking
from jaxmrl.training.lanes import Engine
from jaxmrl.training.observer import UNOBSERVED, Observer
from jaxmrl.training.outcome import Outcome

TUNING, SCORING, PRETRAINING = PURPOSES = ("tuning", "scoring", "pre-training")
"""What the pruning of such a row begins with."""


def record_name(replica: ReplicaIdentity) -> str:
    """Return the name of a replica in a tracker: that of its files in a run, after what it is trained for."""
    purpose, name = replica.curve.pruning, kept_name(replica)
    return f"{purpose.replace(' ', '-')},{name}" if purpose.startswith(PURPOSES) else name


def observer_of(tracking: Tracking | None, identities: dict[str, ReplicaIdentity], metric: str) -> Observer:
    """Return an observer that reports replicas without a test metric to a tracker; without a tracker, it does nothing.

    Args:
        tracking: The tracker.
        identities: The identity of each replica by its name.
        metric: The name of the validation metric.
    """
    if tracking is None:
        return UNOBSERVED

    def watch(engine: Engine) -> None:
        for slot in engine.slots:
            if slot:
                identity = identities[engine.replicas[slot.replica].name]
                new = slot.history[tracking.seen(identity.key) :]
                tracking.validated(identity.key, history_rows(identity, new))

    def ended(outcome: Outcome) -> None:
        identity = identities[outcome.name]
        row = ResultRow(
            **vars(identity),
            status=outcome.status,
            metric=metric,
            valid=outcome.valid,
            test=None,
            best_epoch=outcome.best_epoch,
            epochs=outcome.epochs,
            steps=outcome.steps,
        )
        tracking.ended(row, history_rows(identity, outcome.history))

    return Observer(watch, ended)


def scoring_observer(tracking: Tracking | None, task: ScoringTask) -> Observer:
    """Return an observer that reports the models of a scoring to a tracker."""
    if tracking is None:
        return UNOBSERVED
    settings, spec = task.settings, task.spec
    curve = CurveIdentity(
        dataset=settings.name,
        modality=spec.modality,
        model=spec.model,
        split=task.problem.split_name,
        pruning=SCORING,
        init=SCRATCH,
        width=spec.width,
        depth=spec.depth,
        params=spec.parameters,
        precision=settings.precision,
        learning_rate=settings.rate(spec.model),
        dropout=spec.dropout,
        batch_size=task.batch_size,
        weight_decay=settings.weight_decay,
    )
    split_seed = task.problem.repeat.seed
    identities = {
        replica.name: ReplicaIdentity(curve, split_seed, 1.0, len(replica.train), replica.seed)
        for replica in task.replicas()
    }
    return observer_of(tracking, identities, task.problem.mean_metric)
