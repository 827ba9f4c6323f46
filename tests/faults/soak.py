"""A long queue of small replicas, watched: memory, open files, size of the log, and whether the time left was true.

    python -m tests.faults.soak FOLDER [--minutes 60] [--seeds 40000] [--model gin] [--tracker NAME]

Ends with the queue, or after so many minutes by SIGTERM. FOLDER gets the run, its log, soak.json and soak.png. Linux
only.
"""

import argparse
import csv
import json
import math
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from jaxmrl.cli.commands import STOPPED
from jaxmrl.data.datasets import load_dataset
from jaxmrl.runs.directory import software_versions

FRACTIONS = ("0.1", "0.15", "0.2", "0.25", "0.3", "0.35", "0.4", "0.45", "0.5", "0.6")
FLAGS = (
    "--target-columns",
    "logp",
    *"--baselines none --split-seeds 1 --epochs 4 --width 8 --depth 1 --lanes 4 --fractions".split(),
    *FRACTIONS,
)
SECONDS = 10.0
"""Between samples."""

_LEFT = re.compile(r"about ([\d.]+) (s|min|h) left")
_SECONDS = {"s": 1, "min": 60, "h": 3600}


@dataclass(frozen=True)
class Sample:
    """Of a process: seconds since it began, MiB resident, open files, threads, bytes of log, seconds it says remain."""

    seconds: float
    mib: float
    files: int
    threads: int
    log: int
    left: float | None


def write_table(path: Path, rows: int = 160) -> None:
    """A table of molecules."""
    table = load_dataset("nci")
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["smiles", "logp"], *zip(table.smiles[:rows], table.labels[:rows, 0], strict=True)])


def soak(
    folder: Path, seeds: int, every: float, most: float = math.inf, more: tuple[str, ...] = ("--model", "gin")
) -> tuple[list[Sample], float | None]:
    """Sweeps in `folder`, with ten replicas a seed, looked at every so many seconds.

    Returns the samples, and how many seconds the process took to end where it was asked to, after `most` seconds.
    Raises CalledProcessError where it ends otherwise. more: further words of the command.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "table.csv")
    log = folder / "log.txt"
    words = [sys.executable, "-m", "jaxmrl.sweep", "--csv", "table.csv", *FLAGS, *more]
    words += ["--seeds", str(seeds), "--out", "run"]
    started, samples = time.monotonic(), []
    with log.open("w") as file, subprocess.Popen(words, cwd=folder, stdout=file, stderr=file) as process:
        while process.poll() is None:
            samples.append(sample(process.pid, log, time.monotonic() - started))
            time.sleep(every)
            if samples[-1] and samples[-1].seconds > most:
                break
        asked = time.monotonic()
        if process.poll() is None:
            process.terminate()
            expected = STOPPED
        else:
            expected = 0
        if process.wait() != expected:
            raise subprocess.CalledProcessError(process.returncode, words, log.read_text())
    return [one for one in samples if one], time.monotonic() - asked if expected else None


def sample(pid: int, log: Path, seconds: float) -> Sample | None:
    """The process as it is; None where it has ended."""
    said = _LEFT.findall(log.read_text())
    left = float(said[-1][0]) * _SECONDS[said[-1][1]] if said else None
    folder = Path("/proc", str(pid))
    try:
        files, threads = (len(os.listdir(folder / kind)) for kind in ("fd", "task"))
        pages = int((folder / "statm").read_text().split()[1])
    except OSError:
        return None
    return Sample(seconds, pages * os.sysconf("SC_PAGE_SIZE") / 2**20, files, threads, log.stat().st_size, left)


def steepness(samples: list[Sample]) -> float:
    """MiB an hour that resident memory grows by, in the later two thirds: a line through them."""
    later = samples[len(samples) // 3 :]
    return 3600 * float(np.polyfit([one.seconds for one in later], [one.mib for one in later], 1)[0])


def draw(samples: list[Sample], path: Path) -> None:
    """Memory, open files and the forecast end against time."""
    minutes = [one.seconds / 60 for one in samples]
    figure = Figure(figsize=(7, 7), layout="constrained")
    axes = figure.subplots(3, 1, sharex=True)
    ends = [(one.seconds + one.left) / 60 if one.left is not None else np.nan for one in samples]
    series = {
        "resident, MiB": [one.mib for one in samples],
        "open files": [one.files for one in samples],
        "forecast end, min": ends,
    }
    for axis, (label, values) in zip(axes, series.items(), strict=True):
        axis.plot(minutes, values)
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
    axes[-1].axhline(minutes[-1], color="0.6", linestyle="--")
    axes[-1].set_xlabel("minutes")
    figure.savefig(path, dpi=120)


def main() -> None:
    """Soaks, and writes what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seeds", type=int, default=40_000)
    parser.add_argument("--model", default="gin")
    parser.add_argument("--tracker")
    options = parser.parse_args()
    more = ("--model", options.model, *(("--tracker", options.tracker) if options.tracker else ()))
    samples, stopping = soak(options.folder, options.seeds, SECONDS, 60 * options.minutes, more)
    length = f"--minutes {options.minutes:g} --seeds {options.seeds}"
    found = {
        "command": f"python -m tests.faults.soak FOLDER {length} {' '.join(more)}",
        "versions": software_versions(),
        "replicas_done": (options.folder / "run" / "results.csv").read_text().count("\n") - 1,
        "seconds_to_stop": stopping,
        "mib_an_hour": steepness(samples),
        "samples": [asdict(one) for one in samples],
    }
    (options.folder / "soak.json").write_text(json.dumps(found, indent=1) + "\n")
    draw(samples, options.folder / "soak.png")
    print(f"{samples[-1].seconds / 60:.1f} min, {found['mib_an_hour']:+.1f} MiB an hour, log {samples[-1].log:,} bytes")


if __name__ == "__main__":
    main()
