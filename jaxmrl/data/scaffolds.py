"""SMILES -> Bemis-Murcko scaffolds. RDKit only: worker processes import this without JAX."""

from jaxmrl.data import cache

VERSION = 2
NO_SCAFFOLD = "?"
"""No SMILES: of a molecule that RDKit cannot give a scaffold for."""

MOST_ATOMS = 1000
"""Of a molecule whose scaffold is looked for: RDKit's time grows with their cube, and takes minutes at 5,000."""


def scaffolds(smiles: list[str], progress: cache.Progress | None = None) -> list[str]:
    """The scaffold (Bemis & Murcko 1996, with chirality) of each (valid) molecule as SMILES. Cached on disk.

    Empty for a molecule without rings.
    """
    return cache.cached_lines("scaffolds", VERSION, smiles, _scaffolds, progress)


def _scaffolds(smiles: list[str]) -> list[str]:
    from rdkit import rdBase
    from rdkit.Chem.Scaffolds import MurckoScaffold

    from jaxmrl.data.molecules import parse

    found = []
    with rdBase.BlockLogs():
        for text in smiles:
            molecule = parse(text)
            if molecule.GetNumAtoms() > MOST_ATOMS:
                found.append(NO_SCAFFOLD)
                continue
            try:
                found.append(MurckoScaffold.MurckoScaffoldSmiles(mol=molecule, includeChirality=True))
            except (RuntimeError, ValueError):  # a scaffold that RDKit cannot sanitise
                found.append(NO_SCAFFOLD)
    return found
