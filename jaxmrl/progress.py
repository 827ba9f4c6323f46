"""What a computation tells whoever has started it: sentences, and how far it has come. Any module may use it.

`reports.terminal.Reporter` prints both.
"""

from contextlib import AbstractContextManager
from typing import Protocol


class Progress(Protocol):
    """Units done: now, in a time that tells of the rest (`advance`), or before, or while programs were compiled
    (`skip`); and units that will not be done (`drop`).
    """

    def advance(self, amount: int) -> None:
        """Count units whose time tells how long the rest will take."""

    def skip(self, amount: int) -> None:
        """Count other units."""

    def drop(self, amount: int) -> None:
        """Take units off the total, because something ended before all of them were done."""


class ProgressReporter(Protocol):
    """Receives what a computation has to say."""

    def say(self, text: str) -> None:
        """Report a sentence."""

    def progress(self, title: str, total: int | None, unit: str) -> AbstractContextManager[Progress]:
        """Report how far a task of `total` units has come, until the context ends; None where that is not known."""
