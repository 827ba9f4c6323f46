"""Splits by the commands: several in one sweep, one's own, and in scoring."""

import csv
import json

import numpy as np
import pytest

from jaxmrl.config import ScoreConfig, SweepConfig
from jaxmrl.errors import ConfigError
from jaxmrl.score import score_molecules
from jaxmrl.sweep import run_sweep

SMALL = {"fractions": (0.5, 1.0), "seeds": 1, "epochs": 2, "batch_size": 32, "width": 8, "depth": 1}


def write(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.mark.nightly
def test_three_splits_make_three_curves_in_one_program(csv_file, tmp_path, cache):
    ways = ("random", "scaffold", "imbalanced")
    config = SweepConfig(csv=csv_file, target_columns=("logp",), split=ways, out=tmp_path / "run", **SMALL)
    result = run_sweep(config)
    assert [curve.identity.split for curve in result.curves] == list(ways)
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["lanes of graph-gin-8x1"] == 4
    assert 0 <= facts["splits"]["scaffold"]["test_near_training"] <= facts["splits"]["random"]["test_near_training"]
    with np.load(tmp_path / "run" / "splits.npz") as arrays:
        parts = [set(arrays[name].tolist()) for name in ("scaffold_train", "scaffold_valid", "scaffold_test")]
        assert len(set.union(*parts)) == sum(map(len, parts)) == 160
        assert set(arrays["scaffold_train_order_0"].tolist()) == parts[0]
        assert set(arrays["train"].tolist()) != parts[0]
    assert run_sweep(config).rows == result.rows


@pytest.mark.nightly
def test_a_replica_is_the_same_whatever_other_splits_are_swept(csv_file, tmp_path, cache):
    settings = {"csv": csv_file, "target_columns": ("logp",), "lanes": 2, **SMALL}
    both = run_sweep(SweepConfig(split=("random", "scaffold"), out=tmp_path / "both", **settings))
    alone = run_sweep(SweepConfig(split=("scaffold",), out=tmp_path / "alone", **settings))
    of_scaffold = [row for row in both.rows if row.curve.split == "scaffold"]
    for one, other in zip(of_scaffold, alone.rows, strict=True):
        assert one.test == pytest.approx(other.test, rel=1e-3)


@pytest.mark.slow
def test_a_split_of_ones_own(csv_file, tmp_path, cache):
    rows = [["test" if k % 5 == 0 else "valid" if k % 5 == 1 else "train"] for k in range(162)]
    path = write(tmp_path / "split.csv", [["split"], *rows])
    config = SweepConfig(csv=csv_file, target_columns=("logp",), split_file=path, out=tmp_path / "run", **SMALL)
    result = run_sweep(config)
    assert {row.curve.split for row in result.rows} == {"file"}
    with np.load(tmp_path / "run" / "splits.npz") as arrays:
        assert arrays["file_test"].tolist() == list(range(0, 160, 5))


def test_scores_are_of_the_splits_training_molecules(csv_file, tmp_path, cache):
    settings = {"target_columns": ("logp",), "methods": ("random",), "seeds": 1}
    scores = score_molecules(ScoreConfig(csv=csv_file, split="scaffold", out=tmp_path / "s.csv", **settings))
    usual = score_molecules(ScoreConfig(csv=csv_file, out=tmp_path / "t.csv", **settings))
    assert set(scores.molecules) != set(usual.molecules)


@pytest.mark.nightly
def test_each_split_is_scored_and_pruned_by_itself(csv_file, tmp_path, cache):
    settings = {"csv": csv_file, "target_columns": ("logp",), "score_seeds": 1, "score_epochs": 1, **SMALL}
    run_sweep(SweepConfig(split=("random", "scaffold"), pruning=("random", "el2n"), out=tmp_path / "run", **settings))
    assert (tmp_path / "run" / "scores_graph-gin-8x1.csv").exists()
    assert (tmp_path / "run" / "scores_scaffold_graph-gin-8x1.csv").exists()
    with np.load(tmp_path / "run" / "splits.npz") as arrays:
        assert set(arrays["scaffold_el2n_order_graph-gin-8x1_0"]) == set(arrays["scaffold_train"])
    with (tmp_path / "run" / "pruning.csv").open() as file:
        assert {row["split"] for row in csv.DictReader(file)} == {"random", "scaffold"}


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (
            SweepConfig,
            {"split": ("butina",)},
            r"unknown split 'butina'; choose from random, scaf",
        ),
        (SweepConfig, {"split": ("random", "random")}, r"--split has a value twice"),
        (ScoreConfig, {"split": "random", "split_file": "s.csv"}, r"give --split or --split-file, not both"),
    ],
)
def test_bad_settings(kind, settings, message):
    with pytest.raises(ConfigError, match=message):
        kind(**settings)
