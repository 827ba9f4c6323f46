"""Intervals, nearest molecules and the choice of models, by a small sweep of classical models on two splits."""

import csv
import shutil

import numpy as np
import pytest

from jaxmrl.config import PredictConfig, SweepConfig
from jaxmrl.errors import ConfigError
from jaxmrl.formats.input_rows import read_input_rows
from jaxmrl.predict import predict_molecules
from jaxmrl.runs.labels import read_labels, read_validation
from jaxmrl.runs.tables import read_results
from jaxmrl.sweep import run_sweep

CURVES = ("ecfp-ridge,random,all,none", "ecfp-knn,random,all,none", "labels-mean,random,all,none")
NEW = ["CCO", "c1ccccc1O", "not one", "C[Pt]C"]


@pytest.fixture(scope="module")
def run(csv_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        models = {"model": ("ridge", "knn", "mean"), "fractions": (1.0,), "seeds": 2, "split_seeds": 2}
        return run_sweep(SweepConfig(csv=csv_file, target_columns=("logp",), out=folder / "run", **models)).directory


@pytest.fixture
def new(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("smiles,code\n" + "".join(f"{smiles},{k:03}\n" for k, smiles in enumerate(NEW)))
    return path


def labels_of(csv_file):
    with csv_file.open(newline="") as file:
        return [row["logp"] for row in csv.DictReader(file)]


def test_the_run_keeps_labels_and_validation_molecules(run, csv_file):
    kept, labels = read_labels(run), labels_of(csv_file)
    np.testing.assert_array_equal(kept.labels[:, 0], [float(labels[k]) for k in kept.ids])
    np.testing.assert_array_equal(kept.of(kept.ids[[5, 2]]), kept.labels[[5, 2]])
    one, other = read_validation(run, read_results(run / "results.csv"))
    assert set(one) != set(other)
    with np.load(run / "splits.npz") as splits:
        assert one.tolist() == splits["valid"].tolist()
        assert other.tolist() == splits["random_43_valid"].tolist()


def test_intervals_and_neighbors_stand_beside_the_predictions(run, csv_file, new, tmp_path, cache, capsys):
    config = PredictConfig(run, new, curve=CURVES[1], neighbors=2, out=tmp_path / "p.csv")
    found = predict_molecules(config, quiet=False)
    printed = capsys.readouterr().out
    assert "; their mean, over 2 splits and seeds" in printed
    assert "90% intervals from the errors of " in printed
    rows = read_input_rows(config.out)
    neighbor = ["", "_id", "_similarity", "_logp"]
    assert rows.header == [
        *("molecule_id", "smiles", "code", "logp", "logp_sd", "logp_lower", "logp_upper", "nearest_training"),
        *(f"neighbor_{k}{end}" for k in (1, 2) for end in neighbor),
        *("unseen", "curve", "reason"),
    ]
    assert rows.cells[2] == ["2", "not one", "002", *[""] * 15, "not a valid SMILES"]
    assert [row[2] for row in rows.cells] == ["000", "001", "002", "003"]
    half = (found.calibrated.upper - found.calibrated.lower)[:, 0] / 2
    assert (half > 0).all()
    np.testing.assert_allclose((found.calibrated.upper + found.calibrated.lower) / 2, found.mean)
    assert half[found.nearest.argmin()] >= half[found.nearest.argmax()]
    assert (found.neighbors.similarity[:, 0] >= found.neighbors.similarity[:, 1]).all()
    np.testing.assert_allclose(found.neighbors.similarity[:, 0], found.nearest)
    labels = labels_of(csv_file)
    for ids, values in zip(found.neighbors.ids, found.neighbors.labels[..., 0], strict=True):
        assert [float(labels[k]) for k in ids] == values.tolist()
    wider = predict_molecules(PredictConfig(run, new, curve=CURVES[1], coverage=0.5, out=config.out)).calibrated
    assert (wider.upper - wider.lower < found.calibrated.upper - found.calibrated.lower).all()


def test_intervals_hold_for_the_sweeps_own_test_molecules(run, csv_file, tmp_path, cache):
    """No model of the other split may have learned from them: those are the molecules of both test parts."""
    found = predict_molecules(PredictConfig(run, csv_file, curve=CURVES[1], out=tmp_path / "p.csv"))
    with np.load(run / "splits.npz") as splits:
        seen = np.union1d(splits["train"], splits["random_43_train"])
    kept = read_labels(run)
    fresh = np.isin(found.ids, np.setdiff1d(kept.ids, seen))
    labels, intervals = kept.of(found.ids[fresh])[:, 0], found.calibrated
    inside = (intervals.lower[fresh, 0] <= labels) & (labels <= intervals.upper[fresh, 0])
    assert fresh.sum() > 3
    assert inside.mean() >= 0.7


def test_a_file_of_each_kind_has_every_row(run, new, tmp_path, cache):
    cells = {}
    for kind in (".csv", ".sdf", ".xlsx", ".parquet"):
        out = tmp_path / f"p{kind}"
        predict_molecules(PredictConfig(run, new, curve=CURVES[0], out=out))
        rows = read_input_rows(out)
        cells[kind] = [dict(zip(rows.header, row, strict=True)) for row in rows.cells]
    assert {len(rows) for rows in cells.values()} == {4}
    for rows in cells.values():
        assert [row["code"] for row in rows] == ["000", "001", "002", "003"]
        assert [row["reason"] for row in rows] == ["", "", "not a valid SMILES", ""]
    for kind in (".sdf", ".xlsx"):
        values = [[float(row["logp_upper"] or "nan") for row in cells[one]] for one in (".csv", kind)]
        np.testing.assert_allclose(*values, rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "curve", "models", "said"),
    [
        ({"model": "knn"}, CURVES[1], 2, "the best by validation of those of --model knn; --curve selects another"),
        ({"ensemble": "best"}, None, 1, "1 model at fraction 1"),
        ({"ensemble": "all"}, None, 4, "averaged by --ensemble all; --curve selects another: labels-mean"),
    ],
)
def test_which_models_predict_can_be_chosen(run, new, tmp_path, cache, capsys, settings, curve, models, said):
    found = predict_molecules(PredictConfig(run, new, out=tmp_path / "p.csv", **settings), quiet=False)
    assert said in capsys.readouterr().out
    assert curve in (None, found.curve)
    assert np.isnan(found.sd).all() == (models == 1)
    assert len(found.curve.split(" + ")) == max(1, models // 2)
    if models == 4:
        parts = [predict_molecules(PredictConfig(run, new, curve=name, out=tmp_path / "q.csv")) for name in CURVES[:2]]
        np.testing.assert_allclose(found.mean, np.mean([one.mean for one in parts], axis=0))


def test_choices_that_cannot_be_met(run, new, tmp_path, cache):
    out = tmp_path / "p.csv"
    with pytest.raises(ConfigError, match=r"no model 'rf'; the models of .* are knn ridge mean"):
        predict_molecules(PredictConfig(run, new, model="rf", out=out))
    with pytest.raises(ConfigError, match="no model 'knn' in curve ecfp-ridge"):
        predict_molecules(PredictConfig(run, new, model="knn", curve=CURVES[0], out=out))
    for wrong, message in (
        ({"coverage": 90.0}, "--coverage must be above 0 and below 1, such as 0.9; got 90"),
        ({"neighbors": -1}, "--neighbors must be 0 or more; got -1"),
        ({"ensemble": "none"}, "unknown ensemble 'none'; choose from curve, best, all"),
    ):
        with pytest.raises(ConfigError, match=message):
            PredictConfig(run, new, out=out, **wrong)


@pytest.mark.nightly
def test_a_run_without_labels_has_no_intervals(run, new, tmp_path, cache, capsys):
    copied = shutil.copytree(run, tmp_path / "copied")
    (copied / "labels.npz").unlink()
    found = predict_molecules(PredictConfig(copied, new, out=tmp_path / "p.csv"), quiet=False)
    assert found.calibrated is None
    assert "written by an older version, which did not save labels: no intervals" in capsys.readouterr().out
    assert "logp_lower" not in read_input_rows(tmp_path / "p.csv").header
    (copied / "labels.npz").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match=r"labels\.npz is damaged"):
        predict_molecules(PredictConfig(copied, new, out=tmp_path / "p.csv"))


@pytest.mark.slow
def test_copies_of_training_molecules_calibrate_nothing(csv_file, new, tmp_path, cache, capsys):
    with csv_file.open(newline="") as file:
        rows = [(row["smiles"], row["logp"]) for row in csv.DictReader(file)]
    with (tmp_path / "twice.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("smiles", "logp"), *rows, *rows[:50]])
    settings = {"target_columns": ("logp",), "model": "ridge", "baselines": (), "fractions": (1.0,), "seeds": 1}
    config = SweepConfig(csv=tmp_path / "twice.csv", task="regression", out=tmp_path / "run", **settings)
    run_sweep(config)
    predict_molecules(PredictConfig(config.out, new, out=tmp_path / "p.csv"), quiet=False)
    with np.load(config.out / "splits.npz") as splits:
        train, valid = {rows[k % len(rows)][0] for k in splits["train"]}, splits["valid"]
    unknown = sum(rows[k % len(rows)][0] not in train for k in valid)
    assert 0 < unknown < len(valid)
    assert f"90% intervals from the errors of {unknown} validation molecules" in capsys.readouterr().out
