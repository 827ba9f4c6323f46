"""Labels far from zero, of several units, and tasks that a replica has no label of (audit 8 and 11)."""

import contextlib
import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from jaxmrl.config import FitConfig, PredictConfig, SweepConfig
from jaxmrl.data.loading import load_problem
from jaxmrl.data.table import read_table
from jaxmrl.errors import DataError
from jaxmrl.fit import fit_curves
from jaxmrl.predict import predict_molecules
from jaxmrl.reports.terminal import Reporter
from jaxmrl.runs.artifacts import kept_name
from jaxmrl.sweep import run_sweep

INPUTS = Path(__file__).parent / "inputs"
TINY = {"width": 8, "depth": 1, "batch_size": 64, "seeds": 2, "epochs": 2, "fractions": (0.1, 0.5, 1.0)}
CLASSES = {"learning_rate": 3.0, "lanes": 2, "save_predictions": True}
"""Of the runs of classes, which share their programs. So high a rate makes predictions that are sure."""

SHIFT = 2.0**27
"""Labels are rounded to 1/64, so the sum is exact in float64; float32 has steps of 8 there."""


def read(name):
    """Header, SMILES and labels [N, T] of a file of the cases, NaN for missing."""
    with (INPUTS / name).open(newline="") as file:
        header, *rows = csv.reader(file)
    return header[1:], [row[0] for row in rows], np.array([[float(cell or "nan") for cell in row[1:]] for row in rows])


def write(path, tasks, smiles, labels):
    """Files of the same name in folders of their own: a replica's random numbers follow the name."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", *tasks])
        for one, row in zip(smiles, labels.tolist(), strict=True):
            writer.writerow([one, *("" if np.isnan(value) else repr(value) for value in row)])
    return path


def run(path, tasks, out, **settings):
    return run_sweep(SweepConfig(csv=path, target_columns=tuple(tasks), out=out, **TINY | settings))


def metrics(result):
    return [(row.status, row.valid, row.test, row.best_epoch) for row in result.rows]


@pytest.fixture(scope="module")
def cache_of_module(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def shifted(tmp_path_factory, cache_of_module):
    """The same labels with and without a constant: (results, predictions of new molecules)."""
    folder, found = tmp_path_factory.mktemp("shifted"), []
    _, smiles, labels = read("labels_far_from_zero_silent.csv")
    labels = np.round((labels - 1e8) * 64) / 64
    for name, shift in (("near", 0.0), ("far", SHIFT)):
        path = write(folder / name / "data.csv", ["y"], smiles, labels + shift)
        result = run(path, ["y"], folder / name / "run", save_predictions=True)
        found.append((result, predict_molecules(PredictConfig(result.directory, path, out=folder / "p.csv"))))
    with (folder / "p.csv").open(newline="") as file:
        text = [row["y"] for row in csv.DictReader(file)]
    return found, labels, text


def test_a_constant_changes_no_metric_and_no_law(shifted):
    ((near, _), (far, _)), labels, _ = shifted
    assert metrics(near) == metrics(far)
    assert {row.status for row in far.rows} == {"finished"}
    assert far.rows[-1].test < 2 * labels.std(), "at 2^27 float32 would leave steps of 8"
    laws = [[fit.values for fit in result.analyses[0].fits] for result in (near, far)]
    assert laws[0] == laws[1]
    shifts = [result.analyses[0].points.log_error_resamples for result in (near, far)]
    np.testing.assert_allclose(*shifts, atol=1e-5)


def test_predictions_come_back_in_the_labels_unit(shifted):
    ((_, near), (_, far)), _, text = shifted
    np.testing.assert_allclose(far.mean - SHIFT, near.mean, atol=1e-6)
    np.testing.assert_allclose(far.sd, near.sd, atol=1e-6)
    np.testing.assert_allclose([float(cell) - SHIFT for cell in text], near.mean[:, 0], atol=1e-4)


def test_energies_that_are_one_number_in_float32(cache):
    (task,), _, labels = read("labels_far_from_zero.csv")
    assert len(np.unique(labels.astype(np.float32))) == 1
    problem = load_problem(SweepConfig(csv=INPUTS / "labels_far_from_zero.csv"), Reporter(quiet=True))
    assert problem.table.tasks == (task,)
    on_device = problem.device_labels("graph")
    assert len(np.unique(on_device)) == len(np.unique(labels)) == 178
    units, scaler = problem.label_units("graph"), problem.label_scaler(problem.split.train, "graph")
    np.testing.assert_allclose(units.offset + units.step * on_device.astype(float), labels, atol=1e-5)
    train = labels[problem.split.train]
    assert units.label_scaler(scaler).mean == pytest.approx(train.mean(), abs=1e-5)
    assert units.label_scaler(scaler).scale == pytest.approx(train.std(), rel=1e-6)


def test_labels_that_float32_would_still_merge_are_refused(tmp_path, cache):
    """Two far clusters: no offset brings both near zero."""
    _, smiles, labels = read("labels_far_from_zero_silent.csv")
    labels[::2] -= 2e8
    path = write(tmp_path / "two.csv", ["y"], smiles, labels)
    expected = r"target y: \d+ different labels from -100000\d+.* to 1000000.* would be \d+ in float32, .* logarithms"
    with pytest.raises(DataError, match=expected):
        load_problem(SweepConfig(csv=path), Reporter(quiet=True))


@pytest.fixture(scope="module")
def units(tmp_path_factory, cache_of_module):
    """Runs of temperatures, and of the same with one column in other units and another with another zero."""
    folder = tmp_path_factory.mktemp("units")
    tasks, smiles, labels = read("task_without_label.csv")
    labels = np.round(labels * 64) / 64
    other = labels * np.array([1, 1, 1024, 1, 1, 1]) + np.array([0, -273.125, 0, 0, 0, 0])
    settings = {"fractions": (0.02, 0.1, 1.0)}
    return [
        run(write(folder / name / "data.csv", tasks, smiles, values), tasks, folder / name / "run", **settings)
        for name, values in (("plain", labels), ("other", other))
    ]


@pytest.mark.slow
def test_units_and_zeros_of_columns_decide_nothing(units):
    """At d7d420c the column with the largest numbers decided best epoch, mean and law."""
    plain, other = units
    assert metrics(plain) == metrics(other)
    assert plain.rows[0].metric == "rmse / sd"
    for mine, theirs in zip(plain.rows, other.rows, strict=True):
        assert mine.tests["Tm1"] == theirs.tests["Tm1"]
        if mine.tests["Tm2"] is not None:
            assert theirs.tests["Tm2"] == pytest.approx(1024 * mine.tests["Tm2"], rel=1e-5)


def test_a_mean_is_of_errors_in_standard_deviations(units):
    problem = load_problem(SweepConfig(csv=units[0].directory.parent / "data.csv"), Reporter(quiet=True))
    spreads = np.nanstd(problem.table.labels[problem.split.train], axis=0)
    facts = json.loads((units[0].directory / "run.json").read_text())["splits"]["random"]["standard_deviations"]
    assert list(facts.values()) == pytest.approx(spreads.tolist())
    for row in units[0].rows:
        errors = np.array([row.tests[task] for task in problem.table.tasks], float)
        assert row.test == pytest.approx(np.nanmean(errors / spreads), rel=1e-5)
        assert np.nanmax(errors) < 100, "not the 398 K of a prediction of 0"


def test_a_task_without_a_label_is_left_out_with_a_line(units):
    rows, tasks = units[0].rows, [f"Tm{k}" for k in range(6)]
    for row in rows:
        with np.load(units[0].directory / "splits.npz") as file:
            train = file[f"train_order_{row.seed}"][: row.n_train]
        missing = np.isnan(read("task_without_label.csv")[2][train]).all(axis=0)
        assert [row.tests[task] is None for task in tasks] == missing.tolist()
    (notes,) = (analysis.notes for analysis in units[0].analyses)
    left_out = [note for note in notes if "leaves out" in note]
    assert len(left_out) == 1
    assert left_out[0].startswith("at 9 molecules the mean leaves out Tm")
    assert " of 2 replicas)" in left_out[0]
    assert left_out[0].endswith("no label among the training molecules")
    assert "compare sizes task by task" in notes[-1]
    assert left_out[0][1:] in (units[0].directory / "report.html").read_text(), "a capital begins it there"
    assert left_out[0] in json.loads((units[0].directory / "fits.json").read_text())[0]["notes"]


def test_figures_and_fit_say_what_the_mean_is_of(units, capsys):
    folder = units[0].directory
    assert "test RMSE / sd" in (folder / "report.html").read_text()
    assert {row["metric"] for row in csv.DictReader((folder / "curves.csv").open())} == {"rmse / sd"}
    for name in ("results.csv", "curves.csv"):
        found = fit_curves(FitConfig(folder / name))
        assert (found["metric"], found["higher_is_better"]) == ("rmse / sd", False)


@pytest.fixture(scope="module")
def rare(tmp_path_factory, cache_of_module):
    """A run of 25 active molecules of 300: of four molecules, some replicas see no active one. And what it printed."""
    folder, printed = tmp_path_factory.mktemp("rare"), io.StringIO()
    _, smiles, labels = read("labels_far_from_zero_silent.csv")
    active = (np.arange(len(labels)) % 12 == 0).astype(float)[:, None]
    path = write(folder / "rare.csv", ["active"], smiles, active)
    settings = TINY | CLASSES | {"fractions": (0.02, 1.0), "epochs": 1, "seeds": 4}
    with contextlib.redirect_stdout(printed):
        result = run_sweep(SweepConfig(csv=path, out=folder / "run", **settings), quiet=False)
    return result, active[:, 0], path, printed.getvalue()


def test_replicas_of_one_class_have_no_result(rare):
    result, active, _, printed = rare
    few = [row for row in result.rows if row.fraction == 0.02]
    with np.load(result.directory / "splits.npz") as file:
        seen = [active[file[f"train_order_{row.seed}"][: row.n_train]] for row in few]
    assert [row.status == "undefined" for row in few] == [len(set(one)) == 1 for one in seen]
    undefined = sum(row.status == "undefined" for row in few)
    assert 0 < undefined < 4
    assert {row.test for row in few if row.status == "undefined"} == {None}
    line = f"at {few[0].n_train} molecules {undefined} of 4 replicas left out: one class only among the training"
    assert line in printed
    assert result.curves[0].points[0].n_seeds == 4 - undefined
    kept = {path.stem for path in (result.directory / "predictions").iterdir()}
    assert kept == {kept_name(row) for row in result.rows if row.status == "finished"}


def test_predictions_are_kept_as_logits_and_predicted_as_probabilities(rare):
    result, _, path, _ = rare
    tables = []
    for row in result.rows[4:]:
        with np.load(result.directory / "predictions" / f"{kept_name(row)}.npz") as file:
            tables.append(dict(file))
    assert {str(table["values"]) for table in tables} == {"logits"}
    found = predict_molecules(PredictConfig(result.directory, path, out=result.directory / "p.csv"))
    mean = np.mean([expit(table["active"].astype(float)) for table in tables], axis=0)
    np.testing.assert_allclose(mean, found.mean[np.searchsorted(found.ids, tables[0]["molecule_id"]), 0], atol=1e-6)


def test_labels_that_float64_merges_are_named(tmp_path):
    path = tmp_path / "t.csv"
    cells = ["10000000000000000", "10000000000000001", "10000000000000008", "10000000000000009"]
    path.write_text("smiles,E\n" + "".join(f"{'C' * (k + 1)},{cell}\n" for k, cell in enumerate(cells)))
    said = f"E: {cells[0]} and {cells[1]} are one number in double precision (float64); subtract a constant"
    assert any(note.startswith(said) for note in read_table(path, target_columns=("E",)).notes)
    path.write_text("smiles,E\n" + "".join(f"{'C' * (k + 1)},{cell}\n" for k, cell in enumerate(cells[:2])))
    with pytest.raises(
        DataError, match=f"E \\(one value only: {cells[0]} and {cells[1]} are one number in double precis"
    ):
        read_table(path)
    path.write_text("smiles,E\nC,0.1\nCC,0.10000000000000000555\nCCC,0.3\n")
    assert not any("double precision" in note for note in read_table(path).notes), "far below the spread"


def test_sure_predictions_keep_their_order(tmp_path, cache_of_module):
    """At d7d420c they were kept as probabilities in float32, which are 1 from a logit of 17 on."""
    _, smiles, labels = read("labels_far_from_zero_silent.csv")
    active = (labels > np.median(labels)).astype(float)
    path = write(tmp_path / "sure.csv", ["active"], smiles, active)
    row = run(path, ["active"], tmp_path / "run", **CLASSES, fractions=(1.0,)).rows[0]
    with np.load(tmp_path / "run" / "predictions" / f"{kept_name(row)}.npz") as file:
        test = file["part"] == "test"
        kept, known = file["active"][test], active[file["molecule_id"][test], 0]
    saturated = expit(kept.astype(np.float32))
    assert np.isin(saturated, (0, 1)).mean() > 0.2, "else this tests nothing"
    assert roc_auc_score(known, kept) == pytest.approx(row.test, abs=1e-5)
    assert abs(roc_auc_score(known, saturated) - row.test) > 1e-3
