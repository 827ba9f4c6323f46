"""The files of a run directory: written whole under a temporary name and renamed, or appended row by row."""

import contextlib
import csv
import hashlib
import io
import json
import math
import os
import platform
import shutil
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from jaxmrl.config import CURVE_COLUMNS
from jaxmrl.curves.sampling import PRUNING, is_random_sample
from jaxmrl.errors import ConfigError, DataError, UserError
from jaxmrl.io.lock import only_process
from jaxmrl.io.records import Rejected, rejected_text
from jaxmrl.runs.identity import FORMAT, changed_code, check_same_run, read_run
from jaxmrl.scaling.analysis import Analysis, content
from jaxmrl.scaling.convergence import Convergence, best_is_late
from jaxmrl.sources import source_digest
from jaxmrl.text import exact
from jaxmrl.training.numerics import other_numerics
from jaxmrl.training.outcome import COUNTED

REJECTED = "rejected.csv"

RESULT_COLUMNS = (
    *CURVE_COLUMNS,
    "fraction",
    "n_train",
    "seed",
    "status",
    "metric",
    "valid",
    "test",
    "best_epoch",
    "epochs",
    "steps",
)

HISTORY_COLUMNS = (*CURVE_COLUMNS, "fraction", "n_train", "seed", "epoch", "step", "loss", "valid")


@dataclass(frozen=True)
class Point:
    """One point of a curve: the test metrics of its finished seeds, and how many of these were still improving."""

    fraction: float
    n_train: int
    tests: tuple[float, ...]
    late: int = 0

    @property
    def mean(self) -> float:
        return float(np.mean(self.tests))

    @property
    def sd(self) -> float:
        """Standard deviation over the seeds; NaN for one."""
        return float(np.std(self.tests, ddof=1)) if len(self.tests) > 1 else math.nan

    @property
    def n_seeds(self) -> int:
        return len(self.tests)

    @property
    def still_improving(self) -> str:
        """How many of the replicas had their best validation in the last tenth of training, in words."""
        return f"{self.late} of {self.n_seeds}"


@dataclass(frozen=True)
class Curve:
    """Metric against number of training molecules, for one combination of CURVE_COLUMNS."""

    identity: dict[str, str]
    metric: str
    points: tuple[Point, ...]

    @property
    def convergence(self) -> tuple[Convergence, ...]:
        """Of each point, how many of its replicas were still improving at the end of training."""
        return tuple(Convergence(point.n_train, point.late, point.n_seeds) for point in self.points)

    @property
    def random_samples(self) -> bool:
        """Whether its molecules are random samples of the data, so that a law may describe it."""
        return all(is_random_sample(self.identity[PRUNING], point.fraction) for point in self.points)


class RunDirectory:
    """A run's directory: refuses another configuration, and knows what is already done.

    `columns` are those of its results.csv: RESULT_COLUMNS, then test_<task> for each of `tasks`.
    Raises UserError where the directory cannot be written or holds something else.
    """

    def __init__(self, path: Path, tasks: tuple[str, ...]):
        self.path = path
        self.changed = ""
        self.columns = (*RESULT_COLUMNS, *(f"test_{task}" for task in tasks))
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / ".writable").write_text("")
            (path / ".writable").unlink()
        except OSError as error:
            raise UserError(f"cannot write to {path}: {error.strerror}; choose another directory with --out") from None

    def held(self) -> contextlib.AbstractContextManager[None]:
        """Keeps other processes out. Raises UserError, naming the one that is here."""
        return only_process(self.path)

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def results(self) -> Path:
        return self.path / "results.csv"

    @property
    def history(self) -> Path:
        return self.path / "history.csv"

    def claim(self, config_text: str, facts: dict[str, Any], extend: bool = False) -> dict[str, Any]:
        """Saves configuration and facts of a new run, or checks them against those of the run that is here.

        Returns the facts saved with the run. Raises ConfigError naming what differs. A run by other
        code than this is claimed too, for its results can be read; `check_trainable` refuses to train beside them.
        extend: these are the settings and facts of that run and more, and take the place of its own
        """
        saved = read_run(self.path)
        if saved is None:
            self._write_facts({"format": FORMAT} | facts)
            self.write("config.toml", config_text)
            return facts
        check_same_run(self.path, saved, facts, tomllib.loads(config_text), extend)
        self.changed = changed_code(saved[0], facts)
        if extend:
            self.check_trainable()
            self._write_facts(saved[0] | facts)
            self.write("config.toml", config_text)
        return self.facts()

    def check_trainable(self) -> None:
        """Raise ConfigError where what is trained now would not belong to what the run has already."""
        if self.changed:
            raise ConfigError(
                f"{self.path} was begun by another version or on another device, and is not finished: {self.changed}. "
                "Choose another --out, or go on with what began it"
            )

    def facts(self) -> dict[str, Any]:
        """What run.json holds."""
        return json.loads((self.path / "run.json").read_text(encoding="utf-8"))

    def settle(self, name: str, value: Any) -> Any:
        """What run.json holds under `name`; `value`, from now on, where it holds nothing."""
        if name not in self.facts():
            self.revise(name, value)
        return self.facts()[name]

    def revise(self, name: str, value: Any) -> None:
        """Has run.json hold `value` under `name`."""
        self._write_facts(self.facts() | {name: value})

    def _write_facts(self, facts: dict[str, Any]) -> None:
        """Write run.json, sorted: its bytes do not depend on the order in which a run came by its facts."""
        self.write("run.json", json.dumps(dict(sorted(facts.items())), indent=2) + "\n")

    def write(self, name: str, content: str | bytes) -> None:
        """Writes a whole file, atomically."""
        write_whole(self.path / name, content.encode() if isinstance(content, str) else content)

    def write_arrays(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        """Writes a .npz file, atomically."""
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        self.write(name, buffer.getvalue())

    def append_result(self, row: dict[str, str]) -> None:
        """Adds one row to results.csv, which must be there, safely on disk before this returns. Raises UserError."""
        _append(self.results, self.columns, [row])

    def append_history(self, rows: list[dict[str, str]]) -> None:
        """Adds the rows of one replica to history.csv, as `append_result` does."""
        _append(self.history, HISTORY_COLUMNS, rows)

    def read_results(self) -> list[dict[str, str]]:
        """Return the rows of results.csv, the last of each replica.

        A torn last line is left out, and its replica runs again.
        """
        header, *_ = (_whole_records(self.results) if self.results.exists() else []) or [self.columns]
        if tuple(header) != self.columns:
            raise DataError(f"{self.results} has other columns than this run writes; choose another --out")
        rows: dict[tuple, dict[str, str]] = {}
        for row in read_rows(self.results) if self.results.exists() else []:
            rows[row_key(row)] = row
        return list(rows.values())

    def read_history(self) -> dict[tuple[str, ...], list[dict[str, str]]]:
        """Return the whole rows of history.csv of each replica by its `row_key`; {} where the file has other columns.

        Of a replica that was trained more than once, these are the rows of the last time.
        """
        header, *_ = (_whole_records(self.history) if self.history.exists() else []) or [()]
        rows: dict[tuple, list[dict[str, str]]] = {}
        for row in read_rows(self.history) if tuple(header) == HISTORY_COLUMNS else []:
            of_replica = rows.setdefault(row_key(row), [])
            if of_replica and row["step"] == of_replica[0]["step"]:
                of_replica.clear()
            of_replica.append(row)
        return rows

    def write_table(self, name: str, columns: Iterable[str], rows: list[dict[str, str]]) -> None:
        """Writes a whole CSV file, atomically."""
        text = io.StringIO()
        writer = csv.DictWriter(text, tuple(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.write(name, text.getvalue())


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file under a temporary name, safely on disk, and renames it. Raises UserError where that cannot be."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise UserError(f"cannot write {path}: {error.strerror}; mend that and repeat the command") from None


def _append(path: Path, columns: Iterable[str], rows: list[dict[str, str]]) -> None:
    """Adds rows to a CSV file that must be there, safely on disk before this returns. Raises UserError."""
    try:
        # Not "a", which would begin another file where a network's directory has vanished.
        with path.open("r+", newline="", encoding="utf-8") as file:
            file.seek(0, os.SEEK_END)
            csv.DictWriter(file, tuple(columns), lineterminator="\n").writerows(rows)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}; what is there stays. Fix this and run the command again"
        ) from None


def keep_rejected(directory: Path, rejected: tuple[Rejected, ...]) -> Path | None:
    """Write the rejected.csv of a run that ends in an error, and return its path; None where there is nothing to write.

    It is written into the run directory, or beside it where that has another run.
    """
    path = directory / REJECTED
    if (directory / "run.json").exists():
        path = directory.with_name(f"{directory.name}.{REJECTED}")
    if not rejected:
        return None
    try:
        write_whole(path, rejected_text(rejected).encode())
    except UserError:  # the error that ends the run matters more
        return None
    return path


def remove_folder(path: Path) -> None:
    """Removes a folder under another name: a removal that is interrupted leaves nothing that looks like a run."""
    doomed = path.with_name(f".{path.name}.removed")
    shutil.rmtree(doomed, ignore_errors=True)
    path.rename(doomed)
    shutil.rmtree(doomed)


def digest(path: Path) -> str:
    """Of a file's content. Raises UserError where it cannot be read."""
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


def _whole_records(path: Path) -> list[list[str]]:
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return list(csv.reader(io.StringIO(whole, newline="")))


def read_rows(path: Path) -> list[dict[str, str]]:
    """The whole rows of a results.csv: what follows the last line end, or has not all fields, is torn."""
    header, *rows = _whole_records(path) or [[]]
    return [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header)]


def row_key(row: dict[str, str]) -> tuple[str, ...]:
    """What identifies a replica's row."""
    return tuple(row[column] for column in (*CURVE_COLUMNS, "fraction", "seed"))


def code_facts() -> dict[str, Any]:
    """What run.json says of the code that trains: versions, the digest of the sources, settings of JAX."""
    return {"software": software_versions(), "sources": source_digest(), "jax": other_numerics()}


def software_versions() -> dict[str, str]:
    """Versions that results depend on."""
    packages = ("jaxmrl", "jax", "jaxlib", "flax", "optax", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def fits_content(curves: list[Curve], analyses: list[Analysis], length: str) -> list[dict[str, Any]]:
    """The content of fits.json: for each curve its identity and all that is made of it. What is not known is null."""
    return [
        {"curve": curve.identity, "metric": curve.metric, "length": length, "points": len(curve.points)}
        | {"still_improving": [asdict(one) for one in curve.convergence]}
        | content(analysis)
        for curve, analysis in zip(curves, analyses, strict=True)
    ]


def number(value: float, digits: int = 6) -> str:
    """A number as the CSV files show it: six significant digits, or `digits`; nothing for NaN."""
    return "" if math.isnan(value) else f"{value:.{digits}g}"


def curves_of(rows: list[dict[str, str]]) -> list[Curve]:
    """The curves in the rows of results.csv, in order of appearance; diverged replicas do not count."""
    groups: dict[tuple, dict[tuple, list[tuple[float, bool]]]] = {}
    for row in rows:
        points = groups.setdefault((*(row[c] for c in CURVE_COLUMNS), row["metric"]), {})
        runs = points.setdefault((float(row["fraction"]), int(row["n_train"])), [])
        if row["status"] in COUNTED:
            runs.append((float(row["test"]), _is_late(row)))
    return [
        Curve(
            identity=dict(zip(CURVE_COLUMNS, identity, strict=False)),
            metric=identity[-1],
            points=tuple(_point(at, runs) for at, runs in sorted(points.items()) if runs),
        )
        for identity, points in groups.items()
    ]


def _point(at: tuple[float, int], runs: list[tuple[float, bool]]) -> Point:
    return Point(*at, tests=tuple(test for test, _ in runs), late=sum(late for _, late in runs))


def _is_late(row: dict[str, str]) -> bool:
    """Whether a finished replica was still improving at the end of its training."""
    return best_is_late(int(row["best_epoch"]), int(row["epochs"]))


def rows_of(curve: Curve, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows of results.csv that the curve's points are made of, in their order."""
    own = [row for row in rows if row["status"] in COUNTED and curve.identity.items() <= row.items()]
    return sorted(own, key=lambda row: (float(row["fraction"]), int(row["n_train"])))


def distinguishing(identities: list[dict[str, str]]) -> list[str]:
    """Return the columns of curves that it takes to distinguish them: each only where those before it do not."""
    chosen: list[str] = []
    for column in CURVE_COLUMNS:
        apart = len({tuple(one[name] for name in chosen) for one in identities})
        if len({tuple(one[name] for name in (*chosen, column)) for one in identities}) > apart:
            chosen.append(column)
    return chosen


def curve_rows(curve: Curve) -> list[dict[str, str]]:
    """The rows of curves.csv."""
    return [
        {
            **curve.identity,
            "fraction": exact(point.fraction),
            "n_train": str(point.n_train),
            "metric": curve.metric,
            "mean": number(point.mean),
            "sd": number(point.sd),
            "n_seeds": str(point.n_seeds),
        }
        for point in curve.points
    ]


CURVE_FILE_COLUMNS = (*CURVE_COLUMNS, "fraction", "n_train", "metric", "mean", "sd", "n_seeds")
