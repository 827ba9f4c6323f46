import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from jaxmrl.chem import molecules
from jaxmrl.chem.molecules import UnusableMoleculeError, canonicalize, ignored_parts
from jaxmrl.chem.random_smiles import random_smiles
from jaxmrl.config import SweepConfig
from jaxmrl.data.featurization import prepare_smiles
from jaxmrl.modalities.base import arrays_of
from jaxmrl.modalities.fingerprint.features import path_fingerprints
from jaxmrl.modalities.registry import MODALITIES, get_modality
from jaxmrl.modalities.smiles.features import build_vocabulary
from jaxmrl.reports.terminal import Reporter
from tests.data.test_parsing import table_of
from tests.support.spellings import MOLECULES, respell


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(MOLECULES), st.integers(0, 2**32 - 1))
def test_every_spelling_has_one_canonical_form(smiles, seed):
    text = respell(smiles, np.random.default_rng(seed))
    assert canonicalize(text)[0] == canonicalize(smiles)[0]


def features_of(texts):
    """Every array that is made of these texts, by its modality and name."""
    config, quiet = SweepConfig(), Reporter(quiet=True)
    prepared = prepare_smiles(table_of(texts), ("geometry",), quiet)
    assert not prepared.table.rejected
    smiles = prepared.canonical_smiles
    variants = [[own, *more] for own, more in zip(smiles, random_smiles(smiles, 3), strict=True)]
    vocabulary = {"vocabulary": build_vocabulary([text for several in variants for text in several])}
    found = {"variants": variants, "paths": path_fingerprints(smiles)}
    for modality in MODALITIES:
        if modality.name == "embeddings":  # a file has them, by canonical SMILES
            continue
        known = modality.settings(config, None) | (vocabulary if modality.name == "smiles" else {})
        found[modality.name] = arrays_of(modality.featurize(prepared, known, quiet))
    fingerprint = get_modality("fingerprint")
    chiral = fingerprint.settings(SweepConfig(fingerprint_chirality=True), None)
    found["chiral fingerprint"] = arrays_of(fingerprint.featurize(prepared, chiral, quiet))
    return found


def test_every_modality_sees_the_molecule_and_not_its_spelling(cache):
    rng = np.random.default_rng(0)
    small = [text for text in MOLECULES if len(text) < 25]
    one, other = features_of(small), features_of([respell(text, rng) for text in small])
    for name, arrays in one.items():
        for array, twin in zip(arrays, other[name], strict=True):
            np.testing.assert_array_equal(array, twin, err_msg=name)


def test_the_molecule_is_read_from_the_canonical_text():
    for smiles in MOLECULES:
        name, molecule = canonicalize(smiles)
        twin = Chem.MolFromSmiles(name)
        for one, other in zip(molecule.GetAtoms(), twin.GetAtoms(), strict=True):
            assert (one.GetAtomicNum(), one.GetChiralTag()) == (other.GetAtomicNum(), other.GetChiralTag())
        assert Chem.MolToSmiles(twin) == name


def test_atom_maps_make_no_center_chiral():
    assert canonicalize("[CH3:1][C@H:2]([CH3:3])[OH:4]")[0] == "CC(C)O"


def test_enantiomers_and_isotopes_stay_apart():
    different = ["C[C@H](N)O", "C[C@@H](N)O", "CC(N)O", "F/C=C/F", "F/C=C\\F", "FC=CF", "[2H]C", "C"]
    assert len({canonicalize(text)[0] for text in different}) == len(different)


def test_texts_that_lead_to_one_another_have_one_form(monkeypatch):
    """As with an RDKit whose canonical SMILES is another each time that it is read."""
    circle = {"OCC": "CCO", "CCO": "C(O)C", "C(O)C": "C(C)O", "C(C)O": "CCO"}
    monkeypatch.setattr(molecules, "parse", lambda text: text)
    monkeypatch.setattr(molecules, "_write", lambda molecule, mapped: circle[molecule])
    assert {canonicalize(text) for text in circle} == {("C(C)O", "C(C)O")}


def test_canonical_text_is_read_once(monkeypatch):
    read, parse = [], molecules.parse
    monkeypatch.setattr(molecules, "parse", lambda text: read.append(text) or parse(text))
    canonicalize("CCO name")
    assert read == ["CCO"]
    canonicalize("OCC")
    assert read == ["CCO", "OCC", "CCO"]


@pytest.mark.parametrize(("text", "reason"), [("", "empty"), (" \t", "empty"), ("C\nC", "line break"), ("C\xa0", "")])
def test_blanks(text, reason):
    if reason:
        with pytest.raises(UnusableMoleculeError, match=reason):
            canonicalize(text)
    else:
        assert canonicalize(text)[0] == "C"


def test_what_is_ignored_is_reported():
    assert ignored_parts(["CC", "C"], [2, 3]) == []
    said = ignored_parts(["CC", "C a name", "C |&1:1|", "[CH3:1]C", "C:C"], [2, 3, 4, 5, 6])
    assert said == [
        "2 of 5 SMILES: more text after a blank (line 3: 'a name'); names and CXSMILES extensions are not part of the "
        "molecule and are ignored",
        "1 of 5 SMILES: atom-map numbers (line 5), which are ignored",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("InChI=1S/CH4/h1H4", "an InChI in a column of SMILES"),
        ("CCO>>CC=O", "a reaction, not a molecule"),
        ("CCO>[Na+]>CC=O", "a reaction, not a molecule"),
        ("rubbish", "not a valid SMILES"),
    ],
)
def test_another_notation_is_named(text, reason):
    with pytest.raises(UnusableMoleculeError, match=reason):
        canonicalize(text)
