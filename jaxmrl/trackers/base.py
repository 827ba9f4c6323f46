"""The protocol of a tracker, and the guard through which a command calls one."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from jaxmrl.rows import HistoryRow, ReplicaKey, ResultRow
from jaxmrl.text import one_line


class Tracker(Protocol):
    """What a command reports of its training. Its own results do not depend on it.

    Calls do not overlap. They come from the threads that train, so that a slow tracker slows the command. For
    models that are trained for tuning, scoring or pre-training, `pruning` names the purpose, and there is no test
    metric.
    """

    def on_validation(self, row: HistoryRow) -> None:
        """Record one validation of a replica.

        Args:
            row: The replica, the epoch, the step, the mean training loss since the last validation, and the metric.
        """

    def on_result(self, row: ResultRow) -> None:
        """Record the result of a replica that has ended; its validations came before.

        Args:
            row: The replica, its status, and its metrics.
        """

    def close(self) -> None:
        """Write what is not written yet. Nothing comes after this."""


@dataclass
class Tracking:
    """A tracker that cannot stop a command: after its first error it is not called again, and one message says so.

    Attributes:
        tracker: The tracker.
        say: Reports the sentence.
    """

    tracker: Tracker
    say: Callable[[str], None]
    _seen: dict[ReplicaKey, int] = field(default_factory=dict)
    _failed: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def seen(self, key: ReplicaKey) -> int:
        """Return how many validations of a replica the tracker knows."""
        return self._seen.get(key, 0)

    def validated(self, key: ReplicaKey, history: Sequence[HistoryRow]) -> None:
        """Tell of the validations of a replica that the tracker does not know yet.

        Args:
            key: The replica.
            history: All its validations that the tracker does not know, in order.
        """
        with self._lock:
            self._seen[key] = self.seen(key) + len(history)
            for row in history:
                self._call(self.tracker.on_validation, row)

    def ended(self, row: ResultRow, history: Sequence[HistoryRow]) -> None:
        """Tell of the result of a replica, after those of its validations that the tracker does not know.

        Args:
            row: The result.
            history: All validations of the replica, in order.
        """
        with self._lock:
            self.validated(row.key, history[self.seen(row.key) :])
            self._seen.pop(row.key)
            self._call(self.tracker.on_result, row)

    def close(self) -> None:
        """Close the tracker."""
        with self._lock:
            self._call(self.tracker.close)
            self._failed = True

    def _call(self, method: Callable[..., None], *arguments: object) -> None:
        if self._failed:
            return
        try:
            method(*arguments)
        except Exception as error:  # a library of others', which may raise anything
            self._failed = True
            self.say(
                f"The tracker has failed ({one_line(f'{type(error).__name__}: {error}')}) and gets nothing more. The "
                "command goes on, and its own files are complete"
            )
