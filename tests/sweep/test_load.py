"""The result of a sweep, read from its directory: it is the one that the sweep returned."""

import json
import re
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import jaxmrl
from jaxmrl.baselines.planned import planned_rows
from jaxmrl.config import SweepConfig
from jaxmrl.config.names import DEFAULT_FRACTIONS
from jaxmrl.errors import UserError
from jaxmrl.sweep import run_sweep
from jaxmrl.sweep.load import load_run
from tests.support.tiny import TINY

SIZES = (0.05, 0.07, 0.09, 0.1)


@pytest.fixture(scope="module")
def swept(tmp_path_factory, csv_file):
    """The result of a sweep of two seeds, whose table is gone."""
    folder = tmp_path_factory.mktemp("load")
    table = shutil.copy(csv_file, folder / "mine.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        result = run_sweep(SweepConfig(csv=Path(table), seeds=2, out=folder / "run", **TINY | {"fractions": SIZES}))
    Path(table).unlink()
    return result


@pytest.fixture
def copied(swept, tmp_path):
    return shutil.copytree(swept.directory, tmp_path / "copied")


def test_a_run_is_read_as_it_was_returned(swept):
    before = {path: path.stat().st_mtime_ns for path in swept.directory.rglob("*")}
    found = load_run(str(swept.directory))
    assert found == swept
    assert found.missing == 0
    for mine, theirs in zip(found.analyses, swept.analyses, strict=True):
        assert [fit.values for fit in mine.fits] == [fit.values for fit in theirs.fits]
        assert (mine.notes, mine.flags, mine.kind) == (theirs.notes, theirs.flags, theirs.kind)
        assert mine.predict(np.array([1e3])) == theirs.predict(np.array([1e3]))
    assert {path: path.stat().st_mtime_ns for path in swept.directory.rglob("*")} == before, "nothing is written"


def test_a_run_that_has_not_ended_has_the_results_so_far(swept, copied):
    lines = (copied / "results.csv").read_text().splitlines(keepends=True)
    (copied / "results.csv").write_text("".join(lines[:4]) + lines[4][:30])
    with pytest.warns(UserWarning, match=r"copied: 5 of 8 replicas have no result yet; run the sweep's command again"):
        found = load_run(copied)
    assert (found.rows, found.missing) == (swept.rows[:3], 5)
    (copied / "results.csv").write_text(lines[0])
    with pytest.raises(UserError, match="has no result yet: run the sweep's command again to train its 8 replicas"):
        load_run(copied)


def test_the_noise_floor_of_a_run_is_read(copied):
    content = json.loads((copied / "run.json").read_text())
    content["splits"]["random"]["noise_floor"] = 1e9
    (copied / "run.json").write_text(json.dumps(content))
    assert all(
        any("noise of the labels" in note for note in one.notes) for one in load_run(copied).analyses if one.fits
    )


def test_planned_rows_count_every_axis(tmp_path):
    axes = {"modality": ("graph", "fingerprint"), "width": (8, 16, 24), "split": ("random", "scaffold")}
    config = SweepConfig(csv=tmp_path / "a.csv", pruning=("random", "el2n"), seeds=5, fractions=(0.5, 1.0), **axes)
    assert planned_rows(config, {}) == 2 * 3 * 2 * 2 * 5 * 2
    assert planned_rows(SweepConfig(csv=tmp_path / "a.csv", seeds=1), {}) == len(DEFAULT_FRACTIONS)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: shutil.rmtree(run), "is not a run of a sweep: it has no run.json. Expected a folder that run_sw"),
        (lambda run: (run / "results.csv").unlink(), "is not a run of a sweep: it has no results.csv"),
        (lambda run: (run / "run.json").write_text("{"), r"run\.json or config\.toml beside it is damaged"),
        (lambda run: replaced(run / "run.json", '"format": 3', '"format": 2'), "has files of format 2"),
        (
            lambda run: replaced(run / "run.json", "left_out_of_mean", "left"),
            "the split .random. of results.csv is",
        ),
        (lambda run: replaced(run / "config.toml", "seeds", "seads"), "unknown setting 'seads'"),
        (
            lambda run: replaced(run / "results.csv", ",float32,", ",float32,much"),
            "row 1 below the header, column l",
        ),
        (lambda run: replaced(run / "results.csv", "params", "parameters"), "has no column params: expected"),
        (lambda run: replaced(run / "results.csv", ",rmse,", ",accuracy,"), "the metric 'accuracy'"),
    ],
)
def test_what_is_no_run_or_is_damaged_is_a_clear_error(copied, damage, message):
    damage(copied)
    with pytest.raises(UserError, match=message):
        load_run(copied)


def replaced(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_takes_labels_is_noted(copied):
    replaced(copied / "config.toml", "save_predictions = false", "save_predictions = true")
    (analysis,) = load_run(copied).analyses
    assert analysis.notes[-1].startswith(
        "intervals count seeds only: those of fits.json also count the choice of test molecules"
    )


def test_curves_and_results_plot_themselves(swept):
    axes = Figure().add_subplot()
    assert swept.plot(axes) is axes
    (curve,) = swept.curves
    assert axes.get_xlabel() == "training molecules"
    assert axes.get_ylabel() == "test RMSE (lower is better)"
    runs, means, *laws = axes.lines
    assert len(runs.get_xdata()) == len(swept.rows)
    x, y = means.get_data()
    assert list(x) == [point.n_train for point in curve.points]
    assert list(y) == [point.mean for point in curve.points]
    known = 2 * bool(curve.analysis.forecast)
    assert len(axes.collections) == len(laws) == known, "law and interval among the data, and beyond"
    with matplotlib.rc_context({"backend": "agg"}):
        new = curve.plot()
    assert new.figure.get_axes() == [new]
    matplotlib.pyplot.close(new.figure)


def test_frames_have_the_columns_of_the_files_in_their_types(swept):
    pandas = pytest.importorskip("pandas", reason="needs the frames extra")
    results = swept.to_frame()
    assert list(results) == (swept.directory / "results.csv").read_text().splitlines()[0].split(",")
    assert results["test"].tolist() == [row.test for row in swept.rows]
    assert results["seed"].dtype.kind == "i"
    points = swept.curves[0].to_frame()
    pandas.testing.assert_frame_equal(points, pandas.read_csv(swept.directory / "curves.csv"), check_dtype=False)


def test_without_pandas_the_error_says_what_to_install(swept, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(UserError, match=r"to_frame needs pandas: pip install 'jaxmrl\[frames\]'"):
        swept.to_frame()


def test_the_example_of_the_docs_runs(swept, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text()
    (example,) = re.findall(r"```python\n(.*?load_run.*?)```", page, re.DOTALL)
    monkeypatch.chdir(swept.directory.parent)
    pytest.importorskip("pandas", reason="needs the frames extra")
    with matplotlib.rc_context({"backend": "agg"}):
        exec(example.replace('"runs/esol"', '"run"'), {})
    matplotlib.pyplot.close("all")
    printed = capsys.readouterr().out
    assert "random" in printed
    assert str(json.loads((swept.directory / "fits.json").read_text())[0]["points"]) in printed
    assert {"load_run", "LearningCurve", "SweepResult", "ResultRow"} <= set(jaxmrl.__all__)
