"""Vectors from a file as a modality: matched, learned from, extended, and predicted with."""

import csv

import numpy as np
import pytest

from jaxmrl.config import PredictConfig, ScoreConfig, SweepConfig
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.modalities.descriptors.features import ecfp_counts
from jaxmrl.predict import predict_molecules
from jaxmrl.sweep import run_sweep
from tests.support.tables import nci_molecules
from tests.support.tiny import TINY

MODELS = {"model": ("mlp", "ridge"), "seeds": 2}


def vectors_of(smiles):
    """Honest vectors: projections of ECFP counts."""
    return ecfp_counts(smiles).counts @ np.random.default_rng(0).normal(size=(2048, 16))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Vectors of all molecules but the last three, in another order; and a run that learned from them."""
    folder = tmp_path_factory.mktemp("vectors")
    smiles, labels = nci_molecules()
    order = np.random.default_rng(0).permutation(len(smiles) - 3)
    np.savez(folder / "v.npz", smiles=np.array(smiles)[order], vectors=vectors_of([smiles[k] for k in order]))
    np.savez(folder / "leak.npz", smiles=np.array(smiles), vectors=np.column_stack([vectors_of(smiles), labels]))
    return folder


@pytest.fixture(scope="module")
def run(files, csv_file, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(tmp_path_factory.mktemp("cache")))
        config = SweepConfig(
            csv=csv_file, embeddings=files / "v.npz", out=tmp_path_factory.mktemp("run") / "r", save_predictions=True,
            **TINY | MODELS,
        )  # fmt: skip
        return run_sweep(config)


def test_rows_and_rejected_molecules(run):
    assert [(row.curve.modality, row.curve.model) for row in run.rows[::4]] == [
        ("embeddings", "mlp"),
        ("embeddings", "ridge"),
    ]
    assert {row.status for row in run.rows} == {"finished"}
    with (run.directory / "rejected.csv").open() as file:
        reasons = [row["reason"] for row in csv.DictReader(file)]
    assert reasons.count("no vector in v.npz") == 3


@pytest.mark.parametrize("model", ["mlp-8x2", "ridge"])
def test_predict_needs_vectors_of_the_new_molecules(run, files, csv_file, tmp_path, cache, model):
    """It predicts the molecules of the sweep as the sweep did, and says which have no vector."""
    curve = f"embeddings-{model},random,random,none"
    settings = {"run": run.directory, "csv": csv_file, "curve": curve, "out": tmp_path / "p.csv"}
    found = predict_molecules(PredictConfig(embeddings=files / "v.npz", **settings))
    with np.load(run.directory / "predictions" / f"{curve},0.1,0.npz") as file:
        ids, first = file["molecule_id"], file["logp"]
    with np.load(run.directory / "predictions" / f"{curve},0.1,1.npz") as file:
        mean = (first + file["logp"]) / 2
    np.testing.assert_allclose(found.mean[np.searchsorted(found.ids, ids), 0], mean, rtol=1e-4, atol=1e-4)
    assert [row.reason for row in found.rejected].count("no vector in v.npz") == 4, "a row without a label is predicted"
    with pytest.raises(ConfigError, match=r"learned from vectors: give those of the molecules in .* with --emb"):
        predict_molecules(PredictConfig(**settings))
    np.savez(tmp_path / "short.npz", vectors=np.ones((162, 5)))
    with pytest.raises(ConfigError, match="has vectors of 5 numbers; the models learned from vectors of 16"):
        predict_molecules(PredictConfig(embeddings=tmp_path / "short.npz", **settings))


def test_a_label_among_the_vectors_is_reported(files, csv_file, tmp_path, cache, capsys):
    settings = {"target_columns": ("logp",), "fractions": (0.5, 1.0), "seeds": 1, "model": "ridge"}
    run_sweep(SweepConfig(csv=csv_file, embeddings=files / "leak.npz", out=tmp_path / "r", **settings), quiet=False)
    warning = "the vectors in leak.npz may contain the labels: column 16 orders molecules of equal composition as logp"
    assert f"warning: {warning}" in capsys.readouterr().out
    assert f"Warning: {warning}" in (tmp_path / "r" / "report.html").read_text()


@pytest.mark.parametrize(
    ("settings", "modalities"),
    [
        ({}, ("embeddings",)),
        ({"modality": "graph"}, ("graph", "embeddings")),
        ({"model": ("gin", "svm")}, ("graph", "embeddings")),
        ({"model": ("rf", "svm")}, ("embeddings",)),
        ({"modality": ("embeddings", "ecfp"), "model": "rf"}, ("embeddings", "ecfp")),
    ],
)
def test_modalities_with_a_file_of_vectors(settings, modalities):
    assert SweepConfig(embeddings="v.npz", **settings).modalities == modalities


def test_settings_that_do_not_fit(csv_file, files, cache, tmp_path):
    with pytest.raises(ConfigError, match="--modality embeddings needs vectors of the molecules: give a file with"):
        SweepConfig(modality="embeddings")
    with pytest.raises(ConfigError, match=r"--embeddings must end in \.npz, \.parquet, \.csv, \.csv\.gz; got v\.pkl"):
        SweepConfig(embeddings="v.pkl")
    with pytest.raises(ConfigError, match="give --modality or --embeddings, not both"):
        ScoreConfig(embeddings="v.npz", modality="graph")
    np.savez(tmp_path / "other.npz", smiles=np.array(["CBr", "CI"]), vectors=np.eye(2))
    with pytest.raises(
        DataError, match=r"has vectors for 0 of 160 molecules \(the first without has no row: molecule_id 0"
    ):
        run_sweep(SweepConfig(csv=csv_file, embeddings=tmp_path / "other.npz", target_columns="logp", out=tmp_path))
    np.savez(tmp_path / "same.npz", vectors=np.ones((162, 3)))
    with pytest.raises(DataError, match="has the same vector for all training molecules"):
        run_sweep(
            SweepConfig(csv=csv_file, embeddings=tmp_path / "same.npz", target_columns="logp", out=tmp_path / "run")
        )


@pytest.mark.slow
def test_vectors_can_be_added_to_a_run(csv_file, files, tmp_path, cache):
    settings = {
        "csv": csv_file,
        "target_columns": ("logp",),
        "fractions": (0.5, 1.0),
        "seeds": 1,
        "out": tmp_path / "run",
    }
    np.savez(tmp_path / "all.npz", smiles=np.array(nci_molecules()[0]), vectors=vectors_of(nci_molecules()[0]))
    before = run_sweep(SweepConfig(**settings, modality="ecfp", model="ridge"))
    added = {"modality": "ecfp", "model": "ridge", "embeddings": tmp_path / "all.npz"}
    result = run_sweep(SweepConfig(**settings, **added), extend=True)
    assert result.rows[:2] == before.rows
    assert [row.curve.modality for row in result.rows] == ["ecfp"] * 2 + ["embeddings"] * 2
    with pytest.raises(ConfigError, match=r"embeddings .*all\.npz there, .*v\.npz here"):
        run_sweep(SweepConfig(**settings, **added | {"embeddings": files / "v.npz"}), extend=True)
