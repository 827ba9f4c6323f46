import numpy as np
from rdkit import Chem

from jaxmrl.io import cache as module
from jaxmrl.modalities.fingerprint.features import RDKIT_BITS, path_fingerprints
from tests.conftest import SMILES


def test_bits_are_rdkits(cache, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 5)
    packed = path_fingerprints(SMILES)
    assert packed.shape == (len(SMILES), RDKIT_BITS // 8)
    for text, row in zip(SMILES, packed, strict=True):
        expected = list(Chem.RDKFingerprint(Chem.MolFromSmiles(text)))
        np.testing.assert_array_equal(np.unpackbits(row), expected)


def test_the_second_time_comes_from_the_cache(cache, monkeypatch):
    first = path_fingerprints(SMILES)
    monkeypatch.setattr(module, "in_chunks", None)
    np.testing.assert_array_equal(path_fingerprints(SMILES), first)
