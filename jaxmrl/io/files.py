"""Files written whole under a temporary name and renamed, or appended to, safely on disk."""

import contextlib
import csv
import hashlib
import io
import math
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from jaxmrl.errors import UserError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, safely to disk, and rename it. Raise UserError if that fails."""
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
        raise UserError(f"cannot write {path}: {error.strerror}; fix this and run the command again") from None


def append_rows(path: Path, columns: Iterable[str], rows: list[dict[str, str]]) -> None:
    """Add rows to a CSV file that must exist, safely on disk before this returns. Raise UserError if that fails."""
    try:
        # Not "a", which would start another file if a network's directory has vanished.
        with path.open("r+", newline="", encoding="utf-8") as file:
            file.seek(0, os.SEEK_END)
            csv.DictWriter(file, tuple(columns), lineterminator="\n").writerows(rows)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}; the existing file is unchanged. Fix this and run the command again"
        ) from None


def remove_folder(path: Path) -> None:
    """Remove a folder under another name: a removal that is interrupted leaves nothing that looks like a run."""
    doomed = path.with_name(f".{path.name}.removed")
    shutil.rmtree(doomed, ignore_errors=True)
    path.rename(doomed)
    shutil.rmtree(doomed)


def digest(path: Path) -> str:
    """Return a digest of a file's content. Raise UserError if it cannot be read."""
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


def whole_records(path: Path) -> list[list[str]]:
    """Return the records of a CSV file up to its last line end; what follows that is torn."""
    whole = path.read_bytes().rpartition(b"\n")[0].decode()  # what is torn may end within a letter
    return list(csv.reader(io.StringIO(whole, newline="")))


def read_table(path: Path) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """Return the columns and the whole rows of a CSV file; neither if it has no whole line.

    A torn row, one after the last line end or with missing fields, is left out.
    """
    header, *rows = whole_records(path) or [[]]
    return tuple(header), [dict(zip(header, row, strict=True)) for row in rows if len(row) == len(header)]


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the whole rows of a CSV file, as `read_table`."""
    return read_table(path)[1]


def number(value: float, digits: int = 6) -> str:
    """Return a number as the CSV files show it: six significant digits, or `digits`; empty for NaN."""
    return "" if math.isnan(value) else f"{value:.{digits}g}"


def label_columns(tasks: tuple[str, ...], taken: set[str]) -> list[str]:
    """Return the tasks' names; a name that a file uses for something else, or NumPy reserves, has a word before it."""
    return [f"label {task}" if task in {*taken, "file"} else task for task in tasks]
