"""Child runs: data that has grown, with the validation and test molecules of the run before it."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jaxmrl.compare import compare_sweeps
from jaxmrl.config import CompareConfig, SweepConfig
from jaxmrl.data.earlier_splits import NEW, NO_PART, EarlierSplits, find_same, trimmed
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.runs.lineage import are_related
from jaxmrl.sweep import run_sweep
from tests.support.tables import nci_molecules
from tests.support.tiny import TINY

PARENT = SweepConfig(csv=Path("mine.csv"), seeds=2, split_seeds=2, **TINY)
ADDED = 40


def rewritten(source, target, change):
    """Write a table whose rows, without the header, are changed by a function."""
    with source.open(newline="") as file:
        header, *rows = csv.reader(file)
    with target.open("w", newline="") as file:
        csv.writer(file).writerows([header, *change(header, rows)])


def grown(header, rows):
    """New molecules in front, one fewer of the earlier ones, and all in another order."""
    new = [["C" * k + "OC(N)=O", *("1" for _ in header[1:])] for k in range(3, 3 + ADDED)]
    return [*new, *reversed(rows)]


def smiles_of(folder):
    with (folder / "molecules.csv").open(newline="") as file:
        return {int(row["molecule_id"]): row["canonical_smiles"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, csv_file):
    """A folder with a run, `parent`, and its file with rows that were added, grown.csv."""
    folder = tmp_path_factory.mktemp("previous")
    shutil.copy(csv_file, folder / "mine.csv")
    rewritten(csv_file, folder / "grown.csv", grown)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        run_sweep(replace(PARENT, out=folder / "parent"))
    return folder


@pytest.fixture
def child(folder, tmp_path, monkeypatch):
    """The settings of a run on the grown file."""
    monkeypatch.setenv("JAXMRL_CACHE", str(folder / "cache"))
    monkeypatch.chdir(folder)
    return replace(PARENT, csv=Path("grown.csv"), previous=Path("parent"), out=tmp_path / "child")


@pytest.mark.slow
def test_molecules_keep_their_parts_and_runs_are_compared(folder, child, tmp_path, capsys):
    run_sweep(child, quiet=False)
    assert f"since parent: {ADDED} rows added, 0 removed, 0 with other labels; " in capsys.readouterr().out
    before, now = smiles_of(folder / "parent"), smiles_of(child.out)
    with np.load(folder / "parent" / "splits.npz") as earlier, np.load(child.out / "splits.npz") as later:
        for name in ("valid", "test", "random_43_valid", "random_43_test"):
            assert {before[k] for k in earlier[name].tolist()} == {now[k] for k in later[name].tolist()}
        assert len(later["train"]) == len(earlier["train"]) + ADDED
    record = json.loads((child.out / "run.json").read_text())["previous"]
    assert (record["run"], record["added"], record["held_out_changed"]) == ("parent", ADDED, 0)
    assert (child.out / "changes.csv").read_text().count("\nadded,") == ADDED
    found = compare_sweeps(CompareConfig((folder / "parent", child.out), tmp_path / "out"))
    assert [one["pairs"] for one in found["pairs"][0]["sizes"]] == [2, 2], "of both fractions, by split and seed"
    assert "the effect of the added molecules" in (tmp_path / "out" / "compare.html").read_text()
    assert run_sweep(child).rows, "the same command resumes it"


@pytest.mark.slow
def test_changed_test_labels_are_counted_and_not_compared(folder, child, tmp_path):
    test = set(np.load(folder / "parent" / "splits.npz")["test"].tolist())

    def changed(header, rows):
        column, k = header.index("logp"), min(test)
        rows[k][column] = str(float(rows[k][column]) + 1)
        return [row for place, row in enumerate(rows) if place != max(test)]

    rewritten(folder / "mine.csv", tmp_path / "changed.csv", changed)
    child = replace(child, csv=tmp_path / "changed.csv")
    run_sweep(child)
    record = json.loads((child.out / "run.json").read_text())["previous"]
    assert (record["added"], record["removed"], record["relabeled"], record["held_out_changed"]) == (0, 1, 1, 2)
    with pytest.raises(DataError, match="2 of their validation and test molecules were removed or have other labels"):
        compare_sweeps(CompareConfig((folder / "parent", child.out), tmp_path / "out"))


def test_what_does_not_fit_the_run_is_refused(folder, child):
    for changes, message in (
        ({"split_seed": 7}, r"has split_seed 42, and this run 7; expected the same"),
        ({"split": ("stratified",)}, r"parent has no stratified split; its splits are random, random 43"),
        ({"previous": folder}, "is not a run of a sweep"),
    ):
        with pytest.raises(ConfigError, match=message):
            run_sweep(replace(child, **changes))
    for changes, message in (
        ({"split": ("cluster",)}, "got --split cluster, whose parts depend on all molecules"),
        ({"csv": None, "npz": Path("some.npz")}, "omit --previous"),
    ):
        with pytest.raises(ConfigError, match=message):
            replace(child, **changes)


def test_a_file_that_has_grown_suggests_a_child_run(folder, child, tmp_path):
    shutil.copytree(folder / "parent", tmp_path / "same")
    shutil.copy(folder / "grown.csv", tmp_path / "mine.csv")
    settings = (tmp_path / "same" / "config.toml").read_text()
    (tmp_path / "same" / "config.toml").write_text(settings.replace("mine.csv", str(tmp_path / "mine.csv")))
    with pytest.raises(ConfigError, match=r"if rows were added to the file, give --previous .*same as well"):
        run_sweep(replace(PARENT, csv=tmp_path / "mine.csv", out=tmp_path / "same"))


def test_rows_of_a_molecule_are_matched_in_their_order():
    rows, molecules = find_same(["B", "A", "A", "C", "A"], ["A", "B", "A"])
    assert rows.tolist() == [1, 0, 2, NEW, NEW]
    assert molecules.tolist() == [1, 0, 2, NEW, 2]


def test_a_further_row_of_a_test_molecule_does_not_train():
    earlier = EarlierSplits("runs/first", ["A", "B", "C"], {"random": ["train", "valid", "test"]})
    split = earlier.split("random", ["C", "D", "A", "C", "B"])
    assert [ids.tolist() for ids in split.parts().values()] == [[1, 2], [4], [0]], "and does not change the test set"
    assert earlier.split("random", ["A", "A", "B", "C"]).train.tolist() == [0, 1]
    with pytest.raises(ConfigError, match="runs/first has no random 43 split"):
        earlier.split("random 43", ["A"])
    with pytest.raises(DataError, match="no test molecules"):
        earlier.split("random", ["A", "B"])


def test_new_molecules_of_held_out_groups_are_in_no_part():
    earlier = EarlierSplits("runs/first", ["A", "B", "C", "X"], {"group": ["train", "valid", "test", NO_PART]})
    groups = np.array([1, 2, 3, 1, 2, 3, 4, 5])
    split = earlier.split("group", ["A", "B", "C", "D", "E", "F", "G", "X"], groups)
    assert [ids.tolist() for ids in split.parts().values()] == [[0, 3, 6, 7], [1], [2]]
    grown = trimmed([split, replace(split, train=np.array([0, 3]))], np.arange(8, dtype=np.uint64), 42)
    assert [len(one.train) for one in grown] == [2, 2], "the runs of one curve have the same sizes"


@pytest.mark.slow
def test_what_each_split_leaves_out_is_counted(folder, child, tmp_path, capsys):
    parts = np.load(folder / "parent" / "splits.npz")
    twice = sorted({*parts["test"].tolist()} - {*parts["random_43_test"].tolist(), *parts["random_43_valid"].tolist()})

    def repeated(header, rows):
        return [*rows, *(rows[k] for k in twice[:3])]

    rewritten(folder / "mine.csv", tmp_path / "repeated.csv", repeated)
    run_sweep(replace(child, csv=tmp_path / "repeated.csv"), quiet=False)
    said = capsys.readouterr().out
    assert "random split: 0 to 3 new rows in no part, depending on the split; they repeat a validation or test" in said
    assert "random split: 0 to 3 training molecules in no part, depending on the split; without them, the" in said
    later = np.load(child.out / "splits.npz")
    for name in ("train", "valid", "test", "random_43_train"):
        assert len(later[name]) == len(parts[name]), name


@pytest.fixture
def series(tmp_path, cache, monkeypatch):
    """The settings of a run on series.csv, whose molecules have series, weights and bounds, and the table's rows."""
    monkeypatch.chdir(tmp_path)
    smiles, labels = nci_molecules()
    rows = [[smiles[k], f"{'>' * (k % 5 == 0)}{labels[k, 0]:.2f}", f"s{k // 8}", "1"] for k in range(120)]
    write_rows(Path("series.csv"), rows)
    classical = {"model": ("svm",), "baselines": ("none",), "fractions": (1.0,), "seeds": 2, "split_seeds": 2}
    columns = {"target_columns": ("logp",), "group_column": "series", "weight_column": "weight", "censored": "loss"}
    return SweepConfig(csv=Path("series.csv"), split=("scaffold", "group"), **classical, **columns), rows


def write_rows(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["smiles", "logp", "series", "weight"], *rows])


@pytest.mark.slow
def test_bounds_weights_and_groups_of_a_child_run(series, capsys):
    config, rows = series
    run_sweep(replace(config, out=Path("parent")))
    with np.load("parent/splits.npz") as splits:
        parts = {name: splits[name].tolist() for name in ("group_train", "group_test", "scaffold_train")}
    bound = next(k for k in parts["group_train"] if k % 5 == 0)
    weight = next(k for k in parts["group_train"] if k % 5)
    rows[bound][1], rows[weight][3] = ">9.5", "2.5"
    of_test, of_training = (rows[parts[name][0]][2] for name in ("group_test", "group_train"))
    new = [["C" * (30 + k) + "N", "1.5", series, "1"] for k, series in enumerate([of_test, of_test, of_training])]
    write_rows(Path("grown.csv"), [*new, *rows])
    child = replace(config, csv=Path("grown.csv"), previous=Path("parent"), out=Path("child"))
    run_sweep(child, quiet=False)
    said = capsys.readouterr().out
    assert "3 rows added, 0 removed, 1 with other labels, 1 with another weight" in said
    assert [line for line in said.splitlines() if "in no part" in line] == [
        "group split: 1 to 2 new rows in no part, depending on the split; they repeat a validation or test molecule or "
        "share its group",
        "group split: 0 to 1 training molecules in no part, depending on the split; without them, the training sets of "
        "all 2 splits have the same size",
    ]
    record = json.loads(Path("child/run.json").read_text())["previous"]
    assert (record["relabeled"], record["reweighted"]) == (1, 1)
    changes = Path("child/changes.csv").read_text()
    assert (changes.count("\nlabel,"), changes.count("\nweight,")) == (1, 1)
    before, now = smiles_of(Path("parent")), smiles_of(Path("child"))
    with np.load("parent/splits.npz") as earlier, np.load("child/splits.npz") as later:
        for name in (name for name in earlier if name.endswith("_test")):
            assert {before[k] for k in earlier[name].tolist()} == {now[k] for k in later[name].tolist()}
        assert len(later["group_train"]) == len(parts["group_train"]) + 1
    with pytest.raises(ConfigError, match="has group_column series, and this run weight; expected the same"):
        run_sweep(replace(child, group_column="weight", weight_column=None, out=None))


def test_runs_are_related_by_the_data_that_they_began_with():
    data = lambda digest: {"data of the random split": digest, "features of graph": "x"}
    first = {"data": data("a")}
    before = {"data of the random split": "a"}
    child = {"data": data("b"), "previous": {"data": [before], "held_out_changed": 0}}
    sibling = {"data": data("c"), "previous": {"data": [before], "held_out_changed": 0}}
    grandchild = {"data": data("d"), "previous": {"data": [{"data of the random split": "b"}, before]}}
    for one in (first, child, sibling, grandchild):
        for other in (first, child, sibling, grandchild):
            assert are_related(one, other)
        assert not are_related(one, {"data": data("e")})
