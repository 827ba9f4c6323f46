"""`--tune`: which settings go on, which is chosen, what is written of them, and what plays no part."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from jaxmrl.config import FitConfig, PredictConfig, SweepConfig
from jaxmrl.curves.table import read_curves
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.predict import predict_molecules
from jaxmrl.reports.tuning_table import tuning_lines
from jaxmrl.runs.curves import curves_of
from jaxmrl.runs.tuning import NO, YES, TuningRow, chosen_rows, read_tuning
from jaxmrl.sweep import run_sweep
from jaxmrl.sweep.estimate import estimate
from jaxmrl.sweep.tuning import divisors, rank
from jaxmrl.training import checkpoint
from jaxmrl.training.interrupts import StopRequestedError
from jaxmrl.training.saved_model import load_trained
from tests.support.rows import result_row
from tests.support.tiny import TINY

TUNED = TINY | {"model": ("gin",), "fractions": (0.5, 1.0), "seeds": 2, "epochs": 6, "tune": 4}


def trial(candidate, valid, rung=1, metric="rmse"):
    curve = result_row(tuning="9").curve
    return TuningRow(
        curve, 42, 1.0, 10, 0, rung, candidate, 5, "finished", metric, valid, best_epoch=2, rank=0, kept="", chosen=NO
    )


def test_few_settings_have_fewer_rungs():
    assert [divisors(n) for n in (2, 3, 8, 9, 64)] == [(1,), (3, 1), (3, 1), (9, 3, 1), (9, 3, 1)]


@pytest.mark.parametrize(("metric", "sign"), [("rmse", 1), ("roc_auc", -1), ("rmse / sd", 1)])
def test_a_third_goes_on_and_the_default_always(metric, sign):
    values = [0.9, 0.5, 0.4, None, 0.4, 0.8]
    rows = [trial(k, value and sign * value, metric=metric) for k, value in enumerate(values)]
    ranked = rank(rows, is_last=False)
    assert [row.rank for row in ranked] == [5, 3, 1, 6, 2, 4]
    assert [row.candidate for row in ranked if row.kept == YES] == [0, 2, 4]
    assert {row.chosen for row in ranked} == {NO}
    last = rank(rows, is_last=True)
    assert (
        [row.candidate for row in last if row.kept == YES]
        == [2]
        == [k for k, row in enumerate(last) if row.chosen == YES]
    )


def test_the_default_is_chosen_among_equals_and_where_all_diverged():
    for values in ([0.5, 0.5, 0.6], [None, None, None]):
        last = rank([trial(k, value) for k, value in enumerate(values)], is_last=True)
        assert [row.chosen for row in last] == [YES, NO, NO]


def test_words_name_the_choice_and_the_default():
    rows = rank([trial(0, 0.5), trial(1, 0.4)], is_last=True)
    settings = replace(rows[1].curve, learning_rate=0.00312, weight_decay=0.2, dropout=0.1, positive_weight=1.0)
    rows = [replace(rows[0], curve=replace(rows[0].curve, weight_decay=0.0)), replace(rows[1], curve=settings)]
    assert tuning_lines(rows) == [
        "graph-gin-64x3, 10 molecules: the best of 2 settings has learning rate 0.00312, weight decay 0.2, dropout 0.1 "
        "(validation RMSE 0.4; with the default 0.5)"
    ]
    rows = rank([trial(0, 0.5), trial(1, 0.6)], is_last=True)
    assert tuning_lines(rows) == [
        "graph-gin-64x3, 10 molecules: of 2 settings, none is better than the default (validation RMSE 0.5)"
    ]


def test_a_curve_that_was_tuned_at_each_size_is_one_curve(tmp_path):
    rows = [
        result_row(fraction=f, n_train=n, seed=seed, learning_rate=rate, tuning="8 at each size")
        for f, n, rate in ((0.5, 50, 0.01), (1.0, 100, 0.003))
        for seed in (0, 1)
    ]
    (curve,) = curves_of(rows)
    assert [point.n_train for point in curve.points] == [50, 100]
    assert curve.identity.learning_rate is None
    with (tmp_path / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].cells(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row.cells() for row in rows)
    (read,) = read_curves(FitConfig(csv=tmp_path / "results.csv")).curves
    assert read.n.tolist() == [50, 50, 100, 100]


@pytest.fixture(scope="module")
def tuned(csv_file, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(tmp_path_factory.mktemp("cache")))
        out = tmp_path_factory.mktemp("run") / "here"
        return run_sweep(SweepConfig(**TUNED, csv=csv_file, out=out))


def contents(run):
    return {path: path.read_bytes() for path in run.directory.rglob("*") if path.is_file()}


def test_the_file_has_a_row_for_each_setting_and_rung(tuned):
    rows = read_tuning(tuned.directory)
    first, second = ([row for row in rows if row.rung == rung] for rung in (1, 2))
    assert [row.candidate for row in first] == [0, 1, 2, 3]
    assert [row.steps for row in first] == [2] * 4
    assert {row.candidate for row in second} == {row.candidate for row in first if row.kept == YES} >= {0}
    assert [row.steps for row in second] == [6] * len(second)
    assert {row.fraction for row in rows} == {1.0}
    (chosen,) = chosen_rows(rows).values()
    assert chosen.valid == min(row.valid for row in second)


def test_rows_models_and_the_report_have_the_chosen_setting(tuned):
    (chosen,) = chosen_rows(read_tuning(tuned.directory)).values()
    for row in tuned.rows:
        assert row.curve == chosen.curve
        assert row.curve.tuning == "4"
    paths = list((tuned.directory / "models").iterdir())
    assert len(paths) == 2
    for path in paths:
        model = load_trained(path)
        assert (model.training_spec.learning_rate, model.training_spec.model.dropout) == (
            chosen.settings.learning_rate,
            chosen.settings.dropout,
        )
    page = (tuned.directory / "report.html").read_text()
    assert "The best of 4 settings on the validation molecules" in page


def test_repeating_the_command_trains_nothing(tuned, csv_file, cache, monkeypatch):
    monkeypatch.setattr("jaxmrl.training.engines.Engine", None)
    before = contents(tuned)
    run_sweep(SweepConfig(**TUNED, csv=csv_file, out=tuned.directory))
    assert contents(tuned) == before


@pytest.mark.slow
def test_labels_of_test_molecules_play_no_part(tuned, csv_file, cache, tmp_path):
    with np.load(tuned.directory / "splits.npz") as file:
        test = file["test"]
    with csv_file.open(newline="") as file:
        header, *rows = csv.reader(file)
    labels = [rows[k][1] for k in np.roll(test, 1)]
    for k, label in zip(test, labels, strict=True):
        rows[k][1] = label
    with (tmp_path / "mine.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    other = run_sweep(SweepConfig(**TUNED, csv=tmp_path / "mine.csv", out=tmp_path / "run"))
    assert (other.directory / "tuning.csv").read_bytes() == (tuned.directory / "tuning.csv").read_bytes()
    assert [row.valid for row in other.rows] == [row.valid for row in tuned.rows]
    assert [row.test for row in other.rows] != [row.test for row in tuned.rows]


@pytest.mark.nightly
def test_an_interrupted_tuning_ends_with_the_same_bytes(tuned, csv_file, cache, tmp_path, monkeypatch):
    """Stopped in the first rung with lanes half-way, after some of its settings have ended, and in the second."""
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    save, saved, stopped = checkpoint.save, 0, []

    def save_and_stop(folder, engine):
        nonlocal saved
        save(folder, engine)
        saved += "tuning" in str(folder)
        if "tuning" in str(folder) and saved in (1, 6, 12):
            stopped.append((folder.parent.name, len(read_tuning(tmp_path / "run"))))
            raise StopRequestedError

    monkeypatch.setattr(checkpoint, "save", save_and_stop)
    for _ in range(3):
        with pytest.raises(StopRequestedError):
            run_sweep(SweepConfig(**TUNED, csv=csv_file, out=tmp_path / "run"))
    result = run_sweep(SweepConfig(**TUNED, csv=csv_file, out=tmp_path / "run"))
    assert [name for name, _ in stopped] == [f"tuning-graph-gin-8x2-{rung}" for rung in (1, 1, 2)]
    assert stopped[0][1] == 0 < stopped[1][1] < 4 <= stopped[2][1]
    for name in ("tuning.csv", "results.csv"):
        assert (result.directory / name).read_bytes() == (tuned.directory / name).read_bytes()


@pytest.mark.nightly
def test_torn_and_missing_rows_are_trained_again(tuned, csv_file, cache, tmp_path):
    out = tmp_path / "copy"
    out.mkdir()
    for name in ("config.toml", "run.json"):
        (out / name).write_bytes((tuned.directory / name).read_bytes())
    lines = (tuned.directory / "tuning.csv").read_text().splitlines(keepends=True)
    (out / "tuning.csv").write_text("".join(lines[:3]) + lines[3][:30])
    result = run_sweep(SweepConfig(**TUNED, csv=csv_file, out=out))
    assert (out / "tuning.csv").read_text() == "".join(lines)
    assert result.rows == tuned.rows


def test_a_changed_or_damaged_file_is_refused(tuned, csv_file, cache, tmp_path):
    out = tmp_path / "copy"
    out.mkdir()
    for name in ("config.toml", "run.json"):
        (out / name).write_bytes((tuned.directory / name).read_bytes())
    header, first, second, *_ = (tuned.directory / "tuning.csv").read_text().splitlines(keepends=True)
    rate = second.split(",")[10]
    for changed, error, message in (
        (second.replace(f",{rate},", ",0.5,", 1), ConfigError, r"setting 1 is .*0\.5.*Delete the file to tune anew"),
        (second.replace(f",{rate},", ",,", 1), DataError, "row 2 below the header, column learning_rate is empty"),
        (second.replace(f",{rate},", ",much,", 1), DataError, "'much' is not a number: the file is damaged"),
    ):
        (out / "tuning.csv").write_text(header + first + changed)
        with pytest.raises(error, match=message):
            run_sweep(SweepConfig(**TUNED, csv=csv_file, out=out))


@pytest.mark.nightly
def test_each_size_of_classes_is_tuned_and_more_are_added(csv_file, cache, tmp_path, capsys):
    settings = TUNED | {"target_columns": ("greasy",), "tune": 5, "tune_each_size": True, "fractions": (0.5,)}
    settings |= {"epochs": 30, "batch_size": 32, "learning_rate": 1e-4}  # so low that others do better
    out = tmp_path / "run"
    run_sweep(SweepConfig(**settings, csv=csv_file, out=out))
    before = chosen_rows(read_tuning(out))
    grown = SweepConfig(**settings | {"fractions": (0.5, 1.0), "width": (8, 16)}, csv=csv_file, out=out)
    (small, large) = estimate(grown)[:2]
    assert (small.name, large.name) == ("tuning graph-gin-8x2", "tuning graph-gin-16x2")
    result = run_sweep(grown, extend=True, quiet=False)
    chosen = chosen_rows(read_tuning(out))
    assert len(chosen) == 4
    assert {key: chosen[key] for key in before} == before
    assert len(result.curves) == 2
    for row in result.rows:
        assert row.curve in {one.curve for one in chosen.values() if one.fraction == row.fraction}
    assert any(one.candidate != 0 for one in chosen.values())
    assert len({row.curve for row in result.rows}) > 2
    assert "weight of positives" in (out / "report.html").read_text()
    predicted = predict_molecules(PredictConfig(run=out, csv=csv_file, out=tmp_path / "p.csv"))
    assert np.isfinite(predicted.mean).all()


@pytest.mark.nightly
def test_an_extended_run_keeps_the_settings_that_were_chosen(tuned, csv_file, cache, tmp_path):
    out = tmp_path / "run"
    settings = TUNED | {"fractions": (0.5,)}
    run_sweep(SweepConfig(**settings, csv=csv_file, out=out))
    rows = read_tuning(out)
    result = run_sweep(SweepConfig(**TUNED, csv=csv_file, out=out), extend=True)
    assert read_tuning(out) == rows
    assert len(result.rows) == 4
    assert len({row.curve for row in result.rows}) == 1
