"""The files of a run directory: written whole under a temporary name and renamed, or appended row by row."""

import contextlib
import csv
import io
import json
import platform
import tomllib
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from jaxmrl.errors import ConfigError, UserError
from jaxmrl.io.cache import write_arrays
from jaxmrl.io.files import append_rows, write_whole
from jaxmrl.io.lock import only_process
from jaxmrl.io.records import Rejected, rejected_text
from jaxmrl.rows import HistoryRow, ReplicaKey, ResultRow, Row
from jaxmrl.runs.identity import FORMAT, changed_code, check_same_run, read_run
from jaxmrl.runs.tables import HISTORY, RESULTS, read_history, read_results
from jaxmrl.sources import source_digest
from jaxmrl.training.numerics import other_numerics

REJECTED = "rejected.csv"


class RunDirectory:
    """A run's directory: refuses another configuration, and knows what is already done.

    `columns` are those of its results.csv, which depend on its `tasks`.
    Raises UserError where the directory cannot be written or holds something else.
    """

    def __init__(self, path: Path, tasks: tuple[str, ...]):
        self.path = path
        self.changed = ""
        self.columns = ResultRow.columns(tasks)
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / ".writable").write_text("")
            (path / ".writable").unlink()
        except OSError as error:
            raise UserError(f"cannot write to {path}: {error.strerror}; choose another directory with --out") from None

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Keep other processes out. Raises UserError, naming the one that is here."""
        return only_process(self.path)

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def results(self) -> Path:
        return self.path / RESULTS

    @property
    def history(self) -> Path:
        return self.path / HISTORY

    def create_or_resume(self, config_text: str, metadata: dict[str, Any], extend: bool = False) -> dict[str, Any]:
        """Save settings and metadata of a new run, or check them against those of the run that is here.

        A run by other code is resumed too, because its results can be read; `check_trainable` refuses to train beside
        them.

        Args:
            config_text: The settings as TOML.
            metadata: The content of run.json, without its format.
            extend: Whether these are the settings and metadata of that run and more, and take the place of its own.

        Returns:
            The metadata saved with the run.

        Raises:
            ConfigError: For another run, naming what differs.
        """
        saved = read_run(self.path)
        if saved is None:
            self._write_metadata({"format": FORMAT} | metadata)
            self.write("config.toml", config_text)
            return metadata
        check_same_run(self.path, saved, metadata, tomllib.loads(config_text), extend)
        self.changed = changed_code(saved[0], metadata)
        if extend:
            self._check_extendable()
            self._write_metadata(saved[0] | metadata)
            self.write("config.toml", config_text)
        return self.metadata()

    def check_trainable(self) -> None:
        """Raise ConfigError where what is trained now would not belong to what the run has already."""
        if self.changed:
            raise ConfigError(
                f"{self.path} was started by another version or on another device, and is not finished: "
                f"{self.changed}. Choose another --out, or resume with that version and device"
            )

    def _check_extendable(self) -> None:
        """Raise ConfigError where what is added would be trained by other code than what the run has already."""
        if self.changed:
            raise ConfigError(
                f"--extend cannot add to {self.path}, whose results come from another version or device, because a "
                f"curve would mix both: {self.changed}. Use that version and device, or choose another --out"
            )

    def metadata(self) -> dict[str, Any]:
        """Return the content of run.json."""
        return json.loads((self.path / "run.json").read_text(encoding="utf-8"))

    def metadata_or_set(self, name: str, value: Any) -> Any:
        """Return what run.json has under `name`; where it has nothing, save `value` there first."""
        if name not in self.metadata():
            self.update_metadata(name, value)
        return self.metadata()[name]

    def update_metadata(self, name: str, value: Any) -> None:
        """Save `value` in run.json under `name`."""
        self._write_metadata(self.metadata() | {name: value})

    def _write_metadata(self, metadata: dict[str, Any]) -> None:
        """Write run.json, sorted: its bytes do not depend on the order in which a run came by its metadata."""
        self.write("run.json", json.dumps(dict(sorted(metadata.items())), indent=2) + "\n")

    def write(self, name: str, content: str | bytes) -> None:
        """Write a whole file, atomically."""
        write_whole(self.path / name, content.encode() if isinstance(content, str) else content)

    def write_arrays(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        """Write a .npz file, atomically."""
        buffer = io.BytesIO()
        write_arrays(buffer, arrays)
        self.write(name, buffer.getvalue())

    def append_result(self, row: ResultRow) -> None:
        """Add one row to results.csv, which must exist, safely on disk before this returns. Raise UserError if that
        fails.
        """
        append_rows(self.results, self.columns, [row.cells()])

    def append_history(self, rows: list[HistoryRow]) -> None:
        """Add the rows of one replica to history.csv, as `append_result` does."""
        append_rows(self.history, HistoryRow.columns(), [row.cells() for row in rows])

    def read_results(self) -> list[ResultRow]:
        """Return the rows of results.csv as `tables.read_results`. Raise DataError if it has other columns."""
        return read_results(self.results, self.columns)

    def read_history(self) -> dict[ReplicaKey, list[HistoryRow]]:
        """Return the rows of history.csv of each replica, as `tables.read_history`."""
        return read_history(self.history)

    def write_results(self, rows: Iterable[ResultRow]) -> None:
        """Write results.csv, atomically."""
        self.write_rows(RESULTS, self.columns, rows)

    def write_history(self, rows: Iterable[HistoryRow]) -> None:
        """Write history.csv, atomically."""
        self.write_rows(HISTORY, HistoryRow.columns(), rows)

    def write_rows(self, name: str, columns: Iterable[str], rows: Iterable[Row]) -> None:
        """Write a whole CSV file of typed rows, atomically."""
        self.write_table(name, columns, [row.cells() for row in rows])

    def write_table(self, name: str, columns: Iterable[str], rows: list[dict[str, str]]) -> None:
        """Write a whole CSV file, atomically."""
        text = io.StringIO()
        writer = csv.DictWriter(text, tuple(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.write(name, text.getvalue())


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


def code_metadata() -> dict[str, Any]:
    """Return the metadata of the code that trains: versions, the digest of the sources, settings of JAX."""
    return {"software": software_versions(), "sources": source_digest(), "jax": other_numerics()}


def software_versions() -> dict[str, str]:
    """Return the versions that results depend on."""
    packages = ("jaxmrl", "jax", "jaxlib", "flax", "optax", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
