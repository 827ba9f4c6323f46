"""Adding to a run: what it has stays, what is missing is trained, and the files are those of a run of all at once."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jaxmrl.cli.commands import SweepFlags, parse
from jaxmrl.config import SweepConfig, to_toml
from jaxmrl.config.names import CONTINUED_SPLITS
from jaxmrl.errors import ConfigError
from jaxmrl.io import storage
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.runs.identity import FORMAT, check_same_run
from jaxmrl.sweep import run_sweep
from jaxmrl.sweep.extend import extended, saved_settings
from jaxmrl.training import checkpoint
from jaxmrl.training.interrupts import StopRequestedError
from tests.support.tiny import TINY

BEGUN = SweepConfig(csv=Path("mine.csv"), seeds=1, **TINY)
ALL = replace(BEGUN, fractions=(0.05, 0.1, 0.12), seeds=2, split=("random", "scaffold"), save_predictions=True)
PRUNED = replace(BEGUN, fractions=(0.4, 1.0), pruning=("random", "el2n"), score_epochs=1, lanes=1)
ALL_PRUNED = replace(PRUNED, seeds=2, pruning=("random", "el2n", "herding", "kmeans"))


def content(folder):
    """{name: bytes} of the files of a run, without those of models, which contain times."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(("models", ".lock"))}


def models_of(folder):
    """{name: arrays and description} of the models of a run."""
    found = {}
    for path in (folder / "models").iterdir():
        arrays = storage.read_arrays(path, storage.read_forms(path))
        content = {name: np.asarray(array).tobytes() for name, array in arrays.items()}
        found[path.name] = content, storage.read_host(path)
    return found


def results_of(folder):
    return RunDirectory(folder, ("logp",)).read_results()


def assert_same_files(one, other):
    there, expected = content(one), content(other)
    assert there.keys() == expected.keys()
    assert [name for name in there if there[name] != expected[name]] == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory, csv_file):
    """A folder with a table, a cache, and the run `begun`."""
    folder = tmp_path_factory.mktemp("extend")
    shutil.copy(csv_file, folder / "mine.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        run_sweep(replace(BEGUN, out=folder / "begun"))
    return folder


@pytest.fixture(scope="module")
def wholes(folder):
    """The folder with three more runs: `at_once` of ALL, `pruned`, and `pruned_at_once` of ALL_PRUNED."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        run_sweep(replace(ALL, out=folder / "at_once"))
        run_sweep(replace(PRUNED, out=folder / "pruned"))
        run_sweep(replace(ALL_PRUNED, out=folder / "pruned_at_once"))
    return folder


@pytest.fixture
def begun(folder, tmp_path, monkeypatch):
    """A copy of the run `begun`."""
    monkeypatch.setenv("JAXMRL_CACHE", str(folder / "cache"))
    monkeypatch.chdir(folder)
    return shutil.copytree(folder / "begun", tmp_path / "at_once")


@pytest.fixture
def pruned(wholes, begun, tmp_path):
    """A copy of the run `pruned`."""
    return shutil.copytree(wholes / "pruned", tmp_path / "pruned_at_once")


@pytest.fixture
def trained(monkeypatch):
    """The names of the replicas and scoring models that are trained, as far as this process trains them."""
    names, restored = [], checkpoint.run

    def run(folder, engines, done, *others):
        names.extend(replica.name for replica in engines[0].replicas if replica.name not in done)
        restored(folder, engines, done, *others)

    monkeypatch.setattr(checkpoint, "run", run)
    return names


@pytest.mark.slow
def test_an_extended_run_is_one_of_all_at_once(wholes, begun):
    found = run_sweep(replace(ALL, out=begun), extend=True)
    assert len(found.rows) == 3 * 2 * 2
    assert_same_files(begun, wholes / "at_once")
    names = [sorted(path.name for path in (one / "models").iterdir()) for one in (begun, wholes / "at_once")]
    assert names[0] == names[1], "of the largest fraction alone"
    assert run_sweep(replace(ALL, out=begun)).rows == found.rows, "from now on it is that run"


PARTS = (
    {"fractions": (0.05, 0.1, 1.0, 0.4)},
    {"seeds": 2, "split_seeds": 2},
    {"split": ("random", "scaffold")},
    {"modality": ("graph", "molgraph"), "model": ("gin", "dmpnn")},
)
"""What is added to a run in turn: replicas with batches of all shapes, and with other molecules for evaluation."""


@pytest.mark.nightly
@pytest.mark.parametrize("parts", [PARTS[:2], PARTS])
def test_parts_have_the_bytes_of_all_at_once(begun, tmp_path, parts):
    grown = replace(BEGUN, out=begun)
    for part in parts:
        grown = replace(grown, **part)
        run_sweep(grown, extend=True)
    whole = replace(grown, fractions=tuple(sorted(grown.fractions)), save_predictions=True)
    run_sweep(whole, extend=True)
    run_sweep(replace(whole, out=tmp_path / "whole"))
    assert_same_files(begun, tmp_path / "whole")
    one, other = models_of(begun), models_of(tmp_path / "whole")
    assert len(one) == 2 * len(grown.split or ("random",)) * len(grown.model or ("gin",)), "of the largest fraction"
    assert one == other


def test_only_what_is_missing_is_trained(begun, monkeypatch):
    added, append = [], RunDirectory.append_result
    monkeypatch.setattr(RunDirectory, "append_result", lambda run, row: (added.append(row), append(run, row)))
    run_sweep(replace(BEGUN, fractions=(0.08, 0.09), out=begun), extend=True)
    assert sorted(row.fraction for row in added) == [0.08, 0.09], "what is there need not be named"
    assert "fractions = [0.05, 0.1, 0.08, 0.09]" in (begun / "config.toml").read_text()


@pytest.mark.slow
def test_a_scored_run_takes_seeds_and_prunings(wholes, pruned, trained):
    """Step by step, and the files are those of all at once. A pruning needs models again, for they are not kept."""
    before = results_of(pruned)
    run_sweep(replace(PRUNED, seeds=2, out=pruned), extend=True)
    assert [name.rpartition(" ")[2] for name in trained] == ["1"] * 4, "of the new seed alone"
    assert sum("scoring" in name for name in trained) == 1
    assert [row for row in results_of(pruned) if row.seed == 0] == before
    trained.clear()
    run_sweep(replace(ALL_PRUNED, out=pruned), extend=True)
    assert sum("scoring" in name for name in trained) == 2
    assert_same_files(pruned, wholes / "pruned_at_once")


@pytest.mark.slow
def test_each_seed_of_a_sweep_keeps_molecules_of_its_own(wholes):
    """One order for all seeds would leave the luck of the subset out of every interval over seeds."""
    with np.load(wholes / "pruned_at_once" / "splits.npz") as arrays:
        orders = {name: arrays[name] for name in arrays.files if "_order_" in name}
        n_kept = round(0.4 * len(arrays["train"]))
    for method in ("el2n", "herding", "kmeans"):
        kept = [frozenset(order[:n_kept]) for name, order in orders.items() if name.startswith(f"{method}_")]
        assert len(set(kept)) == len(kept) == 2, method


def test_a_run_of_other_code_says_why_it_cannot_be_extended(tmp_path):
    metadata = {"sources": "old", "data": {}, "scores": None, "init": {}}
    RunDirectory(tmp_path, ("logp",)).create_or_resume("seeds = 1\n", metadata)
    run = RunDirectory(tmp_path, ("logp",))
    message = (
        r'^--extend cannot add to .* from another version or device, .* both: sources \("old" there, "new" here\)\. Use'
    )
    with pytest.raises(ConfigError, match=message):
        run.create_or_resume("seeds = 2\n", metadata | {"sources": "new"}, extend=True)
    assert (tmp_path / "config.toml").read_text() == "seeds = 1\n"
    run.create_or_resume("seeds = 1\n", metadata | {"sources": "new"})
    with pytest.raises(ConfigError, match="and is not finished: sources"):
        run.check_trainable()


def test_a_first_pruning_brings_its_settings(begun):
    config = extended(replace(BEGUN, pruning=("el2n",), score_epochs=1, keep="easy", out=begun))
    assert (config.pruning, config.score_epochs, config.keep) == (("random", "el2n"), 1, "easy")


@pytest.mark.slow
def test_settings_that_decided_scores_stay(pruned):
    config = pruned / "config.toml"
    config.write_text(config.read_text().replace("score_epochs = 1", "score_epochs = 2"))
    with pytest.raises(ConfigError, match="score_epochs was 1, not 2"):
        run_sweep(replace(PRUNED, score_epochs=2, out=pruned))
    config.write_text(config.read_text().replace("score_epochs = 2", "score_epochs = 1"))
    with pytest.raises(ConfigError, match=r"score_epochs \(1 there, 2 here\)"):
        run_sweep(replace(PRUNED, seeds=2, score_epochs=2, out=pruned), extend=True)


def test_results_stay_until_predictions_that_were_added_are_there(begun, monkeypatch):
    before = (begun / "results.csv").read_bytes()
    with monkeypatch.context() as stopping:
        stopping.setattr("jaxmrl.sweep.train_queue", lambda *given: (_ for _ in ()).throw(StopRequestedError))
        with pytest.raises(StopRequestedError):
            run_sweep(replace(BEGUN, save_predictions=True, out=begun), extend=True)
    assert (begun / "results.csv").read_bytes() == before
    run_sweep(replace(BEGUN, save_predictions=True, out=begun), extend=True)
    assert (begun / "results.csv").read_bytes() == before
    assert len(list((begun / "predictions").iterdir())) == 2


@pytest.mark.parametrize(
    ("given", "added"),
    [
        (["--seeds", "2"], {"seeds": 2}),
        (["--fractions", "0.08"], {"fractions": (0.05, 0.1, 0.08)}),
        (["--pruning", "el2n", "--score-epochs", "3"], {"pruning": ("random", "el2n"), "score_epochs": 3}),
        (["--split", "scaffold"], {"split": ("random", "scaffold")}),
        (["--save-predictions", "--no-extend", "--extend"], {"save_predictions": True}),
        (["--save-all-models"], {"save_all_models": True}),
        ([], {}),
    ],
)
def test_a_command_names_only_what_it_adds(begun, given, added):
    assert from_flags("--extend", "--out", str(begun), *given) == replace(BEGUN, out=begun, **added).resolved()


def test_splits_are_added_where_every_seed_keeps_its_own(begun):
    settings = begun / "config.toml"
    written = settings.read_text().replace("\nseeds = 1\n", "\nseeds = 2\n")
    settings.write_text(written.replace('split_seeds = "auto"', "split_seeds = 2"))
    saved = SweepConfig(**saved_settings(begun) | {"out": begun})
    assert (saved.seeds, saved.split_seeds) == (2, 2)
    grown = extended(replace(saved, seeds=5, split_seeds=5))
    assert (grown.seeds, grown.split_seeds) == (5, 5)
    settings.write_text(written.replace('split_seeds = "auto"', "split_seeds = 1"))
    with pytest.raises(ConfigError, match=r"split_seeds \(1 there, 2 here\)"):
        extended(saved)  # the second seed used the split of the first


def test_folds_beside_a_test_set_keep_their_number(tmp_path):
    saved = replace(BEGUN, seeds=2, split_seeds=2, split_file=Path("parts.csv"), out=tmp_path)
    (tmp_path / "config.toml").write_text(to_toml(saved))
    (tmp_path / "run.json").write_text(json.dumps({"format": FORMAT}))
    assert extended(replace(saved, seeds=4)).seeds == 4
    with pytest.raises(ConfigError, match=r"split_seeds \(2 there, 4 here\)"):
        extended(replace(saved, seeds=4, split_seeds=4))  # folds of half the size


@pytest.mark.parametrize("split", ["random", "random 43", "scaffold", "cluster", "file"])
def test_previous_is_suggested_for_data_of_splits_that_it_keeps(tmp_path, split):
    there, here = ({"data": {f"data of the {split} split": digest}} for digest in ("a", "b"))
    with pytest.raises(ConfigError) as caught:
        check_same_run(tmp_path, (there, {}), here, {}, extend=False)
    assert ("--previous" in str(caught.value)) == (split.split()[0] in CONTINUED_SPLITS)


def test_flags_that_change_a_run_are_refused(begun):
    for given, message in (
        (["--steps", "9"], r"epochs \(1 there, not set here\), steps \(not set there, 9 here\)"),
        (["--dataset", "esol"], r"csv \(mine.csv there, not set here\)"),
    ):
        with pytest.raises(ConfigError, match=message):
            from_flags("--extend", "--out", str(begun), *given)


def from_flags(*arguments):
    return extended(parse(SweepConfig, SweepFlags, "sweep", "", list(arguments)).settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"epochs": 2, "batch_size": 8},
            r"cannot change .*: batch_size \(not set there, 8 here\), epochs \(1 ",
        ),
        ({"target_columns": ("greasy",)}, r"target_columns"),
        ({"width": ()}, "give --width 8, as in"),
        ({"out": None}, "give it with --out"),
    ],
)
def test_settings_that_would_change_numbers_are_refused(begun, changes, message):
    before = content(begun)
    with pytest.raises(ConfigError, match=message):
        run_sweep(replace(BEGUN, **{"out": begun} | changes), extend=True)
    assert content(begun) == before


def test_a_default_is_a_value_beside_others(begun):
    config = extended(replace(BEGUN, model=("gin", "transformer"), modality=("graph", "fingerprint"), out=begun))
    assert (config.modality, config.model) == (("graph", "fingerprint"), ("gin", "transformer"))
    assert extended(replace(BEGUN, split=("scaffold",), out=begun)).split == ("random", "scaffold")


def test_without_extend_the_error_suggests_it(begun):
    with pytest.raises(ConfigError, match="add to it with --extend"):
        run_sweep(replace(BEGUN, seeds=2, out=begun))
    with pytest.raises(ConfigError, match="contains no run; omit --extend"):
        run_sweep(replace(BEGUN, out=begun / "none"), extend=True)
