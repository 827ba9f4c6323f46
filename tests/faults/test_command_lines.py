"""Whatever options a command is given, it ends in a result or in one line.

Lines are drawn from the types of the settings: good, bad and absurd values of one to four options of a command.
Classical models are really fitted; the training of networks is replaced by a stop.
"""

import csv
import shutil
from dataclasses import MISSING, fields
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jaxmrl.cli import commands
from jaxmrl.cli.options import choices_of
from jaxmrl.config import SweepConfig
from jaxmrl.sweep import run_sweep
from jaxmrl.training.interrupts import StopRequestedError
from jaxmrl.training.lanes import Engine
from tests.support.tables import nci_molecules

FILES = ("table.csv", "curve.csv", "finished", "scores.csv", "notes.txt", ".", "missing.csv", "", "table.csv/below")
TEXTS = ("y", "active", "SMILES", "group", "date", "absent", "", " ", "-", "a,b", "é\u202e", "50", "run=2", "None")
NUMBERS = {
    int: ("-1", "0", "1", "2", "3", "1.5", "1e3", "nan", "", "seven", "9" * 30),
    float: ("-1", "0", "0.1", "0.5", "1", "3", "1e-300", "1e308", "nan", "inf", "0,5", "", "half"),
}
START = {
    "sweep": ["--csv", "table.csv", "--target-columns", "y", "--fractions", "0.2", "0.5", "--seeds", "2"],
    "score": ["--csv", "table.csv", "--target-columns", "y"],
    "value": ["--csv", "table.csv", "--target-columns", "y", "--subsets", "4", "--trees", "4"],
    "pretrain": ["--csv", "table.csv"],
    "predict": ["finished", "--csv", "table.csv"],
    "select": ["finished", "--csv", "table.csv"],
    "fit": ["curve.csv"],
    "plan": ["curve.csv", "--cost", "3", "--target", "0.5"],
    "compare": ["finished", "finished"],
}
QUICK = ("--model", "ridge", "--baselines", "none", "--split-seeds", "1")
"""What a sweep is given whose options are not about models."""


def values_of(hint: Any, choices: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    """The words that follow a flag of a type: usually one, for a tuple several or none, for a bool none."""
    if choices:
        return st.lists(st.sampled_from([*choices, "nonsense"]), min_size=1, max_size=2)
    if get_origin(hint) is Literal:
        return st.sampled_from([*map(str, get_args(hint)), "nonsense"]).map(lambda word: [word])
    if get_origin(hint) is tuple:
        return st.lists(values_of(get_args(hint)[0], ()).map(lambda words: words[0]), max_size=3)
    if parts := [part for part in get_args(hint) if part is not NoneType]:
        return st.one_of([values_of(part, ()) for part in parts])
    if hint is bool:
        return st.just([])
    words = NUMBERS.get(hint, FILES if hint is Path else TEXTS)
    return st.sampled_from(words).map(lambda word: [word])


def options_of(command: str) -> dict[str, st.SearchStrategy[list[str]]]:
    """{flag: its words} of the options of a command that have a default: the others are in START."""
    kinds = commands.OPTIONS[command]
    choices = {name: names for kind in kinds for name, names in choices_of(kind).items()}
    return {
        "--" + one.name.replace("_", "-"): values_of(get_type_hints(kind)[one.name], choices.get(one.name, ()))
        for kind in kinds
        for one in fields(kind)
        if one.name not in ("settings", "cluster", "version") and one.default is not MISSING
    }


@st.composite
def lines(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A command and its words."""
    command = draw(st.sampled_from(sorted(START)))
    options = options_of(command)
    flags = draw(st.lists(st.sampled_from(sorted(options)), min_size=1, max_size=4, unique=True))
    words = [word for flag in flags for word in (flag, *draw(options[flag]))]
    return command, [*START[command], *words]


@pytest.fixture(scope="module")
def world(tmp_path_factory, monkeymodule):
    """A folder with the files that lines name."""
    folder = tmp_path_factory.mktemp("world")
    monkeymodule.setenv("JAXMRL_CACHE", str(folder / "cache"))
    molecules = nci_molecules()[0][:60]
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["SMILES", "y", "active", "group", "date"])
        for k, one in enumerate(molecules):
            writer.writerow([one, len(one) / 7, len(one) % 2, k % 5, f"2024-01-{k % 28 + 1:02}"])
    (folder / "curve.csv").write_text("n,rmse\n" + "".join(f"{n},{1 + n**-0.5}\n" for n in (50, 100, 200, 400, 800)))
    (folder / "scores.csv").write_text("SMILES,el2n\n" + "".join(f"{one},{k}\n" for k, one in enumerate(molecules)))
    (folder / "notes.txt").write_text("Nothing of use.\n")
    run_sweep(
        SweepConfig(
            csv=folder / "table.csv",
            target_columns=("y",),
            model="ridge",
            fractions=(0.2, 0.5, 1.0),
            seeds=2,
            save_predictions=True,
            out=folder / "finished",
        )
    )
    return folder


@pytest.fixture(scope="module")
def monkeymodule():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def stop(*_: Any, **__: Any) -> None:
    raise StopRequestedError


def try_lines(count: int, world: Path, run_here, monkeypatch, tmp_path) -> None:
    """Run `count` lines, each in the same folder, where earlier ones may have left their results."""
    monkeypatch.setattr(Engine, "__init__", stop)
    monkeypatch.setattr("jaxmrl.pretrain.train", stop)
    for path in world.iterdir():
        if path.name != "cache":
            (shutil.copytree if path.is_dir() else shutil.copy)(path, tmp_path / path.name)
    monkeypatch.setenv("JAXMRL_CACHE", str(world / "cache"))

    @settings(max_examples=count, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(lines())
    def each_ends_well(line: tuple[str, list[str]]) -> None:
        command, words = line
        if command == "sweep" and not {"--model", "--modality", "--baselines"} & set(words):
            words = [*words, *(QUICK if "--split-seeds" not in words else QUICK[:4])]
        code, out, said = run_here(command, *words)
        assert code in (0, commands.USAGE, commands.STOPPED), words
        if code:
            assert said.strip().count("\n") == 0, (words, said)
            assert said.startswith(("error: ", "stopped")), (words, said)
        else:
            assert out.strip(), words

    each_ends_well()


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(
    "count", [pytest.param(12, marks=pytest.mark.slow), pytest.param(500, marks=pytest.mark.nightly)]
)
def test_random_command_lines_end_in_a_result_or_one_line(count, world, run_here, monkeypatch, tmp_path):
    try_lines(count, world, run_here, monkeypatch, tmp_path)
