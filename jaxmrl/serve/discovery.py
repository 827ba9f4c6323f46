"""Which runs are shown, and which of their files may be read: ordinary files directly in a run directory."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from jaxmrl.io.cache import text_hash
from jaxmrl.runs.saved_settings import MARKS

SHOWN = (
    *("report.html", "curve.svg", "curve.png", "capacity.svg", "capacity.png"),
    *("joint.svg", "joint.png"),
    *("results.csv", "history.csv", "curves.csv", "fits.json", "comparisons.json", "equivalence.csv"),
    *("pruning.csv", "ensembles.csv", "tuning.csv", "rejected.csv", "config.toml", "run.json"),
)
"""Files of a run that the page links to, in this order. None of them has molecules, except rejected.csv."""


def find_runs(folders: Iterable[Path]) -> dict[str, Path]:
    """Return the runs in folders by an identity that is the same at each call, each once.

    Args:
        folders: Run directories, and folders that contain some. A link in such a folder to a place outside is left out.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        try:
            root = folder.resolve(strict=True)
            inside = sorted(root.iterdir())
        except OSError:  # removed since
            continue
        for path in (root, *inside):
            if not path.is_symlink() and is_run(path):
                found.setdefault(f"{text_hash(str(path)):016x}", path)
    return found


def is_run(folder: Path) -> bool:
    """Return whether a folder is the run directory of a sweep."""
    return all(is_ordinary(folder / name) for name in MARKS)


def is_ordinary(path: Path) -> bool:
    """Return whether there is a file at a path that is no link, no pipe and no device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def read_shown(folder: Path, name: str) -> bytes | None:
    """Return the content of a file of a run; None where it is not one of `SHOWN`, not there, or not an ordinary file.

    Args:
        folder: The run directory.
        name: The name of the file.
    """
    if name not in SHOWN:
        return None
    no_link = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | no_link)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        return file.read() if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
