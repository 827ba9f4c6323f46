"""Curves with and without an extra source: paired differences, the worth in main molecules, and no gain from noise."""

from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.baselines.assignment import Assignment
from jaxmrl.baselines.fitting import fit_and_predict
from jaxmrl.modalities.descriptors.features import Descriptors
from jaxmrl.reports.extra_source import (
    compare_extra,
    extra_content,
    extra_lines,
    extra_rows,
    worth_sentence,
    worth_words,
)
from jaxmrl.runs.curves import MeasuredCurve, Point
from jaxmrl.scaling.differences import EquivalentSize, equivalent_size_by_pairs
from tests.support.rows import IDENTITY

SIZES = (20, 40, 80, 160)


def curves_of(tests, with_extra):
    """Two curves of tests [K sizes, R splits with one seed each], without and with an extra source."""
    seeds = tuple(range(tests.shape[1]))

    def curve(values, extra):
        points = (
            Point(n / SIZES[-1], n, tuple(row), seeds=seeds, split_seeds=seeds)
            for n, row in zip(SIZES, values.tolist(), strict=True)
        )
        return MeasuredCurve(replace(IDENTITY, extra=extra), "rmse", tuple(points), overlap=0.125)

    return [curve(tests, "none"), curve(with_extra, "b")]


def law(n):
    return 2 - 0.2 * np.log(n)


def simulated(rng, more, splits=8, noise=0.02):
    """The errors of both curves: levels of splits that both share, and noise; b is worth `more` molecules."""
    n, level = np.array(SIZES, float)[:, None], rng.normal(0, 0.3, splits)
    return curves_of(*(law(n + extra) + level + rng.normal(0, noise, (len(SIZES), splits)) for extra in (0, more)))


def test_without_noise_the_worth_is_what_was_planted():
    rng = np.random.default_rng(0)
    (found,) = compare_extra(simulated(rng, 30, noise=1e-9), higher_is_better=False)
    known = [one.worth.molecules - one.worth.n for one in found.sizes[:3]]
    assert known == pytest.approx([30, 30, 30], rel=1e-3)
    assert worth_words(found.sizes[0].worth).startswith("30")
    assert np.isinf(found.sizes[3].worth.molecules)
    assert worth_words(found.sizes[3].worth) == "more than 0"
    assert [one.worth for one in compare_extra(simulated(rng, 30)[:1], False)] == []


def test_the_interval_of_the_worth_excludes_0_where_that_of_the_difference_does():
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(20):
        (found,) = compare_extra(simulated(rng, 12, splits=5, noise=0.03), higher_is_better=False)
        for one in found.sizes[1:3]:
            excluded = not one.worth.low <= one.worth.n <= one.worth.high
            assert excluded == one.difference.excludes_zero
            seen.add(excluded)
    assert seen == {True, False}


def test_intervals_of_the_worth_cover_what_was_planted():
    rng, sizes, split = np.random.default_rng(7), np.array(SIZES, float), np.arange(6)
    covered = 0
    for _ in range(400):
        level, noise = rng.normal(0, 0.3, 6), rng.normal(0, 0.03, (6, len(SIZES) + 1))
        base, own = law(sizes) + level[:, None] + noise[:, 1:], law(40 + 25) + level + noise[:, 0]
        found = equivalent_size_by_pairs(40, own, base, sizes, split, 0.0, higher_is_better=False)
        covered += found.low <= 65 <= found.high
    assert 0.86 < covered / 400 < 0.94


def test_equal_differences_claim_no_certainty():
    """As of models without random numbers, trained on the whole of one split."""
    base = np.tile([0.9, 0.8, 0.7], (3, 1))
    for own in (0.699, 0.701):
        found = equivalent_size_by_pairs(
            400, np.full(3, own), base, np.array([100.0, 200, 400]), np.zeros(3), 0.1, False
        )
        assert np.isnan([found.low, found.high]).all()
        assert "[not known]" in worth_words(found)


def test_of_one_seed_nothing_is_known():
    rng = np.random.default_rng(4)
    (found,) = compare_extra(simulated(rng, 30, splits=1), higher_is_better=False)
    (line,) = extra_lines([found])
    assert "one seed cannot show whether it helps; use more --seeds" in line
    assert "no clear difference" not in line


def test_what_is_said():
    rng = np.random.default_rng(3)
    (found,) = compare_extra(simulated(rng, 30, noise=0.005), higher_is_better=False)
    assert worth_sentence(found, found.sizes[0]).startswith("with 20 molecules of mine, b is worth ")
    assert worth_sentence(found, found.sizes[0]).endswith(" more of them")
    (line,) = extra_lines([found])
    assert line.startswith(
        "GIN 64x3 with b: better than without it at 4 of 4 sizes and worse at 0, beyond noise; with 80"
    )
    (content,) = extra_content([found], [{"along": "extra"}])
    assert len(content["said"]) == 4
    assert [row.worth_high for row in extra_rows([found])][-1] == ">0"
    (harmful,) = compare_extra(simulated(rng, -10, noise=0.005), higher_is_better=False)
    assert "better than without it at 0 of 4 sizes and worse at" in extra_lines([harmful])[0]
    assert worth_words(EquivalentSize(40, 30, 10, 60, 20, 160)) == "-10 [-30 to 20]"
    assert worth_words(EquivalentSize(40, -np.inf, -np.inf, 30, 20, 160)) == "less than -20 [<-20 to -10]"
    assert worth_words(EquivalentSize(40, 50, np.nan, np.nan, 20, 160)) == "10 [not known]"


def measured(rng, shuffled):
    """Both curves of a ridge regression on made-up counts; the extra source has 160 molecules, maybe shuffled."""
    counts = rng.poisson(0.6, (560, 24)).astype(np.uint8)
    labels = (counts @ rng.normal(0, 1, 24) + rng.normal(0, 0.5, 560))[:, None]
    extra = np.arange(400, 560)
    if shuffled:
        labels[extra] = labels[rng.permutation(extra)]
    features, tests = Descriptors(counts, np.zeros((560, 0), np.float32)), np.empty((2, len(SIZES), 4))
    for split in range(4):
        order = rng.permutation(400)
        valid, test, rest = order[:60], order[60:200], order[200:]
        for k, n in enumerate(SIZES):
            for place, train in enumerate((rest[:n], np.concatenate([rest[:n], extra]))):
                assignment = Assignment("ridge", False, train, valid, test, seed=0)
                predicted = fit_and_predict(assignment, features, labels)
                tests[place, k, split] = np.sqrt(((predicted - labels[test]) ** 2).mean())
    return compare_extra(curves_of(*tests), higher_is_better=False)[0]


@pytest.mark.nightly
def test_shuffled_labels_claim_no_gain_and_sound_ones_do():
    rng = np.random.default_rng(4)

    def gains(shuffled):
        found = [one for one in measured(rng, shuffled).sizes if one.difference.value < 0]
        return [one.p_holm <= 0.1 for one in found], [one.worth.low > one.worth.n for one in found]

    null = [gains(True) for _ in range(5)]
    assert sum(any(starred) for starred, _ in null) == 0
    assert sum(map(sum, (worth for _, worth in null))) <= 1
    assert all(any(starred) and any(worth) for starred, worth in (gains(False) for _ in range(2)))
