"""A full disk, a directory that is read only: one line, what is done stays, and the same command goes on."""

import os
import re
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.data.corpus import prepare_corpus
from jaxmrl.errors import UserError
from jaxmrl.io import cache as cache_module
from jaxmrl.modalities.graph.modality import GRAPH
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.sweep import run_sweep
from jaxmrl.training import checkpoint
from tests.sweep.test_sweep import SMALL, SMALL_FLAGS

KEPT = ("results.csv", "curves.csv", "fits.json", "splits.npz", "config.toml", "rejected.csv", "curve.svg")


@contextmanager
def full_disk(size):
    """No file of this process can grow beyond `size` bytes: to a program, a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def whole(csv_file, tmp_path_factory):
    """A sweep without interruption: its settings, and its files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(tmp_path_factory.mktemp("cache")))
        settings = partial(SweepConfig, csv=csv_file, target_columns=("logp",), **SMALL)
        result = run_sweep(settings(out=tmp_path_factory.mktemp("run") / "whole"))
    return settings, {name: (result.directory / name).read_bytes() for name in KEPT}


def at_call(monkeypatch, owner, name, number, size):
    """From the `number`-th call of owner.name on, the disk is full beyond `size` bytes."""
    calls, function = [], getattr(owner, name)

    def limited(*arguments, **options):
        calls.append(name)
        if len(calls) < number:
            return function(*arguments, **options)
        with full_disk(size(arguments) if callable(size) else size):
            return function(*arguments, **options)

    monkeypatch.setattr(owner, name, limited)


def goes_on(settings, files, out, monkeypatch):
    """The same command, when there is space again, ends as if there always had been."""
    monkeypatch.undo()
    run_sweep(settings(out=out))
    assert {name: (out / name).read_bytes() for name in files} == files
    assert not [path for path in out.rglob("*") if path.name.startswith(".")]


@pytest.mark.slow
def test_results(whole, tmp_path, cache, monkeypatch):
    settings, files = whole
    out = tmp_path / "run"
    room = lambda arguments: arguments[0].results.stat().st_size + 30
    at_call(monkeypatch, RunDirectory, "append_result", 3, room)
    with pytest.raises(
        UserError, match=r"results\.csv: File too large; the existing file is unchanged.*run the command again"
    ):
        run_sweep(settings(out=out))
    torn = (out / "results.csv").read_text()
    assert torn.count("\n") == 3, "a header and two rows, and a torn one"
    assert not torn.endswith("\n")
    goes_on(settings, files, out, monkeypatch)


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Orbax's threads
def test_checkpoint(whole, tmp_path, cache, monkeypatch):
    settings, files = whole
    out = tmp_path / "run"
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    at_call(monkeypatch, checkpoint, "save", 3, 4000)
    with pytest.raises(UserError, match=r"cannot write a checkpoint.*fix this and run the command again"):
        run_sweep(settings(out=out))
    (folder,) = (out / "checkpoints").glob("*/device-0")
    sound = sorted(path.name for path in folder.iterdir() if path.name.isdigit())
    assert sound == ["00000000", "00000001"], "those before are kept, and no part of the third is one"
    goes_on(settings, files, out, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("call", [1, 3])
def test_other_files(call, whole, tmp_path, cache, monkeypatch):
    """The first is run.json, another splits.npz."""
    settings, files = whole
    out = tmp_path / "run"
    at_call(monkeypatch, RunDirectory, "write", call, 150)
    with pytest.raises(UserError, match=r"cannot write .*: File too large; fix this and run the command again"):
        run_sweep(settings(out=out))
    goes_on(settings, files, out, monkeypatch)


@pytest.mark.slow
def test_the_cache_is_done_without(whole, tmp_path, cache, monkeypatch):
    settings, files = whole
    at_call(monkeypatch, cache_module, "save_arrays", 1, 500)
    run_sweep(settings(out=tmp_path / "run"))
    assert not [path for path in cache.rglob("*") if path.is_file()]
    goes_on(settings, files, tmp_path / "run", monkeypatch)


def test_a_corpus_needs_the_cache_and_says_so(csv_file, cache, monkeypatch):
    with full_disk(500), pytest.raises(UserError, match="File too large; set JAXMRL_CACHE"):
        prepare_corpus(csv_file, None, GRAPH.corpus)
    assert not [path for path in cache.rglob("*") if path.is_file()]
    assert prepare_corpus(csv_file, None, GRAPH.corpus).rows == 162


def test_arrays_that_cannot_be_written_leave_nothing(tmp_path):
    with full_disk(100), pytest.raises(OSError, match="File too large"):
        cache_module.save_arrays(tmp_path / "a.npz", {"a": np.zeros(100)})
    assert not list(tmp_path.iterdir())


@pytest.fixture
def read_only(tmp_path):
    folder = tmp_path / "read only"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("root may write where nobody may; run the tests as another user")
    yield folder
    folder.chmod(0o700)


@pytest.mark.slow
def test_a_directory_that_is_read_only(whole, read_only, cache):
    settings, _ = whole
    for out in (read_only, read_only / "run"):
        with pytest.raises(UserError, match="Permission denied; choose another directory with --out"):
            run_sweep(settings(out=out))


@pytest.mark.slow
def test_a_cache_that_is_read_only(whole, read_only, tmp_path, monkeypatch):
    settings, files = whole
    monkeypatch.setenv("JAXMRL_CACHE", str(read_only))
    run_sweep(settings(out=tmp_path / "run"))
    assert (tmp_path / "run" / "results.csv").read_bytes() == files["results.csv"]


def test_a_table_that_may_not_be_read(read_only, tmp_path, cache):
    (tmp_path / "secret.csv").write_text("smiles,y\nCC,1\n")
    (tmp_path / "secret.csv").chmod(0)
    with pytest.raises(UserError, match=r"cannot read .*Permission denied"):
        run_sweep(SweepConfig(csv=tmp_path / "secret.csv", out=tmp_path / "run"))


LIMITED = """
import resource, runpy, sys
if sys.argv[1] != "none":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
del sys.argv[1]
runpy.run_module("jaxmrl.sweep", run_name="__main__", alter_sys=True)
"""


FEW_SIZES = ("100", "2000", "10000", "none")
MANY_SIZES = ("100", "500", "800", "1000", "2000", "5000", "10000", "30000", "none")


@pytest.mark.nightly
@pytest.mark.parametrize("sizes", [FEW_SIZES, MANY_SIZES])
def test_a_disk_that_fills_up_at_any_moment(sizes, whole, csv_file, tmp_path):
    """The whole command, with room for ever larger files, on one directory and one cache."""
    _, files = whole
    out = tmp_path / "run"
    flags = ["--csv", str(csv_file), "--target-columns", "logp", *SMALL_FLAGS, "--out", str(out)]
    # One device, with which it chooses as many lanes as `whole`.
    environment = os.environ | {"JAXMRL_CACHE": str(tmp_path / "cache"), "JAX_NUM_CPU_DEVICES": "1"}
    for size in sizes:
        words = [sys.executable, "-c", LIMITED, size, *flags]
        ended = subprocess.run(words, capture_output=True, text=True, env=environment)
        if size == "none":
            assert (ended.returncode, ended.stderr) == (0, "")
        else:
            assert ended.returncode == 2, (size, ended.stderr)
            assert re.fullmatch(r"error: cannot write .*File too large.*\n", ended.stderr), ended.stderr
    assert {name: (out / name).read_bytes() for name in files} == files
    assert not list((tmp_path / "cache").rglob("*.tmp"))


@pytest.mark.nightly
def test_half_a_compiled_program_is_cleared_away(csv_file, tmp_path):
    words = [sys.executable, "-m", "jaxmrl.sweep", "--csv", str(csv_file), "--target-columns", "logp", *SMALL_FLAGS]
    environment = os.environ | {"JAXMRL_CACHE": str(tmp_path / "cache"), "JAX_NUM_CPU_DEVICES": "1"}
    for out in ("one", "two", "three"):
        ended = subprocess.run([*words, "--out", str(tmp_path / out)], capture_output=True, text=True, env=environment)
        assert (ended.returncode, ended.stderr) == (0, "")
        entries = sorted((tmp_path / "cache" / "compiled").rglob("*-cache"))
        assert entries
        assert all(entry.stat().st_size > 50 for entry in entries)
        if out == "one":
            for entry in entries:
                entry.write_bytes(entry.read_bytes()[:20])


def test_what_killed_processes_left_half_written_is_removed_after_a_day(tmp_path):
    old, new = tmp_path / "tmpold.tmp", tmp_path / "tmpnew.tmp"
    for path, days in ((old, 2), (new, 0)):
        path.write_text("half")
        os.utime(path, (path.stat().st_mtime - 86_400 * days,) * 2)
    with cache_module.replacing(tmp_path / "whole.npz") as file:
        file.write(b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tmpnew.tmp", "whole.npz"]


@pytest.mark.parametrize(
    "seconds", [pytest.param(0.0, marks=pytest.mark.nightly), pytest.param(30.0, marks=pytest.mark.slow)]
)
def test_a_directory_that_vanishes(seconds, whole, tmp_path, cache, monkeypatch):
    """As a network's may: whether or not a checkpoint is due, the command ends in a line, and repeated it goes on."""
    settings, files = whole
    out, append = tmp_path / "run", RunDirectory.append_result

    def vanishing(run, row):
        append(run, row)
        if len(run.read_results()) == 2:
            shutil.rmtree(out)

    monkeypatch.setattr(RunDirectory, "append_result", vanishing)
    monkeypatch.setattr(checkpoint, "SECONDS", seconds)
    with pytest.raises(UserError, match=r"cannot write .*; .*run the command again"):
        run_sweep(settings(out=out))
    shutil.rmtree(out, ignore_errors=True)
    goes_on(settings, files, out, monkeypatch)
