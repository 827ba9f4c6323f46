"""Curves that used to give a wrong number without a word: failed runs, worsening, perfect sizes, few sizes, folds."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from jaxmrl.config import FitConfig
from jaxmrl.fit import fit_curves
from jaxmrl.reports.law_tables import law_lines
from jaxmrl.reports.plots import draw_curves
from jaxmrl.reports.summary import analyze_curve
from jaxmrl.runs.curves import MeasuredCurve, Point, fits_content
from tests.support.rows import IDENTITY

FILES = Path(__file__).with_name("workflow")
SIZES = np.array([100, 200, 400, 800, 1600, 3200, 6400])


@pytest.fixture
def fitted(capsys):
    """Fit a file of the cases, and return what --json has and what is printed."""

    def run(path, **settings):
        found = fit_curves(FitConfig(FILES / path, **settings), quiet=False)
        json.dumps(found, allow_nan=False)
        return found, capsys.readouterr().out

    return run


def written(path, rows, header="n,rmse"):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def runs_of(truth, sizes, runs, sd, seed=0):
    rng = np.random.default_rng(seed)
    return [(n, truth(n) * np.exp(sd * rng.normal())) for n in sizes for _ in range(runs)]


def test_a_failed_run_is_named_and_does_not_move_the_forecast(fitted):
    found, said = fitted("failed_run.csv", predict=(25600.0,))
    assert "n 3,200: 1.486, where the 4 other runs are about 0.188: left out as an outlier" in said
    assert [(one["n"], one["value"], one["runs"]) for one in found["left_out"]] == [(3200, 1.4855, 4)]
    (one,) = found["predictions"]
    assert one["value"] == pytest.approx(0.1625, rel=0.05)
    assert 0.14 < one["low"] < 0.1625 < one["high"] < 0.19


def test_a_failed_run_in_a_file_of_means_is_named(fitted, tmp_path):
    groups = {}
    for row in csv.DictReader((FILES / "failed_run.csv").open()):
        groups.setdefault(int(row["n"]), []).append(float(row["rmse"]))
    rows = [(n, "rmse", np.mean(of), np.std(of, ddof=1), len(of)) for n, of in groups.items()]
    found, said = fitted(written(tmp_path / "c.csv", rows, "n,metric,mean,sd,n_seeds"), predict=(25600.0,))
    assert "n 3,200: a standard deviation of 0.58 over 5 runs is far above that of the other sizes" in said
    assert found["predictions"][0]["value"] == pytest.approx(0.1625, rel=0.08)


def test_a_single_run_that_is_out_of_line_is_named(fitted, tmp_path):
    rows = [(n, 2.5 if n == 1600 else value) for n, value in runs_of(lambda n: 3 * n**-0.3, SIZES, 1, 0.02)]
    _, said = fitted(written(tmp_path / "c.csv", rows))
    assert "note: n 1,600: 2.5, where the neighboring sizes suggest about 0.33" in said


def test_a_peaked_curve_of_single_runs_gets_no_forecast(fitted, tmp_path):
    rows = zip(SIZES, [0.70, 0.76, 0.82, 0.86, 0.84, 0.80, 0.75], strict=True)
    found, said = fitted(written(tmp_path / "c.csv", rows, "n,roc_auc"), target=0.85)
    assert (found["kind"], found["predictions"]) == ("gets worse", [])
    assert "gets worse with more molecules than 800, so no forecast is made" in said
    assert "0.85 is not reached by the largest size; 800 molecules reached it, and 6,400 did not" in said


def test_a_curve_that_gets_worse_is_called_one(fitted):
    found, said = fitted("getting_worse.csv", target=0.85)
    assert found["kind"] == "gets worse"
    assert found["chosen"] is None
    assert found["predictions"] == []
    assert "gets worse with more molecules, so no forecast is made" in said
    assert "roc_auc 0.85 is reached only below about 560 molecules, between the sizes 400 and 800" in said
    assert found["target"]["measured"] == {"reached": None, "before": 6400.0, "once": 400.0}


def test_perfect_sizes_give_no_forecast_that_they_contradict(fitted):
    found, said = fitted("perfect_sizes.csv", predict=(1600.0, 3200.0, 6400.0), target=0.9)
    assert found["kind"] == "saturated"
    assert found["predictions"] == []
    assert "saturated from 1,600 molecules on" in said
    assert "not reached by the forecast" not in said
    assert "roc_auc 0.9 is reached between 800 and 1,600 molecules, based on the measured sizes" in said
    assert found["target"]["measured"] == {"reached": 1600.0, "before": 800.0, "once": None}


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ([0, 0, 0], "saturated from 100 molecules on"),
        ([0.3, 0.2, 0.1, 0], "saturated from 800 molecules on"),
        ([0.3, 0, 0.1, 0.05], "the error is 0 at 200 molecules"),
    ],
)
def test_errors_of_0_give_no_law(fitted, tmp_path, errors, said):
    path = written(tmp_path / "c.csv", zip(SIZES, errors, strict=False))
    found, printed = fitted(path, target=0.01)
    assert said in printed
    assert found["chosen"] is None
    assert found["target"]["said"]


def test_few_sizes_ask_the_laws_with_as_many_parameters(fitted):
    found, _ = fitted("three_sizes.csv", predict=(40000.0,), target=0.16)
    assert set(found["chosen"]["laws"]) == {"irreducible", "saturating"}
    (one,) = found["predictions"]
    assert one["value"] == pytest.approx(0.16, rel=0.05)
    assert one["low"] < 0.16 < one["high"]


def test_few_sizes_of_means_ask_the_laws_with_as_many_parameters(fitted, tmp_path):
    rows = [(n, "rmse", 0.15 + 2 * n**-0.5, 0.008, 5) for n in (100, 1000, 10000)]
    found, _ = fitted(written(tmp_path / "c.csv", rows, "n,metric,mean,sd,n_seeds"), predict=(40000.0,))
    assert found["predictions"][0]["value"] == pytest.approx(0.16, rel=0.05)


def test_four_sizes_ask_the_law_of_four_parameters(fitted, tmp_path):
    """A curve that begins at chance and ends at a floor: no law of three parameters has both."""
    means, rng = {30: 0.52, 300: 0.6, 3000: 0.86, 30000: 0.9}, np.random.default_rng(0)
    rows = [(n, mean + 0.004 * rng.normal()) for n, mean in means.items() for _ in range(5)]
    found, said = fitted(written(tmp_path / "c.csv", rows, "n,roc_auc"), predict=(60000.0,))
    assert found["chosen"]["laws"] == ["m4"]
    assert "as many parameters as sizes; every law with fewer is rejected" in said
    assert found["predictions"][0]["value"] == pytest.approx(0.9, abs=0.005)


def test_two_sizes_have_no_law_that_noise_could_reject(fitted, tmp_path):
    rows = runs_of(lambda n: 2 * n**-0.3, (100, 1000), 5, 0.02)
    found, said = fitted(written(tmp_path / "c.csv", rows), predict=(2000.0,))
    assert "2 parameters, as many as sizes, so no law can be rejected" in said
    assert found["predictions"][0]["value"] == pytest.approx(2 * 2000**-0.3, rel=0.05)


def test_folds_at_all_sizes_are_no_noise(fitted):
    found, said = fitted("shared_folds.csv", predict=(12800.0,))
    (one,) = found["predictions"]
    assert one["value"] == pytest.approx(0.3265, rel=0.01)
    assert one["low"] < 0.3265 < one["high"]
    assert one["high"] / one["low"] < 1.12, "the folds add nothing; that no law is true does"
    assert "irreducible" in found["chosen"]["laws"]
    assert "the same 5 folds at all sizes" in said


def test_seeds_at_all_sizes_widen_the_level_alone(fitted, tmp_path):
    rows = (FILES / "shared_folds.csv").read_text().replace("n,fold", "n,seed")
    (tmp_path / "c.csv").write_text(rows)
    by_seed, _ = fitted(tmp_path / "c.csv", predict=(12800.0,))
    by_fold, _ = fitted("shared_folds.csv", predict=(12800.0,))
    assert by_seed["laws"] == by_fold["laws"], "the same exponents and intervals"
    assert by_seed["predictions"][0]["value"] == pytest.approx(0.3265, rel=0.02)
    assert by_seed["predictions"][0]["high"] / by_seed["predictions"][0]["low"] > 1.2, "other seeds, another level"


def test_a_missing_fold_moves_no_size(fitted, tmp_path):
    lines = (FILES / "shared_folds.csv").read_text().splitlines()
    (tmp_path / "c.csv").write_text("\n".join(line for line in lines if not line.startswith("3200,4")) + "\n")
    found, _ = fitted(tmp_path / "c.csv", predict=(12800.0,))
    assert found["predictions"][0]["value"] == pytest.approx(0.3265, rel=0.015)


@pytest.mark.parametrize(
    ("metric", "kind", "said"),
    [
        ([0.7, 0.8, 1.0, 1.0], "saturated", "saturated from 400 molecules on"),
        ([1.0, 1.0, 1.0, 1.0], "saturated", "saturated from 100 molecules on"),
        ([0.9, 0.85, 0.8, 0.75], "gets worse", "gets worse with more molecules"),
    ],
)
def test_a_sweep_says_it_of_its_curves_too(metric, kind, said):
    noise = lambda value: tuple(value - 0.002 * k if value < 1 else 1.0 for k in range(3))
    points = tuple(Point(n / 800, n, noise(value)) for n, value in zip((100, 200, 400, 800), metric, strict=True))
    curve = MeasuredCurve(IDENTITY, "roc_auc", points)
    analysis = analyze_curve(curve, True, 0.5)
    assert said in law_lines("gin", analysis, "ROC-AUC")[0]
    (content,) = fits_content([curve], [analysis], "of {}".format)
    assert content["kind"] == kind
    assert content["predictions"] == []
    json.dumps(content, allow_nan=False)
    draw_curves([curve], [analysis], metric_label="ROC-AUC", unit="", title="")
