"""Molecules a second that become graphs, fingerprints, scaffolds and tokens, against RDKit's own time.

    python -m benchmarks.prepare [--dataset hiv] [--molecules N] [--rounds 3] [--out FILE.json]

Each measurement has a process of its own, and an empty cache, into which it writes as a sweep does; with all cores, the
start of the worker processes is counted. RDKit's floor is a plain loop in one process over what the feature cannot do
without: graphs need molecules parsed and written as canonical SMILES, to find the same molecule twice.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.machine import cores, facts, in_own_process, peaks, print_table, summary, timed, write
from jaxmrl.chem.scaffolds import scaffolds
from jaxmrl.data.datasets import load_dataset
from jaxmrl.data.parsing import prepare
from jaxmrl.data.table import Table
from jaxmrl.modalities.fingerprint.features import morgan_fingerprints
from jaxmrl.modalities.graph import features as graphs
from jaxmrl.modalities.smiles import features as tokens

RADIUS, BITS = 2, 1024
FLOORS = {"graphs": ("parse", "write"), "fingerprints": ("parse", "morgan"), "scaffolds": ("parse", "murcko")}
"""What of RDKit a feature cannot do without. Tokens need none, and are always made in one process."""


def as_table(smiles: list[str]) -> Table:
    """Molecules with a label of 0."""
    rows = np.arange(len(smiles))
    return Table(rows, rows + 2, smiles, np.zeros((len(smiles), 1), np.float32), ("label",), "regression", len(smiles))


def make_tokens(smiles: list[str]) -> tokens.Tokens:
    return tokens.encode([[text] for text in smiles], tokens.build_vocabulary(smiles))


FEATURES: dict[str, Callable] = {
    "graphs": lambda smiles: prepare(as_table(smiles)),
    "fingerprints": lambda smiles: morgan_fingerprints(smiles, RADIUS, BITS, False),
    "scaffolds": scaffolds,
    "tokens": make_tokens,
}


def rdkit_seconds(smiles: list[str]) -> dict[str, float]:
    """Of RDKit's own work on all molecules, each step by itself."""
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdFingerprintGenerator
    from rdkit.Chem.Scaffolds import MurckoScaffold

    molecules = []
    fingerprint = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS).GetFingerprintAsNumPy
    scaffold = MurckoScaffold.MurckoScaffoldSmiles
    with rdBase.BlockLogs():
        return {
            "parse": timed(lambda: molecules.extend(map(Chem.MolFromSmiles, smiles))),
            "write": timed(lambda: [Chem.MolToSmiles(molecule) for molecule in molecules]),
            "morgan": timed(lambda: [fingerprint(molecule) for molecule in molecules]),
            "murcko": timed(lambda: [scaffold(mol=molecule, includeChirality=True) for molecule in molecules]),
        }


def stage(name: str, path: Path) -> dict:
    """Seconds and peaks of one feature, or of RDKit's steps, in this process."""
    smiles = path.read_text().split("\n")
    graphs.featurize(smiles[:10])  # RDKit is loaded before the clock runs
    times = rdkit_seconds(smiles) if name == "rdkit" else {"seconds": timed(lambda: FEATURES[name](smiles))}
    return times | peaks()


def measure(smiles: list[str], rounds: int) -> tuple[dict, list[dict]]:
    """RDKit's seconds for each step, and a row for each feature and number of processes; medians of rounds."""
    counts = {name: (1,) if name == "tokens" or cores() == 1 else (1, cores()) for name in FEATURES}
    plan = [("rdkit", 1), *((name, processes) for name in FEATURES for processes in counts[name])]
    found = {one: [] for one in plan}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "smiles.txt")
        path.write_text("\n".join(smiles))
        for k in range(rounds):
            for name, processes in plan:
                room = {"JAXMRL_CACHE": f"{folder}/{k}-{processes}", "LOKY_MAX_CPU_COUNT": str(processes)}
                found[name, processes].append(in_own_process("prepare", "--stage", name, str(path), **room))
    alone = found.pop(("rdkit", 1))
    steps = {step: summary([one[step] for one in alone]) for needed in FLOORS.values() for step in needed}
    return steps, [row(*one, stages, alone, len(smiles)) for one, stages in found.items()]


def row(name: str, processes: int, stages: list[dict], alone: list[dict], molecules: int) -> dict:
    """Molecules a second, in all and on each core, and the share of the floor's speed on one."""
    seconds = [one["seconds"] for one in stages]
    speeds = summary([molecules / one for one in seconds])
    found = {"feature": name, "processes": processes, "speed": speeds, "per_core": speeds["median"] / processes}
    if name in FLOORS:
        floors = [sum(one[step] for step in FLOORS[name]) for one in alone]
        shares = summary([floor / one / processes for floor, one in zip(floors, seconds, strict=True)])
        found |= {"floor": summary([molecules / floor for floor in floors]), "share_of_floor": shares}
    return found | {peak: max(one[peak] for one in stages) for peak in ("peak_gib", "peak_gib_of_workers")}


def show(steps: dict, rows: list[dict], molecules: int) -> None:
    heads = ("feature", "processes", "a second", "per core", "RDKit alone", "share", "GiB", "GiB of a worker")
    cells = []
    for r in rows:
        floor = f"{r['floor']['median']:,.0f}" if "floor" in r else "-"
        share = f"{r['share_of_floor']['median']:.0%}" if "floor" in r else "-"
        speeds = f"{r['speed']['median']:,.0f}", f"{r['per_core']:,.0f}", floor, share
        memory = f"{r['peak_gib']:.2f}", f"{r['peak_gib_of_workers']:.2f}"
        cells.append((r["feature"], str(r["processes"]), *speeds, *memory))
    print_table(f"{molecules:,} molecules; median of rounds", heads, cells)
    told = (f"{step} {1e6 * seconds['median'] / molecules:.0f}" for step, seconds in steps.items())
    print(f"RDKit's microseconds a molecule: {', '.join(told)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="hiv")
    parser.add_argument("--molecules", type=int, help="the first so many; default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--stage", nargs=2, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.stage:
        print(json.dumps(stage(flags.stage[0], Path(flags.stage[1]))))
        return
    smiles = prepare(load_dataset(flags.dataset)).table.smiles[: flags.molecules]
    steps, rows = measure(smiles, flags.rounds)
    show(steps, rows, len(smiles))
    settings = {"dataset": flags.dataset, "molecules": len(smiles), "rounds": flags.rounds}
    write(flags.out, facts("prepare") | settings | {"rdkit_seconds": steps, "rows": rows})


if __name__ == "__main__":
    main()
