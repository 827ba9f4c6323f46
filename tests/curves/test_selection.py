"""Which columns hold the sizes, and which rows of a table of curves are runs of one curve."""

import numpy as np
import pytest

from jaxmrl.config import FitConfig
from jaxmrl.curves.table import read_curves
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.scaling.analyses import analyze_rows
from jaxmrl.scaling.scale import Scale

SIZES, MEANS = (100, 200, 400, 800, 1600), (0.91, 0.85, 0.79, 0.74, 0.70)
CURVE = tuple(zip(SIZES, MEANS, strict=True))


def read(tmp_path, header, rows, **settings):
    (tmp_path / "t.csv").write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return read_curves(FitConfig(csv=tmp_path / "t.csv", **settings))


def of_means(extra):
    return [(n, mean, *extra(k)) for k, (n, mean) in enumerate(CURVE)]


def test_a_clearer_name_is_that_of_the_sizes_and_n_that_of_the_runs(tmp_path):
    file = read(tmp_path, "molecules,rmse,sd,n", of_means(lambda k: (0.05, (10, 8, 5, 3, 2)[k])))
    (curve,) = file.curves
    assert curve.n.tolist() == list(SIZES)
    assert curve.runs.tolist() == [10, 8, 5, 3, 2]
    assert "sizes: column molecules, not n" in file.notes
    file = read(tmp_path, "n_train,rmse,n", of_means(lambda k: (SIZES[k] + 25,)))
    assert file.curves[0].n.tolist() == list(SIZES)
    for header in ("n,rmse,fraction", "n,rmse,train_fraction"):
        file = read(tmp_path, header, of_means(lambda k: (SIZES[k] / 1600,)))
        assert (file.curves[0].n.tolist(), file.of_shares) == (list(SIZES), False)
    file = read(tmp_path, "n,rmse", of_means(lambda k: ()))
    assert file.curves[0].n.tolist() == list(SIZES)
    assert not any("sizes:" in note for note in file.notes)


@pytest.mark.parametrize("other", ["num_train_epochs", "n_training_steps", "train_batch_size", "train_time"])
def test_epochs_steps_and_batches_are_no_sizes(tmp_path, other):
    rows = [(0.1 * 2**k, 100 // (k + 1), mean) for k, mean in enumerate(MEANS[:4])]
    file = read(tmp_path, f"dataset_fraction,{other},rmse", rows)
    assert file.curves[0].n.tolist() == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert file.of_shares


@pytest.mark.parametrize("name", ["n_train (thousands)", "molecules (x1000)", "n (k)", "train size in thousands"])
def test_sizes_in_thousands(tmp_path, name):
    file = read(tmp_path, f"{name},rmse", [(2**k, mean) for k, mean in enumerate(MEANS)])
    assert file.curves[0].n.tolist() == [1000, 2000, 4000, 8000, 16000]
    assert f"{name}: sizes are in thousands" in file.notes


@pytest.mark.parametrize(("column", "words"), [("split", ("train", "valid", "test")), ("set", ("Training", "Test"))])
def test_only_rows_of_test_molecules_count(tmp_path, column, words):
    rows = [(n, word, mean - 0.2 * k) for n, mean in CURVE for k, word in enumerate(words)]
    file = read(tmp_path, f"n,{column},rmse", rows)
    (curve,) = file.curves
    assert curve.value.tolist() == pytest.approx([mean - 0.2 * (len(words) - 1) for mean in MEANS])
    assert any(f"left out, by column {column}" in note for note in file.notes)


def test_only_rows_of_test_molecules_count_with_a_column_for_each_size(tmp_path):
    rows = [("train", 0.2, 0.25, 0.3, 0.35), ("test", 0.9, 0.8, 0.7, 0.65)]
    file = read(tmp_path, "run,100,200,400,800", rows, metric_column=("rmse",))
    assert file.curves[0].value.tolist() == [0.9, 0.8, 0.7, 0.65]


@pytest.mark.parametrize("spread", [False, True])
def test_models_with_one_row_at_each_size_are_curves(tmp_path, spread):
    shifts = {"RF": (0, 0, 0, 0, 0), "GNN": (0.06, 0.02, -0.01, -0.03, -0.05)}
    rows = [(model, n, mean + own[k]) for model, own in shifts.items() for k, (n, mean) in enumerate(CURVE)]
    rows = [(*row, 0.02, 3) for row in rows] if spread else rows
    file = read(tmp_path, "model,n,rmse" + ",sd,n_runs" * spread, rows)
    assert [curve.identity for curve in file.curves] == [{"model": "RF"}, {"model": "GNN"}]
    assert any(note.startswith("each model has one row at each size") for note in file.notes)
    pooled = [row[:3] for row in rows]
    assert len(read(tmp_path, "model,n,rmse", pooled, pool=True).curves) == 1


def test_cells_below_a_merged_one_have_its_size(tmp_path):
    rows = [(n if seed == 0 else "", seed, mean + seed / 100) for n, mean in CURVE for seed in range(3)]
    file = read(tmp_path, "n,seed,rmse", rows)
    assert file.curves[0].n.tolist() == np.repeat(SIZES, 3).tolist()
    assert "10 rows without a size in column n: the size of the row above is used" in file.notes
    rows = [(n, seed, mean + seed / 100) for n, mean in CURVE for seed in range(3)]
    file = read(tmp_path, "n,seed,rmse", [*rows, ("", 3, 0.5)])
    assert np.isfinite(file.curves[0].n).tolist() == [True] * 15 + [False], "a row that lacks its size"


def test_rows_without_a_seed_that_are_means_are_no_runs(tmp_path):
    runs = [[(n, seed, mean + seed / 100) for seed in (0, 1)] for n, mean in CURVE]
    rows = [row for own in runs for row in (*own, (own[0][0], "", f"{own[0][2] + 0.005:.3f}"))]
    file = read(tmp_path, "n,seed,rmse", rows)
    assert len(file.curves[0].n) == 10
    assert "5 rows skipped: they name no seed and are means of other rows" in file.notes
    rows[2] = (100, "", 0.5)
    assert len(read(tmp_path, "n,seed,rmse", rows).curves[0].n) == 15, "a run whose seed is not known"


def test_a_log_of_trainings_with_one_test_row_each_is_no_history(tmp_path):
    rows = [(n, epoch, mean if epoch == 3 else "") for n, mean in CURVE for epoch in range(4)]
    assert np.isfinite(read(tmp_path, "n_train,epoch,test_rmse", rows).curves[0].value).sum() == 5
    rows = [(n, epoch, mean - epoch / 100) for n, mean in CURVE for epoch in range(4)]
    with pytest.raises(DataError, match="the rows of one training at different values of epoch"):
        read(tmp_path, "n_train,epoch,test_rmse", rows)


def test_a_spread_in_percent_beside_a_fraction_is_refused(tmp_path):
    rows = [(n, 1 - mean / 2, 2.1, 5) for n, mean in CURVE]
    with pytest.raises(DataError, match=r"column sd \(%\): standard deviations such as 2.1 are more than values"):
        read(tmp_path, "n,roc_auc,sd (%),n_runs", rows)
    assert read(tmp_path, "n,roc_auc,sd,n_runs", [(n, auc, 0.02, 5) for n, auc, *_ in rows]).curves[0].sd[0] == 0.02


@pytest.mark.parametrize(
    ("header", "times", "unit"), [("fraction", 1, " of the data"), ("size (%)", 100, "% of the data")]
)
def test_shares_are_not_called_molecules(tmp_path, header, times, unit):
    rows = [(times * n / 1600, mean + seed / 100, seed) for n, mean in CURVE for seed in range(3)]
    file = read(tmp_path, f"{header},rmse,seed", rows)
    analysis = analyze_rows(file.curves[0], Scale("rmse", False, 0.0, "by its name"), None)
    said = [analysis.target(metric)["said"] for metric in (0.6, 0.8, 0.95)]
    assert all(unit in text and "molecules" not in text for text in said)
    assert "molecules" not in f"{analysis.claim} {analysis.forecast.trend.basis}"


def test_intervals_behind_values_are_no_spread(tmp_path):
    rows = [(n, f"{1 - mean / 2:.3f} ({0.98 - mean / 2:.3f}-{1.02 - mean / 2:.3f})") for n, mean in CURVE]
    file = read(tmp_path, "n,AUC (95% CI)", rows)
    assert (file.metric, file.curves[0].sd, file.curves[0].value[0]) == ("AUC", None, 0.545)
    rows = [(n, f"{1 - mean / 2:.3f} ± 0.02") for n, mean in CURVE]
    file = read(tmp_path, "n,AUC ± 95% CI", rows)
    assert file.curves[0].sd is None
    assert "the cells of AUC ± 95% CI have intervals behind them" in " ".join(file.notes)
    with pytest.raises(ConfigError, match="--sd-column takes standard deviations; 95% CI has ends or widths"):
        read(tmp_path, "n,auc,95% CI", [(n, 1 - mean / 2, 0.02) for n, mean in CURVE], sd_column="95% CI")


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("n,rmse,share", lambda k: (0.3 + k / 100,)),
        ("n,rmse,size", lambda k: (("small", "large")[k % 2],)),
        ("n,rmse,samples", lambda k: (30 - k,)),
        ("n,rmse,compounds", lambda k: (900 - 10 * k,)),
        ("n,rmse,train_set", lambda k: ("chembl",)),
        ("n train (time split),rmse,x", lambda k: (1,)),
        ("train_size (batch mode),rmse,x", lambda k: (1,)),
        ("training_set_size_per_batch,rmse,x", lambda k: (1,)),
        ("number of training samples / trees,rmse,x", lambda k: (1,)),
        ("n_train,rmse,sd,n", lambda k: (0.03, 500)),
    ],
)
def test_other_columns_take_nothing_from_the_sizes(tmp_path, header, cells):
    (curve,) = read(tmp_path, header, of_means(cells)).curves
    assert curve.n.tolist() == list(SIZES)
    assert curve.runs is None or np.isnan(curve.runs).all()


@pytest.mark.parametrize(
    ("name", "cells", "sizes"),
    [
        ("n (k)", ("1k", "2k", "4k"), (1000, 2000, 4000)),
        ("n (k)", (1000, 2000, 4000), (1000, 2000, 4000)),
        ("n_train (thousands)", (10, 100, 2000), (10_000, 100_000, 2_000_000)),
        ("n_train_thousand_oaks", (100, 200, 400), (100, 200, 400)),
        ("n_train x10000", (1, 2, 4), (1, 2, 4)),
        ("fraction (k)", (0.1, 0.2, 0.4), (0.1, 0.2, 0.4)),
    ],
)
def test_sizes_whose_names_have_thousands(tmp_path, name, cells, sizes):
    rows = [(cell, mean) for cell, mean in zip(cells, MEANS, strict=False)]
    file = read(tmp_path, f"{name},rmse", rows, n_column=name)
    assert file.curves[0].n.tolist() == pytest.approx(sizes)


@pytest.mark.parametrize(
    "rows",
    [
        [*((n, mean, "valid") for n, mean in CURVE), (1600, 0.72, "test")],
        [(n, mean, "dev" if n < 500 else "test") for n, mean in CURVE],
    ],
)
def test_parts_that_are_not_at_every_size_are_kept(tmp_path, rows):
    assert len(read(tmp_path, "n,rmse,set", rows).curves[0].n) == len(rows)


def test_parts_with_seeds(tmp_path):
    rows = [
        (n, part, seed, mean - 0.2 * k + seed / 100)
        for n, mean in CURVE
        for k, part in enumerate(("test", "train"))
        for seed in (0, 1)
    ]
    (curve,) = read(tmp_path, "n,split,seed,rmse", rows).curves
    assert curve.value[0] == 0.91


def test_a_large_spread_of_r2_is_possible(tmp_path):
    rows = [
        (n, r2, sd, 5)
        for (n, _), r2, sd in zip(CURVE, (-0.6, -0.1, 0.2, 0.4, 0.5), (0.9, 0.8, 0.8, 0.8, 0.2), strict=True)
    ]
    assert read(tmp_path, "n,r2,sd,n_runs", rows).curves[0].sd[0] == 0.9


def test_parts_that_distinguish_curves_or_are_pooled_are_kept(tmp_path):
    rows = [(n, part, mean - 0.2 * k) for n, mean in CURVE for k, part in enumerate(("test", "train"))]
    assert len(read(tmp_path, "n,split,rmse", rows, by=("split",)).curves) == 2
    assert len(read(tmp_path, "n,split,rmse", rows, pool=True).curves[0].n) == 10


def test_a_row_without_its_size_gets_none(tmp_path):
    for rows in ([*CURVE, ("", 0.62)], [(n if n != 400 else "", mean) for n, mean in CURVE]):
        assert np.isfinite(read(tmp_path, "n,rmse", rows).curves[0].n).sum() == len(rows) - 1


@pytest.mark.parametrize("name", ["learning_rate", "batch_size", "width"])
def test_settings_that_were_chosen_by_size_are_no_curves(tmp_path, name):
    rows = [(n, mean, 32 if n < 500 else 128) for n, mean in CURVE]
    assert len(read(tmp_path, f"n,rmse,{name}", rows).curves) == 1


def test_names_that_only_look_like_intervals(tmp_path):
    rows = [(n, mean, 0.02, 5) for n, mean in CURVE]
    (curve,) = read(tmp_path, "n,rmse,std_1024_circular,n_runs", rows, sd_column="std_1024_circular").curves
    assert curve.sd[0] == 0.02
    rows = [(n, 1 - mean / 2, f"{1 - mean / 2:.3f} (0.5-0.9)") for n, mean in CURVE]
    assert read(tmp_path, "n,AUC,AUC (95% CI)", rows).metric == "AUC"
