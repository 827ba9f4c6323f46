"""How long does it take, and how much memory, to read, standardize, cluster and split a table of 400,000 rows?

    python -m benchmarks.large_table [--rows 400000] [--out FILE.json]

The table is generated: series of molecules that share a core, one in ten of them a hydrochloride. It is read,
standardized to parents, merged by molecule, featurized, clustered and split as a sweep would, with its progress shown.
Seconds are measured by the wall and on the processors, because other programs may use the machine, too; those on the
processors include the worker processes.
"""

import argparse
import json
import resource
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from joblib.externals.loky import get_reusable_executor
from rdkit import Chem, rdBase

import jaxmrl.data.featurization
import jaxmrl.data.loading
import jaxmrl.data.split_kinds
from benchmarks.engines import clocked
from benchmarks.machine import facts, in_own_process, peaks, write
from jaxmrl.config import SweepConfig
from jaxmrl.data.datasets import load_dataset
from jaxmrl.data.loading import load_problem
from jaxmrl.reports.terminal import Reporter

CORES, SALTS = 300, 0.1
STAGES = (
    (jaxmrl.data.featurization, ("find_parents",)),
    (
        jaxmrl.data.loading,
        ("read_table", "parse_smiles", "deduplicate", "similarity_prints", "scaffolds", "featurize_table"),
    ),
    (jaxmrl.data.split_kinds, ("find_clusters", "group_splits")),
)


def write_generated(path: Path, rows: int) -> None:
    """Write a CSV file of amides of NCI's molecules, each pair of a core and a substituent another, with a number."""
    smiles = load_dataset("nci").smiles
    with rdBase.BlockLogs():
        cores = [text for text in smiles if "." not in text and Chem.MolFromSmiles(f"{text}N")][:CORES]
        others = [text for text in smiles if "." not in text and Chem.MolFromSmiles(f"O=C{text}")]
    rng = np.random.default_rng(0)
    pairs = rng.choice(len(cores) * len(others), rows, replace=False)
    with path.open("w") as file:
        file.write("smiles,activity\n")
        for pair, label, salt in zip(pairs.tolist(), rng.normal(6, 1, rows), rng.random(rows) < SALTS, strict=True):
            core, other = divmod(pair, len(others))
            file.write(f"{cores[core]}NC(=O){others[other]}{'.Cl' if salt else ''},{label:.2f}\n")


def stage(path: Path) -> dict:
    """Return seconds and peaks of the preparation, in this process."""
    config = SweepConfig(
        csv=path,
        standardize="parent",
        deduplicate="mean",
        split=("cluster",),
        modality=("fingerprint",),
        baselines=("none",),
    )
    started = time.perf_counter()
    with ExitStack() as stack:
        spent = [stack.enter_context(clocked(module, *names)) for module, names in STAGES]
        problem = load_problem(config, Reporter())
    found = {"seconds": time.perf_counter() - started} | peaks()
    found["processor_seconds"] = processor_seconds()
    for one in spent:
        found |= one
    found["parse_smiles"] -= found["find_parents"]  # which it calls
    return found | {"molecules": len(problem.table)}


def processor_seconds() -> float:
    """Seconds of processor time that this process and its workers have used so far; it ends the workers."""
    get_reusable_executor().shutdown(wait=True)  # the time of a process counts once its parent has waited for its end
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--stage", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    if flags.stage:
        print(json.dumps(stage(flags.stage)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "generated.csv")
        write_generated(path, flags.rows)
        found = in_own_process("large_table", "--stage", str(path), JAXMRL_CACHE=str(Path(folder, "cache")))
    for name, value in found.items():
        print(f"{name}: {value:,.2f}")
    write(flags.out, facts("large_table") | {"rows": flags.rows} | found)


if __name__ == "__main__":
    main()
