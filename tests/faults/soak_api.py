"""Sweep and predict many times in one process, as a notebook does, watching memory and open files.

    python -m tests.faults.soak_api FOLDER [--times 200]

FOLDER gets the last run and soak_api.json. Linux only.
"""

import argparse
import gc
import json
import os
import shutil
import time
from dataclasses import asdict
from pathlib import Path

import jaxmrl
from jaxmrl.runs.directory import software_versions
from tests.faults.soak import Sample, sample, write_table


def soak_api(folder: Path, times: int) -> list[Sample]:
    """Return the state of this process after each of so many sweeps, whose models predict the table again."""
    folder.mkdir(parents=True, exist_ok=True)
    table, run, started = folder / "table.csv", folder / "run", time.monotonic()
    write_table(table)
    samples = []
    for _ in range(times):
        shutil.rmtree(run, ignore_errors=True)
        small = {"model": ("gin",), "baselines": ("none",), "epochs": 4, "width": (8,), "depth": (1,), "lanes": 4}
        grid = {"fractions": (0.3, 0.6, 1.0), "seeds": 2, "split_seeds": 1}
        jaxmrl.run_sweep(jaxmrl.SweepConfig(csv=table, target_columns=("logp",), out=run, **small, **grid))
        jaxmrl.predict_molecules(jaxmrl.PredictConfig(run=run, csv=table, out=folder / "predictions.csv"))
        gc.collect()
        found = sample(os.getpid(), table, time.monotonic() - started)
        assert found is not None, "this process lives"
        samples.append(found)
    return samples


def main() -> None:
    """Soaks, and writes what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--times", type=int, default=200)
    options = parser.parse_args()
    samples = soak_api(options.folder, options.times)
    found = {
        "command": f"python -m tests.faults.soak_api FOLDER --times {options.times}",
        "versions": software_versions(),
        "samples": [asdict(one) for one in samples],
    }
    (options.folder / "soak_api.json").write_text(json.dumps(found, indent=1) + "\n")
    tenth, last = samples[len(samples) // 10], samples[-1]
    print(f"{last.seconds / 60:.1f} min; {tenth.mib:.0f} MiB after a tenth, {last.mib:.0f} at the end")


if __name__ == "__main__":
    main()
