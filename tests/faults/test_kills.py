"""SIGKILL at any moment: the same command, repeated, ends with the files of an uninterrupted run, and leaves no others.

JAXMRL_KILLS says how many; without it, a few.
"""

import os
import random
import subprocess
import sys

import pytest

KILLS = int(os.environ.get("JAXMRL_KILLS", "10"))
SWEEP = tuple(
    "jaxmrl.sweep --target-columns logp --pruning random el2n --fractions 0.5 1.0 --seeds 2 --score-seeds 1 "
    "--score-epochs 2 --epochs 40 --width 8 --depth 2 --batch-size 32 --lanes 2 --save-predictions".split()
)
SCORE = tuple(
    "jaxmrl.score --target-columns logp --methods el2n grand --seeds 2 --epochs 30 --width 8 --depth 2".split()
)
PRETRAIN = tuple("jaxmrl.pretrain --epochs 30 --width 8 --depth 2 --batch-size 32".split())
COMMANDS = {"sweep": SWEEP, "score": SCORE, "pretrain": PRETRAIN}
UNEQUAL = ("run.json", "curve.png", "pretraining.png", "scores.png", "host.json", "checksums.json")
"""Files that need not be the same to the byte, or that go with bytes that tell the time."""


def words(name, csv_file, out):
    return [sys.executable, "-m", COMMANDS[name][0], "--csv", csv_file, *COMMANDS[name][1:], "--out", out]


def until_done(command, environment, rng, longest):
    """Runs the command, killed after a random time, until one run ends by itself; how often it was killed."""
    kills = 0
    while True:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            _, errors = process.communicate(timeout=rng.uniform(0.2, longest))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            longest *= 1.15
            continue
        assert process.returncode == 0, errors.decode()
        return kills


def files_of(folder):
    """The content of each file below a folder, by its name, but for what may differ."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes() for name, path in found.items() if path.name not in UNEQUAL and "weights" not in name
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_any_moment(name, csv_file, tmp_path):
    rng, kills, rounds = random.Random(KILLS), 0, 0
    out = "scores.csv" if name == "score" else "run"
    whole = tmp_path / "whole"
    whole.mkdir()
    environment = os.environ | {"JAXMRL_CACHE": str(tmp_path / "cache")}
    subprocess.run(words(name, csv_file, whole / out), env=environment, check=True, capture_output=True, timeout=600)
    expected = files_of(whole)
    while kills < KILLS / len(COMMANDS):
        rounds += 1
        torn, cache = tmp_path / f"torn {rounds}", tmp_path / f"cache {rounds}"
        torn.mkdir()
        cold = environment | {"JAXMRL_CACHE": str(cache)}
        kills += until_done(words(name, csv_file, torn / out), cold, rng, longest=8.0)
        found = files_of(torn)
        assert set(found) == set(expected)
        for file, content in expected.items():
            if not file.startswith(("run/models", "run/encoder")):
                assert found[file] == content, file
    print(f"{name}: {kills} kills in {rounds} rounds")
