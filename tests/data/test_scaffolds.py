import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from rdkit.Chem.Scaffolds import MurckoScaffold

from jaxmrl.config import SweepConfig
from jaxmrl.data import overlap, scaffolds
from jaxmrl.data.fingerprints import morgan_fingerprints
from jaxmrl.data.overlap import near_share, nearest
from jaxmrl.data.problem import load_problems
from jaxmrl.report.terminal import Reporter

SETS = ("hiv", "muv", "tox21", "toxcast", "sider", "clintox", "bace", "bbbp", "esol", "freesolv", "lipo", "qm8")


def test_scaffolds_are_ring_systems_with_their_linkers(cache):
    found = scaffolds.scaffolds(["CCc1ccccc1", "OC1CC1CCN1CCCC1", "CCO", "[Na+].[Cl-]", "C[C@H]1CC[C@@H](C2CC2)O1"])
    assert found[:4] == ["c1ccccc1", "C1CCN(CCC2CC2)C1", "", ""]
    assert "@" in found[4]
    assert Chem.CanonSmiles(found[4]) == found[4]


def test_a_failing_scaffold_is_told_apart(monkeypatch):
    def fail(**_):
        raise RuntimeError("rings")

    monkeypatch.setattr(MurckoScaffold, "MurckoScaffoldSmiles", fail)
    assert scaffolds._scaffolds(["C1CC1"]) == [scaffolds.NO_SCAFFOLD]


def test_the_nearest_is_rdkits(nci, cache):
    smiles = nci[0]
    packed = morgan_fingerprints(smiles, 2, 1024, chirality=False)
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    prints = [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in smiles]
    train, test = np.arange(20, 160), np.arange(20)
    expected = [max(DataStructs.BulkTanimotoSimilarity(prints[k], prints[20:])) for k in test]
    np.testing.assert_allclose(nearest(packed, train, test), expected, rtol=1e-6)
    assert near_share(packed, np.arange(19, 160), test) == 1 / 20
    assert near_share(packed, np.arange(160), test) == 1.0


def test_the_near_share_of_many_is_that_of_some(nci, cache, monkeypatch):
    packed = morgan_fingerprints(nci[0], 2, 1024, chirality=False)
    monkeypatch.setattr(overlap, "NEAR", 0.3)  # which half of these molecules pass
    train, test = np.arange(60, len(packed)), np.arange(60)
    whole = near_share(packed, train, test)
    monkeypatch.setattr(overlap, "SAMPLE", 40)
    compared = []
    monkeypatch.setattr(overlap, "nearest", lambda *given: compared.append(given) or nearest(*given))
    some = near_share(packed, train, test)
    assert some == near_share(packed, train, test)
    assert abs(some - whole) < 0.2
    assert [len(np.unique(given[2])) for given in compared] == [40, 40]
    assert set(compared[0][2]) < set(test)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_splits_of_real_sets(name, real_data, monkeypatch):
    monkeypatch.setenv("JAXMRL_DATA", str(real_data))
    config = SweepConfig(dataset=name, split=("random", "scaffold", "imbalanced"))
    problems = load_problems(config, Reporter(quiet=True))
    by_scaffold = np.array(scaffolds.scaffolds(problems[0].table.smiles))
    molecules = len(by_scaffold)
    for problem in problems:
        parts = problem.split.parts().values()
        assert sorted(np.concatenate(list(parts))) == list(range(molecules))
    scaffold, imbalanced = (problem.split for problem in problems[1:])
    assert len(scaffold.train) <= 0.8 * molecules < len(scaffold.train) + 2
    assert not set(by_scaffold[scaffold.train]) & set(by_scaffold[scaffold.test]) - {scaffolds.NO_SCAFFOLD}
    assert len(imbalanced.train) <= 0.8 * molecules < len(imbalanced.train) + 4
    assert problems[1].near <= problems[0].near
