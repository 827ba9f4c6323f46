"""Flat arrays of graphs: joined, selected and padded, whatever their kind."""

import numpy as np
import pytest

from jaxmrl.modalities.flat_arrays import NONE, concatenate, pad, take
from jaxmrl.modalities.graph.features import featurize
from jaxmrl.modalities.molgraph.features import featurize_texts
from tests.conftest import SMILES

MANY_BONDS = "F[S](F)(F)(F)(F)F"


@pytest.fixture(params=[featurize, featurize_texts], ids=["graph", "molgraph"])
def make(request):
    return lambda smiles: request.param(smiles)[0]


def assert_same(one, other):
    for name in one.ROWS_OF:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_molecules_taken_are_those_made_alone(make):
    smiles = [*SMILES, MANY_BONDS]
    keep = np.arange(len(smiles)) % 3 != 1
    chosen = [text for text, kept in zip(smiles, keep, strict=True) if kept]
    assert_same(take(make(smiles), keep), make(chosen))


def test_pieces_with_overflow_of_other_widths(make):
    narrow, wide = make(["CC(C)(C)C", "CC"]), make([MANY_BONDS])
    assert narrow.overflow.shape[1] != wide.overflow.shape[1]
    assert_same(concatenate([narrow, wide]), make(["CC(C)(C)C", "CC", MANY_BONDS]))


def test_padding_has_the_shapes_and_no_rows(make):
    own = make(SMILES)
    shapes = {name: (len(getattr(own, name)) + 3, *getattr(own, name).shape[1:]) for name in own.ROWS_OF}
    shapes["overflow"] = (shapes["overflow"][0], own.overflow.shape[1] + 2)
    padded = pad(own, shapes)
    assert {name: getattr(padded, name).shape for name in own.ROWS_OF} == shapes
    for name in own.ROWS_OF:
        before, after = getattr(own, name), getattr(padded, name)
        np.testing.assert_array_equal(after[tuple(map(slice, before.shape))], before)
        assert (after[len(before) :] == (NONE if name == "overflow" else 0)).all(), name
    assert (padded.overflow[:, own.overflow.shape[1] :] == NONE).all()
