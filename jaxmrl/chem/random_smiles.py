"""Other SMILES of the same molecules, to augment training. RDKit only."""

from functools import partial

from jaxmrl.io import cache

VERSION = 1
SEED = 42


def random_smiles(smiles: list[str], count: int, progress: cache.CountDone | None = None) -> list[list[str]]:
    """Return `count` random SMILES of each molecule, seeded (Arus-Pous et al. 2019). Cached on disk.

    smiles: canonical, because the random ones depend on the order of the atoms in the text.
    """
    spell = partial(_spell, count=count)
    lines = cache.cached_lines(f"random-smiles-{count}", VERSION, smiles, spell, progress)
    return [lines[k : k + count] for k in range(0, len(lines), count)]


def _spell(smiles: list[str], count: int) -> list[str]:
    from rdkit import Chem

    from jaxmrl.chem.molecules import parse

    return [line for text in smiles for line in Chem.MolToRandomSmilesVect(parse(text), count, randomSeed=SEED)]
