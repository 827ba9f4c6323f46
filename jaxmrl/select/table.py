"""The terminal's table of a simulation: hits, error and labels saved by each method, compared with random selection."""

from collections.abc import Sequence

from rich.table import Table

from jaxmrl.acquisition.comparison import ERROR, HITS, RANDOM, Gain, Saving
from jaxmrl.scaling.paired import PairedMean


def error_name(classes: bool) -> str:
    """Return the name of the error of a simulation."""
    return "1 - roc_auc" if classes else "rmse"


def gains_table(gains: Sequence[Gain], hits: int, classes: bool) -> Table:
    """Return a table with a row for each method, and one for random selection.

    Args:
        gains: Each method's by hits and by error.
        hits: The number of hits that can be bought.
        classes: Whether the labels are classes.
    """
    error = "1 - ROC-AUC" if classes else "RMSE"
    table = Table(title=f"at the end of the campaigns, means; {hits:,} hits can be bought", title_justify="left")
    heads = ("method", "hits", "vs random", "labels saved", error, "vs random", "labels saved")
    for head in heads:
        table.add_column(head, justify="left" if head == "method" else "right")
    by_method: dict[str, dict[str, Gain]] = {}
    for gain in gains:
        by_method.setdefault(gain.method, {})[gain.measure] = gain
    for method, own in by_method.items():
        found, err = own[HITS], own[ERROR]
        table.add_row(
            method,
            f"{found.final:.1f}",
            interval_text(found.difference, ".1f"),
            saving_text(found.saved),
            f"{err.final:.3g}",
            interval_text(err.difference, ".2g"),
            saving_text(err.saved),
        )
    for own in list(by_method.values())[:1]:
        table.add_row(RANDOM, f"{own[HITS].random:.1f}", "", "", f"{own[ERROR].random:.3g}", "", "")
    return table


def interval_text(difference: PairedMean, form: str) -> str:
    """Return a difference with its interval, if it has one."""
    text = f"{difference.value:+{form}}"
    if difference.low is None or difference.high is None:
        return text
    return f"{text} [{difference.low:{form}}, {difference.high:{form}}]"


def saving_text(saved: Saving | None) -> str:
    """Return the share of labels saved with its interval, and a star if the whole interval is above 0."""
    if saved is None:
        return ""
    text = f"{saved.value:.0%}"
    if saved.low is None or saved.high is None:
        return text
    return f"{text} [{saved.low:.0%}, {saved.high:.0%}]{' *' if saved.is_gain else ''}"
