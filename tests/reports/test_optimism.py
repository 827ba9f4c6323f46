from dataclasses import replace

import pytest
from scipy.stats import ttest_ind

from jaxmrl.reports.optimism import optimism_lines
from jaxmrl.rows import CurveIdentity
from jaxmrl.runs.curves import MeasuredCurve, Point
from jaxmrl.training.metrics import METRICS

RANDOM = CurveIdentity("d", "ecfp", "svm", "random", "random", "none", 0, 0, 0, "float64", 0.0, 0.0, 0)


def curve(split: str, tests: tuple[float, ...], **changes) -> MeasuredCurve:
    point = Point(1.0, 100, tests, seeds=tuple(range(len(tests))), split_seeds=tuple(range(len(tests))))
    return MeasuredCurve(replace(RANDOM, split=split, **changes), "rmse", (point,))


def test_the_difference_has_an_interval_by_welch():
    curves = [curve("random", (0.60, 0.62, 0.64)), curve("cluster", (0.80, 0.84, 0.88))]
    (line,) = optimism_lines(curves, METRICS["rmse"], "RMSE")
    assert "RMSE 0.840 on the cluster split, 0.620 on the random split" in line
    welch = ttest_ind(curves[1].points[0].tests, curves[0].points[0].tests, equal_var=False).confidence_interval(0.9)
    interval = f"{welch.low:.3f} to {welch.high:.3f}"
    assert f"looks better by 0.220 ({interval}, 90% interval over seeds and splits)" in line


@pytest.mark.parametrize(("metric", "word"), [("rmse", "worse"), ("roc_auc", "better")])
def test_direction_and_unknown_intervals(metric, word):
    curves = [curve("random", (0.9,)), curve("time", (0.8,))]
    (line,) = optimism_lines(curves, METRICS[metric], "metric")
    assert f"looks {word} by 0.1 (interval not known" in line


def test_other_models_and_the_training_mean_are_not_compared():
    assert not optimism_lines([curve("random", (0.6,)), curve("time", (0.8,), modality="other")], METRICS["rmse"], "R")
    assert not optimism_lines([curve(one, (0.6,), model="mean") for one in ("random", "time")], METRICS["rmse"], "R")
