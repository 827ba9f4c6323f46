"""The programs in examples/ run, and show what they say."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def lanes(monkeypatch):
    """The example of lanes, for two sizes and a few steps."""
    spec = importlib.util.spec_from_file_location("lanes", EXAMPLES / "lanes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in {"SIZES": (50, 100), "SEEDS": 2, "EPOCHS": 20, "MIN_STEPS": 40, "TEST": 50}.items():
        monkeypatch.setattr(module, name, value)
    return module


@pytest.mark.slow
def test_a_lane_of_the_example_equals_its_replica_alone(lanes, capsys):
    lanes.main()
    *curve, last = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in curve] == ["50", "100"]
    in_lane, alone = map(float, re.findall(r": (\d\.\d+)", last))
    assert in_lane == pytest.approx(alone, abs=2e-5)


@pytest.mark.slow
def test_the_notebook_runs(tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat", reason="needs the notebook extra")
    nbclient = pytest.importorskip("nbclient", reason="needs the notebook extra")
    pytest.importorskip("pandas", reason="needs the notebook extra")
    monkeypatch.setenv("JAXMRL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("XLA_FLAGS", raising=False)  # it trains longer than it compiles
    notebook = nbformat.read(EXAMPLES / "notebook.ipynb", as_version=4)
    settings = {"timeout": 600, "coalesce_streams": True, "resources": {"metadata": {"path": str(tmp_path)}}}
    nbclient.NotebookClient(notebook, **settings).execute()
    texts = [
        output.get("text", "") or output.get("data", {}).get("text/plain", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    ]
    assert any("training took" in text and "Results: runs/assay" in text for text in texts)  # one output, not many
    assert any("ROC-AUC 0.95 takes" in text for text in texts)
    assert any("nearest_training" in text for text in texts)
    assert (tmp_path / "runs" / "assay" / "report.html").exists()


def test_the_notebook_is_saved_as_it_was_executed_and_names_no_machine():
    cells = [
        cell for cell in json.loads((EXAMPLES / "notebook.ipynb").read_text())["cells"] if cell["cell_type"] == "code"
    ]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = json.dumps([cell["outputs"] for cell in cells])
    assert len(outputs) < 100_000
    assert not re.search(r"Traceback|Warning|\\u001b|/tmp/|/home/|/root/", outputs)
