"""One molecule, one input: neither the order of a text's atoms nor what follows it reaches a model."""

import csv
import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jaxmrl.config import PredictConfig, ScoreConfig, SweepConfig
from jaxmrl.data.corpus import prepare_corpus
from jaxmrl.data.loading import load_problem
from jaxmrl.io.files import read_rows
from jaxmrl.modalities.base import arrays_of
from jaxmrl.modalities.graph.modality import GRAPH
from jaxmrl.predict import predict_molecules
from jaxmrl.reports.terminal import Reporter
from jaxmrl.sweep import run_sweep
from tests.support.spellings import MOLECULES, respell

INPUTS = Path(__file__).parent / "inputs"
TINY = {"width": 16, "depth": 1, "epochs": 2, "fractions": (1.0,), "seeds": 1, "batch_size": 16, "dropout": 0.0}
QUIET = Reporter(quiet=True)
MODELS = {
    "graph": "gin",
    "smiles": "transformer",
    "geometry": "schnet",
    "fingerprint": "transformer",
    "molgraph": "dmpnn",
}
MARKS = {"graph": [pytest.mark.slow], "molgraph": [pytest.mark.slow]}
MODALITIES = [pytest.param(name, marks=MARKS.get(name, [pytest.mark.nightly])) for name in MODELS]


def write_table(path, smiles):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["smiles", "y"], *([text, len(text) % 7] for text in smiles)])
    return path


@pytest.fixture(scope="module")
def trained(nci, tmp_path_factory):
    """A function of a modality: the run of a sweep of it on chiral and other small molecules."""
    folder = tmp_path_factory.mktemp("spellings")
    smiles = [
        "OCC a name",
        *(text for text in nci[0] if len(text) < 16),
        *(text for text in MOLECULES if len(text) < 25),
    ]
    table = write_table(folder / "train.csv", smiles)

    @functools.cache
    def run_of(modality):
        config = SweepConfig(
            csv=table, modality=modality, model=MODELS[modality], target_columns=("y",), task="regression",
            out=folder / modality, fingerprint_chirality=True, **TINY,
        )  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
            return run_sweep(config).directory

    return run_of


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_molecule_has_one_prediction_however_it_is_spelled(trained, modality, tmp_path, cache):
    path = INPUTS / "same_molecule_other_spelling.csv"
    with path.open(newline="") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    found = predict_molecules(PredictConfig(trained(modality), path, out=tmp_path / "p.csv"))
    by_name = {
        name: {float(y) for y, own in zip(found.mean[:, 0], names, strict=True) if own == name} for name in names
    }
    assert {name: len(values) for name, values in by_name.items()} == dict.fromkeys(names, 1)


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_file_spelled_in_another_way_has_the_same_predictions(trained, modality, tmp_path, cache):
    smiles, rng = [text for text in MOLECULES if len(text) < 25], np.random.default_rng(1)
    respelled = [respell(text, rng) for text in smiles]
    one, other = (
        predict_molecules(
            PredictConfig(trained(modality), write_table(tmp_path / "new.csv", texts), out=tmp_path / "p.csv")
        )
        for texts in (smiles, respelled)
    )
    np.testing.assert_array_equal(one.mean, other.mean)
    np.testing.assert_array_equal(one.nearest, other.nearest)


@pytest.fixture
def with_and_without_names(tmp_path):
    """The table whose names give the labels away, and the same one without names."""
    path = INPUTS / "names_after_smiles.csv"
    rows = [line.split(",") for line in path.read_text().splitlines()]
    without = tmp_path / path.name
    without.write_text("".join(f"{text.split()[0]},{label}\n" for text, label in rows))
    return path, without


def test_names_after_the_smiles_are_no_tokens(with_and_without_names, cache, capsys):
    settings = {"target_columns": ("activity",), "modality": "smiles", "smiles_variants": 2}
    one, other = (load_problem(SweepConfig(csv=path, **settings), Reporter()) for path in with_and_without_names)
    said = "240 of 240 SMILES: more text after a blank (line 2: 'ACT100'); names and CXSMILES extensions are not part"
    assert " ".join(capsys.readouterr().out.split()).count(said) == 1
    assert one.features["smiles"].vocabulary == other.features["smiles"].vocabulary
    for array, twin in zip(*(arrays_of(problem.features["smiles"]) for problem in (one, other)), strict=True):
        np.testing.assert_array_equal(array, twin)


@pytest.mark.slow
def test_a_run_keeps_both_texts_of_a_molecule(trained):
    rows = read_rows(trained("graph") / "molecules.csv")
    assert [row["canonical_smiles"] for row in rows if row["smiles"] == "OCC a name"] == ["CCO"]


def test_names_after_the_smiles_change_nothing_that_is_scored(with_and_without_names, cache):
    settings = {"target_columns": ("activity",), "methods": ("el2n", "kmeans")}
    one, other = (load_problem(ScoreConfig(csv=path, **settings), QUIET) for path in with_and_without_names)
    assert one.canonical_smiles == other.canonical_smiles
    np.testing.assert_array_equal(one.canonical, other.canonical)
    for array, twin in zip(*(arrays_of(problem.features["graph"]) for problem in (one, other)), strict=True):
        np.testing.assert_array_equal(array, twin)


def test_spellings_and_names_change_nothing_that_is_pre_trained_on(tmp_path, cache):
    rng = np.random.default_rng(2)
    texts = MOLECULES, [f"{respell(text, rng).split()[0]} name{k}" for k, text in enumerate(MOLECULES)]
    paths = [write_table(tmp_path / f"{k}.csv", one) for k, one in enumerate(texts)]
    one, other = (prepare_corpus(path, None, GRAPH.corpus) for path in paths)
    assert one.rejected == other.rejected == 0
    np.testing.assert_array_equal(one.train[0], other.train[0])
    for array, twin in zip(*(arrays_of(corpus.load(0)) for corpus in (one, other)), strict=True):
        np.testing.assert_array_equal(array, twin)


def test_every_row_of_a_file_has_a_row_of_predictions(trained, tmp_path, cache):
    path = INPUTS / "predict_with_ids.csv"
    config = PredictConfig(trained("graph"), path, out=tmp_path / "p.csv")
    predict_molecules(config)
    rows = read_rows(tmp_path / "p.csv")
    assert [row["Cmpd ID"] for row in rows] == [f"AB-{k:04}" for k in range(8)]
    assert {row["note"] for row in rows} == {"plate 7, row B"}
    assert [row["reason"] for row in rows] == ["", "", "not a valid SMILES", "empty SMILES", "", "", "", ""]
    assert [k for k, row in enumerate(rows) if row["y"] == ""] == [2, 3]
    assert rows[0]["y"] == rows[6]["y"]
    predict_molecules(replace(config, keep_columns=("Cmpd ID",)))
    few = read_rows(tmp_path / "p.csv")
    assert list(few[0]) == [
        *("molecule_id", "Cmpd ID", "y", "y_sd", "y_lower", "y_upper"),
        *("nearest_training", "leverage", "unseen", "curve", "reason"),
    ]
    assert [row["y"] for row in few] == [row["y"] for row in rows]


@pytest.mark.parametrize("modality", MODALITIES)
def test_what_no_training_molecule_has_is_named(trained, modality, tmp_path, cache, capsys):
    path = write_table(tmp_path / "new.csv", ["CCO", "C[SeH]", "C[Xe]C"])
    run = trained(modality)
    capsys.readouterr()
    found = predict_molecules(PredictConfig(run, path, out=tmp_path / "p.csv"), quiet=False)
    tokens = ("; token [SeH]", "; token [Xe]") if modality == "smiles" else ("", "")
    assert found.unseen == ["", f"element Se{tokens[0]}", f"element Xe{tokens[1]}"]
    said = "2 of 3 molecules with a feature that no training molecule has, see column unseen: element Se (1)"
    assert said in " ".join(capsys.readouterr().out.split())
