import json

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jaxmrl.scaling.analysis import analyze, content
from jaxmrl.scaling.points import points_of

N = np.geomspace(300, 30_000, 7).round()


def content_of(n, metric, *, higher_is_better=True, guess=None, **asked):
    return content(analyze(points_of, n, metric, higher_is_better=higher_is_better, guess=guess), **asked)


def runs_of(error, sd=0.02, runs=3):
    noise = np.random.default_rng(0).normal(0, sd, (runs, len(N)))
    return np.tile(N, runs), (1 - error * np.exp(noise)).ravel()


value = st.one_of(
    st.floats(0, 1),
    st.sampled_from([0.0, 1.0, 0.5, 1e-300, 1e300, float("inf"), float("-inf"), float("nan"), -1.0]),
    st.floats(allow_nan=True, allow_infinity=True),
)


@settings(max_examples=25, deadline=None)
@given(
    curve=st.lists(st.tuples(st.one_of(st.sampled_from([100, 200, 400, 800, 0, -5]), value), value), max_size=9),
    higher_is_better=st.booleans(),
)
@example(curve=[(100, 0.5)] * 6, higher_is_better=True)
@example(curve=[(100, 0.5), (200, 0.5), (400, 0.5)], higher_is_better=True)
@example(curve=[(100, 0.0), (200, 0.0)], higher_is_better=False)
@example(curve=[(100, 1.0), (200, 1.0)], higher_is_better=True)
@example(curve=[(100, 0.9), (200, 0.7), (400, 0.6), (800, 0.5)], higher_is_better=True)
@example(curve=[(1e-9, 0.2), (1, 0.3), (1e14, 0.4)], higher_is_better=False)
@example(curve=[(2e-12, 0.2), (1, 0.3), (9e14, 0.4)], higher_is_better=False)
@example(curve=[(100, 0.0), (200, 0.0), (5e-324, 0.0)], higher_is_better=True)
def test_any_curve_gives_fits_with_flags_or_one_clear_line(curve, higher_is_better):
    n, metric = ([pair[k] for pair in curve] for k in (0, 1))
    found = content_of(
        n, metric, higher_is_better=higher_is_better, guess=0.5 if higher_is_better else None, target=0.7
    )
    text = json.dumps(found, allow_nan=False)
    assert json.loads(text) == found
    if found["chosen"] is None:
        assert found["notes"]
    else:
        assert len(found["predictions"]) == 3
        assert found["target"]["said"]


def test_the_content_has_laws_choice_predictions_and_target():
    n, metric = runs_of(1.5 * N**-0.25)
    found = content_of(n, metric, guess=0.5, target=0.894)
    assert {law["law"] for law in found["laws"]} >= {"power", "error_power", "m4", "broken", "irreducible"}
    by_name = {law["law"]: law for law in found["laws"]}
    low, high = by_name["error_power"]["intervals"]["c"]
    assert low < 0.25 < high
    assert [one["n"] for one in found["predictions"]] == [60_000, 120_000, 300_000]
    assert [one["far"] for one in found["predictions"]] == [False, False, True]
    for one in found["predictions"]:
        assert one["low"] < one["value"] < one["high"]
    assert found["target"]["low"] < found["target"]["molecules"] < found["target"]["high"]


def test_sizes_to_predict_at_may_be_named():
    n, metric = runs_of(1.5 * N**-0.25)
    found = content_of(n, metric, predict=(500.0, 1e6))
    assert [one["n"] for one in found["predictions"]] == [500, 1e6]


def test_the_forecast_by_the_smaller_sizes_stands_beside_what_was_measured():
    n, metric = runs_of(1.5 * N**-0.25)
    found = content_of(n, metric)
    (held,) = found["held_out"]
    assert held["n"] == N[-1]
    assert held["observed"] == np.mean(metric[n == N[-1]])
    assert held["low"] < held["observed"] < held["high"]


def test_what_not_to_trust_is_said():
    found = content_of(N[:3], [0.7, 0.6, 0.65])
    assert any("too few sizes to distinguish laws: 3" in flag for flag in found["flags"])
    assert any("so the noise is not known, and there is no interval" in flag for flag in found["flags"])
    assert any("the mean metric gets worse between" in flag for flag in found["flags"])


def test_a_target_is_said_in_words():
    n, metric = runs_of(1.5 * N**-0.25)
    analysis = analyze(points_of, n, metric, higher_is_better=True, guess=0.5)
    said = lambda target: content(analysis, target=target)["target"]["said"]
    assert "molecules [" in said(0.9)
    assert "times the largest size" in said(0.9)
    assert said(0.5).startswith("0.5 takes no more than the smallest size")
    floor_n, floor_metric = runs_of(0.2 + 300 * N**-0.9, 0.005)
    said_of_floor = content_of(floor_n, floor_metric, target=0.95)["target"]["said"]
    assert "not reached by the forecast: the laws of this curve give at most 0.79" in said_of_floor


def test_runs_that_are_no_repetitions_are_flagged():
    n = np.repeat([100, 200, 400, 800, 1600, 3200], 5)
    level = np.tile(np.exp(0.2 * np.array([-1.5, -0.5, 0, 0.5, 1.5])), 6)
    noise = np.exp(np.random.default_rng(0).normal(0, 0.01, 30))
    shared = analyze(points_of, n, 3 * n**-0.3 * level * noise, higher_is_better=False)
    assert any("the same seeds or folds at every size" in flag for flag in shared.flags)
    own = analyze(points_of, n, 3 * n**-0.3 * noise, higher_is_better=False)
    assert not any("the same seeds or folds" in flag for flag in own.flags)
