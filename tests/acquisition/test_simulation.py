"""Simulated campaigns, and the labels that they save."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import inv
from sklearn.metrics import roc_auc_score

from benchmarks.acquisition import planted_table, shuffled
from jaxmrl.acquisition.comparison import compare_methods, labels_needed, log_ratio, overlap, pseudo_values
from jaxmrl.acquisition.simulation import Campaign, Trace, _roc_auc, simulate
from jaxmrl.acquisition.surrogates import Knowledge, gaussian_process, random_forest

SEEDS = 10
CAMPAIGN = Campaign(start=24, batch=24, rounds=4)


def gains_of(table, methods, tables=1):
    traces = [simulate(table, CAMPAIGN, method, seed) for method in (*methods, "random") for seed in range(SEEDS)]
    return {(gain.method, gain.measure): gain for gain in compare_methods(traces, CAMPAIGN, tables)}


def test_planted_clusters_are_found_with_fewer_labels():
    gains = gains_of(planted_table(0), ("ei", "mixture"))
    for method in ("ei", "mixture"):
        saved = gains[method, "hits"].saved
        assert saved.low >= 0.3, method
        assert saved.is_gain


@pytest.mark.parametrize("seed", range(2))
def test_no_method_claims_a_gain_on_shuffled_labels(seed):
    gains = gains_of(shuffled(planted_table(seed), seed), ("greedy", "diverse", "mixture"))
    assert not any(gain.saved.is_gain for gain in gains.values() if gain.saved)


def test_a_campaign_does_not_depend_on_the_order_of_the_table():
    table, order = planted_table(1, 240), np.random.default_rng(0).permutation(240)
    again = replace(
        table,
        similarity=table.similarity[np.ix_(order, order)],
        counts=table.counts[order],
        labels=table.labels[order],
        identity=table.identity[order],
    )
    campaign = Campaign(12, 6, 2)
    one, other = (simulate(some, campaign, "mixture", 5) for some in (table, again))
    assert one.hits.tolist() == other.hits.tolist()
    np.testing.assert_allclose(one.error, other.error, rtol=1e-6)
    assert order[other.bought].tolist() == one.bought.tolist()
    _, test = table.parts(0)
    assert not set(one.bought.tolist()) & set(test.tolist())
    assert len(set(one.bought.tolist())) == 12


def test_classes_have_hits_and_an_error_of_their_own():
    table = planted_table(2, 240)
    table = replace(table, labels=(table.labels > 2).astype(float), classes=True)
    trace = simulate(table, Campaign(24, 24, 1, "rf"), "greedy", 0)
    pool, _ = table.parts(0)
    assert trace.hits[-1] <= table.hits(pool).sum() == table.labels[pool].sum()
    assert 0 <= trace.error.min() <= trace.error.max() <= 1
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 50), rng.integers(0, 9, 50)
    assert _roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))


def knowledge(seed=0, t=30, q=10):
    table = planted_table(seed, 90)
    known, asked = np.arange(t), t + np.arange(q)
    return Knowledge(
        table.similarity[np.ix_(known, known)],
        table.similarity[np.ix_(asked, known)],
        table.counts[known],
        table.counts[asked],
        table.labels[known],
        seed,
    )


def test_the_gaussian_process_is_the_textbooks(monkeypatch):
    known = knowledge()
    monkeypatch.setattr("jaxmrl.acquisition.surrogates.NOISE", (0.1,))
    mean, spread = gaussian_process(known)
    target, precision = known.labels - known.labels.mean(), inv(known.kernel + 0.1 * np.eye(30))
    np.testing.assert_allclose(mean, known.labels.mean() + known.cross @ precision @ target, rtol=1e-5)
    scale = target @ precision @ target / 30
    variance = scale * (1 - np.einsum("qt,ts,qs->q", known.cross, precision, known.cross))
    np.testing.assert_allclose(spread, np.sqrt(variance), rtol=1e-4)


@pytest.mark.parametrize("surrogate", [gaussian_process, random_forest])
def test_surrogates_bear_labels_that_are_all_equal(surrogate):
    mean, spread = surrogate(replace(knowledge(), labels=np.full(30, 2.0)))
    np.testing.assert_allclose(mean, 2.0)
    assert np.isfinite(spread).all()


def test_labels_needed_are_interpolated_and_symmetric():
    labels = np.array([10.0, 20.0, 30.0])
    fast, slow = np.array([0.0, 4.0, 4.0]), np.array([0.0, 1.0, 2.0])
    assert labels_needed(labels, slow, 1.5) == 25
    assert log_ratio(labels, fast, slow) == pytest.approx(math.log(15 / 30))
    assert log_ratio(labels, slow, fast) == pytest.approx(-log_ratio(labels, fast, slow))
    assert log_ratio(labels, slow, slow) == 0
    pseudo = pseudo_values(labels, np.stack([fast, fast]), np.stack([slow, slow]))
    np.testing.assert_allclose(pseudo, math.log(15 / 30))


def trace(method, seed, last, bought):
    values = np.linspace(1, last, CAMPAIGN.rounds + 1)
    return Trace(method, seed, values, 1 / values, 2.0, np.array(bought))


def test_seeds_that_buy_the_same_molecules_count_as_one_draw():
    """The interval is that of seeds which buy other molecules, times the root of 1 + S r / (2 - r) with r of 1."""
    rng = np.random.default_rng(0)
    random = [trace("random", seed, 5 + 0.2 * rng.random(), range(10 * seed, 10 * seed + 10)) for seed in range(4)]
    last = 9 + rng.random(4)
    other, same = (
        compare_methods([*random, *(trace("m", s, last[s], range(s * k, s * k + 10)) for s in range(4))], CAMPAIGN)[0]
        for k in (10, 0)
    )
    assert (other.shared, same.shared) == (0, 1)
    assert overlap(random) == 0
    assert same.difference.value == other.difference.value
    assert same.difference.reach == pytest.approx(other.difference.reach * math.sqrt(1 + 4))
    assert same.comparisons == 4
