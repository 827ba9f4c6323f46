"""SMILES -> fingerprints as packed bits. NumPy and RDKit only: worker processes import this without JAX."""

import numpy as np

from jaxmrl.data import cache

VERSION = 1
RDKIT_BITS = 2048
"""Of RDKit's path-based fingerprint at its defaults: paths of 1 to 7 bonds, two bits each."""


def path_fingerprints(smiles: list[str], progress: cache.Progress | None = None) -> np.ndarray:
    """RDKit's path-based fingerprint of each (valid) molecule, [N, RDKIT_BITS / 8] uint8; the first bit is the highest.

    Cached on disk.
    """

    def compute():
        parts = [part for _, part in cache.in_chunks(_path_fingerprints, smiles, progress)]
        return {"bits": np.concatenate(parts)}

    return cache.cached("rdkit-fingerprints", VERSION, smiles, {"bits"}, compute, progress)["bits"]


def _path_fingerprints(smiles: list[str]) -> np.ndarray:
    from rdkit.Chem import rdFingerprintGenerator

    from jaxmrl.data.graphs import parse

    generator = rdFingerprintGenerator.GetRDKitFPGenerator(fpSize=RDKIT_BITS)
    return np.packbits([generator.GetFingerprintAsNumPy(parse(text)) for text in smiles], axis=1)
