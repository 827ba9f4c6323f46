"""What a sweep writes says what it is of, and what is read again is what was written."""

import csv

import jax
import numpy as np
import pytest

from jaxmrl.config import FitConfig, SweepConfig
from jaxmrl.data.curves import read_curves
from jaxmrl.data.standard import no_standard
from jaxmrl.errors import ConfigError
from jaxmrl.models import schnet
from jaxmrl.models.build import ModelShape
from jaxmrl.report.files import distinguishing
from jaxmrl.sweep import sweep
from jaxmrl.training.replica import Recipe
from jaxmrl.training.trained import Trained, load_arrays, save_trained

TINY = {"dataset": "esol", "fractions": (0.1, 0.2), "seeds": 2, "epochs": 1, "width": 8, "depth": 2, "lanes": 2}


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def slow_and_fast(tmp_path_factory):
    """Two sweeps that differ in the learning rate alone, and their results.csv in one file."""
    folder = tmp_path_factory.mktemp("rates")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        runs = [sweep(SweepConfig(**TINY, learning_rate=rate, out=folder / str(rate))) for rate in (0.001, 0.01)]
    texts = [(run.directory / "results.csv").read_text() for run in runs]
    (folder / "both.csv").write_text("".join(texts))
    return runs, folder / "both.csv"


def test_rows_name_the_settings_that_distinguish_sweeps(slow_and_fast):
    runs, _ = slow_and_fast
    settings = {(r["learning_rate"], r["dropout"], r["batch_size"], r["split_seed"]) for r in runs[0].rows}
    assert settings == {("0.001", "0.5", "256", "42")}
    for name in ("curves.csv", "history.csv"):
        assert {row["learning_rate"] for row in rows_of(runs[1].directory / name)} == {"0.01"}


def test_fit_separates_the_curves_of_two_learning_rates(slow_and_fast):
    found = read_curves(FitConfig(csv=slow_and_fast[1]))
    assert found.by == ("learning_rate",)
    assert [curve.identity for curve in found.curves] == [{"learning_rate": "0.001"}, {"learning_rate": "0.01"}]
    assert [len(curve.n) for curve in found.curves] == [4, 4]


def test_labels_name_only_what_differs(slow_and_fast):
    runs, _ = slow_and_fast
    identities = [run.curves[0].identity for run in runs]
    assert distinguishing(identities[:1]) == []
    assert distinguishing(identities) == ["learning_rate"]


def test_fractions_that_agree_in_six_digits_are_different_replicas(cache, tmp_path):
    """At d7d420c both had the name and the rows of 0.123457, and so the same replica."""
    fractions = (0.1234567, 0.1234568)
    run = sweep(SweepConfig(**TINY | {"fractions": fractions, "seeds": 1}, out=tmp_path / "run"))
    assert [float(row["fraction"]) for row in run.rows] == list(fractions)
    assert run.rows[0]["n_train"] == run.rows[1]["n_train"]
    assert run.rows[0]["test"] != run.rows[1]["test"]
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
    shape = ModelShape(**sizes, model="schnet", modality="geometry", cutoff=5.0, over_atoms="mean")
    model = Trained(tmp_path / "m", {}, Recipe(shape, "regression", "mae", 1e-3), ("energy",), False, {}, None)
    params, stats = shape.init(jax.random.key(0))
    save_trained(model, (params, stats, no_standard(1)), np.arange(2))
    (loaded, *_), _ = load_arrays(model)
    jax.tree.map(np.testing.assert_array_equal, loaded, params)

    monkeypatch.setattr(schnet, "Interaction", RenamedInteraction)
    with pytest.raises(ConfigError, match=r"params\.layers\.0\.way_in\.kernel is missing, .*inward\.kernel is not"):
        load_arrays(model)
