"""The mean prediction of the seeds of a size: its metric, and which models share it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from jaxmrl.data.splits import SplitRepeat
from jaxmrl.reports.ensembles import ensemble_rows, mean_prediction
from jaxmrl.runs.directory import RunDirectory
from tests.reports.test_resampling import ROW, TEST, keep, problem  # noqa: F401


def test_the_mean_is_of_probabilities_and_of_values():
    scores, learned = np.array([[[0.0], [2.0]], [[4.0], [-2.0]]]), np.ones((2, 1), bool)
    np.testing.assert_allclose(expit(mean_prediction(scores, learned, classes=True)), expit(scores).mean(axis=0))
    np.testing.assert_allclose(mean_prediction(scores, learned, classes=False), [[2.0], [0.0]])
    far = mean_prediction(np.array([[[900.0], [800.0]], [[900.0], [-800.0]]]), learned, classes=True)
    assert far[0, 0] == pytest.approx(900), "a probability that float64 rounds to 1"
    assert far[1, 0] == pytest.approx(0)


def test_a_model_has_no_part_in_a_task_that_it_has_not_learned():
    scores, learned = np.array([[[1.0, 7.0, 7.0]], [[3.0, 5.0, 7.0]]]), np.array([[1, 1, 0], [1, 0, 0]], bool)
    for classes in (False, True):
        mean = mean_prediction(scores, learned, classes=classes)
        np.testing.assert_allclose(mean[0, 1:], [7, 0])
    assert mean_prediction(scores, learned, classes=False)[0, 0] == 2


def test_an_ensemble_is_of_seeds_of_one_size_and_split(tmp_path, problem):  # noqa: F811
    run = RunDirectory(tmp_path, ())
    here = SimpleNamespace(**vars(problem), split_name="random", repeat=SplitRepeat(seed=7))
    elsewhere = SimpleNamespace(**vars(here) | {"split": SimpleNamespace(test=TEST[:200])})
    rows = [replace(ROW, fraction=fraction, seed=seed) for fraction in (0.5, 1.0) for seed in range(3)]
    kept = [keep(run, problem, row, noise=2.0) for row in rows[:4]]
    found = ensemble_rows(run, [*rows, replace(rows[0], seed=9, status="diverged")], [here, elsewhere])
    (whole,) = found
    assert (whole.split_seed, whole.fraction, whole.n_seeds, whole.single) == (7, 0.5, 3, 0.5), "two seeds at least"
    mean, of_tasks = np.mean([expit(scores) for scores in kept[:3]], axis=0)[TEST], []
    for task in range(2):
        known = ~np.isnan(problem.table.labels[TEST, task])
        of_tasks.append(roc_auc_score(problem.table.labels[TEST, task][known], mean[:, task][known]))
    assert whole.ensemble == pytest.approx(np.mean(of_tasks), abs=1e-5)
