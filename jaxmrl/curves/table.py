"""Learning curves in anyone's table: a number of molecules and a metric in each row."""

import shlex
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from jaxmrl.config import CurvesConfig
from jaxmrl.curves.arrays import read_arrays
from jaxmrl.curves.cells import are_fractions, numbers, size_remarks
from jaxmrl.curves.histories import refuse_histories
from jaxmrl.curves.layout import MEANS, RUNS, Layout, find_layout
from jaxmrl.curves.metric_names import plain_name
from jaxmrl.curves.noise_floors import read_noise_floors
from jaxmrl.curves.observations import Observations, read_observations
from jaxmrl.curves.row_selection import equal_notes, select_rows, without_equal, without_headers
from jaxmrl.curves.runs import STATUS, once, renumbered_note, settings_of
from jaxmrl.curves.sampling import PRUNING, are_prunings, why_no_law
from jaxmrl.curves.settings import CERTAIN, POSSIBLE, alternates, are_moments, level_codes, separation, steps_once
from jaxmrl.curves.sizes import with_sizes
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.formats.reading import read_records
from jaxmrl.io.cells import number_in
from jaxmrl.io.records import Rejected, check_rows, column_index
from jaxmrl.rows import AT_EACH_SIZE, NO_EXTRA, STOPPED, TUNED_COLUMNS, TUNING, CurveIdentity

_OF_A_SWEEP = {"dataset", "modality", "model", "split", "pruning", "n_train", "metric"}
"""Columns of the files of a sweep, of every version."""

_SPLIT = "split"
"""The column of a sweep's files with the kind of split."""

SPLIT_SEED = "split_seed"
"""The column of results.csv with the split of each run."""

_EPOCHS = ("best_epoch", "epochs")
"""Columns of results.csv."""

_MOST_SETTINGS = 3


@dataclass(frozen=True)
class CurveRows:
    """The rows of one curve: sizes n [R] and values [R] of the metric; NaN where a value is missing.

    identity   what the columns that distinguish curves contain
    sd, runs   [R], where a row is a mean of `runs` runs with this standard deviation, NaN where unknown; else None
    run        [R] labels of the seed, fold or run of each row, such as "seed 0"; None where the file names none
    no_law     why no law describes the curve, where a row is of no random sample of the data; else empty
    epochs     [R, 2] best epoch and epochs of each run, by the columns of those names; None without them
    split      [R] the split of each run, by the column split_seed of a sweep; None without it
    noise_floor  the least error that noisy labels allow any model, as a run directory gives it; 0 where unknown
    unit       what stands behind a size in a text
    """

    identity: dict[str, str]
    n: np.ndarray
    value: np.ndarray
    sd: np.ndarray | None = None
    runs: np.ndarray | None = None
    run: np.ndarray | None = None
    no_law: str = ""
    epochs: np.ndarray | None = None
    split: np.ndarray | None = None
    noise_floor: float = 0.0
    unit: str = " molecules"

    @property
    def random(self) -> bool:
        """Whether every row is of a random sample of the data."""
        return not self.no_law


@dataclass(frozen=True)
class CurveFile:
    """The curves of a file, of one metric, and the rows that could not be used.

    by         the columns that distinguish curves
    rows       rows that were read, those that count once included
    notes      what was chosen, counted once or looks odd, in words
    of_shares  whether the sizes are shares of the data, in percent or as fractions, and no numbers of molecules
    """

    metric: str
    by: tuple[str, ...]
    curves: tuple[CurveRows, ...]
    rejected: tuple[Rejected, ...]
    rows: int
    notes: tuple[str, ...] = ()
    of_shares: bool = False

    @property
    def values(self) -> np.ndarray:
        """The metric of all rows."""
        return np.concatenate([rows.value for rows in self.curves])


def table_of(path: Path) -> Path:
    """Return the table of learning curves that a path stands for: results.csv of a run directory.

    Raises DataError for another folder.
    """
    if not path.is_dir():
        return path
    if not (path / "results.csv").exists():
        raise DataError(f"{path} is a folder without results.csv; give a run directory of a sweep, or a table")
    return path / "results.csv"


def read_curves(config: CurvesConfig, also_by: tuple[str, ...] = ()) -> CurveFile:
    """Return the curves in the first file of the settings; results.csv and curves.csv of a sweep are such files, too.

    Rows that are equal, of the same curve, size and run, count once. Raises DataError where a column is missing or may
    be several, where no row has numbers, and where rows contradict each other: the same curve, size and run with
    another metric, or runs of one size that differ by a setting (without `config.pool`).

    also_by: columns that distinguish curves beside those of `config.by` or of a sweep.
    """
    path = table_of(config.csv[0])
    records = read_arrays(path) or read_records(path)
    check_rows(path, records)
    records, reshaped = with_sizes(path, records, config)
    header, rows, rejected = records.header, records.rows, records.rejected
    rows, headers = without_headers(path, header, rows)
    rows = _of_all_sizes(header, rows)
    layout = find_layout(path, header, rows, config)
    by_at = [column_index(path, header, name) for name in config.by]
    header, renamed = _with_pruning(header, rows, layout)
    by_at = by_at or [column_index(path, header, name) for name in _identity(header, rows)]
    by_at = list(dict.fromkeys([*by_at, *(column_index(path, header, name) for name in also_by)]))
    if wrong := [header[k] for k in by_at if k in (layout.size, *layout.values)]:
        raise ConfigError(f"--by {wrong[0]} would make a curve of each row: it is the column of sizes or of the metric")
    layout = replace(layout, metric=_metric(path, rows, layout))
    rows, selected = select_rows(header, rows, layout, config)
    rows, equal, unlabeled = without_equal(rows, layout)
    read = len(rows) + sum(equal) + len(rejected)
    layout, found, notes = read_observations(path, header, rows, layout, records.separator, rejected)
    if not config.pool:
        refuse_histories(path, header, found, by_at)
    by_at, split = (by_at, []) if config.pool else _separated(path, header, found, by_at, layout)
    found, counted = once(path, header, found, by_at, layout, config.pool)
    curves = _curves(header, found, by_at, read_noise_floors(path) if _has_means(header, layout) else {})
    notes = [
        *reshaped,
        *headers,
        *selected,
        *layout.notes,
        *renamed,
        *notes,
        *equal_notes(equal + counted),
        *unlabeled,
        *renumbered_note(found, by_at),
        *split,
        *size_remarks(header[layout.size], found.n),
        *([] if config.pool else _varying(header, found, by_at, layout)),
    ]
    by = tuple(header[k] for k in by_at)
    of_shares = layout.percent_sizes or are_fractions(found.n)
    if of_shares:
        unit = "% of the data" if layout.percent_sizes else " of the data"
        curves = tuple(replace(rows, unit=unit) for rows in curves)
    return CurveFile(layout.metric, by, curves, tuple(rejected), read - len(rejected), tuple(notes), of_shares)


def _of_all_sizes(header: list[str], rows: list) -> list:
    """Return the rows of a sweep without the settings that were chosen at each size, which are no identity of a
    curve.
    """
    if TUNING not in header:
        return rows
    tuning, tuned = header.index(TUNING), {k for k, name in enumerate(header) if name in TUNED_COLUMNS}
    cleared = lambda fields: ["" if k in tuned else field for k, field in enumerate(fields)]
    return [(*start, cleared(fields) if fields[tuning].endswith(AT_EACH_SIZE) else fields) for *start, fields in rows]


def _with_pruning(header: list[str], rows: list, layout: Layout) -> tuple[list[str], list[str]]:
    """Return the header, in which a column with names of pruning methods is called pruning, and remarks on it."""
    if PRUNING in header:
        return header, []
    for k, name in enumerate(header):
        if plain_name(name) == PRUNING or (k not in layout.used and are_prunings(fields[k] for *_, fields in rows)):
            said = f"{name} has names of pruning methods: it is read as {PRUNING}"
            return [*header[:k], PRUNING, *header[k + 1 :]], [] if plain_name(name) == PRUNING else [said]
    return header, []


def _identity(header: list[str], rows: list) -> tuple[str, ...]:
    """Return the columns of a sweep that distinguish its curves, each only if those before it do not.

    Of other files, the column pruning.
    """
    names = CurveIdentity.columns() if set(header) >= _OF_A_SWEEP else (PRUNING,)
    chosen: list[int] = []
    for at in (header.index(name) for name in names if name in header):
        apart = len({tuple(fields[k] for k in chosen) for *_, fields in rows})
        if len({tuple(fields[k] for k in (*chosen, at)) for *_, fields in rows}) > apart:
            chosen.append(at)
    return tuple(header[k] for k in chosen)


def _metric(path: Path, rows: list, layout: Layout) -> str:
    """Return the name of the metric, which a sweep's files have in a column."""
    if layout.name is None:
        return layout.metric
    metrics = {fields[layout.name] for *_, fields in rows}
    if len(metrics) > 1:
        raise DataError(f"{path} has several metrics, {', '.join(sorted(metrics))}: keep the rows of one")
    return metrics.pop()


def _separated(
    path: Path, header: list[str], found: Observations, by_at: list[int], layout: Layout
) -> tuple[list[int], list[str]]:
    """Return the columns that distinguish curves, with those that a sweep's files have, and remarks on these.

    Raises DataError for other columns that split the runs of each size into groups that differ.
    """
    given, separating = len(by_at), by_at
    while len(separating) < given + _MOST_SETTINGS:
        at = _most_separating(header, found, separating, layout)
        if at is None:
            break
        separating = [*separating, at]
    single = None
    if len(separating) == given and not layout.run:
        single = _of_single_runs(header, found, by_at, layout)
        separating = separating if single is None else [*separating, single]
    names = [header[k] for k in separating[given:]]
    if any(name not in CurveIdentity.columns() for name in names):
        give = shlex.join(header[k] for k in separating)
        raise DataError(f"{path}: {_splits(names)}: give --by {give}, or --pool to count all as runs of one curve")
    notes = [
        f"{_single(name) if header.index(name) == single else _splits([name])}: each has a curve of its own, as with "
        f"--by {shlex.quote(name)}; --pool makes one curve of all"
        for name in names
    ]
    return separating, notes


def _of_single_runs(header: list[str], found: Observations, by_at: list[int], layout: Layout) -> int | None:
    """Return a column of words among a sweep's settings, such as model, with one row for each value and size.

    Its rows are then no repetitions, although there are too few to test whether they differ.
    """
    known = [k for k in settings_of(header, found, by_at, layout) if header[k] in CurveIdentity.columns()]
    for k in known:
        levels = level_codes(found.column(k))
        sizes = [found.n[levels == level] for level in np.unique(levels)]
        once = all(len(np.unique(one)) == len(one) for one in sizes)
        largest = max(sizes, key=len)
        crossed = all(np.isin(one, largest).all() and len(one) > 1 for one in sizes)
        words = all(number_in(text) is None for text in found.column(k))
        if len(sizes) > 1 and once and crossed and words:
            return k
    return None


def _single(name: str) -> str:
    return f"each {name} has one row at each size"


def _splits(names: list[str]) -> str:
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"{listed} {'split' if len(names) > 1 else 'splits'} the runs of each size into groups that differ"


def _most_separating(header: list[str], found: Observations, by_at: list[int], layout: Layout) -> int | None:
    """Return the column by which the runs of each size differ most certainly, if there is one."""
    chances = _chances(header, found, by_at, layout)
    at = min(chances, key=chances.__getitem__, default=None)
    return at if at is not None and chances[at] < CERTAIN else None


def _chances(header: list[str], found: Observations, by_at: list[int], layout: Layout) -> dict[int, float]:
    """Return, for each column that may be a setting, the probability that chance alone makes its groups so
    different.
    """
    size = _codes([*(level_codes(found.column(k)) for k in by_at), found.n])
    run = found.run if layout.run else None
    candidates = [k for k in settings_of(header, found, by_at, layout) if not are_moments(found.column(k))]
    return {k: separation(size, found.value, level_codes(found.column(k)), run) for k in candidates}


def _codes(columns: list[np.ndarray]) -> np.ndarray:
    """Return a whole number for each row [R]; it is the same for rows that agree in all columns."""
    return np.unique(np.stack(columns), axis=1, return_inverse=True)[1].reshape(-1)


def _has_means(header: list[str], layout: Layout) -> bool:
    """Return whether the metric is the mean over tasks in a table of a sweep, which noise floors are of."""
    own = {header[k] for k in layout.values} <= {RUNS[0], MEANS[0]}
    return own and layout.name is not None and _SPLIT in header


def _curves(
    header: list[str], found: Observations, by_at: list[int], floors: dict[str, float]
) -> tuple[CurveRows, ...]:
    """Return the curves in order of appearance. floors: the noise floor of each kind of split, where it is known."""
    groups: dict[tuple, list[int]] = defaultdict(list)
    columns = [level_codes(found.column(k)).tolist() for k in by_at]
    for k, key in enumerate(zip(*columns, strict=True) if columns else [()] * len(found.n)):
        groups[key].append(k)
    curves = []
    for places in groups.values():
        own = found.take(np.array(places))
        identity = {header[k]: own.fields[0][k] for k in by_at}
        no_law = next(filter(None, map(_no_law_of_row(header), own.fields)), "")
        epochs = _epochs(header, own)
        split = np.array(own.column(header.index(SPLIT_SEED))) if SPLIT_SEED in header else None
        floor = min(floors.get(one, 0.0) for one in own.column(header.index(_SPLIT))) if floors else 0.0
        curves.append(CurveRows(identity, own.n, own.value, own.sd, own.runs, own.run, no_law, epochs, split, floor))
    return tuple(curves)


def _epochs(header: list[str], found: Observations) -> np.ndarray | None:
    """Return the best epoch and the epochs of each run, [R, 2]; None unless all rows have both.

    A run that stopped early has 0: it ended because it no longer improved, however late its best epoch is.
    """
    if not set(_EPOCHS) <= set(header):
        return None
    values = np.array([list(map(number_in, found.column(header.index(name)))) for name in _EPOCHS], float).T
    if STATUS in header:
        values[[status == STOPPED for status in found.column(header.index(STATUS))]] = 0
    return values if np.isfinite(values).all() else None


def _no_law_of_row(header: list[str]) -> Callable[[list[str]], str]:
    """Return a function of a row's fields: why no law describes the row, empty where one may.

    By the columns pruning and fraction and, in files of sweeps, extra.
    """
    names = [plain_name(name) for name in header]
    if PRUNING not in names:
        return lambda fields: ""
    pruning_at = names.index(PRUNING)
    fraction_at = names.index("fraction") if "fraction" in names else None
    extra_at = names.index("extra") if "extra" in names and set(header) >= _OF_A_SWEEP else None

    def why(fields: list[str]) -> str:
        fraction = None if fraction_at is None else number_in(fields[fraction_at])
        return why_no_law(fields[pruning_at], fraction, NO_EXTRA if extra_at is None else fields[extra_at])

    return why


def _varying(header: list[str], found: Observations, by_at: list[int], layout: Layout) -> list[str]:
    """Return remarks on columns that may distinguish curves, too.

    These are a few words, numbers that alternate over the sizes or were changed between them, or groups that differ,
    but in too few rows to be certain.
    """
    if set(header) >= _OF_A_SWEEP:
        return []
    chances = _chances(header, found, by_at, layout)
    names = sorted(header[k] for k in chances if chances[k] < POSSIBLE or _may_distinguish(found.column(k), found.n))
    return [f"{name} varies: if it distinguishes curves, give --by {shlex.quote(name)}" for name in names]


def _may_distinguish(texts: list[str], n: np.ndarray) -> bool:
    levels = level_codes(texts)
    return not np.isfinite(numbers(texts, ",")[0]).all() or alternates(n, levels) or steps_once(n, levels)
