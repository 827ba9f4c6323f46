"""Canonical SMILES, and the parents of salts, hydrates and ions."""

import numpy as np
import pytest

from jaxmrl.chem.parents import (
    NOTHING_REPLACED,
    PARENT,
    TAUTOMER,
    Replaced,
    all_replaced,
    canonical_hashes,
    find_parents,
    kept_form,
    parent_hashes,
)
from jaxmrl.io import cache as cache_module


@pytest.mark.parametrize(
    ("smiles", "parent", "fragments"),
    [
        ("CN.Cl", "CN", 2),
        ("C[NH3+].[Cl-]", "CN", 2),
        ("O.CN.O", "CN", 3),
        ("CC(=O)[O-].[Na+]", "CC(=O)O", 2),
        ("CC(=O)[O-].CC(=O)[O-].[Ca+2]", "CC(=O)O", 3),
        ("[NH3+]CC(=O)[O-]", "NCC(=O)O", 1),
        ("CN(C)C.OC(=O)C=CC(O)=O", "CN(C)C", 2),
        ("[CH3:1][OH:2]", None, 1),
        ("C[C@H]([NH3+])C(=O)O.[Cl-]", "C[C@H](N)C(=O)O", 2),
        ("[2H]C.Cl", "[2H]C", 2),
        ("C[N+](C)(C)CC(=O)[O-]", None, 1),
        ("c1ccccc1[N+](=O)[O-]", None, 1),
        ("OCC", None, 1),
        ("OCC name. of it", None, 1),
        ("[Fe+2", None, 0),
        (".", None, 0),
    ],
)
def test_parents(cache, smiles, parent, fragments):
    """The largest organic fragment, uncharged; where that is the molecule itself, its text stays."""
    found = find_parents([smiles])
    assert found.differs.tolist() == [parent is not None]
    assert found.smiles == [parent or smiles]
    assert found.fragments.tolist() == [fragments]
    assert find_parents(found.smiles).smiles == found.smiles, "a parent is its own parent"


@pytest.mark.parametrize(
    ("smiles", "tautomer"),
    [
        ("Oc1ccccn1.Cl", "O=c1cccc[nH]1"),
        ("CC(O)=CC(C)=O", "CC(=O)CC(C)=O"),
        ("CC[NH2+]C(N)=N.[Cl-]", "CCN=C(N)N"),
        ("C[C@H]([NH3+])C(=O)[O-]", "C[C@H](N)C(=O)O"),
        ("C/C=C/C(C)=O", None),
        ("[Fe+2", None),
    ],
)
def test_tautomers(cache, smiles, tautomer):
    """The canonical tautomer of the parent, which keeps its stereochemistry and is its own tautomer."""
    found = find_parents([smiles], form=TAUTOMER)
    assert found.smiles == [tautomer or smiles]
    assert find_parents(found.smiles, form=TAUTOMER).smiles == found.smiles


def test_what_was_replaced_is_counted_with_examples(cache):
    found = find_parents(["CN.Cl", "CCO", "CC(=O)[O-]", "O.CCN", "[Fe+2"])
    first = Replaced(3, 2, (("CN.Cl", "CN"), ("CC(=O)[O-]", "CC(=O)O")))
    assert found.replaced == first
    assert all_replaced([NOTHING_REPLACED, first, Replaced(1, 1, (("N.O", "O"),))]) == Replaced(4, 3, first.examples)
    assert first.text(PARENT) == (
        "standardization: 3 molecules replaced by parents (2 with several fragments, 1 with a charge), such as "
        "CN.Cl -> CN; CC(=O)[O-] -> CC(=O)O"
    )
    assert NOTHING_REPLACED.text(PARENT) == "standardization: 0 molecules replaced by parents"


@pytest.mark.parametrize(
    ("host", "form"),
    [({"parent": True}, PARENT), ({"parent": False}, "none"), ({"standardize": TAUTOMER}, TAUTOMER)],
)
def test_the_form_that_a_model_was_saved_with(host, form):
    assert kept_form(host) == form


def test_only_what_may_have_a_parent_is_examined(cache, monkeypatch):
    seen, done, in_chunks = [], [], cache_module.in_chunks

    def noted(work, smiles, *others):
        seen.extend(smiles)
        return in_chunks(work, smiles, *others)

    monkeypatch.setattr(cache_module, "in_chunks", noted)
    find_parents(["CCO", "c1cc[nH]c1", "C[C@H](N)O", "CN.Cl", "[O-]C"], done.append)
    assert seen == ["CN.Cl", "[O-]C"]
    assert done[0] == 3


def test_hashes_of_parents_are_those_of_the_molecules_they_are(cache):
    smiles = ["NC", "C[NH3+].[Cl-]", "CN.Cl", "[CH3:5]CO"]
    canonical, readable = canonical_hashes(smiles)
    hashes = parent_hashes(canonical, find_parents(smiles))
    assert readable.all()
    assert len(set(canonical.tolist())) == 4
    assert np.unique(hashes[:3]).tolist() == [canonical[0]]
    assert hashes[3] == canonical[3]
    assert canonical_hashes(["OCC"])[0].tolist() == [canonical[3]], "atom maps are no part of a molecule"
    assert canonical_hashes(["rubbish"])[1].tolist() == [False]
