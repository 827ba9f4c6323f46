"""SMILES -> fingerprints as packed bits. NumPy and RDKit only: worker processes import this without JAX."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from jaxmrl.io import cache
from jaxmrl.modalities.token_groups import Sequences

VERSION = 1
RDKIT_BITS = 2048
"""The bits of RDKit's path-based fingerprint at its defaults: paths of 1 to 7 bonds, two bits each."""


@dataclass(frozen=True)
class Fingerprints(Sequences):
    """Morgan fingerprints of `N` molecules.

    packed [N, bits / 8] uint8   eight bits a byte, the first the highest
    whole                        whether every bit is a token of the model, or those that are set
    """

    packed: np.ndarray
    whole: bool

    @property
    def bits(self) -> int:
        return 8 * self.packed.shape[1]

    @property
    def size(self) -> np.ndarray:
        """Tokens of each molecule, [N] int32."""
        if self.whole:
            return np.full(len(self.packed), self.bits, np.int32)
        return np.bitwise_count(self.packed).sum(axis=1, dtype=np.int32)


def morgan_fingerprints(
    smiles: list[str], radius: int, bits: int, chirality: bool, progress: cache.CountDone | None = None
) -> np.ndarray:
    """Return the Morgan fingerprint (Rogers & Hahn 2010; radius 2 is ECFP4) of each valid molecule, packed, [N, bits /
    8].

    Cached on disk.
    """
    kind = f"morgan{radius}-{bits}{'-chiral' if chirality else ''}"
    return _cached(kind, partial(compute_morgan, radius=radius, bits=bits, chirality=chirality), smiles, progress)


def path_fingerprints(smiles: list[str], progress: cache.CountDone | None = None) -> np.ndarray:
    """Return RDKit's path-based fingerprint of each valid molecule, packed, [N, RDKIT_BITS / 8]. Cached on disk."""
    return _cached("rdkit-fingerprints", _paths, smiles, progress)


def _cached(
    kind: str, featurize: Callable[[list[str]], np.ndarray], smiles: list[str], progress: cache.CountDone | None
) -> np.ndarray:
    def compute() -> dict[str, np.ndarray]:
        return {"bits": np.concatenate([part for _, part in cache.in_chunks(featurize, smiles, progress)])}

    return cache.cached(kind, VERSION, smiles, {"bits"}, compute, progress)["bits"]


def _paths(smiles: list[str]) -> np.ndarray:
    from rdkit.Chem import rdFingerprintGenerator

    return _packed(rdFingerprintGenerator.GetRDKitFPGenerator(fpSize=RDKIT_BITS), smiles)


def compute_morgan(smiles: list[str], radius: int, bits: int, chirality: bool) -> np.ndarray:
    """Return the fingerprints as `morgan_fingerprints` does, computed here and not cached."""
    from rdkit.Chem import rdFingerprintGenerator

    generator = rdFingerprintGenerator.GetMorganGenerator(radius=radius, fpSize=bits, includeChirality=chirality)
    return _packed(generator, smiles)


def _packed(generator: Any, smiles: list[str]) -> np.ndarray:
    from jaxmrl.chem.molecules import parse

    return np.packbits([generator.GetFingerprintAsNumPy(parse(text)) for text in smiles], axis=1)
