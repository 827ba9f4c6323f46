"""Environments in which a command starts all the same, or says in one line why it cannot."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

from jaxmrl import startup
from jaxmrl.config import SweepConfig
from jaxmrl.errors import ConfigError
from jaxmrl.sweep import run_sweep
from jaxmrl.training import capacity
from jaxmrl.training.interrupts import StopRequestedError, catch_signals, stop_signals
from tests.support.tiny import TINY

COMMANDS = ("sweep", "score", "pretrain", "predict", "fit", "plan", "compare")


def command(name, *arguments, **environment):
    words = [sys.executable, "-m", f"jaxmrl.{name}", *arguments]
    return subprocess.run(words, capture_output=True, text=True, env=os.environ | environment, timeout=120)


def assert_one_line(ended, message):
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1
    assert message in ended.stderr


@pytest.mark.slow
def test_a_notebooks_backend_stops_no_command():
    """A Jupyter kernel sets this for `!python -m jaxmrl.sweep`, where jaxmrl may have an environment of its own."""
    ended = command("pretrain", "--version", MPLBACKEND="module://not_installed.backend_inline")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_wrong_jax_variable_ends_in_one_line():
    assert_one_line(command("fit", "--version", JAX_NUM_CPU_DEVICES="abc"), "JAX_NUM_CPU_DEVICES=abc")


SAMPLED = ("sweep", "predict")
"""Commands that are tried for every change; the others prepare in the same place, and are tried nightly."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=pytest.mark.slow if one in SAMPLED else pytest.mark.nightly) for one in COMMANDS],
)
def test_every_command_prepares_its_environment(name):
    assert_one_line(command(name, "--version", JAX_NUM_CPU_DEVICES="abc"), "JAX_NUM_CPU_DEVICES=abc")
    ended = command(name, "--version", MPLBACKEND="module://not_installed.backend_inline", HOME="/proc/none")
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment", [{"JAX_PLATFORMS": "cuda"}, {"JAX_PLATFORMS": "nonsense"}, {"JAX_NUM_CPU_DEVICES": "0"}]
)
def test_a_device_that_is_not_there_ends_in_one_line(environment, tmp_path):
    ended = command("sweep", "--dry-run", JAXMRL_CACHE=str(tmp_path), **environment)
    assert_one_line(ended, "=".join(*environment.items()))


def test_jax_without_a_device_is_an_error_that_names_the_variable(monkeypatch):
    def fail():
        raise AssertionError

    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    monkeypatch.setattr(capacity.jax, "devices", fail)
    with pytest.raises(ConfigError, match=r"no device to compute on \(AssertionError\). Correct or unset .*=cuda"):
        capacity.check_devices()


def test_a_user_without_a_home_is_asked_to_set_one(tmp_path):
    """Such as the user id of a container, which its list of users does not have; at d7d420c a traceback."""
    (tmp_path / "sitecustomize.py").write_text("import pwd\n\npwd.getpwuid = {}.__getitem__\n")
    paths = os.pathsep.join(map(str, (tmp_path, Path(startup.__file__).parents[1])))
    words = [sys.executable, "-m", "jaxmrl.sweep", "--dry-run"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": paths}
    ended = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=120)
    assert_one_line(ended, "Set HOME to a folder that can be written")


@pytest.mark.slow
def test_figures_have_nobodys_style(csv_file, tmp_path, cache):
    """A matplotlibrc that asks for TeX, which need not be installed, changes nothing."""
    made = {}
    for name, style in (("plain", {}), ("styled", {"text.usetex": True, "axes.facecolor": "black"})):
        with matplotlib.rc_context(style):
            run_sweep(SweepConfig(csv=csv_file, seeds=1, out=tmp_path / name, **TINY))
        made[name] = (tmp_path / name / "curve.svg").read_bytes()
    assert made["plain"] == made["styled"]


ASKING = [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU, signal.SIGTERM]


@pytest.mark.parametrize("number", ASKING)
def test_signals_of_schedulers_and_closed_terminals_ask_to_stop(number):
    former = signal.signal(number, signal.SIG_DFL)  # nohup ignores SIGHUP
    try:
        with catch_signals() as stop:
            os.kill(os.getpid(), number)
            assert stop.is_due
            with pytest.raises(StopRequestedError):
                stop.check()
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, former)


def test_a_signal_that_is_ignored_or_handled_stays_so(monkeypatch):
    """nohup ignores SIGHUP, and a library such as submitit handles SIGUSR2 itself."""
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.signal(signal.SIGUSR2, lambda *_: None)
    try:
        assert not {signal.SIGHUP, signal.SIGUSR2} & set(stop_signals())
        assert {signal.SIGINT, signal.SIGTERM, signal.SIGUSR1} <= set(stop_signals())
    finally:
        signal.signal(signal.SIGHUP, former[0])
        signal.signal(signal.SIGUSR2, former[1])


@pytest.mark.slow
def test_a_sweep_whose_time_is_up_goes_on_to_the_same_files(csv_file, tmp_path, cache):
    settings = TINY | {"seeds": 1, "epochs": 3}
    config = {name: SweepConfig(csv=csv_file, out=tmp_path / name, **settings) for name in "ab"}
    with pytest.raises(StopRequestedError, match="--max-time"):
        run_sweep(config["a"], max_seconds=0.001)
    run_sweep(config["a"])
    run_sweep(config["b"])
    for name in ("results.csv", "history.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_time_that_is_none_is_refused(refused):
    assert refused("sweep", "--max-time", "soon") == (
        "error: --max-time must be a time such as 3h, 90min or 2h30m; got 'soon'\n"
    )
