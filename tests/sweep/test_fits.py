"""Classical models in a sweep: the same grid, files and resumption as neural networks."""

import csv
import subprocess
import sys

import numpy as np
import pytest

from jaxmrl.baselines.spec import MOST_MOLECULES
from jaxmrl.config import PredictConfig, ScoreConfig, SweepConfig
from jaxmrl.errors import ConfigError
from jaxmrl.predict import predict_molecules
from jaxmrl.reports.against_baselines import baseline_lines
from jaxmrl.reports.blocks import sentence
from jaxmrl.sweep import fits, run_sweep
from jaxmrl.sweep.load import load_run
from jaxmrl.training.interrupts import StopRequestedError
from tests.support.tiny import TINY

CLASSICAL = {"target_columns": ("logp",), "fractions": (0.2, 1.0), "seeds": 2, "model": ("ridge", "knn", "mean")}


@pytest.fixture(scope="module")
def fitted(csv_file, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(tmp_path_factory.mktemp("cache")))
        out = tmp_path_factory.mktemp("run") / "here"
        return run_sweep(SweepConfig(csv=csv_file, out=out, save_predictions=True, **CLASSICAL))


def files_of(folder):
    """The bytes of all that must not depend on how a run came about; a report says what machine and when."""
    names = [folder / name for name in ("results.csv", "history.csv", "curves.csv", "fits.json")]
    return {path.name: path.read_bytes() for path in [*names, *sorted((folder / "predictions").iterdir())]}


def test_rows_are_those_of_the_grid(fitted):
    assert [(row.curve.modality, row.curve.model) for row in fitted.rows[::4]] == [
        ("ecfp", "ridge"),
        ("ecfp", "knn"),
        ("labels", "mean"),
    ]
    assert [(row.fraction, row.seed) for row in fitted.rows[:4]] == [(0.2, 0), (0.2, 1), (1.0, 0), (1.0, 1)]
    for row in fitted.rows:
        assert (row.status, row.epochs, row.steps, row.best_epoch, row.curve.params) == ("finished", 0, 0, 0, 0)
        assert row.metric == "rmse"
        assert row.test == row.tests["logp"]
    assert load_run(fitted.directory).rows == fitted.rows
    assert load_run(fitted.directory).missing == 0


def test_results_follow_from_the_kept_predictions(fitted, csv_file):
    labels = [row["logp"] for row in csv.DictReader(csv_file.open())]
    for row in fitted.rows:
        name = f"ecfp-{row.curve.model}" if row.curve.model != "mean" else "labels-mean"
        pruning = "all" if row.fraction == 1 else "random"
        path = fitted.directory / "predictions" / f"{name},random,{pruning},none,{row.fraction:g},{row.seed}.npz"
        with np.load(path) as file:
            kept = dict(file)
        for part, metric in (("valid", row.valid), ("test", row.test)):
            own = kept["part"] == part
            truth = np.array([float(labels[k]) for k in kept["molecule_id"][own]])
            assert np.sqrt(np.mean((kept["logp"][own] - truth) ** 2)) == pytest.approx(metric, rel=2e-5)


@pytest.mark.nightly
def test_a_run_that_was_stopped_ends_with_the_same_files(fitted, csv_file, tmp_path, cache, monkeypatch):
    config, kept, keep = SweepConfig(csv=csv_file, out=tmp_path / "run", save_predictions=True, **CLASSICAL), [], None
    keep = fits.keep_fit

    def stop_after_five(*arguments):
        if len(kept) == 5:
            raise StopRequestedError
        kept.append(arguments)
        keep(*arguments)

    monkeypatch.setattr(fits, "keep_fit", stop_after_five)
    with pytest.raises(StopRequestedError):
        run_sweep(config)
    assert len(load_rows(tmp_path / "run")) == 5
    monkeypatch.setattr(fits, "keep_fit", lambda *arguments: kept.append(arguments) or keep(*arguments))
    run_sweep(config)
    assert len(kept) == len(fitted.rows)
    assert files_of(tmp_path / "run") == files_of(fitted.directory)


def load_rows(folder):
    return list(csv.DictReader((folder / "results.csv").open()))


def test_predict_fits_the_saved_models_again(fitted, csv_file, tmp_path, cache):
    """It predicts the molecules of the sweep as the sweep did, and says which curve it chose."""
    out = tmp_path / "predictions.csv"
    curve = "ecfp-knn,random,all,none"
    found = predict_molecules(PredictConfig(run=fitted.directory, csv=csv_file, curve=curve, out=out))
    of_seed = []
    for seed in (0, 1):
        with np.load(fitted.directory / "predictions" / f"{curve},1,{seed}.npz") as file:
            of_seed.append(file["logp"])
            ids = file["molecule_id"]
    np.testing.assert_allclose(found.mean[np.searchsorted(found.ids, ids), 0], np.mean(of_seed, axis=0), rtol=1e-12)


@pytest.mark.slow
def test_a_neural_network_and_classical_models_share_a_run(csv_file, tmp_path, cache):
    settings = TINY | {"seeds": 2, "model": ("gin", "ridge")}
    config = SweepConfig(csv=csv_file, out=tmp_path / "run", **settings)
    assert config.modalities == ("graph", "ecfp")
    result = run_sweep(config)
    assert [curve.identity.model for curve in result.curves] == ["gin", "ridge"]
    subsets = {row.curve.model: [(one.fraction, one.n_train) for one in result.rows] for row in result.rows}
    assert subsets["gin"] == subsets["ridge"]
    more = SweepConfig(csv=csv_file, out=tmp_path / "run", **settings | {"model": ("gin", "ridge", "mean")})
    extended = run_sweep(more, extend=True)
    assert [row for row in extended.rows if row.curve.model != "mean"] == result.rows


@pytest.mark.slow
def test_workers_import_no_jax():
    modules = "jaxmrl.baselines.workers, jaxmrl.baselines.fitting"
    code = f"import sys, {modules}; print('jax' in sys.modules, 'sklearn' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "True"]


def test_models_that_cannot_learn_from_so_many_molecules_are_refused(csv_file, tmp_path, cache, monkeypatch):
    monkeypatch.setitem(MOST_MOLECULES, "gp", 100)
    config = SweepConfig(csv=csv_file, target_columns=("logp",), model="gp", out=tmp_path / "run")
    with pytest.raises(ConfigError, match="at most 100 molecules, and the largest fraction has 128: give smaller"):
        run_sweep(config)
    assert not (tmp_path / "run").exists()


def test_settings_that_do_not_fit_classical_models_are_refused():
    with pytest.raises(ConfigError, match="scores come from neural networks"):
        ScoreConfig(model="rf")
    with pytest.raises(ConfigError, match="--init is for --modality graph or molgraph; got ecfp"):
        SweepConfig(model="rf", init="encoder")
    with pytest.raises(ConfigError, match="--model rf is for --modality ecfp or maccs or rdkit or ecfp-rdkit"):
        SweepConfig(dataset="qm9", model="rf")
    assert SweepConfig(dataset="qm9", modality=("geometry", "labels")).classical_models == (("labels", "mean"),)


@pytest.mark.slow
def test_every_sweep_has_a_classical_model_and_the_mean(csv_file, tmp_path, cache, monkeypatch):
    """By default, beside what it trains; neither has a law that is not its own, and the report compares them."""
    monkeypatch.setattr("jaxmrl.config.sweep.DEFAULT_BASELINES", ("svm", "mean"))
    settings = TINY | {"fractions": (0.2, 0.5, 1.0), "seeds": 2}
    result = run_sweep(SweepConfig(csv=csv_file, out=tmp_path / "run", **settings))
    assert [curve.identity.model for curve in result.curves] == ["gin", "svm", "mean"]
    assert 'baselines = ["svm", "mean"]' in (tmp_path / "run" / "config.toml").read_text()
    assert [curve.analysis.kind for curve in result.curves][2] == "reference"
    page = (tmp_path / "run" / "report.html").read_text()
    said = baseline_lines(result.curves, result.rows)
    assert any("GIN is not clearly better than the mean of the training labels at" in line for line in said)
    assert all(sentence(line) in page for line in said)
    loaded = load_run(tmp_path / "run")
    assert (loaded.rows, loaded.missing) == (result.rows, 0)
    without = SweepConfig(csv=csv_file, out=tmp_path / "run", **settings, baselines="none")
    assert run_sweep(without, extend=True).rows == result.rows, "extending takes nothing away"


def test_baselines_are_names_of_classical_models():
    assert SweepConfig(baselines="none").baselines == ()
    assert SweepConfig(baselines=("rf", "mean")).reference_models == (("ecfp", "rf"), ("labels", "mean"))
    asked = SweepConfig(modality="rdkit", model=("rf",), baselines=("rf", "mean"))
    assert asked.reference_models == (("labels", "mean"),)
    assert asked.featurized == ("rdkit", "labels")
    assert SweepConfig(dataset="qm9", baselines=("rf", "mean")).reference_models == (("labels", "mean"),)
    for wrong in ("gin", ("none", "mean")):
        with pytest.raises(ConfigError, match="unknown baseline"):
            SweepConfig(baselines=wrong)


def test_baselines_end_where_they_cannot_learn_from_more(csv_file, tmp_path, cache, monkeypatch, capsys):
    monkeypatch.setitem(MOST_MOLECULES, "svm", 100)
    settings = CLASSICAL | {"model": ("ridge",), "baselines": ("svm",)}
    result = run_sweep(SweepConfig(csv=csv_file, out=tmp_path / "run", **settings), quiet=False)
    assert [(row.curve.model, row.n_train) for row in result.rows] == [
        *[("ridge", n) for n in (25, 25, 128, 128)],
        *[("svm", 25)] * 2,
    ]
    assert "baseline svm: left out beyond 100 training molecules" in capsys.readouterr().out
    assert load_run(tmp_path / "run").missing == 0
