"""Other texts of a molecule, as files have them."""

import numpy as np
from rdkit import Chem

MOLECULES = [
    "CCO",
    "C[C@H](N)C(=O)O",
    "F/C=C/F",
    "F/C=C\\F",
    "C/C=C/C=C\\C",
    "C[C@@H]1CC[C@H](C)CC1",
    "CC(=O)Oc1ccccc1C(=O)O",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
    "c1ccc2c(c1)[nH]c1ccccc12",
    "[Na+].CC(=O)[O-]",
    "C[C@H]([2H])O",
    "[13CH3]C(C)C",
    "C[S@](=O)CC",
    "FS(F)(F)(F)(F)F",
    "C[N+](C)(C)CC(=O)[O-]",
    "CC(C)(C)[Si](C)(C)OC",
    "C[C@]12CC[C@H]3[C@@H](CC[C@H]4C[C@@H](O)CC[C@]34C)[C@@H]1CC[C@@H]2O",
    "OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O",
    "CC=C=CF",
    "C/C(F)=N\\O",
    "[H][H]",
    "c1ccc2cccc-2cc1",
    "O=C1c2ccccc2C(=O)N1[C@@H]1CCC(=O)NC1=O",
    "CC[C@H](C)[C@H](NC(=O)[C@@H](N)CC(C)C)C(=O)N1CCC[C@H]1C(=O)O",
]
"""With rings, ions, isotopes, chirality of carbon and sulfur, rings whose chirality is relative, and double bonds."""

EXTENSIONS = (" aspirin", "\tCHEMBL25 lot 7", " |c:0|", " |&1:1|", " |$A;B$| name", " [Xe] C#N", "  ", "\xa0name")


def respell(smiles: str, rng: np.random.Generator) -> str:
    """Return another text of the same molecule: atoms in another order, and any of what else a text may have."""
    molecule = Chem.MolFromSmiles(smiles)
    explicit, kekulized, mapped, followed = rng.random(4) < 0.4
    if explicit:
        molecule = Chem.AddHs(molecule)
    if mapped:
        for atom in molecule.GetAtoms():
            if rng.random() < 0.7:
                atom.SetAtomMapNum(int(rng.integers(1, 100)))
    order = [int(k) for k in rng.permutation(molecule.GetNumAtoms())]
    molecule = Chem.RenumberAtoms(molecule, order)
    if kekulized:
        Chem.Kekulize(molecule)
    text = Chem.MolToSmiles(molecule, canonical=False, kekuleSmiles=bool(kekulized), doRandom=True)
    return " " * int(rng.integers(2)) + text + (str(rng.choice(EXTENSIONS)) if followed else "")
