"""The runs that are compared: their settings and curves, and whether they are of the same data and metric."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jaxmrl.errors import ConfigError, DataError
from jaxmrl.reports.appearance import curve_label
from jaxmrl.runs.curves import MeasuredCurve, curves_of
from jaxmrl.runs.identity import read_run
from jaxmrl.runs.lineage import are_related, lineage_of, split_digests, split_of
from jaxmrl.runs.tables import RESULTS, read_results

_OF_THE_SOURCE = ("dataset", "csv", "npz", "target_columns", "pic50", "log10", "extra")
"""The settings that say what data a run is of."""


@dataclass(frozen=True)
class Run:
    """A run of a sweep.

    Attributes:
        name: A short name that distinguishes it.
        settings: What its config.toml has.
        metadata: What its run.json has.
        curves: Its curves.
        grown: Whether its data is that of the first run at another time, with other training molecules. Its curves are
            then compared at equal fractions.
    """

    name: str
    settings: dict[str, Any]
    metadata: dict[str, Any]
    curves: tuple[MeasuredCurve, ...]
    grown: bool = False

    @property
    def labels(self) -> list[str]:
        """The name of each curve, with that of the run in front."""
        return [f"{self.name}: {curve_label(curve, self.curves)}" for curve in self.curves]

    @property
    def digests(self) -> dict[str, str]:
        """The digests of the molecules and labels of each split."""
        return split_digests(self.metadata)


def read_runs(paths: tuple[Path, ...]) -> list[Run]:
    """Return the runs in these directories.

    Raises:
        UserError: For a folder that is no run, or has no results, and for runs of other data or another metric than the
            first.
    """
    runs = [_read(path, name) for path, name in zip(paths, _names(paths), strict=True)]
    for run in runs[1:]:
        _check_comparable(runs[0], run)
    return [runs[0], *(_beside(runs[0], run) for run in runs[1:])]


def _beside(first: Run, run: Run) -> Run:
    """Return a run as it is compared with the first: if its data has grown, by the name of the first one's data."""
    if not are_related(first.metadata, run.metadata) or first.digests == run.digests:
        return run
    name = first.curves[0].identity.dataset
    curves = tuple(replace(curve, identity=replace(curve.identity, dataset=name)) for curve in run.curves)
    return replace(run, curves=curves, grown=True)


def _read(path: Path, name: str) -> Run:
    if not (path / RESULTS).is_file() or (saved := read_run(path)) is None:
        raise ConfigError(f"{path} is not a run of a sweep; expected a folder that python -m jaxmrl.sweep wrote")
    metadata, settings = saved
    sizes = {label: one["molecules"] for label, one in metadata["splits"].items()}
    overlaps = {label: parts["test"] / parts["train"] for label, parts in sizes.items()}
    curves = tuple(curve for curve in curves_of(read_results(path / RESULTS), overlaps) if curve.points)
    if not curves:
        raise ConfigError(f"{path} has no result yet; run the sweep's command again")
    return Run(name, settings, metadata, curves)


def _names(paths: tuple[Path, ...]) -> list[str]:
    """Return a short name of each folder, or its path where that is not enough."""
    short = [path.resolve().name for path in paths]
    times = Counter(short)
    return [str(path) if times[name] > 1 else name for path, name in zip(paths, short, strict=True)]


def _check_comparable(first: Run, other: Run) -> None:
    """Raise DataError where two runs are of other data, or of another metric.

    Data that has grown from the same beginning (--previous) is not other data while all of what it is tested on is the
    same.
    """
    metrics = [sorted({curve.metric for curve in run.curves}) for run in (first, other)]
    if metrics[0] != metrics[1]:
        raise DataError(
            f"only runs with the same metric can be compared: {first.name} has {', '.join(metrics[0])}, and "
            f"{other.name} has {', '.join(metrics[1])}. Compare runs of the same --metric"
        )
    if are_related(first.metadata, other.metadata):
        for run in (first, other):
            if changed_molecules := lineage_of(run.metadata)[1]:
                raise DataError(
                    f"{run.name} cannot be compared with the runs before it: {changed_molecules:,} of their validation "
                    "and test molecules were removed or have other labels (changes.csv). Sweep their data again, and "
                    "compare the new runs"
                )
        return
    shared = first.digests.keys() & other.digests.keys()
    changed = sorted(name for name in shared if first.digests[name] != other.digests[name])
    source = [change for change in differences([first, other]) if change.name in _OF_THE_SOURCE]
    if changed or (not shared and source):
        said = "; ".join(change.text for change in source) or f"the {split_of(changed[0])} has other molecules"
        raise DataError(
            f"only runs with the same data can be compared: {other.name} has other molecules or labels than "
            f"{first.name}, or rows in another order ({said}). Compare their forecasts with python -m jaxmrl.fit"
        )


@dataclass(frozen=True)
class Change:
    """A setting that differs between runs: its name, and its value in each run by the name of the run."""

    name: str
    values: dict[str, Any]

    @property
    def text(self) -> str:
        """The setting and its values in words."""
        said = ", ".join(f"{_plain(value)} in {run}" for run, value in self.values.items())
        return f"{self.name}: {said}"


def differences(runs: list[Run]) -> list[Change]:
    """Return the settings, and the versions and devices, that differ between runs."""
    sides = [run.settings | {"device": run.metadata.get("device"), "code": run.metadata.get("sources")} for run in runs]
    names = dict.fromkeys(name for side in sides for name in side if name != "out")
    changes = [
        Change(name, {run.name: side.get(name) for run, side in zip(runs, sides, strict=True)}) for name in names
    ]
    return [change for change in changes if any(one != change.values[runs[0].name] for one in change.values.values())]


def _plain(value: Any) -> str:
    if value is None or value == []:
        return "not set"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
