import numpy as np
import pytest

from jaxmrl.data.npz import molecule_hashes, read_npz
from jaxmrl.errors import DataError
from jaxmrl.modalities.geometry.features import Conformers

ARRAYS = {
    "R": np.array([[0, 0, 0], [0, 0, 0.74], [0, 0, 0], [0, 0, 1.1], [0, 0, -1.1], [3, 0, 0]], np.float32),
    "Z": np.array([1, 1, 8, 1, 1, 2], np.int8),
    "N": np.array([2, 3, 1], np.int32),
    "id": np.array([7, 8, 9], np.int32),
    "energy": np.array([-1.5, np.nan, 0.25]),
    "gap": np.array([[1.0], [2.0], [3.0]], np.float32),
}


@pytest.fixture
def write(tmp_path):
    def save(**changes):
        arrays = {name: array for name, array in (ARRAYS | changes).items() if array is not None}
        np.savez(tmp_path / "mine.npz", **arrays)
        return tmp_path / "mine.npz"

    return save


def test_molecules_and_all_floating_point_targets(write):
    table, conformers = read_npz(write())
    assert (table.tasks, table.task, table.rows) == (("energy", "gap"), "regression", 3)
    np.testing.assert_array_equal(table.labels, np.array([[-1.5, 1], [np.nan, 2], [0.25, 3]], np.float32))
    assert conformers.size.tolist() == [2, 3, 1]
    assert conformers.atom.tolist() == [1, 1, 8, 1, 1, 2]
    assert "targets, all floating-point arrays: energy, gap" in table.notes


def test_whole_numbers_are_targets_when_asked_for(write):
    table, _ = read_npz(write(), target_columns=("id", "gap"))
    assert table.labels[:, 0].tolist() == [7, 8, 9]


def test_unusable_molecules_are_told_and_keep_the_others_ids(write):
    position = ARRAYS["R"].copy()
    position[1] = position[0]
    table, conformers = read_npz(write(R=position), target_columns=("energy",))
    assert table.ids.tolist() == [2]
    assert [(row.line, row.reason) for row in table.rejected] == [
        (1, "two atoms closer than 0.1 Å"),
        (2, "no label in any target"),
    ]
    assert conformers.size.tolist() == [1]


def test_zeros_and_ones_are_classes_and_nothing_else_is(write):
    active = np.array([0.0, 1.0, 1.0])
    table, _ = read_npz(write(active=active), target_columns=("active",))
    assert table.task == "classification"
    with pytest.raises(DataError, match="array active has the classes 0, 1, 2; two are supported"):
        read_npz(write(active=np.array([0.0, 1.0, 2.0])), target_columns=("active",), task="classification")


def test_equal_geometries_have_equal_hashes(write):
    _, conformers = read_npz(write(R=np.tile(ARRAYS["R"][:2], (3, 1)), Z=np.ones(6, np.int8), N=np.array([2, 2, 2])))
    hashes = molecule_hashes(conformers)
    assert len(set(hashes.tolist())) == 1
    _, others = read_npz(write())
    assert len(set(molecule_hashes(others).tolist())) == 3
    turned = Conformers(others.size, others.atom, (others.position[:, [1, 2, 0]] + 1.5).astype(np.float32))
    np.testing.assert_array_equal(molecule_hashes(turned), molecule_hashes(others))


def test_targets_may_be_called_anything_but_what_the_layout_uses(write):
    table, _ = read_npz(write(RZ=np.array([1.0, 2.0, 4.0])), target_columns=("RZ",))
    assert table.labels[:, 0].tolist() == [1, 2, 4]
    with pytest.raises(DataError, match="named twice"):
        read_npz(write(), target_columns=("gap", "gap"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"N": None}, r"has no array N; expected the arrays R"),
        ({"N": np.array([2, 3])}, r"shapes do not agree: R \[6, 3\], Z \[6\], N \[2\], with 5 atoms by N"),
        ({"N": np.array([2, 5, -1])}, r"shapes do not agree"),
        ({"N": np.array([2.0, 3.0, 1.0])}, r"N and Z must be whole numbers"),
        ({"R": np.zeros((6, 2))}, r"shapes do not agree"),
        ({"energy": np.array([{}, 1, 2], object)}, r"not an .npz file of plain arrays"),
        ({"energy": None, "gap": None}, r"its 3 molecules; to predict whole numbers, give --target-columns: id"),
    ],
)
def test_other_layouts_are_refused(write, changes, message):
    with pytest.raises(DataError, match=message):
        read_npz(write(**changes))


def test_what_is_no_npz_file(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        read_npz(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("smiles,y\nCC,1\n")
    with pytest.raises(DataError, match=r"not an \.npz file"):
        read_npz(tmp_path / "text.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(DataError, match=r"not an \.npz file"):
        read_npz(tmp_path / "one.npy")
    np.savez(tmp_path / "mine.npz", **ARRAYS)
    with pytest.raises(DataError, match="no target 'x'"):
        read_npz(tmp_path / "mine.npz", target_columns=("x",))
