"""What a sweep writes says what it is of, and what is read again is what was written."""

import csv
import shutil

import jax
import numpy as np
import pytest

from jaxmrl.config import FitConfig, SweepConfig
from jaxmrl.curves.table import read_curves
from jaxmrl.data.label_scaling import identity_scaler, no_units
from jaxmrl.errors import ConfigError
from jaxmrl.modalities.geometry import schnet
from jaxmrl.modalities.geometry.modality import GeometryOptions
from jaxmrl.runs import directory
from jaxmrl.runs.curves import distinguishing
from jaxmrl.runs.tables import read_results
from jaxmrl.sweep import run_sweep
from jaxmrl.training.model_spec import ModelSpec
from jaxmrl.training.replica import TrainingSpec
from jaxmrl.training.saved_model import SavedModel, load_arrays, save_trained
from tests.support.rows import result_row
from tests.support.tiny import TINY


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def slow_and_fast(tmp_path_factory, csv_file):
    """Two sweeps that differ in the learning rate alone, and their results.csv in one file."""
    folder = tmp_path_factory.mktemp("rates")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        settings = TINY | {"csv": csv_file, "seeds": 2}
        runs = [
            run_sweep(SweepConfig(**settings, learning_rate=rate, out=folder / str(rate))) for rate in (0.001, 0.01)
        ]
    texts = [(run.directory / "results.csv").read_text() for run in runs]
    (folder / "both.csv").write_text("".join(texts))
    return runs, folder / "both.csv"


@pytest.mark.slow
def test_rows_name_the_settings_that_distinguish_sweeps(slow_and_fast):
    runs, _ = slow_and_fast
    settings = {(c.learning_rate, c.dropout, c.batch_size) for c in (row.curve for row in runs[0].rows)}
    assert settings == {(0.001, 0.5, 256)}
    for name in ("curves.csv", "history.csv"):
        assert {row["learning_rate"] for row in rows_of(runs[1].directory / name)} == {"0.01"}


@pytest.mark.slow
def test_fit_separates_the_curves_of_two_learning_rates(slow_and_fast):
    found = read_curves(FitConfig(csv=slow_and_fast[1]))
    assert found.by == ("learning_rate",)
    assert [curve.identity for curve in found.curves] == [{"learning_rate": "0.001"}, {"learning_rate": "0.01"}]
    assert [len(curve.n) for curve in found.curves] == [4, 4]


@pytest.mark.slow
def test_labels_name_only_what_differs(slow_and_fast):
    runs, _ = slow_and_fast
    identities = [run.curves[0].identity for run in runs]
    assert distinguishing(identities[:1]) == []
    assert distinguishing(identities) == ["learning_rate"]


@pytest.mark.slow
def test_fractions_that_agree_in_six_digits_are_different_replicas(csv_file, cache, tmp_path):
    """At d7d420c both had the name and the rows of 0.0912345, and so the same replica."""
    fractions = (0.09123451, 0.09123452)
    run = run_sweep(SweepConfig(**TINY | {"csv": csv_file, "fractions": fractions, "seeds": 1}, out=tmp_path / "run"))
    assert [row.fraction for row in run.rows] == list(fractions)
    assert run.rows[0].n_train == run.rows[1].n_train
    assert run.rows[0].test != run.rows[1].test
    assert [float(row["fraction"]) for row in rows_of(run.directory / "curves.csv")] == list(fractions)


class RenamedInteraction(schnet.Interaction):
    """SchNet's interaction with its attribute `inward` called `way_in`, which comes after `outward`."""

    def __init__(self, width, **options):
        super().__init__(width, **options)
        self.way_in = self.inward
        del self.inward


def test_a_model_with_a_renamed_layer_is_not_loaded(tmp_path, monkeypatch):
    """At d7d420c its kernels were loaded by position, those of one shape into each other's layers."""
    sizes = {"width": 8, "depth": 1, "dropout": 0.0, "tasks": 1, "precision": "float32"}
    shape = ModelSpec(**sizes, model="schnet", modality="geometry", options=GeometryOptions(5.0, "mean"))
    training_spec = TrainingSpec(shape, "regression", "mae", 1e-3)
    model = SavedModel(tmp_path / "m", result_row(), training_spec, ("energy",), False, {}, None)
    params, stats = shape.init(jax.random.key(0))
    save_trained(model, (params, stats, no_units(1).label_scaler(identity_scaler(1))), np.arange(2))
    (loaded, *_), _ = load_arrays(model)
    jax.tree.map(np.testing.assert_array_equal, loaded, params)

    monkeypatch.setattr(schnet, "Interaction", RenamedInteraction)
    with pytest.raises(ConfigError, match=r"params\.layers\.0\.way_in\.kernel is missing, .*inward\.kernel is not"):
        load_arrays(model)


@pytest.fixture(scope="module")
def ended(tmp_path_factory, csv_file):
    """The folder of a sweep of one seed that has ended, and of a cache, and its settings."""
    folder = tmp_path_factory.mktemp("ended")
    settings = TINY | {"csv": csv_file, "seeds": 1, "epochs": 2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        run_sweep(SweepConfig(**settings, out=folder / "run"))
    return folder, settings


@pytest.fixture
def begun(ended, tmp_path, monkeypatch):
    """The settings of that sweep, with a copy of its directory."""
    folder, settings = ended
    monkeypatch.setenv("JAXMRL_CACHE", str(folder / "cache"))
    return settings | {"out": shutil.copytree(folder / "run", tmp_path / "run")}


def change_settings(run, old, new):
    path = run / "config.toml"
    assert f"\n{old}\n" in path.read_text()
    path.write_text(path.read_text().replace(f"\n{old}\n", f"\n{new}\n"))


def test_rows_of_another_length_are_refused_whoever_edited_the_settings(begun):
    """At d7d420c the rows of 2 epochs stayed, and table and report called them 8."""
    change_settings(begun["out"], "epochs = 2", "epochs = 8")
    before = (begun["out"] / "results.csv").read_bytes()
    with pytest.raises(ConfigError, match=r"seed 0: steps is 2 there and 8 by the settings, epochs is 2 there"):
        run_sweep(SweepConfig(**begun | {"epochs": 8}))
    assert (begun["out"] / "results.csv").read_bytes() == before


def test_settings_that_no_row_shows_are_refused_too(begun):
    change_settings(begun["out"], "evaluate_every = 1", "evaluate_every = 2")
    for added in ({}, {"seeds": 2}):
        with pytest.raises(ConfigError, match=r"config\.toml: evaluate_every was 1, not 2"):
            run_sweep(SweepConfig(**begun | {"evaluate_every": 2} | added), extend=bool(added))


def test_an_edited_grid_is_trained_where_it_only_adds(begun):
    change_settings(begun["out"], "seeds = 1", "seeds = 2")
    old = read_results(begun["out"] / "results.csv")
    assert run_sweep(SweepConfig(**begun | {"seeds": 2})).rows[::2] == old
    change_settings(begun["out"], "seeds = 2", "seeds = 1")
    with pytest.raises(ConfigError, match=r"fraction 0\.05, seed 1: the settings do not include this fraction"):
        run_sweep(SweepConfig(**begun))


def test_an_ended_run_needs_the_default_that_it_was_trained_with(begun, monkeypatch):
    before = read_results(begun["out"] / "results.csv")
    monkeypatch.setattr(SweepConfig, "rate", lambda config, model: config.learning_rate or 7e-3)
    with pytest.raises(ConfigError, match=r"also those whose default has changed since"):
        run_sweep(SweepConfig(**begun))
    assert read_results(begun["out"] / "results.csv") == before
    change_settings(begun["out"], "seeds = 1", f"seeds = 1\nlearning_rate = {before[0].curve.learning_rate}")
    trained_with = float(before[0].curve.learning_rate)
    assert list(run_sweep(SweepConfig(**begun | {"learning_rate": trained_with})).rows) == before


def test_other_sources_do_not_go_on_with_a_run_but_read_one_that_has_ended(begun, monkeypatch):
    """At d7d420c a run went on after ReLU had become SiLU: the version was 0.1.0 for every commit."""
    monkeypatch.setattr(directory, "source_digest", lambda: "0123")
    old = read_results(begun["out"] / "results.csv")
    assert run_sweep(SweepConfig(**begun)).rows == old
    change_settings(begun["out"], "seeds = 1", "seeds = 2")
    with pytest.raises(ConfigError, match=r'not finished: sources \("\w{16}" there, "0123" here\)\. Choose another'):
        run_sweep(SweepConfig(**begun | {"seeds": 2}))
    assert read_results(begun["out"] / "results.csv") == old


def test_a_run_of_the_former_format_is_refused_with_a_reason(begun):
    run = begun["out"] / "run.json"
    run.write_text(run.read_text().replace('"format": 3', '"format": 2'))
    with pytest.raises(
        ConfigError, match="has files of format 2, and this version of jaxmrl reads and writes format 3"
    ):
        run_sweep(SweepConfig(**begun))


OTHER_SETTINGS = {
    "jax_enable_x64": True,
    "jax_default_matmul_precision": "bfloat16",
    "jax_disable_jit": True,
    "jax_default_prng_impl": "rbg",
    "jax_threefry_partitionable": False,
    "jax_numpy_rank_promotion": "raise",
    "jax_numpy_dtype_promotion": "strict",
}


def test_settings_of_jax_change_no_number(begun, tmp_path):
    expected = read_results(begun["out"] / "results.csv")
    before = {name: getattr(jax.config, name) for name in OTHER_SETTINGS}
    try:
        for name, value in OTHER_SETTINGS.items():
            jax.config.update(name, value)
        found = run_sweep(SweepConfig(**begun | {"out": tmp_path / "other"}))
        assert jax.config.jax_enable_x64, "the caller's settings stay"
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
    assert found.rows == expected


def test_another_offset_of_random_seeds_is_refused(begun):
    change_settings(begun["out"], "seeds = 1", "seeds = 2")
    before = jax.config.jax_random_seed_offset
    try:
        jax.config.update("jax_random_seed_offset", 7)
        with pytest.raises(ConfigError, match=r"jax_random_seed_offset \(0 there, 7 here\)"):
            run_sweep(SweepConfig(**begun | {"seeds": 2}))
    finally:
        jax.config.update("jax_random_seed_offset", before)
