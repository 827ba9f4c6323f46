"""Featurized graphs against a plain walk over RDKit's atoms and bonds, and what chirality and stereo distinguish."""

import numpy as np
import pytest
from rdkit import Chem

from jaxmrl.chem.molecules import canonicalize
from jaxmrl.modalities.flat_arrays import NONE, concatenate
from jaxmrl.modalities.molgraph import features
from jaxmrl.modalities.molgraph.features import (
    ATOM_CATEGORIES,
    BOND_CATEGORIES,
    INCOMING,
    MolGraphs,
    cached_molgraphs,
    featurize,
)
from tests.conftest import SMILES

ODD = [
    *("C~C~C1CC1", "C$C", "N->[Cu]<-N", "[Pt]N(C)(C)C", "[2H]C1CC1", "*1CC1", "C", "[Na+].[Cl-]", "C[N+](=O)[O-]"),
    *("F[P-](F)(F)(F)(F)F.F[S](F)(F)(F)(F)F", "F/C=C/F", "F/C=C\\F", "C[C@H](N)O", "[cH-]1cccc1.[Fe+2].[cH-]1cccc1"),
    *("C[C@H]1C[C@@H](C)C1", "[H][H]", "[U]", "Cl[Pt@SP1](F)(N)O", "[O-]S(=O)(=O)[O-].[Ca+2]", "[C-4]", "B#B"),
]


def rows_of(graphs, name, count):
    """The rows of each molecule in an array, by the counts of another."""
    counts = getattr(graphs, count)
    ends = np.cumsum(counts)
    return [getattr(graphs, name)[end - size : end] for end, size in zip(ends, counts, strict=True)]


def incoming_of(graphs, molecule):
    """Of each atom of a molecule, the directed edges that end at it, overflow included."""
    found = [[int(e) for e in row if e != NONE] for row in rows_of(graphs, "incoming", "size")[molecule]]
    atoms, more = (rows_of(graphs, name, "overflow_size")[molecule] for name in ("overflow_atom", "overflow"))
    for atom, row in zip(atoms, more, strict=True):
        assert len(found[atom]) == INCOMING
        found[atom] += [int(e) for e in row if e != NONE]
    return found


def plain_atom(atom):
    elements = [*range(1, 37), 53]
    kinds = ["S", "SP", "SP2", "SP2D", "SP3", "SP3D", "SP3D2"]
    category = lambda value, known: known.index(value) if value in known else len(known)
    tags = {"CHI_UNSPECIFIED": 0, "CHI_TETRAHEDRAL_CW": 3, "CHI_TETRAHEDRAL_CCW": 4}
    cip = {"R": 1, "S": 2}.get(atom.GetPropsAsDict(True, True).get("_CIPCode"))
    return [
        category(atom.GetAtomicNum(), elements),
        category(atom.GetTotalDegree(), [*range(6)]),
        category(atom.GetFormalCharge(), [-2, -1, 0, 1, 2]),
        cip or tags.get(atom.GetChiralTag().name, 5),
        category(atom.GetTotalNumHs(), [*range(5)]),
        category(atom.GetHybridization().name, kinds),
        int(atom.GetIsAromatic()),
    ]


def plain_bond(bond):
    kinds, stereo = ["SINGLE", "DOUBLE", "TRIPLE", "AROMATIC"], ["STEREONONE", "STEREOZ", "STEREOE"]
    category = lambda value, known: known.index(value) if value in known else len(known)
    own = category(bond.GetBondType().name, kinds), category(bond.GetStereo().name, stereo)
    return [*own, int(bond.GetIsConjugated()), int(bond.IsInRing())]


def test_graphs_are_rdkits(nci):
    smiles = [canonicalize(text)[0] for text in [*nci[0], *SMILES, *ODD]]
    graphs = featurize(smiles)
    atoms, masses = rows_of(graphs, "atom", "size"), rows_of(graphs, "mass", "size")
    bonds, ends = rows_of(graphs, "bond", "bond_count"), rows_of(graphs, "ends", "bond_count")
    for k, text in enumerate(smiles):
        molecule = Chem.MolFromSmiles(text)
        assert atoms[k].tolist() == [plain_atom(atom) for atom in molecule.GetAtoms()], text
        np.testing.assert_allclose(masses[k], [0.01 * atom.GetMass() for atom in molecule.GetAtoms()], rtol=1e-6)
        assert bonds[k].tolist() == [plain_bond(bond) for bond in molecule.GetBonds()], text
        assert ends[k].tolist() == [[b.GetBeginAtomIdx(), b.GetEndAtomIdx()] for b in molecule.GetBonds()]
        expected = [[] for _ in molecule.GetAtoms()]
        for bond in molecule.GetBonds():
            expected[bond.GetEndAtomIdx()].append(2 * bond.GetIdx())
            expected[bond.GetBeginAtomIdx()].append(2 * bond.GetIdx() + 1)
        assert [sorted(edges) for edges in incoming_of(graphs, k)] == [sorted(edges) for edges in expected]
    assert graphs.overflow_size.sum() >= 3, "some atoms have more than four bonds"


def test_categories_are_all_within_their_range(nci):
    graphs = featurize([canonicalize(text)[0] for text in [*nci[0], *SMILES, *ODD]])
    most = graphs.atom.max(axis=0)
    assert (most[:-1] < list(ATOM_CATEGORIES.values())).all()
    assert (graphs.bond.max(axis=0)[:2] < list(BOND_CATEGORIES.values())).all()
    assert most[-1] == graphs.bond[:, 2:].max() == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C[C@H](N)O", "C[C@@H](N)O"),
        ("C[C@H](N)O", "CC(N)O"),
        ("F/C=C/F", "F/C=C\\F"),
        ("F/C=C/F", "FC=CF"),
        ("C[C@H]1C[C@@H](C)C1", "C[C@H]1C[C@H](C)C1"),
        ("[2H]C", "[H]C"),
    ],
)
def test_stereoisomers_and_isotopes_differ(one, other):
    (first, second) = (featurize([canonicalize(text)[0]]) for text in (one, other))
    assert any(getattr(first, name).tolist() != getattr(second, name).tolist() for name in ("atom", "mass", "bond"))


def test_chirality_does_not_depend_on_the_order_of_atoms():
    """RDKit's tags would: they are of the order in which an atom's neighbors are written."""
    texts = ["N[C@@H](C)C(=O)O", "OC(=O)[C@H](C)N", "C[C@H](N)C(=O)O", "[C@H](N)(C)C(O)=O"]
    labels = [featurize([text]).atom[:, 3] for text in texts]
    assert [sorted(label.tolist()) for label in labels] == [[0, 0, 0, 0, 0, 2]] * 4


def test_high_degree_goes_to_overflow_rows():
    graphs = featurize(["FS(F)(F)(F)(F)F"])
    assert graphs.overflow_size.tolist() == [1]
    (sulfur,) = np.flatnonzero(graphs.atom[:, 0] == 15)
    assert graphs.overflow_atom.tolist() == [sulfur]
    assert len(incoming_of(graphs, 0)[sulfur]) == 6


def test_nothing_at_all_and_single_atoms():
    assert len(featurize([])) == 0
    graphs = featurize(["[Fe]", "C"])
    assert graphs.size.tolist() == [1, 1]
    assert graphs.bond_count.tolist() == [0, 0]
    assert graphs.resources().tolist() == [[1, 0, 0]] * 2


def test_the_cache_and_pieces_give_the_same_arrays(cache, monkeypatch):
    smiles = [canonicalize(text)[0] for text in SMILES]
    whole = featurize(smiles)
    joined = concatenate([featurize(smiles[:8]), featurize(smiles[8:])])
    first = cached_molgraphs(smiles)
    monkeypatch.setattr(features, "featurize", None)
    for other in (joined, first, cached_molgraphs(smiles)):
        for name in MolGraphs.ROWS_OF:
            np.testing.assert_array_equal(getattr(other, name), getattr(whole, name))
