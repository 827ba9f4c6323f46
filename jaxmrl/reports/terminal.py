"""What commands print: notes, progress with time left, the table of a sweep."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rich.progress
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from jaxmrl.io.files import number
from jaxmrl.progress import Progress, ProgressReporter
from jaxmrl.reports.appearance import curve_label
from jaxmrl.reports.meters import (
    UPDATE_EVERY_SECONDS,
    BarProgress,
    Both,
    NotebookLine,
    TextProgress,
    file_progress,
    in_notebook,
    in_words,
)
from jaxmrl.runs.curves import MeasuredCurve
from jaxmrl.runs.ensembles import EnsembleRow, ensemble_at
from jaxmrl.text import exact

LOGGER = logging.getLogger("jaxmrl")
"""Receives every note at level INFO, also where nothing is printed."""

WIDTH = 120
"""The width of tables, if no terminal sets it."""


class Reporter(ProgressReporter):
    """Print to standard output, or with `quiet` not at all; every note goes to the logger "jaxmrl", too.

    Progress is a bar on a terminal, one line that changes in a notebook, else a line now and then.

    Attributes:
        folder: Where progress is also written to a file, for others to read; None for no file.
    """

    def __init__(self, *, quiet: bool = False):
        # Rich takes a notebook for a terminal, where each step of a bar would be another line; and with its HTML, each
        # line is a box that scrolls instead of wrapping.
        elsewhere: dict[str, Any] = {} if sys.stdout.isatty() else {"width": WIDTH, "force_terminal": False}
        self.console = Console(quiet=quiet, highlight=False, soft_wrap=True, force_jupyter=False, **elsewhere)
        self.folder: Path | None = None

    def say(self, text: str) -> None:
        LOGGER.info(text)
        self.console.print(text, markup=False)

    @contextmanager
    def progress(self, title: str, total: int | None, unit: str) -> Iterator[Progress]:
        """Report how far a task of `total` units has come: `advance` for work that is timed, `skip` for other work.

        total: None where it is not known.
        """
        with self._shown(title, total, unit) as shown:
            yield shown if self.folder is None else Both(shown, file_progress(self.folder, title, total, unit))

    @contextmanager
    def _shown(self, title: str, total: int | None, unit: str) -> Iterator[Progress]:
        if self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(unit))
            with rich.progress.Progress(
                *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=self.console
            ) as bar:
                yield BarProgress(bar, bar.add_task(title, total=total))
        elif in_notebook() and not self.console.quiet:
            line = NotebookLine()
            shown = TextProgress(line.show, title, total, unit, UPDATE_EVERY_SECONDS)
            yield shown
            if line.handle is not None:
                line.show(shown.current())
        else:
            yield TextProgress(lambda one: self.say(in_words(one)), title, total, unit)


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


def value_summary(content: dict) -> Table:
    """Return a table with a row for each method of a values.json: the spread of its values, their error, and with what
    they correlate.

    The column of unseen subsets is the linear datamodeling score; only methods of models on halves have one.
    """
    table = Table(title="values of the training molecules", title_justify="left")
    table.caption = "reliability: the share of the variance of the values that is not estimation error"
    table.caption_justify = "left"
    heads = ("method", "mean", "sd", "standard error", "reliability", "on unseen subsets", "with heavy atoms")
    for column in heads:
        table.add_column(column, justify="left" if column == "method" else "right")
    unseen = content.get("halves", {}).get("linear_datamodeling_score", {})
    unseen = {"banzhaf": unseen.get("banzhaf"), "datamodel": unseen.get("mean_output")}
    for name, facts in content["methods"].items():
        numbers = [f"{facts[key]:.3g}" for key in ("mean", "sd", "standard_error")]
        shown = [facts["reliability"], unseen.get(name), facts["rank_correlation_with"]["heavy_atoms"]]
        table.add_row(name, *numbers, *("" if one is None else f"{one:.2f}" for one in shown))
    return table
