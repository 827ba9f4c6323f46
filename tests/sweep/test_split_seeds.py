"""Several splits of a kind in one curve: seeds are spread over them, and all that follows covers them."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.config import FitConfig, SweepConfig, sweep
from jaxmrl.curves.table import read_curves
from jaxmrl.errors import ConfigError
from jaxmrl.sweep import run_sweep
from jaxmrl.sweep.load import load_run
from tests.support.tiny import TINY

SETTINGS = TINY | {"model": ("gin",), "fractions": (0.05, 0.08, 0.1)}


@pytest.fixture(scope="module")
def swept(tmp_path_factory, csv_file):
    """The result of a sweep of three seeds on two splits."""
    folder = tmp_path_factory.mktemp("splits")
    shutil.copy(csv_file, folder / "mine.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        return run_sweep(SweepConfig(csv=folder / "mine.csv", seeds=3, split_seeds=2, out=folder / "run", **SETTINGS))


def test_seeds_are_spread_over_the_splits_of_one_curve(swept):
    assert {(row.seed, row.split_seed) for row in swept.rows} == {(0, 42), (1, 43), (2, 42)}
    (curve,) = swept.curves
    assert [(point.n_seeds, point.n_splits) for point in curve.points] == [(3, 2)] * 3
    with np.load(swept.directory / "splits.npz") as arrays:
        one, other = (set(arrays[f"{name}test"].tolist()) for name in ("", "random_43_"))
        assert len(one) == len(other)
        assert one != other
        assert {"train_order_0", "train_order_2", "random_43_train_order_1"} <= set(arrays)
        assert "train_order_1" not in arrays
        assert set(arrays["random_43_train_order_1"].tolist()) == set(arrays["random_43_train"].tolist())


def test_all_that_is_written_says_so(swept):
    (fits,) = json.loads((swept.directory / "fits.json").read_text())
    assert fits["intervals_over"] == ["runs", "splits"]
    assert [(one["splits"], one["runs"]) for one in fits["spread"]] == [(2, 3)] * 3
    assert all(one["within"] is not None for one in fits["spread"])
    report = (swept.directory / "report.html").read_text()
    assert "Spread of splits and seeds" in report
    assert "split seeds: 42, 43" in report
    with (swept.directory / "curves.csv").open(newline="") as file:
        assert [row["splits"] for row in csv.DictReader(file)] == ["2"] * 3


def test_a_run_is_read_and_fitted_as_it_was_returned(swept):
    found = load_run(swept.directory)
    assert found == swept
    read = read_curves(FitConfig(csv=swept.directory / "results.csv"))
    (curve,) = read.curves
    assert read.by == ()
    assert curve.split.tolist() == [str(row.split_seed) for row in swept.rows]


@pytest.mark.nightly
def test_a_run_of_a_version_with_one_split_goes_on_with_it(csv_file, cache, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "FEW_MOLECULES", 5_000)
    config = SweepConfig(csv=csv_file, seeds=2, out=tmp_path / "run", **SETTINGS)
    assert config.split_count("random", 4_999) == 2
    assert config.split_count("random", 5_000) == config.split_count("file", 10) == 1
    before = run_sweep(replace(config, split_seeds=1))
    settings = config.out / "config.toml"
    text = settings.read_text()
    settings.write_text(text.replace("split_seeds = 1\n", ""))
    assert run_sweep(config).rows == before.rows
    assert {row.split_seed for row in run_sweep(replace(config, seeds=3), extend=True).rows} == {42}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split_seeds": 4}, "--split-seeds 4 needs at least as many seeds"),
        ({"split_seeds": 0}, "--split-seeds must be 1 or more"),
        (
            {"split_seeds": 2, "split": "time", "csv": "t.csv", "date_column": "made"},
            "--split-seeds 2: --split time has one split",
        ),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        SweepConfig(**settings)
