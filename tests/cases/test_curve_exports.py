"""Files of learning curves as programs write them: trackers, scikit-learn, pandas, LCDB and spreadsheets."""

import json

import numpy as np
import pytest

from jaxmrl.config import FitConfig
from jaxmrl.curves.arrays import read_arrays
from jaxmrl.curves.table import read_curves
from jaxmrl.errors import DataError

SIZES = [100, 200, 400, 800, 1600]
RUNS = [[round(3 * n**-0.3 * (1 + 0.01 * run), 4) for run in range(3)] for n in SIZES]


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def table(tmp_path, header, rows):
    return written(tmp_path, "curve.csv", "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")


def values_of(file):
    (curve,) = file.curves
    return {(n, value) for n, value in zip(curve.n.tolist(), curve.value.tolist(), strict=True)}


ALL = {(n, value) for n, runs in zip(SIZES, RUNS, strict=True) for value in runs}
EACH = [(n, run, value) for n, runs in zip(SIZES, RUNS, strict=True) for run, value in enumerate(runs)]


# Arrays


@pytest.mark.parametrize(
    "content",
    [
        {"train_sizes": SIZES, "train_scores": RUNS, "test_rmse": RUNS},
        {"n": SIZES, "test_rmse": np.transpose(RUNS).tolist(), "model": "svm"},
        [{"n": n, "seed": seed, "test_rmse": value} for n, seed, value in EACH],
        "".join(json.dumps({"n": n, "seed": seed, "test_rmse": value}) + "\n" for n, seed, value in EACH),
        [["n", "seed", "test_rmse"], *map(list, EACH)],
        {"columns": ["n", "seed", "test_rmse"], "index": list(range(15)), "data": list(map(list, EACH))},
        {name: {str(k): row[at] for k, row in enumerate(EACH)} for at, name in enumerate(("n", "seed", "test_rmse"))},
    ],
    ids=["scikit-learn", "turned", "rows", "lines", "lists", "split", "pandas"],
)
def test_json_is_read_as_the_table_that_it_is(tmp_path, content):
    file = read_curves(FitConfig(written(tmp_path, "curve.json", content)))
    assert (file.metric, values_of(file)) == ("test_rmse", ALL)


def test_values_of_a_pandas_table_are_matched_by_their_rows(tmp_path):
    forward, backward = (list(enumerate(SIZES))[::step] for step in (1, -1))
    content = {"n": {str(k): n for k, n in forward}, "rmse": {str(k): 3 * n**-0.3 for k, n in backward}}
    file = read_curves(FitConfig(written(tmp_path, "curve.json", content)))
    assert values_of(file) == {(n, 3 * n**-0.3) for n in SIZES}


def test_a_number_beside_lists_of_runs_is_that_of_one_run(tmp_path):
    content = {"n": SIZES, "rmse": [*RUNS[:-1], RUNS[-1][0]]}
    file = read_curves(FitConfig(written(tmp_path, "curve.json", content)))
    assert values_of(file) == {(n, value) for n, value in ALL if n < SIZES[-1] or value == RUNS[-1][0]}


def test_curves_by_name_in_json_are_several_curves(tmp_path):
    content = {name: {"n": SIZES, "rmse": RUNS} for name in ("svm", "forest")}
    file = read_curves(FitConfig(written(tmp_path, "curves.json", content), by=("curve",)))
    assert [curve.identity for curve in file.curves] == [{"curve": "svm"}, {"curve": "forest"}]


@pytest.mark.parametrize("named", [True, False])
def test_what_learning_curve_returns_is_read_from_a_numpy_archive(tmp_path, named):
    arrays = {"train_sizes": np.array(SIZES), "train_scores": -np.array(RUNS) / 2, "test_scores": -np.array(RUNS)}
    np.savez(tmp_path / "c.npz", **arrays) if named else np.savez(tmp_path / "c.npz", *arrays.values())
    file = read_curves(FitConfig(tmp_path / "c.npz"))
    assert (file.metric, values_of(file)) == ("test_scores", {(n, -value) for n, value in ALL})
    assert any(note.startswith("not used: train_scores") for note in file.notes)


@pytest.mark.parametrize("other", ["12", "arr_", "arr_9", "01"])
def test_arrays_of_any_name_are_columns(tmp_path, other):
    np.savez(tmp_path / "c.npz", **{"n": np.array(SIZES), "rmse": np.array(RUNS), other: np.array(SIZES)})
    assert values_of(read_curves(FitConfig(tmp_path / "c.npz"))) == set(ALL)


def test_runs_of_a_matrix_do_not_hide_a_column_of_their_name(tmp_path):
    content = {"n": SIZES, "rmse": RUNS, "rmse_0": [9] * len(SIZES)}
    found = read_arrays(written(tmp_path, "curve.json", content))
    runs = [f"rmse_{k}" for k in range(len(RUNS[0]))]
    assert found.header == ["n", *runs, "rmse_0.1"]
    assert [row[-1] for _, _, row in found.rows] == ["9"] * len(SIZES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"n": SIZES, "rmse": [0.5, 0.4]}, "rmse has 2 values, where other columns have 5"),
        ({"n": SIZES, "rmse": [[[1.0]]] * 5}, "has no table of learning curves"),
        ({"best": 0.5}, "has no table of learning curves"),
        ([[1, 2], [3, 4]], "has no table of learning curves"),
        ('{"n": [100, 200', "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
    ],
)
def test_json_without_a_table_is_refused(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_curves(FitConfig(written(tmp_path, "curve.json", content)))


# Trackers and databases


@pytest.mark.parametrize(
    ("header", "row", "metric"),
    [
        (
            "run_id,status,start_time,metrics.test_rmse,metrics.train_rmse,params.n_train,params.seed,params.lr",
            "a{n}{s},FINISHED,2026-01-0{k} 10:00:00,{v},{v},{n},{s},0.001",
            "metrics.test_rmse",
        ),
        (
            "Start Time,Duration,Run ID,User,Status,lr,n_train,seed,rmse,train_rmse",
            "2026-01-0{k} 10:00:00,{n}.2s,a{n}{s},me,FINISHED,0.001,{n},{s},{v},{v}",
            "rmse",
        ),
        (
            "Name,State,Notes,User,Tags,Created,Runtime,Sweep,lr,n_train,seed,test/rmse,train/loss",
            "run-{n}-{s},finished,-,me,,2026-01-0{k}T10:00:00Z,{n},,0.001,{n},{s},{v},{v}",
            "test/rmse",
        ),
        (
            "openmlid,learner,size_train,size_test,traintest_split_seed,inner_seed,error_train,error_test",
            "3,SVC_linear,{n},500,{s},{s},{v},{v}",
            "error_test",
        ),
    ],
    ids=["MLflow's API", "MLflow", "Weights & Biases", "LCDB"],
)
def test_exports_need_no_setting(tmp_path, header, row, metric):
    rows = [row.format(n=n, s=seed, v=value, k=seed + 1).split(",") for n, seed, value in EACH]
    file = read_curves(FitConfig(table(tmp_path, header, rows)))
    assert (file.metric, values_of(file)) == (metric, ALL)
    assert not [note for note in file.notes if not note.startswith("not used")]


def test_how_a_run_ended_is_no_setting(tmp_path):
    rows = [(n, seed, "crashed" if seed == 2 and n == 800 else "finished", value) for n, seed, value in EACH]
    assert read_curves(FitConfig(table(tmp_path, "n,seed,State,rmse", rows))).notes == ()


# Spreadsheets


@pytest.mark.parametrize("names", [SIZES, [f"n={n}" for n in SIZES], ["100", "200", "400", "800", "1.6k"]])
def test_a_column_for_each_size_is_a_row_for_each_cell(tmp_path, names):
    rows = [(seed, *values) for seed, values in enumerate(np.transpose(RUNS).tolist())]
    path = table(tmp_path, f"seed,{','.join(map(str, names))}", rows)
    file = read_curves(FitConfig(path, metric_column=("rmse",)))
    assert (file.metric, values_of(file)) == ("rmse", ALL)
    assert file.notes[0].startswith("5 columns are sizes: ")
    with pytest.raises(DataError, match="name it with --metric-column: seed, n, value"):
        read_curves(FitConfig(path))
    named = path.rename(tmp_path / "hiv_auc.csv")
    assert read_curves(FitConfig(named)).metric == "hiv_auc"


def test_lines_above_the_header_are_skipped(tmp_path):
    rows = [("", ""), ("n", "rmse"), *((n, runs[0]) for n, runs in zip(SIZES, RUNS, strict=True))]
    file = read_curves(FitConfig(table(tmp_path, "Learning curve of the model,", rows)))
    assert (file.metric, file.curves[0].n.tolist(), file.notes) == ("rmse", SIZES, ("the header is line 3",))


@pytest.mark.parametrize("name", ["size_train", "Nr of training compounds", "train_sizes_abs", "training samples (n)"])
def test_sizes_are_known_by_the_words_of_a_name(tmp_path, name):
    path = table(tmp_path, f"number_of_test_molecules,{name},rmse", [(50, n, 0.5) for n in SIZES])
    assert read_curves(FitConfig(path)).curves[0].n.tolist() == SIZES


@pytest.mark.parametrize(
    ("cells", "sizes"),
    [
        (["10^2", "10^3", "10**4"], [100, 1000, 10_000]),
        (["2^5", "2^10", "2⁷"], [32, 1024, 128]),
        (["1×10^2", "2.5 x 10³", "3·10^4"], [100, 2500, 30_000]),
        (["1/16", "1/4", "1/1"], [0.0625, 0.25, 1.0]),
    ],
)
def test_sizes_as_powers_and_as_parts(tmp_path, cells, sizes):
    path = table(tmp_path, "fraction,rmse", [(cell, 0.5) for cell in cells])
    assert read_curves(FitConfig(path)).curves[0].n.tolist() == pytest.approx(sizes)


@pytest.mark.parametrize("cell", ["10^99", "0^2", "1/0", "10^"])
def test_powers_that_are_no_sizes_are_refused(tmp_path, cell):
    file = read_curves(FitConfig(table(tmp_path, "n,rmse", [(cell, 0.5), (100, 0.5), (200, 0.4)])))
    assert [row.reason for row in file.rejected] == [f"{cell!r} is not a finite number"]


@pytest.mark.parametrize(
    "cell", ["0.81 [0.79, 0.83]", "0.81 (0.79-0.83)", "0.81 (95% CI: 0.79 to 0.83)", "0,81 (0,79; 0,83)"]
)
def test_an_interval_behind_a_value_is_no_spread(tmp_path, cell):
    path = written(tmp_path, "c.tsv", "".join(f"{n}\t{cell}\n" if n else "n\tauc\n" for n in (0, *SIZES)))
    file = read_curves(FitConfig(path))
    assert file.curves[0].value.tolist() == [0.81] * 5
    assert file.curves[0].sd is None
    assert "an interval is not the spread of single runs" in file.notes[0]


def test_names_with_other_characters_are_known(tmp_path):
    text = "n;R²\n" + "".join(f"{n};0,{n}\n" for n in SIZES)
    assert read_curves(FitConfig(written(tmp_path, "c.csv", text))).metric == "R²"
    percent = read_curves(FitConfig(table(tmp_path, "n,Accuracy (%)", [(n, "80 %") for n in SIZES])))
    assert percent.metric == "Accuracy (%)"
