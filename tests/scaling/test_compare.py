import numpy as np
import pytest

from jaxmrl.scaling.compare import paired_bootstrap

COVERAGE = [(2, 0.86, 0.94), (3, 0.86, 0.94), (4, 0.86, 0.94), (5, 0.84, 0.94), (10, 0.87, 0.93)]


@pytest.mark.parametrize(("seeds", "lowest", "highest"), COVERAGE)
def test_coverage_at_nominal_90_percent(seeds, lowest, highest):
    rng = np.random.default_rng(0)
    intervals = [paired_bootstrap(rng.normal(1.0, 2.0, seeds)) for _ in range(400)]
    covered = np.mean([low <= 1.0 <= high for low, high in intervals])
    assert lowest < covered < highest


def test_few_seeds():
    assert np.isnan(paired_bootstrap(np.array([0.1]))).all()
    assert paired_bootstrap(np.array([0.3, 0.1, 0.2])) == pytest.approx((0.2 - 0.1686, 0.2 + 0.1686), abs=1e-4)
    assert paired_bootstrap(np.array([0.1, 0.1, 0.1])) == pytest.approx((0.1, 0.1))
    low, high = paired_bootstrap(np.arange(5.0))
    assert 0 <= low < 1
    assert 3 < high <= 4
