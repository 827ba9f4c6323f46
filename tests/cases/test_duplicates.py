"""Molecules with several rows: labels that disagree, and labels that fill each other's gaps."""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from jaxmrl.cli.commands import SweepFlags, parse
from jaxmrl.config import SweepConfig, read_toml
from jaxmrl.data.loading import load_problem
from jaxmrl.reports.terminal import Reporter

INPUTS = Path(__file__).parent / "inputs"


def load(name, capsys, **settings):
    """The prepared data of a case, and what the screen says."""
    problem = load_problem(SweepConfig(csv=INPUTS / name, **settings), Reporter())
    return problem, capsys.readouterr().out


def labels_by_smiles(name):
    """{SMILES: labels of its rows}, with NaN for missing."""
    with (INPUTS / name).open(newline="") as file:
        _, *rows = csv.reader(file)
    found = defaultdict(list)
    for smiles, *cells in rows:
        found[smiles].append([float(cell or "nan") for cell in cells])
    return found


def test_disagreement_is_measured_and_nothing_merged_unasked(cache, capsys):
    problem, said = load("duplicates_disagree.csv", capsys)
    assert len(problem.table) == 120
    assert "60 molecules are in the table more than once (120 rows); labels that disagree in 60 of them (logS: " in said
    assert "median difference 3, maximum 3)" in said
    assert "--deduplicate makes one row of each molecule" in said


@pytest.mark.parametrize("how", ["mean", "median", "first"])
def test_one_label_of_several(cache, capsys, how):
    problem, said = load("duplicates_disagree.csv", capsys, deduplicate=how)
    given = labels_by_smiles("duplicates_disagree.csv")
    expected = {smiles: rows[0][0] if how == "first" else np.mean(rows) for smiles, rows in given.items()}
    found = dict(zip(problem.table.smiles, problem.table.labels[:, 0].tolist(), strict=True))
    assert found == pytest.approx(expected, abs=1e-6)
    assert problem.table.ids.tolist() == sorted(problem.table.ids.tolist())
    assert problem.facts["repeated_molecules"]["merged"] == (0 if how == "first" else 60)
    reasons = {row.reason.split(":")[0] for row in problem.table.rejected}
    assert reasons == ({"another label of a molecule that came before"} if how == "first" else set())
    assert f"--deduplicate {how}: {0 if how == 'first' else 60} rows merged" in said


def test_labels_fill_each_others_gaps(cache, capsys):
    problem, said = load("one_row_per_assay.csv", capsys, deduplicate="mean")
    expected = {smiles: np.nanmax(rows, axis=0) for smiles, rows in labels_by_smiles("one_row_per_assay.csv").items()}
    assert len(problem.table) == 60
    assert not np.isnan(problem.table.labels).any()
    for smiles, label in zip(problem.table.smiles, problem.table.labels, strict=True):
        np.testing.assert_allclose(label, expected[smiles], rtol=1e-6)
    assert "60 molecules are in the table more than once (120 rows); their labels agree" in said
    assert "0 validation or test molecules also occur in another part" in said
    assert problem.table.rejected == ()


def test_contradicting_classes_are_rejected_with_their_own_reason(cache, capsys, tmp_path):
    path = tmp_path / "classes.csv"
    chains = [f"{'C' * (k + 1)}O,{k % 2}" for k in range(60)]
    path.write_text("\n".join(["smiles,active", *chains, "OC,1", "OCC,1", "OCCC,0"]) + "\n", encoding="utf-8")
    problem, said = load(path, capsys, deduplicate="mean")
    assert "3 molecules are in the table more than once (6 rows); contradicting classes in 1 of them (active 1)" in said
    assert "--deduplicate mean: 2 rows merged into an earlier row of the same molecule, 2 rejected" in said
    assert [row.line for row in problem.table.rejected] == [2, 62]
    reason = "contradicting classes of the same molecule in active: '0 in line 2, 1 in line 62'"
    assert {row.reason for row in problem.table.rejected} == {reason}


@pytest.mark.parametrize(
    ("flags", "how"),
    [
        (["--deduplicate"], "mean"),
        (["--deduplicate", "--csv", "a.csv"], "mean"),
        (["--deduplicate", "drop"], "drop"),
        (["--config", "old.toml"], "mean"),
        (["--config", "old.toml", "--no-deduplicate"], None),
        ([], None),
    ],
)
def test_the_flag_alone_and_old_files(tmp_path, monkeypatch, flags, how):
    monkeypatch.chdir(tmp_path)
    Path("old.toml").write_text("deduplicate = true\n", encoding="utf-8")
    assert parse(SweepConfig, SweepFlags, "sweep", "", flags).settings.deduplicate == how
    assert SweepConfig(**read_toml(Path("old.toml"))).deduplicate == "mean"
