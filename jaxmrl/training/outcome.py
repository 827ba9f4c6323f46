"""What a replica in training has done so far, what it has achieved when it ends, and whether that counts."""

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from jaxmrl.rows import COUNTED, DIVERGED, FINISHED, LATE, STOPPED, UNDEFINED


def status_of(*, diverged: bool, share: float, has_metrics: bool, all_tasks: bool) -> str:
    """Return the status of a replica that has ended.

    A replica whose loss stopped being finite in the second half of its steps keeps its best epoch before that: few
    more steps could have improved on it. One that diverged earlier has no result.

    Args:
        diverged: whether a loss was not finite.
        share: of its steps that were made; one that has not diverged made fewer than all because it was stopped early.
        has_metrics: whether some epoch had a finite validation metric, and its weights a finite test metric.
        all_tasks: whether its molecules allow learning every task; if not, and without metrics, it is undefined.
    """
    if diverged:
        return LATE if share >= 0.5 and has_metrics else DIVERGED
    if has_metrics:
        return STOPPED if share < 1 else FINISHED
    return DIVERGED if all_tasks else UNDEFINED


class Validation(NamedTuple):
    """One validation of a replica: after how many epochs and steps, the mean training loss per step since the last
    one, and the validation metric, a mean over tasks.
    """

    epoch: int
    step: int
    loss: float
    valid: float


@dataclass(frozen=True)
class Outcome:
    """What a replica that has ended achieved: metrics at the best epoch by validation.

    status       see `status_of`
    valid, test  means over tasks; NaN where the result does not count
    test_tasks   [T] in the label's unit, NaN for a task that is left out
    history      every validation, in order
    """

    name: str
    status: str
    valid: float
    test: float
    test_tasks: np.ndarray
    best_epoch: int
    epochs: int
    steps: int
    history: tuple[Validation, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether the replica has a result."""
        return self.status in COUNTED


@dataclass
class LaneState:
    """What one lane is doing.

    replica     its place in the list given to `run`
    step        how many it has made
    diverged    whether a loss was not finite
    validated   the step at which it last was
    loss        sum of the training losses since then
    history     every validation so far
    """

    replica: int
    step: int = 0
    diverged: bool = False
    validated: int = 0
    loss: float = 0.0
    history: list[Validation] = field(default_factory=list)

    def add_losses(self, losses: list[float]) -> None:
        """Count the losses of the steps just made, one by one: their sum does not depend on how chunks are cut."""
        for loss in losses:
            self.loss += loss
        self.step += len(losses)
        self.diverged |= not all(map(math.isfinite, losses))

    def add_validation(self, epoch: int, valid: float) -> None:
        """Record a validation of the current weights."""
        loss = self.loss / max(self.step - self.validated, 1)
        self.history.append(Validation(epoch, self.step, loss, valid))
        self.validated, self.loss = self.step, 0.0

    def validations_without_improvement(self, higher_is_better: bool) -> int:
        """Return how many validations came after the best one so far; NaN is never the best."""
        best, place = -math.inf, 0
        for count, one in enumerate(self.history, start=1):
            score = one.valid if higher_is_better else -one.valid
            if score > best:
                best, place = score, count
        return len(self.history) - place


def slot_from(saved: dict[str, Any], place: int) -> LaneState:
    """Return the slot that a checkpoint has saved, of the replica at `place`."""
    history = [Validation(*one) for one in saved["history"]]
    return LaneState(**saved | {"replica": place, "history": history})
