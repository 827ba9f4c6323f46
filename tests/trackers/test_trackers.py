"""Trackers: what commands report to them, that they change no result, and what the adapters write."""

import os
import sqlite3
from dataclasses import replace

import pytest

from jaxmrl.config import PretrainConfig, ScoreConfig, SweepConfig
from jaxmrl.errors import ConfigError
from jaxmrl.pretrain import pretrain_encoder
from jaxmrl.rows import HistoryRow
from jaxmrl.score import score_molecules
from jaxmrl.sweep import run_sweep
from jaxmrl.trackers import opening
from jaxmrl.trackers.base import Tracking
from jaxmrl.trackers.opening import FOLDER, check_tracker, open_tracker
from jaxmrl.trackers.purposes import record_name
from tests.support.rows import result_row
from tests.support.tiny import TINY

FILES = ("results.csv", "history.csv", "curves.csv", "fits.json", "config.toml", "run.json", "report.html")


class Recorder:
    """A tracker that keeps what it receives; `fails` names a method that raises."""

    def __init__(self, fails=""):
        self.fails, self.validations, self.results, self.closed = fails, [], [], 0

    def on_validation(self, row):
        self.validations.append(row)
        self._fail("on_validation")

    def on_result(self, row):
        self.results.append(row)
        self._fail("on_result")

    def close(self):
        self.closed += 1
        self._fail("close")

    def _fail(self, method):
        if method == self.fails:
            raise OSError("no space")


def history(row, epochs):
    at = {name: getattr(row, name) for name in ("curve", "split_seed", "fraction", "n_train", "seed")}
    return [HistoryRow(**at, epoch=k, step=10 * k, loss=1 / k, valid=0.5) for k in range(1, epochs + 1)]


@pytest.fixture(scope="module")
def swept(tmp_path_factory, csv_file):
    """The same sweep without a tracker and with one: the folder, and its results and trackers by name."""
    folder, told = tmp_path_factory.mktemp("tracked"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        for name, tracker in (("none", None), ("good", Recorder())):
            settings = TINY | {"epochs": 2, "baselines": ("mean",)}
            result = run_sweep(SweepConfig(csv=csv_file, seeds=2, out=folder / name, **settings), tracker=tracker)
            told[name] = (result, tracker)
    return folder, told


def test_a_tracker_gets_every_validation_before_the_result_of_its_replica(swept):
    result, tracker = swept[1]["good"]
    assert {row.key: row for row in tracker.results} == {row.key: row for row in result.rows}
    trained = [row for row in result.rows if row.curve.model == "gin"]
    for row in result.rows:
        steps = [one.step for one in tracker.validations if one.key == row.key]
        assert steps[-1] == row.steps
        assert len(steps) == (2 if row in trained else 1), "a classical model has one"
    assert tracker.closed == 1


def test_a_tracker_changes_no_file_of_the_run(swept):
    folder, _ = swept
    for file in FILES:
        assert (folder / "good" / file).read_bytes() == (folder / "none" / file).read_bytes(), file
    assert not (folder / "good" / FOLDER).exists(), "an object of the caller's own writes where it wants"


@pytest.mark.nightly  # a slow test tracks a pre-training
def test_rounds_of_tuning_are_tracked(csv_file, tmp_path, cache):
    tracker, settings = Recorder(), TINY | {"fractions": (0.1,), "epochs": 2, "tune": 3}
    result = run_sweep(SweepConfig(csv=csv_file, seeds=1, out=tmp_path / "run", **settings), tracker=tracker)
    trials = [row for row in tracker.results if row.curve.pruning != "random"]
    expected = {"tuning rung 1 setting 0", "tuning rung 1 setting 2", "tuning rung 2 setting 0"}
    assert expected <= {row.curve.pruning for row in trials}
    assert len({record_name(row) for row in trials}) == len(trials) >= 4
    assert {row.test for row in trials} == {None}, "settings are chosen on validation molecules"
    assert all(row.valid is not None for row in trials)
    assert {row.key for row in tracker.validations} == {row.key for row in tracker.results}
    assert [row for row in tracker.results if row.curve.pruning == "random"] == result.rows


@pytest.mark.nightly
def test_models_that_score_are_tracked_and_score_the_same(csv_file, tmp_path, cache):
    config = ScoreConfig(
        csv=csv_file,
        target_columns=("greasy",),
        methods=("el2n",),
        model="gin",
        width=8,
        depth=2,
        seeds=2,
        epochs=2,
        out=tmp_path / "scores.csv",
    )
    tracker = Recorder()
    score_molecules(config, tracker=tracker)
    assert {(row.curve.pruning, row.seed, row.test) for row in tracker.results} == {
        ("scoring", k, None) for k in (0, 1)
    }
    assert {(row.seed, row.epoch) for row in tracker.validations} == {(0, 2), (1, 2)}
    assert tracker.closed == 1
    before = config.out.read_bytes()
    pytest.importorskip("tensorboardX", reason="needs the extra tensorboard")
    score_molecules(config, tracker="tensorboard")
    assert config.out.read_bytes() == before
    folders = (tmp_path / "scores.csv.trackers" / "tensorboard").iterdir()
    assert sorted(path.name for path in folders) == [f"scoring,graph-gin-8x2,random,all,none,1,{k}" for k in (0, 1)]


@pytest.mark.slow
def test_a_pre_training_is_tracked(csv_file, tmp_path, cache):
    tracker = Recorder()
    pretrain_encoder(PretrainConfig(csv=csv_file, epochs=2, width=8, depth=2, out=tmp_path / "mae"), tracker=tracker)
    lines = (tmp_path / "mae" / "pretraining.csv").read_text().splitlines()
    header = lines[0].split(",")
    for row, line in zip(tracker.validations, lines[1:], strict=True):
        cells = dict(zip(header, line.split(","), strict=True))
        assert (row.epoch, row.step) == (int(cells["epoch"]), int(cells["steps"]))
        assert (row.loss, row.valid) == (float(cells["loss"]), float(cells["held_out"]))
    (end,) = tracker.results
    assert (end.curve.pruning, end.metric) == ("pre-training", "held-out error")
    assert end.valid == tracker.validations[-1].valid
    pretrain_encoder(PretrainConfig(csv=csv_file, epochs=2, width=8, depth=2, out=tmp_path / "mae"), tracker=tracker)
    assert len(tracker.results) == 1, "nothing is trained again"


def test_what_a_model_is_for_is_in_its_name_in_a_tracker():
    row = result_row(0.5)
    named = replace(row, curve=replace(row.curve, pruning="tuning rung 1 setting 12"), fraction=1.0)
    assert record_name(named).startswith("tuning-rung-1-setting-12,graph-gin-")
    assert record_name(named).endswith(f",all,none,1,{row.seed}")
    assert not record_name(row).startswith("tuning")


def test_a_failure_is_reported_once_in_a_sentence():
    said, row = [], result_row(0.5)
    tracking = Tracking(Recorder("on_result"), said.append)
    for seed in range(3):
        tracking.ended(replace(row, seed=seed), [])
    assert said == [
        "The tracker has failed (OSError: no space) and gets nothing more. The command goes on, and its own files are "
        "complete"
    ]


def test_validations_that_were_told_live_are_not_told_again():
    recorder, row = Recorder(), result_row(0.5)
    tracking, whole = Tracking(recorder, print), history(row, 5)
    tracking.validated(row.key, whole[:3])
    assert tracking.seen(row.key) == 3
    tracking.ended(row, whole)
    assert recorder.validations == whole


def test_a_tracker_is_closed_where_the_sweep_is_stopped(tmp_path):
    recorder = Recorder()
    with pytest.raises(KeyboardInterrupt), open_tracker(recorder, tmp_path, print):
        raise KeyboardInterrupt
    assert recorder.closed == 1


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow"])
def test_a_library_that_is_not_installed_is_named_with_its_command(monkeypatch, name):
    monkeypatch.setattr(opening, "find_spec", lambda library: None)
    with pytest.raises(ConfigError, match=rf"--tracker {name} needs \w+: pip install 'jaxmrl\[{name}\]'"):
        check_tracker(name)


def test_unknown_trackers_are_refused(refused):
    with pytest.raises(ConfigError, match="unknown tracker 'neptune'; choose from tensorboard, wandb, mlflow"):
        check_tracker("neptune")
    message = refused("sweep", "--dataset", "esol", "--tracker", "neptune")
    assert "--tracker must be one of mlflow, tensorboard, wandb; got 'neptune'" in message


def test_a_place_that_cannot_be_written_is_refused_in_one_sentence(tmp_path):
    pytest.importorskip("tensorboardX")
    (tmp_path / FOLDER).write_text("a file")
    with (
        pytest.raises(ConfigError, match=r"--tracker tensorboard cannot be opened: FileExistsError.*omit --tracker"),
        open_tracker("tensorboard", tmp_path, print),
    ):
        pass


def record(name, run):
    """Tell a tracker by name of one replica that ends and of one that does not; return what it says of its place."""
    said, row = [], result_row(0.5)
    with open_tracker(name, run, said.append) as tracking:
        tracking.validated(row.key, history(row, 2))
        tracking.ended(row, history(row, 3))
        tracking.validated(replace(row, seed=1).key, history(replace(row, seed=1), 1))
    assert not any("failed" in text for text in said), said
    return said[0]


def test_tensorboard_has_a_folder_for_each_replica(tmp_path):
    pytest.importorskip("tensorboardX", reason="needs the extra tensorboard")
    assert "tensorboard --logdir" in record("tensorboard", tmp_path)
    folders = sorted((tmp_path / FOLDER / "tensorboard").iterdir())
    assert len(folders) == 2
    content = b"".join(path.read_bytes() for path in folders[1].iterdir())
    assert [content.count(tag) for tag in (b"training_loss", b"validation_metric", b"_by_molecules")] == [3, 3, 1]


@pytest.mark.slow  # its database is made in some ten seconds
def test_mlflow_has_a_nested_run_for_each_replica_in_a_local_database(tmp_path, monkeypatch):
    for library in ("mlflow", "sqlalchemy", "alembic"):
        pytest.importorskip(library, reason="needs the extra mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert "mlflow ui --backend-store-uri sqlite:///" in record("mlflow", tmp_path)
    with sqlite3.connect(tmp_path / FOLDER / "mlflow.db") as database:
        statuses = [status for (status,) in database.execute("select status from runs order by start_time")]
        counted = dict(database.execute("select key, count(*) from metrics group by key"))
    assert statuses == ["KILLED", "FINISHED", "KILLED"], "the sweep, the replica that ended, the one that did not"
    assert counted == {"loss": 4, "valid": 4, "test": 1}
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.slow  # it starts a service of its own
def test_weights_and_biases_stay_offline(tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    pytest.importorskip("wandb", reason="needs the extra wandb")
    assert "offline" in record("wandb", tmp_path)
    runs = sorted(path.name for path in (tmp_path / FOLDER / "wandb").glob("*run-*"))
    assert len(runs) == 2
    assert all(name.startswith("offline-run-") for name in runs)
