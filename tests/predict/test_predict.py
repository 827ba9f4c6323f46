"""What a sweep keeps of its replicas, and predictions by it."""

import csv
import gzip
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from rdkit import Chem
from scipy.special import expit
from sklearn.metrics import roc_auc_score, root_mean_squared_error

from jaxmrl.cli.commands import predict_command
from jaxmrl.config import PredictConfig, PretrainConfig, SweepConfig
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.formats.input_rows import InputRows
from jaxmrl.io import storage
from jaxmrl.io.records import Rejected
from jaxmrl.predict import predict_molecules
from jaxmrl.predict.table import Predictions
from jaxmrl.pretrain import pretrain_encoder
from jaxmrl.runs import artifacts as kept
from jaxmrl.runs.directory import RunDirectory
from jaxmrl.runs.tables import read_results
from jaxmrl.sweep import run_sweep
from jaxmrl.sweep.load import load_run
from jaxmrl.training import checkpoint
from jaxmrl.training.interrupts import StopRequestedError
from jaxmrl.training.saved_model import load_arrays, load_trained, save_trained
from tests.sweep.test_sweep import SMALL as PROGRAMS

SMALL = {"target_columns": ("greasy", "rare"), "save_predictions": True, **PROGRAMS}
CURVE = "graph-gin-8x2,random,all,none"


@pytest.fixture(scope="module")
def run(csv_file, tmp_path_factory):
    """The run directory of a small sweep of classes with missing labels."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        return run_sweep(SweepConfig(csv=csv_file, out=folder / "run", **SMALL)).directory


@pytest.fixture
def copied(run, tmp_path):
    """A copy of it, to be spoilt."""
    return shutil.copytree(run, tmp_path / "copied")


def table_of(path):
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def saved(folder, curve=CURVE, fraction="1"):
    """The saved predictions of a curve's replicas, one table for each seed."""
    paths = sorted((folder / "predictions").glob(f"{curve},{fraction},*.npz"))
    assert paths
    return [table_of(path) for path in paths]


def write_csv(path, smiles, header="smiles"):
    path.write_text("\n".join([header, *smiles]) + "\n")
    return path


def smiles_of(csv_file):
    with csv_file.open(newline="") as file:
        return [row["smiles"] for row in csv.DictReader(file)]


def test_saved_predictions_give_the_results(run, csv_file):
    with csv_file.open(newline="") as file:
        labels = np.array([float(row["greasy"] or "nan") for row in csv.DictReader(file)])
    splits = table_of(run / "splits.npz")
    rows = read_results(run / "results.csv")
    assert {f"{kept.kept_name(row)}.npz" for row in rows} == {path.name for path in (run / "predictions").iterdir()}
    for row in rows:
        found = table_of(run / "predictions" / f"{kept.kept_name(row)}.npz")
        assert list(found) == ["molecule_id", "part", "values", "greasy", "rare"]
        assert found["values"] == "logits"
        assert found["greasy"].dtype == np.float32
        for part, metric in (("valid", row.valid), ("test", row.tests["greasy"])):
            mine = found["part"] == part
            assert found["molecule_id"][mine].tolist() == sorted(splits[part])
            truth = labels[found["molecule_id"]]
            judged = mine & ~np.isnan(truth)
            assert roc_auc_score(truth[judged], found["greasy"][judged]) == pytest.approx(metric, abs=1e-5)


@pytest.mark.slow
def test_asking_for_predictions_changes_nothing_else(run, csv_file, tmp_path, cache):
    plain = run_sweep(
        SweepConfig(csv=csv_file, out=tmp_path / "plain", **SMALL | {"save_predictions": False})
    ).directory
    assert {path.name for path in run.iterdir()} - {path.name for path in plain.iterdir()} == {
        "predictions",
        "ensembles.csv",
    }
    for name in ("results.csv", "curves.csv", "splits.npz", "molecules.csv"):
        assert (plain / name).read_bytes() == (run / name).read_bytes()


def test_models_of_the_largest_fraction_stay(run):
    rows = {kept.kept_name(row): row for row in read_results(run / "results.csv") if row.fraction == 1}
    assert {path.name for path in (run / "models").iterdir()} == rows.keys()
    assert set(rows) == {f"{CURVE},1,0", f"{CURVE},1,1"}
    for name, row in rows.items():
        assert json.loads((run / "models" / name / "host.json").read_text())["row"] == row.cells() | {"pruning": "all"}
        _, train = load_arrays(load_trained(run / "models" / name))
        assert sorted(train) == sorted(table_of(run / "splits.npz")["train"])


def test_the_sweeps_own_molecules_are_predicted_as_the_sweep_did(run, csv_file, tmp_path, cache, capsys):
    found = predict_molecules(PredictConfig(run, csv_file, out=tmp_path / "p.csv"), quiet=False)
    tables = saved(run)
    assert len(tables) == 2
    at = np.searchsorted(found.ids, tables[0]["molecule_id"])
    for k, task in enumerate(("greasy", "rare")):
        both = expit(np.array([table[task] for table in tables], np.float64))
        np.testing.assert_allclose(found.mean[at, k], both.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(found.sd[at, k], both.std(axis=0, ddof=1), atol=1e-5)
    with csv_file.open(newline="") as file:
        truth = np.array([float(row["greasy"] or "nan") for row in csv.DictReader(file)])[found.ids]
    tested = np.isin(found.ids, table_of(run / "splits.npz")["test"]) & ~np.isnan(truth)
    (whole,) = (one for one in load_run(run).ensembles if one.fraction == 1)
    assert whole.n_seeds == 2
    assert roc_auc_score(truth[tested], found.mean[tested, 0]) == pytest.approx(whole.ensemble, abs=1e-5)
    printed = capsys.readouterr().out
    assert f"; test ROC-AUC of their mean prediction {whole.ensemble:.4g}" in printed
    trained = np.isin(found.ids, table_of(run / "splits.npz")["train"])
    assert (
        f"{trained.sum()} of {len(found.ids)} molecules in the file were training molecules of at least one" in printed
    )
    assert 0.3 < found.leverage[trained].mean() < 1.5
    assert (found.nearest[trained] == 1).all()
    assert found.nearest[~trained].mean() < 0.7
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("molecule_id", "smiles", "logp", "input greasy", "input rare"),
        *(f"{task}{end}" for task in ("greasy", "rare") for end in ("", "_sd", "_calibrated", "_lower", "_upper")),
        *("nearest_training", "leverage", "unseen", "curve", "reason"),
    ]
    assert [int(row["molecule_id"]) for row in rows] == list(range(162))
    np.testing.assert_allclose([float(rows[k]["greasy"]) for k in found.ids], found.mean[:, 0], rtol=1e-7)
    assert list(rows[160].values()) == ["160", "rubbish", "1.0", "1", "0", *[""] * 14, "not a valid SMILES"]
    assert [row["reason"] for row in rows if row["reason"]] == ["not a valid SMILES"]
    assert {row["unseen"] for row, seen in zip(rows, trained, strict=False) if seen} == {""}


def test_the_arrays_of_each_model_are_read_once(run, csv_file, tmp_path, cache, monkeypatch):
    read, paths = storage.read_arrays, []
    monkeypatch.setattr(storage, "read_arrays", lambda path, form: [paths.append(path), read(path, form)][1])
    found = predict_molecules(PredictConfig(run=run, csv=csv_file, out=tmp_path / "predictions.csv"))
    assert found.calibrated is not None
    assert found.leverage is not None
    assert sorted(paths) == sorted((run / "models").glob(f"{CURVE},1,*"))


@pytest.mark.slow
def test_the_order_of_rows_and_the_size_of_batches_change_nothing(run, csv_file, tmp_path, cache):
    rng = np.random.default_rng(0)
    smiles = [*smiles_of(csv_file)[:60], "CCO", "CCO"]
    one = predict_molecules(PredictConfig(run, write_csv(tmp_path / "a.csv", smiles), out=tmp_path / "o.csv"))
    order = rng.permutation(len(smiles))
    shuffled = write_csv(tmp_path / "b.csv", [smiles[k] for k in order])
    other = predict_molecules(PredictConfig(run, shuffled, out=tmp_path / "o.csv"))
    assert [one.smiles[k] for k in order] == other.smiles
    for name in ("mean", "sd", "nearest"):
        np.testing.assert_array_equal(getattr(one, name)[order], getattr(other, name))
    small = predict_molecules(PredictConfig(run, shuffled, out=tmp_path / "o.csv", batch_size=7))
    np.testing.assert_allclose(small.mean, other.mean, atol=1e-6)


def test_rows_that_cannot_be_used(run, tmp_path, cache, capsys):
    path, out = tmp_path / "new.csv.gz", tmp_path / "p.csv"
    with gzip.open(path, "wt") as file:
        file.write("name,mol,greasy\na,CCO,nonsense\nb,rubbish,1\nc,CC,1,1\nd,,1\n\ne,[Pt]C[Pt],\n")
    found = predict_molecules(PredictConfig(run, path, smiles_column="mol", out=out), quiet=False)
    printed = capsys.readouterr().out
    assert found.ids.tolist() == [0, 4]
    assert found.smiles == ["CCO", "[Pt]C[Pt]"]
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["mol"], row["input greasy"]) for row in rows] == [
        *(("a", "CCO", "nonsense"), ("b", "rubbish", "1"), ("c", "CC", "1"), ("d", "", "1"), ("e", "[Pt]C[Pt]", "")),
    ]
    reasons = ["", "not a valid SMILES", "4 fields, expected 3", "empty SMILES", ""]
    assert [row["reason"] for row in rows] == reasons
    assert [row["greasy"] == "" for row in rows] == [bool(reason) for reason in reasons]
    assert [row["unseen"] for row in rows] == ["", "", "", "", "element Pt"]
    assert f"{path}: 5 rows, 3 rejected" in printed
    reasons = "1: not a valid SMILES (line 3); 1: 4 fields, expected 3 (line 4); 1: empty SMILES (line 5)"
    assert f"no prediction, see column reason: {reasons}" in printed
    assert "1 of 2 molecules with a feature that no training molecule has, see column unseen: element Pt (1)" in printed
    assert f"{CURVE}: 2 models at fraction 1" in printed
    assert "has not ended" not in printed
    far = int((found.nearest < 0.3).sum())
    assert far >= 1
    assert f"{far} of 2 molecules below 0.3: they are unlike all training molecules" in printed
    with pytest.raises(DataError, match="none of the 2 rows can be used; column smiles, line 2: not a valid SMILES"):
        predict_molecules(
            PredictConfig(run, write_csv(tmp_path / "bad.csv", ["rubbish", "C1CC"]), out=tmp_path / "q.csv")
        )
    assert not (tmp_path / "q.csv").exists()


def test_one_model_has_no_spread_and_parquet_has_the_same(copied, tmp_path, cache, capsys):
    from pyarrow import parquet

    shutil.rmtree(copied / "models" / f"{CURVE},1,1")
    (copied / "curves.csv").unlink()
    new = write_csv(tmp_path / "new.csv", ["CCO", "c1ccccc1"])
    found = predict_molecules(PredictConfig(copied, new, out=tmp_path / "p.csv"), quiet=False)
    assert f"the sweep in {copied} is not finished: these are the models so far" in capsys.readouterr().out
    assert np.isnan(found.sd).all()
    assert (tmp_path / "p.csv").read_text().splitlines()[1].split(",")[3] == ""
    predict_molecules(PredictConfig(copied, new, out=tmp_path / "p.parquet"))
    table = parquet.read_table(tmp_path / "p.parquet").to_pydict()
    assert table["smiles"] == ["CCO", "c1ccccc1"]
    np.testing.assert_array_equal(table["rare"], found.mean[:, 1])


def test_tasks_that_are_called_like_other_columns():
    values = np.arange(8.0).reshape(2, 4)
    tasks = ("a", "a_sd", "smiles", "b")
    source = InputRows(["smiles", "b", "input b", "reason"], [2, 3, 4], [["C", "x", "y", "z"], ["CC"] * 4, ["CCC"] * 4])
    rejected = (Rejected(3, "CC", "why"),)
    found = Predictions(
        "", tasks, np.array([0, 2]), ["C", "CCC"], values, values + 10, np.ones(2), ["", "element C"], rejected
    )
    columns = found.columns(source)
    np.testing.assert_array_equal(columns["a_sd"], [10, np.nan, 14])
    np.testing.assert_array_equal(columns["label a_sd"], [1, np.nan, 5])
    np.testing.assert_array_equal(columns["smiles"], [2, np.nan, 6])
    np.testing.assert_array_equal(columns["smiles_sd"], [12, np.nan, 16])
    kept = {name: columns[name].tolist() for name in ("input smiles", "input b", "input input b", "input reason")}
    assert list(kept.values()) == [["C", "CC", "CCC"], ["x", "CC", "CCC"], ["y", "CC", "CCC"], ["z", "CC", "CCC"]]
    assert columns["reason"].tolist() == ["", "why", ""]
    assert columns["unseen"].tolist() == ["", "", "element C"]
    assert len(columns) == 1 + 4 + 2 * len(tasks) + 4
    assert list(found.columns(source, ("b",)))[:3] == ["molecule_id", "input b", "a"]


def assert_same_run(one, other):
    """Predictions to the byte; models but for the times that Orbax writes."""
    for name in ("results.csv", "molecules.csv", "splits.npz"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    for folder in ("predictions", "models"):
        assert {path.name for path in (one / folder).iterdir()} == {path.name for path in (other / folder).iterdir()}
    for path in (one / "predictions").iterdir():
        assert path.read_bytes() == (other / "predictions" / path.name).read_bytes()
    for path in (one / "models").iterdir():
        twin = other / "models" / path.name
        assert storage.is_sound(twin)
        assert storage.read_host(path) == storage.read_host(twin)
        arrays = (load_arrays(load_trained(folder)) for folder in (path, twin))
        jax.tree.map(np.testing.assert_array_equal, *arrays)


@pytest.mark.nightly
def test_stopped_at_every_moment_the_files_are_the_same(run, csv_file, tmp_path, cache, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    save, stops = checkpoint.save, []

    def save_and_stop(folder, engine):
        save(folder, engine)
        stops.append(folder)
        raise StopRequestedError

    monkeypatch.setattr(checkpoint, "save", save_and_stop)
    for _ in range(100):
        try:
            run_sweep(SweepConfig(csv=csv_file, out=tmp_path / "run", **SMALL))
            break
        except StopRequestedError:
            pass
    assert len(stops) > 3
    assert_same_run(run, tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before the row", "within the model", "then as the model is removed"])
def test_killed_while_a_replica_is_kept_the_files_are_the_same(run, csv_file, tmp_path, cache, monkeypatch, moment):
    config = SweepConfig(csv=csv_file, out=tmp_path / "run", **SMALL)

    def killed(*_):
        raise KeyboardInterrupt

    append = RunDirectory.append_result

    def append_unless_whole(folder, row):
        killed() if row.fraction == 1 else append(folder, row)

    with monkeypatch.context() as patch:
        if moment == "within the model":
            patch.setattr(storage, "checksums_of", killed)
        else:
            patch.setattr(RunDirectory, "append_result", append_unless_whole)
        with pytest.raises(KeyboardInterrupt):
            run_sweep(config)
        if moment == "then as the model is removed":
            patch.setattr(Path, "rename", lambda old, new: (os.rename(old, new), killed()))
            with pytest.raises(KeyboardInterrupt):
                run_sweep(config)
    left = {
        "before the row": f"{CURVE},1,0",
        "within the model": "unfinished",
        "then as the model is removed": f".{CURVE},1,0.removed",
    }
    assert [path.name for path in (tmp_path / "run" / "models").iterdir()] == [left[moment]]
    if moment != "before the row":
        with pytest.raises(ConfigError, match="has no models: no replica of its largest fraction has finished"):
            predict_molecules(PredictConfig(tmp_path / "run", csv_file, out=tmp_path / "p.csv"))
    run_sweep(config)
    assert_same_run(run, tmp_path / "run")


def ended(arguments, monkeypatch, capsys):
    """(exit code, what stands on standard error) of the command, in this process."""
    monkeypatch.setattr("jaxmrl.cli.commands.keep_compiled", lambda: None)
    monkeypatch.setattr(sys, "argv", ["predict", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        predict_command()
    return end.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{run}"], "--csv"),
        (["--csv", "{csv}"], "RUN_DIR"),
        (["{folder}", "--csv", "{csv}"], "is not a run of jaxmrl.sweep: give the folder that has results.csv"),
        (["{missing}", "--csv", "{csv}"], "is not a run of jaxmrl.sweep"),
        (["{run}", "--csv", "{missing}"], "No such file"),
        (["{run}", "--csv", "{empty}"], "is empty"),
        (["{run}", "--csv", "{csv}", "--smiles-column", "mine"], "no column 'mine'; its columns are smiles, logp"),
        (
            ["{run}", "--csv", "{csv}", "--keep-columns", "logp", "id"],
            "has no column 'id'; its columns are smiles, logp",
        ),
        (["{run}", "--csv", "{csv}", "--curve", "best"], f"unknown curve 'best'; choose from {CURVE}"),
        (["{run}", "--csv", "{csv}", "--out", "p.npz"], "--out must end in .csv, .parquet, .xlsx or .sdf; got p.npz"),
        (["{run}", "--csv", "{csv}", "--out", "{csv}"], "would replace --csv"),
        (["{run}", "--csv", "{csv}", "--out", "{empty}/p.csv"], "cannot write"),
        (["{run}", "--csv", "{csv}", "--batch-size", "0"], "--batch-size must be 1 or more; got 0"),
        (["{run}", "--csv", "{csv}", "--seeds", "3"], "--seeds"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, list) else "",
)
def test_wrong_commands_end_with_one_clear_line(run, csv_file, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.setenv("JAXMRL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "empty").write_text("")
    names = {name: tmp_path / name for name in ("empty", "missing")} | {"csv": csv_file, "run": run, "folder": tmp_path}
    monkeypatch.chdir(tmp_path)
    code, errors = ended([argument.format(**names) for argument in arguments], monkeypatch, capsys)
    assert code == 2
    assert message in errors
    assert errors.count("\n") == 1


def remove_models(folder):
    shutil.rmtree(folder / "models")


def flip_a_byte(folder):
    path = max((folder / "models").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def make_of_positions(folder):
    for path in list((folder / "models").iterdir()):
        model = load_trained(path)
        save_trained(replace(model, has_smiles=False), *load_arrays(model))


def lose_a_molecule(folder):
    lines = (folder / "molecules.csv").read_text().splitlines(keepends=True)
    (folder / "molecules.csv").write_text("".join(lines[:-20]))


def spoil_a_molecule(folder):
    content = (folder / "molecules.csv").read_text()
    (folder / "molecules.csv").write_text(content.rstrip() + "(\n")


def write_rubbish(folder):
    (folder / "molecules.csv").write_bytes(b"molecule_id,smiles\n\xff,x\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove_models, "has no models: no replica of its largest fraction has finished, or an older version wrote it"),
        (flip_a_byte, "is a damaged model of a sweep; run the sweep again"),
        (make_of_positions, "learned from positions of atoms"),
        (lose_a_molecule, "lacks molecules that its models learned from; sweep again"),
        (write_rubbish, "molecules.csv is damaged; run the sweep again"),
        (spoil_a_molecule, r"a molecule that cannot be read \(not a valid SMILES\): it is damaged, or was written"),
        (lambda folder: (folder / "molecules.csv").unlink(), "cannot read .*molecules.csv: No such file"),
    ],
)
def test_spoilt_runs_are_refused(copied, csv_file, tmp_path, cache, spoil, message):
    spoil(copied)
    with pytest.raises(ConfigError, match=message):
        predict_molecules(PredictConfig(copied, csv_file, out=tmp_path / "p.csv"))
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.nightly
def test_the_command_needs_nothing_but_the_run(run, csv_file, tmp_path):
    """Not the data of the sweep, nor the cache, nor the place it was in."""
    moved = shutil.copytree(run, tmp_path / "moved")
    config = moved / "config.toml"
    config.write_text(config.read_text().replace(str(csv_file), "gone.csv"))
    new = write_csv(tmp_path / "new.csv", ["CCO", "CC(=O)Oc1ccccc1C(=O)O", "not one"])
    words = [sys.executable, "-m", "jaxmrl.predict", moved, "--csv", new, "--out", tmp_path / "p.csv"]
    environment = os.environ | {"JAXMRL_CACHE": str(tmp_path / "cache")}
    end = subprocess.run(list(map(str, words)), capture_output=True, text=True, env=environment, timeout=300)
    assert end.returncode == 0, end.stderr
    assert end.stderr == ""
    assert "2 molecules predicted" in end.stdout
    found = predict_molecules(PredictConfig(run, new, out=tmp_path / "q.csv"))
    assert (tmp_path / "p.csv").read_bytes() == (tmp_path / "q.csv").read_bytes()
    assert len(found.ids) == 2


def assert_predicts_as_saved(config, fraction):
    found = predict_molecules(config)
    tables = saved(config.run, config.curve, fraction)
    at = np.searchsorted(found.ids, tables[0]["molecule_id"])
    mean = np.mean([table["logp"] for table in tables], axis=0)
    np.testing.assert_allclose(found.mean[at, 0], mean, atol=1e-5, err_msg=config.curve)
    return found


@pytest.mark.nightly
def test_a_sweep_with_several_curves(csv_file, tmp_path, cache, capsys):
    modalities = ("graph", "fingerprint", "smiles")
    axes = {"modality": modalities, "split": ("random", "scaffold")}
    settings = {"target_columns": ("logp",), "fractions": (0.5,), "seeds": 2, "epochs": 4, "batch_size": 64}
    more = {"smiles_variants": 2, "fingerprint_radius": 1, "fingerprint_bits": 128, "save_predictions": True}
    folder = tmp_path / "run"
    result = run_sweep(SweepConfig(csv=csv_file, width=8, depth=1, out=folder, **axes, **settings, **more))
    names = {kept.curve_name(row): [] for row in result.rows}
    for row in result.rows:
        names[kept.curve_name(row)].append(row.valid)
    assert len(names) == 2 * len(modalities)
    assert "smiles-transformer-8x1,scaffold,random,none" in names
    best = min(names, key=lambda name: np.mean(names[name]))
    found = predict_molecules(PredictConfig(folder, csv_file, out=tmp_path / "p.csv"), quiet=False)
    printed = capsys.readouterr().out
    assert found.curve == best
    assert printed.startswith(f"{best}: 2 models at fraction 0.5, mean validation RMSE ")
    assert "the best by validation; --curve selects another: " in printed
    assert "curves of different splits were validated on different molecules" in printed
    for name in names:
        found = assert_predicts_as_saved(PredictConfig(folder, csv_file, curve=name, out=tmp_path / "p.csv"), "0.5")
        seen = np.unique(
            np.concatenate([load_arrays(model)[1] for model in kept.read_models(folder, load_trained)[name]])
        )
        split = "" if ",random,random," in name else "scaffold_"
        assert set(seen) < set(table_of(folder / "splits.npz")[f"{split}train"]), "half of them, for each seed"
        assert (found.nearest[np.isin(found.ids, seen)] == 1).all()
        unseen = found.nearest[~np.isin(found.ids, seen)]
        assert (unseen < 1).mean() > 0.9
    unknown = PredictConfig(folder, write_csv(tmp_path / "new.csv", ["C[Xe]C"]), curve=name, out=tmp_path / "p.csv")
    assert "smiles" in name
    assert np.isfinite(predict_molecules(unknown).mean).all(), "a token that the vocabulary lacks is the unknown one"


@pytest.mark.nightly
@pytest.mark.parametrize("freeze", [False, True])
def test_curves_of_pre_trained_encoders(csv_file, tmp_path, cache, freeze):
    encoder, folder, settings = tmp_path / "my mae", tmp_path / "run", {"width": 8, "depth": 2, "batch_size": 32}
    pretrain_encoder(PretrainConfig(csv=csv_file, epochs=1, out=encoder, **settings))
    more = {"target_columns": ("logp",), "fractions": (1.0,), "epochs": 2, "save_predictions": True, "freeze": freeze}
    run_sweep(SweepConfig(csv=csv_file, init=("none", str(encoder)), out=folder, **settings, **more))
    names = [f"graph-gin-8x2,random,all,{init}" for init in ("none", "my%20mae")]
    configs = [PredictConfig(folder, csv_file, curve=name, out=tmp_path / "p.csv") for name in names]
    shutil.rmtree(encoder)
    fresh, begun = (assert_predicts_as_saved(config, "1") for config in configs)
    assert not np.allclose(fresh.mean, begun.mean, atol=1e-3)


@pytest.mark.nightly
def test_prunings_share_what_learned_from_all_molecules(csv_file, tmp_path, cache):
    path = tmp_path / "mine.csv"
    path.write_text("molecule_id,my/score\n" + "".join(f"{k},{k % 7}\n" for k in range(162)))
    config = SweepConfig(
        csv=csv_file,
        pruning=("random", "my/score"),
        scores=path,
        out=tmp_path / "run",
        **SMALL | {"seeds": 1, "fractions": (0.5, 1.0)},
    )
    result = run_sweep(config)
    predictions = {path.stem for path in (result.directory / "predictions").iterdir()}
    shape = "graph-gin-8x2,random"
    assert (
        predictions
        == {
            f"{shape},random,none,0.5,0",
            f"{shape},my%2Fscore,none,0.5,0",
            f"{shape},all,none,1,0",
        }
        == {kept.kept_name(row) for row in result.rows}
    )
    (model,) = (result.directory / "models").iterdir()
    assert model.name == f"{shape},all,none,1,0"
    half = SweepConfig(**vars(config) | {"fractions": (0.5,), "out": tmp_path / "half"})
    models = {path.name for path in (run_sweep(half).directory / "models").iterdir()}
    assert models == predictions - {model.name}


@pytest.mark.nightly
def test_conformers_with_references_of_atoms(nci, tmp_path, cache, capsys):
    """An energy of atoms, hydrogens included, and a little more: each model subtracts its own references."""
    path, rng = tmp_path / "energy.csv", np.random.default_rng(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "energy"])
        for smiles in nci[0]:
            atoms = Chem.AddHs(Chem.MolFromSmiles(smiles)).GetAtoms()
            writer.writerow([smiles, -sum(atom.GetAtomicNum() ** 2.4 for atom in atoms) + rng.normal()])
    settings = {"modality": ("geometry",), "model": ("schnet",), "width": 8, "depth": 1, "cutoff": 4.0, "epochs": 2}
    more = {"fractions": (1.0,), "seeds": 2, "batch_size": 64, "save_predictions": True}
    result = run_sweep(SweepConfig(csv=path, out=tmp_path / "run", **settings, **more))
    (models,) = kept.read_models(result.directory, load_trained).values()
    assert models[0].elements[:3] == (1, 6, 7)
    new = write_csv(tmp_path / "new.csv", [*nci[0], "C[U]", "*C"])
    found = predict_molecules(PredictConfig(result.directory, new, out=tmp_path / "p.csv"), quiet=False)
    assert "1 molecule with an element that no molecule of the sweep has: it counts as 0" in capsys.readouterr().out
    assert found.rejected[-1].reason == "no conformer: a dummy atom has no size"
    tables = saved(result.directory, kept.curve_name(result.rows[0]))
    ids = tables[0]["molecule_id"]
    mean = np.mean([table["energy"] for table in tables], axis=0)
    np.testing.assert_allclose(found.mean[np.searchsorted(found.ids, ids), 0], mean, rtol=1e-5)
    with path.open(newline="") as file:
        truth = np.array([float(row["energy"]) for row in csv.DictReader(file)])
    for row, table in zip(result.rows, tables, strict=True):
        test = table["part"] == "test"
        error = root_mean_squared_error(truth[table["molecule_id"][test]], table["energy"][test])
        assert row.test == pytest.approx(error, rel=1e-4)


@pytest.mark.nightly
def test_runs_of_positions_keep_models_and_refuse_smiles(tmp_path, csv_file, nci):
    from jaxmrl.modalities.geometry.conformers import embed_all

    conformers, _ = embed_all(nci[0][:40])
    arrays = {"R": conformers.position, "Z": conformers.atom, "N": conformers.size}
    np.savez(tmp_path / "mine.npz", gap=np.random.default_rng(0).normal(size=len(conformers.size)), **arrays)
    settings = {"width": 8, "depth": 1, "epochs": 1, "fractions": (1.0,), "seeds": 1, "batch_size": 16}
    result = run_sweep(SweepConfig(npz=tmp_path / "mine.npz", out=tmp_path / "run", model="schnet", **settings))
    assert not (result.directory / "molecules.csv").exists()
    assert [path.name for path in (result.directory / "models").iterdir()] == [kept.kept_name(result.rows[0])]
    with pytest.raises(ConfigError, match=r"learned from positions of atoms, and .* has SMILES: sweep a --csv"):
        predict_molecules(PredictConfig(result.directory, csv_file, out=tmp_path / "p.csv"))
