"""SMILES -> one conformer each, and mol blocks -> their 3D coordinates. NumPy and RDKit only: worker processes import
this without JAX.
"""

from collections.abc import Callable

import numpy as np

from jaxmrl.io import cache
from jaxmrl.modalities.geometry.features import Conformers, concatenate, why_unusable

VERSION = 2
SEED = 42
MOST_HEAVY_ATOMS = 150
"""The most atoms of a molecule with a conformer: embedding larger ones can take hours."""

FORCE_FIELD_STEPS = 500
FROM_CONFORMERS, FROM_FILE = "conformers", "file"
COORDINATES = (FROM_CONFORMERS, FROM_FILE)
"""Values of --coordinates: where the positions of molecules with SMILES come from."""

OF_THE_FILE = "3D coordinates of the mol blocks; hydrogens that these lack are added"
CONFORMERS = f"one conformer of each molecule: ETKDGv3, seed {SEED}, MMFF94"
_AT_A_TIME = 50


def conformers(smiles: list[str], progress: cache.CountDone | None = None) -> tuple[Conformers, dict[int, str]]:
    """Return a conformer of each valid molecule that has one, and {position: reason} of the others. Cached on disk.

    ETKDGv3 (Wang et al. 2020) with a fixed seed, hydrogens included, relaxed by MMFF94 (Halgren 1996) where that
    knows every atom.
    """
    return _cached("conformers", smiles, embed_all, progress)


def block_coordinates(blocks: list[str], progress: cache.CountDone | None = None) -> tuple[Conformers, dict[int, str]]:
    """Return the geometries of mol blocks that have 3D coordinates, and {position: reason} of the others.

    Hydrogens that a block lacks are added by RDKit, at standard distances and angles. Cached on disk.
    """
    return _cached("block-coordinates", blocks, read_all, progress)


_Make = Callable[[list[str]], tuple[Conformers, dict[int, str]]]


def _cached(
    kind: str, texts: list[str], make: _Make, progress: cache.CountDone | None
) -> tuple[Conformers, dict[int, str]]:
    names = {"size", "atom", "position", "rejected", "reasons"}
    arrays = cache.cached(kind, VERSION, texts, names, lambda: _compute(texts, make, progress), progress)
    rejected = dict(zip(arrays["rejected"].tolist(), map(str, arrays["reasons"]), strict=True))
    return Conformers(arrays["size"], arrays["atom"], arrays["position"]), rejected


def _compute(texts: list[str], make: _Make, progress: cache.CountDone | None) -> dict[str, np.ndarray]:
    pieces, rejected = [], {}
    for start, (piece, bad) in cache.in_chunks(make, texts, progress, _AT_A_TIME):
        pieces.append(piece)
        rejected.update({start + position: reason for position, reason in bad.items()})
    joined = concatenate(pieces)
    return {
        "size": joined.size,
        "atom": joined.atom,
        "position": joined.position,
        "rejected": np.array(list(rejected), np.int64),
        "reasons": np.array(list(rejected.values()), np.str_),
    }


def embed_all(smiles: list[str]) -> tuple[Conformers, dict[int, str]]:
    """Return the conformers of the molecules that have one, in order, and {position: reason} of the others."""
    return _each(smiles, embed)


def read_all(blocks: list[str]) -> tuple[Conformers, dict[int, str]]:
    """Return the geometries of mol blocks as `embed_all` returns conformers."""
    return _each(blocks, read_coordinates)


def _each(texts: list[str], make: Callable[[str], Conformers | str]) -> tuple[Conformers, dict[int, str]]:
    found, rejected = [], {}
    for position, text in enumerate(texts):
        one = make(text)
        if isinstance(one, str):
            rejected[position] = one
        else:
            found.append(one)
    nothing = Conformers(np.zeros(0, np.int32), np.zeros(0, np.uint8), np.zeros((0, 3), np.float32))
    return concatenate([nothing, *found]), rejected


def read_coordinates(block: str) -> Conformers | str:
    """Return the atoms and positions of one mol block, or why it has none that can be used."""
    from rdkit import Chem, rdBase

    from jaxmrl.chem.molecules import UnusableMoleculeError
    from jaxmrl.chem.notations import read_mol_block

    with rdBase.BlockLogs():
        try:
            molecule = read_mol_block(block, hydrogens=True)
        except (UnusableMoleculeError, RuntimeError, ValueError):
            molecule = None
        if molecule is None:
            return "no coordinates: RDKit cannot read its mol block"
        if not molecule.GetConformer().Is3D():
            return "no 3D coordinates in its mol block"
        molecule = Chem.AddHs(molecule, addCoords=True)
    atom = np.array([one.GetAtomicNum() for one in molecule.GetAtoms()], np.uint8)
    position = molecule.GetConformer().GetPositions().astype(np.float32)
    if reason := why_unusable(atom, position):
        return f"no coordinates: {reason}"
    return Conformers(np.array([len(atom)], np.int32), atom, position)


def embed(smiles: str) -> Conformers | str:
    """Return the conformer of one molecule, or why there is none."""
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    from jaxmrl.chem.molecules import parse

    molecule = parse(smiles)
    if molecule.GetNumHeavyAtoms() > MOST_HEAVY_ATOMS:
        return f"no conformer: {molecule.GetNumHeavyAtoms()} heavy atoms; at most {MOST_HEAVY_ATOMS} are embedded"
    with rdBase.BlockLogs():
        molecule = Chem.AddHs(molecule)
        atom = np.array([one.GetAtomicNum() for one in molecule.GetAtoms()], np.uint8)
        if atom.min() == 0:
            return "no conformer: a dummy atom has no size"
        settings = rdDistGeom.ETKDGv3()
        settings.randomSeed = SEED
        # Embedded separately, the fragments of a salt would all lie at the origin.
        settings.embedFragmentsSeparately = False
        if rdDistGeom.EmbedMolecule(molecule, settings) < 0:
            settings.useRandomCoords = True
            if rdDistGeom.EmbedMolecule(molecule, settings) < 0:
                return "no conformer found"
        if rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule):
            rdForceFieldHelpers.MMFFOptimizeMolecule(
                molecule, maxIters=FORCE_FIELD_STEPS, ignoreInterfragInteractions=False
            )
    position = molecule.GetConformer().GetPositions().astype(np.float32)
    if reason := why_unusable(atom, position):
        return f"no conformer: {reason}"
    return Conformers(np.array([len(atom)], np.int32), atom, position)
