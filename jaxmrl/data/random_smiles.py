"""Other SMILES of the same molecules, to augment training. NumPy and RDKit only."""

from functools import partial

import numpy as np

from jaxmrl.data import cache

VERSION = 1
SEED = 42


def random_smiles(smiles: list[str], count: int, progress: cache.Progress | None = None) -> list[list[str]]:
    """`count` random SMILES of each (valid) molecule, seeded (Arus-Pous et al. 2019). Cached on disk."""

    def compute():
        lines = [line for _, part in cache.in_chunks(partial(_spell, count=count), smiles, progress) for line in part]
        return {"lines": np.frombuffer("\n".join(lines).encode(), np.uint8)}

    arrays = cache.cached(f"random-smiles-{count}", VERSION, smiles, {"lines"}, compute, progress)
    lines = arrays["lines"].tobytes().decode().split("\n")
    return [lines[k : k + count] for k in range(0, len(lines), count)]


def _spell(smiles: list[str], count: int) -> list[str]:
    from rdkit import Chem

    from jaxmrl.data.graphs import parse

    return [line for text in smiles for line in Chem.MolToRandomSmilesVect(parse(text), count, randomSeed=SEED)]
