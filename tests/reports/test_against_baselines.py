"""What is said where neural networks lose to the classical models of their run."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_rel

from jaxmrl.reports.against_baselines import baseline_lines, paired_losses
from jaxmrl.runs.curves import curves_of
from tests.support.rows import result_row

SIZES = (100, 200, 400)


def rows_of(model, means, noise=(-0.02, 0.0, 0.02), metric="rmse"):
    """A row for each size and seed."""
    classical = {"width": 0, "depth": 0, "params": 0} if model != "gin" else {}
    modality = {"gin": "graph", "svm": "ecfp", "mean": "labels"}[model]
    row = result_row(metric=metric)
    curve = replace(row.curve, model=model, modality=modality, pruning="random", **classical)
    return [
        replace(row, curve=curve, fraction=n / 400, n_train=n, seed=seed, test=mean + by, epochs=0 if classical else 9)
        for n, mean in zip(SIZES, means, strict=True)
        for seed, by in enumerate(noise)
    ]


def lines_of(*rows):
    rows = [row for some in rows for row in some]
    return baseline_lines(curves_of(rows), rows)


def test_the_interval_is_that_of_paired_differences():
    gin, svm = rows_of("gin", (1.0, 0.8, 0.6)), rows_of("svm", (0.9, 0.9, 0.5), (0.03, -0.01, 0.01))
    found = paired_losses(*curves_of([*gin, *svm]), [*gin, *svm])
    for k, one in enumerate(found):
        pairs = [[row.test for row in some[3 * k : 3 * k + 3]] for some in (gin, svm)]
        low, high = ttest_rel(*pairs).confidence_interval(0.9)
        assert (one.loss - one.reach, one.loss + one.reach) == pytest.approx((low, high))
        assert one.loss == pytest.approx(np.mean(pairs[0]) - np.mean(pairs[1]))
    assert [one.n for one in found] == [100, 200, 400]


def test_a_loss_and_where_the_curves_cross_are_said_in_one_sentence():
    (line,) = lines_of(rows_of("gin", (1.0, 0.8, 0.4)), rows_of("svm", (0.7, 0.6, 0.5), (0.0, 0.0, 0.0)))
    assert line == (
        "GIN does worse than SVM at 2 of 3 sizes: with 200 molecules, the test RMSE is 0.8 against 0.6, a "
        "difference of 0.2 (90% interval 0.17 to 0.23, 3 seeds); the curves cross between 200 and 400 molecules"
    )


def test_nothing_is_said_of_a_difference_within_the_noise():
    assert lines_of(rows_of("gin", (1.0, 0.8, 0.6)), rows_of("svm", (0.99, 0.79, 0.6), (0.02, 0.0, -0.02))) == []
    assert lines_of(rows_of("gin", (0.7, 0.6, 0.5))) == []


def test_one_seed_has_no_interval():
    (line,) = lines_of(rows_of("gin", (1.0, 0.8, 0.6), (0.0,)), rows_of("svm", (0.9, 0.8, 0.5), (0.0,)))
    assert "at 2 of 3 sizes" in line
    assert "a difference of 0.1 (one seed, so the noise is not known)" in line


def test_higher_is_better_for_some_metrics():
    better, worse = (0.8, 0.85, 0.9), (0.7, 0.75, 0.8)
    (line,) = lines_of(rows_of("gin", worse, metric="roc_auc"), rows_of("svm", better, (0.0,) * 3, "roc_auc"))
    assert line.startswith("GIN does worse than SVM at 3 of 3 sizes: with 400 molecules, the test ROC-AUC")
    assert "cross" not in line
    assert lines_of(rows_of("gin", better, metric="roc_auc"), rows_of("svm", worse, metric="roc_auc")) == []


def test_models_that_do_not_beat_the_mean_are_named():
    (line,) = lines_of(rows_of("gin", (1.0, 0.98, 0.6)), rows_of("mean", (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)))
    assert line == "GIN is not clearly better than the mean of the training labels at 100 and 200 molecules"
