"""Every curve priced in the molecules of every other one, and where the two cross."""

from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.reports.equivalence import EquivalenceRow, crossings, equivalence_rows, matrices
from jaxmrl.reports.summary import analyze_curve
from jaxmrl.runs.curves import curves_of
from jaxmrl.scaling.analysis import UNFITTED
from tests.support.rows import result_row

SIZES = (100, 200, 400, 800, 1600)


def rows_of(error, **changes):
    """A row for each size and seed of a curve of this error."""
    row, rng = result_row(metric="rmse"), np.random.default_rng(0)
    curve = replace(row.curve, pruning="random", **changes)
    return [
        replace(row, curve=curve, fraction=n / 1600, n_train=n, seed=seed, test=error(n) * np.exp(rng.normal(0, 0.01)))
        for n in SIZES
        for seed in range(3)
    ]


@pytest.fixture(scope="module")
def priced():
    """A curve, one that is worth three times its data, one that it crosses at 500 molecules, one of another split."""
    rows = [
        *rows_of(lambda n: 3 * n**-0.25, width=64),
        *rows_of(lambda n: 3 * (3 * n) ** -0.25, width=128),
        *rows_of(lambda n: 3 * 500**-0.25 * (n / 500) ** -0.4, width=256),
        *rows_of(lambda n: 3 * n**-0.25, split="scaffold", width=64),
    ]
    curves = curves_of(rows)
    analyses = [analyze_curve(one, False, None) for one in curves]
    return equivalence_rows(curves, analyses, rows), curves, analyses, rows


def test_what_1000_molecules_of_one_are_worth_in_the_other(priced):
    found, *_ = priced
    assert [(row.split, row.n) for row in found] == [("random", 1000)] * 6, "a curve alone in its split has no price"
    by_pair = {(row.curve, row.than): row for row in found}
    names = list(dict.fromkeys(row.curve for row in found))
    triple = by_pair[names[1], names[0]]
    assert triple.molecules == pytest.approx(3000, rel=0.1)
    assert triple.low < 3000 < triple.high
    assert by_pair[names[0], names[1]].molecules == pytest.approx(333, rel=0.1)
    ((split, n, labels, cells),) = matrices(found)
    assert (split, n, labels) == ("random", 1000, names)
    assert [row[k] for k, row in enumerate(cells)] == ["", "", ""]
    assert cells[1][0].startswith(f"{float(f'{triple.molecules:.3g}'):,.0f} [")


def test_where_curves_cross(priced):
    found, *_ = priced
    names = list(dict.fromkeys(row.curve for row in found))
    crossing = {frozenset((row.curve, row.than)): (row.crosses_after, row.crosses_before) for row in found}
    assert crossing[frozenset(names[:2])] == (None, None)
    assert crossing[frozenset((names[0], names[2]))] == (400, 800)
    assert f"{names[0]} and {names[2]} cross between 400 and 800 molecules." in crossings(found)
    beyond = next(row for row in found if (row.curve, row.than) == (names[1], names[2]))
    assert beyond.crosses_after is None
    assert beyond.crosses_forecast == pytest.approx(500 * 3 ** (0.25 / 0.15), rel=0.2)
    assert any("are forecast to cross at about " in line for line in crossings(found))


def test_rows_can_be_read_again(priced):
    for row in priced[0]:
        assert EquivalenceRow.from_cells(row.cells()) == row


def test_curves_without_a_law_have_no_price(priced):
    _, curves, analyses, rows = priced
    assert equivalence_rows(curves, [analyses[0], *[UNFITTED] * 3], rows) == []


def test_the_largest_size_is_priced_where_1000_is_out_of_reach(priced):
    _, curves, _, rows = priced
    few = [row for row in rows if row.n_train <= 200 and row.curve.split == "random" and row.curve.width < 256]
    curves = curves_of([replace(row, n_train=row.n_train // 10) for row in few])
    rows = [replace(row, n_train=row.n_train // 10) for row in few]
    found = equivalence_rows(curves, [analyze_curve(one, False, None) for one in curves], rows)
    assert {row.n for row in found} == {20}
