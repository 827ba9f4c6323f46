"""Which columns of a file of learning curves hold the sizes, the metric, its spread and the runs."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from jaxmrl.config import CurvesConfig
from jaxmrl.curves.cells import split_spread
from jaxmrl.curves.metric_names import PARTS, SPREADS, direction_of, has_name, metric_in, plain_name, without_interval
from jaxmrl.curves.sizes import count_index, size_choice, size_index
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.io.missing import SUMMARIES
from jaxmrl.io.records import column_index, column_names

RUN_NAMES = (
    "seed seeds fold folds run run_id repeat repetition rep replicate replica trial cv_fold cv cv_iter "
    "random_state random_seed split_id split_seed"
).split()
"""Names of columns that number the runs of a curve; others that end in _seed, and `split`, are such columns where they
contain whole numbers."""

COUNT_NAMES = (
    "n_seeds n_runs n_folds n_splits n_repeats n_replicates num_seeds num_runs num_folds number_of_runs runs seeds "
    "folds repeats replicates count"
).split()
"""Names of the column that says of how many runs a row is the mean."""

RUNS = ("test", "metric")
"""Columns of a sweep's results.csv: the value, and the name of the metric."""

MEANS = ("mean", "sd", "n_seeds", "metric")
"""Columns of its curves.csv: the value, its spread, the number of runs, and the name of the metric."""

_MEAN = "mean avg average".split()
_METRIC_MEANS = re.compile(
    r"^(mean_(squared|absolute|average|percentage|pinball|poisson|gamma|tweedie|log)|average_precision)"
)
_NUMBERED = re.compile(
    r"^(?:(.+?)_)??(?:seed|fold|run|split|rep|repeat|replicate|trial|cv)_?(\d+)(?:_(.+))?$", re.IGNORECASE
)
_RUN_CELL = re.compile(r"(?:seed|fold|run|split|rep|repeat|repetition|replicate|trial|cv)[\s_#-]*\d+", re.IGNORECASE)
"""A cell that names a run."""

_NUMBER = re.compile(r"\s*[-+−]?[.,]?\d")
_STATISTIC_IN_NAME = re.compile(
    r"\s*(?:±|\+/-).*$|(?:^|[\s_.-]+)[(\[]?(?:mean|avg|average|sd|std|stdev|se|sem)[)\]]?(?=$|[\s_.-])", re.IGNORECASE
)
_LAST_NUMBER = re.compile(r"^(.+?)_?(\d+)$")
_NO_METRIC = {"time", "times", "rank", "ranking", "best"}
_BOUND = re.compile(r"_(low|lower|high|upper|lb|ub|ci|ci_?\d+|min|max|p\d+|q\d+)(_(low|lower|high|upper|lb|ub))?$")
"""Endings of names that are ends of an interval, or half its width."""

_OTHER_SPREADS = "var variance iqr mad range spread uncertainty error_bar errorbar ci low high lower upper".split()
"""Words in the names of columns of other spreads."""

_NAMED = (*MEANS[:1], *RUNS[:1], "value", "score")
"""Columns of the values where another column has the name of the metric."""


@dataclass(frozen=True)
class Layout:
    """What the columns of a file are, by index.

    size, values     the sizes; the metric, a column for each run where there are several
    metric           what the metric is called
    name             the column with the metric's name, in the files of a sweep
    spread           the standard deviation over the runs, or, by `of_mean`, the standard error of their mean
    count, counted   the number of runs behind each row: a column, or the number itself
    run              columns that number the runs
    percent_sizes    whether the sizes are in percent of the data
    notes            what was chosen, in words
    """

    size: int
    values: tuple[int, ...]
    metric: str
    name: int | None = None
    spread: int | None = None
    of_mean: bool = False
    count: int | None = None
    counted: int | None = None
    run: tuple[int, ...] = ()
    percent_sizes: bool = False
    notes: tuple[str, ...] = ()

    @property
    def used(self) -> set[int]:
        """All columns that are read."""
        one = (self.size, self.name, self.spread, self.count)
        return {k for k in (*one, *self.values, *self.run) if k is not None}


@dataclass(frozen=True)
class _Role:
    """What the name of a column says.

    kind: value, mean, sd, se, or run; base: the metric's name without that; known: whether it is a metric's name
    """

    at: int
    base: str
    kind: str
    number: int | None = None
    known: bool = False


def find_layout(path: Path, header: list[str], rows: list, config: CurvesConfig) -> Layout:
    """Return the layout of a file by the settings and, where these leave it open, by the names of its columns.

    rows: (row, line, fields) each. Raises DataError or ConfigError where a column is missing or may be several.
    """
    size = column_index(path, header, config.n_column) if config.n_column else size_index(path, header, rows)
    taken = {size, *(header.index(name) for name in config.by if name in header)}
    run = tuple(k for k in _run_indices(header, rows) if k not in taken)
    if not config.metric_column and (at := _value_of_named(header)) is not None:
        found = Layout(size, (at,), "", name=header.index("metric"))
        spread = header.index("sd") if "sd" in header else None
        return _with_counts(path, header, rows, config, found, spread, of_mean=False, run=run)
    roles = [role for role in _roles(header, rows) if role.at not in {*taken, *run}]
    filled = [role for role in roles if any(_NUMBER.match(fields[role.at]) for *_, fields in rows)]
    roles = filled if any(role.known for role in filled) else roles
    if config.metric_column:
        values = tuple(column_index(path, header, name) for name in config.metric_column)
        chosen = [role for role in roles if role.at in values]
        _refuse_several(header, values)
        metric = _label(header, chosen, values)
    else:
        chosen = _metric_roles(path, header, roles)
        values = tuple(role.at for role in chosen)
        metric = _label(header, chosen, values)
    if clash := taken & set(values):
        raise ConfigError(f"{header[min(clash)]} cannot be the metric: it is the column of sizes or one of --by")
    spread, of_mean = _spread(roles, chosen) if len(values) == 1 else (None, False)
    layout = Layout(size, values, metric)
    layout = _with_counts(path, header, rows, config, layout, spread, of_mean, run)
    return _with_notes(header, roles, layout, config)


def _refuse_several(header: list[str], values: tuple[int, ...]) -> None:
    """Raise ConfigError if the columns of the metric are of different metrics, by their names."""
    metrics = [metric_in(header[k]) for k in values]
    if all(metrics) and len(set(metrics)) > 1:
        raise ConfigError(
            f"--metric-column takes the runs of one metric; got {_names(header, values)}, which are different metrics: "
            "give one of them"
        )


def _value_of_named(header: list[str]) -> int | None:
    """Return the column of the values in a file that has a column with the name of the metric, as those of a sweep."""
    names = [name for name in _NAMED if name in header] if "metric" in header else []
    return header.index(names[0]) if names else None


def _with_counts(
    path: Path,
    header: list[str],
    rows: list,
    config: CurvesConfig,
    layout: Layout,
    spread: int | None,
    of_mean: bool,
    run: tuple[int, ...],
) -> Layout:
    """Return the layout with its spread and the number of runs."""
    if config.sd_column:
        if len(layout.values) > 1:
            raise ConfigError("--sd-column needs a single metric column; got several, which are runs of one metric")
        if without_interval(config.sd_column) != config.sd_column.strip():
            raise ConfigError(
                f"--sd-column takes standard deviations; {config.sd_column} has ends or widths of confidence intervals"
            )
        spread = column_index(path, header, config.sd_column)
        of_mean = _role(spread, config.sd_column).kind == "se"
    count = counted = None
    if config.runs_column and config.runs_column not in header and config.runs_column.isdigit():
        counted = int(config.runs_column)
    elif config.runs_column:
        count = column_index(path, header, config.runs_column)
    elif len(layout.values) == 1:
        names = [plain_name(name) for name in header]
        certain = [name for name in COUNT_NAMES if name in names and (spread is not None or name.startswith("n"))]
        count = names.index(certain[0]) if certain else None
        if count is None and spread is not None:
            count = count_index(header, rows, layout.size)
    taken = {layout.size, *layout.values, spread, count, layout.name}
    run = tuple(k for k in run if k not in taken)
    return replace(layout, spread=spread, of_mean=of_mean, count=count, counted=counted, run=run)


def _with_notes(header: list[str], roles: list[_Role], layout: Layout, config: CurvesConfig) -> Layout:
    """Return the layout with notes on choices that are not obvious."""
    notes = [] if config.n_column else size_choice(header, layout.size)
    if len(layout.values) > 1:
        notes.append(f"{len(layout.values)} columns are runs of {layout.metric}: {_names(header, layout.values)}")
    if layout.spread is not None:
        kind = "standard error of the mean" if layout.of_mean else "standard deviation over the runs"
        notes.append(f"{header[layout.spread]} is the {kind}")
    if layout.spread is not None and layout.count is None and layout.counted is None:
        notes.append(
            f"the number of runs behind {header[layout.spread]} is not known, so it sets only the relative weights of "
            "the sizes, and the noise is estimated from the residuals of the laws; give --runs-column"
        )
    more = [
        role.at
        for role in roles
        if role.at not in layout.used and (role.known or _is_spread(plain_name(header[role.at])))
    ]
    if more:
        notes.append(f"not used: {_names(header, more)}")
    return replace(layout, notes=tuple(notes))


def _is_spread(name: str) -> bool:
    """Return whether a column looks like a spread or an end of an interval; it is not read as a metric."""
    return bool(_BOUND.search(f"_{name}")) or has_name(name, _OTHER_SPREADS)


def _names(header: list[str], places: Iterable[int]) -> str:
    return column_names([header[k] for k in sorted(places)], most=8)


def _run_indices(header: list[str], rows: list) -> list[int]:
    """Return the columns that number the runs: seeds, folds, repeats, and splits that are whole numbers."""
    found = []
    for k, name in enumerate(header):
        plain = plain_name(name)
        whole = all(fields[k].strip().isdigit() for *_, fields in rows if fields[k].strip())
        named = plain in RUN_NAMES and (whole or plain not in COUNT_NAMES)
        if named or (whole and (plain == "split" or plain.endswith("_seed"))) or _names_runs(k, rows):
            found.append(k)
    return found


def _names_runs(at: int, rows: list) -> bool:
    """Return whether the cells of a column name runs, such as seed 0, or what sums up all of them."""
    cells = {fields[at].strip().lower() for *_, fields in rows} - SUMMARIES
    return len(cells) > 0 and all(map(_RUN_CELL.fullmatch, cells))


def _roles(header: list[str], rows: list) -> list[_Role]:
    """Return the role of each column by its name, with numbered columns where they are runs."""
    roles = [_role(k, name) for k, name in enumerate(header)]
    repeated = {name.rsplit(".", 1)[0] for name in header if re.search(r"\.\d+$", name)} & set(header)
    roles = [
        _Role(role.at, role.base, "run", 0) if header[role.at] in repeated and role.kind == "value" else role
        for role in roles
    ]
    groups = defaultdict(list)
    for role in roles:
        if role.kind == "run":
            groups[role.base].append(role)
    roles = [
        _Role(role.at, plain_name(header[role.at]), "value")
        if role.kind == "run" and not _are_runs(header, groups[role.base])
        else role
        for role in roles
    ]
    named = {role.base for role in roles if role.kind not in ("sd", "se")}
    roles = [replace(role, kind="mean") if _holds_mean(role, header[role.at], rows, named) else role for role in roles]
    return [replace(role, known=_is_known(role, header[role.at])) for role in roles]


def _holds_mean(role: _Role, name: str, rows: list, named: set[str]) -> bool:
    """Return whether cells of a column, as RMSE (SD) or AUC (95% CI), are means before a spread or an interval."""
    first = next((fields[role.at] for *_, fields in rows if fields[role.at].strip()), "")
    _, spread, interval = split_spread([first])
    if without_interval(name) != name.strip():
        return bool(interval)
    return role.base not in named and spread is not None


def _is_known(role: _Role, name: str) -> bool:
    """Return whether a column is a metric by its name, or the spread or a run of one."""
    if _NO_METRIC & set(role.base.split("_")):
        return False
    return direction_of(role.base) is not None or (role.kind == "value" and direction_of(name) is not None)


def _are_runs(header: list[str], roles: list[_Role]) -> bool:
    """Return whether numbered columns are runs: two or more, and named so or numbered one by one from 0 or 1."""
    numbers = sorted(role.number for role in roles if role.number is not None)
    named = all(_NUMBERED.match(plain_name(header[role.at])) for role in roles)
    one_by_one = numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return len(roles) > 1 and len(set(numbers)) == len(numbers) and (named or one_by_one)


def _role(at: int, name: str) -> _Role:
    name = without_interval(name) or name
    words = plain_name(name)
    if len(halves := re.split(r"±|\+/-", name)) > 1:  # a name such as RMSE ± SD is of cells such as 0.65 ± 0.02
        return _Role(at, _without(plain_name(halves[0]), _MEAN) or plain_name(halves[0]), "mean")
    for kind, tokens in SPREADS.items():
        if (base := _without(words, tokens)) is not None:
            return _Role(at, _without(base, _MEAN) or base, kind)
    if found := _NUMBERED.match(words):
        before, number, after = found.groups()
        return _Role(at, "_".join(part for part in (before, after) if part), "run", int(number))
    if not _METRIC_MEANS.match(words) or words.endswith(tuple(f"_{token}" for token in _MEAN)):
        last_first = words.endswith(tuple(f"_{token}" for token in _MEAN))
        if (base := _without(words, _MEAN, at_end=last_first)) is not None:
            return _Role(at, base, "mean")
    if (found := _LAST_NUMBER.match(words)) and direction_of(found[1]) is not None:
        return _Role(at, found[1], "run", int(found[2]))
    return _Role(at, words, "value")


def _without(words: str, tokens: list[str], at_end: bool | None = None) -> str | None:
    """Return the words without a token at their end or beginning; None if no token is there."""
    for token in tokens:
        if words == token:
            return ""
        if words.endswith(f"_{token}") and at_end is not False:
            return words.removesuffix(f"_{token}")
        if words.startswith(f"{token}_") and at_end is not True:
            return words.removeprefix(f"{token}_")
    return None


def _metric_roles(path: Path, header: list[str], roles: list[_Role]) -> list[_Role]:
    """Return the column of the metric, or its columns if there is one for each run."""
    groups: dict[str, list[_Role]] = defaultdict(list)
    for role in roles:
        name = without_interval(header[role.at]) if role.kind == "mean" else header[role.at]
        if role.known and role.kind in ("value", "mean", "run") and not _BOUND.search(plain_name(name)):
            groups[role.base].append(role)
    for base, group in groups.items():  # of AUC and AUC (95% CI), the former
        groups[base] = [role for role in group if without_interval(header[role.at]) == header[role.at].strip()] or group
    if not groups:
        groups = _unnamed(roles)
    groups = _of_test(groups)
    chosen = next(iter(groups.values())) if len(groups) == 1 else []
    runs = [role for role in chosen if role.kind == "run"]
    if runs:
        return runs
    if len(chosen) == 1:
        return chosen
    many = sum(map(len, groups.values()))
    found = f"{many} columns that may be the metric" if many else "no column named like a metric"
    raise DataError(f"{path} has {found}; name it with --metric-column: {column_names(header)}")


def _unnamed(roles: list[_Role]) -> dict[str, list[_Role]]:
    """Return groups of columns whose metric has no known name: numbered runs, or a mean beside its spread."""
    spread = {role.base for role in roles if role.kind in ("sd", "se")}
    found = defaultdict(list)
    for role in roles:
        if role.kind == "run" or (role.kind in ("mean", "value") and role.base in spread):
            found[role.base].append(role)
    return found


def _of_test(groups: dict[str, list[_Role]]) -> dict[str, list[_Role]]:
    """Return the groups without those of training and validation molecules, unless no others are left."""
    for dropped in PARTS:
        left = {base: roles for base, roles in groups.items() if not dropped & set(base.split("_"))}
        groups = left or groups
    tested = {base: roles for base, roles in groups.items() if "test" in base.split("_")}
    return tested or groups


def _label(header: list[str], chosen: list[_Role], values: tuple[int, ...]) -> str:
    """Return the metric's name: that of the column, without the part that says that it is a mean or a run."""
    if len(values) == 1 and (not chosen or chosen[0].kind in ("value", "sd", "se")):
        return header[values[0]]
    bases = {role.base for role in chosen}
    if len(values) == 1:
        return _STATISTIC_IN_NAME.sub("", without_interval(header[values[0]])).strip(" _.-") or header[values[0]]
    if len(bases) == 1:
        return bases.pop() or re.sub(r"[\s_.-]*\d+$", "", header[values[0]])
    return ", ".join(header[k] for k in values)


def _spread(roles: list[_Role], chosen: list[_Role]) -> tuple[int | None, bool]:
    """Return the column of the metric's spread, if there is one, and whether it is the standard error of the mean."""
    base = chosen[0].base if chosen else None
    spreads = [role for role in roles if role.kind in ("sd", "se")]
    others = {role.base for role in roles if role.kind in ("value", "mean")} - {base}
    own = [role for role in spreads if role.base == base] or [role for role in spreads if role.base == ""]
    own = own or [role for role in spreads if role.base not in others]
    own = [role for role in own if role.kind == "sd"] or own
    return (own[0].at, own[0].kind == "se") if len(own) == 1 else (None, False)


def is_measured(name: str) -> bool:
    """Return whether a column has, by its name, a measurement of a run, such as a time or a loss, and no setting."""
    words = plain_name(name)
    measured = (
        "best valid val validation time times seconds sec secs minutes min hours duration runtime walltime wall "
        "elapsed date timestamp memory mem loss"
    ).split()
    return has_name(words, measured) or direction_of(name) is not None or words.startswith("test_")
