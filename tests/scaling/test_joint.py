"""Joint laws of data and model size: what they recover, what they say of exponents that data do not determine."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from benchmarks.joint_coverage import SCENARIOS, drawn, summary, true_error
from jaxmrl.scaling.joint import JointAnalysis, analyze_joint
from jaxmrl.scaling.joint_cells import GridRuns, cells_of
from jaxmrl.scaling.joint_content import BUDGETS, budgets_of, joint_content, metrics_of
from jaxmrl.scaling.joint_fit import fit_joint
from jaxmrl.scaling.joint_laws import ADDITIVE, FLOORED, JOINT_LAWS, NESTED
from jaxmrl.scaling.law_search import error_of

N, P = (one.ravel() for one in np.meshgrid([100.0, 400, 1600, 6400], [1e4, 1e5, 1e6], indexing="ij"))
VALUES = {
    "additive": (4.0, 0.35, 8.0, 0.3),
    "additive_floor": (0.2, 4.0, 0.35, 8.0, 0.3),
    "nested": (4.0, 0.4, 8.0, 0.3),
}


def grid_of(error, *, seeds=3, sd=0.02, labeled=True, seed=0):
    noise = np.exp(np.random.default_rng(seed).normal(0, sd, (seeds, len(N))))
    run = np.repeat([f"seed {k}" for k in range(seeds)], len(N)) if labeled else None
    return GridRuns(np.tile(N, seeds), np.tile(P, seeds), (error * noise).ravel(), run=run)


def error_by(law, n, p):
    cells = cells_of(grid_of(np.ones(len(N))), higher_is_better=False)
    return error_of(law, cells, np.stack([n, p]), np.array([VALUES[law.name]]))[0]


@pytest.fixture(scope="module")
def planted():
    return analyze_joint(drawn(SCENARIOS[1], 3), higher_is_better=False).forecast


@pytest.mark.parametrize("law", JOINT_LAWS, ids=lambda law: law.name)
def test_a_fit_finds_the_values_that_errors_without_noise_come_from(law):
    cells = cells_of(grid_of(error_by(law, N, P), sd=0.0), higher_is_better=False)
    found = fit_joint(law, cells)
    np.testing.assert_allclose(list(found.values.values()), VALUES[law.name], rtol=1e-3)
    assert found.intervals == {}, "the noise is not known, so no interval is"


@pytest.mark.parametrize("law", JOINT_LAWS, ids=lambda law: law.name)
def test_molecules_for_a_metric_and_best_splits_agree_with_the_law(law):
    values = np.array([VALUES[law.name]])
    n, p = law.best_split(values, np.array([1e8, 1e10]))
    np.testing.assert_allclose(n * p, [[1e8, 1e10]])
    best = error_by(law, n[0], p[0])
    for times in (0.9, 1.1):
        assert (error_by(law, n[0] * times, p[0] / times) > best).all()
    np.testing.assert_allclose(law.molecules_for(values, best[:1], p[0, :1])[0], n[0, :1])
    assert np.isinf(law.molecules_for(values, np.array([0.05]), np.array([1e4])))[0, 0], "B p^-b alone is above that"


def test_the_two_terms_may_be_added_inside_a_power():
    a0, a, b0, b = VALUES["nested"]
    expected = ((a0 * N**-a) ** (1 / a) + (b0 * P**-b) ** (1 / a)) ** a
    np.testing.assert_allclose(error_by(NESTED, N, P), expected)
    np.testing.assert_allclose(error_by(FLOORED, N, P) - 0.2, error_by(ADDITIVE, N, P))


@pytest.mark.slow
def test_intervals_contain_planted_exponents_and_are_not_merely_wide():
    found = summary(SCENARIOS[1], simulations=12, jobs=1)
    assert min(found["coverage"].values()) >= 9 / 12
    assert min(found["identifiable"].values()) == 1
    assert max(found["median_high_over_low"].values()) < 4


def test_a_forecast_says_metric_molecules_and_best_sizes_with_intervals(planted):
    n, p = np.array([8000.0]), np.array([2e6])
    (metric,) = planted.metric(n, p)
    assert metric.low < metric.value < metric.high
    assert metric.low < true_error(SCENARIOS[1], n, p) < metric.high
    (needed,) = planted.molecules_for(metric.value, p)
    assert needed.value == pytest.approx(8000, rel=1e-6)
    assert needed.low < needed.value < needed.high
    small, large = planted.best_split(np.array([4e8, 4e10]))
    assert small.outside == ()
    assert large.outside == ("molecules", "parameters")
    assert small.n.low < small.n.value < small.n.high
    assert small.p.value * small.n.value == pytest.approx(4e8)


def test_content_has_budgets_and_lines_of_equal_metric(planted):
    found = joint_content(JointAnalysis(planted, ()), target=0.7)
    assert [one["compute"] for one in found["compute_optimal"]] == [4e9 * times for times in BUDGETS]
    assert found["compute_optimal"][-1]["outside_measured"] == ["molecules", "parameters"]
    metrics = metrics_of(planted.cells)
    assert [one["metric"] for one in found["iso_performance"]] == [m for m in (*metrics, 0.7) for _ in range(5)]
    assert metrics == sorted(metrics, reverse=True), "the worst first"
    assert found["exponents"]["a"]["low"] < 0.35 < found["exponents"]["a"]["high"]
    assert (budgets_of(planted.cells) >= 1e6).all()


def test_too_few_sizes_are_no_joint_law():
    few = GridRuns(*(np.array(one, float) for one in ([100, 200, 400] * 2, [1e4] * 3 + [1e5] * 3, [3, 2, 1] * 2)))
    found = analyze_joint(few, higher_is_better=False)
    assert found.forecast is None
    (note,) = found.notes
    assert note == "a joint law needs at least 3 data sizes, 3 model sizes and 6 pairs of them; got 3, 2 and 6"
    assert joint_content(found) == {"law": None, "flags": [], "notes": list(found.notes)}


def test_one_run_of_each_cell_has_the_residuals_as_noise_or_no_interval():
    one = analyze_joint(grid_of(error_by(ADDITIVE, N, P), seeds=1, labeled=False), higher_is_better=False).forecast
    assert one.exponent("a").low is not None
    assert any("the noise is estimated from the residuals of the law" in flag for flag in one.flags)
    kept = np.isin(np.arange(len(N)), [0, 1, 2, 4, 6, 8])
    few = grid_of(error_by(ADDITIVE, N, P), seeds=1, labeled=False).take(kept)
    unknown = analyze_joint(few, higher_is_better=False).forecast
    assert "a: its interval is not known" in " ".join(unknown.flags).replace("exponent a of molecules", "a")
    (metric,) = unknown.metric(N[-1:], P[-1:])
    assert (metric.low, metric.high) == (None, None), "never an interval of width 0"
    assert {one.metric.low for one in unknown.best_split(np.array([1e8]))} == {None}


def test_an_exponent_that_the_metric_does_not_depend_on_is_not_identifiable():
    flat = analyze_joint(grid_of(0.3 + 4 * N**-0.35), higher_is_better=False).forecast
    assert any(flag.startswith("exponent b of parameters") for flag in flat.flags)
    steep = flat.exponent("b")
    assert steep.low is None or steep.high is None or steep.high > 5 * steep.low


def test_a_metric_with_a_bound_is_fitted_as_its_distance_from_it():
    error = error_by(ADDITIVE, N, P) / 4
    rows = grid_of(error)
    score = replace(rows, metric=1 - rows.metric)
    by_error, by_score = (
        analyze_joint(one, higher_is_better=higher).forecast for one, higher in ((rows, False), (score, True))
    )
    assert asdict(by_score.exponent("a")) == pytest.approx(asdict(by_error.exponent("a")), rel=1e-4)
    far = np.array([1e9]), np.array([1e12])
    assert by_score.metric(*far)[0].value < 1, "no forecast is beyond the perfect metric"
    perfect = replace(score, metric=np.where(score.n == 6400, 1.0, score.metric))
    assert analyze_joint(perfect, higher_is_better=True).notes == (
        "a joint law needs errors above 0, but the mean metric of one pair of sizes is perfect",
    )


def test_noise_that_runs_of_one_seed_share_widens_the_covariance():
    n, p = (one.ravel() for one in np.meshgrid(np.geomspace(100, 6400, 7), np.geomspace(1e4, 1e6, 6), indexing="ij"))
    rng, seeds = np.random.default_rng(0), 30
    subset, own = rng.normal(0, 0.03, (seeds, 7, 1)), rng.normal(0, 0.04, (seeds, 7, 6))
    error = np.exp((subset + own).reshape(seeds, -1))
    run = np.repeat([f"seed {k}" for k in range(seeds)], len(n))
    rows = GridRuns(np.tile(n, seeds), np.tile(p, seeds), error.ravel(), run=run)
    cells = cells_of(rows, higher_is_better=False)
    same_n = (n[:, None] == n) & ~np.eye(len(n), dtype=bool)
    same_p = (p[:, None] == p) & ~np.eye(len(n), dtype=bool)
    scaled = cells.covariance * seeds
    assert np.diag(scaled).mean() == pytest.approx(0.05**2, rel=0.1)
    assert scaled[same_n].mean() == pytest.approx(0.03**2, rel=0.3)
    assert scaled[same_p].mean() < 0.2 * 0.03**2
    alone = cells_of(replace(rows, run=None), higher_is_better=False)
    assert (alone.covariance[same_n] == 0).all()
    assert cells.dof_by == {"n": 29 * 6, "p": 29 * 5}


def test_means_with_standard_deviations_are_cells_too():
    error = error_by(ADDITIVE, N, P)
    means = GridRuns(N, P, error, sd=0.03 * error, runs=np.full(len(N), 4.0))
    cells = cells_of(means, higher_is_better=False)
    np.testing.assert_allclose(np.diag(cells.covariance), 0.03**2 / 4)
    assert cells.dof == 3 * len(N)
    unknown = cells_of(replace(means, runs=np.full(len(N), np.nan)), higher_is_better=False)
    assert unknown.dof == 0


def test_a_failed_run_is_left_out():
    rows = grid_of(error_by(ADDITIVE, N, P), seeds=5)
    failed = replace(rows, metric=np.where(np.arange(len(rows.n)) == 4, 5 * rows.metric, rows.metric))
    cells = cells_of(failed, higher_is_better=False)
    assert [one.n for one in cells.left_out] == [rows.n[4]]
    assert cells.runs.tolist() == [5, 5, 5, 5, 4, *[5] * 7]
