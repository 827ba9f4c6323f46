"""Models of geometries by the commands: from an .npz file, and from conformers of SMILES."""

import csv
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmrl.config import ScoreConfig, SweepConfig
from jaxmrl.data.loading import load_problem
from jaxmrl.errors import ConfigError
from jaxmrl.modalities.geometry.conformers import embed_all
from jaxmrl.pruning.passes import grand
from jaxmrl.reports.terminal import Reporter
from jaxmrl.score import score_molecules
from jaxmrl.sweep import run_sweep
from jaxmrl.training.model_spec import model_specs
from jaxmrl.training.replica import TrainingSpec, device_table

SMALL = {"width": 32, "depth": 2, "learning_rate": 5e-3, "epochs": 40, "batch_size": 16}
"""So small a model learns enough in so few epochs only at a higher rate than the models' own."""


@pytest.fixture(scope="module")
def npz(nci, tmp_path_factory):
    """Conformers of small molecules; energy: of their atoms and, far less, of their distances; gap: noise."""
    conformers, _ = embed_all(nci[0])
    energies = []
    for z, r in zip(_split(conformers, conformers.atom), _split(conformers, conformers.position), strict=True):
        distance = np.linalg.norm(r[:, None] - r[None], axis=2)[np.triu_indices(len(z), 1)]
        energies.append(-13.6 * (z.astype(float) ** 2.4).sum() - 30 * np.exp(-distance).sum())
    path = tmp_path_factory.mktemp("npz") / "mine.npz"
    targets = {"energy": np.array(energies), "gap": np.random.default_rng(0).normal(5, 1, len(energies))}
    np.savez(path, R=conformers.position, Z=conformers.atom, N=conformers.size, **targets)
    return path


def _split(conformers, array):
    return np.split(array, np.cumsum(conformers.size)[:-1])


@pytest.mark.parametrize(
    ("models", "sizes"),
    [
        pytest.param(("schnet",), SMALL, marks=pytest.mark.nightly),
        pytest.param(("painn", "schnet"), {"epochs": 100, "batch_size": 16}, marks=pytest.mark.nightly),
    ],
)
def test_models_learn_an_energy_from_one_command(models, sizes, npz, tmp_path):
    settings = {"target_columns": ("energy",), "model": models, "fractions": (0.3, 1.0), **sizes}
    config = SweepConfig(npz=npz, seeds=1, evaluate_every=10, out=tmp_path / "run", **settings)
    result = run_sweep(config)
    assert tuple(curve.identity.model for curve in result.curves) == models
    problem = load_problem(config, Reporter(quiet=True))
    on_device = problem.label_scaler(problem.split.train, "geometry")
    scaler = problem.label_units("geometry").label_scaler(on_device)
    left = problem.table.labels - problem.composition @ scaler.references - scaler.mean
    for curve in result.curves:
        assert curve.metric == "mae"
        assert curve.points[-1].mean < 0.8 * np.abs(left[problem.split.test]).mean()
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (facts["atom_references"], facts["over_atoms"]) == ({"energy": True}, "sum")
    assert run_sweep(config).rows == result.rows


@pytest.mark.slow
def test_a_replica_subtracts_the_references_of_its_own_molecules(npz):
    problem = load_problem(SweepConfig(npz=npz), Reporter(quiet=True))
    assert problem.table.tasks == ("energy", "gap")
    assert problem.extensive.tolist() == [True, False]
    few, all_ = (problem.label_scaler(problem.split.train[:count], "geometry") for count in (20, 1000))
    assert all_.scale[0] < 0.02 * problem.table.labels[:, 0].std()
    assert all_.scale[1] == pytest.approx(1.0, abs=0.3)
    assert (few.references != all_.references)[:, 0].all()
    assert (all_.references[:, 1] == 0).all()
    off = load_problem(SweepConfig(npz=npz, atom_references="off"), Reporter(quiet=True))
    assert (off.extensive, off.label_scaler(off.split.train, "geometry").references) == (None, None)
    assert problem.label_scaler(problem.split.train, "graph").references is None
    assert (problem.over_atoms, off.over_atoms) == ("mean", "mean")
    alone = load_problem(SweepConfig(npz=npz, target_columns=("energy",)), Reporter(quiet=True))
    assert alone.over_atoms == "sum"


@pytest.mark.nightly  # slow tests of spellings train on conformers and predict by them
def test_conformers_of_smiles_learn_beside_graphs(nci, tmp_path, cache):
    path = tmp_path / "mine.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "logp"])
        writer.writerows([smiles, value] for smiles, (value,) in zip(nci[0], nci[1].tolist(), strict=True))
        writer.writerow(["*CC", 1.0])
    models = ("gin", "painn", "schnet")
    settings = {"modality": ("graph", "geometry"), "model": models, "fractions": (1.0,), "seeds": 2, "metric": "r2"}
    result = run_sweep(SweepConfig(csv=path, evaluate_every=10, out=tmp_path / "run", **settings, **SMALL))
    assert [curve.identity.model for curve in result.curves] == list(models)
    assert all(curve.points[0].mean > 0.3 for curve in result.curves[1:])
    assert "*CC,no conformer: a dummy atom has no size" in (tmp_path / "run" / "rejected.csv").read_text()
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["geometries"] == "one conformer of each molecule: ETKDGv3, seed 42, MMFF94"


@pytest.mark.parametrize(
    "model", [pytest.param("painn", marks=pytest.mark.nightly), pytest.param("schnet", marks=pytest.mark.slow)]
)
def test_grand_is_the_norm_of_each_molecules_gradient(npz, model):
    config = SweepConfig(npz=npz, target_columns=("energy",), model=model, width=8, depth=2)
    problem = load_problem(config, Reporter(quiet=True))
    (shape,) = model_specs(config, problem)
    training_spec = TrainingSpec(shape, "regression", "mae", 1e-3)
    molecules = problem.split.train[:6]
    params, stats = jax.jit(shape.init)(jax.random.key(0))
    weights = params, stats, jax.tree.map(jnp.asarray, problem.label_scaler(problem.split.train, "geometry"))
    table, features = device_table(problem, "geometry"), problem.features["geometry"]
    scores = grand(training_spec, table, features, weights, molecules)
    table = table.with_budget(features.resources()[molecules].max(axis=0))

    @jax.jit
    def norm(molecule):
        ids = molecule[None]
        targets = weights[2].transform(table.labels[ids], table.composition_of(ids))
        loss = lambda params: jnp.mean((shape.predict(params, stats, table.store.gather(ids)) - targets) ** 2)
        return optax.tree.norm(jax.grad(loss)(params))

    np.testing.assert_allclose(scores, [norm(jnp.int32(k)) for k in molecules], rtol=1e-3)


@pytest.mark.nightly
def test_molecules_without_smiles_are_scored(npz, tmp_path):
    settings = {"seeds": 2, "epochs": 2, "batch_size": 32, "width": 16, "depth": 2}
    scores = score_molecules(ScoreConfig(npz=npz, target_columns=("energy",), out=tmp_path / "s.csv", **settings))
    assert "kmeans" not in scores.values
    assert {"el2n", "grand", "grand-last", "herding", "random"} <= scores.values.keys()
    for values in scores.values.values():
        assert np.isfinite(values).all()
    with (tmp_path / "s.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert "smiles" not in rows[0]
    assert all(row["molecule_digest"] for row in rows), "by which --scores finds the molecules again"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"modality": "graph"}, r"mine has positions and no SMILES, which --modality graph needs"),
        ({"pruning": ("random", "kmeans"), "fractions": (1.0,)}, r"kmeans needs SMILES"),
        ({"metric": "roc_auc"}, r"metric roc_auc does not fit regression"),
    ],
)
def test_what_positions_cannot_do(npz, tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        run_sweep(SweepConfig(npz=npz, out=tmp_path / "run", **settings))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": ("gim",)}, r"unknown model 'gim'; choose from gin, dmpnn, gine, painn, schnet"),
        ({"modality": ("graph",), "model": ("schnet",)}, r"--model schnet is for --modality geometry"),
        ({"cutoff": 0.0}, r"--cutoff must be a positive number of Å; got 0"),
        ({"npz": "a.npz", "csv": "a.csv"}, r"give --csv or --npz, not both"),
        ({"npz": "a.npz", "smiles_column": "s"}, r"--smiles-column describes"),
        ({"atom_references": "some"}, r"choose from auto, on, off"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ConfigError, match=message):
        SweepConfig(**settings)


def test_modalities_follow_data_and_model():
    assert SweepConfig().modalities == ("graph",)
    assert SweepConfig(dataset="qm9").modalities == ("geometry",)
    assert SweepConfig(npz="a.npz").models_of("geometry") == ("painn",)
    assert SweepConfig(dataset="hiv", model="schnet").modalities == ("geometry",)
    assert SweepConfig(model=("gin", "painn", "schnet")).modalities == ("graph", "geometry")
    config = SweepConfig(modality=("graph", "geometry"), model=("schnet", "painn"))
    assert (config.models_of("graph"), config.models_of("geometry")) == (("gin",), ("schnet", "painn"))
    assert (config.rate("gin"), config.rate("schnet")) == (1e-3, 5e-4)
