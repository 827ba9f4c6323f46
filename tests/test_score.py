"""The score command, and a sweep by its scores."""

import csv
import json

import numpy as np
import pytest

from jaxmrl.cli.commands import SweepFlags, parse
from jaxmrl.config import ScoreConfig, SweepConfig
from jaxmrl.errors import ConfigError
from jaxmrl.pruning.methods import methods_for
from jaxmrl.score import score_molecules
from jaxmrl.sweep import run_sweep

SMALL = {"width": 8, "depth": 2, "batch_size": 32, "seeds": 2, "epochs": 2}
SWEEP = {"width": 8, "depth": 2, "batch_size": 32, "seeds": 3, "epochs": 2, "fractions": (0.25, 1.0)}


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def scored(csv_file, tmp_path_factory):
    """The folder of scores.csv and what is beside it."""
    folder = tmp_path_factory.mktemp("scores")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(tmp_path_factory.mktemp("cache")))
        score_molecules(
            ScoreConfig(csv=csv_file, target_columns=("greasy", "rare"), out=folder / "scores.csv", **SMALL)
        )
    return folder


@pytest.mark.slow
def test_files_of_a_scoring_and_no_other(scored):
    names = {"scores.csv", "scores.json", "scores.png", "scores.csv.rejected.csv"}
    assert {path.name for path in scored.iterdir()} == names
    rows = rows_of(scored / "scores.csv")
    assert len(rows) == 129
    heads = [
        "molecule_id",
        "smiles",
        "greasy",
        "rare",
        "grand",
        "grand_sd",
        "grand_rank",
        "grand_seed_1",
        "kmeans_rank",
    ]
    assert set(heads) <= rows[0].keys()
    assert sorted(int(row["forgetting_rank"]) for row in rows) == list(range(1, 130))
    content = json.loads((scored / "scores.json").read_text())
    assert content["seeds"] == 2
    assert content["settings"]["epochs"] == 2
    assert len(content["methods"]) == 16


@pytest.mark.nightly
def test_regression_has_its_own_methods(csv_file, tmp_path, cache):
    config = ScoreConfig(csv=csv_file, target_columns=("logp",), out=tmp_path / "s.npz", **SMALL)
    scores = score_molecules(config)
    assert list(scores.values) == [method.name for method in methods_for((), "regression")]
    with np.load(tmp_path / "s.npz") as file:
        assert file["el2n"].shape == file["molecule_id"].shape
    with pytest.raises(ConfigError, match="entropy is not defined for regression"):
        score_molecules(
            ScoreConfig(csv=csv_file, target_columns=("logp",), methods=("entropy",), out=tmp_path / "t.csv")
        )
    assert not (tmp_path / "t.csv.unfinished").exists()


@pytest.mark.nightly
def test_a_sweep_by_scores_of_its_own_and_resumed(csv_file, tmp_path, cache, monkeypatch):
    config = SweepConfig(
        csv=csv_file,
        target_columns=("greasy",),
        pruning=("random", "el2n", "kmeans"),
        score_epochs=2,
        out=tmp_path / "run",
        **SWEEP,
    )
    result = run_sweep(config)
    names = {path.name for path in result.directory.iterdir()}
    assert {"pruning.csv", "scores_graph-gin-8x2.csv"} <= names
    assert "checkpoints" not in names
    assert len(result.rows) == 3 * 2 * 3
    tests = {(row.curve.pruning, row.fraction, row.seed): row.test for row in result.rows}
    for seed in range(3):
        assert tests["el2n", 1, seed] == tests["random", 1, seed] == tests["kmeans", 1, seed]
    scores = rows_of(result.directory / "scores_graph-gin-8x2.csv")
    with np.load(result.directory / "splits.npz") as splits:
        for method in ("el2n", "kmeans"):
            kept = [splits[f"{method}_order_graph-gin-8x2_{seed}"] for seed in range(3)]
            assert len({tuple(order[:32]) for order in kept}) == 3, "each seed has a subset of its own"
            for seed, order in enumerate(kept):
                found = {int(row["molecule_id"]): float(row[f"{method}_seed_{seed}"]) for row in scores}
                values = [found[int(k)] for k in order]
                assert values == sorted(values, reverse=True)
    differences = rows_of(result.directory / "pruning.csv")
    assert [(row["pruning"], row["fraction"]) for row in differences] == [("el2n", "0.25"), ("kmeans", "0.25")]
    # What EL2N keeps for a seed may be all of one class: that replica learns nothing and does not count.
    defined = lambda pruning: [test for s in range(3) if (test := tests[pruning, 0.25, s]) is not None]
    for row in differences:
        expected = np.mean(defined(row["pruning"])) - np.mean(defined("random"))
        assert float(row["difference"]) == pytest.approx(expected, abs=1e-5)
        known = len(defined(row["pruning"])) > 1
        assert (float(row["low"]) <= expected <= float(row["high"])) if known else row["low"] == row["high"] == ""
    counts = [(row["subsets"], row["comparisons"]) for row in differences]
    assert counts == [("1", "1"), ("3", "1")], "one run has no interval, and is no comparison"
    fits = json.loads((result.directory / "fits.json").read_text())
    assert [(one["curve"]["pruning"], one["laws"] == []) for one in fits][1:] == [("el2n", True), ("kmeans", True)]
    assert not (result.directory / "comparisons.json").exists()

    monkeypatch.setattr("jaxmrl.training.engines.Engine", None)
    monkeypatch.setattr("jaxmrl.pruning.scoring_models.Engine", None)
    assert run_sweep(config).rows == result.rows


@pytest.mark.nightly
def test_random_subsets_do_not_depend_on_what_else_is_swept(csv_file, tmp_path, cache):
    settings = {"csv": csv_file, "target_columns": ("greasy",), **SWEEP}
    plain = run_sweep(SweepConfig(out=tmp_path / "plain", **settings))
    pruned = run_sweep(SweepConfig(out=tmp_path / "pruned", pruning=("kmeans", "random"), score_seeds=1, **settings))
    assert plain.rows == [row for row in pruned.rows if row.curve.pruning == "random"]


@pytest.mark.slow
def test_a_sweep_by_ready_made_scores(csv_file, scored, tmp_path, cache):
    path = tmp_path / "mine.csv"
    rows = rows_of(scored / "scores.csv")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["molecule_id", "mine"])
        writer.writerows([row["molecule_id"], k] for k, row in enumerate(rows))
    settings = {"csv": csv_file, "target_columns": ("greasy", "rare"), **SWEEP, "seeds": 1}
    result = run_sweep(SweepConfig(scores=path, pruning=("random", "mine"), out=tmp_path / "run", **settings))
    kept = np.load(result.directory / "splits.npz")["mine_order_graph-gin-8x2_0"]
    assert kept.tolist() == [int(row["molecule_id"]) for row in rows][::-1]
    with pytest.raises(ConfigError, match="no column 'yours'"):
        run_sweep(SweepConfig(scores=path, pruning=("yours",), out=tmp_path / "other", **settings))
    assert not (tmp_path / "other").exists(), "a mistake takes no directory"
    (tmp_path / "c.toml").write_text('pruning = ["random", "mine"]')
    flags = ["--config", str(tmp_path / "c.toml"), "--scores", str(path)]
    parsed = parse(SweepConfig, SweepFlags, "sweep", "", flags).settings
    assert parsed == SweepConfig(pruning=("random", "mine"), scores=path)
    path.write_text(path.read_text().replace(",0\n", ",0.5\n"))
    with pytest.raises(ConfigError, match="differs in scores"):
        run_sweep(SweepConfig(scores=path, pruning=("random", "mine"), out=tmp_path / "run", **settings))


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("score", ["--keep", "0"], "--keep"),
        ("sweep", ["--keep", "0"], "--keep"),
        ("sweep", ["--pruning", "random", "--fractions", "1.2"], "at most 1; got 1.2"),
        ("sweep", ["--pruning", "grandd"], "unknown pruning method 'grandd'; choose from random, el2n"),
        ("sweep", ["--pruning", "el2n", "el2n"], "has a value twice"),
        ("sweep", ["--pruning", "entropy"], "entropy is not defined for regression"),
        ("score", ["--methods", "forgetting"], "forgetting is not defined for regression"),
        ("score", ["--methods", "best"], "unknown method 'best'; choose from random"),
        ("score", ["--out", "scores.txt"], "--out must end in .csv, .parquet, .npz; got scores.txt"),
        ("score", ["--out", "{csv}"], "would replace --csv"),
        ("score", ["--seeds", "0"], "--seeds must be 1 or more; got 0"),
        ("score", ["--fractions", "0.5"], "--fractions"),
    ],
)
def test_wrong_commands_end_with_one_clear_line(command, arguments, message, csv_file, tmp_path, refused):
    arguments = [argument.format(csv=csv_file) for argument in arguments]
    assert message in refused(command, "--csv", csv_file, "--target-columns", "logp", *arguments)
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}
