"""Memory of pre-training on molecules without end: prepares synthetic tables and trains an epoch on each.

    python -m benchmarks.pretraining_memory [--rows 100000 1000000] [--width 64] [--depth 3] [--json FILE]

A row is two of the embedded `nci` molecules side by side, each pair another. Each table is prepared in one process and
trained on in a second, for a process tells the most memory it ever held. Linux only.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import facts, in_own_process, peaks, write
from jaxmrl.data.corpus import SHARD_ROWS, prepare_corpus
from jaxmrl.data.datasets import load_dataset
from jaxmrl.modalities.graph.modality import GRAPH

STAGES = ("prepare", "train")


def write_table(path: Path, rows: int) -> None:
    """A CSV file of so many rows."""
    molecules = load_dataset("nci").smiles
    first, second = np.divmod(np.random.default_rng(0).choice(len(molecules) ** 2, rows, replace=False), len(molecules))
    with path.open("w") as file:
        file.write("smiles\n")
        file.writelines(f"{molecules[a]}.{molecules[b]}\n" for a, b in zip(first, second, strict=True))


def stage(name: str, path: Path, width: int, depth: int) -> dict:
    """What one stage took, in this process."""
    started = time.perf_counter()
    corpus = prepare_corpus(path, None, GRAPH.corpus)
    molecules = sum(map(len, corpus.train))
    if name == "train":
        from jaxmrl.training.autoencoder import AutoencoderSpec
        from jaxmrl.training.pretraining import Pretext, Pretraining

        opened = time.perf_counter() - started
        started = time.perf_counter()
        work = Pretraining(Pretext(AutoencoderSpec("gin", width, depth, 0.0, "float32"), 0.15, 1e-3), corpus, 256, 1, 0)
        work.run(lambda epoch: None, lambda steps: None, lambda work: None)
    return {
        "molecules": molecules,
        "rejected": corpus.rejected,
        "shards": len(corpus.shards),
        "atoms_of_largest_shard": corpus.shapes["atom"][0],
        "seconds": time.perf_counter() - started,
        **({"seconds_to_open": opened} if name == "train" else {}),
        **peaks(),
    }


def measure(rows: int, width: int, depth: int) -> dict:
    """Both stages of a table of so many rows, each in a process of its own."""
    found = {"rows": rows}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "molecules.csv"
        write_table(path, rows)
        sizes, cache = ("--width", str(width), "--depth", str(depth)), str(Path(folder) / "cache")
        for name in STAGES:
            found[name] = in_own_process("pretraining_memory", "--stage", name, str(path), *sizes, JAXMRL_CACHE=cache)
        found["cache_bytes"] = sum(file.stat().st_size for file in Path(folder, "cache").rglob("*.npz"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--stage", nargs=2, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.stage:
        print(json.dumps(stage(flags.stage[0], Path(flags.stage[1]), flags.width, flags.depth)))
        return
    tables = []
    for rows in flags.rows:
        tables.append(measure(rows, flags.width, flags.depth))
        for name in STAGES:
            part = tables[-1][name]
            workers = f", workers {part['peak_gib_of_workers']:.2f} GiB each" if name == "prepare" else ""
            print(f"{rows:,} rows, {name}: {part['seconds']:.0f} s, {part['peak_gib']:.2f} GiB{workers}")
    sizes = {"shard_rows": SHARD_ROWS, "width": flags.width, "depth": flags.depth}
    write(flags.json, facts("pretraining_memory") | sizes | {"tables": tables})


if __name__ == "__main__":
    main()
