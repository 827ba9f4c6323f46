"""What a tracker receives from a pre-training: its epochs and its end, as from a replica."""

from jaxmrl.config import PretrainConfig
from jaxmrl.config.names import SCRATCH
from jaxmrl.rows import FINISHED, CurveIdentity, HistoryRow, ReplicaIdentity, ResultRow
from jaxmrl.trackers.base import Tracking
from jaxmrl.trackers.purposes import PRETRAINING
from jaxmrl.training.pretraining import Pretraining

METRIC = "held-out error"
"""The validation metric: the scaled cosine error on held-out molecules."""


def track_epochs(tracking: Tracking, config: PretrainConfig, work: Pretraining) -> None:
    """Report to a tracker the epochs that it does not know yet.

    Args:
        tracking: The tracker.
        config: The settings.
        work: The pre-training.
    """
    identity = _identity(config, work)
    tracking.validated(identity.key, _history(identity, work)[tracking.seen(identity.key) :])


def track_end(tracking: Tracking, config: PretrainConfig, work: Pretraining) -> None:
    """Report to a tracker that the pre-training has ended.

    Args:
        tracking: The tracker.
        config: The settings.
        work: The pre-training.
    """
    identity, last = _identity(config, work), work.history[-1]
    row = ResultRow(
        **vars(identity),
        status=FINISHED,
        metric=METRIC,
        valid=last.held_out,
        test=None,
        best_epoch=last.epoch,
        epochs=last.epoch,
        steps=last.steps,
    )
    tracking.ended(row, _history(identity, work))


def _history(identity: ReplicaIdentity, work: Pretraining) -> list[HistoryRow]:
    return [
        HistoryRow(**vars(identity), epoch=one.epoch, step=one.steps, loss=one.loss, valid=one.held_out)
        for one in work.history
    ]


def _identity(config: PretrainConfig, work: Pretraining) -> ReplicaIdentity:
    """Return the identity of a pre-training, as of a replica that learns from all training molecules."""
    spec = work.pretext.spec
    curve = CurveIdentity(
        dataset=config.name,
        modality=work.modality.name,
        model=spec.model,
        split=SCRATCH,
        pruning=PRETRAINING,
        init=SCRATCH,
        width=spec.width,
        depth=spec.depth,
        params=spec.parameters,
        precision=config.precision,
        learning_rate=config.learning_rate,
        dropout=config.dropout,
        batch_size=config.batch_size,
    )
    return ReplicaIdentity(curve, 0, 1.0, sum(map(len, work.corpus.train)), config.seed)
