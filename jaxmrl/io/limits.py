"""What the control groups of this process allow on Linux: bytes of memory, and cores.

A limit of any level counts, from the group of this process, such as a step of a Slurm job or a slice of systemd, up to
the root. Both versions of control groups are read.
"""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

import joblib

_ROOT, _OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def memory_limits(root: Path = _ROOT, own: Path = _OWN) -> list[int]:
    """Return the bytes that this process may use by each limit that it has.

    Args:
        root: The folder where control groups are mounted.
        own: The file that names the groups of this process.
    """
    limits = []
    for name in ("memory.max", "memory.limit_in_bytes"):
        for folder in _folders("memory", root, own):
            with contextlib.suppress(OSError, ValueError):  # ValueError: "max", which is no limit
                limits.append(int((folder / name).read_text()))
    return limits


def usable_cores(root: Path = _ROOT, own: Path = _OWN) -> int:
    """Return how many cores this process may use: those of joblib, or fewer where a group above has a smaller quota.

    Args:
        root: The folder where control groups are mounted.
        own: The file that names the groups of this process.
    """
    quotas = []
    for folder in _folders("cpu", root, own):
        with contextlib.suppress(OSError, ValueError):  # ValueError: "max"
            quota, period = (folder / "cpu.max").read_text().split()
            quotas.append(int(quota) / int(period))
        with contextlib.suppress(OSError, ValueError):
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
            quotas.append(int(quota) / int(period))
    return min([joblib.cpu_count(), *(max(1, math.ceil(quota)) for quota in quotas if quota > 0)])


def _folders(controller: str, root: Path, own: Path) -> Iterator[Path]:
    """Yield the folders of the groups that limit this process, those of the roots among them."""
    yield root
    yield root / controller
    with contextlib.suppress(OSError):
        for line in own.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            parts = [part for part in path.split("/") if part and part != ".."]
            if controllers and controller not in controllers.split(","):
                continue
            for mounted in (root / controllers,) if controllers else (root, root / "unified"):
                yield from (mounted.joinpath(*parts[:level]) for level in range(1, len(parts) + 1))
