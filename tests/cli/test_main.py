"""The `jaxmrl` command: it dispatches to the commands that `python -m jaxmrl.<command>` runs."""

import subprocess
import sys

import jax
import pytest

import jaxmrl
from jaxmrl.cli import commands
from jaxmrl.cli.main import COMMANDS, main


@pytest.fixture
def run(monkeypatch, capsys):
    """A function that runs `jaxmrl` with these words within this process; gives exit code, output and errors."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["jaxmrl", *words])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_help_names_every_command(run, words):
    code, out, _ = run(*words)
    assert code == 0
    assert all(f"\n  {name} " in out for name in COMMANDS)


def test_every_command_is_there():
    assert all(callable(getattr(commands, f"{name}_command")) for name in COMMANDS)


def test_version(run):
    assert run("--version") == (0, f"jaxmrl {jaxmrl.__version__}\n", "")


def test_an_unknown_command_is_named_in_one_line(run):
    commands = "sweep, score, value, pretrain, predict, select, fit, plan, compare, serve"
    expected = f"error: unknown command 'sweeep'; choose from {commands}\n"
    assert run("sweeep", "--csv", "a.csv") == (2, "", expected)


def test_a_command_gets_its_words(run, monkeypatch):
    given = []
    monkeypatch.setattr(commands, "fit_command", lambda: given.append(sys.argv))
    assert run("fit", "curves.csv", "--json")[0] == 0
    assert given == [["jaxmrl fit", "curves.csv", "--json"]]


def test_help_is_of_the_name_that_was_called(run):
    code, out, _ = run("fit", "--help")
    assert code == 0
    assert out.startswith("usage: jaxmrl fit ")


@pytest.mark.slow
def test_python_m_jaxmrl_is_the_same(tmp_path):
    for words in (["jaxmrl", "fit"], ["jaxmrl.fit"]):
        ended = subprocess.run(
            [sys.executable, "-m", *words, "nothing.csv"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 2
        assert ended.stderr.startswith("error: ")
        assert "nothing.csv" in ended.stderr


def test_a_device_without_enough_memory_is_said_in_one_line(capsys, monkeypatch):
    def command():
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")

    for name in ("keep_compiled", "use_cores"):
        monkeypatch.setattr(commands, name, lambda: None)
    monkeypatch.setattr(commands, "stop_signals", tuple)
    with pytest.raises(SystemExit, match="2"):
        commands.run_command(command)
    assert capsys.readouterr().err == (
        "error: a device does not have enough memory: give fewer --lanes, or a smaller --batch-size\n"
    )

    def other():
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")

    with pytest.raises(jax.errors.JaxRuntimeError):
        commands.run_command(other)
