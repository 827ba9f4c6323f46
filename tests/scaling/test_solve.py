import numpy as np
import pytest
from scipy.optimize import least_squares as scipys

from jaxmrl.scaling.solve import least_squares


def exponentials(x, y):
    return lambda u, rows: u[:, :1] * np.exp(-np.exp(u[:, 1:2]) * x) - y[rows]


def test_many_problems_end_where_scipy_ends_with_each():
    rng = np.random.default_rng(0)
    x = np.linspace(0, 3, 12)
    true = np.stack([rng.uniform(0.5, 3, 20), rng.uniform(-1, 1, 20)], axis=1)
    y = true[:, :1] * np.exp(-np.exp(true[:, 1:]) * x) + rng.normal(0, 0.02, (20, 12))
    found, cost, converged = least_squares(exponentials(x, y), np.ones((20, 2)))
    assert converged.all()
    for k in range(20):
        alone = scipys(lambda u, k=k: exponentials(x, y)(u[None], np.array([k]))[0], np.ones(2))
        np.testing.assert_allclose(found[k], alone.x, atol=1e-4)
        assert cost[k] == pytest.approx(2 * alone.cost, rel=1e-6)


def test_what_is_held_does_not_move():
    x, y = np.linspace(0, 3, 12), np.exp(-np.linspace(0, 3, 12))[None]
    found, *_ = least_squares(exponentials(x, y), np.array([[2.0, 0.5]]), np.array([[True, False]]))
    assert found[0, 1] == 0.5
    assert found[0, 0] != 2.0


def test_a_start_that_is_no_number_is_not_a_solution():
    broken = lambda u, rows: np.where(u > 0, np.log(u), np.nan)
    found, cost, converged = least_squares(broken, np.array([[-1.0], [3.0]]))
    assert np.isinf(cost[0])
    assert not converged[0]
    assert found[1, 0] == pytest.approx(1, abs=1e-6)


def test_a_problem_stops_when_one_of_its_starts_is_good_enough():
    x, y = np.linspace(0, 3, 12), np.exp(-np.linspace(0, 3, 12))[None].repeat(4, axis=0)
    start = np.array([[1.0, 0.1], [9.0, 3.0], [9.0, 3.0], [9.0, 2.0]])
    _, all_the_way, _ = least_squares(exponentials(x, y), start)
    _, cost, _ = least_squares(exponentials(x, y), start, alike=2, enough=1.0)
    assert cost[0] < 1 < cost[1], "the second start of the first problem did not move on"
    assert cost[2:].min() < 1
    assert (all_the_way < 1e-6).any()
