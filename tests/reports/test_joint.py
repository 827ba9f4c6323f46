"""Joint laws of data and model size in what a sweep writes and prints."""

from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.reports import plots
from jaxmrl.reports.joint import OTHER_LENGTHS, iso_table, joint_lines, joints_of, optimum_table, with_joints
from jaxmrl.reports.joint_figure import draw_joint
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs.curves import curves_of
from tests.support.rows import result_row

WIDTHS = {8: 2_000, 32: 20_000, 128: 200_000}
DATA = (100, 400, 1600)


def rows_of_sweep(widths=WIDTHS, **changes):
    rng = np.random.default_rng(0)
    return [
        result_row(
            float((2 * n**-0.3 + 3 * params**-0.25) * np.exp(rng.normal(0, 0.02))),
            **{"width": width, "params": params, "n_train": n, "fraction": n / 1600, "seed": seed} | changes,
        )
        for width, params in widths.items()
        for n in DATA
        for seed in range(3)
    ]


@pytest.fixture(scope="module")
def joint():
    rows = rows_of_sweep()
    (found,) = joints_of(curves_of(rows), rows, higher_is_better=False)
    return found


def printed(table, capsys):
    Reporter().console.print(table)
    return " ".join(capsys.readouterr().out.split())


def test_curves_that_differ_in_width_have_a_joint_law_of_all_their_runs(joint):
    cells = joint.analysis.forecast.cells
    assert sorted(set(cells.p)) == list(WIDTHS.values())
    assert sorted(set(cells.n)) == list(DATA)
    assert set(cells.runs) == {3}
    assert [curve.identity.width for curve in joint.curves] == list(WIDTHS)


def test_the_smallest_model_has_the_joint_law_in_fits_json(joint):
    curves = [*joint.curves[::-1]]
    found = with_joints([{"curve": curve.identity.width} for curve in curves], curves, [joint])
    assert [set(one) for one in found] == [{"curve"}, {"curve"}, {"curve", "joint"}]
    assert found[2]["joint"]["law"] == joint.analysis.forecast.fit.law.name


def test_the_terminal_says_law_exponents_and_the_best_use_of_compute(joint, capsys):
    (line, *notes) = joint_lines(joint.analysis, "RMSE")
    assert line.startswith(
        "joint law of 3 data sizes (100 to 1,600 molecules) and 3 model sizes (2,000 to 200,000 parameters): RMSE = "
    )
    exponents = joint.analysis.forecast.exponent("a"), joint.analysis.forecast.exponent("b")
    assert f"a (molecules) {exponents[0].value:.3g} [" in line
    assert f"b (parameters) {exponents[1].value:.3g} [" in line
    assert all(note.startswith("joint law: note: ") for note in notes)
    best = printed(optimum_table(joint.analysis.forecast, "RMSE"), capsys)
    assert "compute budget (molecules times parameters, per epoch), 90% intervals" in best
    assert "3.2e+08" in best
    assert "molecules and parameters" in best
    equal = printed(iso_table(joint.analysis.forecast, "RMSE", 0.5), capsys)
    assert "0.5" in equal
    assert "200,000" in equal


def test_too_few_widths_are_said_to_be_too_few():
    rows = rows_of_sweep({8: 2_000, 32: 20_000})
    (found,) = joints_of(curves_of(rows), rows, higher_is_better=False)
    assert joint_lines(found.analysis, "RMSE") == [
        "joint law of data and model size not fitted: a joint law needs at least 3 data sizes, 3 model sizes and 6 "
        "pairs of them; got 3, 2 and 6"
    ]
    assert joints_of(curves_of(rows[:9]), rows[:9], higher_is_better=False) == [], "one width is no grid"


def test_pruned_curves_have_no_joint_law():
    rows = rows_of_sweep(pruning="el2n")
    assert joints_of(curves_of(rows), rows, higher_is_better=False) == []


def test_runs_of_different_lengths_are_a_note():
    rows = [replace(row, epochs=row.epochs * 4) if row.n_train == 100 else row for row in rows_of_sweep()]
    (found,) = joints_of(curves_of(rows), rows, higher_is_better=False)
    assert OTHER_LENGTHS in found.analysis.notes


def test_the_figure_has_measured_cells_lines_of_equal_metric_and_a_path(joint):
    forecast = joint.analysis.forecast
    figure = draw_joint([("", forecast)], metric_label="RMSE", unit="eV", title="t")
    axes, bar = figure.axes
    assert bar.get_ylabel() == "measured RMSE (eV)"
    (dots,) = [one for one in axes.collections if len(one.get_offsets()) == 9]
    np.testing.assert_allclose(dots.get_offsets(), np.stack([forecast.cells.n, forecast.cells.p], axis=1))
    (path, _) = axes.lines
    n, p = path.get_data()
    values = forecast.fit.error(n, p)
    assert (forecast.fit.error(1.1 * n, p / 1.1) > values).all(), "the path is the best split of its compute"
    assert plots.render(figure, "png") == plots.render(
        draw_joint([("", forecast)], metric_label="RMSE", unit="eV", title="t"), "png"
    )
    assert len(draw_joint([("a", forecast), ("b", forecast)], metric_label="m", unit="", title="").axes) == 4
