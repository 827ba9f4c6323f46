import numpy as np
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from rdkit.Chem.Scaffolds import MurckoScaffold

from jaxmrl.chem import scaffolds
from jaxmrl.config import SweepConfig
from jaxmrl.data import similarity
from jaxmrl.data.loading import load_problems
from jaxmrl.data.similarity import near_share, nearest
from jaxmrl.data.splits import Split, shared_scaffolds
from jaxmrl.modalities.fingerprint.features import morgan_fingerprints
from jaxmrl.reports.terminal import Reporter

SETS = ("tox21", "sider", "clintox", "bace", "bbbp", "esol", "freesolv", "lipo")
LARGE_SETS = ("hiv", "muv", "toxcast", "qm8")


def test_scaffolds_are_ring_systems_with_their_linkers(cache):
    found = scaffolds.scaffolds(["CCc1ccccc1", "OC1CC1CCN1CCCC1", "CCO", "[Na+].[Cl-]", "C[C@H]1CC[C@@H](C2CC2)O1"])
    assert found[:4] == ["c1ccccc1", "C1CCN(CCC2CC2)C1", "", ""]
    assert "@" in found[4]
    assert Chem.CanonSmiles(found[4]) == found[4]


def test_a_molecule_without_a_scaffold_is_marked(cache, monkeypatch):
    def fail(**_):
        raise RuntimeError("rings")

    monkeypatch.setattr(MurckoScaffold, "MurckoScaffoldSmiles", fail)
    assert scaffolds.scaffolds(["C1CC1"]) == [scaffolds.NO_SCAFFOLD]


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
    monkeypatch.setattr(similarity, "NEAR", 0.3)  # which half of these molecules pass
    train, test = np.arange(60, len(packed)), np.arange(60)
    whole = near_share(packed, train, test)
    monkeypatch.setattr(similarity, "SAMPLE", 40)
    compared = []
    monkeypatch.setattr(similarity, "nearest", lambda *given: compared.append(given) or nearest(*given))
    some = near_share(packed, train, test)
    assert some == near_share(packed, train, test)
    assert abs(some - whole) < 0.2
    assert [len(np.unique(given[2])) for given in compared] == [40, 40]
    assert set(compared[0][2]) < set(test)


RIGHT, LEFT, FLAT = "c1ccc([C@H]2CCCO2)cc1", "c1ccc([C@@H]2CCCO2)cc1", "c1ccc(C2CCCO2)cc1"


def test_scaffolds_of_enantiomers_are_equal_without_stereochemistry(cache):
    found = [RIGHT, LEFT, "", scaffolds.NO_SCAFFOLD, "c1ccccc1"]
    assert scaffolds.without_stereochemistry(found) == [FLAT, FLAT, "", scaffolds.NO_SCAFFOLD, "c1ccccc1"]
    split = Split(np.array([0, 3]), np.array([2]), np.array([1, 4, 3]))
    assert shared_scaffolds(found, split) == 0
    assert shared_scaffolds(scaffolds.without_stereochemistry(found), split) == 1


def test_test_molecules_with_a_training_scaffold_of_other_stereochemistry_are_counted(tmp_path, cache, capsys):
    """The study's scaffolds have chirality: no test molecule has one of training's, but maybe its mirror image."""
    mirrored = [f"{'C' * (k + 1)}{RIGHT}" for k in range(6)] + [LEFT]
    others = [f"C1CCCC{'C' * k}1" for k in range(2)]
    rows = [f"{smiles},{k}" for k, smiles in enumerate([*mirrored, *others])]
    (tmp_path / "t.csv").write_text("\n".join(["smiles,y", *rows]) + "\n")
    config = SweepConfig(csv=tmp_path / "t.csv", target_columns=("y",), task="regression", split=("scaffold",))
    (problem,) = load_problems(config, Reporter())
    own = [problem.canonical_smiles[k] for k in problem.split.test]
    assert LEFT in own
    said = " ".join(capsys.readouterr().out.split())
    test = f"{len(own)} test molecule{'' if len(own) == 1 else 's'}"
    assert f"scaffold split: 0 of {test} have the scaffold of a training molecule, 1 where stereo" in said


@pytest.mark.parametrize(
    "name",
    [
        *(pytest.param(name, marks=pytest.mark.slow) for name in SETS),
        *(pytest.param(name, marks=pytest.mark.nightly) for name in LARGE_SETS),
    ],
)
def test_splits_of_real_sets(name, real_data, monkeypatch):
    monkeypatch.setenv("JAXMRL_DATA", str(real_data))
    config = SweepConfig(dataset=name, split=("random", "scaffold", "imbalanced"))
    problems = load_problems(config, Reporter(quiet=True))
    by_scaffold = np.array(scaffolds.scaffolds(problems[0].canonical_smiles))
    molecules = len(by_scaffold)
    for problem in problems:
        parts = problem.split.parts().values()
        assert sorted(np.concatenate(list(parts))) == list(range(molecules))
    scaffold, imbalanced = (problem.split for problem in problems[1:])
    assert len(scaffold.train) <= 0.8 * molecules < len(scaffold.train) + 2
    assert not set(by_scaffold[scaffold.train]) & set(by_scaffold[scaffold.test]) - {scaffolds.NO_SCAFFOLD}
    assert len(imbalanced.train) <= 0.8 * molecules < len(imbalanced.train) + 4
    assert problems[1].near <= problems[0].near
