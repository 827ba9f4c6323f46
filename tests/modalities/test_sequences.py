import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rdkit import Chem

from jaxmrl.chem.random_smiles import random_smiles
from jaxmrl.modalities.fingerprint.dataset import FingerprintDataset
from jaxmrl.modalities.fingerprint.features import Fingerprints, morgan_fingerprints
from jaxmrl.modalities.smiles.dataset import TokenDataset
from jaxmrl.modalities.smiles.features import build_vocabulary, encode
from jaxmrl.training import batches
from tests.conftest import SMILES


def sequences(batch):
    """Each molecule's tokens as a list, in the order of the batch."""
    groups = [map(np.asarray, group) for group in batch.groups]
    rows = [row[mask] for tokens, present in groups for row, mask in zip(tokens, present, strict=True)]
    return [rows[place].tolist() for place in np.argsort(batch.order)]


@pytest.fixture
def tokens():
    return encode([[text] for text in SMILES], build_vocabulary(SMILES))


@pytest.fixture
def fingerprints(cache):
    return Fingerprints(morgan_fingerprints(SMILES, 2, 1024, chirality=False), whole=False)


@pytest.mark.parametrize("kind", ["tokens", "fingerprints"])
def test_a_batch_holds_each_molecules_own_tokens(kind, request):
    features = request.getfixturevalue(kind)
    ids = np.array([3, 11, 0, 9, 7, 5, -1, -1])
    limits = features.resources()[ids[:6]].sum(axis=0)
    dataset = {"tokens": TokenDataset, "fingerprints": FingerprintDataset}[kind].to_device(features).with_budget(limits)
    batch = jax.jit(lambda dataset, ids: dataset.gather(ids))(dataset, jnp.asarray(ids))
    if kind == "tokens":
        starts = np.cumsum(features.size) - features.size
        expected = [features.token[starts[k] :][: features.size[k]].tolist() for k in ids[:6]]
    else:
        expected = [np.flatnonzero(np.unpackbits(features.packed[k])).tolist() for k in ids[:6]]
    assert sequences(batch) == [*expected, [], []]
    widths = [tokens.shape[1] for tokens, _ in batch.groups]
    assert widths == sorted(features.widths, reverse=True)
    assert sum(len(tokens) for tokens, _ in batch.groups) == 8


def test_training_draws_any_of_a_molecules_smiles_and_evaluation_its_own(cache):
    several = [[own, *more] for own, more in zip(SMILES, random_smiles(SMILES, 3), strict=True)]
    features = encode(several, build_vocabulary([text for texts in several for text in texts]))
    dataset = TokenDataset.to_device(features).with_budget(np.full(len(features.widths) - 1, 12))
    gather = jax.jit(lambda *key: dataset.gather(jnp.arange(12), *key))
    spell = lambda batch: ["".join(features.vocabulary[k] for k in tokens) for tokens in sequences(batch)]
    assert spell(gather()) == SMILES
    drawn = [spell(gather(jax.random.key(seed))) for seed in range(40)]
    for k, texts in enumerate(several):
        assert {one[k] for one in drawn} == set(texts)
    assert random_smiles(SMILES, 3) == random_smiles(SMILES, 3)
    for texts in several:
        assert len({Chem.CanonSmiles(text) for text in texts}) == 1


def test_all_bits_are_tokens_on_request(fingerprints):
    whole = Fingerprints(fingerprints.packed, whole=True)
    batch = FingerprintDataset.to_device(whole).with_budget(np.zeros(0, int)).gather(jnp.array([4, 1]))
    ((tokens, present),) = batch.groups
    assert present.all()
    np.testing.assert_array_equal(tokens[np.argsort(batch.order)], np.unpackbits(fingerprints.packed[[4, 1]], axis=1))


def test_bits_are_rdkits(fingerprints):
    from rdkit import Chem
    from rdkit.Chem import rdFingerprintGenerator

    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    for text, row in zip(SMILES, fingerprints.packed, strict=True):
        np.testing.assert_array_equal(np.unpackbits(row), generator.GetFingerprintAsNumPy(Chem.MolFromSmiles(text)))
    chiral = morgan_fingerprints(["C[C@H](N)O", "C[C@@H](N)O"], 2, 64, chirality=True)
    assert not np.array_equal(*chiral)
    plain = morgan_fingerprints(["C[C@H](N)O", "C[C@@H](N)O"], 2, 64, chirality=False)
    assert np.array_equal(*plain)


def test_every_plan_fits_the_groups(tokens):
    rng = np.random.default_rng(0)
    resources = np.tile(tokens.resources(), (50, 1))
    limits = batches.budget([np.arange(len(resources))], resources, 32)
    for _ in range(20):
        plan = batches.plan(np.arange(len(resources)), resources, limits, 32, rng)
        assert (resources[plan[:-1]].sum(axis=1) <= limits).all()
