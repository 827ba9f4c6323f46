"""`--extra`: related molecules that train besides, in curves beside those without them."""

import csv
import json

import numpy as np
import pytest

from jaxmrl.baselines.fitting import fit_and_predict
from jaxmrl.baselines.planned import planned_rows
from jaxmrl.chem.parents import find_parents
from jaxmrl.chem.scaffolds import scaffolds, without_stereochemistry
from jaxmrl.config import FitConfig, PredictConfig, SweepConfig
from jaxmrl.config.toml import to_toml
from jaxmrl.curves.sampling import WITH_EXTRA
from jaxmrl.data.loading import load_problems
from jaxmrl.errors import ConfigError, DataError
from jaxmrl.fit import fit_curves
from jaxmrl.io.files import digest
from jaxmrl.predict import predict_molecules
from jaxmrl.reports.terminal import Reporter
from jaxmrl.rows import NO_EXTRA
from jaxmrl.runs.artifacts import curve_name, kept_name
from jaxmrl.sweep import run_sweep
from jaxmrl.sweep.grid import plan_fits
from jaxmrl.sweep.load import load_run
from tests.support.tables import nci_molecules
from tests.support.tiny import TINY

MAIN, SHARED = 110, 20
CLASSICAL = {"model": ("ridge",), "baselines": ("mean",), "fractions": (0.3, 1.0), "seeds": 2, "split_seeds": 2}


def write(path, rows, header=("smiles", "logp")):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with main.csv, and related.csv, which has other molecules, some of the same, and salts of some."""
    folder = tmp_path_factory.mktemp("extra")
    smiles, labels = nci_molecules()
    rows = list(zip(smiles, labels[:, 0].tolist(), strict=True))
    salts = [(f"{text}.Cl", label) for text, label in rows[SHARED : 2 * SHARED] if "." not in text]
    write(folder / "main.csv", rows[:MAIN])
    write(folder / "related.csv", [*rows[MAIN:], *rows[:SHARED], *salts, ("rubbish", 1.0)])
    return folder


@pytest.fixture(scope="module")
def settings(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXMRL_CACHE", str(folder / "cache"))
        yield lambda **more: SweepConfig(**{"csv": folder / "main.csv", "extra": folder / "related.csv"} | more)


@pytest.fixture(scope="module")
def fitted(settings, folder):
    return run_sweep(settings(out=folder / "run", save_predictions=True, **CLASSICAL))


def problems_of(config, said=None):
    reporter = Reporter(quiet=True)
    reporter.say = (said if said is not None else []).append
    return load_problems(config, reporter, None, config.extra)


def test_each_curve_is_there_with_and_without_on_the_same_subsets(fitted):
    names = [(row.curve.model, row.curve.extra) for row in fitted.rows[::4]]
    assert names == [("ridge", "none"), ("ridge", "related"), ("mean", "none")]
    places = [(row.fraction, row.n_train, row.seed, row.split_seed) for row in fitted.rows]
    assert places[:4] == places[4:8]
    assert {row.n_train for row in fitted.rows if row.fraction == 1} == {88}, "extra molecules do not count"
    assert fitted.rows[0].test != fitted.rows[4].test
    assert load_run(fitted.directory).missing == 0
    assert load_run(fitted.directory).rows == fitted.rows


def test_the_curve_without_is_that_of_a_run_without(fitted, settings, tmp_path):
    alone = run_sweep(settings(extra=None, out=tmp_path / "alone", **CLASSICAL))
    assert alone.rows == [row for row in fitted.rows if row.curve.extra == NO_EXTRA]


def test_no_validation_or_test_molecule_trains_nor_a_salt_of_one(settings, fitted):
    said = []
    problems = problems_of(settings(**CLASSICAL), said)
    for problem in problems:
        parent = np.array(find_parents(problem.canonical_smiles).smiles, object)
        judged = np.concatenate([problem.split.valid, problem.split.test])
        others = np.setdiff1d(np.arange(problem.table.first_extra, len(problem.table)), problem.extra)
        assert not set(parent[problem.extra]) & set(parent[judged])
        flat = np.array(without_stereochemistry(list(parent)), object)
        assert not set(flat[problem.extra]) & set(flat[judged])
        assert set(flat[others]) <= set(flat[judged]), "no other molecule is left out"
        assert 0 < len(others) < 2 * SHARED
    of = problems[0].extra_molecules
    (line,) = [line for line in said if "left out of training" in line]
    few, many = (of - len(one.extra) for one in sorted(problems, key=lambda one: -len(one.extra)))
    assert line.startswith(f"random split: {few} to {many} of {of} extra molecules left out of training, because the")
    assert f"related.csv: {of + 1} rows, {of} usable molecules, 1 rejected" in said
    with np.load(fitted.directory / "splits.npz") as file:
        assert file["extra"].tolist() == problems[0].table.ids[problems[0].extra].tolist()
    ids = problems[0].table.ids
    assert ids[problems[0].table.first_extra] == MAIN
    assert len(set(ids.tolist())) == len(ids)


def test_a_tested_molecule_with_other_stereochemistry_does_not_train(settings, tmp_path):
    smiles = [f"C[C@H](N){'C' * (k + 1)}" for k in range(30)]
    main = write(tmp_path / "main.csv", [(one, k / 7) for k, one in enumerate(smiles)])
    flat = [one.replace("[C@H]", "C") for one in smiles]
    extra = write(tmp_path / "related.csv", [(one, k / 7) for k, one in enumerate(flat)])
    (problem,) = problems_of(settings(csv=main, extra=extra))
    assert (problem.extra - 30).tolist() == sorted(problem.split.train.tolist())


def test_no_molecule_with_the_scaffold_of_a_tested_one_trains_in_a_scaffold_split(settings):
    (problem,) = problems_of(settings(split=("scaffold",)))
    found = np.array(without_stereochemistry(scaffolds(problem.canonical_smiles)), object)
    judged = np.concatenate([problem.split.valid, problem.split.test])
    assert len(problem.extra)
    assert not set(found[problem.extra]) & set(found[judged])


def test_run_json_has_the_file_and_its_molecules(fitted, folder):
    facts = json.loads((fitted.directory / "run.json").read_text())
    assert facts["extra"] == digest(folder / "related.csv")
    assert MAIN // 2 < facts["splits"]["random"]["extra_in_training"] < facts["extra_molecules"]


def test_the_report_states_difference_and_worth_at_each_size(fitted):
    (compared,) = json.loads((fitted.directory / "comparisons.json").read_text())
    assert (compared["along"], len(compared["paired"]), len(compared["worth"]), len(compared["said"])) == (
        "extra",
        2,
        2,
        2,
    )
    assert compared["said"][0].startswith("with 26 molecules of main, related is worth ")
    with (fitted.directory / "extra.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["extra"], row["n_train"], row["n_seeds"]) for row in rows] == [
        ("related", "26", "2"),
        ("related", "88", "2"),
    ]
    page = (fitted.directory / "report.html").read_text()
    assert "Extra source" in page
    assert "not a sample of the main source alone" in page
    assert [one.forecast for one in fitted.analyses if not one.random_samples] == [None]


@pytest.mark.parametrize("name", ["results.csv", "curves.csv"])
def test_fit_gives_the_curve_with_an_extra_source_no_law(name, fitted, folder, capsys):
    fit_curves(FitConfig(folder / "run" / name), quiet=False)
    out = " ".join(capsys.readouterr().out.split())
    assert f"extra related: no law fitted: {WITH_EXTRA}" in out
    assert out.count("no law fitted") == 1


def test_a_run_goes_on_and_refuses_another_extra_file(settings, folder, tmp_path):
    first = write(tmp_path / "more.csv", [("CCO", 0.1), ("CCCCO", 0.9), ("CCN", 0.2)])
    config = settings(
        out=tmp_path / "run", extra=first, **CLASSICAL | {"seeds": 1, "split_seeds": 1, "baselines": ("none",)}
    )
    begun = run_sweep(config)
    more = run_sweep(SweepConfig(**vars(config) | {"seeds": 2}), extend=True)
    assert [row for row in more.rows if row.seed == 0] == begun.rows
    assert len(more.rows) == 8
    write(first, [("CCO", 0.1), ("CCCCO", 1.9), ("CCN", 0.2)])
    with pytest.raises(ConfigError, match=r"differs in .*extra \("):
        run_sweep(SweepConfig(**vars(config) | {"seeds": 2}))
    with pytest.raises(ConfigError, match=r"--extend cannot change .*extra \(.*more.csv there, not set here\)"):
        run_sweep(SweepConfig(**vars(config) | {"extra": None}), extend=True)
    assert f'extra = "{first}"' in to_toml(config)


def test_the_models_of_a_run_predict_without_the_extra_file(fitted, folder, tmp_path):
    row = next(row for row in fitted.rows if row.curve.extra == "related" and row.fraction == 1)
    asked = PredictConfig(run=fitted.directory, csv=folder / "main.csv", curve=curve_name(row), out=tmp_path / "p.csv")
    (folder / "related.csv").rename(folder / "gone.csv")
    try:
        found = predict_molecules(asked)
    finally:
        (folder / "gone.csv").rename(folder / "related.csv")
    kept = []
    for one in fitted.rows:
        if one.curve.extra == "related" and one.fraction == 1:
            with np.load(fitted.directory / "predictions" / f"{kept_name(one)}.npz") as file:
                kept.append(dict(zip(file["molecule_id"].tolist(), file["logp"].tolist(), strict=True)))
    both = sorted(kept[0].keys() & kept[1].keys())
    assert both
    mean = dict(zip(found.ids.tolist(), found.mean[:, 0].tolist(), strict=True))
    assert [mean[k] for k in both] == pytest.approx([(kept[0][k] + kept[1][k]) / 2 for k in both])


def shifted(path, target, by):
    with path.open() as file:
        header, *rows = csv.reader(file)
    return write(target, [(smiles, float(label) + by) for smiles, label in rows], header)


def predictions_of(config):
    """{extra: errors of the test molecules of each replica} of the ridge regression of a sweep."""
    problems = problems_of(config)
    (spec, cells), *_ = plan_fits(config, problems, {one.split_label: {} for one in problems}).items()
    errors = {}
    for cell in cells:
        table = problems[0].table
        assignment = spec.assignment(cell.replica, table, cell.replica.test)
        predicted = fit_and_predict(assignment, problems[0].features[spec.modality], table.labels)
        errors.setdefault(cell.identity.curve.extra, []).append(predicted - table.labels[cell.replica.test])
    return {name: np.concatenate(some) for name, some in errors.items()}


def test_a_constant_in_all_labels_changes_nothing_and_one_in_the_extra_labels_only_its_curve(
    settings, folder, tmp_path
):
    one = {"seeds": 1, "split_seeds": 1, "model": ("ridge",), "fractions": (0.5,)}
    main, extra = (shifted(folder / f"{name}.csv", tmp_path / f"{name}.csv", 100) for name in ("main", "related"))
    before = predictions_of(settings(**one))
    both = predictions_of(settings(csv=main, extra=extra, **one))
    alone = predictions_of(settings(extra=extra, **one))
    assert before.keys() == {"none", "related"}
    for name in before:
        assert both[name] == pytest.approx(before[name], abs=1e-6)
    assert (alone["none"] == before["none"]).all()
    assert np.abs(alone["related"] - before["related"]).max() > 1


def test_networks_standardize_by_the_labels_of_both_sources(settings, folder, tmp_path):
    extra = shifted(folder / "related.csv", tmp_path / "related.csv", 100)
    before, after = (problems_of(settings(extra=path))[0] for path in (folder / "related.csv", extra))
    both = np.concatenate([after.split.train[:20], after.extra])
    scaler = after.label_units("graph").label_scaler(after.label_scaler(both, "graph"))
    assert scaler.mean == pytest.approx(after.table.labels[both].mean(axis=0), rel=1e-5)
    assert scaler.scale == pytest.approx(after.table.labels[both].std(axis=0), rel=1e-5)
    first = after.table.first_extra
    assert (after.device_labels("graph")[:first] == before.device_labels("graph")[:first]).all()
    assert after.digests() != before.digests()


def test_weights_of_the_main_source_have_mean_1(settings, folder, tmp_path):
    header = ("smiles", "logp", "w")
    main = write(tmp_path / "main.csv", [(f"{'C' * k}O", k, 2 + k % 2) for k in range(1, 41)], header)
    extra = write(tmp_path / "b.csv", [("CCN", 1, 25), ("CCCN", 2, 5)], header)
    (problem,) = problems_of(settings(csv=main, extra=extra, weight_column="w", target_columns=("logp",)))
    assert problem.table.loss_weights[:40].mean() == pytest.approx(1)
    assert problem.table.loss_weights[40:].tolist() == pytest.approx([10, 2])
    with pytest.raises(DataError, match=r"--extra: .*has no column 'w'"):
        problems_of(settings(csv=main, extra=folder / "related.csv", weight_column="w", target_columns=("logp",)))


def test_labels_of_the_extra_file_are_converted_as_those_of_the_data(settings, tmp_path):
    main = write(tmp_path / "main.csv", [(f"{'C' * k}O", 10 * k) for k in range(1, 41)], ("smiles", "IC50_nM"))
    extra = write(tmp_path / "b.csv", [("CCN", "100", "x"), ("CCCN", ">1000", "y")], ("mol", "IC50_nM", "note"))
    (problem,) = problems_of(settings(csv=main, extra=extra, pic50="nM", censored="loss", target_columns=("IC50_nM",)))
    assert problem.table.tasks == ("pIC50",)
    assert problem.table.labels[40:, 0].tolist() == pytest.approx([7, np.nan], nan_ok=True)
    assert problem.table.bounds.values[-1, 0] == pytest.approx(6)
    assert problem.table.bounds.count() == 1


def test_a_split_of_a_file_is_that_of_the_main_source(settings, folder, tmp_path):
    rows = [(k, "test" if k % 5 == 0 else "valid" if k % 5 == 1 else "train") for k in range(MAIN)]
    parts = write(tmp_path / "parts.csv", rows, ("molecule_id", "split"))
    (problem,) = problems_of(settings(split_file=parts))
    assert problem.split.test.tolist() == list(range(0, MAIN, 5))
    assert len(problem.extra) > 40


def test_targets_that_do_not_match_are_an_error_of_both_files(settings, folder, tmp_path):
    other = write(tmp_path / "other.csv", [("CCO", 1.0)], ("smiles", "logD"))
    with pytest.raises(
        DataError, match=r"other\.csv has no column logp; its columns are smiles, logD\. It needs the targets"
    ):
        problems_of(settings(extra=other))
    words = write(tmp_path / "words.csv", [("CCO", "high"), ("CCN", "low")], ("smiles", "logp"))
    with pytest.raises(DataError, match=r"--extra: .*words.csv.*It needs the targets of main: logp \(regression\)"):
        problems_of(settings(extra=words))


@pytest.mark.parametrize(("ours", "theirs"), [((0, 1), (1, 2)), ((1, 2), (0, 1)), ((-1, 1), (1, 2))])
def test_a_number_that_is_another_class_in_the_extra_file_is_an_error(ours, theirs, settings, tmp_path):
    smiles, header = nci_molecules()[0], ("smiles", "active")
    main = write(tmp_path / "main.csv", [(one, ours[k % 2]) for k, one in enumerate(smiles[:60])], header)
    extra = write(tmp_path / "related.csv", [(one, theirs[k % 2]) for k, one in enumerate(smiles[60:90])], header)
    with pytest.raises(
        DataError, match=f"{theirs[1]} is the class to predict and {theirs[0]} the other, but {ours[1]}"
    ):
        problems_of(settings(csv=main, extra=extra))


def test_other_spellings_of_the_classes_are_understood_in_the_extra_file(settings, tmp_path):
    smiles, header = nci_molecules()[0], ("smiles", "active")
    main = write(tmp_path / "main.csv", [(one, k % 2) for k, one in enumerate(smiles[:60])], header)
    words = ("Inactive", "Active")
    extra = write(tmp_path / "related.csv", [(one, words[k % 2]) for k, one in enumerate(smiles[60:90])], header)
    (problem,) = problems_of(settings(csv=main, extra=extra))
    assert problem.table.labels[60:, 0].tolist() == [k % 2 for k in range(30)]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"pruning": ("random", "el2n")}, "--pruning, which chooses"),
        ({"tune": 3}, "--tune, which"),
        ({"previous": "run"}, "--previous, which"),
        ({"embeddings": "vectors.csv"}, "--embeddings, which has no vectors"),
        ({"csv": None, "npz": "qm9.npz"}, "--npz, which has no SMILES"),
        ({"split": ("time",), "date_column": "date"}, "--split time: molecules of the extra file may have later dates"),
        ({"split": ("random", "cluster")}, "--split cluster: molecules of the extra file would join the groups"),
        ({"split": ("group",), "group_column": "series"}, "--split group: molecules of the extra file would join"),
        ({"extra": "none.csv"}, "the name none means a curve without an extra source; rename the file"),
    ],
)
def test_settings_that_make_no_sense_with_it_are_refused(more, message):
    with pytest.raises(ConfigError, match=message):
        SweepConfig(**{"csv": "main.csv", "extra": "related.csv"} | more)


def test_planned_rows_count_the_sizes_that_a_baseline_can_learn_from():
    config = SweepConfig(
        csv="a.csv", extra="b.csv", model=("rf",), baselines=("svm", "mean"), seeds=3, fractions=(0.5, 1)
    )
    assert planned_rows(config, {"random": 100}, 50) == 3 * (2 * 2 + 2 * 2 + 2)
    assert planned_rows(config, {"random": 100}, 9_920) == 3 * (2 * 2 + 2 + 1 + 2)


@pytest.mark.nightly
def test_networks_train_with_and_without_and_a_run_of_theirs_predicts(settings, folder, tmp_path):
    config = settings(out=tmp_path / "run", seeds=2, **TINY | {"fractions": (0.1,)})
    result = run_sweep(config)
    places = [(row.curve.extra, row.n_train, row.seed) for row in result.rows]
    assert places == [("none", 8, 0), ("none", 8, 1), ("related", 8, 0), ("related", 8, 1)]
    assert all(row.status == "finished" for row in result.rows)
    assert run_sweep(config).rows == result.rows
    curve, out = curve_name(result.rows[-1]), tmp_path / "p.csv"
    found = predict_molecules(PredictConfig(run=tmp_path / "run", csv=folder / "main.csv", curve=curve, out=out))
    assert np.isfinite(found.mean).all()
