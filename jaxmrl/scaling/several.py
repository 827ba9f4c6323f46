"""The learning curves of several files and run directories side by side."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from jaxmrl.config import CurvesConfig
from jaxmrl.curves.metric_names import plain_name
from jaxmrl.curves.table import CurveFile, CurveRows, read_curves
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.scaling.scale import Scale, scale_of
from jaxmrl.text import count

FROM = "run"
"""What distinguishes curves of several files in their identity: the run directory or file that they come from."""


def read_all(config: CurvesConfig, also_by: tuple[str, ...] = ()) -> CurveFile:
    """Return the curves of all files of the settings as those of one file.

    Where curves of several files have the same name, or none, all are named by their files, too.

    also_by: as of `read_curves`.

    Raises:
        ConfigError: A file is given twice.
        DataError: As of `read_curves`, and for files of different metrics, or of one on different scales.
    """
    if len(config.csv) == 1:
        return read_curves(config, also_by)
    names = dict(zip(config.csv, file_names(config.csv), strict=True))
    files = {names[path]: read_curves(replace(config, csv=(path,)), also_by) for path in config.csv}
    _check_metrics(config, files)
    curves = [(name, rows) for name, file in files.items() for rows in file.curves]
    identities = [tuple(rows.identity.items()) for _, rows in curves]
    if len(set(identities)) < len(identities) or () in identities:
        curves = [(name, _named(rows, name)) for name, rows in curves]
    columns = dict.fromkeys(column for _, rows in curves for column in rows.identity)
    first = next(iter(files.values()))
    return CurveFile(
        metric=first.metric,
        by=tuple(columns),
        curves=tuple(rows for _, rows in curves),
        rejected=tuple(
            replace(row, reason=f"{row.reason} ({name})") for name, file in files.items() for row in file.rejected
        ),
        rows=sum(file.rows for file in files.values()),
        notes=tuple(f"{name}: {note}" for name, file in files.items() for note in file.notes),
        of_shares=any(file.of_shares for file in files.values()),
    )


def find_scale(config: CurvesConfig, file: CurveFile) -> Scale:
    """Return the scale of the metric. Raise UserError if it is not known, or if the target lies beyond it."""
    given = config.higher_is_better or config.lower_is_better
    higher = config.higher_is_better if given else None
    scale = scale_of(file.metric, file.values, higher=higher, best=config.best)
    scale.check_target(config.target)
    return scale


def source_text(config: CurvesConfig) -> str:
    """Return the files that the curves are from."""
    return ", ".join(map(str, config.csv))


def read_text(file: CurveFile) -> str:
    """Return in words how many rows and curves were read."""
    more = f", {count(len(file.curves), 'curve')}" if len(file.curves) > 1 else ""
    if not file.rejected:
        return f"{count(file.rows, 'row')}{more}"
    first = file.rejected[0]
    return f"{count(file.rows, 'row')}{more}, {len(file.rejected)} left out (line {first.line}: {first.reason})"


def curve_name(rows: CurveRows) -> str:
    """Return the settings that distinguish a curve from the others, in words."""
    return ", ".join(f"{column} {value}" for column, value in rows.identity.items())


def file_names(paths: tuple[Path, ...]) -> list[str]:
    """Return a short name for each path: the folder or the file, without its ending, or the path where that is not
    enough.
    """
    if len({path.resolve() for path in paths}) < len(paths):
        raise ConfigError("the same file or run directory is given twice; give each once")
    own = [path.parent if path.name in ("results.csv", "curves.csv") else path for path in paths]
    short = [path.name.split(".")[0] or str(path) for path in own]
    times = Counter(short)
    return [str(path) if times[name] > 1 else name for path, name in zip(paths, short, strict=True)]


def _named(rows: CurveRows, name: str) -> CurveRows:
    return replace(rows, identity={FROM: name} | rows.identity)


def _check_metrics(config: CurvesConfig, files: dict[str, CurveFile]) -> None:
    """Raise DataError unless all files have one metric with one perfect value."""
    plain = {name: plain_name(file.metric).removeprefix("test_") for name, file in files.items()}
    first, *others = files
    for name in others:
        if plain[name] != plain[first]:
            raise DataError(
                f"curves of one metric can be compared: {first} has {files[first].metric}, and {name} has "
                f"{files[name].metric}; fit them one by one, or name a column that all have with --metric-column"
            )
        scales = [find_scale(config, files[one]) for one in (first, name)]
        if scales[0].best != scales[1].best:
            raise DataError(
                f"{files[first].metric} is on two scales: {scales[0].best:g} is perfect in {first}, and "
                f"{scales[1].best:g} in {name}; convert one of the files"
            )
