"""Salts, hydrates and ions of one parent."""

from pathlib import Path

import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.data.problem import load_problem
from jaxmrl.report.facts import split_facts
from jaxmrl.report.terminal import Reporter

INPUTS = Path(__file__).parent / "inputs"


def load(capsys, **settings):
    """The prepared data of salt_twins.csv, and what the screen says."""
    problem = load_problem(SweepConfig(csv=INPUTS / "salt_twins.csv", **settings), Reporter())
    return problem, capsys.readouterr().out


def test_twins_are_counted_by_parent(cache, capsys):
    problem, said = load(capsys)
    assert "56 molecules have several fragments (salts, hydrates, mixtures)" in said
    assert "9 of 12 test molecules are also in training as another salt, hydrate or ion" in said
    assert split_facts(problem)["test_in_training_as_another_form"] == 9


@pytest.mark.parametrize("deduplicate", [None, "mean"])
def test_parents_are_one_molecule(cache, capsys, deduplicate):
    problem, said = load(capsys, parent=True, deduplicate=deduplicate)
    assert "--parent: 59 molecules replaced by the largest organic fragment, uncharged" in said
    assert problem.kin == 0
    assert not any("." in text for text in problem.canonical_smiles)
    assert problem.shared == (0 if deduplicate else 21)
    assert len(problem.table) == (56 if deduplicate else 112)
