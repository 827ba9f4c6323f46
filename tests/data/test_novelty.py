import pytest
from rdkit import Chem

from jaxmrl.chem.molecules import canonicalize
from jaxmrl.data.novelty import find_unseen
from tests.conftest import SMILES
from tests.support.spellings import MOLECULES

CHIRAL, FLAT = {"chirality": True}, {"chirality": False}
VOCABULARY = {"vocabulary": [], "variants": 1}


@pytest.mark.parametrize(
    ("modality", "settings", "smiles", "unseen"),
    [
        ("graph", {}, "CCO", ""),
        ("graph", {}, "C[SiH2]c1ccc[se]1", "element Se; element Si; aromatic bond"),
        ("graph", {}, "C[C@H](N)C#N", "element N; triple bond; chirality"),
        ("graph", {}, "F/C=C/F", "element F; double bond; E/Z double bond"),
        ("graph", {}, "*C", "dummy atom"),
        ("graph", {}, "[2H]C", "element H"),
        ("graph", {}, "CO.O", "several fragments"),
        ("geometry", {}, "C[NH3+].[Cl-]", "element Cl; element N; several fragments"),
        ("fingerprint", FLAT, "C.C", "several fragments"),
        ("smiles", VOCABULARY, "C.C", "token ."),
        ("geometry", {}, "[H]/N=C(/C)[C@H](C)O", "element N"),
        ("fingerprint", FLAT, "C[C@H](O)Cl", "element Cl"),
        ("fingerprint", CHIRAL, "C[C@H](O)Cl", "element Cl; chirality"),
        ("smiles", VOCABULARY, "C[C@H](O)O", "chirality; token [C@H]; token (; token )"),
    ],
)
def test_what_no_training_molecule_has(modality, settings, smiles, unseen):
    assert find_unseen([smiles, "C"], ["CCO", "OC"], modality, settings) == [unseen, ""]


def test_what_one_training_molecule_has_is_seen():
    assert find_unseen(MOLECULES, MOLECULES, "smiles", VOCABULARY) == [""] * len(MOLECULES)


def test_elements_are_rdkits():
    for smiles in [
        *MOLECULES,
        *SMILES,
        "[nH]1cccc1",
        "C[Co]",
        "Cn1cccc1[Sn]",
        "[te]1cccc1",
        "BrB",
        "[O-][Cl+3]([O-])[O-]",
    ]:
        name, molecule = canonicalize(smiles)
        elements = {f"element {atom.GetSymbol()}" for atom in molecule.GetAtoms()}
        elements |= {"several fragments"} if "." in name else set()
        found = find_unseen([name], [], "fingerprint", FLAT)
        assert set(found[0].split("; ")) == elements
        if any(bond.GetIsAromatic() for bond in molecule.GetBonds()):
            assert "aromatic bond" in find_unseen([name], [], "graph", {})[0]
        assert ("chirality" in find_unseen([name], [], "graph", {})[0]) == any(
            atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED for atom in molecule.GetAtoms()
        )
