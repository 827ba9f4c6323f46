"""Results in a notebook: they show themselves, progress is one line, and an interruption says how to go on."""

import re
import sys
from types import SimpleNamespace

import pytest

from jaxmrl.reports import meters
from jaxmrl.reports.meters import in_notebook
from jaxmrl.reports.notebook import curves_html
from jaxmrl.reports.summary import analyze_curve
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs.curves import curves_of
from jaxmrl.sweep.result import LearningCurve, SweepResult
from jaxmrl.training.interrupts import StopRequestedError, resumable
from tests.support.rows import result_row

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    rows = [
        result_row(2 * n**-0.3 + 0.01 * seed, n_train=n, seed=seed, fraction=n / 160, split=split, status="finished")
        for split in ("random", EVIL)
        for n in (20, 40, 80, 160)
        for seed in range(2)
    ]
    curves = [LearningCurve.of(one, analyze_curve(one, False, None)) for one in curves_of(rows)]
    return SweepResult(tmp_path_factory.mktemp("run") / EVIL, rows, curves, missing=2)


def test_a_result_shows_its_figure_and_its_points(result):
    shown = result._repr_html_()
    assert "16 of 18 replicas, 2 learning curves" in shown
    assert shown.count("<tr>") == 1 + 8
    assert 'src="data:image/png;base64,' in shown
    assert "<script" not in shown
    assert len(shown) < 200_000


def test_a_curve_shows_itself(result):
    assert result.curves[0]._repr_html_().count("<tr>") == 1 + 4


def test_a_result_without_points_is_a_sentence():
    assert curves_html("nothing <yet>", [], []) == "<p><b>nothing &lt;yet&gt;</b></p>"


def test_progress_in_a_notebook_is_one_line_that_changes(monkeypatch, capsys):
    shown, clock = [], [0.0]
    handle = SimpleNamespace(update=lambda content, raw: shown.append(content["text/plain"]))

    def display(content, raw, display_id):
        shown.append(f"first {content['text/plain']}")
        return handle

    shell = SimpleNamespace(kernel=object())
    ipython = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    monkeypatch.setattr(meters.time, "monotonic", lambda: clock[0])
    with Reporter().progress("training", 30, "steps") as progress:
        for _ in range(3):
            clock[0] += 1.5
            progress.advance(10)
    assert shown == [
        "first training: 10/30 steps",
        "training: 20/30 steps, about 2 s left",
        "training: 30/30 steps, about 0 s left",
        "training: 30/30 steps, about 0 s left",
    ]
    assert capsys.readouterr().out == ""
    shown.clear()
    with Reporter(quiet=True).progress("training", 30, "steps") as progress:
        clock[0] += 1.5
        progress.advance(30)
    assert shown == []


def test_a_terminal_of_ipython_is_no_notebook(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace()))
    assert not in_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()


def test_an_interruption_says_how_to_go_on():
    with pytest.raises(StopRequestedError) as stopped, resumable("Call run_sweep again"):
        raise StopRequestedError
    assert stopped.value.__notes__ == ["The state is saved. Call run_sweep again."]


@pytest.mark.nightly
def test_a_cell_that_is_interrupted_keeps_its_state(tmp_path, csv_file, monkeypatch):
    """In a kernel of its own, which is interrupted as the stop button does it."""
    pytest.importorskip("nbclient", reason="needs the notebook extra")
    manager = pytest.importorskip("jupyter_client", reason="needs the notebook extra")
    monkeypatch.setenv("JAXMRL_CACHE", str(tmp_path / "cache"))
    kernel, client = manager.manager.start_new_kernel(cwd=str(tmp_path))
    said = []

    def note(message):
        content = message["content"]
        said.append("\n".join(content.get("traceback", [content.get("text", "")])))
        if "steps in" in content.get("text", ""):  # training begins
            kernel.interrupt_kernel()

    settings = "target_columns=('logp',), fractions=(0.05, 0.1), steps=600, width=(8,), depth=(2,), lanes=2, seeds=2"
    cell = f"""
import jaxmrl
config = jaxmrl.SweepConfig(csv={str(csv_file)!r}, model=("gin",), baselines=("mean",), out="run", {settings})
result = jaxmrl.run_sweep(config, quiet=False)
"""
    try:
        first = client.execute_interactive(cell, output_hook=note, timeout=300)
        found = re.sub(r"\x1b\[[0-9;]*m", "", "".join(said))
        assert (first["content"]["status"], "StopRequestedError" in found) == ("error", True)
        assert "The state is saved. Call run_sweep with the same settings to resume the run in run." in found
        assert list((tmp_path / "run" / "checkpoints").rglob("host.json"))
        resumed = client.execute_interactive(cell + "\nlen(result.rows)", output_hook=lambda message: None, timeout=500)
        assert resumed["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
    assert (tmp_path / "run" / "report.html").exists()
