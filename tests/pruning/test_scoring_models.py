from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.errors import DivergedError, UserError
from jaxmrl.pruning import scoring_models
from jaxmrl.pruning.scoring_models import ScoringTask
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs.directory import RunDirectory
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


@pytest.mark.nightly
def test_every_method_scores_every_training_molecule_by_every_seed(task, problem, tmp_path):
    scores = scored(task, tmp_path)
    assert sorted(scores.molecules) == sorted(problem.split.train)
    assert list(scores.values) == ["el2n", "forgetting", "random", "kmeans"]
    for values in scores.values.values():
        assert values.shape == (3, 120)
        assert np.isfinite(values).all()
        assert not np.array_equal(values[0], values[1])
    assert not any(replica.test is problem.split.test for replica in task.replicas()), "the test set is not touched"


@pytest.mark.nightly
def test_each_seed_has_models_of_its_own(task, tmp_path):
    """Two seeds of two models: scores are means of disjoint pairs; herding and k-means are orders of each pair."""
    names = ("el2n", "herding", "kmeans")
    single = scored(replace(task, names=names, seeds=4), tmp_path / "single")
    paired = scored(replace(task, names=names, seeds=2, models=2), tmp_path / "paired")
    assert paired.seeds == 2
    for seed in range(2):
        both = single.values["el2n"][2 * seed : 2 * seed + 2]
        np.testing.assert_allclose(paired.values["el2n"][seed], both.mean(axis=0), rtol=1e-6)
        for name in ("herding", "kmeans"):
            order = np.sort(paired.values[name][seed])
            np.testing.assert_allclose(order, np.arange(1, 121) / 120, rtol=1e-6)
            assert not np.array_equal(paired.values[name][0], paired.values[name][1])


@pytest.mark.nightly
def test_scores_that_follow_a_training(task, problem, tmp_path):
    """TracIn has a checkpoint after each of two epochs; what it loses is made again."""
    names = ("tracin", "aum", "confidence", "variability", "moderate", "prototypicality", "ccs", "grand-last")
    task = replace(task, names=names, seeds=2)
    scores = scored(task, tmp_path)
    for name in names:
        assert np.isfinite(scores.values[name]).all(), name
        assert not np.array_equal(*scores.values[name]), f"{name}: each seed has models of its own"
    rate, last = task.training_spec.learning_rate, scores.values["grand-last"]
    assert (scores.values["tracin"] > rate * last**2).all(), "the first checkpoint adds to the last one"
    files = sorted(path.name for path in (tmp_path / "scoring").glob("model-0-*"))
    assert files == ["model-0-step-4.npz", "model-0-step-8.npz"]
    for name in ("model-0-step-4.npz", "scores-0.npz"):
        (tmp_path / "scoring" / name).unlink()
    again = scored(task, tmp_path)
    for name in names:
        np.testing.assert_array_equal(again.values[name], scores.values[name])
    assert not np.array_equal(scores.joint["ccs"], scores.values["ccs"][0]), "by the mean difficulty"


@pytest.mark.slow
def test_kept_scores_stay_and_only_the_others_are_computed(task, tmp_path):
    names = ("el2n", "random", "kmeans")
    whole = scored(replace(task, names=names), tmp_path / "whole")
    kept = replace(whole, values={name: values[:2] for name, values in whole.values.items()}, joint={})
    task, folder = replace(task, names=names), tmp_path / "extended"
    scores = task.scores(run_at(folder), folder / "scoring", QUIET, Stop(), kept)
    for name in names:
        np.testing.assert_array_equal(scores.values[name], whole.values[name])
        np.testing.assert_array_equal(scores.score(name), whole.score(name))
    assert sorted(path.name for path in (folder / "scoring").glob("model-*")) == ["model-2.npz"]


@pytest.mark.slow
def test_a_scoring_that_was_stopped_takes_another_method(task, tmp_path, monkeypatch):
    """The lanes that it saved have no counts of forgetting, and are left."""

    def save_and_stop(folder, engine):
        save(folder, engine)
        raise StopRequestedError

    save = checkpoint.save
    with monkeypatch.context() as stopping:
        stopping.setattr(checkpoint, "SECONDS", 0.0)
        stopping.setattr(checkpoint, "save", save_and_stop)
        with pytest.raises(StopRequestedError):
            scored(replace(task, names=("el2n",)), tmp_path)
    assert list(scored(replace(task, names=("el2n", "forgetting")), tmp_path).values) == ["el2n", "forgetting"]


@pytest.mark.nightly
def test_stopped_anywhere_it_goes_on_to_the_same_scores(task, tmp_path, monkeypatch):
    whole = scored(task, tmp_path / "whole")
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    save, seed_scores, stops = checkpoint.save, scoring_models.passes.random_scores, []

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
    monkeypatch.setattr(scoring_models.passes, "random_scores", score_and_stop)
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


@pytest.mark.slow
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
    monkeypatch.setattr(scoring_models, "Engine", None)
    scores = scored(replace(task, names=("random", "kmeans")), tmp_path)
    assert list(scores.values) == ["random", "kmeans"]


@pytest.mark.slow
def test_when_all_models_diverge_it_is_said(task, tmp_path):
    with pytest.raises(DivergedError, match=r"all 3 scoring models.*--learning-rate"):
        scored(replace(task, settings=replace(task.settings, learning_rate=1e30)), tmp_path)


@pytest.mark.slow
def test_a_diverged_model_is_left_out(task, tmp_path, monkeypatch):
    whole = scored(task, tmp_path / "whole")
    arrays = scoring_models.lane_arrays

    def second_diverges(engine, outcome):
        status = "diverged" if outcome.name.endswith(" 1") else outcome.status
        return arrays(engine, replace(outcome, status=status))

    monkeypatch.setattr(scoring_models, "lane_arrays", second_diverges)
    for _ in range(2):
        scores = scored(task, tmp_path / "parts")
        np.testing.assert_array_equal(scores.values["el2n"], whole.values["el2n"][[0, 2]])


@pytest.mark.slow
def test_parts_of_another_task_are_not_taken(task, tmp_path):
    first = scored(task, tmp_path)
    other = scored(replace(task, epochs=3), tmp_path)
    assert not np.array_equal(other.values["el2n"], first.values["el2n"])
    again = scored(task, tmp_path / "fresh")
    np.testing.assert_array_equal(again.values["el2n"], first.values["el2n"])


@pytest.mark.slow
def test_a_full_disk_is_one_clear_line(task, tmp_path, monkeypatch):
    save = scoring_models.save_arrays

    def full(path, arrays):
        if path.name.startswith("model-"):
            raise OSError(28, "No space left on device")
        save(path, arrays)

    monkeypatch.setattr(scoring_models, "save_arrays", full)
    with pytest.raises(UserError, match=r"cannot write .*model-.*npz: No space left on device"):
        scored(task, tmp_path)


def test_a_stop_is_obeyed_between_seeds(task, tmp_path):
    with pytest.raises(StopRequestedError):
        replace(task, names=("random",)).scores(run_at(tmp_path), tmp_path / "scoring", QUIET, Stop(requested=True))


@pytest.mark.slow
def test_herding_by_several_models_is_near_the_mean_in_each(settings, problem, shape, tmp_path):
    """One herding on all embeddings; a mean of the models' own orders would be little better than chance."""
    task = ScoringTask(replace(settings, lanes=2), problem, shape, ("herding",), 3, 2)
    scores = scored(task, tmp_path)
    order = np.argsort(-scores.score("herding"), kind="stable")
    assert sorted(scores.score("herding")) == pytest.approx(np.arange(1, 121) / 120)
    for seed in range(3):
        with np.load(tmp_path / "scoring" / f"scores-{seed}.npz") as file:
            rows = file["embeddings"]
        lots = [away(rows, np.random.default_rng(k).permutation(120)[:30]) for k in range(50)]
        assert away(rows, order[:30]) < 0.5 * np.mean(lots)


def away(rows, kept):
    """How far the mean of the rows that are kept is from that of all."""
    return np.linalg.norm(rows[kept].mean(axis=0) - rows.mean(axis=0))
