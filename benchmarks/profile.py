"""Where the time of a training step goes, by the profiler: seconds by what the operations are for.

    python -m benchmarks.profile [--dataset hiv] [--model gin] [--widths 64 128 300] [--out FILE.json]

One lane of a graph model on one device, with the model's own batch size. On a CPU the device is one core with one
thread, which is what each engine of a sweep has while the others work: so every operation's time is its own, and their
sum is the step.
"""

import argparse
import os
import re
import tempfile
from collections import Counter
from pathlib import Path

# Before JAX begins: one thread of XLA's.
os.environ |= {"NPROC": "1", "JAX_NUM_CPU_DEVICES": "1"}
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false"

import jax
import numpy as np

from benchmarks.machine import facts, print_table, timed, write
from benchmarks.throughput import SIZES, bench_engines
from jaxmrl.config import SweepConfig
from jaxmrl.data.loading import load_problem
from jaxmrl.modalities.flat_rows import NO_MOLECULE
from jaxmrl.reports.terminal import Reporter
from jaxmrl.training import programs
from jaxmrl.training.lanes import Engine
from jaxmrl.training.model_spec import model_spec

SCOPES = ("aggregate", "norm", "dropout", "pool", "embed", "gather", "optimizer")
"""Named in the model and the step (`jax.named_scope`); the rest is products of matrices, or other."""

_INSTRUCTION = re.compile(r"\s*(?:ROOT )?%?([\w.\-]+) = (?:\([^=]*\)|\S+) ([\w\-]+)\(")
_INNER = ("while", "conditional", "call")
"""Operations whose time is that of others."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="hiv")
    parser.add_argument("--model", choices=("gin", "dmpnn", "gine"), default="gin")
    parser.add_argument("--widths", type=int, nargs="+", help="default: by the model")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--out", type=Path)
    flags = parser.parse_args()
    config = SweepConfig(dataset=flags.dataset, model=(flags.model,), descriptors="off")
    problem = load_problem(config, Reporter(quiet=True))
    (modality,), batch_size = config.modalities, config.batch_size_of(flags.model)
    widths, depth = SIZES[flags.model]
    rows = []
    for width in flags.widths or widths:
        shape = model_spec(config, problem, modality, flags.model, width, depth)
        engine = bench_engines(problem, shape, 1, batch_size)[0]
        rows.append({"width": width} | profile(engine, flags.steps))
    kinds = sorted({kind for row in rows for kind in row["ms"]}, key=lambda kind: -rows[-1]["ms"].get(kind, 0))
    cells = [
        (str(row["width"]), f"{row['ms_a_step']:.1f}", *(f"{row['ms'].get(kind, 0):.1f}" for kind in kinds))
        for row in rows
    ]
    print_table("milliseconds of a step, and of its operations", ("width", "step", *kinds), cells)
    write(flags.out, facts("profile") | {"model": flags.model, "batch": batch_size, "lanes": 1, "rows": rows})


def profile(engine: Engine, steps: int) -> dict:
    """Milliseconds of a step, and of its operations by what they are for."""
    kinds = kinds_of(compiled_text(engine))
    train = lambda: jax.block_until_ready((engine.train_chunk(steps), engine.lanes))
    train()
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    spent: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, profiler_options=options):
            seconds = timed(train)
        (trace,) = Path(folder).rglob("*.xplane.pb")
        for plane in jax.profiler.ProfileData.from_file(str(trace)).planes:
            for line in plane.lines:
                for event in line.events:
                    if event.name in kinds:
                        spent[kinds[event.name]] += event.duration_ns / 1e6 / steps
    return {"ms_a_step": 1e3 * seconds / steps, "ms": dict(spent.most_common())}


def compiled_text(engine: Engine) -> str:
    """The training program as XLA compiled it."""
    ids = np.full((programs.most_steps(), len(engine.slots), engine.batch_size), NO_MOLECULE, np.int32)
    return programs.train.lower(engine.training_spec, engine.table, engine.lanes, ids, 1).compile().as_text()


def kinds_of(text: str) -> dict[str, str]:
    """What each operation of a compiled program is for, by its name."""
    kinds = {}
    for line in text.splitlines():
        if (found := _INSTRUCTION.match(line)) and not found[2].startswith(_INNER):
            name = re.search(r'op_name="([^"]*)"', line)
            scope = next((scope for scope in SCOPES if name and re.search(rf"\b{scope}\b", name[1])), None)
            kinds[found[1]] = scope or ("products" if found[2] == "dot" else "other")
    return kinds


if __name__ == "__main__":
    main()
