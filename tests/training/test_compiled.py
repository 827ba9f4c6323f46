"""Compiled programs are kept on disk, and found there by the next process."""

import os
import subprocess
import sys

import jax
import pytest

from jaxmrl.training import compiled

COUNTED = """
import sys
from collections import Counter

import jax

events = Counter()
jax.monitoring.register_event_listener(lambda event, **_: events.update([event.rpartition("/")[2]]))
sys.argv = ["sweep", *sys.argv[1:]]
from jaxmrl.cli.commands import sweep_command

sweep_command()
print("COUNTED", events["cache_hits"], events["cache_misses"])
"""


def sweep(csv_file, folder, out):
    arguments = ["--csv", str(csv_file), "--target-columns", "logp", "--width", "8", "--depth", "2", "--seeds", "1"]
    arguments += ["--fractions", "0.5", "--epochs", "1", "--batch-size", "32", "--out", str(folder / out)]
    environment = os.environ | {"JAXMRL_CACHE": str(folder / "cache")}
    for name in ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"):
        environment.pop(name, None)
    words = [sys.executable, "-c", COUNTED, *arguments]
    ended = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    return [int(word) for word in ended.stdout.rpartition("COUNTED")[2].split()]


@pytest.mark.nightly
def test_a_second_run_compiles_nothing_and_finds_the_same(csv_file, tmp_path):
    hits, misses = sweep(csv_file, tmp_path, "one")
    assert misses > 5 > hits
    hits, misses = sweep(csv_file, tmp_path, "two")
    assert misses == 0
    assert hits > 5
    results = [(tmp_path / out / "results.csv").read_bytes() for out in ("one", "two")]
    assert results[0] == results[1]


@pytest.mark.nightly
def test_without_a_cache_that_can_be_written_it_runs(csv_file, tmp_path):
    (tmp_path / "cache").write_text("a file, no folder")
    hits, misses = sweep(csv_file, tmp_path, "one")
    assert hits == misses == 0


def test_an_option_that_this_jax_does_not_know_is_left_out(monkeypatch):
    looked_up = compiled.compiler_options.__wrapped__
    known = {"xla_cpu_enable_fast_math": False}
    monkeypatch.setattr(compiled, "CPU_OPTIONS", known)
    assert looked_up() == known
    monkeypatch.setattr(compiled, "CPU_OPTIONS", {"xla_no_such_option": ""})
    assert looked_up() is None


def test_a_program_is_compiled_with_the_options(monkeypatch):
    monkeypatch.setattr(compiled, "compiler_options", lambda: {"xla_no_such_option": ""})
    with pytest.raises(jax.errors.JaxRuntimeError, match="xla_no_such_option"):
        compiled.program()(lambda: jax.numpy.zeros(1))()


@pytest.mark.parametrize("decorator", [compiled.program, compiled.small_program])
def test_a_function_keeps_few_programs_in_memory(decorator, monkeypatch):
    monkeypatch.setattr(compiled, "_JITTED", [])
    double = decorator()(lambda x: 2 * x)
    for size in range(1, compiled.MOST_SHAPES + 1):
        double(jax.numpy.ones(size))
    compiled.release_programs()
    assert double._cache_size() == compiled.MOST_SHAPES
    double(jax.numpy.ones(compiled.MOST_SHAPES + 1))
    compiled.release_programs()
    assert double._cache_size() == 0
    assert double(jax.numpy.ones(3)).tolist() == [2, 2, 2]
