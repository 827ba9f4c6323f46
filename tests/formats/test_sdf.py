"""SD files: molecules with their stereochemistry, properties as columns, and molecules that are damaged."""

import gzip

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from jaxmrl.data.table import read_molecules, read_table, stream_smiles
from jaxmrl.errors import DataError
from jaxmrl.formats.input_rows import read_input_rows
from jaxmrl.formats.reading import read_records

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
