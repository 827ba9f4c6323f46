import numpy as np
import pytest

from jaxmrl.scaling.rolling import forecast_next, rolling_forecasts

SIZES = np.array([100, 200, 300, 400, 500, 600, 700])


@pytest.mark.nightly
def test_forecasts_contain_blocks_as_often_as_stated():
    """Blocks whose log errors differ by as much as the prior expects, around a power law of its kind."""
    rng, inside, widths = np.random.default_rng(0), [], []
    for _ in range(60):
        errors = 2 * SIZES ** -rng.normal(0.1, 0.1) * np.exp(rng.normal(0, 0.2, len(SIZES)))
        found = rolling_forecasts(SIZES, errors)
        assert [one.n_train for one in found] == SIZES[1:].tolist()
        inside += [one.inside for one in found]
        widths.append([np.log(one.high / one.low) for one in found])
    assert 0.84 < np.mean(inside) < 0.96
    early, late = np.mean(widths, axis=0)[[0, -1]]
    assert late < early


def test_a_steady_curve_is_continued_and_a_unit_does_not_matter():
    sizes = np.arange(100, 1500, 100)
    errors = 3 * sizes**-0.3
    low, expected, high = forecast_next(sizes, errors, 2800)
    assert low < expected < high
    assert expected == pytest.approx(3 * 2800**-0.3, rel=0.1)
    scaled = forecast_next(sizes, 1000 * errors, 2800)
    assert scaled == pytest.approx([1000 * low, 1000 * expected, 1000 * high], rel=1e-3)


def test_blocks_that_differ_more_widen_the_interval():
    calm, wild = (np.exp(spread * np.array([1, -1, 1, -1, 1, -1, 1])) for spread in (0.02, 0.5))
    (low, _, high), (lower, _, higher) = (forecast_next(SIZES, errors, 800) for errors in (calm, wild))
    assert np.log(higher / lower) > 2 * np.log(high / low)
