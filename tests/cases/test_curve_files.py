"""Files of learning curves as people have them: `python -m jaxmrl.fit` reads each right, or says why it cannot."""

from pathlib import Path

import numpy as np
import pytest

from jaxmrl.config import FitConfig
from jaxmrl.curves.table import read_curves
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.fit import find_scale, fit_curves
from jaxmrl.reports.law_tables import interval_text

CASES = Path(__file__).parent / "workflow"
SIZES = [100, 200, 400, 800, 1600]


def read(name, **settings):
    return read_curves(FitConfig(CASES / name, **settings))


def written(tmp_path, header, rows):
    path = tmp_path / "curve.csv"
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def noisy(n, factor=1.0, seed=0):
    return round(float(factor * 3 * n**-0.3 * np.exp(np.random.default_rng([seed, n]).normal(0, 0.02))), 5)


# Layouts


def test_several_columns_of_one_metric_are_runs():
    file = read("layout_wide.csv")
    (curve,) = file.curves
    assert (file.metric, len(curve.n)) == ("roc_auc", 21)
    assert set(curve.run) == {"roc_auc_0", "roc_auc_1", "roc_auc_2"}
    assert curve.value[curve.n == 100].tolist() == [0.6358, 0.6526, 0.6443]
    assert "3 columns are runs of roc_auc: roc_auc_0, roc_auc_1, roc_auc_2" in file.notes


@pytest.mark.parametrize(
    ("header", "metric"),
    [
        ("n,rmse_seed0,rmse_seed1", "rmse"),
        ("size,AUC 1,AUC 2", "auc"),
        ("n_train,split0_test_score,split1_test_score", "test_score"),
        ("N,rmse,rmse", "rmse"),
    ],
)
def test_runs_are_known_by_the_names_of_their_columns(tmp_path, header, metric):
    file = read_curves(FitConfig(written(tmp_path, header, [(n, 0.5, 0.6) for n in SIZES])))
    assert (file.metric, len(file.curves[0].n)) == (metric, 10)


def test_columns_that_are_named_are_runs(tmp_path):
    path = written(tmp_path, "n,a,b,c", [(n, 0.5, 0.6, 7) for n in SIZES])
    file = read_curves(FitConfig(path, metric_column=("a", "b"), lower_is_better=True))
    assert file.curves[0].value.tolist() == [0.5] * 5 + [0.6] * 5


def test_cutoffs_in_names_are_no_runs(tmp_path):
    path = written(tmp_path, "n,recall_5,recall_10", [(n, 0.5, 0.6) for n in SIZES])
    with pytest.raises(DataError, match="2 columns that may be the metric"):
        read_curves(FitConfig(path))


@pytest.mark.parametrize(
    ("name", "metric", "sd"),
    [
        ("layout_mean_sd.csv", "rmse", 0.0246),
        ("layout_sd_ignored.csv", "rmse", 0.019),
        ("layout_sklearn.csv", "test_scores", 0.02),
        ("layout_paper.csv", "roc_auc", 0.02),
    ],
)
def test_a_standard_deviation_is_found_beside_the_mean_or_in_its_cell(name, metric, sd):
    file = read(name)
    assert file.metric == metric
    assert file.curves[0].sd[0] == pytest.approx(sd)
    assert any("--runs-column" in note for note in file.notes), "the number of runs is not known"
    known = read(name, runs_column="5")
    assert known.curves[0].runs.tolist() == [5] * 7
    assert not any("--runs-column" in note for note in known.notes)


def test_columns_of_training_scores_are_not_used_and_named():
    assert "not used: train_scores_mean, train_scores_std" in read("layout_sklearn.csv").notes


@pytest.mark.parametrize(
    ("header", "row", "metric", "note"),
    [
        ("n,acc,acc_low,acc_high", (0.5, 0.4, 0.6), "acc", "not used: acc_low, acc_high"),
        ("n,rmse,rmse_ci95", (0.5, 0.1, 0), "rmse", "not used: rmse_ci95"),
        ("n,rmse,ci_low,ci_high", (0.5, 0.4, 0.6), "rmse", "not used: ci_low, ci_high"),
        ("n,rmse,variance", (0.5, 0.1), "rmse", "not used: variance"),
        ("n,mean_score_time,split0_test_score,split1_test_score", (3, 0.5, 0.6), "test_score", "2 columns are runs"),
        ("n,RMSE (mean),RMSE (std)", (0.5, 0.1), "RMSE", "RMSE (std) is the standard deviation"),
        ("n,EF1%,precision", (5, "float32"), "EF1%", None),
        ("n,value,metric", (0.5, "rmse"), "rmse", None),
        ("n,RMSE ± SD", ("0.5 ± 0.1",), "RMSE", "have their standard deviation behind them"),
        ("n,RMSE (SD)", ("0.5 (0.1)",), "RMSE", "have their standard deviation behind them"),
        ("n,fit_times_mean,score_times_mean,test_scores_0,test_scores_1", (1, 1, 0.5, 0.6), "test_scores", "2 columns"),
    ],
)
def test_the_metric_is_found_among_other_columns(tmp_path, header, row, metric, note):
    rows = [(n, *row)[: header.count(",") + 1] for n in SIZES]
    file = read_curves(FitConfig(written(tmp_path, header, rows)))
    assert file.metric == metric
    assert note is None or any(note in one for one in file.notes)


@pytest.mark.parametrize("name", ["n_seeds", "n_runs", "count", "folds"])
def test_the_number_of_runs_is_known_by_name(tmp_path, name):
    path = written(tmp_path, f"n,rmse,sem,{name}", [(n, 0.5, 0.1, 4) for n in SIZES])
    (curve,) = read_curves(FitConfig(path)).curves
    assert curve.runs.tolist() == [4] * 5
    np.testing.assert_allclose(curve.sd, 0.2)


def test_impossible_numbers_of_runs_and_spreads_are_left_out_and_named(tmp_path):
    rows = [(100, 0.5, 0.1, 4), (200, 0.5, -0.1, 4), (400, 0.5, 0.1, 0), (800, 0.4, "", 4)]
    file = read_curves(FitConfig(written(tmp_path, "n,rmse,sd,n_runs", rows)))
    assert file.curves[0].n.tolist() == [100, 800]
    assert [row.reason for row in file.rejected] == [
        "'-0.1' is not a standard deviation",
        "'0' is not a number of runs",
    ]


def test_columns_of_the_spread_and_of_the_runs_can_be_named(tmp_path):
    path = written(tmp_path, "n,rmse,spread,k", [(n, 0.5, 0.1, 4) for n in SIZES])
    (curve,) = read_curves(FitConfig(path, sd_column="spread", runs_column="k")).curves
    assert (curve.sd.tolist(), curve.runs.tolist()) == ([0.1] * 5, [4] * 5)


@pytest.mark.parametrize("cell", ["0.650(.020)", "0.650(20)", "0.650 ± 0.020", "0.650+/-0.02", "0.650 (0.020)"])
def test_cells_with_a_spread(tmp_path, cell):
    (curve,) = read_curves(FitConfig(written(tmp_path, "n,roc_auc", [(n, cell) for n in SIZES]))).curves
    assert curve.value.tolist() == [0.65] * 5
    np.testing.assert_allclose(curve.sd, 0.02)


def test_a_standard_error_in_brackets_is_one_by_the_name(tmp_path):
    path = written(tmp_path, "n,rmse (sem),n_runs", [(n, "0.650 (0.020)", 4) for n in SIZES])
    file = read_curves(FitConfig(path))
    np.testing.assert_allclose(file.curves[0].sd, 0.04)
    assert "the cells of rmse (sem) have the standard error of their mean behind them" in file.notes


@pytest.mark.parametrize("name", ["train_sizes", "size", "N", "molecules", "Training set size", "n_samples"])
def test_sizes_are_known_by_name(tmp_path, name):
    (curve,) = read_curves(FitConfig(written(tmp_path, f"rmse,{name}", [(0.5, n) for n in SIZES]))).curves
    assert curve.n.tolist() == SIZES


@pytest.mark.parametrize(
    "text",
    [
        (CASES / "layout_tab.tsv").read_text(),
        "n;rmse\n100;0,35\n200;0,2914\n",
        'n,rmse\n"100",0.35\n"200",0.2914\n',
        "n|rmse\n100|0.35\n200|0.2914\n",
    ],
)
def test_files_with_other_separators(tmp_path, text):
    path = tmp_path / "curve.txt"
    path.write_text(text)
    (curve,) = read_curves(FitConfig(path)).curves
    assert (curve.n[:2].tolist(), curve.value[:2].tolist()) == ([100, 200], [0.35, 0.2914])


def test_sizes_with_separators_of_thousands(tmp_path):
    path = written(tmp_path, "n,rmse", [('"1,000"', 0.5), ('"2,000"', 0.4), ('"12,800"', 0.3)])
    assert read_curves(FitConfig(path)).curves[0].n.tolist() == [1000, 2000, 12800]


def test_sizes_with_points_between_thousands(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("n;rmse\n100;0,6\n800;0,5\n1.600;0,4\n12.800;0,3\n")
    file = read_curves(FitConfig(path))
    assert file.curves[0].n.tolist() == [100, 800, 1600, 12800]
    assert file.notes == ("the sizes are read with points between thousands: 1.600 is 1,600",)
    thousands = read_curves(FitConfig(written(tmp_path, "n,rmse", [("0.100", 0.6), ("1.600", 0.4), ("12.800", 0.3)])))
    assert thousands.curves[0].n.tolist() == [0.1, 1.6, 12.8]


def test_a_negative_size_is_no_fraction(tmp_path):
    path = written(tmp_path, "n,rmse", [(-100, 0.6), (200, 0.5), (400, 0.4), (800, 0.3)])
    assert read_curves(FitConfig(path)).notes == ()


def test_sizes_in_thousands_and_in_percent(tmp_path):
    path = written(tmp_path, "n,rmse", [("500", 0.6), ("1k", 0.5), ("1.5K", 0.4), ("2 M", 0.3)])
    assert read_curves(FitConfig(path)).curves[0].n.tolist() == [500, 1000, 1500, 2e6]
    share = read_curves(FitConfig(written(tmp_path, "n,rmse", [("10%", 0.6), ("50%", 0.5), ("100%", 0.4)])))
    assert "the sizes are in percent" in share.notes[0]


def test_a_percent_sign_behind_some_values_alone_is_no_number(tmp_path):
    every = read_curves(FitConfig(written(tmp_path, "n,acc", [(100, "65%"), (200, "70 %"), (400, "75%")])))
    assert (every.metric, every.curves[0].value.tolist()) == ("acc (%)", [65, 70, 75])
    some = read_curves(FitConfig(written(tmp_path, "n,acc", [(100, 0.65), (200, "70%"), (400, 0.75)])))
    assert [row.reason for row in some.rejected] == ["'70%' is not a finite number"]


@pytest.mark.parametrize(
    ("sizes", "remark"),
    [
        ([6.6439, 7.6439, 8.6439, 9.6439], "look like logarithms"),
        ([2, 2.5, 3, 3.5], "look like logarithms"),
        ([7, 8, 9, 10], "look like logarithms"),
        ([0.1, 0.2, 0.5, 1.0], "look like fractions"),
        ([100.5, 200, 400, 800], "not whole numbers"),
    ],
)
def test_sizes_that_are_no_numbers_of_molecules_are_remarked_on(tmp_path, sizes, remark):
    (note,) = read_curves(FitConfig(written(tmp_path, "n,rmse", [(n, 1 / (1 + n)) for n in sizes]))).notes
    assert remark in note


def test_logarithms_of_the_case_are_remarked_on():
    assert "n has the values 6.6439, 7.6439, 8.6439, ...: they look like logarithms" in read("log_sizes.csv").notes[0]


# Each run once


def test_equal_rows_count_once():
    once, twice = read("same_rows_once.csv"), read("same_rows_twice.csv")
    assert once.notes == ()
    assert twice.notes == ("6 rows stand twice; counted once",)
    for name in ("n", "value", "run"):
        assert getattr(once.curves[0], name).tolist() == getattr(twice.curves[0], name).tolist()
    assert once.curves[0].run.tolist() == ["seed 0", "seed 1"] * 3


def test_a_run_with_the_same_value_counts_once_whatever_it_took(tmp_path):
    rows = [(n, fold, noisy(n, seed=fold), f"{60 + k}.{n}") for k in range(2) for n in SIZES for fold in range(3)]
    file = read_curves(FitConfig(written(tmp_path, "n,fold,rmse,seconds", rows)))
    assert len(file.curves[0].n) == 15
    assert file.notes == ("15 rows stand twice; counted once",)


@pytest.mark.parametrize("other", ["timestamp", "host", "commit"])
def test_a_repeated_export_counts_once_whatever_words_it_adds(tmp_path, other):
    rows = [(n, seed, noisy(n, seed=seed), f"2024-01-0{k}") for k in (1, 2) for n in SIZES for seed in range(3)]
    file = read_curves(FitConfig(written(tmp_path, f"n,seed,rmse,{other}", rows)))
    assert len(file.curves[0].n) == 15
    assert file.notes == ("15 rows stand twice; counted once",)


def test_rows_of_the_mean_and_the_spread_of_runs_are_no_runs(tmp_path):
    rows = [(n, seed, noisy(n, seed=seed)) for n in SIZES for seed in range(3)]
    summary = [(n, word, value) for n in SIZES for word, value in (("mean", 0.3), ("std", 0.02))]
    file = read_curves(FitConfig(written(tmp_path, "n,seed,rmse", [*rows, *summary])))
    assert len(file.curves[0].n) == 15
    assert file.notes == ("10 rows skipped: by their seed they are mean, std of other rows",)


def test_runs_that_are_repeated_under_other_seeds_are_remarked_on(tmp_path):
    rows = [(n, seed + 3 * again, noisy(n, seed=seed)) for again in (0, 1) for n in SIZES for seed in range(3)]
    (note,) = read_curves(FitConfig(written(tmp_path, "n,seed,rmse", rows))).notes
    assert note.startswith("seed 3 has the values of seed 0 at every size, and 2 more like it; if it is a copy")


def test_headers_in_other_letters_are_skipped(tmp_path):
    rows = [(100, 0.5), ("N", "RMSE"), (200, 0.4)]
    file = read_curves(FitConfig(written(tmp_path, "n,rmse", rows)))
    assert (len(file.rejected), file.notes) == (0, ("1 repeated header line skipped",))


def test_seeds_that_a_program_has_made_decimal_are_the_same_seeds(tmp_path):
    rows = [(n, seed, noisy(n)) for seed in ("0", "0.0") for n in SIZES]
    assert read_curves(FitConfig(written(tmp_path, "n,seed,rmse", rows))).notes == ("5 rows stand twice; counted once",)


def test_a_file_without_seeds_that_was_written_twice_counts_once(tmp_path):
    rows = [(n, noisy(n, seed=k)) for n in SIZES for k in range(2)]
    file = read_curves(FitConfig(written(tmp_path, "n,rmse", [*rows, ("n", "rmse"), *rows])))
    assert len(file.curves[0].n) == 10
    assert file.notes == ("1 repeated header line skipped", "10 rows stand twice; counted once")
    ties = read_curves(FitConfig(written(tmp_path, "n,rmse", [*rows, rows[0]])))
    assert len(ties.curves[0].n) == 11, "two runs may have the same metric"


def test_one_run_with_two_values_is_refused_unless_pooled():
    for name, lines in (("two_runs_other_lr.csv", "lines 2 and 4"), ("two_runs_with_headers.csv", "lines 2 and 5")):
        with pytest.raises(DataError, match=f"{lines}: seed 0 at 270 molecules occurs twice, 1.98184 and 2.08188"):
            read(name)
    pooled = read("two_runs_with_headers.csv", pool=True)
    assert len(pooled.curves[0].n) == 4
    assert "1 repeated header line skipped" in pooled.notes


def test_a_mean_with_two_values_is_refused(tmp_path):
    rows = [(n, noisy(n, seed=k), 0.1, 5) for k in range(2) for n in SIZES]
    with pytest.raises(DataError, match="the mean at 100 molecules occurs twice"):
        read_curves(FitConfig(written(tmp_path, "n,rmse,sd,n_seeds", rows)))


def test_a_second_header_in_another_order_is_refused(tmp_path):
    path = written(tmp_path, "n,rmse", [(100, 0.5), ("rmse", "n"), (0.4, 200)])
    with pytest.raises(DataError, match="line 3: a second header has the columns in another order"):
        read_curves(FitConfig(path))


def test_a_repeated_fold_that_another_column_numbers_is_no_contradiction(tmp_path):
    rows = [(n, fold, part, noisy(n, seed=3 * fold + part)) for n in SIZES for fold in range(3) for part in range(2)]
    file = read_curves(FitConfig(written(tmp_path, "n,fold,part,rmse", rows)))
    assert (file.by, len(file.curves[0].n)) == ((), 30)


# Settings


def test_two_learning_rates_are_two_curves():
    file = read("mixed_settings.csv")
    assert file.by == ("learning_rate",)
    assert [curve.identity for curve in file.curves] == [{"learning_rate": "0.001"}, {"learning_rate": "0.0001"}]
    assert any("learning_rate splits the runs of each size into groups that differ" in note for note in file.notes)
    assert len(read("mixed_settings.csv", pool=True).curves) == 1


def test_two_sweeps_in_one_file_are_two_curves(tmp_path):
    header = "dataset,modality,model,split,pruning,learning_rate,dropout,n_train,seed,metric,test"
    rows = [
        ("esol", "graph", "gin", "random", "random", rate, 0.5, n, seed, "rmse", noisy(n, seed=seed))
        for rate in (0.001, "1e-4")
        for n in SIZES
        for seed in range(2)
    ]
    file = read_curves(FitConfig(written(tmp_path, header, rows)))
    assert [curve.identity for curve in file.curves] == [{"learning_rate": "0.001"}, {"learning_rate": "1e-4"}]


@pytest.mark.parametrize(("name", "levels"), [("learning_rate", (0.001, 0.01)), ("model_size", (64, 256))])
def test_a_setting_that_was_changed_between_sizes_is_named(tmp_path, name, levels):
    rows = [(n, levels[n > 400], seed, noisy(n, seed=seed)) for n in SIZES for seed in range(3)]
    file = read_curves(FitConfig(written(tmp_path, f"n,{name},seed,rmse", rows)))
    assert f"{name} varies: if it distinguishes curves, give --by {name}" in file.notes
    tokens = [(n, 100 * n, seed, noisy(n, seed=seed)) for n in SIZES for seed in range(3)]
    assert read_curves(FitConfig(written(tmp_path, "n,tokens,seed,rmse", tokens))).notes == ()


@pytest.mark.slow
def test_each_learning_rate_has_its_own_forecast():
    fast, slow = fit_curves(FitConfig(CASES / "mixed_settings.csv", target=0.5, predict=(12800,)))["curves"]
    assert fast["predictions"][0]["value"] == pytest.approx(0.3265, rel=0.02)
    assert slow["predictions"][0]["value"] == pytest.approx(0.83, rel=0.02)
    assert fast["target"]["molecules"] == pytest.approx(225, rel=0.05)
    assert slow["target"]["molecules"] is None


@pytest.mark.parametrize("name", ["layers", "temperature", "epochs", "hidden units", "optimizer"])
@pytest.mark.parametrize("seeds", ["crossed", "nested", "none", "one each"])
def test_a_setting_that_splits_the_runs_is_named(tmp_path, name, seeds):
    levels = ("adam", "sgd") if name == "optimizer" else (2, 10)
    rows = [
        (n, level, k + (3 * which if seeds == "nested" else 0), noisy(n, 1.3 if which else 1, seed=3 * which + k))
        for n in SIZES
        for which, level in enumerate(levels)
        for k in range(1 if seeds == "one each" else 3)
    ]
    header = f"n,{name},seed,rmse" if seeds in ("crossed", "nested") else f"n,{name},rmse"
    rows = [row if "seed" in header else (row[0], row[1], row[3]) for row in rows]
    path = written(tmp_path, header, rows)
    with pytest.raises(
        DataError, match=f"{name} splits the runs of each size into groups that differ: give --by '?{name}"
    ):
        read_curves(FitConfig(path))
    assert len(read_curves(FitConfig(path, by=name)).curves) == 2


CROSSED = [(rate, layers) for rate in (0.001, 0.01) for layers in (2, 4)]


@pytest.mark.parametrize("pairs", [CROSSED, CROSSED[:3]])
@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("names", ["learning_rate,layers", "lr,hidden units"])
def test_two_crossed_settings_with_shared_seeds_are_both_named(tmp_path, names, seeds, pairs):
    rows = [
        (
            n,
            rate,
            layers,
            k,
            noisy(n, (1.4 if rate == 0.01 else 1) * (1.25 if layers == 4 else 1), seed=k + 10 * layers),
        )
        for n in SIZES
        for rate, layers in pairs
        for k in range(seeds)
    ]
    path = written(tmp_path, f"n,{names},seed,rmse", rows)
    first, second = names.split(",")
    with pytest.raises(DataError, match=f"give --by {first} '?{second}'?, or --pool"):
        read_curves(FitConfig(path))
    assert len(read_curves(FitConfig(path, by=(first, second))).curves) == len(pairs)


def test_settings_that_only_together_change_the_metric_are_both_named(tmp_path):
    rows = [
        (n, rate, layers, k, noisy(n, 1.4 if (rate == 0.01) != (layers == 4) else 1, seed=k + 10 * layers))
        for n in SIZES
        for rate, layers in CROSSED
        for k in range(3)
    ]
    path = written(tmp_path, "n,learning_rate,layers,seed,rmse", rows)
    with pytest.raises(DataError, match=r"seed 0 at 100 molecules occurs twice, .* give --by learning_rate layers, or"):
        read_curves(FitConfig(path))


def test_width_and_params_of_one_model_are_one_setting(tmp_path):
    rows = [(n, w, 10 * w, k, noisy(n, 1 + w / 100, seed=w + k)) for n in SIZES for w in (16, 64) for k in range(2)]
    assert read_curves(FitConfig(written(tmp_path, "n,width,params,seed,rmse", rows))).by == ("width",)


@pytest.mark.parametrize("label", ["seed", "fold", "split", "repeat"])
def test_columns_that_are_no_settings_stay_silent(tmp_path, label):
    """Folds with a level of their own, functions of the size, constants, and what is measured of each run."""
    level = 1 + 0.1 * np.random.default_rng(1).normal(size=5)
    rows = []
    for n in SIZES:
        for k in range(5):
            value = noisy(n, level[k], seed=k)
            stopped = int(10 + 100 * (value / (3 * n**-0.3) - 1))
            rows.append((n, k, value, stopped, value * 1.1, n // 20, 10 * n, 0.001, k * n % 7))
    header = f"n,{label},rmse,best_epoch,valid_loss,steps,tokens,learning_rate,gpu"
    file = read_curves(FitConfig(written(tmp_path, header, rows), metric_column="rmse"))
    assert (file.by, len(file.curves)) == ((), 1)
    assert file.notes == ("not used: valid_loss",)
    assert file.curves[0].run.tolist()[:2] == [f"{label} 0", f"{label} 1"]


def test_a_setting_in_too_few_rows_to_be_certain_is_remarked_on(tmp_path):
    rows = [
        (n, rate, noisy(n, 2 if rate == 0.01 else 1, seed=k))
        for n in (100, 1000)
        for k, rate in enumerate((0.001, 0.01))
    ]
    assert read_curves(FitConfig(written(tmp_path, "n,lr,rmse", rows))).notes == (
        "lr varies: if it distinguishes curves, give --by lr",
    )


def test_settings_of_different_sizes_are_remarked_on(tmp_path):
    rows = [(n, 0.1 if k % 2 else 0.2, noisy(n)) for k, n in enumerate(SIZES)]
    file = read_curves(FitConfig(written(tmp_path, "n,noise_level,rmse", rows)))
    assert file.notes == ("noise_level varies: if it distinguishes curves, give --by noise_level",)


# Scale


def scale_of_case(name, **settings):
    config = FitConfig(CASES / name, **settings)
    return find_scale(config, read_curves(config))


@pytest.mark.slow
def test_percentages_are_fitted_as_fractions_are(tmp_path):
    assert scale_of_case("scale_percent.csv").best == 100
    lines = (CASES / "scale_percent.csv").read_text().split()
    rows = [(n, float(value) / 100) for n, value in (line.split(",") for line in lines[1:])]
    percent = fit_curves(FitConfig(CASES / "scale_percent.csv", target=83))
    fraction = fit_curves(FitConfig(written(tmp_path, lines[0], rows), target=0.83))
    assert percent["chosen"]["laws"] == fraction["chosen"]["laws"]
    for a, b in zip(percent["predictions"], fraction["predictions"], strict=True):
        assert a["value"] == pytest.approx(100 * b["value"], rel=1e-3)
        assert a["low"] == pytest.approx(100 * b["low"], rel=1e-3)
    assert percent["target"]["molecules"] == pytest.approx(fraction["target"]["molecules"], rel=1e-2)


def test_negated_errors_have_0_as_their_best():
    scale = scale_of_case("scale_negmse.csv")
    assert (scale.higher, scale.best) == (True, 0)
    with pytest.raises(ConfigError, match=r"--target must be below 0, the perfect neg_mean_squared_error; got 0\.5"):
        scale_of_case("scale_negmse.csv", target=0.5, higher_is_better=True)
    found = fit_curves(FitConfig(CASES / "scale_negmse.csv", target=-0.4))
    assert all(one["low"] < one["value"] < one["high"] < 0 for one in found["predictions"])
    assert 100 < found["target"]["molecules"] < 6400


def test_a_metric_without_a_known_end_needs_one(refused):
    said = refused("fit", CASES / "scale_nll.csv")
    assert "nll has values down to -1.2832, and its name does not tell its perfect value: give --best" in said
    assert scale_of_case("scale_nll.csv", best=-2).best == -2
    with pytest.raises(DataError, match=r"nll has the value -1\.2832, which is better than -1, the perfect value"):
        scale_of_case("scale_nll.csv", best=-1)


def test_a_curve_that_cannot_be_fitted_is_no_success(refused, tmp_path):
    assert "no law can be fitted" in refused("fit", written(tmp_path, "n,rmse", [(100, 0.5), (100, 0.6)]))


def test_a_target_in_another_unit_than_the_percentages_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"--target 0\.83 looks like a fraction, but .* is in percent: give 83"):
        scale_of_case("scale_percent.csv", target=0.83)
    enriched = written(tmp_path, "n,EF1%", [(100, 5), (200, 10), (400, 15)])
    config = FitConfig(enriched, target=0.9)
    assert find_scale(config, read_curves(config)).best == 100, "an enrichment factor is no percentage"


def test_blanks_between_columns_are_read(tmp_path):
    (tmp_path / "c.csv").write_text("n   rmse\n100 0.5\n 200 0.4\n400 0.35\n")
    (curve,) = read_curves(FitConfig(tmp_path / "c.csv")).curves
    assert (curve.n.tolist(), curve.value.tolist()) == ([100, 200, 400], [0.5, 0.4, 0.35])


# Sizes to predict at


def test_a_part_of_a_molecule_is_refused_and_a_fraction_is_shown(tmp_path, capsys):
    whole = written(tmp_path, "n,rmse", [(n, noisy(n)) for n in SIZES])
    with pytest.raises(ConfigError, match=r"--predict takes whole numbers .*, because all sizes in .* got 0\.5"):
        fit_curves(FitConfig(whole, predict=(800, 0.5)))
    share = written(tmp_path, "n,rmse", [(n / 3200, noisy(n)) for n in SIZES])
    fit_curves(FitConfig(share, predict=(0.75,), target=0.35), quiet=False)
    said = capsys.readouterr().out
    assert "0.75 │" in said
    assert "0.35 takes about 0.37" in said
    assert "between 0.25 and 0.5 of the data" in said


def test_ends_of_an_interval_are_shown_with_the_digits_that_distinguish_them():
    assert interval_text(0.1857, 0.1861) == "[0.1857, 0.1861]"
    assert interval_text(78.36, 78.364) == "[78.360, 78.364]"
    assert interval_text(0.18, None) == "[0.18, ...]"
