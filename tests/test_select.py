"""The command that selects the molecules to label next, and its simulation."""

import csv
import json

import numpy as np
import pytest

from jaxmrl.config import SelectConfig, SweepConfig
from jaxmrl.ensemble import models_by_curve
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.select import best_label, select_molecules
from jaxmrl.select.simulate import simulate_selection
from jaxmrl.sweep import run_sweep
from tests.support.tables import nci_molecules
from tests.support.tiny import TINY


@pytest.fixture(scope="module")
def run(csv_file, tmp_path_factory):
    """The run directory of a small sweep of logP."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        config = SweepConfig(csv=csv_file, out=folder / "run", seeds=3, model=("gin",), **TINY)
        return run_sweep(config).directory


@pytest.fixture
def pool(tmp_path):
    """New alcohols, one of them twice, two molecules of the run, and a row that cannot be read."""
    known, _ = nci_molecules()
    smiles = [*(f"{'C' * k}C(O)CN" for k in range(1, 13)), "NCC(O)C", *known[:2], "rubbish"]
    path = tmp_path / "pool.csv"
    path.write_text("\n".join(["name,smiles,rank", *(f"m{k},{text},x" for k, text in enumerate(smiles))]) + "\n")
    return path


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_new_molecules_are_selected_with_reasons(run, pool, tmp_path, cache, run_here):
    code, out, said = run_here("select", run, "--csv", pool, "--count", 6, "--out", tmp_path / "s.csv")
    assert (code, said) == (0, "")
    rows = rows_of(tmp_path / "s.csv")
    assert list(rows[0]) == [
        *("rank", "molecule_id", "name", "smiles", "input rank"),
        *("method", "logp", "logp_sd", "nearest_training", "reason"),
    ]
    assert [row["rank"] for row in rows] == list("123456")
    assert {row["method"] for row in rows} <= {"greedy", "ucb", "badge", "diverse", "random"}
    assert all(row["reason"] and float(row["logp_sd"]) >= 0 for row in rows)
    assert not {"m12", "m13", "m14", "m15"} & {row["name"] for row in rows}
    assert "2 rows left out: their molecules are already in the run" in out
    assert "1 row left out: an earlier row has the same molecule" in out
    assert "6 molecules of 12 selected for high logp: " in out
    (rejected,) = rows_of(tmp_path / "s.csv.rejected.csv")
    assert rejected["reason"] == "not a valid SMILES"


def test_low_values_and_expected_improvement(run, pool, tmp_path, cache, csv_file):
    settings = {"run": run, "csv": pool, "out": tmp_path / "s.csv"}
    everything = select_molecules(SelectConfig(**settings, method=("greedy",)))
    assert (np.diff(everything.mean) <= 0).all()
    assert len(everything.ids) == everything.candidates == 12
    lowest = select_molecules(SelectConfig(**settings, method=("greedy",), minimize=True, count=1))
    assert lowest.ids[0] == everything.ids[-1]
    assert lowest.reason[0] == "lowest predicted logp: rank 1 of 12"
    improved = select_molecules(SelectConfig(**settings, method=("ei",), count=3))
    assert improved.reason[0] == "expected improvement over the best label: rank 1 of 12"
    labels = np.array([float(row["logp"]) for row in rows_of(csv_file)[:50]])
    for minimize, expected in ((False, labels.max()), (True, labels.min())):
        config = SelectConfig(**settings, minimize=minimize)
        assert best_label(config, run, np.arange(50), 0) == pytest.approx(expected)


@pytest.mark.nightly
def test_the_best_label_is_not_one_of_an_extra_source(csv_file, pool, tmp_path, cache, refused):
    (tmp_path / "other.csv").write_text("smiles,logp\nCCCCCCCCCCCCO,90\nCCCCCCCCCCCCN,95\n")
    more = {"model": "ridge", "fractions": (1.0,), "seeds": 2, "out": tmp_path / "extra"}
    run_sweep(SweepConfig(csv=csv_file, target_columns=("logp",), extra=tmp_path / "other.csv", **more))
    (curve,) = [name for name in models_by_curve(tmp_path / "extra") if name.endswith(",other")]
    words = ("select", tmp_path / "extra", "--csv", pool, "--curve", curve, "--method", "ei")
    assert "also learned labels of other: give --best-label, or choose a curve" in refused(*words)


def test_what_cannot_be_selected_is_refused(run, pool, tmp_path, refused):
    known = tmp_path / "known.csv"
    known.write_text("\n".join(["smiles", *nci_molecules()[0][:5]]) + "\n")
    assert "give RUN_DIR, the folder of a sweep" in refused("select", "--csv", pool)
    assert "unknown method 'best'" in refused("select", run, "--csv", pool, "--method", "best")
    assert "give --maximize or --minimize, not both" in refused(
        "select", run, "--csv", pool, "--maximize", "--minimize"
    )
    assert "--start cannot be used without --simulate" in refused("select", run, "--csv", pool, "--start", 5)
    assert "RUN_DIR cannot be used with --simulate" in refused("select", run, "--csv", pool, "--simulate")
    assert "no task 'x'; choose from logp" in refused("select", run, "--csv", pool, "--target-column", "x")
    assert "all of its 5 molecules are already in the run" in refused("select", run, "--csv", known)
    with pytest.raises(ConfigError, match="--count must be 1 or more; got 0"):
        SelectConfig(run=run, csv=pool, count=0)


def test_a_single_model_has_no_spread(run, pool, tmp_path, cache, monkeypatch):
    (models,) = models_by_curve(run).values()
    monkeypatch.setattr("jaxmrl.select.models_by_curve", lambda folder: {"c": models[:1]})
    settings = {"run": run, "csv": pool, "out": tmp_path / "s.csv", "count": 2}
    with pytest.raises(ConfigError, match="at least 2 models are needed for ucb, badge, and the curve has 1"):
        select_molecules(SelectConfig(**settings))
    assert len(select_molecules(SelectConfig(**settings, method=("greedy", "diverse"))).ids) == 2


def test_a_simulation_writes_rounds_comparisons_and_a_figure(csv_file, tmp_path, cache, run_here):
    words = ["--simulate", "--csv", csv_file, "--target-column", "logp", "--repeats", 2, "--rounds", 2, "--out", "sim"]
    code, out, said = run_here("select", *words, "--method", "greedy", "diverse")
    assert (code, said) == (0, "")
    assert "128 molecules can be bought, 6 hits among them" in out
    assert "Results: sim" in out
    rows = rows_of(tmp_path / "sim" / "rounds.csv")
    assert len(rows) == 3 * 2 * 3
    assert [row["labels"] for row in rows[:3]] == ["6", "12", "18"]
    found = json.loads((tmp_path / "sim" / "comparisons.json").read_text())
    assert [(one["method"], one["measure"]) for one in found["comparisons"]] == [
        *(("greedy", "hits"), ("greedy", "error"), ("diverse", "hits"), ("diverse", "error"))
    ]
    assert {one["comparisons"] for one in found["comparisons"]} == {8}
    assert (tmp_path / "sim" / "simulation.png").read_bytes()[:4] == b"\x89PNG"
    (rejected,) = rows_of(tmp_path / "sim" / "rejected.csv")[:1]
    assert rejected["text"] == "rubbish"


@pytest.mark.slow
def test_simulations_of_classes_and_of_low_values(csv_file, tmp_path, cache):
    settings = {"simulate": True, "csv": csv_file, "rounds": 1, "repeats": 1, "out": tmp_path / "sim"}
    classes = simulate_selection(SelectConfig(**settings, target_column="greasy"))
    assert classes.classes
    assert "ei" not in {trace.method for trace in classes.traces}
    low = simulate_selection(SelectConfig(**settings, target_column="logp", minimize=True, method=("greedy",)))
    high = simulate_selection(SelectConfig(**settings, target_column="logp", method=("greedy",)))
    assert low.hits == high.hits == 6
    assert low.traces[0].error[0] == pytest.approx(high.traces[0].error[0], rel=1e-5)
    with pytest.raises(DataError, match="are equal"):
        simulate_selection(SelectConfig(**settings, target_column="rare"))
    with pytest.raises(ConfigError, match="would label 180 molecules, but only 128 can be bought"):
        simulate_selection(SelectConfig(**settings, target_column="logp", start=90, count=90))
    with pytest.raises(DataError, match=r"name those that you want with --target-column$"):
        simulate_selection(SelectConfig(**settings))
