"""Adding to a run: what it has stays, what is missing is trained, and the files are those of a run of all at once."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.errors import ConfigError
from jaxmrl.extend import extended
from jaxmrl.report.files import RunDirectory
from jaxmrl.sweep import sweep

BEGUN = SweepConfig(
    csv=Path("mine.csv"),
    target_columns=("logp",),
    fractions=(0.2, 0.4),
    seeds=1,
    epochs=1,
    width=(8,),
    depth=(2,),
    lanes=2,
)
ALL = replace(BEGUN, fractions=(0.2, 0.4, 0.8), seeds=2, split=("random", "scaffold"), save_predictions=True)


def content(folder):
    """{name: bytes} of the files of a run, without those that contain times."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    whole = {name: path.read_bytes() for name, path in files.items() if not name.endswith((".lock", ".npz"))}
    return {name: text for name, text in whole.items() if not name.startswith("models") and name != "run.json"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, csv_file):
    """A folder with a table, a cache, a run `begun`, and a run `at_once` of ALL."""
    folder = tmp_path_factory.mktemp("extend")
    shutil.copy(csv_file, folder / "mine.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        sweep(replace(BEGUN, out=folder / "begun"))
        sweep(replace(ALL, out=folder / "at_once"))
    return folder


@pytest.fixture
def begun(folder, tmp_path, monkeypatch):
    """A copy of the run `begun`."""
    monkeypatch.setenv("JAXMRL_CACHE", str(folder / "cache"))
    monkeypatch.chdir(folder)
    return shutil.copytree(folder / "begun", tmp_path / "at_once")


def test_an_extended_run_is_one_of_all_at_once(folder, begun):
    found = sweep(replace(ALL, out=begun), extend=True)
    assert len(found.rows) == 3 * 2 * 2
    there, expected = content(begun), content(folder / "at_once")
    assert there.keys() == expected.keys()
    assert [name for name in there if there[name] != expected[name]] == []
    runs = [json.loads((one / "run.json").read_text()) for one in (begun, folder / "at_once")]
    assert runs[0] == runs[1]
    names = [sorted(path.name for path in (one / "models").iterdir()) for one in (begun, folder / "at_once")]
    assert names[0] == names[1], "of the largest fraction alone"
    assert sweep(replace(ALL, out=begun)).rows == found.rows, "from now on it is that run"


def test_only_what_is_missing_is_trained(begun, monkeypatch):
    added, append = [], RunDirectory.append_result
    monkeypatch.setattr(RunDirectory, "append_result", lambda run, row: (added.append(row), append(run, row)))
    sweep(replace(BEGUN, fractions=(0.1,), out=begun), extend=True)
    assert [row["fraction"] for row in added] == ["0.1"], "what is there need not be named"
    assert "fractions = [0.2, 0.4, 0.1]" in (begun / "config.toml").read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 2, "batch_size": 8}, r"cannot change .*: batch_size \(256 there, 8 here\), epochs \(1 there, 2"),
        ({"target_columns": ("greasy",)}, r"target_columns"),
        ({"width": ()}, "give --width 8, as in"),
        ({"out": None}, "give it by --out"),
    ],
)
def test_settings_that_would_change_numbers_are_refused(begun, changes, message):
    before = content(begun)
    with pytest.raises(ConfigError, match=message):
        sweep(replace(BEGUN, **{"out": begun} | changes), extend=True)
    assert content(begun) == before


def test_a_default_is_a_value_beside_others(begun):
    config = extended(replace(BEGUN, model=("gin", "transformer"), modality=("graph", "fingerprint"), out=begun))
    assert (config.modality, config.model) == (("graph", "fingerprint"), ("gin", "transformer"))
    assert extended(replace(BEGUN, split=("scaffold",), out=begun)).split == ("random", "scaffold")


def test_without_extend_the_error_suggests_it(begun):
    with pytest.raises(ConfigError, match="add to it with --extend"):
        sweep(replace(BEGUN, seeds=2, out=begun))
    with pytest.raises(ConfigError, match="has no run; leave out --extend"):
        sweep(replace(BEGUN, out=begun / "none"), extend=True)
