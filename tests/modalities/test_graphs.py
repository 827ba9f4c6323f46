import numpy as np
import pytest

from jaxmrl.modalities.graph import features as graphs
from jaxmrl.modalities.graph.features import BOND_TYPES, NO_NEIGHBOR, SELF_LOOP, featurize
from tests.conftest import SMILES


def neighbors_of(table, start, rows, atom):
    """Every neighbor of an atom, overflow resolved. `start` and `rows`: the molecule's first atom and row."""
    found = []
    for entry in table.neighbour[start + atom]:
        if entry >= 0:
            found.append(int(entry))
        elif entry != NO_NEIGHBOR:
            row = table.overflow[rows - 2 - entry]
            found.extend(int(k) for k in row if k != NO_NEIGHBOR)
    return found


def test_graphs_are_rdkits():
    from rdkit import Chem

    table, canonical, rejected = featurize(SMILES)
    assert not rejected
    starts, rows = np.cumsum(table.size) - table.size, np.cumsum(table.overflow_size) - table.overflow_size
    for k, smiles in enumerate(SMILES):
        assert canonical[k] == Chem.MolToSmiles(Chem.MolFromSmiles(smiles))
        molecule = Chem.MolFromSmiles(canonical[k])
        assert table.size[k] == molecule.GetNumAtoms()
        for atom in molecule.GetAtoms():
            index = atom.GetIdx()
            expected = sorted(other.GetIdx() for other in atom.GetNeighbors())
            assert sorted(neighbors_of(table, starts[k], rows[k], index)) == expected
            bonds = table.bonds[starts[k] + index]
            assert table.atom[starts[k] + index] == atom.GetAtomicNum()
            assert bonds[:BOND_TYPES].sum() == bonds[BOND_TYPES:].sum() == atom.GetDegree() + 1
            assert bonds[SELF_LOOP] == 1


ODD = [
    *(
        "C~C~C1CC1",
        "C$C",
        "N->[Cu]<-N",
        "[Pt]N(C)(C)C",
        "C1.C1CC",
        "C12.C1CC2.[Na+].[Cl-]",
        "[H]C([H])([H])C1CC1",
        "[2H]C1CC1",
    ),
    *("*1CC1", "C", "C1CC2C1CC2C%10CC%10", "F[P-](F)(F)(F)(F)F.F[S](F)(F)(F)(F)F"),
    *("F/C=C/F", "C[C@H](N)O", "CC(N)O |wU:1.0|", "C1=CC=CC=C1.O", "[cH-]1cccc1.[Fe+2].[cH-]1cccc1", "C" * 250),
]


def test_the_matrix_of_bonds_says_what_the_walk_over_them_says(nci, monkeypatch):
    smiles = nci[0] + SMILES + ODD
    quick, _, rejected = featurize(smiles)
    assert not rejected
    monkeypatch.setattr(graphs, "_MAX_MATRIX", 0)
    for name, array in vars(featurize(smiles)[0]).items():
        np.testing.assert_array_equal(getattr(quick, name), array)


def test_neighbors_come_in_the_order_of_bonds(nci):
    from rdkit import Chem

    table, canonical, _ = featurize([*nci[0], *ODD])
    starts, rows = np.cumsum(table.size) - table.size, np.cumsum(table.overflow_size) - table.overflow_size
    for k, smiles in enumerate(canonical):
        for atom in Chem.MolFromSmiles(smiles).GetAtoms():
            bonds = sorted(atom.GetBonds(), key=lambda bond: bond.GetIdx())
            expected = [bond.GetOtherAtomIdx(atom.GetIdx()) for bond in bonds]
            found = neighbors_of(table, starts[k], rows[k], atom.GetIdx())
            assert found[: graphs.NEIGHBORS - 1] == expected[: graphs.NEIGHBORS - 1]
            assert sorted(found) == sorted(expected)


def test_bond_types_and_directions_are_counted():
    table, _, _ = featurize(["C/C=C/C", "C=O", "C#N", "c1ccccc1"])
    single, double, triple, aromatic = 0, 1, 2, 3
    trans = table.bonds[:4]
    assert trans[1, single] == trans[1, double] == 1
    assert trans[:, BOND_TYPES + 1 :].sum() == 4, "two directed bonds, each seen from both ends"
    assert table.bonds[4, double] == 1
    assert table.bonds[6, triple] == 1
    assert (table.bonds[8:, aromatic] == 2).all()


def test_chirality_tells_enantiomers_apart():
    table, _, _ = featurize(["C[C@H](N)O", "C[C@@H](N)O", "CC(N)O"])
    one, other, none = table.chirality[1], table.chirality[5], table.chirality[9]
    assert len({int(one), int(other), int(none)}) == 3


def test_high_degree_goes_to_overflow_rows():
    table, _, _ = featurize(["FS(F)(F)(F)(F)F"])
    assert table.overflow_size[0] == 1
    sulphur = int(np.flatnonzero(table.atom == 16)[0])
    assert sorted(neighbors_of(table, 0, 0, sulphur)) == [k for k in range(7) if k != sulphur]


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("not a molecule", "not a valid"),
        ("C(C)(C)(C)(C)C", "valence"),
        ("c1cccc1", "kekul"),
    ],
)
def test_bad_smiles_has_a_reason(smiles, reason):
    table, canonical, rejected = featurize(["CC", smiles, "CCC"])
    assert list(rejected) == [1]
    assert reason in rejected[1].lower()
    assert table.size.tolist() == [2, 3]
    assert canonical == ["CC", "CCC"]


def test_too_many_atoms_is_rejected():
    table, _, rejected = featurize(["C" * 5001, "C" * 5000])
    assert rejected == {0: "5001 atoms; at most 5000 are supported"}
    assert table.size.tolist() == [5000]


def test_nothing_at_all():
    table, canonical, rejected = featurize([])
    assert len(table) == 0
    assert canonical == []
    assert rejected == {}
