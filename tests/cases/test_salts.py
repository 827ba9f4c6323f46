"""Salts, hydrates and ions of one parent."""

from pathlib import Path

import numpy as np
import pytest

from jaxmrl.config import PredictConfig, PretrainConfig, SweepConfig
from jaxmrl.data.corpus import prepare_corpus
from jaxmrl.data.loading import load_problem, load_problems
from jaxmrl.data.table import read_molecules
from jaxmrl.modalities.graph.modality import GRAPH
from jaxmrl.predict import predict_molecules
from jaxmrl.pretrain import prepare
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs.metadata import split_metadata
from jaxmrl.sweep import run_sweep

INPUTS = Path(__file__).parent / "inputs"
REPLACED = "standardization: 59 molecules replaced by parents (56 with several fragments, 3 with a charge), such as "


def load(capsys, **settings):
    """The prepared data of salt_twins.csv, and what the screen says."""
    problem = load_problem(SweepConfig(csv=INPUTS / "salt_twins.csv", **settings), Reporter())
    return problem, capsys.readouterr().out


def test_twins_are_counted_by_parent(cache, capsys):
    problem, said = load(capsys)
    assert "56 molecules have several fragments (salts, hydrates, mixtures)" in said
    assert "9 of 12 test molecules are also in training as another salt, hydrate or ion" in said
    assert split_metadata(problem)["test_in_training_as_another_form"] == 9


@pytest.mark.parametrize("deduplicate", [None, "mean"])
def test_parents_are_one_molecule(cache, capsys, deduplicate):
    problem, said = load(capsys, standardize="parent", deduplicate=deduplicate)
    assert REPLACED in said
    assert problem.kin == 0
    assert problem.facts["standardized_molecules"]["molecules"] == 59
    assert not any("." in text for text in problem.canonical_smiles)
    assert problem.shared == (0 if deduplicate else 21)
    assert len(problem.table) == (56 if deduplicate else 112)


@pytest.mark.slow
def test_predict_takes_parents_where_the_models_did(cache, tmp_path):
    """Unasked: a base, its hydrochloride and its ion have one prediction, and keep the texts of the file."""
    settings = {"fractions": (1.0,), "seeds": 1, "epochs": 1, "min_steps": 1, "width": 16, "depth": 1}
    run_sweep(SweepConfig(csv=INPUTS / "salt_twins.csv", standardize="parent", out=tmp_path / "run", **settings))
    forms = ["CC(C)NCC(O)COc1ccccc1", "CC(C)NCC(O)COc1ccccc1.Cl", "CC(C)[NH2+]CC(O)COc1ccccc1"]
    (tmp_path / "new.csv").write_text("\n".join(["smiles", *forms, "CCO"]) + "\n", encoding="utf-8")
    found = predict_molecules(PredictConfig(run=tmp_path / "run", csv=tmp_path / "new.csv", out=tmp_path / "p.csv"))
    assert found.smiles[:3] == forms
    assert len(np.unique(found.mean[:3])) == 1
    assert found.mean[3] != found.mean[0]


def test_a_corpus_of_parents(cache):
    """Pre-training: as many molecules, half of them twins of the others."""
    salts, parents = (
        prepare_corpus(INPUTS / "salt_twins.csv", None, GRAPH.corpus, standardize=form) for form in ("none", "parent")
    )
    assert salts.digest != parents.digest
    hashes = [np.load(corpus.shards[0])["canonical"] for corpus in (salts, parents)]
    assert [len(np.unique(one)) for one in hashes] == [112, 56]


def test_atom_mapped_copies_are_the_same_molecule(cache, tmp_path):
    smiles = [f"{'C' * (k + 1)}O" for k in range(20)]
    copies = [f"{'C' * k}[CH{3 if k == 0 else 2}:{k + 1}]O" for k in range(20)]
    rows = [f"{text},{k % 3}.5" for k, text in enumerate(smiles + copies)]
    (tmp_path / "mapped.csv").write_text("\n".join(["smiles,y", *rows]) + "\n", encoding="utf-8")
    problem = load_problem(SweepConfig(csv=tmp_path / "mapped.csv", target_columns=("y",)), Reporter(quiet=True))
    assert problem.facts["repeated_molecules"]["molecules"] == 20
    assert problem.shared > 0


def test_every_split_says_what_its_parts_share(cache, tmp_path, capsys):
    """Salts and repeated molecules are counted for each split, random or not."""
    smiles = read_molecules(INPUTS / "salt_twins.csv", None).smiles
    path, parts = tmp_path / "t.csv", ("train", "train", "train", "valid", "test")
    rows = [f"{text},{k / 7},{parts[k % 5]}" for k, text in enumerate([*smiles, *smiles[:10]])]
    path.write_text("\n".join(["smiles,y,split", *rows]) + "\n")
    problems = load_problems(SweepConfig(csv=path, split=("random", "scaffold", "imbalanced")), Reporter())
    by_row = tmp_path / "s.csv"
    by_row.write_text("\n".join(["split", *(row.split(",")[2] for row in rows)]) + "\n")
    problems += load_problems(SweepConfig(csv=path, split_file=by_row), Reporter())
    said = capsys.readouterr().out
    assert "10 molecules are in the table more than once (20 rows)" in said
    for problem in problems:
        assert f"{problem.split_name} split: train" in said
        assert f"{problem.shared:,} validation or test molecules also occur in another part" in said
        assert (
            not problem.kin or f"{problem.kin} of {len(problem.split.test)} test molecules are also in training" in said
        )
    assert max(problem.kin for problem in problems) > 0
    assert problems[-1].shared > 0


def test_pre_training_says_how_many_parents_it_took(cache, tmp_path, capsys):
    config = PretrainConfig(csv=INPUTS / "salt_twins.csv", standardize="parent", out=tmp_path / "mae")
    for _ in range(2):  # the second time from the cache
        prepare(config, Reporter())
        assert REPLACED in capsys.readouterr().out
