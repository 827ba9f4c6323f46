"""The database of learning curves: its rows, and what an interrupted command measures again."""

import csv
import math
import sys

import numpy as np
import pytest

from benchmarks.curves_database import make
from benchmarks.curves_database.sources import Source, targets_of

SOURCE = Source("small", "small.csv", "smiles", ("size",))


@pytest.fixture
def folder(nci, tmp_path):
    smiles, _ = nci
    with (tmp_path / "small.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("smiles", "size"), *((text, len(text)) for text in smiles[:100])])
    return tmp_path


def test_rows_are_sizes_and_their_runs(folder):
    (target,) = targets_of(SOURCE, folder)
    assert [len(text) > 0 for text in target.smiles] == [True] * len(target.labels)
    rows = make.rows_of(SOURCE, target, "knn", jobs=1)
    assert [row["n_train"] for row in rows] == [16, 36, 80]
    assert {row["n_test"] for row in rows} == {10}
    runs = np.array([[float(row[f"rmse_{k}"]) for k in range(make.RUNS)] for row in rows])
    assert runs[-1].mean() < runs[0].mean()


def test_curves_that_are_there_are_not_measured_again(folder, monkeypatch, capsys):
    monkeypatch.setattr(make, "sources", lambda folder: [SOURCE])
    monkeypatch.setattr(make, "graph_curve", lambda target, model, task: {40: [0.5, math.nan], 80: [0.25, 0.125]})
    command = ["make", "--data", str(folder), "--out", str(folder), "--models"]
    for models in (["ridge"], ["ridge", "dmpnn"], ["dmpnn"]):
        monkeypatch.setattr(sys, "argv", command + models)
        make.main()
    assert [line.split(",")[2].split(":")[0].strip() for line in capsys.readouterr().out.splitlines()] == [
        "ridge",
        "dmpnn",
    ]
    rows = make.read_rows(folder / "rmse.csv")
    assert [(row["model"], row["n_train"], row["rmse_1"]) for row in rows][3:] == [
        ("dmpnn", "40", "nan"),
        ("dmpnn", "80", "0.1250"),
    ]


@pytest.mark.nightly
def test_a_graph_model_has_a_run_for_each_split(folder, monkeypatch):
    monkeypatch.setattr(make, "RUNS_OF_MANY", 2)
    monkeypatch.setattr(make, "FRACTIONS", (0.1, 0.2, 1.0))
    (target,) = targets_of(SOURCE, folder)
    curve = make.graph_curve(target, "dmpnn", "regression")
    assert list(curve) == [16, 80]
    assert [len(set(runs)) for runs in curve.values()] == [2, 2]
    assert np.mean(curve[80]) < np.mean(curve[16])
