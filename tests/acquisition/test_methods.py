"""Methods of acquisition as functions of candidates."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from jaxmrl.acquisition.methods import (
    METHODS,
    MIXTURE,
    Candidates,
    choose,
    choose_batch,
    log_improvement,
    shares_of,
)
from jaxmrl.acquisition.reasons import reasons, similarity_when_chosen
from jaxmrl.acquisition.spaces import Fingerprints, Kernel


def candidates(n=60, seed=0):
    rng = np.random.default_rng(seed)
    packed = np.packbits(rng.random((n, 128)) < 0.2, axis=1)
    return Candidates(
        mean=rng.normal(size=n).round(1),  # some are equal
        spread=rng.random(n),
        space=Fingerprints(packed),
        novelty=rng.random(n),
        identity=rng.permutation(n).astype(np.uint64) + 2**63,
        best=1.0,
    )


def test_the_distance_of_fingerprints_is_tanimotos():
    bits = np.random.default_rng(0).random((20, 64)) < 0.3
    bits[3] = False
    space = Fingerprints(np.packbits(bits, axis=1))
    for row in (0, 3):
        shared, either = (bits & bits[row]).sum(axis=1), (bits | bits[row]).sum(axis=1)
        expected = 1 - np.where(either > 0, shared / np.maximum(either, 1), 1.0)
        np.testing.assert_allclose(space.distances(row), expected)
        kernel = Kernel(np.stack([1 - space.distances(k) for k in range(20)]))
        np.testing.assert_allclose(kernel.take(np.arange(5)).distances(row), expected[:5])


@pytest.mark.parametrize("name", [*METHODS, "mixture"])
def test_a_batch_does_not_depend_on_the_order_of_rows(name):
    some = candidates()
    order = np.random.default_rng(1).permutation(len(some))
    picks, again = choose_batch((name,), some, 20, 3), choose_batch((name,), some.take(order), 20, 3)
    assert len(set(picks.rows.tolist())) == 20
    assert order[again.rows].tolist() == picks.rows.tolist()
    assert again.methods == picks.methods
    assert choose_batch((name,), some, 20, 3).rows.tolist() == picks.rows.tolist()


def test_each_method_prefers_what_it_says():
    some = candidates()
    best = {
        "greedy": some.mean,
        "uncertainty": some.spread,
        "ucb": some.mean + 2 * some.spread,
        "ei": (some.mean - 1) * norm.cdf((some.mean - 1) / some.spread)
        + some.spread * norm.pdf((some.mean - 1) / some.spread),
    }
    for name, score in best.items():
        rows = choose(name, some, 10, 0)
        assert sorted(score[rows]) == pytest.approx(sorted(np.sort(score)[-10:]))
    assert choose("random", some, 60, 0).tolist() != choose("random", some, 60, 1).tolist()


def test_the_log_expected_improvement_is_that_of_a_normal_variable():
    for u in (2.0, 0.0, -0.9, -1.1, -5.0):
        expected, _ = quad(lambda x, u=u: max(x, 0) * norm.pdf(x - u), 0, 40)
        assert log_improvement(np.array([u]))[0] == pytest.approx(np.log(expected), rel=1e-6)
    far = log_improvement(np.array([-30.0, -100.0, -9.9e3, -1.01e4, -1e6]))
    assert np.isfinite(far).all()
    assert (np.diff(far) < 0).all()


def test_diverse_methods_leave_out_what_is_known_and_what_is_certain():
    """Half of the molecules equal a labeled one; of the others, ten are uncertain."""
    some = candidates()
    known = np.where(np.arange(60) < 30, 0.0, 0.5)
    certain = np.where(np.arange(60) < 50, 0.0, 1.0)
    some = Candidates(some.mean, certain, some.space, known, some.identity, 1.0)
    assert choose("diverse", some, 20, 0).min() >= 30
    assert sorted(choose("badge", some, 10, 0)) == list(range(50, 60))
    assert len(choose("badge", some, 15, 0)) == 15  # and then the others, at random


def test_a_diverse_batch_covers_clusters_that_random_ones_miss():
    """Ninety molecules are nearly equal, ten are alone."""
    cluster = np.r_[np.zeros(90, int), np.arange(1, 11)]
    similarity = np.where(cluster[:, None] == cluster[None, :], 0.99, 0.1) + 0.01 * np.eye(100)
    some = Candidates(np.zeros(100), np.ones(100), Kernel(similarity), np.full(100, 0.9), np.arange(100), 0.0)
    alone = {name: [(choose(name, some, 8, seed) >= 90).sum() for seed in range(20)] for name in ("diverse", "random")}
    assert np.mean(alone["diverse"]) > 5 > 2 > np.mean(alone["random"])


def test_a_mixture_has_the_stated_shares_without_a_molecule_twice():
    picks = choose_batch(("mixture",), candidates(200), 40, 0)
    assert len(set(picks.rows.tolist())) == 40
    assert {name: picks.methods.count(name) / 40 for name in dict(MIXTURE)} == pytest.approx(dict(MIXTURE))
    assert shares_of(("greedy", "mixture"))["greedy"] == pytest.approx(0.65)
    assert sum(shares_of(("mixture",)).values()) == pytest.approx(1)
    everything = choose_batch(("greedy", "random"), candidates(), 500, 0)
    assert sorted(everything.rows) == list(range(60))


def test_reasons_have_the_rank_and_the_similarity_when_it_was_chosen():
    some = candidates()
    picks = choose_batch(("greedy", "diverse", "ucb"), some, 9, 0)
    texts = reasons(picks, some, "pIC50", minimized=False)
    assert texts[0] == "highest predicted pIC50: rank 1 of 60"
    assert reasons(picks, some, "pIC50", minimized=True)[0] == "lowest predicted pIC50: rank 1 of 60"
    nearest = similarity_when_chosen(picks, some)
    at = picks.methods.index("diverse")
    before = min(some.space.distances(int(row))[picks.rows[at]] for row in picks.rows[:at])
    assert nearest[at] == pytest.approx(1 - min(before, some.novelty[picks.rows[at]]))
    assert f"similarity {nearest[at]:.2f}" in texts[at]
