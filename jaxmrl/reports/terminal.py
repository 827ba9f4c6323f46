"""What commands print: notes, progress with time left, the table of a sweep."""

import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import rich.progress
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from jaxmrl.io.files import number
from jaxmrl.progress import Progress, ProgressReporter
from jaxmrl.reports.plots import curve_label
from jaxmrl.runs.curves import MeasuredCurve
from jaxmrl.runs.ensembles import EnsembleRow, ensemble_at
from jaxmrl.text import exact

LOGGER = logging.getLogger("jaxmrl")
"""Receives every note at level INFO, also where nothing is printed."""

LINE_EVERY_SECONDS = 30.0

WIDTH = 120
"""The width of tables, if no terminal sets it."""


class Reporter(ProgressReporter):
    """Print to standard output, or with `quiet` not at all; every note goes to the logger "jaxmrl", too.

    Progress is a bar on a terminal, else a line now and then, as in a notebook.
    """

    def __init__(self, *, quiet: bool = False):
        # Rich takes a notebook for a terminal, where each step of a bar would be another line; and with its HTML, each
        # line is a box that scrolls instead of wrapping.
        elsewhere: dict[str, Any] = {} if sys.stdout.isatty() else {"width": WIDTH, "force_terminal": False}
        self.console = Console(quiet=quiet, highlight=False, soft_wrap=True, force_jupyter=False, **elsewhere)

    def say(self, text: str) -> None:
        LOGGER.info(text)
        self.console.print(text, markup=False)

    @contextmanager
    def progress(self, title: str, total: int | None, unit: str) -> Iterator[Progress]:
        """Report how far a task of `total` units has come: `advance` for work that is timed, `skip` for other work.

        total: None where it is not known.
        """
        if self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit))
            with rich.progress.Progress(
                *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=self.console
            ) as bar:
                yield _BarProgress(bar, bar.add_task(title, total=total))
        else:
            yield _LineProgress(self, title, total, unit)


@dataclass
class _BarProgress:
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
class _LineProgress:
    """A line now and then, with the time left by the speed so far.

    done: units so far, of which `timed` took `seconds`; seen: when the last timed unit was done, None after a skip
    """

    reporter: Reporter
    title: str
    total: int | None
    unit: str
    done: int = 0
    timed: int = 0
    seconds: float = 0.0
    seen: float | None = None
    said: float = field(default_factory=lambda: time.monotonic())

    def skip(self, amount: int) -> None:
        self.done, self.seen = self.done + amount, None
        self._say_now_and_then(time.monotonic())

    def advance(self, amount: int) -> None:
        now = time.monotonic()
        self.done += amount
        if self.seen is not None:
            self.timed, self.seconds = self.timed + amount, self.seconds + now - self.seen
        self.seen = now
        self._say_now_and_then(now)

    def drop(self, amount: int) -> None:
        if self.total is not None:
            self.total -= amount

    def _say_now_and_then(self, now: float) -> None:
        if now - self.said < LINE_EVERY_SECONDS:
            return
        of = "" if self.total is None else f"/{self.total:,}"
        self.reporter.say(f"{self.title}: {self.done:,}{of} {self.unit}{self._left()}")
        self.said = now

    def _left(self) -> str:
        if self.total is None or not self.timed:
            return ""
        return f", about {duration(self.seconds / self.timed * (self.total - self.done))} left"


def duration(seconds: float) -> str:
    """Return a time in seconds as people write it, such as "3 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def sweep_table(
    curves: list[MeasuredCurve], metric_label: str, near: dict[str, str], ensembles: Sequence[EnsembleRow] = ()
) -> Table:
    """Return a table with a row for each point and a section for each curve; the caption has each split's share of test
    molecules near training ones.

    still improving: the replicas whose best validation was in the last tenth of training; ensemble: the metric of the
    mean prediction of the seeds, where `ensembles` has some
    """
    table = Table(title=f"test {metric_label}, mean ± standard deviation over seeds", title_justify="left")
    if near:
        shares = ", ".join(f"{split} {share}" for split, share in near.items())
        table.caption, table.caption_justify = f"test molecules with a close analog in training: {shares}", "left"
    of_ensemble = ("ensemble",) if ensembles else ()
    for column in ("curve", "fraction", "molecules", metric_label, *of_ensemble, "seeds", "still improving"):
        table.add_column(column, justify="left" if column == "curve" else "right")
    for curve in curves:
        label = escape(curve_label(curve, curves))
        for point in curve.points:
            spread = f" ± {point.sd:.4f}" if number(point.sd) else ""
            cells = [exact(point.fraction), f"{point.n_train:,}", f"{point.mean:.4f}{spread}"]
            if ensembles:
                ensemble = ensemble_at(ensembles, curve, point)
                cells.append("" if ensemble is None else f"{ensemble:.4f}")
            table.add_row(label, *cells, str(point.n_seeds), point.still_improving)
        table.add_section()
    return table


def score_summary(content: dict) -> Table:
    """Return a table with a row for each method of a scores.json: how far its seeds agree, and what it correlates with.

    The column of the mean over seeds is what is expected between two such means (Spearman-Brown).
    """
    seeds = content["seeds"]
    table = Table(title="rank correlations of the scores", title_justify="left")
    table.caption = f"mean over seeds: the correlation expected between two such means, each over {seeds} seeds"
    table.caption_justify = "left"
    heads = ("method", "between seeds", "mean over seeds", "with el2n", "with heavy atoms")
    for column in heads:
        table.add_column(column, justify="left" if column == "method" else "right")

    def cell(value: float | None) -> str:
        return "" if value is None else f"{value:.2f}"

    for name, agreement in content["rank_correlation_of_seeds"].items():
        others = content["rank_correlation_of_methods"][name], content["rank_correlation_with_properties"][name]
        values = (*agreement.values(), others[0].get("el2n"), others[1]["heavy_atoms"])
        table.add_row(name, *map(cell, values))
    return table
