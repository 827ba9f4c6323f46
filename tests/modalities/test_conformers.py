import numpy as np
import pytest
from rdkit import Chem

from jaxmrl.modalities.geometry.conformers import conformers, embed, embed_all


def test_a_conformer_has_hydrogens_and_bonds_of_their_length():
    ethanol = embed("CCO")
    assert ethanol.size.tolist() == [9]
    assert sorted(ethanol.atom.tolist()) == [1] * 6 + [6, 6, 8]
    assert np.linalg.norm(ethanol.position[0] - ethanol.position[1]) == pytest.approx(1.52, abs=0.05)


SALTS = ("[Na+].CC(=O)[O-]", "Cl.CCN", "CCO.Cl", "[Na+].[Cl-]", "CCO.CCO", "Br.Br.CCN(CC)CC")


@pytest.mark.parametrize("smiles", SALTS)
def test_the_parts_of_a_salt_do_not_overlap(smiles):
    found = embed(smiles)
    owner = np.zeros(len(found.atom), int)
    for k, part in enumerate(Chem.GetMolFrags(Chem.AddHs(Chem.MolFromSmiles(smiles)))):
        owner[list(part)] = k
    apart = owner[:, None] != owner[None]
    distance = np.linalg.norm(found.position[:, None] - found.position[None], axis=2)
    assert distance[apart].min() > 1.5


def test_the_same_molecule_gets_the_same_conformer(cache):
    smiles = ["CCO", "c1ccccc1C(=O)O", "CCO"]
    found, rejected = conformers(smiles)
    assert rejected == {}
    np.testing.assert_array_equal(found.position[:9], found.position[-9:])
    np.testing.assert_array_equal(found.position, embed_all(smiles)[0].position)
    again, _ = conformers(smiles)
    np.testing.assert_array_equal(found.position, again.position)


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [("*CC", "dummy atom"), ("C" * 151, "151 heavy atoms"), ("C1C[C@@]2(F)C[C@@]1(F)C2", "no conformer found")],
)
def test_failures_are_told(smiles, reason, cache):
    found, rejected = conformers(["C", smiles, "O"])
    assert found.size.tolist() == [5, 3]
    assert list(rejected) == [1]
    assert reason in rejected[1]
