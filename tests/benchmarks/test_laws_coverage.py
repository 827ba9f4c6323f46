"""The whole procedure of the forecast, where the true law is known (audit 4); docs/scaling.md has all laws."""

import numpy as np
import pytest

from benchmarks.laws_coverage import GRIDS, HORIZONS, forecast_trial
from jaxmrl.scaling.laws import LAWS

CURVES = 5


@pytest.fixture(scope="module", params=["power", "logarithmic"])
def coverage(request):
    """Of curves with the sizes and noise of HIV and a law of the audit: the share of intervals with the truth, [3]."""
    true = next(law for law in LAWS if law.name == request.param)
    return np.mean([forecast_trial(GRIDS["hiv"], true, k)["holds"] for k in range(CURVES)], axis=0)


def test_the_interval_holds_the_truth_at_every_horizon(coverage):
    assert HORIZONS == (2, 4, 10)
    assert (coverage >= 0.8).all()
