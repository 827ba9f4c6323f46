from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.errors import UserError
from jaxmrl.pruning import scoring
from jaxmrl.pruning.scoring import ScoringTask
from jaxmrl.report.files import RunDirectory
from jaxmrl.report.terminal import Reporter
from jaxmrl.training import checkpoint
from jaxmrl.training.interrupts import Stop, StopRequestedError

QUIET = Reporter(quiet=True)


def run_at(path):
    run = RunDirectory(path, ("greasy", "very"))
    if not (path / "run.json").exists():
        run.write("run.json", "{}")
    return run


def scored(task, folder):
    return task.scores(run_at(folder), folder / "scoring", QUIET, Stop())


@pytest.fixture
def task(settings, problem, shape):
    return ScoringTask(replace(settings, lanes=2), problem, shape, ("el2n", "forgetting", "random", "kmeans"), 3, 2)


def test_every_method_scores_every_training_molecule_by_every_seed(task, problem, tmp_path):
    scores = scored(task, tmp_path)
    assert sorted(scores.molecules) == sorted(problem.split.train)
    assert list(scores.values) == ["el2n", "forgetting", "random", "kmeans"]
    for values in scores.values.values():
        assert values.shape == (3, 120)
        assert np.isfinite(values).all()
        assert not np.array_equal(values[0], values[1])
    assert not any(replica.test is problem.split.test for replica in task.replicas()), "the test set is not touched"


def test_stopped_anywhere_it_goes_on_to_the_same_scores(task, tmp_path, monkeypatch):
    whole = scored(task, tmp_path / "whole")
    monkeypatch.setattr(scoring, "CHECKPOINT_SECONDS", 0.0)
    save, seed_scores, stops = checkpoint.save, scoring.passes.random_scores, []

    def save_and_stop(folder, engine):
        save(folder, engine)
        stops.append("training")
        raise StopRequestedError

    def score_and_stop(*arguments):
        if len(stops) % 2:
            stops.append("scoring")
            raise StopRequestedError
        stops.append("scored")
        return seed_scores(*arguments)

    monkeypatch.setattr(checkpoint, "save", save_and_stop)
    monkeypatch.setattr(scoring.passes, "random_scores", score_and_stop)
    for _ in range(100):
        try:
            parts = scored(task, tmp_path / "parts")
            break
        except StopRequestedError:
            continue
    assert stops.count("training") > 3
    assert "scoring" in stops
    for name, values in whole.values.items():
        np.testing.assert_array_equal(parts.values[name], values)


def test_a_damaged_part_is_made_again(task, tmp_path):
    whole = scored(task, tmp_path)
    for name in ("model-1.npz", "scores-2.npz"):
        path = tmp_path / "scoring" / name
        path.write_bytes(path.read_bytes()[:100])
    (tmp_path / "scoring" / "scores-1.npz").unlink()
    again = scored(task, tmp_path)
    for name, values in whole.values.items():
        np.testing.assert_array_equal(again.values[name], values)


def test_methods_without_a_model_train_none(task, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "Engine", None)
    scores = scored(replace(task, names=("random", "kmeans")), tmp_path)
    assert list(scores.values) == ["random", "kmeans"]


def test_diverged_models_are_left_out_or_said(task, tmp_path):
    with pytest.raises(UserError, match=r"all 3 models.*--learning-rate"):
        scored(replace(task, settings=replace(task.settings, learning_rate=1e30)), tmp_path)
