"""SMILES -> rows of counts and of real numbers. NumPy and RDKit only: worker processes import this without JAX."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jaxmrl.io import cache

VERSION = 1
ECFP_BITS, ECFP_RADIUS = 2048, 2

_LEFT_OUT = ("Ipc",)
"""RDKit descriptors of astronomical values; AvgIpc has the same information."""


@dataclass(frozen=True)
class Descriptors:
    """What classical models see of `N` molecules; either array may have no column.

    counts [N, C] uint8    how often each substructure occurs, for the Tanimoto kernel
    values [N, D] float32  real numbers of any scale; NaN where RDKit cannot compute one
    """

    counts: np.ndarray
    values: np.ndarray

    @property
    def size(self) -> np.ndarray:
        """All molecules are of one size, [N]."""
        return np.ones(len(self.counts), np.int32)

    def resources(self) -> np.ndarray:
        """Return what each molecule takes of a batch: one row, [N, 1]."""
        return self.size[:, None]

    def rows(self, limits: np.ndarray, batch_size: int) -> int:
        """Return the rows of a batch."""
        return batch_size


def joined(parts: list[Descriptors]) -> Descriptors:
    """Return the columns of several descriptors of the same molecules side by side."""
    counts, values = ([getattr(part, name) for part in parts] for name in ("counts", "values"))
    return Descriptors(np.concatenate(counts, axis=1), np.concatenate(values, axis=1))


def no_descriptors(molecules: int) -> Descriptors:
    """Return descriptors without a column."""
    return Descriptors(np.zeros((molecules, 0), np.uint8), np.zeros((molecules, 0), np.float32))


def ecfp_counts(smiles: list[str], progress: cache.CountDone | None = None) -> Descriptors:
    """Return ECFP4 counts (Rogers & Hahn 2010) of (valid) molecules, folded to 2048 columns. Cached on disk."""
    return _counted("ecfp-counts", _ecfp, smiles, progress)


def maccs_keys(smiles: list[str], progress: cache.CountDone | None = None) -> Descriptors:
    """Return RDKit's MACCS keys, 0 or 1, of (valid) molecules. Cached on disk."""
    return _counted("maccs", _maccs, smiles, progress)


def rdkit_properties(smiles: list[str], progress: cache.CountDone | None = None) -> Descriptors:
    """Return all 2D descriptors of RDKit but Ipc, of (valid) molecules. Cached on disk."""
    values = _cached("rdkit-descriptors", _properties, smiles, progress)
    return Descriptors(np.zeros((len(smiles), 0), np.uint8), values)


def _counted(
    kind: str, featurize: Callable[[list[str]], np.ndarray], smiles: list[str], progress: cache.CountDone | None
) -> Descriptors:
    counts = _cached(kind, featurize, smiles, progress)
    return Descriptors(counts, np.zeros((len(smiles), 0), np.float32))


def _cached(
    kind: str, featurize: Callable[[list[str]], np.ndarray], smiles: list[str], progress: cache.CountDone | None
) -> np.ndarray:
    def compute() -> dict[str, np.ndarray]:
        return {"rows": np.concatenate([part for _, part in cache.in_chunks(featurize, smiles, progress)])}

    return cache.cached(kind, VERSION, smiles, {"rows"}, compute, progress)["rows"]


def _ecfp(smiles: list[str]) -> np.ndarray:
    from rdkit.Chem import rdFingerprintGenerator

    from jaxmrl.chem.molecules import parse

    generator = rdFingerprintGenerator.GetMorganGenerator(radius=ECFP_RADIUS, fpSize=ECFP_BITS)
    counts = [np.minimum(generator.GetCountFingerprintAsNumPy(parse(text)), 255) for text in smiles]
    return np.array(counts, np.uint8)


def _maccs(smiles: list[str]) -> np.ndarray:
    from rdkit.Chem import MACCSkeys

    from jaxmrl.chem.molecules import parse

    keys = [MACCSkeys.GenMACCSKeys(parse(text)) for text in smiles]
    return np.array([list(key)[1:] for key in keys], np.uint8)  # the first of the 167 keys means nothing


def _properties(smiles: list[str]) -> np.ndarray:
    import rdkit.Chem.Descriptors

    from jaxmrl.chem.molecules import parse

    functions = [function for name, function in rdkit.Chem.Descriptors.descList if name not in _LEFT_OUT]
    rows = np.full((len(smiles), len(functions)), np.nan)
    for row, text in zip(rows, smiles, strict=True):
        molecule = parse(text)
        row[:] = [_value(function, molecule) for function in functions]
    most = np.finfo(np.float32).max
    return np.where(np.abs(rows) < most, rows, np.nan).astype(np.float32)


def _value(function: Callable[..., float], molecule: object) -> float:
    """Return a descriptor of a molecule; NaN where RDKit fails, as on elements without parameters."""
    try:
        return float(function(molecule))
    except (ValueError, ZeroDivisionError, RuntimeError, OverflowError):
        return np.nan
