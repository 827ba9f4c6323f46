"""How a computation reports to whoever started it: sentences, and progress. Any module may use it.

`reports.terminal.Reporter` prints both.
"""

from contextlib import AbstractContextManager
from typing import Protocol


class Progress(Protocol):
    """The units that are done.

    `advance` counts units whose time predicts the rest, `skip` those of an earlier run or done during compilation, and
    `drop` those that will not be done.
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
