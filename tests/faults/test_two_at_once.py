"""Two processes on one directory, and on one cache."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from jaxmrl.config import PretrainConfig, ScoreConfig, SweepConfig
from jaxmrl.errors import UserError
from jaxmrl.io.lock import NAME, only_process
from jaxmrl.pretrain import pretrain_encoder
from jaxmrl.score import score_molecules
from jaxmrl.sweep import run_sweep

HOLD = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from jaxmrl.io.lock import only_process
    with only_process(Path(sys.argv[1])):
        print("held", flush=True)
        time.sleep(300)
    """
)
TINY = {"epochs": 1, "width": 8, "depth": 2, "batch_size": 32}
TINY_FLAGS = tuple(
    "--model gin --fractions 0.5 1.0 --seeds 2 --epochs 40 --width 8 --depth 2 --batch-size 32 --baselines none".split()
)


@pytest.fixture
def holder():
    """hold(folder) -> another process that holds it."""
    held = []

    def hold(folder):
        folder.mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
        held.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in held:
        process.kill()
        process.communicate()


def test_the_second_is_told_who_holds_it_and_a_dead_process_holds_nothing(holder, tmp_path):
    process = holder(tmp_path / "run")
    with pytest.raises(UserError, match=rf"run is in use by process {process.pid} on .*another --out"):  # noqa: SIM117
        with only_process(tmp_path / "run"):
            pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / "run" / NAME).exists(), "its file is left, its lock is not"
    with only_process(tmp_path / "run"):
        pass
    assert not list((tmp_path / "run").iterdir())


def test_one_call_at_a_time_in_one_process_too(tmp_path):
    with only_process(tmp_path), pytest.raises(UserError, match=f"process {os.getpid()} "), only_process(tmp_path):
        pass
    with only_process(tmp_path):
        pass


def test_every_command_that_writes_a_directory_takes_it(holder, csv_file, tmp_path, cache):
    data = {"csv": csv_file, "target_columns": ("logp",)}
    holder(tmp_path / "run")
    holder(tmp_path / "scores.csv.unfinished")
    holder(tmp_path / "pretrained")
    before = {path for path in tmp_path.rglob("*") if "cache" not in path.parts}
    with pytest.raises(UserError, match="run is in use by process"):
        run_sweep(SweepConfig(**data, **TINY, seeds=1, fractions=(1.0,), out=tmp_path / "run"))
    with pytest.raises(UserError, match=r"scores\.csv\.unfinished is in use by process"):
        score_molecules(ScoreConfig(**data, **TINY, seeds=1, methods=("random",), out=tmp_path / "scores.csv"))
    with pytest.raises(UserError, match="pretrained is in use by process"):
        pretrain_encoder(PretrainConfig(csv=csv_file, **TINY, out=tmp_path / "pretrained"))
    assert {path for path in tmp_path.rglob("*") if "cache" not in path.parts} == before


def command(arguments, cache):
    words = [sys.executable, "-m", "jaxmrl.sweep", *map(str, arguments)]
    environment = os.environ | {"JAXMRL_CACHE": str(cache)}
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.nightly
def test_two_sweeps_on_one_directory_and_one_cache(csv_file, tmp_path):
    """On one directory, one goes through and the other ends with a line; on one cache both do, to the same bytes."""
    data = ["--csv", csv_file, "--target-columns", "logp", *TINY_FLAGS]
    outs = ("one", "one", "two", "three")
    started = [command([*data, "--out", tmp_path / out], tmp_path / "cache") for out in outs]
    ended = [(*process.communicate(timeout=500), process.returncode) for process in started]
    assert sorted(code for *_, code in ended[:2]) == [0, 2]
    loser = next(errors for _, errors, code in ended[:2] if code == 2)
    assert "is in use by process" in loser
    assert loser.count("\n") == 1
    assert [code for *_, code in ended[2:]] == [0, 0], [errors for _, errors, _ in ended]
    results = [(tmp_path / out / "results.csv").read_bytes() for out in ("one", "two", "three")]
    assert results[0] == results[1] == results[2]
    assert not list((tmp_path / "cache").rglob("*.tmp"))


PREPARE = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from jaxmrl.data import corpus
    from jaxmrl.data.parsing import prepare
    from jaxmrl.data.table import read_table
    from jaxmrl.modalities.graph.modality import GRAPH
    corpus.SHARD_ROWS = 20
    path = Path(sys.argv[1])
    while not (path.parent / "go").exists():
        time.sleep(0.001)
    prepared = prepare(read_table(path, target_columns=("logp",)))
    found = corpus.prepare_corpus(path, None, GRAPH.corpus)
    print(prepared.canonical.tolist(), [one.tolist() for one in found.train], found.digest)
    """
)


@pytest.mark.slow
def test_processes_that_prepare_the_same_data_at_once(csv_file, tmp_path, cache):
    path = tmp_path / "t.csv"
    path.write_bytes(csv_file.read_bytes())
    words = [sys.executable, "-c", PREPARE, str(path)]
    processes = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    time.sleep(1.5)
    (tmp_path / "go").touch()
    ended = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, ended
    assert len({output for output, _ in ended}) == 1
    files = [one for one in Path(cache).rglob("*") if one.is_file()]
    assert len(files) == 1 + 9 + 1, "the graphs, the shards, and how many there are"
