"""On real molecules: wrong labels are found, and a score stays with its molecule through a whole command."""

import csv

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks.planted_labels import auc_within_labels, planted_aucs
from jaxmrl.config import ScoreConfig, Settings
from jaxmrl.data.datasets import DATASETS, locate
from jaxmrl.data.loading import load_problem
from jaxmrl.data.table import read_table
from jaxmrl.reports.terminal import Reporter
from jaxmrl.score import score_molecules


@pytest.mark.slow
def test_a_constant_prediction_finds_nothing_within_a_label():
    rng = np.random.default_rng(0)
    truth = rng.random(20_000) < 0.1
    flipped = rng.random(20_000) < 0.05
    observed = (truth ^ flipped).astype(np.float32)
    distance = np.abs(0.1 - observed).astype(np.float32)
    assert auc_within_labels(distance, flipped, observed) == pytest.approx(0.5)
    assert auc_within_labels(flipped.astype(np.float32), flipped, observed) == 1.0


@pytest.mark.nightly
def test_flipped_labels_look_hard():
    problem = load_problem(Settings(dataset="wehi", target_columns=("brenk_alert",)), Reporter(quiet=True))
    found = planted_aucs(problem, ("el2n", "grand", "forgetting"), seeds=3, epochs=20, width=64, depth=3)
    for name, lowest in (("el2n", 0.75), ("grand", 0.7), ("forgetting", 0.7)):
        aligned, moved = found[name]
        assert aligned >= lowest, name
        assert abs(moved - 0.5) < 0.05, name


@pytest.mark.nightly
def test_a_permuted_file_gives_the_same_molecules_the_same_scores(tmp_path):
    """Split, initial weights' company and batches all change; what stays is what two seeds share.

    `test_alignment.py` has the same of few molecules with given weights, in every run.
    """
    table = read_table(locate(DATASETS["wehi"]), target_columns=("brenk_alert",), task="classification")
    order = np.random.default_rng(1).permutation(len(table))
    options = {"methods": ("el2n",), "seeds": 3, "epochs": 15, "width": 64, "depth": 3}
    found = []
    for name, rows in (("straight", np.arange(len(table))), ("permuted", order)):
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["smiles", "brenk"])
            writer.writerows([table.smiles[k], int(table.labels[k, 0])] for k in rows)
        scores = score_molecules(
            ScoreConfig(csv=tmp_path / f"{name}.csv", out=tmp_path / f"{name}_scores.csv", **options)
        )
        with (tmp_path / f"{name}_scores.csv").open(newline="") as file:
            found.append({row["smiles"]: float(row["el2n"]) for row in csv.DictReader(file)})
    both = sorted(found[0].keys() & found[1].keys())
    assert len(both) > 5000
    across = spearmanr(*([one[key] for key in both] for one in found)).statistic
    values = scores.values["el2n"]
    seeds = np.mean([spearmanr(values[i], values[j]).statistic for i in range(3) for j in range(i)])
    of_means = 3 * seeds / (1 + 2 * seeds)
    assert across == pytest.approx(of_means, abs=0.1)
    assert across > 0.5
