"""Pruning against random subsets of the same size: the content of pruning.csv, and its table."""

import math

import numpy as np
from rich.markup import escape
from rich.table import Table

from jaxmrl.report.files import CURVE_COLUMNS, number
from jaxmrl.scaling.compare import LEVEL, paired_bootstrap

COMPARED_COLUMNS = (*CURVE_COLUMNS, "fraction", "n_train", "metric", "difference", "low", "high", "n_seeds")


def compare_to_random(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """For each pruned point its mean test metric less that of random subsets, over the seeds that both finished.

    low and high: `paired_bootstrap`. Rows are those of results.csv; the whole set, which is the same for all, is left
    out, and so are points without a random one.
    """
    tests = {_key(row): float(row["test"]) for row in rows if row["status"] == "finished"}
    points = {_key(row)[:-1]: row for row in rows if row["pruning"] != "random" and float(row["fraction"]) < 1}
    compared = []
    for point, row in points.items():
        other = tuple("random" if name == "pruning" else row[name] for name in (*CURVE_COLUMNS, "fraction"))
        seeds = [key[-1] for key in tests if key[:-1] == point and (*other, key[-1]) in tests]
        if seeds:
            differences = np.array([tests[(*point, seed)] - tests[(*other, seed)] for seed in seeds])
            low, high = paired_bootstrap(differences)
            values = {"difference": float(differences.mean()), "low": low, "high": high}
            known = {name: row[name] for name in COMPARED_COLUMNS if name in row}
            compared.append(known | {k: number(v) for k, v in values.items()} | {"n_seeds": str(len(seeds))})
    return compared


def _key(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in (*CURVE_COLUMNS, "fraction", "seed"))


def comparison_table(compared: list[dict[str, str]], metric_label: str, higher_is_better: bool) -> Table:
    """One line for each method and model, one column for each fraction; * where the interval leaves 0 out."""
    better = "above" if higher_is_better else "below"
    table = Table(
        title=f"test {metric_label} less that of random subsets, {LEVEL:.0%} interval over seeds; better is {better} 0",
        title_justify="left",
    )
    fractions = sorted({row["fraction"] for row in compared}, key=float)
    table.add_column("pruning", no_wrap=True)
    for fraction in fractions:
        table.add_column(fraction, justify="right", no_wrap=True)
    told = [name for name in CURVE_COLUMNS if name != "pruning" and len({row[name] for row in compared}) > 1]
    lines: dict[str, dict[str, str]] = {}
    for row in compared:
        label = ", ".join([row["pruning"], *(f"{name} {row[name]}" for name in told)])
        lines.setdefault(label, {})[row["fraction"]] = compare_cell(row)
    for label, cells in lines.items():
        table.add_row(escape(label), *(cells.get(fraction, "") for fraction in fractions))
    return table


def compare_cell(row: dict[str, str]) -> str:
    """The difference with its interval, * where that leaves 0 out."""
    low, high = (float(row[end] or math.nan) for end in ("low", "high"))
    interval = f" [{low:+.3f}, {high:+.3f}]" if row["low"] else ""
    return f"{float(row['difference']):+.3f}{interval}{'*' if low > 0 or high < 0 else ''}"
