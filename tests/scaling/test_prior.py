import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.curves_database.prior import PRIORS, fit_prior, fitted, read_database
from jaxmrl.scaling.analysis import analyze
from jaxmrl.scaling.points import points_of
from jaxmrl.scaling.prior import Prior, design, prior_of, use_prior

KNOWN = Prior("rmse", -0.12, -0.01, 0.04, 0.02, -0.3, 0.005, curves=100, data_sets=20)
N = np.array([20.0, 40.0, 80.0, 160.0])


def curve(error, noise=0.05, runs=5):
    rng = np.random.default_rng(0)
    values = error * np.exp(rng.normal(0, noise, (runs, len(error))))
    return np.tile(N[: len(error)], runs), values.ravel()


def test_a_curve_continues_as_conditioning_the_joint_distribution_says():
    far, variance = np.array([400.0, 800.0]), np.full(4, 0.03**2)
    log_error = np.log(0.9 * N**-0.15)
    everything = design(np.concatenate([N, far]))
    joint = everything @ KNOWN.covariance @ everything.T + KNOWN.misfit**2 * np.eye(6)
    joint[:4, :4] += np.diag(variance)
    gain = joint[4:, :4] @ np.linalg.inv(joint[:4, :4])
    center = everything @ KNOWN.mean + log_error.mean()
    mean, sd = KNOWN.continued(N, log_error, variance, far)
    np.testing.assert_allclose(mean, center[4:] + gain @ (log_error - center[:4]), atol=1e-6)
    np.testing.assert_allclose(sd**2, np.diag(joint[4:, 4:] - gain @ joint[:4, 4:]), rtol=1e-4)


def test_few_sizes_are_forecast_by_the_prior_and_the_forecast_says_so():
    n, values = curve(1.5 * N**-0.12)
    plain, informed = (
        analyze(points_of, n, values, higher_is_better=False, prior=prior).forecast for prior in (None, KNOWN)
    )
    assert "a prior: how 100 learning curves of molecular models on 20 data sets continued" in informed.trend.basis
    assert "prior" not in plain.trend.basis
    far = np.array([200.0, 800.0, 1600.0])
    low, high = informed.error_interval(far)
    assert (np.diff(informed.error(far)) < 0).all()
    assert ((low < 1.5 * far**-0.12) & (1.5 * far**-0.12 < high)).all()
    wide = plain.error_interval(far)
    assert (np.log(high / low) < np.log(wide[1] / wide[0])).all()
    drawn = np.quantile(informed.sample(far, np.random.default_rng(0)), (0.05, 0.95), axis=0)
    np.testing.assert_allclose(drawn, np.log([low, high]), atol=0.05)


def test_the_prior_is_for_few_sizes_of_known_noise_that_resemble_its_curves():
    n, values = curve(1.5 * N**-0.12)
    points = points_of(n, values, higher_is_better=False)
    assert use_prior(KNOWN, points)
    assert not use_prior(None, points)
    assert not use_prior(KNOWN, points.first(2))
    assert not use_prior(KNOWN, replace(points, dof=0))
    steep, level = curve(30 * N**-0.6)
    assert not use_prior(KNOWN, points_of(steep, level, higher_is_better=False))
    assert prior_of("mae") is None


@pytest.mark.slow
def test_the_shipped_priors_are_those_of_the_database():
    for metric, curves in read_database().items():
        shipped, found = prior_of(metric), fit_prior(metric, curves)
        assert (shipped.curves, shipped.data_sets) == (found.curves, found.data_sets)
        for name in ("slope", "bend", "slope_sd", "bend_sd", "correlation", "misfit"):
            assert getattr(shipped, name) == pytest.approx(getattr(found, name), rel=0.05, abs=2e-3), (metric, name)


@pytest.mark.parametrize("factor", [0.001, 0.5, 1000.0])
def test_the_prior_is_for_molecules_as_many_as_its_curves_have(factor):
    known = points_of(*curve(1.5 * N**-0.12), higher_is_better=False)
    assert use_prior(KNOWN, known)
    assert not use_prior(KNOWN, replace(known, n=known.n * factor + 0.25 * (factor == 0.5)))


@pytest.mark.nightly
def test_the_shipped_intervals_are_stretched_by_data_sets_that_were_left_out():
    shipped = json.loads(PRIORS.read_text())
    for metric, curves in read_database().items():
        assert shipped[metric]["quantile"] == pytest.approx(fitted(metric, curves).quantile, rel=0.05)
