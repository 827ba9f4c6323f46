"""The value command, and a pruning by its values."""

import csv
import json

import numpy as np
import pytest

from jaxmrl.config import SweepConfig, ValueConfig
from jaxmrl.data.loading import load_problem
from jaxmrl.data.matching import Data
from jaxmrl.errors import DataError
from jaxmrl.pruning.score_files import read_orders
from jaxmrl.reports.terminal import Reporter
from jaxmrl.sweep import run_sweep
from jaxmrl.training.interrupts import StopRequestedError
from jaxmrl.valuation import subset_models
from jaxmrl.value import value_molecules

SMALL = {"width": 8, "batch_size": 32, "subsets": 12, "epochs": 1, "trees": 10, "target_columns": ("greasy",)}
METHODS = ("banzhaf", "shapley", "datamodel", "oob")


@pytest.fixture(scope="module")
def valued(csv_file, tmp_path_factory):
    """The config of a valuation that has ended, what it returned, and its data."""
    folder = tmp_path_factory.mktemp("values")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(tmp_path_factory.mktemp("cache")))
        config = ValueConfig(csv=csv_file, out=folder / "values.csv", **SMALL)
        return config, value_molecules(config), load_problem(config, Reporter(quiet=True))


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_files_of_a_valuation_and_no_other(valued):
    config, found, problem = valued
    names = {"values.csv", "values.json", "values.png", "values.csv.rejected.csv"}
    assert {path.name for path in config.out.parent.iterdir()} == names
    rows = rows_of(config.out)
    of_methods = [f"{name}{end}" for name in METHODS for end in ("", "_se", "_rank")]
    assert list(rows[0]) == ["molecule_id", "smiles", "greasy", *of_methods, "suspect_rank"]
    ids = problem.table.ids[found.molecules].tolist()
    by_id = {int(row["molecule_id"]): row for row in rows}
    for name in METHODS:
        assert sorted(int(row[f"{name}_rank"]) for row in rows) == list(range(1, len(rows) + 1))
        for molecule, value in zip(ids, found.values[name].value.tolist(), strict=True):
            assert float(by_id[molecule][name] or "nan") == pytest.approx(value, nan_ok=True)
    suspects = [int(row["molecule_id"]) for row in sorted(rows, key=lambda row: int(row["suspect_rank"]))]
    assert suspects == problem.table.ids[found.suspects()].tolist()
    content = json.loads((config.out.parent / "values.json").read_text())
    assert content["suspects_by"] == "oob"
    assert content["halves"]["models"] == 12
    assert content["shapley"]["models"] == 22
    assert set(content["halves"]["linear_datamodeling_score"]) == {"outputs", "mean_output", "banzhaf"}
    assert any("estimation error" in line for line in content["warnings"])


@pytest.mark.slow
def test_shapley_values_add_up_to_the_utility_of_all_molecules(valued):
    config, found, _ = valued
    facts = json.loads((config.out.parent / "values.json").read_text())["shapley"]
    total = found.values["shapley"].value.sum()
    assert total == pytest.approx(facts["utility_of_all"] - facts["utility_of_none"], abs=1e-3)


@pytest.mark.slow
def test_a_sweep_can_keep_the_most_valuable_molecules(valued):
    config, found, problem = valued
    data = Data(problem.table, problem.canonical)
    orders, _ = read_orders(config.out, ("banzhaf",), found.molecules, data, "hard", 1)
    expected = found.molecules[np.argsort(-found.values["banzhaf"].value, kind="stable")]
    assert orders["banzhaf"][0].tolist() == expected.tolist()


@pytest.mark.nightly
def test_a_sweep_of_a_classical_model_keeps_the_molecules_with_the_best_labels(csv_file, tmp_path, cache):
    data = {"csv": csv_file, "target_columns": ("logp",)}
    value_molecules(ValueConfig(out=tmp_path / "values.csv", methods=("oob",), trees=10, **data))
    asked = {"pruning": ("random", "oob"), "scores": tmp_path / "values.csv", "fractions": (0.5, 1.0), "seeds": 3}
    result = run_sweep(SweepConfig(out=tmp_path / "run", model=("ridge",), **asked, **data))
    assert sum(row.curve.pruning == "oob" for row in result.rows) == 6
    tests = {row.test for row in result.rows if row.curve.pruning == "oob" and row.fraction == 0.5}
    assert len(tests) == 1, "all seeds have one subset, and a ridge regression draws no random number"
    (row,) = rows_of(tmp_path / "run" / "pruning.csv")
    assert (row["pruning"], row["subsets"]) == ("oob", "1")
    assert row["low"], "the spread of random subsets is that of the one subset"


@pytest.mark.nightly
def test_stopped_anywhere_it_goes_on_to_the_same_values(valued, tmp_path, cache, monkeypatch):
    save, saved = subset_models._save, []

    def save_and_stop(path, outputs):
        save(path, outputs)
        saved.append(path)
        if len(saved) % 9 == 0:
            raise StopRequestedError

    monkeypatch.setattr(subset_models, "_save", save_and_stop)
    config, whole, _ = valued
    parts = ValueConfig(**vars(config) | {"out": tmp_path / "parts.csv"})
    for _ in range(10):
        try:
            found = value_molecules(parts)
            break
        except StopRequestedError:
            assert (tmp_path / "parts.csv.unfinished").exists()
    assert len(saved) == 12 + 22, "what is done is not trained again"
    for name in METHODS:
        np.testing.assert_array_equal(found.values[name].value, whole.values[name].value)
    assert (tmp_path / "parts.csv").read_bytes() == config.out.read_bytes()


def test_too_few_molecules_are_refused(csv_file, tmp_path, cache):
    few = tmp_path / "few.csv"
    few.write_text("".join(csv_file.read_text().splitlines(keepends=True)[:18]))
    with pytest.raises(DataError, match="values need 20 training molecules or more; the split has 13"):
        value_molecules(ValueConfig(csv=few, out=tmp_path / "values.csv", **SMALL | {"target_columns": ("logp",)}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods", "el2n"], "unknown method 'el2n'; choose from banzhaf, shapley, datamodel, oob"),
        (["--subsets", "5"], "--subsets must be 10 or more; got 5"),
        (["--trees", "0"], "--trees must be 1 or more; got 0"),
        (["--model", "rf"], "values come from neural networks and the trees of oob; got --model rf"),
        (["--keep", "easy"], "unknown argument --keep"),
        (["--out", "values.txt"], "--out must end in .csv, .parquet, .npz; got values.txt"),
        (["--out", "{csv}"], "would replace --csv"),
        (["--seed", "-1"], "--seed must be 0 or more; got -1"),
    ],
)
def test_wrong_commands_end_with_one_clear_line(arguments, message, csv_file, tmp_path, refused):
    arguments = [argument.format(csv=csv_file) for argument in arguments]
    assert message in refused("value", "--csv", csv_file, "--target-columns", "logp", *arguments)
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}
