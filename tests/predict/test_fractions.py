"""Models of smaller fractions: kept on request, and chosen by predict --fraction."""

import csv

import numpy as np
import pytest

from jaxmrl.config import PredictConfig, SweepConfig
from jaxmrl.ensemble import models_by_curve
from jaxmrl.errors import ConfigError
from jaxmrl.predict import predict_molecules
from jaxmrl.runs.artifacts import saved_fractions
from jaxmrl.sweep import run_sweep

GRID = {"target_columns": ("logp",), "model": ("ridge",), "seeds": 2, "fractions": (0.25, 0.5)}
NETWORK = GRID | {"model": ("gin",), "width": (8,), "depth": (2,), "epochs": 2}


def kept(csv_file, folder, grid):
    """The directory of a run that keeps all models and predictions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        settings = grid | {"save_all_models": True, "save_predictions": True}
        return run_sweep(SweepConfig(csv=csv_file, out=folder / "run", **settings)).directory


@pytest.fixture(scope="module")
def run(csv_file, tmp_path_factory):
    return kept(csv_file, tmp_path_factory.mktemp("run"), GRID)


@pytest.fixture(scope="module")
def run_of_networks(csv_file, tmp_path_factory):
    return kept(csv_file, tmp_path_factory.mktemp("networks"), NETWORK)


def predicted(run, csv_file, out, **settings):
    return predict_molecules(PredictConfig(run=run, csv=csv_file, out=out, **settings))


@pytest.mark.parametrize("fraction", [0.25, pytest.param(0.5, marks=pytest.mark.slow)])
@pytest.mark.parametrize("runs", ["run", pytest.param("run_of_networks", marks=pytest.mark.nightly)])
def test_predictions_are_those_of_the_fraction(request, csv_file, tmp_path, cache, runs, fraction):
    run = request.getfixturevalue(runs)
    (curve,) = models_by_curve(run)
    out = tmp_path / "p.csv"
    predicted(run, csv_file, out, curve=curve, fraction=fraction)
    with out.open(newline="") as file:
        found = {int(row["molecule_id"]): float(row["logp"] or "nan") for row in csv.DictReader(file)}
    saved = [np.load(path) for path in sorted((run / "predictions").glob(f"{curve},{fraction},*.npz"))]
    test = saved[0]["part"] == "test"
    expected = np.mean([one["logp"][test] for one in saved], axis=0)
    np.testing.assert_allclose([found[k] for k in saved[0]["molecule_id"][test]], expected, rtol=2e-5, atol=2e-5)


def test_the_largest_fraction_is_the_default(run, csv_file, tmp_path, cache):
    assert saved_fractions(run) == [0.25, 0.5]
    predicted(run, csv_file, tmp_path / "a.csv")
    predicted(run, csv_file, tmp_path / "b.csv", fraction=0.5)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    (row,) = {model.row.fraction for models in models_by_curve(run).values() for model in models}
    assert row == 0.5


def test_a_fraction_without_models_is_refused(run, csv_file, tmp_path):
    with pytest.raises(ConfigError, match=r"--fraction 0\.3: .* has models at fraction 0\.25 or 0\.5; a sweep with"):
        predicted(run, csv_file, tmp_path / "p.csv", fraction=0.3)
    with pytest.raises(ConfigError, match="--fraction must be above 0 and at most 1; got 2"):
        PredictConfig(run=run, csv=csv_file, fraction=2.0)


@pytest.mark.slow
def test_models_that_are_asked_for_later_are_trained_again(csv_file, tmp_path, cache):
    begun = SweepConfig(csv=csv_file, out=tmp_path / "run", **GRID)
    run_sweep(begun)
    before = (tmp_path / "run" / "results.csv").read_bytes()
    assert saved_fractions(tmp_path / "run") == [0.5]
    whole = SweepConfig(csv=csv_file, out=tmp_path / "run", **GRID, save_all_models=True)
    run_sweep(whole, extend=True)
    assert saved_fractions(tmp_path / "run") == [0.25, 0.5]
    assert (tmp_path / "run" / "results.csv").read_bytes() == before
    run_sweep(SweepConfig(csv=csv_file, out=tmp_path / "run", **GRID | {"fractions": (1.0,)}), extend=True)
    assert saved_fractions(tmp_path / "run") == [0.25, 0.5, 1.0]
