"""Record what a set of small commands prints and writes, and compare two such recordings byte for byte.

    python -m tests.support.reference record DIR
    python -m tests.support.reference compare DIR OTHER [--renamed NAME=NEW ...]

For changes of the code that should change no behavior: record before and after, and compare. What a run says of time,
memory and sources is left aside, and arrays are compared by their content, for archives carry the time of day.
"""

import argparse
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.support.tables import write_table

TINY = "--epochs 2 --width 8 --depth 2 --lanes 2 --baselines none".split()
SMALL_SWEEP = ["--csv", "mine.csv", "--target-columns", "greasy", "--fractions", "0.4", "1.0", "--seeds", "2", *TINY]

COMMANDS = {
    "sweep": ["sweep", *SMALL_SWEEP, "--out", "sweep", "--save-predictions"],
    "resume": ["sweep", *SMALL_SWEEP, "--out", "sweep", "--save-predictions"],
    "extend": ["sweep", *SMALL_SWEEP, "--out", "sweep", "--save-predictions", "--extend", "--seeds", "3"],
    "modalities": ["sweep", *SMALL_SWEEP, "--modality", "graph", "fingerprint", "--depth", "1", "--out", "modalities"],
    "splits": [
        "sweep",
        "--csv",
        "mine.csv",
        "--target-columns",
        "logp",
        "--fractions",
        "0.3",
        "0.6",
        "1.0",
        "--seeds",
        "2",
        *TINY,
        "--split",
        "random",
        "scaffold",
        "imbalanced",
        "--out",
        "splits",
    ],
    "pruning": [
        "sweep",
        *SMALL_SWEEP,
        "--pruning",
        "random",
        "el2n",
        "kmeans",
        "--score-epochs",
        "2",
        "--out",
        "pruning",
    ],
    "pretrain": ["pretrain", "--csv", "mine.csv", "--width", "8", "--depth", "2", "--epochs", "1", "--out", "encoder"],
    "init": ["sweep", *SMALL_SWEEP, "--init", "none", "encoder", "--out", "init"],
    "score": [
        "score",
        "--csv",
        "mine.csv",
        "--target-columns",
        "greasy",
        "--epochs",
        "2",
        "--seeds",
        "2",
        "--width",
        "8",
        "--depth",
        "2",
        "--out",
        "scores.csv",
    ],
    "scores": ["sweep", *SMALL_SWEEP, "--pruning", "random", "el2n", "--scores", "scores.csv", "--out", "by_scores"],
    "predict": ["predict", "sweep", "--csv", "mine.csv", "--out", "predictions.csv"],
    "fit": ["fit", "splits/results.csv", "--target", "0.5"],
    "fit_json": ["fit", "sweep/results.csv", "--json"],
    "datasets": ["sweep", "--list-datasets"],
    "dry": ["sweep", *SMALL_SWEEP, "--dry-run"],
    "unknown": ["sweep", "--widht", "8"],
}
ASIDE = (
    (rb'"(sources|git|started|seconds)": [^\n]*', b""),
    (rb"(pre-)?training( to score)?: [^\n]*\n", b""),
    (rb"took [0-9][^\n]*", b"took"),
    (rb"[0-9.]+ (s|min|h|MiB|GiB|seconds)\b", b""),
)
"""Patterns of what differs from run to run, and what stands for it."""


def record(folder: Path) -> None:
    """Run every command in the new `folder`; `<name>.out` has its exit code and what it printed."""
    folder.mkdir(parents=True)
    write_table(folder / "mine.csv")
    environment = os.environ | {"COLUMNS": "120", "JAXMRL_CACHE": str(folder.resolve() / ".cache")}
    for name, words in COMMANDS.items():
        command = [sys.executable, "-m", f"jaxmrl.{words[0]}", *words[1:]]
        ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
        content = b"%d\n%s\n%s" % (ended.returncode, ended.stdout, ended.stderr)
        (folder / f"{name}.out").write_bytes(content)
        print(f"{name}: {ended.returncode}", flush=True)


def files_of(folder: Path) -> dict[str, Path]:
    """Return the recorded files by their paths in the folder, but for weights: predictions say that these are equal."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path for name, path in found.items() if not re.search(r"^\.cache/|/arrays/|checksums\.json$", name)}


def content(path: Path, renamed: dict[str, str]) -> bytes:
    """Return the content of a file without what differs from run to run, with new names for the old."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            text = io.BytesIO()
            for name in sorted(arrays):
                text.write(f"{name} {arrays[name].dtype} {arrays[name].shape} ".encode() + arrays[name].tobytes())
            found = text.getvalue()
    else:
        found = path.read_bytes()
        for pattern, replacement in ASIDE:
            found = re.sub(pattern, replacement, found)
    for old, new in renamed.items():
        found = found.replace(old.encode(), new.encode())
    return found


def compare(one: Path, other: Path, renamed: dict[str, str]) -> list[str]:
    """Return the names of files that only one folder has, or whose content differs."""
    here, there = files_of(one), files_of(other)
    differing = [name for name in here if name in there and content(here[name], renamed) != content(there[name], {})]
    return sorted(here.keys() ^ there.keys()) + differing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("action", choices=("record", "compare"))
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--renamed", nargs="*", default=[], help="OLD=NEW: names that changed on purpose")
    flags = parser.parse_args()
    if flags.action == "record":
        record(flags.folders[0])
    else:
        differing = compare(*flags.folders, dict(pair.split("=") for pair in flags.renamed))
        print("\n".join(differing) or f"{len(files_of(flags.folders[0]))} files are the same")
        raise SystemExit(bool(differing))


if __name__ == "__main__":
    main()
