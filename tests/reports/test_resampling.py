"""Metrics over test molecules that are drawn again, by the predictions that a run keeps."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from jaxmrl.reports.resampling import resampled_metrics
from jaxmrl.runs.artifacts import kept_name
from jaxmrl.runs.directory import RunDirectory
from tests.support.rows import result_row

ROW = result_row(tests={"a": 0.5, "part": 0.5})
IDS = np.arange(100, 900)
TEST = np.random.default_rng(0).permutation(800)[:300]


@pytest.fixture
def problem():
    labels = (np.random.default_rng(1).random((800, 2)) < 0.3).astype(np.float32)
    labels[::7, 1] = np.nan
    table = SimpleNamespace(ids=IDS, labels=labels, tasks=("a", "part"), task="classification")
    return SimpleNamespace(table=table, split=SimpleNamespace(test=TEST), metric="roc_auc")


def keep(run, problem, row, noise, stretch=(1.0, 0.0)):
    """Predictions as a sweep keeps them: of validation and test molecules, in order of their ids."""
    scores = np.nan_to_num(problem.table.labels) + noise * np.random.default_rng(row.seed).normal(size=(800, 2))
    scores = stretch[0] * scores + stretch[1]
    judged = np.sort(np.concatenate([TEST, np.setdiff1d(np.arange(800), TEST)[:50]]))
    part = np.where(np.isin(judged, TEST), "test", "valid")
    columns = {"molecule_id": IDS[judged], "part": part, "values": np.array("logits")}
    columns |= {"a": scores[judged, 0], "label part": scores[judged, 1]}
    run.write_arrays(f"predictions/{kept_name(row)}.npz", columns)
    return scores


def test_metrics_of_draws_are_about_that_of_all(tmp_path, problem):
    run = RunDirectory(tmp_path, ())
    rows = [replace(ROW, seed=seed) for seed in range(2)]
    kept = [keep(run, problem, row, noise) for row, noise in zip(rows, (0.5, 2.0), strict=True)]
    found = resampled_metrics(run, rows, problem)
    assert found.shape == (200, 2)
    for k, scores in enumerate(kept):
        of_tasks = []
        for task in range(2):
            labels = problem.table.labels[TEST, task]
            known = ~np.isnan(labels)
            of_tasks.append(roc_auc_score(labels[known], scores[TEST, task][known]))
        assert found[:, k].mean() == pytest.approx(np.mean(of_tasks), abs=0.01)
    spread = found[:, 1].std()
    assert 0.01 < spread < 0.05, "of 300 molecules with 90 active ones, a ROC-AUC is known to about 0.03"
    assert found[:, 0].std() < spread


def test_logits_beyond_the_reach_of_float32_probabilities_keep_their_order(tmp_path, problem):
    """Of probabilities in float32, two fifths would be 1, and the metric of draws another than that of the results."""
    run = RunDirectory(tmp_path, ())
    scores = keep(run, problem, ROW, 0.7, stretch=(40.0, 0.0))
    known = ~np.isnan(problem.table.labels[TEST])
    saturated = 1 / (1 + np.exp(-scores[TEST].astype(np.float32)))
    assert 0.2 < (saturated == 1).mean() < 0.6
    of_tasks, of_saturated = (
        np.mean([roc_auc_score(problem.table.labels[TEST, k][known[:, k]], s[:, k][known[:, k]]) for k in range(2)])
        for s in (scores[TEST], saturated)
    )
    found = resampled_metrics(run, [ROW], problem)
    assert found.mean() == pytest.approx(of_tasks, abs=0.004)
    assert abs(of_saturated - of_tasks) > 0.01


def test_without_predictions_there_is_nothing(tmp_path, problem):
    run = RunDirectory(tmp_path, ())
    assert resampled_metrics(run, [ROW], problem) is None
    keep(run, problem, ROW, 1.0)
    assert resampled_metrics(run, [ROW, replace(ROW, seed=9)], problem) is None
    assert resampled_metrics(run, [], problem) is None
    path = tmp_path / "predictions" / f"{kept_name(ROW)}.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert resampled_metrics(run, [ROW], problem) is None, "a damaged file"
    path.write_bytes(whole)
    problem.split.test = TEST[:-1]
    assert resampled_metrics(run, [ROW], problem) is None, "of other test molecules"
