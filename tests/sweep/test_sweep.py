"""The sweep end to end, small, as a function and as a command."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jaxmrl.cli.commands import SweepFlags, parse
from jaxmrl.config import SweepConfig, read_toml
from jaxmrl.errors import ConfigError, DataError, UserError
from jaxmrl.reports.terminal import sweep_table
from jaxmrl.rows import HistoryRow, ResultRow
from jaxmrl.runs.curves import PointRow
from jaxmrl.sweep import run_sweep
from jaxmrl.training import checkpoint
from jaxmrl.training.interrupts import StopRequestedError
from tests.support.tiny import TINY

SMALL = {
    "fractions": (0.25, 0.5, 1.0),
    "seeds": 2,
    "epochs": 3,
    "width": (8,),
    "depth": (2,),
    "batch_size": 32,
    "split_seeds": 1,
}
SMALL_FLAGS = tuple(
    "--model gin --fractions 0.25 0.5 1.0 --seeds 2 --epochs 3 --width 8 --depth 2 --batch-size 32 "
    "--baselines none --split-seeds 1".split()
)


@pytest.fixture(scope="module")
def regression(csv_file, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(tmp_path_factory.mktemp("cache")))
        out = tmp_path_factory.mktemp("run") / "here"
        return run_sweep(SweepConfig(csv=csv_file, target_columns=("logp",), out=out, **SMALL))


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_results_have_a_row_for_each_replica(regression):
    rows = rows_of(regression.directory / "results.csv")
    with np.load(regression.directory / "splits.npz") as file:
        train = len(file["train"])
    assert rows == [row.cells() for row in regression.rows]
    assert tuple(rows[0]) == ResultRow.columns(("logp",))
    assert [(r["fraction"], r["seed"]) for r in rows] == [(f, s) for f in ("0.25", "0.5", "1") for s in "01"]
    for row in rows:
        assert row["status"] == "finished"
        assert row["n_train"] == str(int(float(row["fraction"]) * train))
        assert row["metric"] == "rmse"
        assert row["test"] == row["test_logp"]
        assert row["epochs"] == "3"
        assert 1 <= int(row["best_epoch"]) <= 3


def test_curves_are_the_mean_and_spread_of_the_results(regression):
    rows = rows_of(regression.directory / "curves.csv")
    assert tuple(rows[0]) == PointRow.columns()
    for row in rows:
        tests = [r.test for r in regression.rows if r.fraction == float(row["fraction"])]
        assert float(row["mean"]) == pytest.approx(np.mean(tests), rel=1e-5)
        assert float(row["sd"]) == pytest.approx(np.std(tests, ddof=1), rel=1e-4)
        assert row["n_seeds"] == "2"


def test_history_has_a_row_for_each_validation(regression):
    """The best of a replica's rows is its result, and the file says where in training it was."""
    history = rows_of(regression.directory / "history.csv")
    assert tuple(history[0]) == HistoryRow.columns()
    order = [(row["fraction"], row["seed"], row["epoch"]) for row in history]
    assert order == [(f, s, e) for f in ("0.25", "0.5", "1") for s in "01" for e in "123"]
    for row in (row.cells() for row in regression.rows):
        own = [one for one in history if (one["fraction"], one["seed"]) == (row["fraction"], row["seed"])]
        best = min(own, key=lambda one: float(one["valid"]))
        assert (best["valid"], best["epoch"]) == (row["valid"], row["best_epoch"])
        assert own[-1]["step"] == row["steps"]
        assert all(float(one["loss"]) > 0 for one in own)


@pytest.mark.slow
def test_small_fractions_train_for_a_minimum_of_steps(csv_file, tmp_path, cache):
    """They have more epochs, and are validated as often as the others."""
    settings = SMALL | {"lanes": 3, "min_steps": 9}  # as many as the other tests' sweeps, for the same programs
    result = run_sweep(SweepConfig(csv=csv_file, target_columns=("logp",), out=tmp_path / "run", **settings))
    lengths = [(row.steps, row.epochs) for row in result.rows if row.seed == 0]
    assert lengths == [(9, 9), (10, 5), (12, 3)]
    history = rows_of(result.directory / "history.csv")
    assert [row["epoch"] for row in history if (row["fraction"], row["seed"]) == ("0.25", "0")] == ["3", "6", "9"]
    (curve,) = json.loads((result.directory / "fits.json").read_text())
    assert curve["length"] == "3 epochs each, 9 steps at least"


def test_training_that_ends_too_early_is_flagged(regression):
    """Three epochs are too few for any size: fits.json, the report and the table count the replicas of each size."""
    (curve,) = json.loads((regression.directory / "fits.json").read_text())
    assert [(one["n"], one["runs"]) for one in curve["still_improving"]] == [(32, 2), (64, 2), (128, 2)]
    late = sum(row.best_epoch == 3 for row in regression.rows)
    assert sum(one["late"] for one in curve["still_improving"]) == late
    (flag,) = [one for one in curve["flags"] if "last tenth of training" in one]
    assert flag.endswith("give more --epochs, --steps or --min-steps")
    page = (regression.directory / "report.html").read_text()
    assert flag in page
    counts = [f"{one['late']} of 2" for one in curve["still_improving"]]
    assert list(sweep_table(list(regression.curves), "RMSE", {}).columns[-1].cells) == counts
    assert all(f">{count}</td>" in page for count in counts)


def test_every_file_is_there_and_no_other(regression):
    names = {path.name for path in regression.directory.iterdir()}
    figures = {"curve.png", "curve.svg"}
    files = {"config.toml", "run.json", "splits.npz", "rejected.csv", "results.csv", "curves.csv", "fits.json"}
    files |= {"history.csv"}
    assert names == files | figures | {"report.html", "molecules.csv", "labels.npz", "models"}
    models = {path.name for path in (regression.directory / "models").iterdir()}
    assert models == {f"graph-gin-8x2,random,all,none,1,{seed}" for seed in (0, 1)}
    assert (regression.directory / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (regression.directory / "curve.svg").read_bytes()


def test_fits_say_what_was_fitted(regression):
    (curve,) = json.loads((regression.directory / "fits.json").read_text())
    assert curve["curve"] == regression.rows[0].curve.cells()
    assert curve["length"] == "3 epochs each"
    power = next(law for law in curve["laws"] if law["law"] == "power")
    low, high = power["intervals"]["b"]
    assert low < power["parameters"]["b"] < high
    assert set(curve["chosen"]["laws"]) <= {law["law"] for law in curve["laws"]}
    largest = max(row.n_train for row in regression.rows)
    assert [one["n"] for one in curve["predictions"]] == [2 * largest, 4 * largest, 10 * largest]


def test_splits_and_rejected_rows_are_saved(regression, csv_file):
    with np.load(regression.directory / "splits.npz") as file:
        parts = {name: file[name] for name in file.files}
    assert sorted(np.concatenate([parts["train"], parts["valid"], parts["test"]])) == list(range(160))
    assert sorted(parts["train_order_1"]) == sorted(parts["train"])
    rejected = rows_of(regression.directory / "rejected.csv")
    assert [row["line"] for row in rejected] == ["162", "163"]
    assert rejected[0]["text"] == "rubbish"
    config = SweepConfig(**read_toml(regression.directory / "config.toml"))
    assert config.csv == csv_file


def test_repeating_the_command_trains_nothing(regression, csv_file, monkeypatch, tmp_path):
    monkeypatch.setenv("JAXMRL_CACHE", str(tmp_path))
    monkeypatch.setattr("jaxmrl.training.engines.Engine", None)
    contents = lambda: {path: path.read_bytes() for path in regression.directory.rglob("*") if path.is_file()}
    before = contents()
    run_sweep(SweepConfig(csv=csv_file, target_columns=("logp",), out=regression.directory, **SMALL))
    assert contents() == before


def test_another_configuration_on_the_directory_is_refused(regression, csv_file, cache):
    other = SMALL | {"seeds": 3, "width": (16,)}
    with pytest.raises(ConfigError, match=r"seeds \(2 there, 3 here\), width \(\[8\] there, \[16\] here\)"):
        run_sweep(SweepConfig(csv=csv_file, target_columns=("logp",), out=regression.directory, **other))


@pytest.mark.slow
def test_other_data_under_the_same_name_are_refused(csv_file, tmp_path, cache):
    path, lines = tmp_path / "t.csv", csv_file.read_text().splitlines(keepends=True)
    config = SweepConfig(csv=path, out=tmp_path / "run", seeds=1, **TINY)
    path.write_text("".join(lines))
    run_sweep(config)
    path.write_text("".join([lines[0], *lines[2:]]))
    with pytest.raises(ConfigError, match="differs in data"):
        run_sweep(config)


def test_a_foreign_directory_is_left_alone(csv_file, tmp_path, cache):
    (tmp_path / "config.toml").write_text("theirs = 1")
    with pytest.raises(ConfigError, match=r"contains config\.toml, but no run"):
        run_sweep(SweepConfig(csv=csv_file, target_columns=("logp",), out=tmp_path, **SMALL))
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["config.toml"]


@pytest.mark.nightly
def test_saved_lanes_and_checkpoints_of_every_moment_resume_to_the_same_bytes(
    regression, csv_file, tmp_path, cache, monkeypatch
):
    """Stopped again and again, each time after a checkpoint, on a machine that would choose other lanes."""
    config = SweepConfig(csv=csv_file, target_columns=("logp",), out=tmp_path / "run", **SMALL)
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    save, restore, restored = checkpoint.save, checkpoint.restore, []

    def save_and_stop(folder, engine):
        save(folder, engine)
        raise StopRequestedError

    def restore_and_count(folder, engine):
        assert restore(folder, engine) is None
        if any(slot and slot.step for slot in engine.slots):
            restored.append(folder)

    monkeypatch.setattr(checkpoint, "save", save_and_stop)
    monkeypatch.setattr(checkpoint, "restore", restore_and_count)
    for _ in range(100):
        try:
            result = run_sweep(config)
            break
        except StopRequestedError:
            monkeypatch.setattr("jaxmrl.sweep.queue.choose_lanes", lambda *_: 1)
    assert len(restored) > 5
    assert result.rows == regression.rows
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_flags_go_over_the_file(csv_file, tmp_path, capsys):
    (tmp_path / "c.toml").write_text('dataset = "hiv"\nepochs = 9\nseeds = 2\nwidth = 16\n')
    flags = ["--config", str(tmp_path / "c.toml"), "--steps", "5", "--csv", str(csv_file), "--task", "regression"]
    settings = parse(SweepConfig, SweepFlags, "sweep", "", [*flags, "--seeds", "4"]).settings
    assert settings == SweepConfig(csv=csv_file, task="regression", steps=5, seeds=4, width=(16,))


@pytest.mark.slow
def test_lost_and_torn_rows_are_trained_again_to_the_same_bytes(regression, csv_file, tmp_path, cache):
    out = tmp_path / "copy"
    out.mkdir()
    for name in ("config.toml", "run.json"):
        (out / name).write_bytes((regression.directory / name).read_bytes())
    whole = (regression.directory / "results.csv").read_text()
    lines = whole.splitlines(keepends=True)
    (out / "results.csv").write_text("".join(lines[:3]) + lines[3][:20])
    result = run_sweep(SweepConfig(csv=csv_file, target_columns=("logp",), out=out, **SMALL))
    assert (out / "results.csv").read_text() == whole
    assert result.rows == regression.rows


@pytest.mark.slow
def test_classification_with_missing_labels_and_a_task_of_one_class(csv_file, tmp_path, cache, capsys):
    config = SweepConfig(csv=csv_file, target_columns=("greasy", "rare"), out=tmp_path / "run", **SMALL)
    result = run_sweep(config, quiet=False)
    printed = capsys.readouterr().out
    assert "left out of the test mean (one class only): rare" in printed
    assert "2 rows rejected" not in printed
    assert result.rows[0].metric == "roc_auc"
    assert {row.tests["rare"] for row in result.rows} == {None}
    assert all(row.test == row.tests["greasy"] for row in result.rows)
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert "rare" in facts["splits"]["random"]["left_out_of_mean"]["test"]


@pytest.mark.nightly
def test_equal_steps(csv_file, tmp_path, cache):
    settings = {**SMALL, "epochs": None, "steps": 5}
    result = run_sweep(SweepConfig(csv=csv_file, target_columns=("logp",), out=tmp_path / "run", **settings))
    assert {row.steps for row in result.rows} == {5}
    assert {row.epochs for row in result.rows} == {5, 3, 2}
    (fits,) = json.loads((tmp_path / "run" / "fits.json").read_text())
    assert fits["length"] == "5 steps each"


@pytest.mark.parametrize(
    ("rows", "flags", "message"),
    [
        (
            [f"{'C' * (k + 1)},1" for k in range(40)],
            {"task": "classification", "target_columns": ("y",)},
            "all labels of a task have a single class",
        ),
        ([f"{'C' * (k + 1)},1.5" for k in range(40)], {}, "one value only"),
        ([f"{'C' * (k + 1)},{int(k < 2)}" for k in range(100)], {}, "no task can be evaluated: one class only"),
        (["CC,bad"] * 20, {"target_columns": ("y",)}, "column y has the one class bad"),
        (["CC,1.5"] * 20, {"target_columns": ("y", "y")}, "named twice"),
        (["rubbish,1.5"] * 20, {"target_columns": ("y",)}, "none of the 20 rows can be used"),
        ([f"{'C' * (k + 1)},{k}" for k in range(5)], {}, "has no valid molecules: 5 usable molecules in all"),
        (
            [f"{'C' * (k + 1)},{k}" for k in range(40)],
            {"fractions": (0.01,), "target_columns": ("y",)},
            "less than one molecule",
        ),
        (
            [f"{'C' * (k + 1)},{k}" for k in range(40)],
            {"metric": "roc_auc", "target_columns": ("y",)},
            "does not fit regression",
        ),
    ],
)
def test_data_that_cannot_be_swept(tmp_path, cache, rows, flags, message):
    (tmp_path / "t.csv").write_text("smiles,y\n" + "\n".join(rows) + "\n")
    with pytest.raises(UserError, match=message) as error:
        run_sweep(SweepConfig(csv=tmp_path / "t.csv", out=tmp_path / "run", **{**SMALL, **flags}))
    assert isinstance(error.value, DataError | ConfigError)


def command(*arguments, cache, **options):
    environment = os.environ | {"JAXMRL_CACHE": str(cache)}
    words = [sys.executable, "-m", "jaxmrl.sweep", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300, **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "hvi"], "unknown data set 'hvi'; choose from nci, wehi, hiv"),
        (["--csv", "{csv}", "--target-columns", "nothing"], "no column 'nothing'; its columns are smiles, logp"),
        (["--csv", "{png}"], "is an image; expected a table"),
        (["--csv", "{empty}"], "is empty"),
        (["--csv", "{missing}"], "No such file"),
        (["--csv", "{csv}", "--dataset", "hiv"], "not both"),
        (["--seeds", "0"], "--seeds must be 1 or more; got 0"),
        (["--fractions", "0"], "above 0"),
        (["--fractions", "1.5"], "at most 1"),
        (["--fractions", "some"], "--fractions"),
        (["--nonsense"], "--nonsense"),
        (["--config", "{missing}"], "No such file"),
        (["--csv", "{csv}", "--target-columns", "logp", "--out", "{file}"], "cannot write to"),
    ],
    ids=lambda value: value[-1].strip("{}") if isinstance(value, list) else "",
)
def test_wrong_commands_end_with_one_clear_line(arguments, message, csv_file, tmp_path, refused):
    (tmp_path / "png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    (tmp_path / "empty").write_text("")
    (tmp_path / "file").write_text("")
    names = {name: tmp_path / name for name in ("png", "empty", "missing", "file")} | {"csv": csv_file}
    assert message in refused("sweep", *(argument.format(**names) for argument in arguments))


@pytest.mark.slow
def test_a_wrong_command_ends_its_process_so(tmp_path):
    ended = command("--seeds", "0", cache=tmp_path / "cache", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "error: --seeds must be 1 or more; got 0\n"


def test_version_datasets_and_help(run_here):
    said = {}
    for flag in ("--version", "--list-datasets", "--help"):
        code, said[flag], errors = run_here("sweep", flag)
        assert (code, errors) == (0, "")
    assert said["--version"].startswith("jaxmrl 0.")
    assert {line.split()[0] for line in said["--list-datasets"].splitlines()} >= {"nci", "wehi", "hiv", "qm8"}
    assert "--fractions" in said["--help"]


@pytest.mark.parametrize("flag", ["--help", pytest.param("--list-datasets", marks=pytest.mark.slow)])
def test_nobody_needs_to_read_to_the_end(flag, tmp_path):
    words = [sys.executable, "-m", "jaxmrl.sweep", flag]
    environment = os.environ | {"JAXMRL_CACHE": str(tmp_path)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        process.stdout.close()  # as `head` does, when it has its lines
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.nightly
def test_the_command_prints_curve_and_law_and_repeats_to_the_byte(csv_file, tmp_path, regression, monkeypatch):
    """With cold caches, then with warm ones."""
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", "1")  # with which it chooses as many lanes as the sweep beside it
    for name in ("cold", "warm"):
        arguments = ["--csv", csv_file, "--target-columns", "logp", *SMALL_FLAGS, "--out", tmp_path / name]
        ended = command(*arguments, cache=tmp_path / "cache")
        assert ended.returncode == 0, ended.stderr
        assert "2 rows rejected" in ended.stdout
        assert "RMSE = " in ended.stdout
        assert " n^" in ended.stdout
        for file in ("results.csv", "curves.csv"):
            assert (tmp_path / name / file).read_bytes() == (regression.directory / file).read_bytes()


def wait_for(condition, process):
    deadline = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, "the command ended too soon"
        assert time.monotonic() < deadline
        time.sleep(0.05)


LONG = tuple(
    "--fractions 0.25 0.5 1.0 --seeds 2 --epochs 150 --width 8 --depth 2 --batch-size 32 --baselines none".split()
)


@pytest.fixture(scope="module")
def uninterrupted(csv_file, tmp_path_factory):
    """The folder of a run `whole` by the command and LONG, and of a cache; and its arguments but --out."""
    folder, arguments = tmp_path_factory.mktemp("long"), ["--csv", csv_file, "--target-columns", "logp", *LONG]
    assert command(*arguments, "--out", folder / "whole", cache=folder / "cache").returncode == 0
    return folder, arguments


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, marks=pytest.mark.nightly),
        pytest.param(signal.SIGTERM, marks=pytest.mark.nightly),
        pytest.param(signal.SIGKILL, marks=pytest.mark.slow),
    ],
)
def test_stopped_and_repeated_is_uninterrupted(number, uninterrupted, tmp_path):
    folder, arguments = uninterrupted
    out = tmp_path / "torn"
    environment = os.environ | {"JAXMRL_CACHE": str(folder / "cache")}
    words = [sys.executable, "-m", "jaxmrl.sweep", *map(str, arguments), "--out", str(out)]
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    results = out / "results.csv"
    wait_for(lambda: results.exists() and results.read_text().count("\n") > 2, process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    if number != signal.SIGKILL:
        assert process.returncode == 130
        assert "Run the same command to resume" in errors
        assert list((out / "checkpoints").rglob("host.json"))
    finished = results.read_text().count("\n") - 1
    assert finished < 6, "it was stopped half-way"
    assert command(*arguments, "--out", out, cache=folder / "cache").returncode == 0
    tables = ("results.csv", "curves.csv", "splits.npz", "config.toml", "rejected.csv")
    for name in (*tables, "fits.json", "curve.svg", "report.html"):
        assert (out / name).read_bytes() == (folder / "whole" / name).read_bytes(), name
    assert {path.name for path in out.iterdir()} == {path.name for path in (folder / "whole").iterdir()}


@pytest.mark.nightly
def test_nci_default_data_learn(cache, tmp_path, monkeypatch):
    monkeypatch.delenv("JAXMRL_DATA", raising=False)
    sizes = {"fractions": (0.1, 1.0), "seeds": 1, "epochs": 15, "width": (32,)}
    config = SweepConfig(model=("dmpnn",), **sizes, out=tmp_path / "run")
    small, large = run_sweep(config).rows
    assert large.test < small.test
    mean_absolute_deviation_of_the_labels = 1.6
    assert large.test < 0.3 * mean_absolute_deviation_of_the_labels


def test_public_functions_are_documented():
    import jaxmrl.sweep as module

    public = [value for name, value in vars(module).items() if not name.startswith("_") and callable(value)]
    own = [value for value in public if getattr(value, "__module__", "") == "jaxmrl.sweep"]
    assert own
    assert all(value.__doc__ for value in own)
    assert Path(module.__file__).read_text().count("\n") < 320, "a newcomer reads sweep.py"
