"""Vectors that know the labels are flagged, and honest ones are not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jaxmrl.data.leaks import leak_text
from jaxmrl.data.parsing import prepare
from jaxmrl.data.table import Table
from jaxmrl.modalities.base import Vectors
from jaxmrl.modalities.descriptors.features import ecfp_counts, maccs_keys
from jaxmrl.reports.terminal import Reporter
from tests.support.tables import nci_molecules


@pytest.fixture(scope="module")
def molecules(tmp_path_factory):
    """Molecules with Crippen's logP and whether it is high, and two honest kinds of vectors of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(tmp_path_factory.mktemp("cache")))
        smiles, labels = nci_molecules()
        ids = np.arange(len(smiles))
        labels = np.where(ids[:, None] % 9 == 0, np.nan, labels)
        table = Table(ids, ids + 2, smiles, labels, ("logp",), "regression", len(ids))
        found = prepare(table)
        counts = ecfp_counts(found.canonical_smiles).counts.astype(np.float32)
        yield found, {"ecfp": _principal(counts, 32), "maccs": maccs_keys(found.canonical_smiles).counts.astype(float)}


def _principal(rows, many):
    left, scale, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    return left[:, :many] * scale[:many]


def said(molecules, values, *, classes=False, columns=None):
    table, labels = molecules.table, molecules.table.labels
    if classes:
        labels = np.where(np.isnan(labels), np.nan, labels > 1.5)
    table = Table(
        table.ids,
        table.lines,
        table.smiles,
        labels,
        table.tasks,
        "classification" if classes else "regression",
        table.rows,
    )
    with_them = replace(molecules, table=table, vectors=Vectors(np.asarray(values, np.float32), columns))
    return leak_text(with_them, Path("e.npz"), Reporter(quiet=True))


@pytest.mark.parametrize("classes", [False, True])
def test_honest_vectors_are_not_flagged(molecules, cache, classes):
    found, honest = molecules
    for values in (*honest.values(), np.random.default_rng(0).normal(size=(len(found), 500))):
        assert said(found, values, classes=classes) == ""


def leaking(values, labels, kind):
    """Vectors with the label planted in them."""
    rng, label = np.random.default_rng(0), np.nan_to_num(labels[:, 0] - np.nanmean(labels))
    values = values / values.std()
    added = {
        "column": label,
        "monotone": np.exp(label),
        "noise": label + 0.1 * label.std() * rng.normal(size=len(label)),
    }
    if kind in added:
        return np.column_stack([values, added[kind]])
    if kind == "mixed":
        return values + label[:, None] * rng.normal(size=values.shape[1])
    both = np.column_stack([values, label])
    return both @ np.linalg.qr(rng.normal(size=(both.shape[1],) * 2))[0]


@pytest.mark.parametrize(
    ("kind", "evidence"),
    [
        ("column", "column 32 orders molecules of equal composition as logp does (rank correlation 1.000)"),
        ("monotone", "column 32 orders molecules of equal composition as logp does (rank correlation 1.000)"),
        ("noise", " logp "),
        ("mixed", " logp "),
        ("rotated", " logp "),
    ],
)
def test_planted_labels_are_flagged(molecules, cache, kind, evidence):
    found, honest = molecules
    warning = said(found, leaking(honest["ecfp"], found.table.labels, kind))
    assert warning.startswith("warning: the vectors in e.npz may contain the labels: ")
    assert evidence in warning


def test_planted_classes_are_flagged(molecules, cache):
    found, honest = molecules
    values = leaking(honest["ecfp"], found.table.labels, "noise")
    names = (*map(str, range(32)), "hidden")
    assert "hidden alone ranks the molecules by logp with a ROC-AUC of" in said(
        found, values, classes=True, columns=names
    )


def test_few_labels_say_nothing(molecules, cache):
    found, honest = molecules
    few = found.take(np.arange(len(found)) < 40, [])
    assert said(few, leaking(honest["ecfp"], found.table.labels, "column")[:40]) == ""
