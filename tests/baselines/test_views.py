"""The kernels and scales of classical models."""

import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import MACCSkeys, rdFingerprintGenerator

from jaxmrl.baselines.views import Scaling, View, gaussian, similarity, tanimoto
from jaxmrl.modalities.descriptors.features import Descriptors, ecfp_counts, joined, maccs_keys, rdkit_properties

SMILES = ["CCO", "c1ccccc1", "CCCCCCCCCCCC", "CC(=O)Oc1ccccc1C(=O)O", "O", "C", "[Na+].[Cl-]", "CCN(CC)CC"]


def test_the_tanimoto_kernel_is_that_of_rdkit(cache):
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    prints = [generator.GetCountFingerprint(Chem.MolFromSmiles(text)) for text in SMILES]
    expected = [DataStructs.BulkTanimotoSimilarity(one, prints) for one in prints]
    counts = ecfp_counts(SMILES).counts
    np.testing.assert_allclose(tanimoto(counts, counts), expected, rtol=1e-12)
    np.testing.assert_allclose(tanimoto(counts[:3], counts[2:]), np.array(expected)[:3, 2:], rtol=1e-12)


def test_maccs_keys_are_those_of_rdkit(cache):
    keys = [MACCSkeys.GenMACCSKeys(Chem.MolFromSmiles(text)) for text in SMILES]
    expected = [DataStructs.BulkTanimotoSimilarity(one, keys) for one in keys]
    found = maccs_keys(SMILES)
    assert found.counts.shape == (len(SMILES), 166)
    assert found.counts.max() == 1
    some = [k for k in range(len(SMILES)) if found.counts[k].any()]  # RDKit calls two empty sets unlike
    kernel = tanimoto(found.counts, found.counts)
    np.testing.assert_allclose(kernel[np.ix_(some, some)], np.array(expected)[np.ix_(some, some)], rtol=1e-12)


def test_molecules_without_counts_are_alike():
    none, one = np.zeros((1, 4), np.uint8), np.array([[0, 1, 0, 255]], np.uint8)
    assert tanimoto(none, none) == 1
    assert tanimoto(none, one) == 0
    assert tanimoto(one, one) == 1


def test_scales_come_from_the_training_molecules_alone():
    values = np.array([[1, np.nan, 3], [3, np.nan, 3], [np.nan, 2, 3], [1e6, 5, 4]], np.float32)
    features = Descriptors(np.zeros((4, 0), np.uint8), values)
    scaling = Scaling.of(values[:3])
    view = scaling.view(features, np.arange(4))
    np.testing.assert_allclose(view.values[:3, 0], np.array([-1, 1, 0]) * np.sqrt(1.5), rtol=1e-12)
    np.testing.assert_allclose(view.values[:3, 1:], 0)
    np.testing.assert_allclose(view.values[3], [10, 3, 1])


def test_two_blocks_of_columns_count_alike():
    rng = np.random.default_rng(0)
    one, other = (View(rng.integers(0, 3, (n, 5)).astype(np.uint8), rng.normal(size=(n, 4))) for n in (3, 2))
    both = (tanimoto(one.counts, other.counts) + gaussian(one.values, other.values)) / 2
    np.testing.assert_array_equal(similarity(one, other), both)
    distance = ((one.values[:, None] - other.values[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(gaussian(one.values, other.values), np.exp(-distance / 4), rtol=1e-10)


@pytest.mark.parametrize("text", ["[Na+].[Cl-]", "[Xe]", "C" * 60])
def test_every_molecule_has_descriptors(text, cache):
    found = joined([ecfp_counts([text]), rdkit_properties([text])])
    assert found.counts.shape == (1, 2048)
    assert found.values.shape[1] > 200
    assert np.isfinite(Scaling.of(found.values).view(found, np.array([0])).values).all()
