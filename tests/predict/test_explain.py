"""What atoms add to predictions: molecules without an atom, a planted label, and the page."""

import numpy as np
import pytest
from rdkit import Chem

from jaxmrl.config import PredictConfig, SweepConfig
from jaxmrl.ensemble.choice import models_by_curve
from jaxmrl.ensemble.outputs import RunMolecules
from jaxmrl.predict import predict_molecules
from jaxmrl.predict.explain import contributions, top_molecules
from jaxmrl.predict.occlusion import draw_contributions, without_each_atom
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs.artifacts import read_molecules
from jaxmrl.sweep import run_sweep


@pytest.mark.parametrize(
    ("smiles", "remain"),
    [
        ("CCO", ["CO", "C.O", "CC"]),
        ("C", [""]),
        ("C[C@H](N)C(=O)O", ["NCC(=O)O", "C.N.O=CO", "CCC(=O)O", "CCN.O.O", "C[C@H](N)CO", "C[C@H](N)C=O"]),
        ("c1cc[nH]c1", ["C=CNC", "C=CNC", "CC=CN", "C=CC=C", "CC=CN"]),
        ("C[N+](=O)[O-]", ["O=[NH+][O-]", "C.O.[OH-]", "C[NH2+][O-]", "C[NH+]=O"]),
    ],
)
def test_a_molecule_without_each_of_its_atoms(smiles, remain):
    found = without_each_atom(smiles)
    atoms = Chem.MolFromSmiles(smiles).GetNumAtoms()
    assert all(text == "" or Chem.MolFromSmiles(text).GetNumAtoms() == atoms - 1 for text in found)
    assert found == remain


def test_every_atom_of_many_molecules_can_be_removed(nci):
    for smiles in nci[0][:60]:
        found = without_each_atom(smiles)
        assert sum(text == "" for text in found) <= (Chem.MolFromSmiles(smiles).GetNumAtoms() == 1)


def test_a_molecule_that_stands_twice_is_explained_once():
    assert top_molecules(np.array([1.0, 3.0, 3.0, 2.0]), ["a", "b", "b", "c"], 2) == [1, 3]


def test_atoms_have_colors():
    drawn = draw_contributions("CCO", np.array([1.0, np.nan, -0.5]), "row 3")
    assert drawn.count("#FFFFFF") >= 1
    assert "#E57200" in drawn
    assert "<svg" in drawn


@pytest.mark.nightly
def test_a_planted_label_is_found_on_its_atoms(nci, tmp_path, cache):
    """The label is the number of nitrogen atoms: removing one lowers it, removing another atom does not."""
    path = tmp_path / "planted.csv"
    count = lambda smiles: sum(atom.GetSymbol() == "N" for atom in Chem.MolFromSmiles(smiles).GetAtoms())
    path.write_text("smiles,n\n" + "".join(f"{smiles},{count(smiles)}\n" for smiles in nci[0]))
    settings = {"model": ("ridge",), "modality": ("rdkit",), "fractions": (1.0,), "seeds": 1, "baselines": ("none",)}
    run = run_sweep(SweepConfig(csv=path, target_columns=("n",), out=tmp_path / "run", **settings)).directory
    config = PredictConfig(run, path, explain=3, out=tmp_path / "p.csv")
    found = predict_molecules(config)
    page = (tmp_path / "p_explained.html").read_text()
    assert page.count("<svg") == 3
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://www.rdkit.org", "")
    known = read_molecules(run)
    nothing = RunMolecules(known, None, np.zeros(0, int))
    some = [smiles for smiles in known.values() if count(smiles)][:20]
    parts = contributions(models_by_curve(run), some, nothing, False, 256, Reporter(quiet=True))
    nitrogen, other = [], []
    for smiles, own in parts.items():
        for atom, value in zip(Chem.MolFromSmiles(smiles).GetAtoms(), own[:, 0], strict=True):
            (nitrogen if atom.GetSymbol() == "N" else other).append(value)
    assert len(found.ids) == len(nci[0])
    assert np.mean(nitrogen) == pytest.approx(1, abs=0.2)
    assert abs(np.mean(other)) < 0.1
