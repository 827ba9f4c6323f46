import json
import subprocess
import sys

import numpy as np
import pytest

from jaxmrl.config import FitConfig
from jaxmrl.curves.metric_names import direction_of, guess_of
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.fit import fit_curves
from jaxmrl.fit.joint import file_joints
from jaxmrl.rows import CurveIdentity
from jaxmrl.scaling.several import find_scale, read_all

N = [100, 200, 400, 800, 1600, 3200]


def write(path, header, rows):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def runs(scale=1.5, seeds=3, sd=0.02, seed=0):
    rng = np.random.default_rng(seed)
    return [(n, round(1 - scale * n**-0.25 * np.exp(rng.normal(0, sd)), 6)) for n in N for _ in range(seeds)]


@pytest.fixture
def curve_file(tmp_path):
    return write(tmp_path / "my curve.csv", "n,roc_auc", runs())


def command(*words):
    found = subprocess.run(
        [sys.executable, "-m", "jaxmrl.fit", *map(str, words)], capture_output=True, text=True, timeout=300
    )
    return found.returncode, found.stdout, found.stderr


def test_the_command_says_law_predictions_and_molecules(curve_file):
    code, out, errors = command(curve_file, "--target", "0.85", "--predict", "5000")
    assert (code, errors) == (0, "")
    assert "18 rows; roc_auc, higher is better, 1 is perfect (by its name)" in out
    assert "forecast: " in out
    assert "5,000" in out
    assert "roc_auc 0.85 takes about " in out


def test_json_is_one_object_with_everything(curve_file, capsys):
    found = fit_curves(FitConfig(curve_file, target=0.811, json=True), quiet=False)
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(json.dumps(found))
    assert {"laws", "chosen", "predictions", "target", "flags"} <= set(printed)
    for law in printed["laws"]:
        assert set(law["parameters"]) == set(law["intervals"])
        assert "flags" in law
    assert [set(one) >= {"n", "value", "low", "high"} for one in printed["predictions"]] == [True] * 3
    target = printed["target"]
    assert target["low"] < target["molecules"] < target["high"]
    assert target["molecules"] == pytest.approx((1.5 / 0.189) ** 4, rel=0.3)


@pytest.mark.slow
def test_several_curves_are_compared_with_the_first(tmp_path, capsys):
    rows = [("with", *row) for row in runs(1.5 * 2.7**-0.25, seed=1)] + [("without", *row) for row in runs(seed=2)]
    path = write(tmp_path / "c.csv", "training,n_train,auc", rows[::-1])
    found = fit_curves(FitConfig(path, by=("training",)), quiet=False)
    assert [one["curve"] for one in found["curves"]] == [{"training": "without"}, {"training": "with"}]
    (compared,) = found["comparisons"]
    worth = compared["worth"][3]
    assert worth["molecules"] / worth["n"] == pytest.approx(2.7, rel=0.3)
    assert worth["low"] < 2.7 * worth["n"] < worth["high"]
    said = capsys.readouterr().out
    assert "training with: 800 molecules are equivalent to 2," in said
    assert " of training without; " in said
    with pytest.raises(ConfigError, match="--by n_train would make a curve of each row"):
        fit_curves(FitConfig(path, by=("n_train",)))


def test_a_column_that_may_tell_curves_apart_is_named(tmp_path, capsys):
    rows = [(n, metric, "ab"[k % 2], k) for k, (n, metric) in enumerate(runs())]
    found = fit_curves(FitConfig(write(tmp_path / "c.csv", "n,auc,kind,seed", rows)), quiet=False)
    assert found["remarks"] == ["kind varies: if it distinguishes curves, give --by kind"]
    assert "note: kind varies" in capsys.readouterr().out


def test_curves_of_a_sweep_are_told_apart_by_themselves(tmp_path):
    header = ",".join((*CurveIdentity.columns(), "fraction", "n_train", "seed", "status", "metric", "test"))
    rows = [
        (
            *(
                {"split": split, "pruning": "random", "extra": "none"}.get(name, "x")
                for name in CurveIdentity.columns()
            ),
            n / 3200,
            n,
            k,
            "finished",
            "roc_auc",
            value,
        )
        for split in ("random", "scaffold")
        for k, (n, value) in enumerate(runs(seed=len(split)))
    ]
    found = fit_curves(FitConfig(write(tmp_path / "results.csv", header, rows)))
    assert [one["curve"] for one in found["curves"]] == [{"split": "random"}, {"split": "scaffold"}]
    assert found["remarks"] == []


@pytest.mark.parametrize(("status", "flags"), [("finished", 1), ("stopped early", 0)])
def test_a_run_that_stopped_early_was_not_too_short(tmp_path, status, flags):
    runs = ((0, "finished", 2), (1, status, 10), (2, status, 10))
    rows = [(n, seed, said, best, 10, 3 * n**-0.3 + 0.01 * seed) for n in N for seed, said, best in runs]
    found = fit_curves(FitConfig(write(tmp_path / "c.csv", "n,seed,status,best_epoch,epochs,rmse", rows)))
    assert sum("last tenth of training" in one for one in found["flags"]) == flags
    assert found["remarks"] == []


def test_brackets_and_units_in_names_are_shown(tmp_path, capsys):
    path = write(tmp_path / "c.csv", "n,rmse [/mol] [kcal]", [(n, 3 * n**-0.3) for n in N])
    fit_curves(FitConfig(path), quiet=False)
    out = capsys.readouterr().out
    assert out.count("rmse [/mol] [kcal]") > 4


@pytest.mark.parametrize("name", ["1-AUC", "one minus auc", "1 - rmse"])
def test_a_metric_that_is_turned_round_is_asked_about(name):
    assert direction_of(name) is None


@pytest.mark.parametrize(
    ("name", "guess"), [("test_roc_auc", 0.5), ("AUC-ROC", 0.5), ("pr_auc", 0.0), ("valid AP", 0.0), ("rmse", None)]
)
def test_guesses_are_known_by_words(name, guess):
    assert guess_of(name) == guess


def test_a_target_beyond_the_best_is_refused(curve_file, tmp_path):
    with pytest.raises(ConfigError, match=r"--target must be below 1, the perfect roc_auc; got 1\.5"):
        fit_curves(FitConfig(curve_file, target=1.5))
    path = write(tmp_path / "c.csv", "n,rmse", [(n, 3 * n**-0.3) for n in N])
    with pytest.raises(ConfigError, match="--target must be above 0"):
        fit_curves(FitConfig(path, target=0.0))


def test_tiny_errors_are_fitted_as_large_ones_are(tmp_path):
    found = []
    for scale in (1.0, 1e-9):
        rows = [(n, scale * 3 * n**-0.3 * (1 + 0.01 * k)) for n in N for k in range(3)]
        found.append(fit_curves(FitConfig(write(tmp_path / "c.csv", "n,mae", rows))))
    large, tiny = ([one["value"] for one in one["predictions"]] for one in found)
    np.testing.assert_allclose(np.array(tiny) * 1e9, large, rtol=1e-3)


def test_the_files_of_a_sweep_can_be_fitted(tmp_path):
    header = "dataset,fraction,n_train,seed,status,metric,valid,test"
    rows = [("x", n / 3200, n, k, "finished", "rmse", 0, 3 * n**-0.3 + 0.01 * k) for n in N for k in range(3)]
    rows.append(("x", 0.5, 800, 9, "diverged", "rmse", "", ""))
    results = fit_curves(FitConfig(write(tmp_path / "results.csv", header, rows)))
    assert (results["metric"], results["higher_is_better"]) == ("rmse", False)
    assert any("1 run left out" in note for note in results["notes"])
    means = [("x", n / 3200, n, "rmse", 3 * n**-0.3 + 0.01, 0.01, 3) for n in N]
    curves = fit_curves(
        FitConfig(write(tmp_path / "curves.csv", "dataset,fraction,n_train,metric,mean,sd,n_seeds", means))
    )
    assert results["chosen"] == curves["chosen"]
    values = [[one["value"] for one in found["predictions"]] for found in (results, curves)]
    np.testing.assert_allclose(*values, rtol=2e-3, err_msg="results.csv also says which runs share a seed")


@pytest.mark.slow
def test_the_noise_floor_of_a_run_bounds_forecasts(tmp_path):
    header = "dataset,split,fraction,n_train,seed,status,metric,valid,test"
    rows = [("x", "random", n / 3200, n, k, "finished", "rmse", 0, 3 * n**-0.3 + 0.01 * k) for n in N for k in range(3)]
    path = write(tmp_path / "results.csv", header, rows)
    lowest = min(row[-1] for row in rows)
    splits = {"random": {"noise_floor": 0.99 * lowest}, "random 43": {"noise_floor": 0.5}, "scaffold": {}}
    (tmp_path / "run.json").write_text(json.dumps({"splits": splits}))
    found = fit_curves(FitConfig(path, predict=(1e6,)))
    assert any("no forecast is below it" in note for note in found["notes"])
    assert found["predictions"][0]["value"] >= 0.99 * lowest
    for damaged in ("{", '{"splits": []}', '{"splits": {"random": {"noise_floor": "?"}}}'):
        (tmp_path / "run.json").write_text(damaged)
        assert fit_curves(FitConfig(path, predict=(1e6,)))["predictions"][0]["value"] < 0.9 * lowest


def test_the_direction_can_be_told(tmp_path):
    path = write(tmp_path / "c.csv", "n,quality", [(n, 3 * n**-0.3) for n in N])
    with pytest.raises(DataError, match="no column named like a metric; name it with --metric-column: n, quality"):
        fit_curves(FitConfig(path))
    with pytest.raises(DataError, match="is a higher 'quality' better or worse"):
        fit_curves(FitConfig(path, metric_column="quality"))
    found = fit_curves(FitConfig(path, metric_column="quality", lower_is_better=True))
    assert not found["higher_is_better"]
    assert found["predictions"][0]["value"] == pytest.approx(3 * 6400**-0.3, rel=0.02)
    assert any("noise is not known" in flag for flag in found["flags"])


def test_a_chance_level_can_be_given(tmp_path):
    path = write(tmp_path / "c.csv", "n,accuracy", [(n, 1 - 0.9 * n**-0.1) for n in N for _ in range(2)])
    laws = lambda **settings: {law["law"] for law in fit_curves(FitConfig(path, **settings))["laws"]}
    assert "odds" not in laws()
    assert "odds" in laws(guess=0.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("n,roc_auc\n", "has a header but no rows"),
        ("size_of_it,roc_auc\n1,0.5\n", "no column named n; name the one of sizes with --n-column"),
        ("n,roc_auc,rmse\n1,0.5,2\n", "2 columns that may be the metric; name it with --metric-column"),
        ("n,roc_auc\na,b\n", r"no row of numbers in n and roc_auc \(line 2: 'a' is not a finite number\)"),
        ("n;roc_auc\n100;0,5\n", "no law can be fitted: a curve needs two sizes; got 1"),
        ("n,roc_auc\n100,650\n200,700\n", "has the value 700, which is better than 1, the perfect value"),
        ("n_train,metric,test\n1,rmse,2\n2,mae,3\n", "has several metrics, mae, rmse: keep the rows of one"),
    ],
)
def test_a_file_that_cannot_be_used_ends_with_one_clear_line(tmp_path, text, message):
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as raised:
        fit_curves(FitConfig(path))
    assert "\n" not in str(raised.value)


def test_rows_that_cannot_be_used_are_counted(tmp_path, capsys):
    path = write(tmp_path / "c.csv", "n,roc_auc", [*runs(), (100, "high"), (100,), ("", 0.5)])
    found = fit_curves(FitConfig(path), quiet=False)
    assert found["rejected"] == 2
    assert "2 left out (line 21: " in capsys.readouterr().out
    assert any("1 run left out: not finite" in note for note in found["notes"])


def test_two_points_and_one_give_no_traceback(tmp_path, capsys):
    two = fit_curves(FitConfig(write(tmp_path / "c.csv", "n,auc", [(10, 0.6), (20, 0.7)]), target=0.8), quiet=False)
    assert two["chosen"]["name"]
    assert all(one["value"] > 0.7 and one["low"] is None and one["high"] is None for one in two["predictions"])
    assert two["target"]["molecules"] > 20
    assert two["target"]["low"] is None
    assert two["target"]["said"].startswith("0.8 takes about 41 molecules [not known]")
    assert any("noise is not known" in flag for flag in two["flags"])
    assert all(law["intervals"][name] == [None, None] for law in two["laws"] for name in law["parameters"])
    with pytest.raises(DataError, match="no law can be fitted: a curve needs two sizes"):
        fit_curves(FitConfig(write(tmp_path / "c.csv", "n,auc", [(10, 0.6), (10, 0.7)]), target=0.8))


def grid_rows(datasets=("one",), sd=0.02):
    rng = np.random.default_rng(0)
    return [
        (dataset, width, 100 * width, n, seed, round((2 * n**-0.3 + width**-0.4) * np.exp(rng.normal(0, sd)), 6))
        for dataset in datasets
        for width in (8, 32, 128)
        for n in (100, 400, 1600)
        for seed in range(3)
    ]


def test_a_column_of_parameters_gives_a_joint_law(tmp_path, capsys):
    path = write(tmp_path / "g.csv", "dataset,width,params,n,seed,rmse", grid_rows())
    found = fit_curves(FitConfig(path, params_column="params", target=0.4), quiet=False)
    assert [one["curve"] for one in found["curves"]] == [{"params": str(100 * width)} for width in (8, 32, 128)]
    (joint,) = found["joint"]
    assert joint["curves"] == {}
    assert joint["exponents"]["a"]["low"] < 0.3 < joint["exponents"]["a"]["high"]
    assert {one["parameters"] for one in joint["iso_performance"] if one["metric"] == 0.4} == {800, 3200, 12_800}
    assert json.loads(json.dumps(joint)) == joint
    out = capsys.readouterr().out
    assert "joint law of 3 data sizes (100 to 1,600 molecules) and 3 model sizes (800 to 12,800 parameters)" in out
    assert "compute budget" in out
    assert "molecules needed by each model size" in " ".join(out.split())


def test_other_columns_keep_joint_laws_apart_and_a_width_is_a_size_of_the_model(tmp_path):
    path = write(tmp_path / "g.csv", "dataset,width,params,n,seed,rmse", grid_rows(("one", "two")))
    config = FitConfig(path, by=("dataset", "width"))
    file = read_all(config, ("params",))
    joints = file_joints(file, "params", find_scale(config, file))
    assert [one.identity for one in joints] == [{"dataset": "one"}, {"dataset": "two"}]
    assert [len(one.analysis.forecast.cells.n) for one in joints] == [9, 9]


@pytest.mark.parametrize(
    ("cell", "message"), [("large", "'large' is not a number of parameters"), ("0", "no number of parameters above 0")]
)
def test_a_column_without_numbers_of_parameters_is_refused(tmp_path, cell, message):
    path = write(tmp_path / "g.csv", "params,n,seed,rmse", [(cell, *row[3:]) for row in grid_rows()[:9]])
    with pytest.raises(DataError, match=message):
        fit_curves(FitConfig(path, params_column="params"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"higher_is_better": True, "lower_is_better": True}, "not both"),
        ({"predict": (0.0,)}, "--predict takes numbers of molecules, above 0 and below 1e.15; got 0"),
        ({"predict": (1e200,)}, "below 1e.15; got 1e.200"),
        ({"target": float("nan")}, "--target must be a finite number of at most 3.4e.38; got nan"),
    ],
)
def test_bad_settings_are_refused(tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        FitConfig(tmp_path / "c.csv", **settings)


def test_wrong_commands_end_with_one_line_and_code_2(tmp_path, refused):
    for words, message in (((), "cannot read "), (("--predict", "0"), "--predict takes numbers")):
        assert refused("fit", tmp_path / "missing.csv", *words).startswith(f"error: {message}")


@pytest.mark.parametrize("given", [False, True])
def test_curves_that_get_worse_by_the_name_of_their_metric_are_asked_about(tmp_path, capsys, given):
    values = np.repeat([0.6, 0.7, 0.77, 0.82], 3) + np.tile([-0.002, 0, 0.002], 4)
    rows = [f"{n},{value:.4f}" for n, value in zip(np.repeat([100, 200, 400, 800], 3), values, strict=True)]
    (tmp_path / "c.csv").write_text("n,error\n" + "\n".join(rows) + "\n")
    fit_curves(FitConfig((tmp_path / "c.csv",), higher_is_better=given, best=1.0 if given else None), quiet=False)
    said = "lower error was assumed to be better, because of its name: if that is wrong, give --higher-is-better"
    assert (said in " ".join(capsys.readouterr().out.split())) is not given
