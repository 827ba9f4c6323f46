"""What the benchmarks share: the machine they ran on, memory, processes of their own, tables. Imports no JAX by itself,
which would count in the memory of processes that need none.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jaxmrl.io.cache import rdkit_version
from jaxmrl.runs.directory import software_versions

LOAD = os.getloadavg()[0]
"""Processes that were running before the benchmark; above 0.5 or so, others took part of the machine."""


def facts(module: str) -> dict[str, Any]:
    """Command, hardware and versions, as every JSON file of a benchmark begins."""
    from jaxmrl.training.capacity import device_name

    return {
        "command": " ".join([f"python -m benchmarks.{module}", *sys.argv[1:]]),
        "hardware": {"device": device_name(), "cores": cores(), "processor": processor(), "load": LOAD},
        "software": software_versions() | {"rdkit": rdkit_version()} | torch_versions(),
    }


def torch_versions() -> dict[str, Any]:
    """PyTorch's version and threads, where it takes part."""
    torch = sys.modules.get("torch")
    return {"torch": torch.__version__, "torch_threads": torch.get_num_threads()} if torch else {}


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def processor() -> str:
    """The processor's name, where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


def write(out: Path | None, content: dict[str, Any]) -> None:
    """Writes the JSON file, where one is asked for."""
    if out:
        out.write_text(json.dumps(content, indent=2) + "\n")


def print_table(title: str, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Rows of cells under their heads, to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    print(title)
    for cells in (heads, *rows):
        print("  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)))


def summary(values: list[float]) -> dict[str, float]:
    """Median and spread."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def timed(function: Callable[[], Any]) -> float:
    """Seconds that it takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def in_own_process(module: str, *words: str, **environment: str) -> dict[str, Any]:
    """What `python -m benchmarks.MODULE WORDS` prints as JSON in its last line: a process tells one peak of memory."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *words]
    ended = subprocess.run(command, check=True, env=os.environ | environment, stdout=subprocess.PIPE, text=True)
    return json.loads(ended.stdout.splitlines()[-1])


def peaks() -> dict[str, float]:
    """GiB that this process and the largest of its children have held so far. Linux only."""
    own, workers = 0, 0
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            values = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            held = int(values.get("VmHWM", "0").split()[0])
            if int(values["Pid"]) == os.getpid():
                own = held
            elif int(values["PPid"]) == os.getpid():
                workers = max(workers, held)
    return {"peak_gib": own / 2**20, "peak_gib_of_workers": workers / 2**20}
