"""Split and score files are matched to the data by molecule."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from jaxmrl.config import SweepConfig
from jaxmrl.data.loading import load_problem, load_problems
from jaxmrl.errors import DataError
from jaxmrl.formats.writing import table_bytes
from jaxmrl.pruning.score_files import score_table
from jaxmrl.pruning.select import Scores
from jaxmrl.reports.terminal import Reporter
from jaxmrl.sweep.subsets import read_kept_first

INPUTS = Path(__file__).parent / "inputs"
DATA = INPUTS / "split_by_smiles_data.csv"


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def write(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def last_first(rows):
    """The rows of a file, the last one moved to the top."""
    return [rows[0], rows[-1], *rows[1:-1]]


def test_parts_go_by_smiles(cache, capsys):
    problem = load_problem(SweepConfig(csv=DATA, split_file=INPUTS / "split_by_smiles.csv"), Reporter())
    given = dict(rows_of(INPUTS / "split_by_smiles.csv")[1:])
    for part, molecules in problem.split.parts().items():
        assert {given[problem.table.smiles[k]] for k in molecules} == {part}
    assert Counter(given.values()) == {"train": 48, "valid": 6, "test": 6}
    assert "split_by_smiles.csv: matched by SMILES\n" in capsys.readouterr().out


def test_parts_without_smiles_go_by_row_order_and_that_is_said(cache, capsys, tmp_path):
    parts = [row[1:] for row in rows_of(INPUTS / "split_by_smiles.csv")]
    load_problem(SweepConfig(csv=DATA, split_file=write(tmp_path / "s.csv", parts)), Reporter())
    assert "s.csv: matched by row order" in capsys.readouterr().out


def test_folds_beside_the_test_molecules_of_a_file(cache, capsys, tmp_path):
    """With split seeds, the file needs no validation molecules."""
    header, *rows = rows_of(INPUTS / "split_by_smiles.csv")
    path = write(tmp_path / "s.csv", [header, *([one, "train" if part == "valid" else part] for one, part in rows)])
    problems = load_problems(SweepConfig(csv=DATA, split_file=path, split_seeds=3), Reporter())
    assert "file split: 3 folds of its 54 training and validation molecules" in capsys.readouterr().out
    assert [[len(ids) for ids in one.split.parts().values()] for one in problems] == [[36, 18, 6]] * 3
    assert len({tuple(one.split.test.tolist()) for one in problems}) == 1
    with pytest.raises(DataError, match=r"none into valid.* or validate on folds .* with --split-seeds 5"):
        load_problem(SweepConfig(csv=DATA, split_file=path), Reporter(quiet=True))


@pytest.fixture
def scored(tmp_path, cache):
    """A file of scores as jaxmrl writes it: each molecule's score is its own number, from small differences."""
    problem = load_problem(SweepConfig(csv=DATA), Reporter(quiet=True))
    scores = {problem.table.smiles[k]: 1 + 1e-12 * (7 * k % 60) for k in range(60)}
    values = np.array([[scores[problem.table.smiles[k]] for k in problem.split.train]])
    table = score_table(Scores(problem.split.train, {"el2n": values}), problem, "hard")
    path = tmp_path / "scores.csv"
    path.write_bytes(table_bytes(table, ".csv"))
    return path, scores


def kept_first(data, scores):
    """SMILES in order of keeping, and how the file was matched."""
    config = SweepConfig(csv=data, scores=scores, pruning=("el2n",), seeds=1)
    problem = load_problem(config, Reporter(quiet=True))
    orders, how = read_kept_first(config, problem, scores, config.seeds)
    return [problem.table.smiles[k] for k in orders["el2n"][0]], how


@pytest.mark.parametrize("columns", ["molecule_id and smiles", "smiles"])
def test_scores_land_on_their_own_molecules_when_a_row_moves(scored, tmp_path, columns):
    path, scores = scored
    rows = rows_of(path) if columns != "smiles" else [row[1:] for row in rows_of(path)]
    kept, how = kept_first(DATA, write(tmp_path / "moved.csv", last_first(rows)))
    assert kept == sorted(kept, key=lambda smiles: -scores[smiles])
    assert len(kept) == 48
    assert "matched by SMILES" in how


def test_scores_of_other_rows_are_refused(scored, tmp_path):
    """As where a row of the data was moved since: each molecule_id is then another molecule's."""
    data = write(tmp_path / "data.csv", last_first(rows_of(DATA)))
    with pytest.raises(DataError, match=r"line 2: molecule_id 0 has SMILES OCC3.*, but in the data it is "):
        kept_first(data, scored[0])


def test_no_ties_by_rounding(scored):
    with scored[0].open(newline="") as file:
        written = [float(row["el2n"]) for row in csv.DictReader(file)]
    assert len(set(written)) == 48


def test_molecules_without_a_score_are_counted_and_kept_last(scored, tmp_path):
    header, *rows = rows_of(scored[0])
    blank = [["" if name.startswith("el2n") else cell for name, cell in zip(header, row, strict=True)] for row in rows]
    kept, how = kept_first(DATA, write(tmp_path / "gaps.csv", [header, *blank[:3], *rows[3:]]))
    assert "3 of 48 training molecules have no el2n score and are kept last" in how
    assert set(kept[-3:]) == {row[header.index("smiles")] for row in rows[:3]}


@pytest.mark.parametrize(
    "names",
    [
        ("Training set", "Validation set", "Test set"),
        ("TRAIN", "Val", "Testing"),
        ("train_set", "dev-set", "testset"),
        ("train\u200b", "\ufeffvalid", " test"),
    ],
)
def test_parts_as_people_call_them(tmp_path, cache, names):
    parts = dict(zip(("train", "valid", "test"), names, strict=True))
    renamed = [[smiles, parts[part]] for smiles, part in rows_of(INPUTS / "split_by_smiles.csv")[1:]]
    path = write(tmp_path / "s.csv", [["smiles", "Set"], *renamed])
    ours, theirs = (
        load_problem(SweepConfig(csv=DATA, split_file=file), Reporter(quiet=True)).split.parts()
        for file in (path, INPUTS / "split_by_smiles.csv")
    )
    assert {part: ids.tolist() for part, ids in ours.items()} == {part: ids.tolist() for part, ids in theirs.items()}
