"""What to buy: a limit, a batch, when to stop, and what it costs on average."""

from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.scaling.analysis import analyze
from jaxmrl.scaling.points import points_of
from jaxmrl.scaling.prior import prior_of
from jaxmrl.scaling.purchase import Terms, purchase, reach_target, worth_buying

PRESENT = 1000.0
TERMS = Terms(cost=2.0, budget=4000.0, batch=250.0)


def ramp(n):
    """Uniform between 1,000 and 5,000 molecules."""
    return np.clip((np.asarray(n) - 1000) / 4000, 0, 1)


def test_limits_are_of_the_budget_and_of_the_deadline():
    assert TERMS.limit(PRESENT) == 3000
    assert replace(TERMS, deadline=3).limit(PRESENT) == 1750
    assert Terms().limit(PRESENT) == 10_000


def test_the_chance_is_that_within_the_limit():
    bought = purchase(ramp, PRESENT, TERMS)
    assert bought.chance == pytest.approx(0.5)
    assert bought.batch == 250
    assert bought.next == 1250
    assert list(bought.needed.values()) == pytest.approx([3000, 4200, 4600], rel=0.01)


def test_the_expected_purchase_counts_batches_that_are_needed():
    bought = purchase(ramp, PRESENT, TERMS)
    missed = 1 - ramp(PRESENT + 250 * np.arange(8))
    assert bought.expected == pytest.approx(250 * missed.sum())
    assert bought.expected_cost == 2 * bought.expected


def test_smaller_batches_cost_less():
    costs = [purchase(ramp, PRESENT, replace(TERMS, batch=batch)).expected for batch in (50, 500, 2000)]
    assert costs == sorted(costs)
    assert costs[-1] == 2000


def test_an_unlikely_target_is_given_up():
    bought = purchase(lambda n: 0.1 * ramp(n), PRESENT, TERMS)
    assert bought.chance == pytest.approx(0.05)
    assert bought.batch == 0
    assert purchase(lambda n: 0.1 * ramp(n), PRESENT, replace(TERMS, least_chance=0.0)).batch == 250


def test_a_batch_is_no_larger_than_what_is_surely_enough_or_left():
    step = lambda n: np.clip((np.asarray(n) - 1000) / 100, 0, 1)
    assert purchase(step, PRESENT, TERMS).batch == pytest.approx(95, abs=3)
    assert purchase(ramp, PRESENT, replace(TERMS, budget=300.0, least_chance=0.0)).batch == 150


def test_the_expected_purchase_is_of_the_batches_that_are_recommended():
    huge = purchase(ramp, PRESENT, Terms(budget=20_000.0, batch=1e6))
    assert huge.batch < 20_000
    assert huge.expected == purchase(ramp, PRESENT, Terms(budget=20_000.0, batch=huge.batch)).expected
    once = purchase(ramp, PRESENT, Terms(budget=20_000.0, batch=1e6, deadline=1))
    assert once.expected == once.batch == huge.batch
    twice = purchase(ramp, PRESENT, Terms(budget=2000.0, batch=250.0, deadline=2))
    assert once.expected > twice.expected > 250


def test_the_chance_is_that_of_the_batches_that_a_deadline_allows():
    for deadline in (1, 2, 5):
        bought = purchase(ramp, PRESENT, Terms(budget=20_000.0, deadline=deadline))
        assert bought.limit <= PRESENT + deadline * bought.batch
        assert bought.chance == ramp(np.array([bought.limit]))[0]
        assert bought.expected <= bought.limit - PRESENT


def test_a_deadline_makes_batches_larger():
    assert purchase(ramp, PRESENT, Terms(budget=2000.0)).batch == 200
    assert purchase(ramp, PRESENT, Terms(budget=2000.0, deadline=3)).batch == 670, "two digits, rounded up"


def test_noise_of_the_last_mean_is_no_gain_and_a_target_that_is_missed_is_not_reached():
    n = np.repeat([100.0, 200.0, 400.0, 800.0], 4)
    errors = 4 * n**-0.12 * np.exp(np.random.default_rng(0).normal(0, 0.05, len(n)))
    errors[-4:] *= 1.03  # the largest size happens to be worse than the curve
    forecast = analyze(points_of, n, errors, higher_is_better=False, prior=prior_of("rmse")).forecast
    start = np.exp(forecast.trend.start)
    last = forecast.points.error[-1]
    worth = worth_buying(forecast, 100.0, Terms(cost=1.0))
    assert start < 0.995 * last
    assert worth.net[1] < 50 * (last - start)
    bought = reach_target(forecast, last * 0.99, Terms())
    assert all(needed is None or needed > 800 for needed in bought.needed.values())
    assert bought.batch > 1
