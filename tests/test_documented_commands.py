"""Every command and every example in Python that the README and the pages show: it is understood, and it runs.

A command that a page gains is run without further ado: with small files in place of those that it names, and with few
epochs, seeds and fractions. What cannot be run is in `NOT_RUN` of tests/support/documents.py, with the reason.
"""

import argparse
import re
from importlib import import_module
from pathlib import Path

import matplotlib.pyplot
import pytest

from tests.support.documents import PAGES, ROOT, commands, examples, why_not_run
from tests.support.small_world import (
    doing_nothing,
    furnish,
    furnish_example,
    training_little,
    with_each,
    write_data_sets,
)

RUN = re.compile(r"(?:python -m jaxmrl\.|jaxmrl )(\w+)$")
EXAMPLE_WITH_A_TEST = "adding-a-modality.md"
"""tests/sweep/test_modalities.py runs it, from its files to predictions."""

SAMPLED = "docs/tutorials/assay.md"
"""The page with training whose commands run for every change, for it trains few kinds of models; those of the others
run nightly.
"""

WITH_COMMANDS = (SAMPLED, "docs/tutorials/pruning.md")
"""Pages whose examples read what their commands have written, and run with these alone."""


def page_name(page):
    return page.relative_to(ROOT).as_posix()


def as_run(command):
    words = command.words
    start = 3 if words[0] == "python" else 2
    found = RUN.match(" ".join(words[:start]))
    assert found, f"{command.name}: tests do not run this; a reason belongs in NOT_RUN of tests/support/documents.py"
    return [found[1], *words[start:]]


def pages_with(found, mark=lambda page: []):
    """Pages that have such commands or examples, as parameters of a test."""
    return [pytest.param(page, id=page_name(page), marks=mark(page)) for page in PAGES if found(page)]


def pace(page):
    """Fitting and planning take seconds, but for the many curves of a benchmark; for training, most of the time is
    compilation, of each kind of model anew.
    """
    if {as_run(command)[0] for command in commands_to_run(page)} <= {"fit", "plan"} and "benchmarks" not in page.parts:
        return pytest.mark.slow
    return pytest.mark.slow if page_name(page) == SAMPLED else pytest.mark.nightly


def commands_to_run(page):
    return [command for command in commands(page) if not why_not_run(command)]


def jaxmrl_examples(page):
    return [] if page.name == EXAMPLE_WITH_A_TEST else examples(page)


@pytest.fixture
def small_world(tmp_path_factory, tmp_path, run_here, monkeypatch):
    """The folder `tmp_path`, with small data sets, where all that trains trains little; gives `run` of a command."""
    data = tmp_path_factory.getbasetemp() / "data"
    if not data.exists():
        data.mkdir()
        write_data_sets(data)
    monkeypatch.setenv("JAXMRL_DATA", str(data))
    monkeypatch.setenv("COLUMNS", "120")
    with_each(monkeypatch, training_little)
    return run_here


@pytest.mark.parametrize("page", pages_with(commands))
def test_every_command_is_understood(page, run_here, tmp_path, monkeypatch):
    """Its options are there and take their values, and what it asks for can be asked for."""
    with_each(monkeypatch, doing_nothing)
    monkeypatch.setattr("jaxmrl.cli.parsing.saved_settings", lambda out: {})
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    for command in commands_to_run(page):
        code, _, said = run_here(*as_run(command))
        assert (code, said) == (0, ""), command.name


def run_example(example, run):
    furnish_example(example.text, run)
    with matplotlib.rc_context({"backend": "agg"}):
        exec(example.text, {})
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("page", pages_with(commands_to_run, pace))
def test_every_command_runs(page, small_world):
    """In the order of the page, with its examples in Python: what one has written, the next may read."""
    for shown in sorted([*commands_to_run(page), *jaxmrl_examples(page)], key=lambda one: one.position):
        if shown.language == "python":
            run_example(shown, small_world)
            continue
        words = as_run(shown)
        furnish(Path(), words, small_world)
        code, out, said = small_world(*words)
        assert code == 0, f"{shown.name}\n{out}\n{said}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", pages_with(lambda page: jaxmrl_examples(page) and page_name(page) not in WITH_COMMANDS)
)
def test_every_example_runs(page, small_world):
    pytest.importorskip("pandas", reason="needs the frames extra")
    for example in jaxmrl_examples(page):
        run_example(example, small_world)


class UnderstoodError(Exception):
    """Raised once a benchmark has read its arguments."""


def benchmark_commands(page):
    return [command for command in commands(page) if command.text.startswith("python -m benchmarks.")]


def program_of(name):
    """What `python -m` runs: of a package, its `__main__`."""
    module = import_module(name)
    return import_module(f"{name}.__main__") if hasattr(module, "__path__") else module


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_with(benchmark_commands))
def test_every_benchmark_takes_its_arguments(page, monkeypatch):
    pytest.importorskip("torch_geometric", reason="needs the bench extra")
    parse_args = argparse.ArgumentParser.parse_args

    def parsed(parser):
        parse_args(parser)
        raise UnderstoodError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)
    for command in benchmark_commands(page):
        _, _, module, *arguments = command.words
        monkeypatch.setattr("sys.argv", [module, *arguments])
        with pytest.raises(UnderstoodError):
            program_of(module).main()
