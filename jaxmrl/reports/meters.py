"""Displays of progress: a bar, lines, one line of a notebook, and a file that other processes read."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import rich.progress

from jaxmrl.progress import Progress
from jaxmrl.runs.live import LiveProgress, write_progress
from jaxmrl.text import duration

LINE_EVERY_SECONDS = 30.0
UPDATE_EVERY_SECONDS = 1.0


@dataclass
class BarProgress:
    """A bar on a terminal."""

    bar: rich.progress.Progress
    task: rich.progress.TaskID
    done: int = 0

    def advance(self, amount: int) -> None:
        self.done += amount
        self.bar.advance(self.task, amount)

    def skip(self, amount: int) -> None:
        self.done += amount
        self.bar.reset(self.task, completed=self.done)

    def drop(self, amount: int) -> None:
        total = self.bar.tasks[self.task].total
        if amount and total is not None:
            self.bar.update(self.task, total=total - amount)


@dataclass
class TextProgress:
    """A line now and then, with the time left at the speed so far.

    show    gets the progress every `every` seconds
    done    units so far; `timed` of them took `seconds`
    seen    when the last timed unit was done, None after a skip
    """

    show: Callable[[LiveProgress], None]
    title: str
    total: int | None
    unit: str
    every: float = LINE_EVERY_SECONDS
    done: int = 0
    timed: int = 0
    seconds: float = 0.0
    seen: float | None = None
    shown: float = field(default_factory=lambda: time.monotonic())

    def skip(self, amount: int) -> None:
        self.done, self.seen = self.done + amount, None
        self._show_now_and_then(time.monotonic())

    def advance(self, amount: int) -> None:
        now = time.monotonic()
        self.done += amount
        if self.seen is not None:
            self.timed, self.seconds = self.timed + amount, self.seconds + now - self.seen
        self.seen = now
        self._show_now_and_then(now)

    def drop(self, amount: int) -> None:
        if self.total is not None:
            self.total -= amount

    def current(self) -> LiveProgress:
        """Return the progress as it is now."""
        known = self.total is not None and self.timed
        left = self.seconds / self.timed * (self.total - self.done) if self.total is not None and known else None
        return LiveProgress(self.title, self.done, self.total, self.unit, left)

    def _show_now_and_then(self, now: float) -> None:
        if now - self.shown >= self.every:
            self.shown = now
            self.show(self.current())


def in_words(one: LiveProgress) -> str:
    """Return a progress as one line, such as "training: 300/900 steps, about 12 s left"."""
    of = "" if one.total is None else f"/{one.total:,}"
    left = "" if one.seconds_left is None else f", about {duration(one.seconds_left)} left"
    return f"{one.stage}: {one.done:,}{of} {one.unit}{left}"


@dataclass(frozen=True)
class Both:
    """A progress that is shown in two ways."""

    first: Progress
    second: Progress

    def advance(self, amount: int) -> None:
        self.first.advance(amount)
        self.second.advance(amount)

    def skip(self, amount: int) -> None:
        self.first.skip(amount)
        self.second.skip(amount)

    def drop(self, amount: int) -> None:
        self.first.drop(amount)
        self.second.drop(amount)


@dataclass
class NotebookLine:
    """One line below a cell of a Jupyter notebook that is updated in place."""

    handle: Any = None

    def show(self, one: LiveProgress) -> None:
        """Replace the previous progress."""
        from IPython.display import display

        content = {"text/plain": in_words(one)}
        if self.handle is None:
            self.handle = display(content, raw=True, display_id=True)
        else:
            self.handle.update(content, raw=True)


def in_notebook() -> bool:
    """Return whether a Jupyter kernel runs this, which can change a line that it has displayed."""
    known = sys.modules.get("IPython")
    shell = known.get_ipython() if known else None
    return shell is not None and hasattr(shell, "kernel")


def file_progress(folder: Any, title: str, total: int | None, unit: str) -> TextProgress:
    """Return a progress that is written to a run directory, for `jaxmrl serve`."""
    shown = TextProgress(lambda one: write_progress(folder, one), title, total, unit, UPDATE_EVERY_SECONDS)
    write_progress(folder, shown.current())
    return shown
