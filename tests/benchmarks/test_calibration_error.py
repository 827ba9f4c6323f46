import numpy as np
import pytest

from benchmarks.calibration_error import expected_error, root_mean, squared_error


def test_the_debiased_error_is_zero_on_average_for_perfect_probabilities():
    rng = np.random.default_rng(0)
    probability = rng.beta(0.5, 0.5, (400, 120))
    labels = (rng.uniform(size=probability.shape) < probability).astype(float)
    squares = [squared_error(*both) for both in zip(probability, labels, strict=True)]
    assert np.mean(squares) == pytest.approx(0, abs=3 * np.std(squares) / 20)
    assert np.mean([expected_error(*both) for both in zip(probability, labels, strict=True)]) > 0.05
    off = [squared_error(*both) for both in zip(0.5 * probability, labels, strict=True)]
    assert np.mean(off) == pytest.approx(np.mean((0.5 * probability) ** 2), rel=0.1)
    error, low, high = root_mean(off)
    assert low < error < high
