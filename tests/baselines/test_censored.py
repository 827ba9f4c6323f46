"""Classical models with censored labels: what is expected beyond a bound, and models that learn from it."""

import numpy as np
import pytest
from scipy.stats import truncnorm

from jaxmrl.baselines.assignment import Assignment
from jaxmrl.baselines.censored import TaskLabels, beyond, fit_normal
from jaxmrl.baselines.fitting import fit_and_predict
from jaxmrl.config import PredictConfig, SweepConfig
from jaxmrl.data.bounds import Bounds
from jaxmrl.io.cells import ABOVE, BELOW
from jaxmrl.modalities.descriptors.features import Descriptors
from jaxmrl.predict import predict_molecules
from jaxmrl.runs.tables import read_results
from jaxmrl.sweep import run_sweep

TRAIN, VALID, ASKED = np.arange(160), np.arange(160, 200), np.arange(200, 400)


def censored(truth, low, high):
    """Labels, where those outside two limits become bounds."""
    sides = np.where(truth > high, ABOVE, np.where(truth < low, BELOW, 0)).astype(np.int8)
    limits = np.where(sides == ABOVE, high, np.where(sides == BELOW, low, np.nan))
    return TaskLabels(np.where(sides == 0, truth, np.nan), limits, sides)


def table():
    """Counts, labels that grow with them, and those with the upper 30% censored."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.7, (400, 12)).astype(np.uint8)
    truth = counts @ rng.normal(size=12) + 0.5 * rng.normal(size=400) + 7
    return Descriptors(counts, np.zeros((400, 0), np.float32)), truth, censored(truth, -np.inf, np.quantile(truth, 0.7))


def predicted(model, features, labels, bounds=None, train=TRAIN):
    return fit_and_predict(Assignment(model, False, train, VALID, ASKED, 5), features, labels[:, None], bounds)[:, 0]


def bounds_of(labels):
    return Bounds(labels.limits[:, None], labels.sides[:, None])


def test_what_is_expected_beyond_a_bound_is_the_mean_of_a_truncated_normal_distribution():
    limits, sides = np.array([-1.0, 0.3, 2.0, 0.3, 60.0]), np.array([ABOVE, ABOVE, ABOVE, BELOW, ABOVE], np.int8)
    mean, variance = beyond(limits, sides, 0.7)
    ends = [
        (limit / 0.7, np.inf) if side == ABOVE else (-np.inf, limit / 0.7)
        for limit, side in zip(limits, sides, strict=True)
    ]
    np.testing.assert_allclose(mean[:4], [0.7 * truncnorm.mean(*one) for one in ends[:4]])
    np.testing.assert_allclose(variance[:4], [0.49 * truncnorm.var(*one) for one in ends[:4]])
    assert mean[4] == pytest.approx(60, rel=1e-3)
    assert 0 <= variance[4] < 1e-3


def test_bounds_that_lie_very_far_out_are_finite_numbers():
    limits = np.array([1e6, 1e8, 1e10, 1e15])
    mean, variance = beyond(limits, np.full(4, ABOVE, np.int8), 1.0)
    np.testing.assert_allclose(mean, limits, rtol=1e-9)
    assert np.isfinite(variance).all()
    below, _ = beyond(-limits, np.full(4, ABOVE, np.int8), 1.0)
    np.testing.assert_array_equal(below, 0, "such a bound says nothing")


def test_a_normal_distribution_is_found_behind_the_bounds():
    rng = np.random.default_rng(0)
    truth, everyone = rng.normal(3, 2, 20_000), np.arange(20_000)
    labels = censored(truth, 1.5, 4.0)
    assert fit_normal(labels, everyone) == pytest.approx((3, 2), abs=0.05)
    center = 10 * rng.normal(size=20_000)
    labels = censored(truth + center, -8.0, 9.0)
    assert fit_normal(labels, everyone, center + 3)[1] == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("model", ["svm", "ridge"])
def test_a_model_with_bounds_is_better_than_one_without_and_than_one_of_the_bounds(model):
    features, truth, labels = table()
    error = lambda found: float(np.sqrt(np.mean((found - truth[ASKED]) ** 2)))
    as_labels = np.where(labels.sides == 0, truth, labels.limits)
    full, dropped, clamped = (error(predicted(model, features, one)) for one in (truth, labels.exact, as_labels))
    with_bounds = error(predicted(model, features, labels.exact, bounds_of(labels)))
    assert with_bounds < min(dropped, clamped)
    assert with_bounds < 1.1 * full


def test_the_order_of_molecules_decides_nothing_and_bounds_elsewhere_change_nothing():
    features, truth, labels = table()
    found = predicted("ridge", features, labels.exact, bounds_of(labels))
    shuffled = np.random.default_rng(1).permutation(TRAIN)
    assert predicted("ridge", features, labels.exact, bounds_of(labels), shuffled).tobytes() == found.tobytes()
    elsewhere = labels.sides * (np.arange(400) >= 200)
    others = Bounds(np.where(elsewhere != 0, labels.limits, np.nan)[:, None], elsewhere[:, None].astype(np.int8))
    known = np.where(elsewhere == 0, truth, np.nan)
    assert predicted("ridge", features, known, others).tobytes() == predicted("ridge", features, known).tobytes()


def test_exact_labels_that_are_all_the_same_say_nothing_of_what_is_beyond():
    features, _, labels = table()
    same = np.where(labels.sides == 0, 3.0, np.nan)
    assert (predicted("ridge", features, same, bounds_of(labels)) == 3).all()


@pytest.mark.slow
def test_a_sweep_validates_by_bounds_and_predicts_as_it_was_fitted(nci, tmp_path, cache):
    smiles, truth = nci[0], nci[1][:, 0].round(4)
    limit = float(np.quantile(truth, 0.7).round(4))
    path = tmp_path / "censored.csv"
    lines = [f"{one},{f'>{limit}' if label > limit else label}" for one, label in zip(smiles, truth, strict=True)]
    path.write_text("\n".join(["smiles,logp", *lines]) + "\n")
    settings = {"model": ("ridge",), "fractions": (1.0,), "seeds": 1, "censored": "loss"}
    run = run_sweep(SweepConfig(csv=path, target_columns=("logp",), out=tmp_path / "run", **settings)).directory
    found = predict_molecules(PredictConfig(run, path, out=tmp_path / "p.csv"))
    (kept,) = (run / "predictions").glob("*.npz")
    with np.load(kept) as arrays:
        ids, valid, values = (arrays[name] for name in ("molecule_id", "part", "logp"))
    again = dict(zip(found.ids.tolist(), found.mean[:, 0], strict=True))
    np.testing.assert_allclose([again[k] for k in ids.tolist()], values, rtol=1e-9)
    labels = truth[ids]
    errors = np.where(labels > limit, np.minimum(values - limit, 0), values - labels)[valid == "valid"]
    (row,) = read_results(run / "results.csv")
    assert row.valid == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-4)
    assert (labels[valid == "valid"] > limit).any()
