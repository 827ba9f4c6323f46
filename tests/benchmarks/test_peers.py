"""The comparison with chemprop: the same molecules on both sides, and the metrics of predictions."""

import argparse
import csv
import gzip
import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks import peers
from benchmarks.peers import Table, Trained, metric, points_of, read, run_jaxmrl


@pytest.fixture
def folder(nci, tmp_path):
    smiles, _ = nci
    with gzip.open(tmp_path / "t.csv.gz", "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "text", "size", "polar", "split"])
        for k, text in enumerate(["not a molecule", *smiles[:120], smiles[0]]):
            polar = "" if k % 5 == 0 else int("O" in text)
            writer.writerow([k, text, len(text), polar, "test" if k > 90 else "train"])
    return tmp_path


def test_molecules_are_those_that_can_be_read_each_once(folder):
    found = read(Table("t.csv.gz", "text", ("size", "polar")), folder)
    assert len(found.smiles) == 120
    assert list(found.labels) == ["y0", "y1"]
    parts = np.concatenate(list(found.split.parts().values()))
    assert sorted(parts) == list(range(120))


def test_a_published_split_gives_a_tenth_of_training_to_validation(folder):
    split = read(Table("t.csv.gz", "text", ("size",), split="column"), folder).split
    assert [len(part) for part in split.parts().values()] == [81, 9, 30]
    assert split.test.min() == 90


def test_a_metric_is_a_mean_over_targets_that_have_labels(folder):
    found = read(Table("t.csv.gz", "text", ("size", "polar"), task="classification", split="column"), folder)
    rng = np.random.default_rng(0)
    predicted = rng.normal(size=(30, 2))
    found.labels["y0"] = found.labels["y1"]
    known = [k for k in range(30) if found.labels["y1"][found.split.test[k]]]
    labels = [int(found.labels["y1"][found.split.test[k]]) for k in known]
    aucs = [roc_auc_score(labels, predicted[known, task]) for task in (0, 1)]
    assert metric(found, predicted) == pytest.approx(np.mean(aucs))


def test_points_compare_what_learned_from_the_same_molecules():
    ours = [Trained("t", "jaxmrl", 1.0, 80, seed, 0.5 + 0.1 * seed) for seed in range(3)]
    theirs = [Trained("t", "chemprop", 1.0, 80, seed, 0.4) for seed in range(3)]
    (point,) = points_of("t", "regression", ours, theirs)
    assert (point.jaxmrl, point.jaxmrl_sd, point.chemprop) == pytest.approx((0.6, 0.1, 0.4))
    assert point.lead == pytest.approx(-0.2)
    assert not point.as_good
    (better,) = points_of("t", "classification", ours, theirs)
    assert better.as_good
    with pytest.raises(AssertionError, match="same molecules"):
        points_of("t", "regression", ours, [Trained("t", "chemprop", 1.0, 81, 0, 0.4)])


def test_results_of_chemprop_may_be_those_of_an_earlier_run(tmp_path):
    trained = [Trained("t", "chemprop", share, 80, 0, 0.4) for share in (0.1, 1.0)]
    other = Trained("t", "jaxmrl", 1.0, 80, 0, 0.3)
    table = {"table": "t", "seconds": {"chemprop": 12.5}, "trained": [asdict(one) for one in (*trained, other)]}
    path = tmp_path / "earlier.json"
    path.write_text(json.dumps({"tables": [table]}))
    flags = argparse.Namespace(fractions=[1.0])
    assert peers.earlier_chemprop(path, "t", None, flags) == ([trained[1]], 12.5)
    with pytest.raises(SystemExit, match=r"earlier\.json has t, not other"):
        peers.earlier_chemprop(path, "other", None, flags)


def test_a_journal_has_what_was_trained_before(tmp_path):
    """A benchmark that was stopped trains only what its journal does not have."""
    trained = []

    def run(seed):
        trained.append(seed)
        return [Trained("t", "chemprop", 0.1, 80, seed, 0.4 + seed / 3)], 12.5 + seed

    path = tmp_path / "journal.jsonl"
    once = [peers.journaled(path, ["t", "chemprop", 0.1, seed], lambda seed=seed: run(seed)) for seed in (0, 1)]
    again = [peers.journaled(path, ["t", "chemprop", 0.1, seed], lambda seed=seed: run(seed)) for seed in (0, 1, 2)]
    assert trained == [0, 1, 2]
    assert again[:2] == once
    assert peers.journaled(None, ["t", "chemprop", 0.1, 0], lambda: run(0)) == once[0]


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("chemprop") is None, reason="chemprop is not installed")
def test_both_sides_learn(folder, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(peers.TABLES, "small", Table("t.csv.gz", "text", ("size",), split="column"))
    flags = argparse.Namespace(
        data=folder,
        fractions=[0.5, 1.0],
        seeds=2,
        chemprop="chemprop",
        accelerator="cpu",
        jaxmrl=["--width", "16"],
        chemprop_from=None,
        journal=None,
    )
    found = peers.compare("small", flags, ours_first=True)
    assert [point["molecules"] for point in found["points"]] == [40, 81]
    assert all(point["jaxmrl"] < 10 and point["chemprop"] < 10 for point in found["points"])


@pytest.mark.nightly
def test_the_subsets_are_those_of_the_sweep(folder):
    """The first molecules of chemprop's table are those from which the sweep's replica learned."""
    molecules = read(Table("t.csv.gz", "text", ("size",), split="column"), folder)
    flags = argparse.Namespace(fractions=[0.5], seeds=1, jaxmrl=["--width", "8", "--epochs", "1"], journal=None)
    (one,), seconds = run_jaxmrl("small", molecules, flags)
    assert one.molecules == 40
    assert seconds > 0
