import json
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

from jaxmrl.errors import ConfigError
from jaxmrl.io.files import number
from jaxmrl.reports import meters, plots, terminal
from jaxmrl.reports.answer import caution_text
from jaxmrl.reports.appearance import curve_label
from jaxmrl.reports.capacity_figure import capacity_groups, draw_capacity
from jaxmrl.reports.digits import value_words
from jaxmrl.reports.law_tables import law_lines
from jaxmrl.reports.summary import analyze_curve
from jaxmrl.reports.terminal import Reporter
from jaxmrl.reports.ticks import few_ticks
from jaxmrl.runs.curves import MeasuredCurve, Point, curves_of
from jaxmrl.runs.directory import FORMAT, RunDirectory
from jaxmrl.scaling.analysis import UNFITTED
from jaxmrl.scaling.current import Current
from jaxmrl.text import duration
from tests.support.rows import IDENTITY, result_row


def curve(means, **changes):
    n = [100 * 2**k for k in range(len(means))]
    points = tuple(
        Point(size / 1000, size, (mean - 0.01, mean, mean + 0.01)) for size, mean in zip(n, means, strict=True)
    )
    return MeasuredCurve(replace(IDENTITY, **changes), "roc_auc", points)


def test_diverged_replicas_do_not_count():
    rows = [
        result_row(1.0, seed=0),
        result_row(3.0, seed=1),
        result_row(None, seed=2, status="diverged"),
        result_row(None, fraction=1.0, status="diverged"),
    ]
    (found,) = curves_of(rows)
    (point,) = found.points
    assert (point.mean, point.n_seeds) == (2.0, 2)
    assert point.sd == pytest.approx(np.sqrt(2))


def test_one_seed_has_no_spread():
    (found,) = curves_of([result_row(1.0)])
    assert np.isnan(found.points[0].sd)
    assert number(found.points[0].sd) == ""


def test_the_same_replica_twice_counts_once(tmp_path):
    run = RunDirectory(tmp_path, ("y",))
    run.write_results([])
    for seed in (0, 1, 0):
        run.append_result(result_row(1.0, seed=seed, tests={"y": 1.0}))
    assert [found.seed for found in run.read_results()] == [0, 1]


def test_files_of_another_format_are_refused_with_a_reason(tmp_path):
    run = RunDirectory(tmp_path, ("y",))
    facts = {"software": {}, "data": {}}
    run.create_or_resume("seeds = 3\n", facts)
    assert run.metadata()["format"] == FORMAT
    run.create_or_resume("seeds = 3\n", facts)
    for theirs, said in (({"format": FORMAT + 1}, FORMAT + 1), ({}, 1)):
        run.write("run.json", json.dumps(facts | theirs))
        with pytest.raises(
            ConfigError,
            match=f"has files of format {said}, and this version of jaxmrl reads and writes format {FORMAT}",
        ):
            run.create_or_resume("seeds = 3\n", facts)
    run.write("run.json", "[]")
    with pytest.raises(ConfigError, match="is damaged"):
        run.create_or_resume("seeds = 3\n", facts)


def test_axes_are_logarithmic_unless_a_point_is_not_above_zero():
    options = {"metric_label": "R²", "unit": "", "title": ""}
    scales = [
        plots.draw_curves([curve(means)], [UNFITTED], **options).axes[0].get_yscale()
        for means in ([0.1, 0.5], [-0.1, 0.5])
    ]
    assert scales == ["log", "linear"]


def test_a_sweep_whose_replicas_all_diverged_has_an_empty_figure():
    (bare,) = curves_of([result_row(None, status="diverged")])
    figure = plots.draw_curves([bare], [UNFITTED], metric_label="m", unit="", title="")
    assert plots.render(figure, "svg")


def test_capacity_has_a_line_for_each_fraction_and_kind_of_model():
    small = [curve([0.6, 0.7], params=2100, split=split) for split in ("random", "scaffold")]
    large = [curve([0.65, 0.8], params=59_841, width=128, split=split) for split in ("random", "scaffold")]
    figure = draw_capacity([*large, *small], metric_label="ROC-AUC", unit="", title="")
    (axes,) = figure.axes
    x, y = np.array([line[0].get_data() for line in axes.containers], float).swapaxes(0, 1)
    np.testing.assert_array_equal(x, [[2100, 59_841]] * 4)
    np.testing.assert_allclose(y, [[0.6, 0.65], [0.7, 0.8]] * 2)
    (legend,) = figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named[:4] == ["split random", "split scaffold", "fraction 0.1", "fraction 0.2"]
    assert capacity_groups(small) == []


@pytest.mark.parametrize("sizes", [(2100, 59_841), (1000, 1_300_000), (5800, 6100), (90, 2100, 17_000)])
def test_ticks_of_the_capacity_do_not_collide(sizes):
    curves = [curve([0.6 - k / 50, 0.7], params=params, width=8 + k) for k, params in enumerate(sizes)]
    figure = draw_capacity(curves, metric_label="ROC-AUC", unit="", title="")
    figure.draw_without_rendering()
    left, right = figure.axes[0].get_xlim()
    texts = zip(figure.axes[0].get_xticks(), figure.axes[0].get_xticklabels(which="both"), strict=True)
    boxes = [text.get_window_extent() for place, text in texts if left <= place <= right]
    assert len(boxes) >= 2
    assert all(one.x1 + 3 < other.x0 for one, other in pairwise(boxes))


def test_a_figure_is_the_same_each_time():
    found = curve([0.6, 0.7, 0.75])
    analysis = analyze_curve(found, True, 0.5)
    drawn = [
        plots.render(plots.draw_curves([found], [analysis], metric_label="m", unit="", title="t"), kind)
        for kind in ("png", "svg", "png", "svg")
    ]
    assert drawn[:2] == drawn[2:]


def test_labels_name_what_differs():
    curves = [curve([0.6]), curve([0.7], width=128, params=9)]
    assert [curve_label(c, curves) for c in curves] == ["width 64", "width 128"]
    assert curve_label(curves[0], curves[:1]) == "GIN 64x3"


def test_law_lines_name_the_error_of_a_score_and_what_is_forecast():
    found = curve([0.6, 0.7, 0.75, 0.79, 0.82])
    lines = law_lines("mine", analyze_curve(found, True, 0.5), "ROC-AUC")
    assert all(line.startswith(("mine: ", "mine, ")) for line in lines)
    text = "\n".join(lines)
    assert "1 - ROC-AUC = " in text
    assert "c 0." in text
    assert re.search(r"^mine, with 10 times the molecules: ROC-AUC 0\.\d+ \[0\.\d+, 0\.\d+\]", text, re.MULTILINE)
    (line,) = law_lines("mine", analyze_curve(curve([0.6]), True, 0.5), "ROC-AUC")
    assert line == "mine: no law fitted: a curve needs two sizes; got 1"


def test_a_figure_has_each_curves_law_and_its_interval():
    """The law is solid among the measured sizes, and dashed up to four times the largest."""
    found = curve([0.6, 0.7, 0.75, 0.79, 0.82])
    options = {"metric_label": "m", "unit": "", "title": ""}
    (axes,) = plots.draw_curves([found], [analyze_curve(found, True, 0.5)], **options).axes
    laws = [line for line in axes.lines if len(line.get_xdata()) == 100]
    ends = {line.get_linestyle(): line.get_xdata()[[0, -1]].tolist() for line in laws}
    assert ends == {"-": pytest.approx([100, 1600]), "--": pytest.approx([1600, 6400])}
    assert len(axes.collections) == 2
    (bare,) = plots.draw_curves([found], [UNFITTED], **options).axes
    assert {line.get_linestyle() for line in bare.lines} == {"None"}
    assert len(bare.collections) == 0


def test_a_figure_has_every_run_as_a_faint_dot():
    found = curve([0.6, 0.7])
    (axes,) = plots.draw_curves([found], [UNFITTED], metric_label="m", unit="", title="").axes
    runs, means = axes.lines
    assert sorted(runs.get_ydata()) == sorted(test for point in found.points for test in point.tests)
    assert list(means.get_ydata()) == pytest.approx([0.6, 0.7])
    assert runs.get_alpha() < 0.5


def test_several_curves_are_named_at_their_ends_or_in_the_legend_where_they_collide():
    far = [curve([0.6, 0.7]), curve([0.3, 0.4], width=128)]
    near = [curve([0.6, 0.7]), curve([0.6, 0.701], width=128)]
    for curves, named in ((far, ["width 64", "width 128"]), (near, [])):
        (axes,) = plots.draw_curves(curves, [UNFITTED] * 2, metric_label="m", unit="", title="").axes
        legend = [text.get_text() for text in axes.get_legend().get_texts()]
        assert [text.get_text() for text in axes.texts] == named
        assert ("width 128" in legend) == (not named)


def test_a_wide_interval_does_not_flatten_the_points():
    found = curve([0.6, 0.7, 0.75])
    analysis = analyze_curve(found, True, 0.5)
    (axes,) = plots.draw_curves([found], [analysis], metric_label="m", unit="", title="").axes
    low, high = axes.get_ylim()
    drawn = [line.get_ydata() for line in axes.lines]
    spread = max(map(max, drawn)) - min(map(min, drawn))
    assert high - low < 2 * spread


@pytest.mark.parametrize(
    ("scale", "ends", "texts"),
    [
        ("log", (30, 20_000), ["100", "1,000", "10,000"]),
        ("log", (0.75, 1.42), ["0.8", "1.0", "1.2", "1.4"]),
        ("log", (80, 900), ["100", "200", "500"]),
        ("linear", (-0.1, 0.5), ["0.0", "0.2", "0.4"]),
        ("log", (3e4, 3e7), ["100,000", "1,000,000", "10,000,000"]),
        ("linear", (0, 2.2e6), ["0", "500,000", "1,000,000", "1,500,000", "2,000,000"]),
        ("log", (3e6, 3e9), ["1e+07", "1e+08", "1e+09"]),
        ("linear", (0, 2.4e-5), ["0", "5e-06", "1e-05", "1.5e-05", "2e-05"]),
    ],
)
def test_ticks_are_few_and_round(scale, ends, texts):
    axes = Figure().add_subplot()
    axes.set_xscale(scale)
    axes.set_xlim(*ends)
    few_ticks(axes.xaxis)
    axes.figure.canvas.draw()
    pairs = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    assert [label.get_text() for place, label in pairs if ends[0] <= place <= ends[1]] == texts


def test_the_check_is_drawn_where_intervals_are_known():
    found = curve([0.6, 0.7, 0.75, 0.79, 0.82])
    analysis = analyze_curve(found, True, 0.5)
    (axes,) = plots.draw_check([found], [analysis], metric_label="ROC-AUC").axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["1,600 molecules"]
    assert plots.draw_check([found], [UNFITTED], metric_label="ROC-AUC") is None


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.86585, 0.8471, 0.8847, "0.866 (0.847 to 0.885)"),
        (398.2, 341.0, 455.3, "398 (341 to 455)"),
        (12345.6, 11000.0, 13700.0, "12,346 (11,000 to 13,700)"),
        (0.00123456, 0.00119, 0.00128, "0.001235 (0.001190 to 0.001280)"),
        (0.5, None, None, "0.5 (interval not known)"),
    ],
)
def test_numbers_have_the_digits_that_their_interval_supports(value, low, high, text):
    assert value_words({"value": value, "low": low, "high": high}) == text


@pytest.mark.parametrize(
    ("low", "high", "higher_is_better", "said"),
    [
        (0.85, 0.88, True, ""),
        (0.78, 0.88, True, "This interval includes the present value"),
        (0.70, 0.79, True, "The whole interval is worse than the present value"),
        (0.70, 0.79, False, ""),
        (0.78, 0.88, False, "This interval includes the present value"),
        (0.85, 0.88, False, "The whole interval is worse than the present value"),
        (None, None, True, ""),
        (0.78, None, True, "This interval includes the present value"),
    ],
)
def test_a_forecast_that_may_be_no_improvement_says_so(low, high, higher_is_better, said):
    text = caution_text(Current(320, 0.8, 3), {"value": 0.8, "low": low, "high": high}, higher_is_better)
    assert text.startswith(said)
    assert bool(text) == bool(said)


def test_progress_without_a_terminal_counts_what_was_found_done_but_not_its_speed(monkeypatch, capsys):
    clock = [0.0]
    monkeypatch.setattr(meters.time, "monotonic", lambda: clock[0])
    with Reporter().progress("training", 1000, "steps") as progress:
        clock[0] = 10.0
        progress.skip(900)
        clock[0] = 20.0
        progress.advance(0)
        progress.drop(25)
        clock[0] = 40.0
        progress.advance(50)
    assert capsys.readouterr().out == "training: 950/975 steps, about 10 s left\n"


def test_the_clock_of_the_time_left_starts_after_compilation(monkeypatch, capsys):
    """The first step of a run waits for its program to be compiled, and so may a step of its next model."""
    clock = [0.0]
    monkeypatch.setattr(meters.time, "monotonic", lambda: clock[0])
    with Reporter().progress("training", 14_400, "steps") as progress:
        for seconds, amount, timed in (
            (31, 1, False),
            (40, 63, True),
            (62, 110, True),
            (90, 1, False),
            (93, 105, True),
        ):
            clock[0] = float(seconds)
            progress.advance(amount) if timed else progress.skip(amount)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == "training: 1/14,400 steps"
    assert second == "training: 174/14,400 steps, about 47 min left", "110 steps in 22 s"
    assert third == "training: 280/14,400 steps, about 47 min left", "the time of one step is not known"


def test_durations():
    assert [duration(seconds) for seconds in (5, 300, 9000)] == ["5 s", "5 min", "2.5 h"]


def test_notes_go_to_the_logger_also_where_nothing_is_printed(caplog, capsys):
    caplog.set_level("INFO", logger="jaxmrl")
    Reporter(quiet=True).say("8 rows rejected")
    assert caplog.messages == ["8 rows rejected"]
    assert capsys.readouterr().out == ""


def test_the_table_of_scores_says_what_its_correlations_are_between(capsys):
    agreement = {"of_two_seeds": 0.72, "of_two_such_means": 0.93}
    content = {
        "seeds": 5,
        "rank_correlation_of_seeds": {"el2n": agreement},
        "rank_correlation_of_methods": {"el2n": {"el2n": 1.0}},
        "rank_correlation_with_properties": {"el2n": {"heavy_atoms": None}},
    }
    Reporter().console.print(terminal.score_summary(content))
    said = capsys.readouterr().out
    for text in (
        "between seeds",
        "mean over seeds",
        "with el2n",
        "with heavy atoms",
        "0.72",
        "0.93",
        "each over 5 seeds",
    ):
        assert text in said


def test_progress_is_plain_lines_without_a_terminal_as_in_a_notebook(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as Jupyter's kernel sets it
    reporter = Reporter()
    with reporter.progress("training", 10, "steps") as progress:
        progress.advance(10)
    reporter.say("training took 1 s")
    assert capsys.readouterr().out == "training took 1 s\n"
