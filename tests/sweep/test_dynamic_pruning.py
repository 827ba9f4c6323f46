"""Dynamic prunings in a whole sweep."""

import csv
import json

import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.errors import ConfigError
from jaxmrl.sweep import run_sweep
from jaxmrl.sweep.estimate import estimate
from tests.support.tiny import TINY

SETTINGS = TINY | {"model": ("gin",), "fractions": (0.1,), "seeds": 2, "epochs": 16}
"""A pass takes 10 epochs."""


@pytest.fixture(scope="module")
def pruned(csv_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dynamic")
    pruning = ("random", "soft-random")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        yield run_sweep(SweepConfig(csv=csv_file, out=folder / "run", pruning=pruning, **SETTINGS))


@pytest.mark.slow
def test_replicas_make_the_steps_of_random_subsets(pruned):
    assert len(pruned.rows) == 4
    assert len({(row.n_train, row.steps, row.epochs) for row in pruned.rows}) == 1
    assert len({row.test for row in pruned.rows}) == 4


@pytest.mark.slow
def test_their_curves_have_no_law(pruned):
    for curve in json.loads((pruned.directory / "fits.json").read_text()):
        if curve["curve"]["pruning"] != "random":
            assert curve["laws"] == []
            assert curve["chosen"] is None
    assert [curve.analysis.random_samples for curve in pruned.curves] == [True, False]


@pytest.mark.slow
def test_the_report_says_that_they_save_no_labels(pruned):
    with (pruned.directory / "pruning.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["pruning"], float(row["labels_saved"])) for row in rows] == [("soft-random", 0)]
    assert all(float(row["passes"]) == pytest.approx(1.6) for row in rows)
    page = (pruned.directory / "report.html").read_text()
    assert "soft-random: each epoch chooses new molecules from all training molecules" in page
    assert "labels saved" in page


@pytest.mark.nightly  # tests of lanes have a sample
def test_methods_that_score_give_the_same_rows_in_any_company(pruned, csv_file, tmp_path, cache):
    run = lambda name, *pruning: run_sweep(SweepConfig(csv=csv_file, out=tmp_path / name, pruning=pruning, **SETTINGS))
    together = run("together", "random", "infobatch", "molpeg").rows
    rows_of = lambda pruning, rows: [row for row in rows if row.curve.pruning == pruning]
    assert rows_of("random", together) == rows_of("random", pruned.rows)
    assert rows_of("infobatch", together) == run("alone", "infobatch").rows
    assert {(row.n_train, row.steps, row.epochs) for row in together} == {(12, 16, 16)}
    assert len({row.test for row in together}) == 6


def test_every_fraction_of_a_dynamic_pruning_that_never_chooses_is_named(csv_file, capsys, cache):
    config = SweepConfig(csv=csv_file, pruning=("molpeg",), **SETTINGS | {"fractions": (0.05, 0.1)})
    estimate(config, quiet=False)
    said = " ".join(capsys.readouterr().out.split())
    assert "gin, fraction 0.05: molpeg never prunes here: the first pass over all molecules takes 22 of" in said
    assert "fraction 0.1: molpeg" not in said
    assert "graph-gin-8x2 molpeg: " in said


def test_infobatch_does_not_choose_in_its_last_epochs(csv_file, capsys, cache):
    """A pass takes 11 epochs, and the last of 12 are not pruned."""
    config = SweepConfig(csv=csv_file, pruning=("molpeg", "infobatch"), **SETTINGS | {"epochs": 12})
    estimate(config, quiet=False)
    said = " ".join(capsys.readouterr().out.split())
    assert "fraction 0.1: infobatch never prunes here: the first pass over all molecules takes 11 of 12 epochs" in said
    assert "and infobatch does not prune in the last 1; give more" in said


def test_classical_models_and_scoring_have_no_dynamic_prunings(tmp_path):
    both = {"pruning": ("random", "mine", "molpeg"), "scores": tmp_path / "scores.csv"}
    config = SweepConfig(dataset="bace", model=("rf",), **both)
    assert config.classical_prunings == ("random", "mine")
    assert config.scored_prunings == ("mine",)
    with pytest.raises(ConfigError, match="soft-random"):
        SweepConfig(dataset="bace", pruning=("soft",))
