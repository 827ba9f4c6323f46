"""The rows of a file of learning curves as numbers: the metric of each run, or the mean of several with its spread."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from jaxmrl.curves.cells import PERCENT_SIZES, numbers, sizes_in, split_spread
from jaxmrl.curves.layout import Layout
from jaxmrl.curves.metric_names import ERROR_OF_MEAN, has_name, is_percent, perfect_of, plain_name, without_interval
from jaxmrl.curves.sizes import in_thousands
from jaxmrl.errors import DataError
from jaxmrl.io.cells import number_in
from jaxmrl.io.records import Rejected

_MOST_SPREAD = 0.75
"""Above the largest standard deviation of two numbers between 0 and 1."""


@dataclass(frozen=True)
class Observations:
    """The metric of `R` runs, or means of runs, as the file has them.

    lines [R]; fields: of the row each is from, [R] lists; run [R] labels, or None; sd, runs [R], or None
    """

    lines: np.ndarray
    fields: list[list[str]]
    n: np.ndarray
    value: np.ndarray
    sd: np.ndarray | None
    runs: np.ndarray | None
    run: np.ndarray | None

    def take(self, keep: np.ndarray) -> "Observations":
        """Return those at the positions `keep`."""
        return Observations(
            lines=self.lines[keep],
            fields=[self.fields[k] for k in keep],
            n=self.n[keep],
            value=self.value[keep],
            sd=None if self.sd is None else self.sd[keep],
            runs=None if self.runs is None else self.runs[keep],
            run=None if self.run is None else self.run[keep],
        )

    def column(self, at: int) -> list[str]:
        return [fields[at] for fields in self.fields]


def read_observations(
    path: Path, header: list[str], rows: list, layout: Layout, separator: str, rejected: list[Rejected]
) -> tuple[Layout, Observations, list[str]]:
    """Return the layout, which knows the unit now, the numbers of the rows, and what to say of them.

    Rows with a cell that is no number join `rejected`. Raises DataError where no row is left.
    """
    columns = {at: [fields[at] for *_, fields in rows] for at in layout.used}
    wrong_in, values, spreads, notes, styles = [], [], [], [], set()
    for at in layout.values:
        texts, spread, said = split_spread(columns[at])
        value, wrong, style = numbers(texts, separator)
        values.append(value)
        spreads.append(None if spread is None else numbers(spread, separator)[0])
        wrong_in.append(np.where(wrong, at, -1))
        styles.add(style)
        notes += [said] if said else []
    decimal = "," if {style.decimal for style in styles} == {","} else "."
    n, wrong, of_sizes = sizes_in(columns[layout.size], separator, is_percent(header[layout.size]), decimal)
    layout, notes = replace(layout, percent_sizes=PERCENT_SIZES in of_sizes), [*of_sizes, *notes]
    if in_thousands(header[layout.size], n):
        n, notes = 1000 * n, [f"{header[layout.size]}: sizes are in thousands", *notes]
    wrong_in.insert(0, np.where(wrong, layout.size, -1))
    for column, least in ((layout.spread, 0), (layout.count, 1)):
        if column is not None:
            value, wrong, _ = numbers(columns[column], separator)
            wrong_in.append(np.where(wrong | (value < least), column, -1))
    empty = np.isnan(np.array(values)).all(axis=0)
    good = _good_rows(path, header, rows, np.array(wrong_in), empty, layout, rejected)
    if {style.unit for style in styles} == {"%"} and not is_percent(layout.metric):
        layout = replace(layout, metric=f"{layout.metric} (%)")
    rows, columns = [rows[k] for k in good], {at: [texts[k] for k in good] for at, texts in columns.items()}
    in_cells = None if spreads[0] is None else spreads[0][good]
    sd, runs, said = _spread_of_rows(header, columns, layout, separator, in_cells)
    found = Observations(
        lines=np.array([line for _, line, _ in rows]),
        fields=[fields for *_, fields in rows],
        n=n[good],
        value=values[0][good],
        sd=sd,
        runs=runs,
        run=_labels(header, [fields for *_, fields in rows], layout.run),
    )
    _check_spread(path, header, found, layout)
    return layout, _wide(header, found, [value[good] for value in values], layout), [*notes, *said]


def _good_rows(
    path: Path,
    header: list[str],
    rows: list,
    wrong_in: np.ndarray,
    empty: np.ndarray,
    layout: Layout,
    rejected: list[Rejected],
) -> np.ndarray:
    """Return which rows can be used. wrong_in [C, R]: for each cell its column if it is not a number, else -1.

    empty [R]: rows without a value, which stay, as runs that failed, unless all rows are empty.
    """
    wrong_at = wrong_in[(wrong_in >= 0).argmax(axis=0), np.arange(len(rows))]
    for k in np.flatnonzero(wrong_at >= 0):
        _, line, fields = rows[k]
        expected = {layout.spread: "a standard deviation", layout.count: "a number of runs"}
        reason = f"{fields[wrong_at[k]]!r} is not {expected.get(wrong_at[k], 'a finite number')}"
        rejected.append(Rejected(line, ",".join(fields), reason))
    good = np.flatnonzero(wrong_at < 0)
    if len(good) == 0 or empty[good].all():
        why = f" (line {rejected[0].line}: {rejected[0].reason})" if rejected else ""
        names = f"{header[layout.size]} and {', '.join(header[k] for k in layout.values)}"
        raise DataError(f"{path} has no row of numbers in {names}{why}")
    return good


def _spread_of_rows(
    header: list[str], columns: dict[int, list[str]], layout: Layout, separator: str, in_cells: np.ndarray | None
) -> tuple:
    """Return standard deviations and numbers of runs [R] of rows that are means, or None twice, and remarks on them."""
    if len(layout.values) > 1:
        return None, None, []
    sd, said, name = in_cells, [], header[layout.values[0]]
    if in_cells is not None and without_interval(name) != name.strip():
        sd = in_cells = None
        said = [f"the cells of {name} have intervals behind them, which are not the spread of single runs: not used"]
    if layout.spread is not None:
        sd = numbers(columns[layout.spread], separator)[0]
    runs = np.full(len(columns[layout.size]), np.nan if layout.counted is None else layout.counted)
    if layout.count is not None:
        runs = numbers(columns[layout.count], separator)[0]
    if sd is None and not np.isfinite(runs).any():
        return None, None, said
    if sd is None:
        sd = np.full(len(runs), np.nan)
    of_mean = layout.of_mean
    if in_cells is not None and layout.spread is None:
        of_runs = "" if np.isfinite(runs).any() else ", of an unknown number of runs (give --runs-column)"
        of_mean = has_name(plain_name(name), ERROR_OF_MEAN)
        kind = "the standard error of their mean" if of_mean else "their standard deviation"
        said = [f"the cells of {name} have {kind} behind them{of_runs}"]
    if of_mean:
        sd = sd * np.sqrt(np.where(np.isfinite(runs), runs, 1))
    return sd, runs, said


def _check_spread(path: Path, header: list[str], found: Observations, layout: Layout) -> None:
    """Raise DataError if standard deviations are larger than a metric between 0 and 1 can have."""
    known = np.zeros(0) if found.sd is None else found.sd[np.isfinite(found.sd)]
    values = found.value[np.isfinite(found.value)]
    within = bool(((values >= 0) & (values <= 1)).all()) and perfect_of(layout.metric) == 1
    if layout.spread is not None and not layout.of_mean and within and len(known) and np.median(known) > _MOST_SPREAD:
        raise DataError(
            f"{path}, column {header[layout.spread]}: standard deviations such as {np.median(known):g} are more than "
            f"values of {layout.metric} between 0 and 1 can have; write them in the same unit"
        )


def _labels(header: list[str], fields: list[list[str]], columns: tuple[int, ...]) -> np.ndarray | None:
    """Return the label [R] of each row by the columns that number the runs."""
    if not columns:
        return None
    return np.array([", ".join(f"{header[k]} {_number_text(row[k])}" for k in columns) for row in fields])


def _number_text(text: str) -> str:
    """Return the label of a run; for 0.0, which a program made of 0, that of 0."""
    number = number_in(text)
    return text.strip() if number is None or not np.isfinite(number) else f"{number:.15g}"


def _wide(header: list[str], found: Observations, values: list[np.ndarray], layout: Layout) -> Observations:
    """Return each column of a wide file as a run of its own, and other files as they are."""
    if len(values) == 1:
        return found
    every = found.take(np.tile(np.arange(len(found.n)), len(values)))
    own = np.repeat([header[k] for k in layout.values], len(found.n))
    run = own if every.run is None else np.array([f"{a}, {b}" for a, b in zip(every.run, own, strict=True)])
    every = replace(every, value=np.concatenate(values), run=run)
    return every.take(np.flatnonzero(np.isfinite(every.value)))
