"""Only curves of random samples get laws; pruned ones are compared inside the measured range (audit 1 and 2)."""

import json
from pathlib import Path

import numpy as np
import pytest

from jaxmrl.config import FitConfig, SweepConfig
from jaxmrl.curves.sampling import DYNAMIC, NOT_RANDOM, WITH_EXTRA, are_prunings, why_no_law
from jaxmrl.data.loading import load_problems
from jaxmrl.errors import DataError
from jaxmrl.fit import fit_curves
from jaxmrl.reports.summary import one_subset_prunings
from jaxmrl.reports.terminal import Reporter
from jaxmrl.rows import CurveIdentity
from jaxmrl.sweep.grid import plan_grid
from jaxmrl.sweep.queue import unique_replicas
from jaxmrl.training.encoder import load_starts
from jaxmrl.training.model_spec import model_specs

COLUMNS = CurveIdentity.columns()
TOX21 = Path(__file__).parents[2] / "benchmarks" / "results" / "pruning_tox21"
WHY = "a pruned subset of a fixed pool is not a random sample"


@pytest.mark.parametrize("name", ["results.csv", "curves.csv"])
def test_pruned_curves_of_a_sweep_get_no_law(name, capsys):
    """They meet the random curve at fraction 1, so a method that loses everywhere else had the best forecast."""
    fit_curves(FitConfig(TOX21 / name, json=True, target=0.85), quiet=False)
    found = json.loads(capsys.readouterr().out)
    assert len(found["curves"]) == 9
    for curve in found["curves"]:
        pruned = curve["curve"]["pruning"] != "random"
        assert (curve["chosen"] is None) == pruned
        assert (curve["predictions"] == []) == pruned
        assert (curve["laws"] == []) == pruned
        assert (curve["target"] is None) == pruned
        assert any(WHY in note for note in curve["notes"]) == pruned
    assert found["comparisons"] == []
    assert len(found["pruned"]) == 24
    grand = [one for one in found["pruned"] if one["curve"]["pruning"] == "grand"]
    assert all(one["difference"]["high"] < 0 for one in grand), "it loses at every fraction"
    assert "fewer than 625" in grand[0]["said"]
    assert all(one["worth"]["molecules"] is None or 625 <= one["worth"]["molecules"] <= 6257 for one in found["pruned"])


def test_the_terminal_says_why_and_compares(capsys):
    fit_curves(FitConfig(TOX21 / "results.csv"), quiet=False)
    out = capsys.readouterr().out
    assert out.count(WHY) == 1
    assert out.count("fitted laws") == 1
    assert "pruning el2n; pruning grand; " in out
    assert "pruning forgetting: 625 molecules give roc_auc 0.684" in out
    assert "Holm's correction for 24 comparisons" in out


def write(path, header, rows):
    path.write_text("\n".join([",".join(header), *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


@pytest.mark.parametrize(
    "header", [("pruning", "n", "auc"), (*CurveIdentity.columns(), "n_train", "seed", "metric", "test")]
)
def test_a_file_of_one_pruned_curve_alone(header, tmp_path):
    known = dict.fromkeys(COLUMNS, "x") | {"pruning": "el2n", "metric": "roc_auc", "seed": "0"}
    rows = [
        [(known | dict.fromkeys(("n", "n_train"), n)).get(name, round(1 - n**-0.2, 4)) for name in header]
        for n in (100, 200, 400, 800)
    ]
    with pytest.raises(DataError, match=WHY):
        fit_curves(FitConfig(write(tmp_path / "c.csv", header, rows)))


def test_curves_that_pool_pruned_and_random_runs_get_no_law(tmp_path):
    rows = [
        (kind, pruning, n, round(1 - n**-0.2, 4))
        for kind in "ab"
        for pruning in ("random", "el2n")
        for n in (100, 200, 400)
    ]
    with pytest.raises(DataError, match=WHY):
        fit_curves(FitConfig(write(tmp_path / "c.csv", ("kind", "pruning", "n", "auc"), rows), by=("kind",), pool=True))


def test_a_column_pruning_without_a_pruned_row_changes_nothing(tmp_path):
    rows = [("Random", n, round(1 - n**-0.2, 4)) for n in (100, 200, 400, 800)]
    assert fit_curves(FitConfig(write(tmp_path / "c.csv", ("pruning", "n", "auc"), rows)))["chosen"]


@pytest.mark.parametrize(("column", "method"), [("selection", "herding"), ("method", "GraNd"), ("Pruning", "mine")])
@pytest.mark.parametrize("given", [True, False])
def test_a_column_of_pruning_methods_is_known_by_what_it_contains(tmp_path, column, method, given):
    rows = [
        (kind, seed, n, round(1 - n**-0.2 + 0.001 * seed * (-1) ** (n // 100), 4))
        for kind in ("random", method)
        for seed in range(3)
        for n in (100, 200, 400)
    ]
    path = write(tmp_path / "c.csv", (column, "seed", "n", "auc"), rows)
    random, pruned = (found := fit_curves(FitConfig(path, by=(column,) if given else ())))["curves"]
    assert random["chosen"]
    assert (pruned["chosen"], pruned["predictions"]) == (None, [])
    assert [one["curve"] for one in found["pruned"]] == [{"pruning": method}] * 2


def test_other_columns_are_no_prunings():
    assert are_prunings(["random", "k-means", "least confidence", ""])
    assert not are_prunings(["random", "none"])
    assert not are_prunings(["random", "scaffold"])


def test_what_is_a_random_sample():
    assert why_no_law("random", 0.1) == ""
    assert why_no_law("el2n", 1.0) == "", "the whole pool is the same whatever the pruning"
    assert why_no_law("el2n", 0.1) == NOT_RANDOM
    assert why_no_law("EL2N") == NOT_RANDOM
    assert why_no_law("infobatch", 0.1) == DYNAMIC
    assert why_no_law("random", 1.0, "related") == WITH_EXTRA


def test_one_run_at_each_size_gives_no_interval(tmp_path, capsys):
    rows = [
        (pruning, n, round(1 - (n * times) ** -0.2, 4))
        for pruning, times in (("random", 1.0), ("el2n", 0.5))
        for n in (100, 200, 400, 800)
    ]
    found = fit_curves(FitConfig(write(tmp_path / "c.csv", ("pruning", "n", "auc"), rows)), quiet=False)
    assert "No difference has a known interval: run each size several times" in capsys.readouterr().out
    assert found["pruned"]
    for one in found["pruned"]:
        assert one["difference"]["low"] is one["difference"]["high"] is one["difference"]["p"] is None
        assert one["worth"]["low"] is None
        assert np.isfinite(one["difference"]["value"])


def test_each_seed_is_pruned_by_its_own_scores(csv_file, cache):
    """One subset for all seeds has its luck in every run, and no number of seeds shows it."""
    settings = {"target_columns": ("greasy",), "width": (8,), "depth": (2,), "fractions": (0.25, 1.0)}
    config = SweepConfig(csv=csv_file, pruning=("random", "el2n"), seeds=3, **settings)
    (problem,) = load_problems(config, Reporter(quiet=True))
    (shape,) = model_specs(config, problem)
    by_seed = np.stack([np.random.default_rng(seed).permutation(problem.split.train) for seed in range(3)])
    starts = load_starts(config.init, (shape,))
    cells = plan_grid(config, [problem], {(shape, "random"): {"el2n": by_seed}}, starts, {})[shape]
    pruned = [cell for cell in cells if cell.identity.curve.pruning == "el2n"]
    assert len(pruned) == 6
    for cell in pruned:
        seed, size = cell.identity.seed, len(cell.replica.train)
        if cell.identity.fraction == 0.25:
            assert cell.replica.train.tolist() == by_seed[seed][:size].tolist()
    assert len(unique_replicas(cells)) == 9, "at fraction 1 prunings share their replicas, seeds do not"
    assert one_subset_prunings([{"el2n": by_seed}]) == set()
    assert one_subset_prunings([{"mine": by_seed[[0, 0, 0]]}]) == {"mine"}
