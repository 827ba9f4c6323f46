"""SD files: molecules with their stereochemistry, properties as columns, and molecules that are damaged."""

import gzip
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from jaxmrl.config import PredictConfig, SweepConfig
from jaxmrl.data.loading import load_problem
from jaxmrl.data.table import read_molecules, read_table, stream_smiles
from jaxmrl.ensemble.molecules import read_and_prepare
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.formats.input_rows import read_input_rows
from jaxmrl.formats.reading import read_mol_blocks, read_records
from jaxmrl.modalities.geometry.conformers import block_coordinates
from jaxmrl.predict import predict_molecules
from jaxmrl.reports.terminal import Reporter
from jaxmrl.sweep import run_sweep

SMILES = ["C[C@H](N)C(=O)O", "F/C=C/F", "C[N+](C)(C)C.[Cl-]", "c1ccc2[nH]ccc2c1"]


def block(smiles, dimensions=2, v3000=False, name=""):
    molecule = Chem.AddHs(Chem.MolFromSmiles(smiles)) if dimensions == 3 else Chem.MolFromSmiles(smiles)
    if dimensions == 3:
        AllChem.EmbedMolecule(molecule, randomSeed=7)
    else:
        AllChem.Compute2DCoords(molecule)
    molecule.SetProp("_Name", name)
    return Chem.MolToMolBlock(molecule, forceV3000=v3000)


def sdf(*records, end="\n"):
    """Return an SD file of (mol block, {property: value})."""
    text = "".join(
        found + "".join(f">  <{name}>  ({k})\n{value}\n\n" for name, value in items.items()) + "$$$$\n"
        for k, (found, items) in enumerate(records, 1)
    )
    return text.replace("\n", end)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.sdf"


@pytest.mark.parametrize(("dimensions", "v3000"), [(2, False), (2, True), (3, False)])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_molecules_keep_their_stereochemistry(path, dimensions, v3000, end):
    records = [(block(smiles, dimensions, v3000), {"logS": k + 0.5}) for k, smiles in enumerate(SMILES)]
    path.write_text(sdf(*records, end=end), newline="")
    table = read_table(path)
    assert table.smiles == [Chem.CanonSmiles(smiles) for smiles in SMILES]
    assert table.labels[:, 0].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert table.notes[0] == "t.sdf: an SD file; SMILES are made of its mol blocks"


def test_properties_are_columns_and_lines_those_where_molecules_begin(path):
    one, other = block("CCO", name="ethanol"), block("CCN")
    path.write_text(sdf((one, {"logS": "-0.77", "Comment": "two\nlines"}), (other, {"IC50 (µM)": ">30"})), "cp1252")
    found = read_records(path)
    assert found.header == ["smiles", "name", "logS", "Comment", "IC50 (µM)"]
    assert [fields for *_, fields in found.rows] == [
        ["CCO", "ethanol", "-0.77", "two lines", ""],
        ["CCN", "", "", "", ">30"],
    ]
    lines = path.read_text("cp1252").splitlines()
    assert [line for _, line, _ in found.rows] == [1, lines.index("$$$$") + 2]


def test_a_damaged_molecule_is_a_rejected_row_with_its_properties(path):
    bad = block("CCO").replace(" C ", " Qx", 1)
    five = block("C(C)(C)(C)C").replace("  1  0  0  0  0  0  0  0", "  1  0  0  0  0  0  0  0")
    five = five.replace("  5  4  0", "  5  4  0")
    path.write_text(sdf((bad, {"logS": 1}), (block("CCN"), {"logS": 2}), ("\n\n\n", {"logS": 3}), (five, {"logS": 4})))
    table = read_table(path)
    assert table.smiles == ["CCN", "CC(C)(C)C"]
    assert [(row.line, row.reason) for row in table.rejected] == [
        (1, "not a valid mol block"),
        (29, "not a valid mol block"),
    ]
    rows = read_input_rows(path)
    assert rows.header == ["smiles", "logS"]
    assert rows.cells == [["", "1"], ["CCN", "2"], ["", "3"], ["CC(C)(C)C", "4"]]


def test_a_single_mol_file_and_every_reader(path):
    path.write_text(block("CCO", name="a"))
    assert read_molecules(path, None).smiles == ["CCO"]
    path.write_bytes(gzip.compress(sdf((block("CCO"), {}), (block("CCN"), {"y": 1})).encode()))
    assert [row[1] for row in stream_smiles(path, None)] == ["CCO", "CCN"]
    assert np.isfinite(read_molecules(path, None).lines).all()


def test_a_molecule_without_end_is_refused(path, monkeypatch):
    monkeypatch.setattr("jaxmrl.formats.sdf._RECORD_LIMIT", 1000)
    path.write_text(block("CCO") + "M  END\n" * 400)
    with pytest.raises(DataError, match="the molecule in line 1 has more than 1,000 characters"):
        read_molecules(path, None)


def test_coordinates_of_the_file_are_geometries(path, cache, capsys):
    """Each molecule has those of its own block, whatever rows are rejected before it."""
    smiles = [f"{'C' * (1 + k // 2)}{'NO'[k % 2]}" for k in range(24)]
    blocks = [block(one, dimensions=2 if k == 3 else 3) for k, one in enumerate(smiles)]
    path.write_text(sdf(*((one, {"y": k / 7}) for k, one in enumerate(blocks))).replace(" O  ", " Qx ", 1))
    settings = {"csv": path, "target_columns": ("y",), "task": "regression", "modality": "geometry"}
    problem = load_problem(SweepConfig(coordinates="file", **settings), Reporter())
    assert "geometries: 3D coordinates of the mol blocks" in capsys.readouterr().out
    assert [row.reason for row in problem.table.rejected] == [
        "not a valid mol block",
        "no 3D coordinates in its mol block",
    ]
    for place, row in enumerate(problem.table.ids.tolist()):
        molecule = Chem.MolFromMolBlock(blocks[row], removeHs=False)
        atoms, positions = problem.features["geometry"].molecule(place)
        assert atoms.tolist() == [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
        np.testing.assert_allclose(positions, molecule.GetConformer().GetPositions(), atol=1e-5)


def test_hydrogens_that_a_block_lacks_are_added(path, cache):
    molecule = Chem.RemoveHs(Chem.MolFromMolBlock(block("CCO", dimensions=3), removeHs=False))
    path.write_text(Chem.MolToMolBlock(molecule))
    found, rejected = block_coordinates([*read_mol_blocks(path).values(), "no block"])
    assert (found.size.tolist(), sorted(found.atom.tolist())) == ([9], [1] * 6 + [6, 6, 8])
    np.testing.assert_allclose(found.position[:3], molecule.GetConformer().GetPositions(), atol=1e-3)
    assert rejected == {1: "no coordinates: RDKit cannot read its mol block"}


def test_coordinates_need_an_sd_file_and_a_model_that_sees_them(path):
    path.write_text("smiles,y\nCCO,1\n")
    with pytest.raises(DataError, match=r"--coordinates file: .*t.sdf is not an SD file"):
        read_mol_blocks(path)
    for settings, message in (
        ({"modality": "geometry"}, "give it with --csv"),
        ({"csv": path, "modality": "graph"}, "give --modality geometry"),
        ({"csv": path, "modality": "geometry", "standardize": "parent"}, "--standardize parent changes them"),
    ):
        with pytest.raises(ConfigError, match=message):
            SweepConfig(coordinates="file", **settings)
    model = SimpleNamespace(has_smiles=True, features={"cutoff": 5.0, "coordinates": "file"})
    with pytest.raises(
        ConfigError, match=r"learned from the 3D coordinates of an SD file, and .*t.sdf is not an SD file: give one"
    ):
        read_and_prepare(PredictConfig(run=Path("run"), csv=path), model, Reporter(quiet=True))


@pytest.mark.nightly
def test_models_of_coordinates_predict_sd_files(path, tmp_path, cache, monkeypatch):
    """Each row by its own shape; two shapes of a molecule differ, and equal ones have equal predictions."""
    smiles = [f"{'C' * (2 + k // 2)}{'NO'[k % 2]}" for k in range(40)]
    blocks = [block(one, dimensions=3) for one in smiles]
    path.write_text(sdf(*((one, {"y": len(name) / 7}) for one, name in zip(blocks, smiles, strict=True))))
    settings = {
        "csv": path,
        "target_columns": ("y",),
        "task": "regression",
        "modality": "geometry",
        "model": ("schnet",),
    }
    sizes = {"width": 8, "depth": 1, "epochs": 1, "fractions": (1.0,), "seeds": 1, "batch_size": 16}
    run_sweep(SweepConfig(coordinates="file", out=tmp_path / "run", **settings, **sizes))
    flat = block(smiles[0], dimensions=2)
    new, other = tmp_path / "new.sdf", Chem.MolFromMolBlock(blocks[5], removeHs=False)
    other.GetConformer().SetPositions(1.2 * other.GetConformer().GetPositions())
    new.write_text(sdf(*((one, {}) for one in (blocks[5], flat, Chem.MolToMolBlock(other), blocks[5]))))
    found = predict_molecules(PredictConfig(run=tmp_path / "run", csv=new, out=tmp_path / "new.csv"))
    same, stretched, again = found.mean[:, 0]
    assert same == again != stretched
    assert [row.reason for row in found.rejected] == ["no 3D coordinates in its mol block"]
    assert found.calibrated is not None, "by the coordinates of the run's own validation molecules"
    with pytest.raises(ConfigError, match="the SD file has no coordinates for the molecules that remain"):
        predict_molecules(PredictConfig(run=tmp_path / "run", csv=new, explain=1, out=tmp_path / "new.csv"))
    (tmp_path / "run" / "geometries.npz").unlink()
    with pytest.raises(ConfigError, match=r"geometries.npz is missing or damaged; run the sweep again"):
        predict_molecules(PredictConfig(run=tmp_path / "run", csv=new, out=tmp_path / "new.csv"))
