"""Options of training in a whole sweep: early stopping, and the weights of classes."""

import csv

import numpy as np
import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.errors import ConfigError
from jaxmrl.rows import STOPPED
from jaxmrl.sweep import run_sweep
from jaxmrl.sweep.estimate import estimate
from jaxmrl.sweep.load import load_run
from tests.support.tiny import TINY

PATIENT = TINY | {"model": ("gin",), "seeds": 2, "epochs": 60, "patience": 2, "learning_rate": 0.03}


@pytest.fixture(scope="module")
def stopped(csv_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        yield run_sweep(SweepConfig(csv=csv_file, out=folder / "run", **PATIENT))


@pytest.mark.slow
def test_replicas_that_stop_early_count_and_say_so(stopped):
    early = [row for row in stopped.rows if row.status == STOPPED]
    assert early
    assert all(row.counts and row.epochs < 60 and row.epochs - row.best_epoch == 2 for row in early)
    (curve,) = stopped.curves
    assert [point.n_seeds for point in curve.points] == [2, 2]
    assert sum(point.late for point in curve.points) <= len(stopped.rows) - len(early)
    page = (stopped.directory / "report.html").read_text()
    assert f"stopped early {len(early)}" in page
    assert "60 epochs each, stopped early with patience 2" in page
    assert load_run(stopped.directory) == stopped


@pytest.mark.slow
def test_a_run_that_stopped_early_is_complete_and_keeps_its_patience(stopped, csv_file, monkeypatch):
    monkeypatch.setattr("jaxmrl.training.programs.train", None)
    assert run_sweep(SweepConfig(csv=csv_file, out=stopped.directory, **PATIENT)).rows == stopped.rows
    settings = stopped.directory / "config.toml"
    text = settings.read_text()
    settings.write_text(text.replace("patience = 2\n", "patience = 3\n"))
    with pytest.raises(ConfigError, match="patience was 2, not 3"):
        run_sweep(SweepConfig(csv=csv_file, out=stopped.directory, **PATIENT | {"patience": 3}))
    settings.write_text(text)


@pytest.mark.nightly
def test_class_weights_are_of_classes_alone_and_change_what_is_learned(csv_file, tmp_path, cache):
    with pytest.raises(ConfigError, match="--class-weight is for classification, and the targets are numbers"):
        estimate(SweepConfig(csv=csv_file, **TINY | {"model": ("gin",), "class_weight": "balanced"}))
    settings = TINY | {"model": ("gin",), "csv": csv_file, "target_columns": ("greasy",), "fractions": (0.1,)}
    losses = {}
    for weight in ("balanced", 1.0):
        config = SweepConfig(**settings, seeds=2, class_weight=weight, weight_decay=0.1, out=tmp_path / str(weight))
        found = run_sweep(config)
        assert {row.curve.weight_decay for row in found.rows} == {0.1}
        with (found.directory / "history.csv").open(newline="") as file:
            losses[weight] = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses["balanced"]) == 2
    assert not np.isclose(losses["balanced"], losses[1.0]).any(), "one program, other weights"
