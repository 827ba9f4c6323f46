"""SMILES -> Bemis-Murcko scaffolds. RDKit only: worker processes import this without JAX."""

from jaxmrl.io import cache

VERSION = 2
NO_SCAFFOLD = "?"
"""Marks a molecule that RDKit has no scaffold for. It is not a SMILES."""

MOST_ATOMS = 1000
"""The most atoms of a molecule whose scaffold is computed: RDKit's time grows with their cube (minutes at 5,000)."""


def scaffolds(smiles: list[str], progress: cache.CountDone | None = None) -> list[str]:
    """Return the scaffold (Bemis & Murcko 1996, with chirality) of each valid molecule as SMILES. Cached on disk.

    Empty for a molecule without rings.
    """
    return cache.cached_lines("scaffolds", VERSION, smiles, compute_scaffolds, progress)


def without_stereochemistry(found: list[str]) -> list[str]:
    """Return scaffolds without their stereochemistry: those of enantiomers become equal. Cached on disk."""
    different = sorted(set(found))
    lines = cache.cached_lines("flat-scaffolds", VERSION, different, _flat)
    flat = dict(zip(different, lines, strict=True))
    return [flat[one] for one in found]


def _flat(scaffolds: list[str]) -> list[str]:
    from rdkit import Chem, rdBase

    lines = []
    with rdBase.BlockLogs():
        for text in scaffolds:
            molecule = Chem.MolFromSmiles(text) if text != NO_SCAFFOLD else None
            if molecule is not None:
                Chem.RemoveStereochemistry(molecule)
            lines.append(text if molecule is None else Chem.MolToSmiles(molecule))
    return lines


def compute_scaffolds(smiles: list[str]) -> list[str]:
    """Return the scaffolds as `scaffolds` does, computed here and not cached."""
    from rdkit import rdBase
    from rdkit.Chem.Scaffolds import MurckoScaffold

    from jaxmrl.chem.molecules import parse

    found = []
    with rdBase.BlockLogs():
        for text in smiles:
            molecule = parse(text)
            if molecule.GetNumAtoms() > MOST_ATOMS:
                found.append(NO_SCAFFOLD)
                continue
            try:
                found.append(MurckoScaffold.MurckoScaffoldSmiles(mol=molecule, includeChirality=True))
            except (RuntimeError, ValueError):  # a scaffold that RDKit cannot sanitize
                found.append(NO_SCAFFOLD)
    return found
