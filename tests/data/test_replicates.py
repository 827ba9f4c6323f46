"""The noise of an assay by its replicates, and the error that it leaves any model."""

import numpy as np
import pytest

from jaxmrl.data.duplicates import deduplicate
from jaxmrl.data.parsing import prepare
from jaxmrl.data.replicates import find_assay_noise, find_noise, noise_floor, noise_lines
from jaxmrl.data.table import Table
from jaxmrl.reports.terminal import Reporter
from jaxmrl.scaling.analysis import analyze, content
from jaxmrl.scaling.points import points_of

PLANTED = 0.3


def replicated(rng, molecules=600, most=4, sd=PLANTED):
    """Molecules with 1 to `most` measurements of a true value: hashes and labels [N]."""
    group = np.repeat(np.arange(molecules), rng.integers(1, most + 1, molecules))
    return group.astype(np.uint64), rng.normal(6, 1.5, molecules)[group] + rng.normal(0, sd, len(group))


@pytest.mark.parametrize("digits", [8, 1])
def test_planted_noise_is_found(digits):
    for seed in range(5):
        canonical, labels = replicated(np.random.default_rng(seed))
        (noise,) = find_noise(canonical, labels.round(digits)[:, None], ("y",), averaged=False)
        assert noise.sd == pytest.approx(PLANTED, rel=0.1)
        assert noise.low < noise.sd < noise.high
        assert 0.75 * PLANTED < noise.floor_sd < 1.02 * PLANTED


def test_the_interval_contains_planted_noise_as_often_as_it_says():
    inside = 0
    for seed in range(300):
        canonical, labels = replicated(np.random.default_rng(seed), molecules=40, most=3)
        (noise,) = find_noise(canonical, labels[:, None], ("y",), averaged=False)
        inside += noise.low < PLANTED < noise.high
    assert 0.85 * 300 < inside < 0.95 * 300


def test_the_floor_is_the_error_of_true_values():
    rng = np.random.default_rng(0)
    group, labels = replicated(rng, molecules=4000, most=3)
    group = group.astype(int)
    values = labels - rng.normal(0, 1e-9, len(labels))
    (single,) = find_noise(group, values[:, None], ("y",), averaged=False)
    (averaged,) = find_noise(group, values[:, None], ("y",), averaged=True)
    size = np.bincount(group)
    noise = rng.normal(0, PLANTED / np.sqrt(size))
    assert averaged.floor("rmse") == pytest.approx(np.sqrt(np.mean(noise**2)), rel=0.06)
    assert averaged.floor("mae") == pytest.approx(np.abs(noise).mean(), rel=0.06)
    assert single.floor("rmse") == pytest.approx(PLANTED, rel=0.06)
    assert averaged.floor("rmse") < single.floor("rmse")
    assert single.floor("r2") == 0


def test_copies_and_gross_errors_do_not_raise_the_floor():
    canonical, labels = replicated(np.random.default_rng(1))
    wrong = labels.copy()
    wrong[::50] += 3  # a unit mistaken
    (noise,) = find_noise(canonical, wrong[:, None], ("y",), averaged=False)
    assert noise.sd > 1.3 * PLANTED
    assert noise.floor_sd < 1.25 * PLANTED
    first = np.unique(canonical, return_index=True)[1]
    copied = labels[first][canonical.astype(int)]
    assert find_noise(canonical, copied[:, None], ("y",), averaged=False) == []
    copied[1::9] += 0.2
    (noise,) = find_noise(canonical, copied[:, None], ("y",), averaged=False)
    assert noise.floor_sd == 0


def test_few_replicates_say_nothing():
    canonical = np.array([0, 0, 1, 1, 2], np.uint64)
    assert find_noise(canonical, np.arange(5.0)[:, None], ("y",), averaged=False) == []


def test_a_mean_over_tasks_has_the_mean_of_their_floors():
    canonical, labels = replicated(np.random.default_rng(2))
    missing = np.full(len(labels), np.nan)
    noise = find_noise(canonical, np.stack([labels, missing, 10 * labels], axis=1), ("a", "b", "c"), averaged=False)
    assert [one.task for one in noise] == ["a", "c"]
    floors = [one.floor("rmse") for one in noise]
    assert noise_floor(noise, "rmse", ("a", "b", "c"), np.array([2.0, 3.0, 5.0])) == pytest.approx(
        (floors[0] / 2 + floors[1] / 5) / 3
    )
    assert noise_floor(noise, "rmse", ("a", "b", "c"), np.array([2.0, np.nan, np.nan])) == pytest.approx(floors[0] / 2)
    assert noise_floor(noise, "r2", ("a", "b", "c"), np.ones(3)) == 0
    assert noise_lines(noise)[0].startswith("a: the noise of one measurement, by replicates, has a standard deviation")


def test_a_table_reports_and_keeps_its_noise(cache, capsys):
    smiles = ["C" * (1 + k // 2) for k in range(40)]
    labels = np.random.default_rng(0).normal(0, PLANTED, (40, 1))
    rows = np.arange(40)
    parsed = prepare(Table(rows, rows + 2, smiles, labels, ("y",), "regression", 40))
    merged, facts = deduplicate(parsed, "mean", Reporter(quiet=False))
    (noise,) = merged.noise
    assert (len(merged), noise.dof, noise.single) == (20, 20, 0.5)
    assert facts["noise"][0]["sd"] == noise.sd
    assert f"standard deviation of {noise.sd:.3g}" in " ".join(capsys.readouterr().out.split())


def test_offsets_between_assays_are_no_noise_within_them():
    rng = np.random.default_rng(3)
    molecule = np.tile(np.arange(60), 6)
    assays = np.repeat(np.array(["A", "B", ""], object), 120)
    sd = np.select([assays == "A", assays == "B"], [0.1, 0.3], 2.0)
    labels = (molecule * 0.1 + (assays == "B") * 1.5 + rng.normal(0, sd))[:, None]
    (found,) = find_assay_noise(molecule.astype(np.uint64) + 2**63, labels, ("y",), assays)
    assert found.within.dof == 120
    assert found.within.sd == pytest.approx(np.sqrt((0.1**2 + 0.3**2) / 2), rel=0.15)
    assert {name: round(noise.sd, 1) for name, noise in found.each.items()} == {"A": 0.1, "B": 0.3}
    assert found.text.startswith("y: within an assay, the noise has a standard deviation of 0.2")
    assert f"by assay: A {found.each['A'].sd:.3g}, B {found.each['B'].sd:.3g}" in found.text
    (together,) = find_noise(molecule, labels, ("y",), averaged=False)
    assert together.sd > 3 * found.within.sd


N = np.repeat(np.geomspace(50, 3200, 7), 3)
ERROR = (0.2 + 4 * N**-0.5) * np.exp(0.02 * np.random.default_rng(0).normal(size=len(N)))


def test_no_forecast_is_below_the_floor():
    free, bound = (analyze(points_of, N, ERROR, higher_is_better=False, noise_floor=floor) for floor in (0.0, 0.25))
    sizes = np.array([1e4, 1e5, 1e6])
    assert (free.known_forecast(sizes) < 0.25).any()
    low, high = bound.known_forecast.interval(sizes)
    assert (bound.known_forecast(sizes) >= 0.25).all()
    assert (low >= 0.25).all()
    assert (high >= bound.known_forecast(sizes)).all()
    assert (bound.known_forecast.sample(sizes, np.random.default_rng(0)) >= np.log(0.25) - 1e-12).all()
    near = np.array([3000.0])
    np.testing.assert_array_equal(free.known_forecast(near), bound.known_forecast(near))
    assert "leaves any model an error of about 0.25; no forecast is below it" in bound.notes[-1]
    target = content(bound, target=0.22)["target"]
    assert (target["molecules"], target["low"]) == (None, None)
    assert target["limit"] == 0.25


def test_a_floor_above_measured_errors_is_not_used():
    found = analyze(points_of, N, ERROR, higher_is_better=False, noise_floor=0.4)
    assert found.known_forecast.noise_floor == 0
    assert "a measured mean is below that, so forecasts do not use it" in found.notes[-1]
