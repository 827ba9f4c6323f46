"""SIGKILL at any moment: the same command, repeated, ends with the files of an uninterrupted run, and leaves no others.

They kill a sweep at least once with its programs compiled already, and each command more often with them to compile
too; JAXMRL_KILLS says how often in all. A slow test in tests/sweep/test_sweep.py kills a sweep once.
"""

import os
import random
import subprocess
import sys
import time

import pytest

MANY = int(os.environ.get("JAXMRL_KILLS", "12"))
SWEEP = tuple(
    "jaxmrl.sweep --target-columns logp --model gin --pruning random el2n --fractions 0.5 1.0 --seeds 2 "
    "--score-seeds 1 --score-epochs 2 --epochs 40 --width 8 --depth 2 --batch-size 32 --lanes 2 --save-predictions "
    "--baselines svm".split()
)
SCORE = tuple(
    "jaxmrl.score --target-columns logp --model gin --methods el2n grand --seeds 2 "
    "--epochs 30 --width 8 --depth 2".split()
)
VALUE = tuple("jaxmrl.value --target-columns logp --subsets 40 --epochs 4 --trees 50 --width 8 --batch-size 32".split())
PRETRAIN = tuple("jaxmrl.pretrain --epochs 30 --width 8 --depth 2 --batch-size 32".split())
COMMANDS = {"sweep": SWEEP, "score": SCORE, "value": VALUE, "pretrain": PRETRAIN}
UNEQUAL = ("run.json", "curve.png", "pretraining.png", "scores.png", "values.png", "host.json", "checksums.json")
"""Files that name lanes or times."""


def words(name, csv_file, out):
    return [sys.executable, "-m", COMMANDS[name][0], "--csv", csv_file, *COMMANDS[name][1:], "--out", out]


def until_done(command, folder, environment, rng, longest):
    """Runs the command in a folder, killed after a random time up to so many seconds, until a run ends by itself.

    Returns how often it was killed.
    """
    kills = 0
    while True:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            _, errors = process.communicate(timeout=rng.uniform(0.2, longest))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            longest *= 1.15  # the machine may be slower now than it was
            continue
        assert process.returncode == 0, errors.decode()
        return kills


def files_of(folder):
    """The content of each file below a folder, but for what may differ; of arrays only that they are there.

    Orbax gives the files of arrays names at random. What the weights say is in the predictions.
    """
    found = {}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        arrays = name.rpartition("/arrays/")[0]
        found[arrays or name] = None if arrays or path.name in UNEQUAL else path.read_bytes()
    return found


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "many", "compiled"),
    [("sweep", 1, True), *((name, MANY / len(COMMANDS), False) for name in COMMANDS)],
)
def test_killed_at_any_moment(name, many, compiled, csv_file, tmp_path):
    rng, kills, rounds = random.Random(many), 0, 0
    out = {"score": "scores.csv", "value": "values.csv"}.get(name, "run")
    whole = tmp_path / "whole"
    whole.mkdir()
    environment = os.environ | {"JAXMRL_CACHE": str(tmp_path / "cache")}
    if compiled:
        environment |= {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled")}
        environment |= {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    started = time.monotonic()
    subprocess.run(words(name, csv_file, out), cwd=whole, env=environment, check=True, capture_output=True, timeout=600)
    longest = (0.6 if compiled else 1.2) * (time.monotonic() - started)
    expected = files_of(whole)
    while kills < many:
        rounds += 1
        torn, cache = tmp_path / f"torn {rounds}", tmp_path / f"cache {rounds}"
        torn.mkdir()
        cold = environment | {"JAXMRL_CACHE": str(cache)}
        kills += until_done(words(name, csv_file, out), torn, cold, rng, longest)
        found = files_of(torn)
        assert set(found) == set(expected)
        assert [name for name, content in expected.items() if found[name] != content] == []
    print(f"{name}: {kills} kills in {rounds} rounds")
