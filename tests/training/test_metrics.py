import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from jaxmrl.config.names import CLASSIFICATION_METRICS, METRIC_NAMES
from jaxmrl.training.metrics import METRICS, exact_sum, mean_over_tasks

ORACLES = {
    "roc_auc": oracle.roc_auc_score,
    "average_precision": oracle.average_precision_score,
    "rmse": oracle.root_mean_squared_error,
    "mae": oracle.mean_absolute_error,
    "r2": oracle.r2_score,
}


ROWS = 64
EVALUATE = {name: jax.jit(metric.evaluate) for name, metric in METRICS.items()}


def one_task(name, scores, labels, present):
    """The metric of one task, among rows without a label up to a common length."""
    columns = np.float32(scores)[:, None], np.float32(labels)[:, None], np.bool_(present)[:, None]
    padding = ((0, max(0, ROWS - len(scores))), (0, 0))
    return float(EVALUATE[name](*(np.pad(column, padding) for column in columns))[0])


def cases(labels):
    # Few distinct scores, so that ties are common.
    score = st.one_of(st.integers(-3, 3).map(float), st.floats(-100, 100, width=32, allow_subnormal=False))
    return st.lists(st.tuples(score, labels, st.booleans()), min_size=1, max_size=60)


def test_names_are_those_of_the_configuration():
    assert tuple(METRICS) == METRIC_NAMES
    assert {name for name, metric in METRICS.items() if metric.task == "classification"} == set(CLASSIFICATION_METRICS)


@pytest.mark.parametrize("name", CLASSIFICATION_METRICS)
@settings(max_examples=150, deadline=None)
@given(case=cases(st.integers(0, 1)))
def test_classification_agrees_with_scikit_learn(name, case):
    scores, labels, present = map(np.array, zip(*case, strict=True))
    kept = labels[present]
    ours = one_task(name, scores, labels, present)
    if len(set(kept)) < 2:
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(ORACLES[name](kept, scores[present].astype(np.float32)), abs=2e-6)


@pytest.mark.parametrize("name", ["rmse", "mae", "r2"])
@settings(max_examples=150, deadline=None)
@given(case=cases(st.integers(-50, 50)))
def test_regression_agrees_with_scikit_learn(name, case):
    scores, labels, present = map(np.array, zip(*case, strict=True))
    ours = one_task(name, scores, labels, present)
    if not present.any() or (name == "r2" and len(set(labels[present])) < 2):
        assert np.isnan(ours)
    else:
        expected = ORACLES[name](labels[present], scores[present].astype(np.float32))
        assert ours == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_missing_labels_are_ignored_even_if_nan(strict):
    scores = jnp.array([[0.1], [0.9], [0.4], [7.0]])
    labels = jnp.array([[0.0], [1.0], [0.0], [jnp.nan]])
    present = jnp.array([[True], [True], [True], [False]])
    for name in ("roc_auc", "average_precision", "rmse", "mae", "r2"):
        with_missing = METRICS[name].evaluate(scores, labels, present)
        np.testing.assert_array_equal(with_missing, METRICS[name].evaluate(scores[:3], labels[:3], present[:3]))


def test_a_nan_score_is_not_hidden():
    assert np.isnan(one_task("roc_auc", [np.nan, 0.0, 1.0], [0, 1, 0], [True, True, True]))


def test_large_roc_auc_neither_overflows_nor_drifts():
    rng = np.random.default_rng(0)
    labels = rng.random(400_000) < 0.5
    scores = np.float32(rng.normal(size=len(labels)) + 0.3 * labels)
    ours = one_task("roc_auc", scores, labels, np.ones(len(labels), bool))
    assert ours == pytest.approx(oracle.roc_auc_score(labels, scores), abs=2e-7)


def exact_roc_auc(scores, labels):
    """The share of pairs in the right order, in whole numbers of any size."""
    negatives, positives = np.sort(scores[~labels]), scores[labels]
    beaten = sum(int(np.searchsorted(negatives, positives, side).sum()) for side in ("left", "right"))
    return beaten / (2 * len(positives) * len(negatives))


def test_roc_auc_is_exact_beyond_a_million_positives():
    rng = np.random.default_rng(0)
    labels = np.arange(1_200_000) >= 20_000
    scores = np.float32(np.round(rng.normal(size=len(labels)) + 0.5 * labels, 3))
    ours = one_task("roc_auc", scores, labels, np.ones(len(labels), bool))
    assert ours == pytest.approx(exact_roc_auc(scores, labels), abs=2e-7)


def test_sums_hold_for_a_hundred_million_rows():
    """The largest sums there are: 10^8 rows of 2 x 10^8, here with a hundredth of the rows."""
    counts = np.random.default_rng(0).integers(0, 2 * 10**8, 10**6, np.int32)
    assert float(jax.jit(exact_sum)(counts)) == pytest.approx(counts.sum(dtype=np.int64), rel=1e-7)
    total = int(counts[:3].astype(np.int64).sum())
    assert float(jax.jit(exact_sum)(counts[:3])) == np.float32(total)


def test_mean_errors_and_average_precision_do_not_drift():
    rng = np.random.default_rng(0)
    scores = np.float32(rng.random(500_000))
    everywhere, labels = np.ones(len(scores), bool), rng.random(len(scores)) < 0.5
    assert one_task("mae", scores, 0 * scores, everywhere) == pytest.approx(scores.astype(float).mean(), rel=1e-7)
    expected = oracle.average_precision_score(labels, scores)
    assert one_task("average_precision", scores, labels, everywhere) == pytest.approx(expected, abs=3e-7)


def test_tasks_without_meaning_are_left_out_of_the_mean():
    assert float(mean_over_tasks(jnp.array([0.5, jnp.nan, 0.7]))) == pytest.approx(0.6)
    assert np.isnan(mean_over_tasks(jnp.array([jnp.nan, jnp.nan])))
