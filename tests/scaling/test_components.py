"""The spread between and within splits, on numbers whose spread is known."""

import numpy as np
import pytest

from jaxmrl.scaling.components import components_of


def test_simulated_components_are_found():
    rng = np.random.default_rng(0)
    split = np.repeat(np.arange(400), rng.integers(1, 5, 400))
    values = 0.7 + rng.normal(0, 0.03, 400)[split] + rng.normal(0, 0.02, len(split))
    found = components_of(values, split)
    assert (found.splits, found.runs) == (400, len(split))
    assert (found.between, found.within) == pytest.approx((0.03, 0.02), rel=0.1)
    assert found.sd == pytest.approx(np.hypot(0.03, 0.02), rel=0.1)


def test_what_is_not_known_is_not_said():
    each_its_own = components_of(np.array([0.7, 0.8]), np.array([1, 2]))
    assert (each_its_own.between, each_its_own.within) == (None, None)
    one_split = components_of(np.array([0.7, 0.8]), np.array([1, 1]))
    assert one_split.between is None
    assert one_split.within == one_split.sd
    alike = components_of(np.array([0.7, 0.8, 0.7, 0.8]), np.array([1, 1, 2, 2]))
    assert alike.between == 0
