import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxmrl.modalities import token_groups
from jaxmrl.modalities.smiles import features as tokens
from tests.conftest import SMILES


def test_tokens_are_atoms_bonds_and_rings():
    assert tokens.tokenize("C[C@@H](Br)Cl.[13CH3+]c1%12%(123)/n") == (
        "C [C@@H] ( Br ) Cl . [13CH3+] c 1 %12 %(123) / n".split()
    )


@given(st.text())
def test_tokens_spell_any_text(text):
    assert "".join(tokens.tokenize(text)) == text


def test_encoding_is_undone_by_the_vocabulary():
    vocabulary = tokens.build_vocabulary(SMILES[:-1])
    encoded = tokens.encode([[text] for text in SMILES], vocabulary)
    assert vocabulary[tokens.UNKNOWN] == ""
    starts = np.cumsum(encoded.size) - encoded.size
    for text, start, size in zip(SMILES[:-1], starts, encoded.size, strict=False):
        assert "".join(vocabulary[k] for k in encoded.token[start : start + size]) == text
    known = set(tokens.tokenize("".join(SMILES[:-1])))
    last = encoded.token[starts[-1] :]
    assert [k == tokens.UNKNOWN for k in last] == [token not in known for token in tokens.tokenize(SMILES[-1])]


def test_vocabulary_does_not_depend_on_the_order():
    assert tokens.build_vocabulary(SMILES) == tokens.build_vocabulary(SMILES[::-1])


def test_long_molecules_are_cut_off_and_counted():
    encoded = tokens.encode([["C" * 510], ["C" * 511], ["C"]], ("", "C"))
    assert encoded.size.tolist() == [510, 510, 1]
    assert encoded.truncated == 1


def test_groups_hold_half_nine_tenths_and_all():
    size = np.arange(1, 101, dtype=np.int32)
    widths = token_groups.group_widths(size)
    assert widths == (56, 96, 104)
    resources = token_groups.group_resources(size, widths)
    assert resources.sum(axis=0).tolist() == [44, 4]
    assert token_groups.group_widths(np.full(5, 9)) == (16,)
    assert token_groups.group_resources(np.full(5, 9), (16,)).shape == (5, 0)


@pytest.mark.parametrize(("limits", "rows"), [([20, 5], [5, 15, 12]), ([50, 40], [32, 0, 0]), ([0, 0], [0, 0, 32])])
def test_group_rows_make_up_the_batch(limits, rows):
    assert token_groups.group_rows(np.array(limits), 32) == rows
