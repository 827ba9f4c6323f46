"""Tables of molecules that ship with RDKit, with labels that RDKit computes."""

import csv
from pathlib import Path

import numpy as np
from rdkit import Chem, RDConfig
from rdkit.Chem import Crippen


def nci_molecules() -> tuple[list[str], np.ndarray]:
    """Return the first 160 molecules of NCI first_5K as SMILES, and Crippen's logP [160, 1] float32."""
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    parsed = [(line.split()[0], Chem.MolFromSmiles(line.split()[0])) for line in lines[:170]]
    usable = [(smiles, Crippen.MolLogP(molecule)) for smiles, molecule in parsed if molecule][:160]
    return [smiles for smiles, _ in usable], np.array([[value] for _, value in usable], np.float32)


def write_table(path: Path) -> Path:
    """Write those molecules with a number, a class with missing values, and two rows that cannot be used."""
    smiles, labels = nci_molecules()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "logp", "greasy", "rare"])
        for k, (text, (value,)) in enumerate(zip(smiles, labels.tolist(), strict=True)):
            writer.writerow([text, value, "" if k % 7 == 0 else int(value > 1.5), int(k == 0)])
        writer.writerow(["rubbish", 1.0, 1, 0])
        writer.writerow(["CC", "much", 1, 0])
    return path
