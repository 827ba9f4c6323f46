"""Compare runs of sweeps in one figure and one table, with paired tests where they share splits and seeds.

`python -m jaxmrl.compare RUN RUN ...`, or `compare_sweeps(CompareConfig(...))`.
"""

import json
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from jaxmrl.compare.page import GROWN_SAID, HEADS, compare_html, comparison_rows, verdict_lines
from jaxmrl.compare.pairs import Pair, compare_runs
from jaxmrl.compare.runs import Run, differences, read_runs
from jaxmrl.config import CompareConfig
from jaxmrl.io.files import write_whole
from jaxmrl.reports.terminal import Reporter


def compare_sweeps(config: CompareConfig, *, quiet: bool = True) -> dict[str, Any]:
    """Compare the curves of several runs of sweeps, and write the comparison to a folder.

    Args:
        config: The settings: the run directories; the others are compared with the first one.
        quiet: Whether to print nothing.

    Returns:
        The content of compare.json: the `settings` that differ, `pairs` of curves with their differences at each size,
        and the sentences about them (`said`).

    Raises:
        UserError: For folders that are not runs, and for runs with different data or metrics.
    """
    reporter = Reporter(quiet=quiet)
    runs = read_runs(config.runs)
    changes, pairs = differences(runs), compare_runs(runs)
    reporter.console.print(_table(runs, pairs))
    said = verdict_lines(pairs)
    grown = [GROWN_SAID] if any(run.grown for run in runs) else []
    for line in (*(f"setting {change.text}" for change in changes), *grown, *said):
        reporter.say(line)
    found = {
        "runs": [run.name for run in runs],
        "settings": {change.name: change.values for change in changes},
        "pairs": [asdict(pair) for pair in pairs],
        "said": said,
    }
    write_whole(config.out / "compare.json", (json.dumps(found, indent=2) + "\n").encode())
    write_whole(config.out / "compare.html", compare_html(runs, pairs, changes).encode())
    reporter.say(f"Results: {config.out}. Open {config.out / 'compare.html'}")
    return found


def _table(runs: list[Run], pairs: list[Pair]) -> Table:
    table = Table(title=f"test {runs[0].curves[0].metric}, mean ± standard deviation over seeds", title_justify="left")
    for k, head in enumerate(HEADS):
        table.add_column(head, justify="right" if k else "left", overflow="fold")
    for row in comparison_rows(runs, pairs):
        table.add_row(*map(escape, row))
    return table
