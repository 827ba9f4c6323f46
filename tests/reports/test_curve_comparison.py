"""Which curves of a run stand side by side, and what is said of them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.reports.appearance import curve_label
from jaxmrl.reports.curve_comparison import (
    Comparison,
    compare_curves,
    comparison_content,
    comparison_line,
    molecules_text,
)
from jaxmrl.reports.summary import analyze_curve
from jaxmrl.runs.curves import MeasuredCurve, Point
from jaxmrl.scaling.analysis import UNFITTED
from jaxmrl.scaling.data_equivalence import DataEquivalence
from tests.support.rows import IDENTITY

N = (100, 200, 400, 800, 1600)


def curve(times=1.0, **changes):
    rng = np.random.default_rng(len(str(changes)))
    error = lambda n: 1.5 * (times * n) ** -0.25 * np.exp(rng.normal(0, 0.01, 3))
    points = tuple(Point(n / 1600, n, tuple(1 - error(n))) for n in N)
    return MeasuredCurve(replace(IDENTITY, **changes), "roc_auc", points)


@pytest.fixture(scope="module")
def analyzed():
    curves = [
        curve(),
        curve(2.7, init="muv"),
        curve(0.5, modality="smiles", model="transformer"),
        curve(split="scaffold"),
        curve(2.7, split="scaffold", init="muv"),
        curve(width=128),
    ]
    return curves, [analyze_curve(one, True, 0.5) for one in curves]


@pytest.mark.slow
def test_each_curve_is_beside_the_first_that_differs_in_one_thing(analyzed):
    compared = compare_curves(*analyzed)
    labels = [curve_label(one, analyzed[0]) for one in analyzed[0]]
    assert len(set(labels)) == len(labels)
    assert [(one.along, labels.index(one.curve), labels.index(one.than)) for one in compared] == [
        ("init", 1, 0),
        ("modality", 2, 0),
        ("split", 3, 0),
        ("split", 4, 1),
        ("init", 4, 3),
    ], "width alone is the capacity figure's"


@pytest.mark.slow
def test_what_is_said_of_them(analyzed):
    compared = compare_curves(*analyzed)
    with_training = compared[0]
    assert with_training.worth[2].molecules == pytest.approx(2.7 * 400, rel=0.15)
    line = comparison_line(with_training)
    assert line.startswith(f"{with_training.curve}: 400 molecules are equivalent to 1,")
    assert f" of {with_training.than}; " in line
    content = comparison_content(compared)
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content[0]["worth"][0]["n"] == 100


@pytest.mark.slow
def test_curves_without_laws_are_left_alone(analyzed):
    curves, analyses = analyzed
    assert compare_curves(curves[:2], [analyses[0], UNFITTED]) == []


def test_a_curve_that_never_gets_there_has_no_equivalent():
    one = Comparison("SVM", "GIN", "model", None, (DataEquivalence(1000.0, None, None, None),))
    assert comparison_line(one) == (
        "SVM: 1,000 molecules have no equivalent within 100 times the sizes of GIN; the exponents are not compared, "
        "because no law explains both curves"
    )


def test_molecules_are_told_to_three_digits():
    assert molecules_text(DataEquivalence(100, 12_345, 9_876.5, None)) == "12,300 [9,880 to ...]"
    assert molecules_text(DataEquivalence(100, None, None, None)) == "cannot be estimated"
    assert molecules_text(DataEquivalence(100, 150.0, None, None)) == "150 [not known]"
